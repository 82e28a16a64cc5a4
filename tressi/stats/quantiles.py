"""Distribution functions and quantiles without a library: normal, Student's t, and the binomial of a real-valued N.

All but the normal rest on the regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22) in the
form of Lentz. That takes about √max(a, b) steps, so for a binomial of a large variance the quantile is the expansion of Cornish
and Fisher instead, whose error shrinks with the variance: below 0.01 of a rank from a variance of 400 on.

An effective number of samples is no whole number. The binomial is continued between whole ones by
P(K <= x) = I_{1-p}(N - x, x + 1), which is the usual one at whole x and N.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_NORMAL: Final = NormalDist()
_TINY: Final = 1e-300
_PRECISION: Final = 1e-15
_LONGEST: Final = 200_000  # steps of the fraction: more than any argument of this package takes
_WIDE_VARIANCE: Final = 400.0


def normal_cdf(x: float) -> float:
    """The share of a standard normal distribution up to `x`."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def normal_quantile(share: float) -> float:
    """Where a standard normal distribution reaches `share`, which lies between 0 and 1 (Wichura's AS 241)."""
    return _NORMAL.inv_cdf(share)


def beta_cdf(x: float, a: float, b: float) -> float:
    """I_x(a, b), the share of a beta distribution up to `x`; `a` and `b` above 0."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    # The density at x, times x (1 - x).
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    # The fraction is fast below the mean; above it the mirror image is.
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of DLMF 8.17.22 by Lentz's algorithm: numerator and denominator as ratios of neighbours."""
    upper = 1.0
    lower = value = 1 / ((1 - (a + b) * x / (a + 1)) or _TINY)
    for step in range(1, _LONGEST):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        change = 1.0
        for term in (even, odd):
            lower = 1 / ((1 + term * lower) or _TINY)
            upper = (1 + term / upper) or _TINY
            change = upper * lower
            value *= change
        if abs(change - 1) < _PRECISION:
            return value
    raise ArithmeticError(f"I_x({a}, {b}) at {x} does not converge in {_LONGEST} steps")


def student_cdf(t: float, freedom: float) -> float:
    """The share of Student's distribution with so many degrees of freedom up to `t`."""
    tail = 0.5 * beta_cdf(freedom / (freedom + t * t), freedom / 2, 0.5)
    return tail if t < 0 else 1 - tail


@lru_cache(maxsize=4096)
def student_quantile(share: float, freedom: float) -> float:
    """Where Student's distribution with `freedom` (1 or more) degrees of freedom reaches `share`, between 0 and 1."""
    if share < 0.5:  # noqa: PLR2004 - the middle
        return -student_quantile(1 - share, freedom)
    most = 1.0
    while student_cdf(most, freedom) < share:
        most *= 2

    def off(t: float) -> float:
        return student_cdf(t, freedom) - share

    return _root(off, (0.0, off(0.0)), (most, off(most)))


def binomial_cdf(x: float, n: float, p: float) -> float:
    """P(K <= x) of a binomial with real-valued `n` above 0, continued between whole `x`; 0 up to -1, 1 from `n` on."""
    if x <= -1 or x >= n:
        return 0.0 if x <= -1 else 1.0
    return beta_cdf(1 - p, n - x, x + 1)


@lru_cache(maxsize=4096)
def binomial_quantile(share: float, n: float, p: float) -> float:
    """The `x` between -1 and `n` at which `binomial_cdf` reaches `share`; `share` and `p` between 0 and 1."""
    guess = _expanded(share, n, p)
    if n * p * (1 - p) >= _WIDE_VARIANCE:
        return guess

    def off(x: float) -> float:
        return binomial_cdf(x, n, p) - share

    low, high = max(-1.0, guess - 1), min(n, guess + 1)
    at_low, at_high = off(low), off(high)
    while low > -1 and at_low > 0:
        low = max(-1.0, low - 2)
        at_low = off(low)
    while high < n and at_high < 0:
        high = min(n, high + 2)
        at_high = off(high)
    return _root(off, (low, at_low), (high, at_high))


def _expanded(share: float, n: float, p: float) -> float:
    """The expansion of Cornish and Fisher up to the fourth moment, of the binomial spread by half a unit to either side."""
    z, q = normal_quantile(share), 1 - p
    variance = n * p * q + 1 / 12
    deviation = math.sqrt(variance)
    skew = n * p * q * (q - p) / deviation**3
    excess = (n * p * q * (1 - 6 * p * q) - 1 / 120) / variance**2
    turned = z + skew * (z * z - 1) / 6 + excess * (z**3 - 3 * z) / 24 - skew * skew * (2 * z**3 - 5 * z) / 36
    return min(max(n * p + deviation * turned - 0.5, -1.0), n)


def _root(f: Callable[[float], float], begin: tuple[float, float], end: tuple[float, float]) -> float:
    """Where a rising function is 0: false position in the form of Illinois, halving where that stalls.

    It is looked for from `begin` to `end`, both with what the function is there.
    """
    (low, at_low), (high, at_high), side = begin, end, 0
    for turn in range(200):
        wide = high - low
        if wide <= 1e-11 * max(1.0, abs(low), abs(high)) or at_high == at_low:
            break
        middle = low + wide / 2 if turn % 4 == 3 else low - at_low * wide / (at_high - at_low)  # noqa: PLR2004
        value = f(middle)
        if value == 0:
            return middle
        if value < 0:
            low, at_low, at_high, side = middle, value, at_high / 2 if side < 0 else at_high, -1
        else:
            high, at_high, at_low, side = middle, value, at_low / 2 if side > 0 else at_low, 1
    return (low + high) / 2
