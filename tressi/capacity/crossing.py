"""At which rate the share of bad starts crosses its limit, from all trials near to it: one curve, and its interval.

Near the limit the logit of the share is close to a straight line over the logarithm of the rate; for M/M/1 it is nearly one.
The line is a logistic regression by maximum likelihood. A start does not count as one, but as one by the design effect, which
is that of all these trials together (quasi-likelihood, Wedderburn 1974). The interval holds every rate at which a line that
crosses the limit there fits hardly worse (profile likelihood; Venzon and Moolgavkar 1988), so it may be lopsided, and it is
wider by what a long-run variance from so few seconds is unsure.

Where the trials lie farther from the line than by chance, the interval is wider by that (McCullagh and Nelder 1989). Where they
lie along no line at all, there is no curve: of a target that refuses what is above a rate, the share grows from a bend on.

Some targets have slow responses without any load, such as M/M/c whose service itself takes long now and then. The curve is
then a floor with the line on top of it. How high the floor is say the trials far below, and the interval holds the rates of
every floor that fits.

Example: at 740, 770 and 800 RPS 0.54, 1.02 and 1.83 % were bad, of 150,000 starts each with a design effect of 30. The line
crosses 1 % at 769 RPS, between 755 and 784.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tressi.stats.variance import Z

if TYPE_CHECKING:
    from collections.abc import Sequence

# A share that grows less than the rate is no saturation, and one that grows 100 times as much is a step: for it a bracket
# says more than a line.
_LEAST_SLOPE, _MOST_SLOPE = 1.0, 100.0
_FARTHEST: Final = 0.35  # of the crossing from the nearest trial, in log rate
# Variances come from few trials, and the search stops where the interval is short: one as wide as 1.96 would miss more often.
_WIDER: Final = 2.2 / Z
_PARAMETERS: Final = 3  # where it crosses, its slope, its floor
_BENT: Final = 10.0  # times as far from the line as by chance, squared; of one degree of freedom in 2 of 1,000 searches
_FLOORS: Final = (0.0, 0.25, 0.5)  # of the share that may be bad


@dataclass(frozen=True, slots=True)
class Point:
    """A trial for the curve: the variance is that of the number of bad starts, the factor takes the place of 1.96."""

    rps: float
    starts: int
    bad: int
    variance: float
    factor: float


@dataclass(frozen=True, slots=True)
class Crossing:
    """A rate with its 95 % interval. `design` is the design effect of all trials together, `slope` that of the line."""

    rps: float
    low: float
    high: float
    design: float
    slope: float


def design_of(points: Sequence[Point]) -> float | None:
    """How many starts say as much as one independent start; None before any was bad."""
    spread = sum(one.bad * (1 - one.bad / one.starts) for one in points if one.starts)
    return max(1.0, sum(one.variance for one in points) / spread) if spread > 0 else None


def crossing(points: Sequence[Point], share: float, below: Sequence[Point] = ()) -> Crossing | None:
    """Where the curve of these trials crosses `share`; None where they do not say, or lie along no line.

    `below` are trials far below, which say what is bad without load.
    """
    design = design_of(points)
    if design is None or len({one.rps for one in points}) < 2:  # noqa: PLR2004 - a line takes two
        return None
    rates = [math.log(one.rps) for one in points]
    begin, end = min(rates) - _FARTHEST, max(rates) + _FARTHEST
    lines = [_Line([*points, *below], share, floor * share) for floor in _FLOORS]
    tops = [_top(line, begin, end) for line in lines]
    heights = [line.likelihood(top) for line, top in zip(lines, tops, strict=True)]
    first = max(range(len(lines)), key=lambda place: heights[place])
    best, slope = tops[first], lines[first].slope(tops[first])
    # Beyond the trials a line says nothing: a step begins where it begins.
    if not (_LEAST_SLOPE < slope < _MOST_SLOPE and min(rates) < best < max(rates)):
        return None
    reach = sum(one.factor * one.starts for one in points) / sum(one.starts for one in points)
    misfit = max(1.0, lines[first].misfit(best, points) / design)
    if misfit > _BENT:
        return None
    wanted = heights[first] - (max(reach, Z) * _WIDER) ** 2 * design * misfit / 2
    fitting = [(line, top) for line, top, height in zip(lines, tops, heights, strict=True) if height > wanted]
    lows = [_end(line, top, begin, wanted) for line, top in fitting]
    highs = [_end(line, top, end, wanted) for line, top in fitting]
    if any(edge is None for edge in (*lows, *highs)):
        return None
    low, high = min(edge for edge in lows if edge is not None), max(edge for edge in highs if edge is not None)
    return Crossing(math.exp(best), math.exp(low), math.exp(high), design, slope)


class _Line:
    """All lines on a floor that reach `share` at a given log rate, and the best of them."""

    def __init__(self, points: Sequence[Point], share: float, floor: float) -> None:
        self._points = [(math.log(one.rps), one.starts, one.bad) for one in points]
        self._floor = floor
        above = (share - floor) / (1 - floor)
        self._level = math.log(above / (1 - above))
        self._known: dict[float, tuple[float, float]] = {}
        self._last = 15.0  # the slope nearby is a good first guess

    def slope(self, at: float) -> float:
        """The slope of the likeliest line that crosses at `at`."""
        return self._fit(at)[0]

    def likelihood(self, at: float) -> float:
        """The log-likelihood of the likeliest line that crosses at `at`."""
        return self._fit(at)[1]

    def misfit(self, at: float, points: Sequence[Point]) -> float:
        """Pearson's chi-square of these trials, by how many more there are than the line has parameters."""
        slope, total = self.slope(at), 0.0
        for one in points:
            p = self._share(slope, math.log(one.rps) - at)
            total += (one.bad - one.starts * p) ** 2 / (one.starts * p * (1 - p))
        return total / max(1, len(points) - _PARAMETERS)

    def _share(self, slope: float, x: float) -> float:
        return min(1 - 1e-12, max(1e-12, self._floor + (1 - self._floor) * _expit(self._level + slope * x)))

    def _fit(self, at: float) -> tuple[float, float]:
        """Slope and log-likelihood, by Fisher's scoring."""
        if at in self._known:
            return self._known[at]
        slope, floor, level = self._last, self._floor, self._level
        offsets = [(rate - at, starts, bad) for rate, starts, bad in self._points]
        for _ in range(60):
            gain = curve = 0.0
            for x, starts, bad in offsets:
                q = _expit(level + slope * x)
                p = max(1e-12, floor + (1 - floor) * q)
                rises = (1 - floor) * q * (1 - q) * x
                gain += rises * (bad - starts * p) / (p * max(1e-12, 1 - p))
                curve += rises * rises * starts / (p * max(1e-12, 1 - p))
            step = max(-slope / 2, min(slope, gain / curve if curve > 0 else math.copysign(slope, gain)))
            slope = min(2 * _MOST_SLOPE, max(_LEAST_SLOPE, slope + step))
            if abs(step) < 1e-4 * slope or slope in {_LEAST_SLOPE, 2 * _MOST_SLOPE}:
                break
        total = 0.0
        for x, starts, bad in offsets:
            p = self._share(slope, x)
            total += bad * math.log(p) + (starts - bad) * math.log1p(-p)
        self._known[at], self._last = (slope, total), slope
        return slope, total


def _top(line: _Line, begin: float, end: float) -> float:
    """Where the likelihood is the greatest: the best of a grid, then golden sections around it."""
    step = (end - begin) / 14
    grid = [begin + step * place for place in range(15)]
    best = max(grid, key=line.likelihood)
    low, high, ratio = best - step, best + step, (math.sqrt(5) - 1) / 2
    for _ in range(15):
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, second) if line.likelihood(first) > line.likelihood(second) else (first, high)
    return (low + high) / 2


def _end(line: _Line, best: float, edge: float, wanted: float) -> float | None:
    """Where the likelihood has fallen to `wanted` on the way to the edge; None where it never does."""
    if line.likelihood(edge) > wanted:
        return None
    inner, outer = best, edge
    for _ in range(14):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if line.likelihood(middle) > wanted else (inner, middle)
    return outer


def _expit(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z > -700 else 0.0  # noqa: PLR2004 - beyond it e to that power is no number
