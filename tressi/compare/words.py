"""A comparison in the words that all outputs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.compare.result import FAILURES
from tressi.text import counted, milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.compare.result import Comparison, Estimate, Judged

DESIGNS = {
    "interleaved": "both in one run, in turn",
    "runs": "several runs a side",
    "one-against-one": "one run a side",
}
METRIC_WORDS = {
    "slower": "slower",
    "faster": "faster",
    "same": "the same",
    "cannot-tell": "cannot tell",
    "differ": "differs",
    "no-difference-shown": "no difference shown",
    "more-failures": "more failures",
    "fewer-failures": "fewer failures",
}
_SHOWN = 3


def headline(comparison: Comparison) -> str:
    """The answer in one sentence."""
    worse = [one for one in comparison.changed if one.verdict in {"slower", "more-failures"}]
    if comparison.verdict == "slower":
        return f"{'SLOWER' if any(one.verdict == 'slower' for one in worse) else 'MORE FAILURES'}: {_told(worse)}"
    return {
        "faster": f"FASTER: {_told(comparison.changed)}",
        "same": f"THE SAME within {percent(comparison.margin)}",
        "differ": f"THESE TWO RUNS DIFFER: {_told(comparison.changed)}",
        "no-difference-shown": "NO DIFFERENCE SHOWN between these two runs",
        "cannot-tell": f"CANNOT TELL{_needed(comparison)}",
    }[comparison.verdict]


def _needed(comparison: Comparison) -> str:
    """How much more would decide."""
    if comparison.needed is None or comparison.blocked:
        return ""
    if comparison.design == "interleaved":
        return f": about {counted(comparison.needed, 'more pair')} needed"
    return f": about {counted(comparison.needed, 'more run')} a side needed"


def tone(comparison: Comparison) -> str:
    """How the answer may be coloured: good, warn or bad."""
    return {"slower": "bad", "faster": "good", "same": "good"}.get(comparison.verdict, "warn")


def _told(changed: Sequence[Judged]) -> str:
    told = [f"{one.shown} {metric_name(one.estimate.metric)} {change(one.estimate)}" for one in changed[:_SHOWN]]
    more = f", and {counted(len(changed) - _SHOWN, 'more metric')}" if len(changed) > _SHOWN else ""
    return f"{', '.join(told)}{more}"


def metric_name(metric: str) -> str:
    """A metric as people call it."""
    return "failures" if metric == FAILURES else metric


def design_words(comparison: Comparison) -> str:
    """What was compared with what, and how."""
    if comparison.design == "interleaved":
        return f"{DESIGNS['interleaved']}: {counted(comparison.units[0], 'pair')} of blocks"
    if comparison.design == "runs":
        return f"{DESIGNS['runs']}: {comparison.units[0]} before, {comparison.units[1]} after"
    return DESIGNS["one-against-one"]


def value(estimate: Estimate, number: float | None) -> str:
    """A value of a metric with its unit."""
    if number is None:
        return "-"
    return f"{100 * number:.2f} %" if estimate.metric == FAILURES else f"{milliseconds(number)} ms"


def change(estimate: Estimate) -> str:
    """The change with its interval: "+5.2 % (+1.1 to +9.4)", of the failure share in points of percent."""
    first, interval = change_parts(estimate)
    return f"{first} ({interval})" if interval else first


def change_parts(estimate: Estimate) -> tuple[str, str]:
    """The change, and its interval where there is one."""
    if estimate.before is None or estimate.after is None:
        return "-", ""
    if estimate.metric == FAILURES:
        return _with_interval(estimate.after - estimate.before, estimate.low, estimate.high, " points", 2)
    if estimate.ratio is None:
        return "-", ""
    low, high = (None if ratio is None else ratio - 1 for ratio in (estimate.low, estimate.high))
    return _with_interval(estimate.ratio - 1, low, high, " %", 1)


def _with_interval(share: float, low: float | None, high: float | None, unit: str, digits: int) -> tuple[str, str]:
    first = f"{signed(100 * share, digits)}{unit}"
    return first, "" if low is None or high is None else f"{signed(100 * low, digits)} to {signed(100 * high, digits)}"


def signed(number: float, digits: int) -> str:
    """A number with its sign, a true minus."""
    return f"{number:+.{digits}f}".replace("-", "\u2212")


def percent(share: float) -> str:
    """A share of 1 as percent."""
    return f"{100 * share:g} %"


def p_words(p: float | None) -> str:
    """A p value in few digits."""
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"  # noqa: PLR2004 - what three digits show
