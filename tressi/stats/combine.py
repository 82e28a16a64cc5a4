"""Two groups of figures: by how much they differ, how sure that is, and what is left of it where many are looked at.

Figures are logarithms of percentiles, of a run or of a block of it, so that a difference is the logarithm of a ratio. Requests
are no unit of repetition: a test over 100,000 of one run finds everything significant.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import fmean, variance
from typing import TYPE_CHECKING, Final

from tressi.stats.quantiles import student_cdf, student_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXACT_DIVISIONS: Final = 50_000  # two groups of nine have 48,620
_EXACT_PAIRS: Final = 16
_DRAWS: Final = 20_000
_EQUAL: Final = 1e-12  # sums of the same numbers in another order


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference with its interval; `p` is the share of chance results as far from 0, `freedom` the degrees of freedom."""

    value: float
    low: float
    high: float
    p: float
    freedom: float

    def ratio(self) -> tuple[float, float, float]:
        """Ratio and its interval, where the difference is one of logarithms."""
        return math.exp(self.value), math.exp(self.low), math.exp(self.high)


def welch(before: Sequence[float], after: Sequence[float], confidence: float = 0.95) -> Difference:
    """The mean of `after` less that of `before`, two or more each, without the assumption that both vary alike (Welch 1947)."""
    parts = [variance(group) / len(group) for group in (before, after)]
    value = fmean(after) - fmean(before)
    if sum(parts) == 0:
        return _certain(value, len(before) + len(after) - 2.0)
    shares = [part**2 / (len(group) - 1) for part, group in zip(parts, (before, after), strict=True)]
    return _by_t(value, math.sqrt(sum(parts)), sum(parts) ** 2 / sum(shares), confidence)


def paired(differences: Sequence[float], confidence: float = 0.95) -> Difference:
    """The mean of the differences of pairs, of two pairs or more, with Student's interval."""
    error = math.sqrt(variance(differences) / len(differences))
    if error == 0:
        return _certain(fmean(differences), len(differences) - 1.0)
    return _by_t(fmean(differences), error, len(differences) - 1.0, confidence)


def _by_t(value: float, error: float, freedom: float, confidence: float) -> Difference:
    reach = error * student_quantile((1 + confidence) / 2, freedom)
    return Difference(value, value - reach, value + reach, 2 * student_cdf(-abs(value) / error, freedom), freedom)


def _certain(value: float, freedom: float) -> Difference:
    """Of figures that do not vary at all."""
    return Difference(value, value, value, 0.0 if value else 1.0, freedom)


def permutation_p(before: Sequence[float], after: Sequence[float], seed: int = 0) -> float:
    """The share of all divisions into two such groups whose means differ at least as much as these do (two-sided).

    Exact up to 50,000 divisions; beyond, of 20,000 drawn with `seed` and the one that was observed.
    """
    together = [*before, *after]
    centre = fmean(together)
    off = [value - centre for value in together]
    size = min(len(before), len(after))
    # Both groups sum to 0 together, so the difference of their means is a multiple of the smaller one's sum.
    smaller = off[: len(before)] if len(before) <= len(after) else off[len(before) :]
    seen = abs(sum(smaller)) - _EQUAL * sum(map(abs, off))
    if (divisions := math.comb(len(off), size)) <= _EXACT_DIVISIONS:
        return sum(abs(sum(group)) >= seen for group in combinations(off, size)) / divisions
    draw = random.Random(seed)  # noqa: S311 - no secret depends on it
    return (1 + sum(abs(sum(draw.sample(off, size))) >= seen for _ in range(_DRAWS))) / (_DRAWS + 1)


def sign_flip_p(differences: Sequence[float], seed: int = 0) -> float:
    """The share of all choices of signs whose sum is at least as far from 0 as that of the differences of pairs (two-sided).

    Exact up to 16 pairs; beyond, of 20,000 drawn with `seed` and the one that was observed.
    """
    seen = abs(sum(differences)) - _EQUAL * sum(map(abs, differences))
    if len(differences) <= _EXACT_PAIRS:
        sums = [0.0]
        for value in differences:
            sums = [before + sign * value for before in sums for sign in (1, -1)]
        return sum(abs(one) >= seen for one in sums) / len(sums)
    draw = random.Random(seed)  # noqa: S311 - no secret depends on it
    sizes, count = list(differences), len(differences)
    hits = 0
    for _ in range(_DRAWS):
        signs = draw.getrandbits(count)
        hits += abs(sum(value if signs >> place & 1 else -value for place, value in enumerate(sizes))) >= seen
    return (1 + hits) / (_DRAWS + 1)


def least_permutation_p(before: int, after: int) -> float:
    """The least p that groups of such sizes can have: 0.1 for three and three, 0.029 for four and four."""
    return (2 if before == after else 1) / math.comb(before + after, before)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float


def mover(before: Estimate, after: Estimate) -> Estimate:
    """`after` less `before`, of two independent figures, from their intervals alone (MOVER; Zou and Donner 2008).

    Each end takes the reach of the two ends that make it: the intervals may be lopsided, as those of percentiles are.
    """
    value = after.value - before.value
    below = math.hypot(after.value - after.low, before.high - before.value)
    above = math.hypot(after.high - after.value, before.value - before.low)
    return Estimate(value, value - below, value + above)


def mover_ratio(before: Estimate, after: Estimate) -> Estimate:
    """`after` by `before`, both above 0: MOVER on the logarithms."""
    logs = (Estimate(*map(math.log, (one.value, one.low, one.high))) for one in (before, after))
    found = mover(*logs)
    return Estimate(*map(math.exp, (found.value, found.low, found.high)))


def holm(ps: Sequence[float]) -> list[float]:
    """Each p as it counts among so many (Holm 1979): below 0.05 at most once in 20 families where nothing differs."""
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    adjusted, least = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = least
    return adjusted


def rising(shares: Sequence[float]) -> bool:
    """Whether shares of information rise from above 0 to at most 1."""
    return bool(shares) and shares[0] > 0 and shares[-1] <= 1 and all(a < b for a, b in pairwise(shares))
