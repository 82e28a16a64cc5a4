"""How sure a percentile of a summary is, in words, for every output alike. Pure functions of a summary's metrics.

A percentile whose interval is known stands with it, as in `p99 12.4 ms (11.9 to 13.1)`. One that the run was too short for
stands with what it would take. The interval is of the steady part of the run, and the percentile of all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.stats.interval import duration_words
from tressi.text import three_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

    Metrics = Mapping[str, Any]


def bounds_of(metrics: Metrics, name: str) -> tuple[float, float] | None:
    """The interval of a percentile ("p99") in milliseconds; None where there is none, as in a summary of an older version."""
    sure = metrics.get("confidence") or {}
    low, high = sure.get(f"{name}Low"), sure.get(f"{name}High")
    return None if low is None or high is None else (low, high)


def interval_words(metrics: Metrics, name: str) -> str:
    """The interval of a percentile, as in "11.9 to 13.1"; nothing where there is none.

    The percentile is of the whole run. Where its growth was so slow that the interval does not hold it, it says of what it is.
    """
    bounds = bounds_of(metrics, name)
    if bounds is None:
        return ""
    value = (metrics.get("responseTimeMs") or metrics.get("durationMs") or {}).get(name)
    is_other = value is not None and not bounds[0] <= value <= bounds[1]
    return f"{'steady ' if is_other else ''}{three_digits(bounds[0])} to {three_digits(bounds[1])}"


def unsure_words(metrics: Metrics, name: str) -> str:
    """Why a percentile has no interval, and what it would take; nothing where it has one."""
    unsure = (metrics.get("confidence") or {}).get("unsure", {}).get(name)
    return "" if unsure is None else str(unsure["reason"])


def takes_words(metrics: Metrics, name: str) -> str:
    """How long a run would take for an interval of a percentile, as in "run 4 min"; nothing where it has one."""
    unsure = (metrics.get("confidence") or {}).get("unsure", {}).get(name)
    needs_s = None if unsure is None else unsure.get("needsSec")
    return "" if needs_s is None else f"run {duration_words(needs_s)}"


def tail_words(metrics: Metrics, name: str = "p99") -> str:
    """How sure the tail of a run is, in a sentence; nothing where nothing is known of it."""
    bounds, takes, steady = interval_words(metrics, name), takes_words(metrics, name), steady_words(metrics)
    if bounds:
        return f"95 % confidence: {name} {bounds} ms{f', {steady}' if steady else ''}"
    return f"too short for the 95 % interval of {name}: {takes}" if takes else ""


def steady_words(metrics: Metrics) -> str:
    """Which part of the run the intervals are of; nothing where that is all of it, or where there are none."""
    sure = metrics.get("confidence")
    if sure is None:
        return ""
    if sure["unsteady"] is not None:
        return str(sure["unsteady"])
    return f"steady from {sure['steadyFrom']:.0f} s on" if sure["steadyFrom"] else ""
