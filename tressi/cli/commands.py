"""The subcommands by name: a line each for the overview, and commands to paste for the end of each help.

Their modules are imported only when they are chosen: the overview and `tressi schema` must not wait for an engine to load.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from tressi.errors import missing_engine

EXIT_CODES = """exit codes:
  0 done    1 the test failed    2 bad usage or config    3 tressi failed    130, 143 ended by SIGINT, SIGTERM"""


class CommandModule(Protocol):
    """What each subcommand's module has."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the subcommand's arguments."""

    def execute(self, arguments: Namespace) -> int:
        """Do it, and return the exit code. Raises `TressiError`."""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand as the overview shows it."""

    usage: str
    summary: str
    examples: tuple[str, ...]


COMMANDS = {
    "run": Command(
        "run CONFIG",
        "run a config (also without the word run)",
        (
            "tressi config.json",
            "tressi run config.json --duration 60 --export results/",
            "tressi config.json --json - --quiet | jq .endpoints",
        ),
    ),
    "report": Command(
        "report SUMMARY.json",
        "make the files of an export again, from a summary",
        ("tressi report summary.json -o results/", "ssh host cat summary.json | tressi report - -o results/"),
    ),
    "validate": Command(
        "validate CONFIG",
        "check a config and print the plan: endpoints, targets, initial allocation",
        (
            "tressi validate config.json",
            "tressi validate config.json --json | jq .endpoints",
            "cat config.json | tressi validate - --base-url http://127.0.0.1:8080",
        ),
    ),
    "migrate": Command(
        "migrate CONFIG",
        "turn a legacy config into the current form",
        ("tressi migrate old.json", "tressi migrate old.json -o config.json"),
    ),
    "init": Command(
        "init [FILE]",
        "write a config to start from",
        ("tressi init", "tressi init checkout.json", "tressi init - | tressi validate -"),
    ),
    "schema": Command(
        "schema", "print the JSON Schema of a config", ("tressi schema > tressi.schema.json", "tressi schema | jq .definitions")
    ),
    "demo": Command("demo", "start a target server and run against it: needs nothing else", ("tressi demo",)),
}


def overview() -> str:
    """Return the help of `tressi` itself."""
    lines = [f"  tressi {command.usage:18} {command.summary}" for command in COMMANDS.values()]
    return "\n".join(
        [
            "usage: tressi CONFIG [flags]",
            "       tressi COMMAND [flags]",
            "",
            "A declarative HTTP load generator: each endpoint keeps its own rate with no more workers than it needs.",
            "CONFIG is a file, - for standard input, or an https:// address.",
            "",
            "commands:",
            *lines,
            "",
            "flags:",
            "  -h, --help               this text; `tressi COMMAND --help` for one command",
            "  --version                print the version",
            "",
            EXIT_CODES,
            "",
            _to_paste(("tressi demo", "tressi init", "tressi validate tressi.json", "tressi tressi.json")),
        ]
    )


def load(name: str) -> CommandModule:
    """Import a subcommand's module. Raises EngineError where this system has no engine for it."""
    try:
        return cast("CommandModule", import_module(f"tressi.cli.{name}"))
    except ImportError as error:
        raise missing_engine(error) or error from None


def parser_of(name: str, module: CommandModule) -> ArgumentParser:
    """Build a subcommand's parser. Flags must be written out: an abbreviation breaks when a flag is added."""
    parser = ArgumentParser(
        prog=f"tressi {name}",
        description=module.HELP,
        epilog=f"{EXIT_CODES}\n\n{_to_paste(COMMANDS[name].examples)}",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def _to_paste(commands: tuple[str, ...]) -> str:
    return "\n".join(["to paste:", *(f"  {command}" for command in commands)])
