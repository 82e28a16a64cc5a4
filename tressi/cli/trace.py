"""`tressi trace`: one user walks through a flow for real, and each exchange is shown as it happens."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tressi.cli.arguments import add_config, add_header, add_trial, overrides
from tressi.cli.exits import Exit
from tressi.cli.output import remark, say, write
from tressi.config.load import load_config
from tressi.config.messages import quoted, refusal
from tressi.config.transport import chosen_transport
from tressi.model import Protocol

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tressi.model import ResolvedConfig
    from tressi.model.flow import Flow
    from tressi.trace.events import Event

NAME = "trace"
HELP = """Have one user walk through one start of a flow, begin, steps and end, and show each exchange as it happens: what is
drawn and chosen, what is sent, what comes back, which values are taken from it, and which checks hold. A config without flows
has each of its requests sent once.

Secrets are masked, and so is what a flow extracts unless it has "show": true. Pauses are told, and skipped without --think.
Requests go out one after the other, at no rate."""

_OVERRIDES: Final = (
    *("seed", "base_url", "headers", "timeout", "connect_timeout", "env_files", "insecure", "source_addresses"),
    *("mask_headers", "masks", "strict"),
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the config, the flow, how it is shown, and the overrides that mean something here."""
    add_config(parser)
    parser.add_argument("--flow", metavar="NAME", help="the flow to walk through, where the config has several")
    parser.add_argument("--think", action="store_true", help="wait for the pauses of the flow")
    parser.add_argument("--json", action="store_true", help="print each event as a line of JSON")
    group = parser.add_argument_group("overriding the config")
    group.add_argument("--base-url", metavar="URL", help="put in front of every url that is not absolute")
    add_header(group, "--header", help_="add this header to every request, instead of the config's own of that name")
    add_trial(group)


def execute(arguments: Namespace) -> int:
    """Walk through it. Raises ConfigError for a config that cannot be run, and for a flow that is not there."""
    config = load_config(arguments.config, overrides(arguments, _OVERRIDES))
    flow = flow_of(config, arguments.flow)
    # A run walks flows, and speaks HTTP/2, in the reactor alone; here it is unix sockets that cannot be reached.
    endpoints = tuple(replace(one, protocol=Protocol()) for one in config.endpoints)
    chosen_transport(replace(config, flows=(), endpoints=endpoints), "urllib3", has_epoll=True)
    for warning in config.warnings:
        remark(f"warning: {warning}")

    from tressi.trace.shown import Shown  # noqa: PLC0415 - a bad config is refused without the engine
    from tressi.trace.walk import walk  # noqa: PLC0415 - likewise
    from tressi.trace.words import words_of  # noqa: PLC0415 - likewise

    shown = Shown(config)

    def tell(event: Event) -> None:
        line = shown.of(event)
        if arguments.json:
            write(json.dumps(line, ensure_ascii=False))
        else:
            say(words_of(line))

    return Exit.DONE if walk(config, flow, tell, thinks=arguments.think) else Exit.TEST_FAILED


def flow_of(config: ResolvedConfig, name: str | None) -> Flow | None:
    """The flow of that name, or the only one; None: the config has none. Raises ConfigError."""
    names = ", ".join(quoted(flow.name) for flow in config.flows)
    if name is None and len(config.flows) > 1:
        raise refusal(f"the config has several flows: choose one of {names} by --flow")
    if name is None:
        return config.flows[0] if config.flows else None
    found = next((flow for flow in config.flows if flow.name == name), None)
    if found is None:
        there = f"it has {names}" if names else "it has none"
        raise refusal(f"the config has no flow {quoted(name)}: {there}")
    return found
