"""The statistics of an interleaved run: pairs of blocks, and what each pair says. Pure functions.

Of each pair there is one number: the logarithm of the ratio of the percentile. Its mean over the pairs has an interval by
Student's t, and its p value is that of sign flips: if both sides were the same, each pair could as well have come out the other
way round.

Where a block has fewer than 20 requests beyond the percentile, its percentile is that of a few outliers. There the number is
the difference of the shares above the pooled percentile, for which every request counts. The ratio is then the factor by which
the second side is scaled so that these differences vanish, and its interval all the factors for which they may.

Example: 20 pairs, B slower by 5 % on average, the pairs' standard deviation 4 %: ± 2.093 · 4 % / √20 is 3.1 % to 6.9 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Final

from tressi.compare.blocks import BEYOND
from tressi.compare.result import FAILURES, PERCENTS, Estimate
from tressi.compare.sides import merged
from tressi.stats.combine import paired
from tressi.stats.contrast import flip_p
from tressi.stats.quantiles import student_quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tressi._core import Histogram

LEAST_PAIRS: Final = 6  # with five, no p value of sign flips is below 0.05
_FARTHEST: Final = math.log(8)  # factors beyond this are not looked for
_HALVINGS: Final = 18
_LONGEST_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What one side answered within one block."""

    response: Histogram
    made: int = 0
    failed: int = 0


Pair = tuple[Measured, Measured]


def interleaved(
    pairs: Mapping[str, Sequence[Pair]], alpha: float = 0.05, metrics: Sequence[str] = (*PERCENTS, FAILURES)
) -> list[Estimate]:
    """Every metric of every endpoint, and of all together where there are several."""
    result = []
    parts: dict[str | None, Sequence[Pair]] = {}
    if len(pairs) > 1:
        parts[None] = [_together(one) for one in zip(*pairs.values(), strict=True)]
    parts.update(pairs)
    for key, measured in parts.items():
        result += [_estimated(key, metric, measured, alpha) for metric in metrics]
    return result


def _together(pairs: Sequence[Pair]) -> Pair:
    first, second = (
        Measured(
            merged(pair[side].response for pair in pairs),
            sum(pair[side].made for pair in pairs),
            sum(pair[side].failed for pair in pairs),
        )
        for side in (0, 1)
    )
    return first, second


def _estimated(key: str | None, metric: str, pairs: Sequence[Pair], alpha: float) -> Estimate:
    if metric == FAILURES:
        return _failures(key, pairs, alpha)
    answered = [(a.response, b.response) for a, b in pairs if a.response.count and b.response.count]
    if len(answered) < LEAST_PAIRS:
        return Estimate(key, metric, reason=f"it takes {LEAST_PAIRS} pairs, and there are {len(answered)}", units=len(answered))
    percent = PERCENTS[metric]
    least = min(min(a.count, b.count) for a, b in answered) * (1 - percent / 100)
    return (_by_percentiles if least >= BEYOND else _by_shares)(key, metric, answered, alpha)


def _failures(key: str | None, pairs: Sequence[Pair], alpha: float) -> Estimate:
    sent = [(a, b) for a, b in pairs if a.made and b.made]
    before, after = (sum(pair[side].failed for pair in sent) / max(1, sum(pair[side].made for pair in sent)) for side in (0, 1))
    blank = Estimate(key, FAILURES, before, after, units=len(sent))
    if len(sent) < LEAST_PAIRS:
        return replace(blank, reason=f"it takes {LEAST_PAIRS} pairs, and there are {len(sent)}")
    differences = [b.failed / b.made - a.failed / a.made for a, b in sent]
    found = paired(differences, 1 - alpha)
    return replace(blank, low=found.low, high=found.high, p=flip_p(differences), spread=stdev(differences))


