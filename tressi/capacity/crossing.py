"""At which rate the share of bad starts crosses its limit, from all trials near to it: one curve, and its interval.

Near the limit the logit of the share is close to a straight line over the logarithm of the rate; for M/M/1 it is nearly one.
The line is a logistic regression by maximum likelihood. A start does not count as one, but as one by the design effect, which
is that of all these trials together (quasi-likelihood, Wedderburn 1974). The interval holds every rate at which a line that
crosses the limit there fits hardly worse (profile likelihood; Venzon and Moolgavkar 1988), so it may be lopsided, and it is
wider by what a long-run variance from so few seconds is unsure.

Example: at 740, 770 and 800 RPS 0.54, 1.02 and 1.83 % were bad, of 150,000 starts each with a design effect of 30. The line
crosses 1 % at 769 RPS, between 755 and 784.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# A share that grows less than the rate is no saturation, and one that grows 100 times as much is a step: for it a bracket
# says more than a line.
_LEAST_SLOPE, _MOST_SLOPE = 1.0, 100.0
_FARTHEST: Final = 0.35  # of the crossing from the nearest trial, in log rate
# Variances come from few trials, and the search stops where the interval is short: one as wide as 1.96 would miss more often.
_Z: Final = 2.2


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


def crossing(points: Sequence[Point], share: float) -> Crossing | None:
    """Where the curve of these trials crosses `share`; None where they do not say, or where it is a step."""
    design = design_of(points)
    if design is None or len({one.rps for one in points}) < 2:  # noqa: PLR2004 - a line takes two
        return None
    line = _Line(points, share)
    begin = min(line.rates) - _FARTHEST
    end = max(line.rates) + _FARTHEST
    best = _top(line, begin, end)
    if not _LEAST_SLOPE < line.slope(best) < _MOST_SLOPE:
        return None
    weight = sum(one.starts for one in points)
    reach = sum(one.factor * one.starts for one in points) / weight
    drop = max(reach, 1.96) ** 2 * (_Z / 1.96) ** 2 * design / 2
    low, high = (_end(line, best, edge, drop) for edge in (begin, end))
    # Beyond the trials a line says nothing: a step begins where it begins.
    if low is None or high is None or not min(line.rates) < best < max(line.rates):
        return None
    return Crossing(math.exp(best), math.exp(low), math.exp(high), design, line.slope(best))


class _Line:
    """All lines through `share` at a given log rate, and the best of them."""

    def __init__(self, points: Sequence[Point], share: float) -> None:
        self._points = [(math.log(one.rps), one.starts, one.bad) for one in points]
        self._level = math.log(share / (1 - share))
        self._slopes: dict[float, float] = {}
        self.rates = [rate for rate, _, _ in self._points]

    def slope(self, at: float) -> float:
        """The slope of the likeliest line that crosses at `at` (Newton's method; the likelihood is concave)."""
        if at in self._slopes:
            return self._slopes[at]
        slope = 15.0
        for _ in range(60):
            gain = curve = 0.0
            for rate, starts, bad in self._points:
                x = rate - at
                p = _expit(self._level + slope * x)
                gain += x * (bad - starts * p)
                curve += x * x * starts * p * (1 - p)
            step = max(-slope / 2, min(slope, gain / curve if curve > 0 else math.copysign(slope, gain)))
            slope = min(2 * _MOST_SLOPE, max(_LEAST_SLOPE, slope + step))
            if abs(step) < 1e-6 * slope or slope in {_LEAST_SLOPE, 2 * _MOST_SLOPE}:
                break
        self._slopes[at] = slope
        return slope

    def likelihood(self, at: float) -> float:
        """The log-likelihood of the likeliest line that crosses at `at`."""
        slope, total = self.slope(at), 0.0
        for rate, starts, bad in self._points:
            z = self._level + slope * (rate - at)
            total += bad * z - starts * (z + math.log1p(math.exp(-z)) if z > 0 else math.log1p(math.exp(z)))
        return total


def _top(line: _Line, begin: float, end: float) -> float:
    """Where the likelihood is the greatest: the best of a grid, then golden sections around it."""
    step = (end - begin) / 40
    grid = [begin + step * place for place in range(41)]
    best = max(grid, key=line.likelihood)
    low, high, ratio = best - step, best + step, (math.sqrt(5) - 1) / 2
    for _ in range(25):
        first, second = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, second) if line.likelihood(first) > line.likelihood(second) else (first, high)
    return (low + high) / 2


def _end(line: _Line, best: float, edge: float, drop: float) -> float | None:
    """Where the likelihood has fallen by `drop` on the way to the edge; None where it never does."""
    wanted = line.likelihood(best) - drop
    if line.likelihood(edge) > wanted:
        return None
    inner, outer = best, edge
    for _ in range(40):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if line.likelihood(middle) > wanted else (inner, middle)
    return outer


def _expit(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z > -700 else 0.0  # noqa: PLR2004 - beyond it e to that power is no number
