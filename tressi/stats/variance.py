"""How much the sum of a series varies whose members depend on their neighbours: the long-run variance, and what it is worth.

Requests that wait behind each other are slow together, and so are seconds. The variance of a mean over n seconds is then not
that of one second by n, but Ω by n, with Ω the sum of all autocovariances. They are estimated with Bartlett's weights up to a
bandwidth b: the larger of 1.3 √n (Lazarus, Lewis, Stock and Watson 2018) and of what the series asks for itself (the rule of
Politis and White 2004 with the correction of Patton, Politis and White 2009).

Ω is an estimate as well, a worse one the wider b is for n. An interval with the normal distribution's 1.96 would be too short;
the factor that takes its place is that of Kiefer and Vogelsang (2005) for b / n, times what Student's t adds for n seconds.

Example: 120 seconds and b = 14.2 give 1.96 + 2.9694 · 0.118 + … = 2.32, times 1.980 / 1.960: the interval is 1.2 times as wide.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import accumulate
from operator import mul, sub
from typing import TYPE_CHECKING, Final, NamedTuple

from tressi.frozen import dataclass
from tressi.stats.quantiles import normal_quantile, student_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

TWO_SIDED: Final = 0.975  # of an interval that holds 95 of 100 times
Z: Final = normal_quantile(TWO_SIDED)
_LEAST_BANDWIDTH: Final = 1.3


@dataclass(frozen=True, slots=True)
class LongRun:
    """The long-run variance of a series, per member, and the factor that takes the place of 1.96 with it."""

    variance: float
    factor: float


def long_run(series: Sequence[float]) -> LongRun:
    """The long-run variance of a series of two members or more, about its own mean."""
    n = len(series)
    centre = math.fsum(series) / n
    off = [value - centre for value in series]
    width = min(math.ceil(max(_asked_bandwidth(off), _LEAST_BANDWIDTH * math.sqrt(n))), n - 1)
    return LongRun(_bartlett(off, width), _factor(width / n, n))


@lru_cache(maxsize=1024)
def _factor(share: float, n: int) -> float:
    fixed = 1.96 + 2.9694 * share + 0.4160 * share**2 - 0.5324 * share**3
    return fixed * student_quantile(TWO_SIDED, n - 1) / Z


def _bartlett(off: Sequence[float], width: int) -> float:
    """The sum of the autocovariances of a series about 0 with Bartlett's weights, 1 - lag / width.

    It is the mean square of the sums of `width` neighbours, those that reach beyond the ends included, by `width`.
    """
    sums = [*accumulate(off, initial=0.0)]
    later, earlier = [*sums, *[sums[-1]] * (width - 1)], [*[0.0] * (width - 1), *sums]
    blocks = [*map(sub, later[1:], earlier)]
    total: float = sum(map(mul, blocks, blocks))
    return total / width / len(off)


def _asked_bandwidth(off: Sequence[float]) -> float:
    """The bandwidth that a series about 0 asks for, as the block length of a circular block bootstrap; 0 without variance."""
    n = len(off)
    bounds = _bounds(n)
    variance = _covariance(off, 0)
    if variance <= 0:
        return 0.0
    # The last lag before so many in a row whose correlation is small.
    covariances, small, quiet, lag = [], bounds.small * variance, 0, 0
    while quiet < bounds.in_a_row and lag < bounds.farthest:
        lag += 1
        covariances.append(_covariance(off, lag))
        quiet = quiet + 1 if abs(covariances[-1]) < small else 0
    most = min(2 * max(1, lag - quiet), bounds.farthest)
    covariances += [_covariance(off, further) for further in range(lag + 1, most + 1)]
    weighed = [*map(mul, _flat_top(most), covariances)]
    level = variance + sum(weighed)
    if level == 0:
        return bounds.longest
    return min(bounds.longest, math.cbrt(1.5 * (sum(map(mul, range(1, most + 1), weighed)) / level) ** 2 * n))


class _Bounds(NamedTuple):
    """What the bandwidth of a series of one length is looked for within. A run's series are thousands, all of a few lengths."""

    in_a_row: int  # so many correlations in a row must be small for the series to have forgotten
    small: float  # a correlation below it is
    farthest: int  # the last lag that is looked at
    longest: float  # bandwidth


@lru_cache(maxsize=1024)
def _bounds(n: int) -> _Bounds:
    in_a_row = max(5, math.ceil(math.sqrt(math.log10(n))))
    farthest = min(math.ceil(math.sqrt(n)) + in_a_row, n - 1)
    longest = float(math.ceil(min(3 * math.sqrt(n), n / 3)))
    return _Bounds(in_a_row, 2 * math.sqrt(math.log10(n) / n), farthest, longest)


@lru_cache(maxsize=1024)
def _flat_top(most: int) -> tuple[float, ...]:
    """The weights of the lags from 1 to `most`, both sides: those of the nearer half count in full."""
    return tuple(2 * min(1.0, 2 * (1 - lag / most)) for lag in range(1, most + 1))


def _covariance(off: Sequence[float], lag: int) -> float:
    total: float = sum(map(mul, off, off[lag:]))
    return total / len(off)
