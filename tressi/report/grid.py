"""A table of figures in the room that there is: pure, rows in, lines out.

One line a row. Where the room is too small for all columns, those that matter least are left out; a label is cut in its middle
only after that. What is said beside a figure is there only where all of it has room. Where nothing limits the room, in a pipe
or a file, each row is one line however long it becomes, and its words stand at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len

from tressi.text import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP: Final = 2
LEAST_LABEL: Final = 12


class Column(NamedTuple):
    """A column of figures. The smallest `keep` is left out first; one that `yields` is so before a label is cut."""

    name: str
    keep: int
    yields: bool = False


class Cell(NamedTuple):
    """A figure, and what is said beside it where there is room for that, such as an interval."""

    text: str
    beside: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its label, a cell for each column, and what else there is to say of it, in words."""

    label: str
    cells: tuple[Cell, ...]
    words: str = ""
    style: str = ""


class Piece(NamedTuple):
    """A part of a line in one style."""

    text: str
    style: str = ""


class Line(NamedTuple):
    """A line of the table, and the words that stand below it, as many lines as they need."""

    pieces: tuple[Piece, ...]
    below: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How wide a label is, which columns are shown, how wide each is, and how much of that is for what is said beside."""

    label: int
    shown: list[int]
    widths: list[int]
    besides: dict[int, int]
    spare: int | None


def laid_out(heading: str, columns: Sequence[Column], rows: Sequence[Row], room: int | None) -> list[Line]:
    """The table with its heading, in `room` cells; None: nothing limits it."""
    head = Row(heading, tuple(Cell(column.name) for column in columns), style="bold")
    plan = _plan(columns, [head, *rows], room)
    longest_words = max((cell_len(row.words) for row in rows), default=0)
    is_beside = plan.spare is None or longest_words + GAP <= plan.spare
    return [_line(row, plan, is_beside=is_beside) for row in (head, *rows)]


def _line(row: Row, plan: _Plan, *, is_beside: bool) -> Line:
    label = shortened(row.label, plan.label)
    pieces = [Piece(label + " " * (plan.label - cell_len(label)), row.style)]
    for place in plan.shown:
        cell, beside = row.cells[place], plan.besides.get(place, 0)
        text = cell.text.rjust(plan.widths[place] - beside)
        said = f" {cell.beside}".ljust(beside) if beside else ""
        pieces.append(Piece(" " * GAP + text + said, f"{row.style} {cell.style}".strip()))
    if row.words and is_beside:
        return Line((*pieces, Piece(" " * GAP + row.words, "dim")))
    pieces[-1] = pieces[-1]._replace(text=pieces[-1].text.rstrip())
    return Line(tuple(pieces), row.words)


def _plan(columns: Sequence[Column], rows: Sequence[Row], room: int | None) -> _Plan:
    widths = [max(len(row.cells[place].text) for row in rows) for place in range(len(columns))]
    longest = max(cell_len(row.label) for row in rows)
    shown = _shown(columns, widths, longest, room)
    figures = sum(widths[place] + GAP for place in shown)
    label = longest if room is None else min(longest, max(1, room - figures))
    spare = None if room is None else room - label - figures
    besides: dict[int, int] = {}
    for place in shown:
        more = max(len(row.cells[place].beside) for row in rows)
        if more and (spare is None or more < spare):
            besides[place] = more + 1
            widths[place] += more + 1
            spare = None if spare is None else spare - more - 1
    return _Plan(label, shown, widths, besides, spare)


def _shown(columns: Sequence[Column], widths: Sequence[int], longest: int, room: int | None) -> list[int]:
    """The places of the columns that there is room for: first labels are given theirs, then only a part of it."""
    kept = sorted(range(len(columns)), key=lambda place: columns[place].keep)
    if room is None:
        return sorted(kept)
    for label, candidates in (
        (longest, [place for place in kept if columns[place].yields]),
        (min(longest, LEAST_LABEL), kept[:-1]),
    ):
        for place in candidates:
            if label + sum(widths[one] + GAP for one in kept) <= room:
                break
            if place in kept:
                kept = [one for one in kept if one != place]
    return sorted(kept)
