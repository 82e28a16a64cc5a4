"""`tressi schema`: print the JSON Schema, for editors and other checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.cli.exits import Exit
from tressi.cli.output import write
from tressi.config.schema import schema_text

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "schema"
HELP = "Print the JSON Schema of a config. An editor that knows it completes and checks while you write."


def add_arguments(parser: ArgumentParser) -> None:
    """Declare nothing: there is nothing to choose."""


def execute(arguments: Namespace) -> int:  # noqa: ARG001 - every subcommand has the same four names
    """Print the schema as it is shipped."""
    write(schema_text())
    return Exit.DONE
