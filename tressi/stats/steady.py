"""From which second on a run is steady; its ramp and the growth of its pools are cut by the caller before.

Two series are looked at, the logarithms of median and p90 of each second. Each is cut by MSER (White 1997): at the second for
which the sum of squares about the mean of what remains, divided by the square of its length, is the least. Only the first half
is searched, because the rule finds a short quiet end in every series.

A cut that changes nothing costs seconds, and in a series without a trend MSER makes one now and then. So it counts only where
what it takes away differs significantly from the rest, by the long-run variance of the rest. "No steady state" is the answer
where such a cut is at the end of the first half, or where the rest, divided where it changes most, differs significantly and by
5 % or more: a run need not have a steady state (Barrett et al. 2017).

Example: the first 4 of 60 seconds take 30 ms and the others 10 ms. The least sum is at a cut of 4, and 30 ms differ from 10 ms.
"""

from __future__ import annotations

import math
from itertools import accumulate
from operator import add, mul, sub, truediv
from typing import TYPE_CHECKING, Final

from tressi.frozen import dataclass
from tressi.stats.variance import Z, long_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.stats.interval import Second

_LOOKED_AT: Final = (50.0, 90.0)
_SHIFT: Final = math.log(1.05)
# The place of a change is searched for, so chance finds larger ones: 3.5 takes the place of 2.58 at 1 of 100 (Andrews 1993).
# That holds for long series. docs/confidence.md has how many steady runs are called unsteady: 4 to 14 of 100.
_STRICTER: Final = 3.5 / Z
_LEAST_SECONDS: Final = 10
NO_STEADY_STATE: Final = "no steady state"


@dataclass(frozen=True, slots=True)
class Steady:
    """The steady part of a run: it begins behind the first `cut` seconds. `reason` says why there is none; `cut` is 0 then."""

    cut: int
    reason: str | None = None


def steady_part(seconds: Sequence[Second]) -> Steady:
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
            return Steady(0, f"{NO_STEADY_STATE}: p{percent:.0f} changed by {word} within the run")
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
    squares = _squares(series[::-1])
    return _least([squares[left] / left**2 for left in range(n, n - n // 2 - 1, -1)])


def _shift(series: Sequence[float]) -> float:
    """By how much the series is higher behind the place where it changes most, 0 where that may be chance."""
    n = len(series)
    trim = max(2, n * 3 // 20)
    before, after = _squares(series), _squares(series[::-1])
    place = trim + _least([*map(add, before[trim : n - trim + 1], after[n - trim : trim - 1 : -1])])
    first, second = series[:place], series[place:]
    within = [*_off(first), *_off(second)]
    return -_difference(first, second, within)


def _off(series: Sequence[float]) -> list[float]:
    centre = math.fsum(series) / len(series)
    return [value - centre for value in series]


def _squares(series: Sequence[float]) -> list[float]:
    """The sum of squares about their own mean of the first 0, 1, 2, … members."""
    off = _off(series)
    sums = [*accumulate(off)]
    of_the_mean = map(truediv, map(mul, sums, sums), range(1, len(series) + 1))
    return [0.0, *map(sub, accumulate(map(mul, off, off)), of_the_mean)]


def _least(values: Sequence[float]) -> int:
    """The place of the least of these; the first of those that differ by no more than rounding."""
    bound = min(values) + 1e-12 * max(values)
    return next(place for place, value in enumerate(values) if value <= bound)


def _difference(first: Sequence[float], second: Sequence[float], within: Sequence[float]) -> float:
    """The mean of the first less that of the second, 0 where that may be chance; `within` varies as both do without it."""
    run = long_run(within)
    change = math.fsum(first) / len(first) - math.fsum(second) / len(second)
    error = math.sqrt(run.variance * (1 / len(first) + 1 / len(second)))
    # Series of the same value each second have no variance: less than a counter of the histogram is no difference.
    return change if abs(change) > max(run.factor * _STRICTER * error, 1e-3) else 0.0
