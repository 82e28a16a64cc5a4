"""What the trials of a search say by now: the bracket, the curve through them, and the answer that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from tressi.capacity.crossing import Crossing, Point, crossing, design_of
from tressi.capacity.trial import UNKNOWN_DESIGN, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.capacity.slo import Condition
    from tressi.capacity.trial import Trial

Limit = Literal["slo", "generator", "workers", "budget"]

STEP_UP: Final = 1.5  # from one rate that is explored to the next
SHORTEST_TRIAL_S: Final = 20
_TRIAL_SHARE: Final = 1 / 12  # of the budget that one trial may take
_LONGEST_TRIAL_S: Final = 600
# Trials within so much of the middle, in log rate, make the curve, which is straight only near to it: the nearest that suffice.
_NEAR: Final = (0.07, 0.15, 0.3)
_FAR_BELOW: Final = 0.6
_SHAPED: Final = 0.10  # a curve whose interval reaches no farther than this is better than bisecting
_CALM: Final = 2  # trials whose latencies did not rise, against one whose did
DUST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search is done: rates in RPS, times in seconds, the precision as a share of the rate."""

    first_rps: float
    lowest_rps: float
    precision: float = 0.02
    budget_s: float = 600.0
    highest_rps: float = 1e9

    @property
    def longest_trial_s(self) -> float:
        """How long a trial goes on that stays undecided."""
        return float(min(_LONGEST_TRIAL_S, max(SHORTEST_TRIAL_S, math.floor(self.budget_s * _TRIAL_SHARE))))


@dataclass(frozen=True, slots=True)
class Found:
    """The answer. `rps` None: even the lowest rate breaks. `high` None: the generator or the pool hides where it ends."""

    rps: float | None
    low: float | None
    high: float | None
    limited_by: Limit
    broke: str | None
    reason: str | None = None


