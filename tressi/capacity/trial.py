"""A trial: seconds at one rate, and what they say of it.

1. The first second holds answers to what was sent before, and is left out. So is what else differs at the beginning (MSER,
   White 1997), a third at most.
2. A condition is a share that may be bad. Its interval is Wilson's, with as many independent starts as the seconds are worth:
   their design effect is the long-run variance of "bad less expected" over that of independent starts. A trial that met no
   burst of bad starts would believe that there is none, so no design effect is below that of the trials before it.
3. A trial is looked at six times at most, each time after twice the time, and each look may be wrong in a sixth of 5 of 100
   (Bonferroni): below the limit it held, above it broke, else it goes on.
4. It holds only after 20 times the time over which its requests in flight are correlated, because near saturation a queue
   takes long to grow, and only without a rising trend of latencies or of requests in flight, whatever the share.

Example: 20 s at 640 RPS have 12,800 starts, of which 26 were bad. With a design effect of 12 they say as much as 1,067
independent starts, of which 2.2 were bad: 0.2 %, and between 0.02 and 2 % at the first look. The limit is 1 %: it goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from tressi._core import Histogram
from tressi.stats.interval import Interval, intervals
from tressi.stats.quantiles import normal_quantile
from tressi.stats.steady import mser
from tressi.stats.variance import Z, long_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.capacity.slo import Condition

Verdict = Literal["held", "broke", "undecided"]
Kind = Literal["explore", "narrow", "confirm"]

LOOKS: Final = 6
_MISS: Final = 0.05
_Z: Final = normal_quantile(1 - _MISS / 2 / LOOKS)
_SHOWN: Final = 99.0
LEFT_OUT: Final = 1  # seconds, of which answers come to what was sent before
LEAST_S: Final = 10
_TIMES: Final = 20  # autocorrelation times that a trial lasts at least
# Before any trial has met a bad start. An M/M/1 queue at 77 % has 30 at its p99, one at 50 % has 10.
UNKNOWN_DESIGN: Final = 10.0
# So many seconds in a row with so much more than the allowed share need no statistics, where all seconds so far have some
# times the allowed share: a pause of 200 ms makes three seconds slow at 94 % of what a target can do, and may come once.
_CLEAR_S: Final = 4
_CLEAR_SHARE: Final = 0.25
_CLEAR_TIMES: Final = 4
_RISE: Final = 0.5
_LEAST_TREND_S: Final = 20
_SURE_OF_TREND: Final = 5.0 / Z


@dataclass(frozen=True, slots=True)
class Second:
    """What a search sees of a second: `t` is when it ended, in seconds since the search began.

    `starts` are those that were answered, failed or were given up in it, `bad` how many of them were so for each condition,
    and `served_bad` the same without their wait for a worker. `limits` say why the generator was in the way. `is_full`: starts
    were missed while the pool had all the workers that it may have. `response` is for the trial's percentiles alone.
    """

    t: float
    starts: int
    bad: tuple[int, ...]
    in_flight: int
    median_ms: float | None
    served_bad: tuple[int, ...] = ()
    limits: tuple[str, ...] = ()
    is_full: bool = False
    response: Histogram | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """The share of bad starts with its interval at the level of a look, and the long-run variance of their number."""

    starts: int
    bad: int
    low: float
    high: float
    variance: float
    factor: float

    @property
    def value(self) -> float:
        """The share itself, 0 without a start."""
        return self.bad / self.starts if self.starts else 0.0


@dataclass(slots=True)
class Trial:
    """Seconds at `rps`; `longest_s` and `least_s` bound how many there are. `design` is the design effect of trials before."""

    rps: float
    kind: Kind
    conditions: Sequence[Condition]
    longest_s: float
    least_s: float
    design: Sequence[float] = ()
    begun_s: float = 0.0
    seconds: list[Second] = field(default_factory=list)
    verdict: Verdict | None = None
    trend: Literal["none", "rising"] = "none"
    shares: Sequence[Share] = ()
    broke: str | None = None
    times: Mapping[float, Interval] = field(default_factory=dict)  # percentiles of response times, by percent

    def add(self, second: Second) -> Verdict | None:
        """Take a second; returns the verdict once there is one."""
        self.seconds.append(second)
        count = len(self.seconds) - LEFT_OUT
        if self._is_clearly_bad():
            self.shares = ()  # those of the last look are of another time
            self._settle_on("broke")
        elif count >= self.longest_s or count in self._looks():
            self.look(is_last=count >= self.longest_s)
        return self.verdict

    def look(self, *, is_last: bool) -> None:
        """Judge these seconds; at the last look there is a verdict whatever that is."""
        steady = self.steady()
        self.shares = [self._share(place, steady) for place in range(len(self.conditions))]
        if not steady:
            self.verdict = "undecided" if is_last else None
            return
        self.trend = "rising" if is_rising(steady) else "none"
        if self.trend == "rising" or any(one.low > limit.share for one, limit in self._pairs()):
            self._settle_on("broke")
        elif all(one.high < limit.share for one, limit in self._pairs()) and self._is_long_enough(steady):
            self.verdict = "held"
        elif is_last:
            self.verdict = "undecided"

    def close(self) -> None:
        """Make the percentiles of what was steady, and let go of the histograms, which are large."""
        kept = [one.response for one in self.steady() if one.response is not None]
        if kept:
            merged = Histogram()
            for one in kept:
                merged.merge(one)
            asked = {_SHOWN, *(one.percent for one in self.conditions if one.limit_us is not None)}
            self.times = intervals(merged, kept, float(len(kept)), asked)
        self.seconds = [replace(one, response=None) for one in self.seconds]

    def steady(self) -> Sequence[Second]:
        """The seconds that count."""
        left = self.seconds[LEFT_OUT:]
        if len(left) < LEAST_S:
            return left
        logs = [math.log(max(1e-3, one.median_ms or 1e-3)) for one in left]
        cut = min(mser(logs), len(left) // 3)
        return left[cut:] if cut and _differs(logs[:cut], logs[cut:]) else left

    @property
    def lasted_s(self) -> int:
        """For how many seconds it went on."""
        return len(self.seconds)

    def is_good_by_count(self) -> bool:
        """Whether no more starts were bad than may be, sure or not."""
        return self.trend == "none" and all(one.value <= limit.share for one, limit in self._pairs())

    def worst(self) -> int:
        """Which condition is nearest to its limit, or farthest beyond it."""
        ratios = [one.value / limit.share for one, limit in self._pairs()]
        return max(range(len(ratios)), key=lambda place: ratios[place]) if ratios else 0

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _pairs(self) -> list[tuple[Share, Condition]]:
        return list(zip(self.shares, self.conditions, strict=False))

    def _looks(self) -> set[int]:
        """After how many seconds it is looked at, the last time left out."""
        times = {round(self.longest_s / 2**back) for back in range(1, LOOKS)}
        return {max(5 if self.kind == "explore" else LEAST_S, one) for one in times if one >= self.least_s} or {
            round(self.least_s)
        }

    def _share(self, place: int, steady: Sequence[Second]) -> Share:
        starts, bad = sum(one.starts for one in steady), sum(one.bad[place] for one in steady)
        if starts == 0 or len(steady) < 2:  # noqa: PLR2004 - a variance takes two
            return Share(starts, bad, 0.0, 1.0, 0.0, 1.0)
        value = bad / starts
        run = long_run([one.bad[place] - value * one.starts for one in steady])
        variance = run.variance * len(steady)
        spread = starts * value * (1 - value)
        own = max(1.0, variance / spread) if spread else 1.0
        before = self.design[place] if self.design else UNKNOWN_DESIGN
        cost = max(own * (run.factor / Z) ** 2, before)
        return Share(starts, bad, *wilson(value, starts / cost), variance, run.factor)

    def _settle_on(self, verdict: Verdict) -> None:
        self.verdict = verdict
        if not self.shares:
            self.shares = [self._share(place, self.steady()) for place in range(len(self.conditions))]
        self.broke = self.conditions[self.worst()].text
        if self.trend == "rising" and self.is_within():
            self.broke = "latencies or requests in flight rose without end"

    def is_within(self) -> bool:
        """Whether the share of every condition is within its limit, trend or not."""
        return all(one.value <= limit.share for one, limit in self._pairs())

    def _is_clearly_bad(self) -> bool:
        counted = self.seconds[LEFT_OUT:]
        last = counted[-_CLEAR_S:]
        if len(last) < _CLEAR_S:
            return False
        if all(one.starts == 0 and one.in_flight for one in last):
            return True
        for place, limit in enumerate(self.conditions):
            clear = limit.share + (1 - limit.share) * _CLEAR_SHARE
            if all(one.starts and one.bad[place] > clear * one.starts for one in last):
                starts, bad = sum(one.starts for one in counted), sum(one.bad[place] for one in counted)
                return bad > min(clear, _CLEAR_TIMES * limit.share) * starts
        return False

    def _is_long_enough(self, steady: Sequence[Second]) -> bool:
        if self.kind == "explore":
            return True
        series = [float(one.in_flight) for one in steady]
        return len(steady) >= min(_TIMES * correlation_s(series), len(self.seconds) if self._is_last() else math.inf)

    def _is_last(self) -> bool:
        return len(self.seconds) - LEFT_OUT >= self.longest_s


def wilson(share: float, n: float, z: float = _Z) -> tuple[float, float]:
    """Wilson's interval of a share of n independent starts."""
    centre = (share + z * z / 2 / n) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / 4 / n / n)
    return max(0.0, centre - reach), min(1.0, centre + reach)


