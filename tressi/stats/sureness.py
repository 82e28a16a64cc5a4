"""How sure the percentiles of a run are: its steady part, and an interval for each percentile asked for.

This is the door to `steady.py` and `interval.py`. It is a pure function of the histograms that a run keeps of its seconds.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tressi.frozen import dataclass
from tressi.hdr import together
from tressi.stats.interval import Interval, intervals
from tressi.stats.steady import steady_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi._core import Histogram
    from tressi._histogram import Packed

MAXIMUM: Final = 100.0
_MAXIMUM_HAS_NONE: Final = "the maximum of a sample says nothing about how large a response time can become"


@dataclass(frozen=True, slots=True)
class Sureness:
    """What `percentiles_with_confidence` found.

    `steady_from_s` is the time at which the steady part begins; None says that there is none, `unsteady` why, and the intervals
    are of everything behind warm-up and growth. `effective_samples` is the least of all percentiles: how many independent
    responses would say as much.
    """

    percentiles: Mapping[float, Interval]
    effective_samples: float
    steady_from_s: float | None
    unsteady: str | None = None


def percentiles_with_confidence(
    seconds: Sequence[tuple[float, Packed]],
    warm_up_s: float | None,
    grown_s: float,
    percents: Iterable[float],
) -> Sureness:
    """How sure each of `percents` (above 0 to 100) is.

    `seconds` are (end of the second, what was measured in it) in the order of time and without gaps; several seconds may
    be one.
    The ramp and the growth of the pools end at `grown_s`. `warm_up_s` is what the config says, None where it says nothing: then
    the beginning of the steady part is looked for.
    """
    asked = sorted(set(percents))
    step_s = _step_s([end for end, _ in seconds])
    begin_s = max(grown_s, warm_up_s or 0.0)
    # A second that has begun before the growth has ended belongs to it.
    left = [(end, second) for end, second in seconds if end - step_s >= begin_s - 1e-6 * step_s]
    found = steady_part([second for _, second in left]) if warm_up_s is None else None
    cut, unsteady = (found.cut, found.reason) if found else (0, None)
    steady = left[cut:]
    inner = [percent for percent in asked if percent < MAXIMUM]
    merged = together(second for _, second in steady)
    sure = intervals(merged, [second for _, second in steady], len(steady) * step_s, inner)
    percentiles = {**sure, **_maximum(merged, asked)}
    return Sureness(
        percentiles,
        min((one.effective for one in sure.values()), default=0.0),
        None if unsteady or not steady else steady[0][0] - step_s,
        unsteady,
    )


def _step_s(ends: Sequence[float]) -> float:
    """How long a second of the list is: seconds of a long run are merged into longer ones. The last may be shorter."""
    gaps = sorted(later - earlier for earlier, later in pairwise(ends))
    return gaps[len(gaps) // 2] if gaps else 1.0


def _maximum(merged: Histogram, asked: Sequence[float]) -> Mapping[float, Interval]:
    if not merged.count or MAXIMUM not in asked:
        return {}
    return {MAXIMUM: Interval(merged.max_us / 1e3, reason=_MAXIMUM_HAS_NONE)}