@dataclass(slots=True)
class Known:
    """The trials of a search in their order, and why it has ended (`done`, None while it goes on; `reason` in words)."""

    conditions: Sequence[Condition]
    plan: Plan
    trials: list[Trial] = field(default_factory=list)
    done: Limit | None = None
    reason: str | None = None
    _middles: dict[int, float] = field(default_factory=dict)  # where each condition's curve crossed last
    _known: tuple[int, Crossing | None] = (0, None)  # the curve after so many trials

    def bracket(self) -> tuple[float | None, float | None]:
        """The highest rate that held below the lowest that broke; None where there is none yet."""
        # A trial that broke by chance is overruled by one at length that held as much or more after it.
        most = 0.0
        broke = []
        for one in reversed(self.trials):
            if one.verdict == "broke" and one.rps > most:
                broke.append(one)
            elif one.verdict == "held":
                most = max(most, one.rps)
        end = math.inf
        for one in sorted(broke, key=lambda one: -one.rps):
            end = end if self._is_outweighed(one, end) else one.rps
        below = [one for one in self.trials if one.rps < end * (1 - DUST)]
        sure = [one.rps for one in below if one.verdict == "held" or (is_open(one) and self.is_carried(one.rps, end))]
        # A short trial is believed only until one at length has held.
        short = [one.rps for one in below if one.kind == "explore" and one.is_good_by_count()]
        return max(sure or short, default=None), end if math.isfinite(end) else None

    def _is_outweighed(self, broken: Trial, end: float) -> bool:
        """Whether a trial broke by chance: all trials from its rate on, itself among them, hold together.

        Where its latencies rose, two longer trials of these must not have risen.
        """
        longer = [one for one in self._at_length(broken.rps, end) if is_open(one) and one.lasted_s > broken.lasted_s]
        return (broken.trend == "none" or len(longer) >= _CALM) and self.is_carried(broken.rps, end)

    def is_carried(self, rps: float, end: float) -> bool:
        """Whether the trials from this rate on, below that at which it ends, hold together: more load makes no start better.

        Bursts that come once in a while leave each trial undecided, however good it looks; so many together are not.
        """
        together = self._at_length(rps, end)
        designs = self.designs()
        for place, condition in enumerate(self.conditions):
            starts, bad = (sum(getattr(one.shares[place], what) for one in together) for what in ("starts", "bad"))
            design = designs[place] if designs else UNKNOWN_DESIGN
            if starts == 0 or wilson(bad / starts, starts / design)[1] >= condition.share:
                return False
        return True

    def _at_length(self, rps: float, end: float) -> list[Trial]:
        """The trials at length from one rate on to below another."""
        low, high = rps * (1 - DUST), end * (1 - DUST)
        return [one for one in self.trials if one.kind != "explore" and one.shares and low <= one.rps < high]

    def estimate(self) -> Crossing | None:
        """Where the curve through the trials has the capacity; the lowest over the conditions."""
        if self._known[0] != len(self.trials):
            self._known = len(self.trials), self._estimated()
        return self._known[1]

    def _estimated(self) -> Crossing | None:
        found = [one for place in range(len(self.conditions)) if (one := self._crossing(place)) is not None]
        if not found:
            return None
        least = min(found, key=lambda one: one.rps)
        return Crossing(least.rps, min(one.low for one in found), min(one.high for one in found), least.design, least.slope)

    def found(self) -> Found:
        """The answer, or what is known of it while the search is under way."""
        low, high = self.bracket()
        limit: Limit = self.done or "budget"
        broke = next((one.broke for one in sorted(self.trials, key=lambda one: one.rps) if one.verdict == "broke"), None)
        if limit in {"generator", "workers"}:
            return Found(low, low, None, limit, broke, self.reason)
        curve = self.estimate()
        if curve is not None:
            return Found(curve.rps, curve.low, curve.high, limit, broke, self.reason)
        if low is None:
            is_lowest = high is not None and high <= self.plan.lowest_rps * (1 + DUST)
            return Found(None, None, high, "slo" if is_lowest else limit, broke, self.reason)
        low, reason = self._believed(low, high or math.inf)
        if high is None:
            return Found(low, low, None, limit, broke, reason)
        return Found(math.sqrt(low * high), low, high, limit, broke, reason)

    def _believed(self, low: float, high: float) -> tuple[float, str | None]:
        """The rate that held, for an answer: of short trials alone the last one is not believed."""
        if any(one.verdict == "held" and one.rps == low for one in self.trials) or self.is_carried(low, high):
            return low, self.reason
        below = [one.rps for one in self.trials if one.rps < low and one.is_good_by_count()]
        said = "no long trial has held by then: the lower end of the interval is a rate that a short trial held easily"
        return max(below, default=low / STEP_UP), self.reason or said

    def is_shaped(self, curve: Crossing) -> bool:
        """Whether a curve says better where the capacity is than bisecting does."""
        return math.log(curve.high / curve.low) <= 2 * _SHAPED

    def is_sure(self, curve: Crossing) -> bool:
        """Whether a curve's interval is as short as the precision asks."""
        reach = math.log1p(self.plan.precision)
        return math.log(curve.high / curve.rps) <= reach and math.log(curve.rps / curve.low) <= reach

    def _middle(self) -> float | None:
        low, high = self.bracket()
        if low is None or high is None:
            return None
        return math.sqrt(low * high)

    def _points(self, place: int, middle: float | None = None, near: float = math.inf) -> list[Point]:
        """The trials at length that were steady, as points of the curve of one condition."""
        return [
            Point(one.rps, share.starts, share.bad, share.variance, share.factor)
            for one in self.trials
            if one.kind != "explore" and one.shares and one.trend == "none" and one.lasted_s > SHORTEST_TRIAL_S / 2
            for share in [one.shares[place]]
            if share.starts and (middle is None or abs(math.log(one.rps / middle)) <= near)
        ]

    def _below(self, place: int, middle: float) -> list[Point]:
        """The trials far below, short ones too: they say what is bad without load."""
        return [
            Point(one.rps, share.starts, share.bad, share.variance, share.factor)
            for one in self.trials
            if one.shares and one.trend == "none" and one.rps < _FAR_BELOW * middle
            for share in [one.shares[place]]
            if share.starts
        ]

    def designs(self) -> tuple[float, ...]:
        """The design effect of each condition by the trials so far; nothing before any had a bad start."""
        found = [design_of(self._points(place)) for place in range(len(self.conditions))]
        return () if any(one is None for one in found) else tuple(one for one in found if one is not None)

    def _crossing(self, place: int) -> Crossing | None:
        """The curve of one condition: of the nearest trials to where it crosses, as far as they suffice."""
        middle = self._middles.get(place) or self._middle()
        if middle is None:
            return None
        share = self.conditions[place].share
        for near in _NEAR:
            found = crossing(self._points(place, middle, near), share, self._below(place, middle))
            if found is not None and (near == _NEAR[-1] or self.is_shaped(found)):
                self._middles[place] = found.rps
                return found
        return None


def is_open(trial: Trial) -> bool:
    """Whether a trial at length came to no verdict and did not rise."""
    return trial.kind != "explore" and trial.verdict == "undecided" and bool(trial.shares) and trial.trend == "none"