def correlation_s(series: Sequence[float]) -> float:
    """Over how many seconds a series forgets: its long-run variance over its variance, 1 where neighbours are independent."""
    centre = math.fsum(series) / len(series)
    spread = math.fsum((value - centre) ** 2 for value in series) / len(series)
    return max(1.0, long_run(series).variance / spread) if spread else 1.0


def is_rising(steady: Sequence[Second]) -> bool:
    """Whether latencies or the requests in flight rise over all of it or over its second half, by half and not by chance."""
    in_flight = [float(one.in_flight) for one in steady]
    medians = [one.median_ms for one in steady if one.median_ms is not None]
    logs = [math.log(max(1e-3, value)) for value in medians]
    for series, rise in ((in_flight, lambda mean: max(3.0, _RISE * mean)), (logs, lambda _: math.log(1 + _RISE))):
        for part in (series, series[len(series) // 2 :]):
            if len(part) >= _LEAST_TREND_S and _risen(part) > rise(math.fsum(part) / len(part)):
                return True
    return False


def _risen(series: Sequence[float]) -> float:
    """By how much a series has risen by its straight line, 0 where that may be chance."""
    n = len(series)
    middle, centre = (n - 1) / 2, math.fsum(series) / n
    spread = n * (n * n - 1) / 12
    slope = sum((place - middle) * (value - centre) for place, value in enumerate(series)) / spread
    run = long_run([value - centre - slope * (place - middle) for place, value in enumerate(series)])
    error = math.sqrt(run.variance / spread)
    return slope * (n - 1) if slope > _SURE_OF_TREND * run.factor * error else 0.0


def _differs(first: Sequence[float], rest: Sequence[float]) -> bool:
    """Whether the beginning is not of the same height as the rest."""
    run = long_run(rest)
    change = abs(math.fsum(first) / len(first) - math.fsum(rest) / len(rest))
    return change > run.factor * math.sqrt(run.variance * (1 / len(first) + 1 / len(rest))) + 1e-3
