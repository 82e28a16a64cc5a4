"""What `combine` has not: sign flips counted exactly for many pairs, and one further value against several.

The exact distribution of sign flips is counted by the shift algorithm (Streitberg and Röhmel 1986): each difference becomes a
whole number of units, a sum of them a power of x, and the number of ways to each sum is a coefficient of the product of
(1 + x^units). The product is kept in one large integer, x being a power of two wide enough for every coefficient. Rounding to
one of 4,096 units moves a sum by less than a hundredth of its deviation. 20 pairs take a millisecond, 64 a few.

Example: of 8 pairs that all differ to one side, 2 of the 256 ways to flip their signs are as extreme: p = 0.0078.
"""

from __future__ import annotations

import math
from statistics import fmean, variance
from typing import TYPE_CHECKING, Final

from tressi.stats.combine import Difference
from tressi.stats.quantiles import student_cdf, student_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS: Final = 1 << 12


def flip_p(differences: Sequence[float]) -> float:
    """How often a sum of the differences with signs drawn at random is as far from 0 as theirs (two-sided)."""
    total = math.fsum(map(abs, differences))
    if total == 0:
        return 1.0
    units = [round(abs(one) / total * _UNITS) for one in differences]
    positive = sum(unit for unit, one in zip(units, differences, strict=True) if one > 0)
    width = len(units) + 2
    ways = 1
    for unit in units:
        ways += ways << (unit * width)
    farther = max(positive, sum(units) - positive)
    # The sum of all digits of a number is what it leaves modulo the base less 1.
    as_far = (ways >> (farther * width)) % ((1 << width) - 1)
    return float(min(1.0, 2 * as_far / 2 ** len(units)))


def one_of_many(many: Sequence[float], one: float, confidence: float = 0.95) -> Difference:
    """One further value less the mean of several, two or more: the prediction interval of Student's t."""
    freedom = len(many) - 1.0
    value, error = one - fmean(many), math.sqrt(variance(many) * (1 + 1 / len(many)))
    if error == 0:
        return Difference(value, value, value, float(value == 0), freedom)
    reach = error * student_quantile((1 + confidence) / 2, freedom)
    return Difference(value, value - reach, value + reach, 2 * student_cdf(-abs(value) / error, freedom), freedom)


def of_a_spread(value: float, deviation: float, runs: int, confidence: float = 0.95) -> Difference:
    """The difference of two further runs, where runs of one build have that standard deviation, known from so many of them."""
    freedom, error = runs - 1.0, deviation * math.sqrt(2)
    if error == 0:
        return Difference(value, value, value, float(value == 0), freedom)
    reach = error * student_quantile((1 + confidence) / 2, freedom)
    return Difference(value, value - reach, value + reach, 2 * student_cdf(-abs(value) / error, freedom), freedom)
