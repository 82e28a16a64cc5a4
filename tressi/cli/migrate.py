"""`tressi migrate`: write a legacy config in the current form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tressi.cli.arguments import add_config
from tressi.cli.exits import Exit
from tressi.cli.output import remark, write
from tressi.config.check import breaches
from tressi.config.messages import in_document_order, problem_of
from tressi.config.migrate import migrated
from tressi.config.original import is_original, moved
from tressi.config.source import read
from tressi.config.stray import sentences, strays
from tressi.errors import ConfigError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "migrate"
HELP = """Turn a legacy config (autoscale: true with top-level rps, workers, rampUpTime) into the current form.
So is a config of the original tool: its options become properties of the top level, each request's rps the endpoint's target.
Endpoints stay as they are: which of them deserves how much of the rate is for you to decide."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the config and where the migrated one goes."""
    add_config(parser)
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="where to write; default: standard output")


def execute(arguments: Namespace) -> int:
    """Write the migrated config, secrets and all. Raises `ConfigError`, `OutputError`."""
    document = read(arguments.config).document
    move = moved(document) if is_original(document) else None
    there = move.document if move else document
    findings = [*breaches(there), *strays(there).mistakes]
    if move:
        findings = [*((move.origin(place), message) for place, message in findings), *move.mistakes]
    if findings:
        raise ConfigError([problem_of(finding) for finding in in_document_order(findings, document)])
    current = migrated(there)
    for note in (*move.notes, *sentences(move.unknown)) if move else ():
        remark(note)
    if current == document:
        remark("this config is in the current form already")
    write(json.dumps(current, indent=2, ensure_ascii=False), arguments.output)
    return Exit.DONE
