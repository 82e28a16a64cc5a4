"""A comparison in Markdown, for the comment of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.compare.table import shown_rows, told, verdict_words
from tressi.compare.words import change, design_words, headline, metric_name, p_words, value
from tressi.report.markdown import inert, table

if TYPE_CHECKING:
    from tressi.compare.result import Comparison, Judged

_COLUMNS: Final = ("endpoint", "metric", "before", "after", "change (95 % interval)", "p", "verdict")
_SIGNS: Final = {"slower": "🔴", "more-failures": "🔴", "faster": "🟢", "same": "🟢"}
MOST_ROWS: Final = 100  # a comment on GitHub has 65,536 characters


def render(comparison: Comparison) -> str:
    """The answer, the primary metrics, what to know, and all else folded away."""
    primary = [one for one in shown_rows(comparison, MOST_ROWS) if one.is_primary]
    others = [one for one in shown_rows(comparison, MOST_ROWS) if not one.is_primary]
    sign = _SIGNS.get(comparison.verdict, "🟡")
    parts = [
        f"### {sign} {inert(headline(comparison))}",
        f"{inert(comparison.sides[0])} against {inert(comparison.sides[1])}; {design_words(comparison)}.",
        _rows(primary, comparison),
        *(f"- {inert(sentence)}" for sentence in told(comparison)),
    ]
    if others:
        parts += ["<details><summary>Exploratory metrics</summary>", _rows(others, comparison), "</details>"]
    return "\n\n".join(parts) + "\n"


def _rows(metrics: list[Judged], comparison: Comparison) -> str:
    cells = [
        (
            inert(one.shown),
            inert(metric_name(one.estimate.metric)),
            value(one.estimate, one.estimate.before),
            value(one.estimate, one.estimate.after),
            change(one.estimate),
            p_words(one.adjusted_p).replace("<", "&lt;"),
            inert(verdict_words(one, comparison)),
        )
        for one in metrics
    ]
    return table(_COLUMNS, cells, numbers=_COLUMNS[2:6])
