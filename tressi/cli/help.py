"""What `--help` says: the parts of a manual page, wrapped at the terminal's width, made from the parsers and the tables."""

from __future__ import annotations

import shutil
from argparse import HelpFormatter
from textwrap import fill
from typing import TYPE_CHECKING

from tressi.cli.exits import MEANINGS, Exit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Longer lines are hard to read, and shorter ones have no room for a flag and its meaning.
WIDEST, NARROWEST = 100, 60
_HELP_COLUMN = 26

OF_A_RUN = tuple(Exit)
OF_A_TRIAL = (Exit.DONE, Exit.TEST_FAILED, Exit.BAD_INPUT, Exit.BROKEN)
OF_OTHERS = (Exit.DONE, Exit.BAD_INPUT, Exit.BROKEN)

ENVIRONMENT = {
    "NO_COLOR": "if set, progress is plain lines instead of a live display",
    "TERM": "if it is `dumb`, likewise",
    "COLUMNS": "how wide help and table are, instead of the terminal's width",
}
FILES = {
    "CONFIG": "JSON; `tressi init` writes one to start from, `tressi schema` prints what may be in it",
    "--export DIR": "every file of an export, each whole or not at all",
}


class Formatter(HelpFormatter):
    """Wraps paragraphs, and leaves alone what has been laid out: paragraphs with an indented line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=_HELP_COLUMN, width=width())

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            paragraph if "\n  " in paragraph else fill(paragraph, width, initial_indent=indent, subsequent_indent=indent)
            for paragraph in text.split("\n\n")
        )


def width() -> int:
    """How wide a text is."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size().columns))


def closing(examples: Iterable[str], *, is_run: bool, is_trial: bool = False) -> str:
    """What a help ends with: exit codes, what a run looks at, and commands to paste."""
    parts = [exit_codes(OF_A_RUN if is_run else OF_A_TRIAL if is_trial else OF_OTHERS)]
    if is_run:
        parts += [listed("environment", ENVIRONMENT), listed("files", FILES)]
    return "\n\n".join([*parts, to_paste(examples)])


def exit_codes(codes: Iterable[Exit] = OF_A_RUN) -> str:
    """The exit codes with their meanings."""
    return listed("exit codes", {str(code.value): MEANINGS[code] for code in codes})


def listed(title: str, meanings: Mapping[str, str]) -> str:
    """Names and meanings in two columns under a title; a long meaning goes on in its column."""
    column = max(map(len, meanings)) + 4
    lines = [
        fill(meaning, width(), initial_indent=f"  {name}".ljust(column), subsequent_indent=" " * column)
        for name, meaning in meanings.items()
    ]
    return "\n".join([f"{title}:", *lines])


def to_paste(commands: Iterable[str]) -> str:
    """Commands, one a line, never wrapped."""
    return "\n".join(["to paste:", *(f"  {command}" for command in commands)])
