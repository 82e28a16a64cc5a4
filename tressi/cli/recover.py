"""`tressi recover`: the results of a run that broke off, from its journal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tressi.cli.arguments import add_export_mode
from tressi.cli.drawing import drawn
from tressi.cli.exits import Exit
from tressi.cli.journals import find_journal
from tressi.cli.output import files_of_mode, remark, write, write_pieces
from tressi.config.messages import printable, refusal
from tressi.report.formats import write_export
from tressi.report.latency_hlog import second_by_second
from tressi.report.shape import check_summary
from tressi.report.summary_json import pieces
from tressi.report.table import summary_table
from tressi.store.recover import recover

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

NAME = "recover"
HELP = """Make the results of a run that broke off: its summary and every file of its export, from its journal.

A run with --export or --journal DIR writes DIR/run.journal while it lasts. With --export it is removed once the results are
written, with --journal it stays. A run that was killed leaves it: the results go up to its last whole second, and say what is
missing."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the journal to read and where the results go."""
    parser.add_argument("journal", metavar="DIR", help="the directory that holds the journal, or the journal itself")
    parser.add_argument("-o", "--output", metavar="DIR", help="directory for the files (default: where the journal lies)")
    parser.add_argument("--json", metavar="FILE", help="write the summary as JSON, too; - for standard output")
    add_export_mode(parser)


def execute(arguments: Namespace) -> int:
    """Write every format. Raises `ConfigError` for a file that is not a journal, `OutputError` where writing fails."""
    with files_of_mode(arguments.export_mode):
        return _execute(arguments)


def _execute(arguments: Namespace) -> int:
    path = find_journal(arguments.journal)
    label = printable(str(path))
    try:
        with path.open("rb") as file:
            recovered = recover(file, label)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise refusal(f"cannot read {label}: {getattr(error, 'strerror', None) or error}") from None
    # A journal may come from anywhere, and its values with it.
    check_summary(recovered.summary, label)
    directory = arguments.output or str(path.parent)
    for sentence in recovered.missing:
        remark(sentence)
    export = write_export(recovered.summary, directory, second_by_second(recovered.summary, recovered.intervals()))
    for sentence in export.left_out:
        remark(sentence)
    _show(recovered.summary, arguments.json)
    export.check()
    remark(f"the results are in {printable(directory)}")
    return Exit.DONE


def _show(summary: dict[str, Any], json: str | None) -> None:
    """Print the table where no JSON goes."""
    if json is not None:
        write_pieces(pieces(summary), json)
    if json != "-":
        write(drawn(summary_table(summary), sys.stdout))
