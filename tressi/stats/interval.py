"""How sure a percentile is: its 95 % interval, from the histograms of a run's seconds.

1. q is the percentile of all seconds, merged.
2. Of each second, k of n responses did not exceed q; e = k - p n, which sums to nearly 0.
3. Ω is the long-run variance of e (`variance.py`), never below what n independent responses have, n p (1 - p). Ω by that is the
   design effect: so many responses say as much as one independent response.
4. No percentile has a smaller design effect than one nearer to the median. A tail is a handful of episodes, and a run that met
   short ones by chance would believe its tail to be made of many; of the middle of the distribution there is more to see.
5. N by the design effect, and once more by the square of what the interval is wider than with 1.96, is how many independent
   responses would say as much: the effective samples. Their ranks are the binomial's (Woodruff 1952; Korn and Graubard 1998),
   read from the merged histogram at the outer edges of its buckets.

With a design effect of 1 and no widening these are the ranks of `scipy.stats.quantile_test`.

Example: 120 s at 950 RPS of a queue that is 95 % occupied are 114,000 responses. Each waits behind those before it, and of p50
the design effect is 500: 228 effective samples, or 160 after widening, so p50 lies between the ranks 42 % and 58 %.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from tressi.frozen import dataclass
from tressi.stats.quantiles import binomial_quantile
from tressi.stats.variance import Z, long_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi._core import Histogram
    from tressi.stats.variance import LongRun

LEAST_SECONDS: Final = 10
_MISS: Final = 0.05  # an interval may miss so often
_MIDDLE: Final = 50.0
# Levels that are looked at beside those asked for, so that the answer for p99 does not depend on what else was asked.
_LADDER: Final = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)
_HALF_BITS: Final = 10  # of the histogram: 1024 counters for each doubling
# What a run is asked to take longer by, because the next one's estimate differs.
_MARGIN: Final = 1.25


class Second(Protocol):
    """What was measured in one second: a `Histogram`, or a `Packed`, which is smaller and read sooner."""

    @property
    def count(self) -> int:
        """How many values it has."""

    def percentiles(self, percents: Iterable[float]) -> list[int]:
        """Several percentiles in µs; `percents` ascending, 0 to 100."""

    def counts_up_to(self, values_us: Iterable[int]) -> list[int]:
        """How many values do not exceed each of `values_us`, ascending."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile and how sure it is. Without an interval `reason` says why, and `needs_s` how long it would take.

    `effective` is how many independent responses would say as much, `design_effect` how many responses say as much as one.
    """

    value_ms: float
    low_ms: float | None = None
    high_ms: float | None = None
    effective: float = 0.0
    design_effect: float = 1.0
    reason: str | None = None
    needs_s: float | None = None


@lru_cache(maxsize=256)
def least_samples(percent: float) -> int:
    """How many independent responses a two-sided 95 % interval of a percentile (above 0, below 100) takes at least.

    From the least to the greatest of n responses is one that misses with the probability p^n + (1 - p)^n: 6 for p50, 29 for
    p90, 59 for p95, 299 for p99, 2,995 for p99.9 and 29,956 for p99.99.
    """
    p = percent / 100
    low, high = 1, 2
    while p**high + (1 - p) ** high > _MISS:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if p**middle + (1 - p) ** middle <= _MISS else (middle, high)
    return high


def intervals(merged: Histogram, seconds: Sequence[Second], span_s: float, percents: Iterable[float]) -> dict[float, Interval]:
    """The interval of each percentile of `merged`, which are `seconds` together; `span_s` is how long they took.

    Percentiles are above 0 and below 100. None is given without any response.
    """
    asked = sorted(set(percents))
    if not merged.count or not asked:
        return {}
    values_ms = {
        percent: min(value, merged.max_us) / 1e3 for percent, value in zip(asked, merged.percentiles(asked), strict=True)
    }
    if len(seconds) < LEAST_SECONDS or span_s < LEAST_SECONDS - 0.5:
        return {percent: _too_short(value, len(seconds)) for percent, value in values_ms.items()}
    effects = _design_effects(merged, seconds, asked)
    return {percent: _interval(merged, percent, values_ms[percent], effects[percent], span_s) for percent in asked}


def _too_short(value_ms: float, seconds: int) -> Interval:
    reason = f"{seconds} s are too short to say how sure it is: it takes {LEAST_SECONDS} s that are steady"
    return Interval(value_ms, reason=reason, needs_s=float(LEAST_SECONDS))


@dataclass(frozen=True, slots=True)
class _Effect:
    """A design effect, and the factor that takes the place of 1.96 with it."""

    design: float
    factor: float

    @property
    def cost(self) -> float:
        """How many responses make one effective sample."""
        return self.design * (self.factor / Z) ** 2


def _design_effects(merged: Histogram, seconds: Sequence[Second], asked: Sequence[float]) -> Mapping[float, _Effect]:
    """The effect of each percentile asked for: its own, or a costlier one between it and the median."""
    levels = sorted({*asked, *(level for level in _LADDER if level <= max(*asked, _MIDDLE))})
    own = _own_effects(merged, seconds, levels)
    found = {}
    for percent in asked:
        between = (level for level in levels if min(percent, _MIDDLE) <= level <= max(percent, _MIDDLE))
        found[percent] = max((own[level] for level in between), key=lambda effect: effect.design)
    return found


def _own_effects(merged: Histogram, seconds: Sequence[Second], levels: Sequence[float]) -> Mapping[float, _Effect]:
    """The effect of each level by itself; one pass over the seconds."""
    edges_us = merged.percentiles(levels)
    counts = [second.counts_up_to(edges_us) for second in seconds]
    sizes = [second.count for second in seconds]
    mean = merged.count / len(seconds)
    found: dict[float, _Effect] = {}
    runs: dict[int, LongRun] = {}  # of few responses the last levels are the same value
    for place, level in enumerate(levels):
        edge_us = edges_us[place]
        if edge_us not in runs:
            # Of values that many responses share, more than p do not exceed q: then that share is the level of q.
            p = merged.counts_up_to((edge_us,))[0] / merged.count
            runs[edge_us] = long_run([upto[place] - p * n for upto, n in zip(counts, sizes, strict=True)])
        run, floor = runs[edge_us], mean * level / 100 * (1 - level / 100)
        found[level] = _Effect(max(1.0, run.variance / floor), run.factor)
    return found


def _interval(merged: Histogram, percent: float, value_ms: float, effect: _Effect, span_s: float) -> Interval:
    effective = merged.count / effect.cost
    least = least_samples(percent)
    if effective < least:
        needs_s = max(float(LEAST_SECONDS), _MARGIN * span_s * least / effective)
        return Interval(
            value_ms,
            effective=effective,
            design_effect=effect.design,
            reason=_too_few(merged.count, effective, least, effect.design, needs_s),
            needs_s=needs_s,
        )
    return interval_of(merged, percent, effective, effect.design)


def interval_of(merged: Histogram, percent: float, effective: float, design_effect: float = 1.0) -> Interval:
    """The interval of a percentile where the responses say as much as `effective` independent ones, and those are enough."""
    low, high = _ranks(effective, percent / 100)
    scale = merged.count / effective
    first = max(1, math.floor(low * scale) + 1)
    last = min(merged.count, math.ceil(high * scale))
    low_us, high_us = merged.percentiles([100 * rank / merged.count for rank in (first, last)])
    return Interval(
        min(merged.percentile(percent), merged.max_us) / 1e3,
        max(lower_edge_us(low_us), merged.min_us) / 1e3,
        min(high_us, merged.max_us) / 1e3,
        effective,
        design_effect,
    )


def _ranks(n: float, p: float) -> tuple[float, float]:
    """Between which ranks of n the p-quantile lies 95 of 100 times; 2.5 are left at either end.

    Where the greatest of n is not enough for its end, it takes more than its half, and the other end has what is left.
    """
    above = max(_MISS / 2, p**n)
    below = max(_MISS / 2, (1 - p) ** n)
    low = binomial_quantile(min(_MISS / 2, max(_MISS - above, 0.0)) or 1e-12, n, p)
    high = binomial_quantile(1 - (min(_MISS / 2, max(_MISS - below, 0.0)) or 1e-12), n, p) + 1
    return low, high


def lower_edge_us(upper_us: int) -> int:
    """The least value in µs of the histogram's counter that ends at `upper_us`."""
    shift = max(0, upper_us.bit_length() - _HALF_BITS - 1)
    return (upper_us >> shift) << shift


def _too_few(count: int, effective: float, least: int, design: float, needs_s: float) -> str:
    """The reason for no interval, in words."""
    takes = f"it takes {least:,} independent responses"
    if design < 2:  # noqa: PLR2004 - below that the dependence is not worth a word
        return f"too few responses: {takes}, and these {count:,} are worth {effective:,.0f}; run {duration_words(needs_s)}"
    return (
        f"too correlated to say: {takes}, and these {count:,}, slow and fast together with their neighbours, are worth"
        f" {effective:,.0f}; run {duration_words(needs_s)}"
    )


def duration_words(seconds: float) -> str:
    """A time to run, rounded up: "40 s", "4 min", "3 h"."""
    if seconds <= 60:  # noqa: PLR2004 - a minute
        return f"{math.ceil(seconds / 10) * 10} s"
    if seconds <= 5400:  # noqa: PLR2004 - an hour and a half
        return f"{math.ceil(seconds / 60)} min"
    return f"{math.ceil(seconds / 3600):,} h"
