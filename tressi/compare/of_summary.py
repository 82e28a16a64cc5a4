"""What a summary says by itself of how sure its percentiles are, so that the seconds of its log need not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.compare.result import PERCENTS
from tressi.stats.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.compare.sides import Run

NO_SECONDS: Final = "the run is known as a whole only"


def confidence_of(run: Run, keys: Sequence[str]) -> Mapping[str, Any] | None:
    """How sure the summary is of these endpoints together; None where they are neither one of them nor all."""
    of_whom = run.endpoints[keys[0]] if len(keys) == 1 else run.summary["global"] if len(keys) == len(run.endpoints) else {}
    found: Mapping[str, Any] | None = of_whom.get("confidence")
    return found


def knows(confidence: Mapping[str, Any] | None) -> bool:
    """Whether a summary has the percentiles of the steady part with their intervals, so that no second need be read."""
    return all(isinstance((confidence or {}).get(_steady_name(metric)), (int, float)) for metric in PERCENTS)


def steady_value_ms(confidence: Mapping[str, Any], metric: str) -> float:
    """A percentile of the steady part, of a summary that `knows`."""
    return float(confidence[_steady_name(metric)])


def _steady_name(metric: str) -> str:
    return f"{metric.replace('.', '')}Steady"


def told(confidence: Mapping[str, Any] | None, metric: str, value_ms: float) -> Interval:
    """A percentile with the interval that the summary has of it, which is of the steady part: the value is kept within it.

    A value of the steady part is within it by itself.
    """
    name = metric.replace(".", "")
    low, high = ((confidence or {}).get(f"{name}{side}") for side in ("Low", "High"))
    if low is None or high is None:
        return Interval(value_ms, reason=(confidence or {}).get("unsure", {}).get(name, {}).get("reason", NO_SECONDS))
    return Interval(min(max(value_ms, low), high), low, high)
