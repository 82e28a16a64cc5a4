"""What `combine` has not: sign flips counted exactly for many pairs, many metrics at once, one value against several.

The exact distribution of sign flips is counted by the shift algorithm (Streitberg and Röhmel 1986): each difference becomes a
whole number of units, a sum of them a power of x, and the number of ways to each sum is a coefficient of the product of
(1 + x^units). The product is kept in one large integer, x being a power of two wide enough for every coefficient. Rounding to
one of 4,096 units moves a sum by less than a hundredth of its deviation. 20 pairs take a millisecond, 64 a few.

Several metrics of the same runs are corrected together by what the largest of them does when whole runs are dealt to the sides
at random (Westfall and Young 1993). Holm's correction of 4 + 4 runs could find nothing in two metrics, because no p value of
so few is below 0.029; here the least corrected p is 0.029 for any number of metrics, and metrics that move together count as
few.

Example: of 8 pairs that all differ to one side, 2 of the 256 ways to flip their signs are as extreme: p = 0.0078.
"""

from __future__ import annotations

import math
import random
from itertools import combinations, pairwise
from statistics import fmean, variance
from typing import TYPE_CHECKING, Final

from tressi.stats.combine import Difference
from tressi.stats.quantiles import student_cdf, student_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS: Final = 1 << 12
_DIVISIONS: Final = 5_000
_EQUAL: Final = 1e-9  # sums of the same numbers in another order


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


def joint_permutation_p(before: Sequence[Sequence[float]], after: Sequence[Sequence[float]], seed: int = 0) -> list[float]:
    """The p values of several metrics corrected for all of them (two-sided); each has one value of each run, in one order.

    Exact up to 5,000 divisions of the runs; beyond, of as many drawn with `seed` and the one that was observed.
    """
    centred = [_centred([*one, *other]) for one, other in zip(before, after, strict=True)]
    runs, size = len(before[0]) + len(after[0]), len(after[0])
    observed = [abs(math.fsum(one[len(before[0]) :])) for one in centred]
    if math.comb(runs, size) <= _DIVISIONS:
        divisions, extra = list(combinations(range(runs), size)), 0
    else:
        draw = random.Random(seed)  # noqa: S311 - no secret depends on it
        divisions, extra = [tuple(draw.sample(range(runs), size)) for _ in range(_DIVISIONS)], 1
    largest = [max(abs(sum(one[run] for run in group)) for one in centred) for group in divisions]
    return [(extra + sum(one >= seen - _EQUAL for one in largest)) / (extra + len(largest)) for seen in observed]


def _centred(values: Sequence[float]) -> list[float]:
    """Values about their mean, in standard deviations, so that metrics of any scale are compared; all 0 if they are alike."""
    centre, square = fmean(values), variance(values)
    return [(value - centre) / math.sqrt(square) if square > _EQUAL * max(1.0, centre**2) else 0.0 for value in values]


def levels_of_looks(looks: Sequence[int], alpha: float = 0.05) -> list[float]:
    """The level of each of several looks, at so many pairs each: what it adds to the spending function alpha ln(1 + (e - 1) t).

    The function is that of Pocock's boundary (Lan and DeMets 1983). The levels sum to `alpha`, so that they hold whatever the
    looks have to do with each other. O'Brien and Fleming's form would leave the first looks a level below what sign flips of so
    few pairs can reach: 0.000015 at 16 of 64 pairs, whose least p value is 0.00003.
    """
    shares = [0.0, *(look / looks[-1] for look in looks)]
    return [alpha * (math.log1p((math.e - 1) * now) - math.log1p((math.e - 1) * then)) for then, now in pairwise(shares)]


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
