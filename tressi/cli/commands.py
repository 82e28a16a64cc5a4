"""The subcommands by name: a line each for the overview, and commands to paste for the end of each help.

Their modules are imported only when they are chosen: the overview and `tressi schema` must not wait for an engine to load.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib import import_module
from textwrap import fill
from typing import Protocol, cast

from tressi.cli.help import Formatter, closing, exit_codes, listed, to_paste, width
from tressi.errors import missing_engine
from tressi.frozen import dataclass

# A command whose module cannot have its name, which is a word of Python's.
_MODULES = {"import": "importing"}

ABOUT = """A declarative HTTP load generator: each endpoint keeps its own rate with no more workers than it needs.
CONFIG is a file, - for standard input, or an https:// address."""


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
    """A subcommand as the overview shows it.

    `is_run`: it does a run, and ends in all the ways of one. `is_trial`: what it tries may fail.
    """

    usage: str
    summary: str
    examples: tuple[str, ...]
    is_run: bool = False
    is_trial: bool = False


COMMANDS = {
    "run": Command(
        "run CONFIG",
        "run a config (also without the word run)",
        (
            "tressi config.json",
            "tressi run config.json --duration 60 --export results/",
            "tressi config.json --json - --quiet | jq .endpoints",
            "tressi config.json --cluster auto --nodes 10",
        ),
        is_run=True,
    ),
    "quick": Command(
        "quick URL",
        "send one request over and over: no config needed",
        (
            "tressi quick http://127.0.0.1:8080/fast --rps 500 --duration 30",
            "tressi quick https://shop.example/cart -H 'Accept: text/html' -d '{\"item\": 1}' --save cart.json",
            "tressi quick http://127.0.0.1:8080/fast --workers 50 --fail-if 'p99 > 50ms'",
        ),
        is_run=True,
    ),
    "replay": Command(
        "replay LOG",
        "send the traffic of an access log again",
        (
            "tressi replay access.log --base-url http://127.0.0.1:8080",
            "tressi replay access.log.gz --base-url http://127.0.0.1:8080 --as times --speed 2 --only '/api/*'",
            "zcat access.log*.gz | tressi replay - --base-url http://127.0.0.1:8080 --save replay.json",
        ),
        is_run=True,
    ),
    "report": Command(
        "report SUMMARY [SUMMARY]",
        "make the files of an export again, from a summary, or lay two runs side by side",
        (
            "tressi report summary.json -o results/",
            "ssh host cat summary.json | tressi report - -o results/",
            "tressi report before/ after/",
            "tressi report before/ after/ -o side-by-side.html",
        ),
    ),
    "compare": Command(
        "compare BEFORE AFTER",
        "say whether one run, build or target is slower than another, and how sure that is",
        (
            "tressi compare before/ after/",
            "tressi compare base/*/ -- new/*/ --markdown comment.md",
            "tressi compare --live old.json new.json --pairs 30",
            "tressi compare config.json --base-url http://127.0.0.1:8080 --versus http://127.0.0.1:8081",
        ),
        is_trial=True,
    ),
    "recover": Command(
        "recover DIR",
        "make the results of a run that broke off, from its journal",
        ("tressi recover results/", "tressi recover results/ -o recovered/ --json - | jq .global"),
    ),
    "capacity": Command(
        "capacity CONFIG",
        "find out how many requests per second a target carries while conditions hold",
        (
            "tressi capacity config.json --slo 'p99 < 200ms'",
            "tressi capacity config.json --endpoint checkout --slo 'p99 < 200ms' --slo 'errorRate < 1%' --budget 20m",
            "tressi capacity config.json --together --slo 'p95 < 80ms' --json - --quiet | jq .capacity",
        ),
        is_run=True,
    ),
    "validate": Command(
        "validate CONFIG",
        "check a config and print the plan: endpoints, targets, initial allocation",
        (
            "tressi validate config.json",
            "tressi validate config.json --json | jq .endpoints",
            "cat config.json | tressi validate - --base-url http://127.0.0.1:8080",
            "tressi validate config.json --cluster auto",
        ),
    ),
    "nodes": Command(
        "nodes",
        "show the nodes of a cluster, and what would keep one from taking part in a run",
        (
            "tressi nodes",
            "tressi nodes --cluster 10.0.0.5:6379",
            "tressi nodes --json | jq .nodes[].clockBoundMs",
        ),
        is_trial=True,
    ),
    "trace": Command(
        "trace CONFIG",
        "have one user walk through a flow, and show each exchange",
        (
            "tressi trace config.json",
            "tressi trace config.json --flow shop --think --seed 7",
            "tressi trace config.json --json | jq 'select(.event == \"stepEnded\")'",
        ),
        is_trial=True,
    ),
    "migrate": Command(
        "migrate CONFIG",
        "turn a legacy config into the current form",
        ("tressi migrate old.json", "tressi migrate old.json -o config.json"),
    ),
    "import": Command(
        "import FORMAT FILE",
        "make a config of traffic that exists already: har, curl, openapi, postman, insomnia",
        (
            "tressi import har shop.har -o shop.json",
            "tressi import openapi api.json --total-rps 200 -o api-load.json",
            "tressi import curl commands.sh | tressi validate -",
        ),
    ),
    "init": Command(
        "init [URL] [FILE]",
        "write a config to start from",
        ("tressi init", "tressi init https://shop.example/cart checkout.json", "tressi init - | tressi validate -"),
    ),
    "schema": Command(
        "schema", "print the JSON Schema of a config", ("tressi schema > tressi.schema.json", "tressi schema | jq .definitions")
    ),
    "completion": Command(
        "completion SHELL",
        "print what makes a shell complete all this",
        (
            'eval "$(tressi completion bash)"',
            "tressi completion zsh > ~/.zfunc/_tressi",
            "tressi completion fish > ~/.config/fish/completions/tressi.fish",
        ),
    ),
    "target": Command(
        "target",
        "serve a target to try things on, until Ctrl-C",
        ("tressi target", "tressi target --port 0"),
    ),
    "demo": Command(
        "demo",
        "start a target server and run against it: needs nothing else",
        ("tressi demo", "tressi demo --duration 60 --export results/"),
        is_run=True,
    ),
}