def _by_percentiles(key: str | None, metric: str, pairs: Sequence[tuple[Histogram, Histogram]], alpha: float) -> Estimate:
    percent = PERCENTS[metric]
    logs = [[math.log(max(1, side.percentile(percent))) for side in pair] for pair in pairs]
    differences = [after - before for before, after in logs]
    found = paired(differences, 1 - alpha)
    before = math.exp(fmean(log[0] for log in logs)) / 1e3
    blank = Estimate(key, metric, before, p=flip_p(differences), spread=stdev(differences), units=len(pairs))
    return _with_ratio(blank, found.value, found.low, found.high)


def _with_ratio(estimate: Estimate, log_ratio: float, low: float, high: float) -> Estimate:
    after = None if estimate.before is None else estimate.before * math.exp(log_ratio)
    return replace(estimate, after=after, low=math.exp(low), high=math.exp(high))


# ------------------------------------------------------------------------------------------------------- rare percentiles


def _by_shares(key: str | None, metric: str, pairs: Sequence[tuple[Histogram, Histogram]], alpha: float) -> Estimate:
    """By the factor at which the differences of the shares above the pooled percentile vanish."""
    p = PERCENTS[metric] / 100
    sides = merged(a for a, _ in pairs), merged(b for _, b in pairs)
    factor = student_quantile(1 - alpha / 2, len(pairs) - 1)

    def score(log_ratio: float) -> float:
        """Mean difference by its error: above 0 where the second side, so scaled, is beyond the percentile less often."""
        return _score(_differences(pairs, sides, p, log_ratio))

    before, chance = sides[0].percentile(100 * p) / 1e3, flip_p(_differences(pairs, sides, p, 0.0))
    estimate, low, high = (_crossing(score, level) for level in (0.0, -factor, factor))
    if max(map(abs, (low, estimate, high))) > _FARTHEST - 0.1:
        after = sides[1].percentile(100 * p) / 1e3
        reason = "too few requests of a block are beyond it: more pairs, or a higher rate"
        return Estimate(key, metric, before, after, p=chance, reason=reason, units=len(pairs))
    spread = (high - low) / 2 / factor * math.sqrt(len(pairs))
    return _with_ratio(Estimate(key, metric, before, p=chance, spread=spread, units=len(pairs)), estimate, low, high)


def _differences(
    pairs: Sequence[tuple[Histogram, Histogram]], sides: tuple[Histogram, Histogram], p: float, log_ratio: float
) -> list[float]:
    """Of each pair the share above the pooled percentile, of the first side less that of the second scaled down."""
    ratio = math.exp(log_ratio)
    edge = _pooled(sides, p, ratio)
    edges = round(edge), min(_LONGEST_US, round(edge * ratio))
    return [b.counts_up_to((edges[1],))[0] / b.count - a.counts_up_to((edges[0],))[0] / a.count for a, b in pairs]


def _pooled(sides: tuple[Histogram, Histogram], p: float, ratio: float) -> float:
    """The percentile in µs of both sides together, the second divided by the ratio."""
    wanted = p * (sides[0].count + sides[1].count)
    low, high = 0.0, math.log(max(2.0, sides[0].max_us, sides[1].max_us / ratio) + 1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        edge = math.exp(middle)
        upto = sides[0].counts_up_to((min(_LONGEST_US, round(edge)),))[0]
        upto += sides[1].counts_up_to((min(_LONGEST_US, round(edge * ratio)),))[0]
        low, high = (middle, high) if upto < wanted else (low, middle)
    return math.exp(high)


def _score(differences: Sequence[float]) -> float:
    n = len(differences)
    mean = math.fsum(differences) / n
    square = math.fsum((one - mean) ** 2 for one in differences) / (n - 1)
    if square <= 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / math.sqrt(square / n)


def _crossing(score: Callable[[float], float], level: float) -> float:
    """The log ratio at which the rising score reaches the level, within what is looked for."""
    low, high = -_FARTHEST, _FARTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) < level else (low, middle)
    return (low + high) / 2
