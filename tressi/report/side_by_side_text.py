"""Two runs beside each other as text: a compact table for a terminal, as wide as it has to be and no wider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len

from tressi.report.config_differences import differences
from tressi.report.side_by_side import STATEMENT, cards, facts_of, rows, run_of, thresholds
from tressi.text import counted, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi.report.side_by_side import Cell, Row, Threshold

DIFFERENCES_SHOWN: Final = 20
THRESHOLDS_SHOWN: Final = 20
_LONGEST_FACT: Final = 60
_GAP: Final = "  "


def render(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Both runs in a few tables, and what differs between their configs."""
    runs = run_of(before), run_of(after)
    lines = [
        f"{side}: {run.judgement.word}: {'; '.join(map(plain, run.judgement.reasons))}"
        for side, run in zip("AB", runs, strict=True)
    ]
    facts = [(name, *(_cut(value) for value in values)) for name, *values in facts_of(*runs)]
    lines += ["", *_aligned([("run", "A", "B"), *facts], left=3)]
    figures = [
        (f"{one.name}{f', {one.unit}' if one.unit else ''}", _text(one.before), _text(one.after), one.change)
        for one in cards(before, after)
    ]
    lines += ["", *_aligned([("all endpoints", "A", "B", "change"), *figures])]
    lines += ["", *_endpoints(rows(before, after))]
    judged = thresholds(before, after)
    if judged:
        lines += ["", *_aligned([("threshold", "A", "B"), *map(_outcome, judged[:THRESHOLDS_SHOWN])], left=3)]
        lines += _more(len(judged) - THRESHOLDS_SHOWN, "threshold")
    lines += ["", *_config(before["config"], after["config"]), "", STATEMENT]
    return "\n".join(line.rstrip() for line in lines)


def _endpoints(found: Sequence[Row]) -> Iterator[str]:
    """A line for each endpoint; what stands in a cell is A's figure, then B's."""
    names = [figure.name for figure in found[0].figures] if found else []
    table = [("endpoint", *(f"{name} A" if place == 0 else "B" for name in names for place in (0, 1)), "")]
    for row in found:
        cells = (_text(cell) for figure in row.figures for cell in (figure.before, figure.after))
        table.append((row.label, *cells, f"only in {row.only}" if row.only else ""))
    yield from _aligned(table)
    yield "RPS, response times in ms"


def _outcome(one: Threshold) -> tuple[str, str, str]:
    of = "" if one.label == "all" else f"{one.label}: "
    first, second = (
        f"{words} ({detail})" if words else "not set" for words, detail in zip(one.words, one.details, strict=True)
    )
    return f"{of}{one.text}", first, second


def _config(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    found = differences(before, after)
    yield f"config, {counted(len(found), 'difference')}:" if found else "config: the same"
    for one in found[:DIFFERENCES_SHOWN]:
        values = ("not there" if value is None else plain(value) for value in (one.before, one.after))
        yield f"  {plain(one.place)}: {' → '.join(values)}"
    yield from _more(len(found) - DIFFERENCES_SHOWN, "difference")


def _more(number: int, noun: str) -> list[str]:
    return [f"  and {counted(number, f'more {noun}')}"] if number > 0 else []


def _text(cell: Cell | None) -> str:
    return "-" if cell is None or cell.is_thin else cell.shown


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_FACT else f"{text[: _LONGEST_FACT - 1]}…"


def _aligned(table: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Each row in a line; the first `left` columns are texts, the others are numbers."""
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    return [_GAP.join(_padded(cell, widths[place], place < left) for place, cell in enumerate(row)) for row in table]


def _padded(text: str, width: int, is_left: bool) -> str:  # noqa: FBT001 - one of two sides
    room = " " * (width - cell_len(text))
    return f"{text}{room}" if is_left else f"{room}{text}"