def overview() -> str:
    """Return the help of `tressi` itself."""
    flags = {"-h, --help": "this text; `tressi COMMAND --help` for one command", "--version": "print the version"}
    return "\n\n".join(
        [
            "usage: tressi CONFIG [flags]\n       tressi COMMAND [flags]",
            fill(ABOUT, width()),
            listed("commands", {f"tressi {command.usage}": command.summary for command in COMMANDS.values()}),
            listed("flags", flags),
            exit_codes(),
            to_paste(
                (
                    "tressi demo",
                    "tressi target",
                    "tressi quick http://127.0.0.1:8080/fast --rps 500",
                    "tressi init",
                    "tressi tressi.json",
                )
            ),
        ]
    )


def load(name: str) -> CommandModule:
    """Import a subcommand's module. Raises EngineError where this system has no engine for it."""
    try:
        return cast("CommandModule", import_module(f"tressi.cli.{_MODULES.get(name, name)}"))
    except ImportError as error:
        raise missing_engine(error) or error from None


def parser_of(name: str, module: CommandModule) -> ArgumentParser:
    """Build a subcommand's parser. Flags must be written out: an abbreviation breaks when a flag is added."""
    command = COMMANDS[name]
    parser = ArgumentParser(
        prog=f"tressi {name}",
        usage=f"tressi {command.usage} [flags]",
        description=module.HELP,
        epilog=closing(command.examples, is_run=command.is_run, is_trial=command.is_trial),
        formatter_class=Formatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser._positionals.title, parser._optionals.title = "arguments", "flags"  # noqa: SLF001 - argparse has no other way
    module.add_arguments(parser)
    parser.add_argument("-h", "--help", action="help", help="print this text")
    return parser
