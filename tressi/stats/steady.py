"""From which second on a run is steady; its ramp and the growth of its pools are cut by the caller before.

Two series are looked at, the logarithms of median and p90 of each second. Each is cut by MSER (White 1997): at the second for
which the sum of squares about the mean of what remains, divided by the square of its length, is the least. Only the first half
is searched, because the rule finds a short quiet end in every series.

A cut that changes nothing costs seconds, and in a series without a trend MSER makes one now and then. So it counts only where
what it takes away differs significantly from the rest, by the long-run variance of the rest. "No steady state" is the answer
where such a cut is at the end of the first half, or where the halves of the rest differ significantly and by 5 % or more: a run
need not have a steady state (Barrett et al. 2017).

Example: the first 4 of 60 seconds take 30 ms and the others 10 ms. The least sum is at a cut of 4, and 30 ms differ from 10 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from tressi.stats.variance import Z, long_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi._core import Histogram

_LOOKED_AT: Final = (50.0, 90.0)
_SHIFT: Final = math.log(1.05)
# Two series are tested, and each of the tests twice: 2.58 in place of 1.96 keeps false alarms near 2 of 100 runs.
_STRICTER: Final = 2.576 / Z
_LEAST_SECONDS: Final = 10
NO_STEADY_STATE: Final = "no steady state"


@dataclass(frozen=True, slots=True)
class Steady:
    """The steady part of a run: it begins behind the first `cut` seconds. `reason` says why there is none; `cut` is 0 then."""

    cut: int
    reason: str | None = None


def steady_part(seconds: Sequence[Histogram]) -> Steady:
    """The steady part of what was measured in each second; of less than 10 seconds that is all of it."""
    places = [place for place, second in enumerate(seconds) if second.count]
    if len(places) < _LEAST_SECONDS:
        return Steady(0)
    values = [seconds[place].percentiles(_LOOKED_AT) for place in places]
    series = [[math.log(max(1, value[column])) for value in values] for column in range(len(_LOOKED_AT))]
    half = len(places) // 2
    cut = max(_cut(one) for one in series)
    if cut >= half:
        return Steady(0, f"{NO_STEADY_STATE}: latencies still change after half of the time")
    for percent, one in zip(_LOOKED_AT, series, strict=True):
        change = _shift(one[cut:])
        if abs(change) >= _SHIFT:
            word = f"{100 * (math.exp(change) - 1):+.0f} %".replace("-", "\u2212")
            return Steady(0, f"{NO_STEADY_STATE}: p{percent:.0f} changed by {word} from the first half to the second")
    return Steady(places[cut] if cut else 0)


def _cut(series: Sequence[float]) -> int:
    """How many seconds MSER takes away, 0 where they do not differ from the others."""
    best = mser(series)
    if best == 0:
        return 0
    return best if _difference(series[:best], series[best:], within=series[best:]) else 0


def mser(series: Sequence[float]) -> int:
    """The cut of the marginal standard error rule, of at most half of the series; the shortest where several are as good."""
    n = len(series)
    centre = math.fsum(series) / n
    sums = list(accumulate((value - centre for value in reversed(series)), initial=0.0))
    squares = list(accumulate(((value - centre) ** 2 for value in reversed(series)), initial=0.0))
    errors = [(squares[left] - sums[left] ** 2 / left) / left**2 for left in range(n, n - n // 2 - 1, -1)]
    return errors.index(min(errors))


def _shift(series: Sequence[float]) -> float:
    """By how much the second half is above the first, 0 where that may be chance."""
    half = len(series) // 2
    first, second = series[:half], series[half:]
    centres = [math.fsum(part) / len(part) for part in (first, second)]
    within = [*(value - centres[0] for value in first), *(value - centres[1] for value in second)]
    return -_difference(first, second, within)


def _difference(first: Sequence[float], second: Sequence[float], within: Sequence[float]) -> float:
    """The mean of the first less that of the second, 0 where that may be chance; `within` varies as both do without it."""
    run = long_run(within)
    change = math.fsum(first) / len(first) - math.fsum(second) / len(second)
    error = math.sqrt(run.variance * (1 / len(first) + 1 / len(second)))
    # Series of the same value each second have no variance: less than a counter of the histogram is no difference.
    return change if abs(change) > max(run.factor * _STRICTER * error, 1e-3) else 0.0
