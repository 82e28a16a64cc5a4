"""A comparison as a terminal shows it: the answer, a table of what decided it, and what to know."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.text import Text

from tressi.compare.result import FAILURES
from tressi.compare.words import METRIC_WORDS, change_parts, design_words, headline, metric_name, p_words, percent, tone, value
from tressi.report.grid import Cell, Column, Row
from tressi.report.table import GridTable
from tressi.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from tressi.compare.result import Comparison, Judged

_STYLES: Final = {"good": "bold green", "warn": "bold yellow", "bad": "bold red"}
_WORD_STYLES: Final = {
    "slower": "red",
    "more-failures": "red",
    "faster": "green",
    "fewer-failures": "green",
    "differ": "yellow",
}
# What matters least goes first where there is no room.
_COLUMNS: Final = (
    Column("before", 3),
    Column("after", 5),
    Column("change", 6),
    Column("95 % interval", 4),
    Column("p", 1, yields=True),
    Column("verdict", 7),
)
MOST_ROWS: Final = 60  # of a terminal; all are in the JSON


def comparison_table(comparison: Comparison) -> RenderableType:
    """Everything that a person needs, the answer first."""
    rows = shown_rows(comparison)
    parts: list[RenderableType] = [
        Text(headline(comparison), _STYLES[tone(comparison)]),
        Text(f"{comparison.sides[0]}  against  {comparison.sides[1]} ({design_words(comparison)})"),
        _table(comparison, rows),
    ]
    if len(rows) < len(comparison.metrics):
        parts.append(Text(f"{counted(len(comparison.metrics) - len(rows), 'more metric')}: see --json"))
    parts.append(Text("Marked * are the primary metrics, which decide; all others are exploratory.", "dim"))
    parts += [Text(f"! {sentence}", "yellow") for sentence in told(comparison)]
    return Group(*parts)


def told(comparison: Comparison) -> list[str]:
    """What to know beside the figures, the gravest first."""
    return [*comparison.blocked, *reasons(comparison), *comparison.warnings]


def shown_rows(comparison: Comparison, most: int = MOST_ROWS) -> list[Judged]:
    """The rows that a person is shown: of many, what changed comes before what did not, and primary before exploratory."""
    metrics = list(comparison.metrics)
    if len(metrics) <= most:
        return metrics
    changed = {id(one) for one in comparison.changed}
    ranked = sorted(metrics, key=lambda one: (id(one) not in changed, not one.is_primary))
    kept = {id(one) for one in ranked[:most]}
    return [one for one in metrics if id(one) in kept]


def _table(comparison: Comparison, rows: Sequence[Judged]) -> GridTable:
    """Of each endpoint its name in a line, and its metrics below it."""
    lines: list[Row] = []
    for shown, ones in groupby(rows, key=lambda one: one.shown):
        lines += [Row(shown, tuple(Cell("") for _ in _COLUMNS), style="bold"), *(_row(one, comparison) for one in ones)]
    return GridTable("", _COLUMNS, lines)


def _row(one: Judged, comparison: Comparison) -> Row:
    estimate = one.estimate
    figures = (
        value(estimate, estimate.before),
        value(estimate, estimate.after),
        *change_parts(estimate),
        p_words(one.adjusted_p),
    )
    verdict = Cell(verdict_words(one, comparison), style=_WORD_STYLES.get(one.verdict, ""))
    label = f"  {metric_name(estimate.metric)}{'*' if one.is_primary else ''}"
    return Row(label, (*(Cell(figure) for figure in figures), verdict))


def verdict_words(one: Judged, comparison: Comparison) -> str:
    """The verdict on one metric."""
    is_same = one.verdict == "same" and one.estimate.metric != FAILURES
    return f"within {percent(comparison.margin)}" if is_same else METRIC_WORDS[one.verdict]


def reasons(comparison: Comparison, most: int = 5) -> list[str]:
    """Why primary metrics have no interval, in words."""
    found = [
        f"{one.shown} {metric_name(one.estimate.metric)}: {one.estimate.reason}"
        for one in comparison.metrics
        if one.is_primary and one.estimate.reason is not None
    ]
    return found if len(found) <= most else [*found[:most], f"so it is with {counted(len(found) - most, 'more metric')}"]
