"""The search for a target's capacity: it sees a run second by second, and says which rate is asked for next.

1. Rest at 30 % of the first rate: how fast the target answers without load.
2. Explore: short trials, each at 1.5 times the rate of the one before, until one is clearly bad.
3. Narrow: bisect the rates between the highest that held and the lowest that broke, on a logarithmic scale, until they are
   within the precision, or until the curve through all trials (`crossing.py`) says better where the capacity is.
4. Confirm: trials at the precision below and above it, in turn, until the lower one has passed twice with another between,
   the upper one has failed, and the capacity is as sure as the precision asks.

After a trial that did not hold, the target rests at 30 % of that rate until its latency is back: what is slow after an
overload must not spoil the next trial. The budget ends the search wherever it is, with what is known by then.

Example: 1,000 requests per second are served at most, and 1 % may take longer than 20 ms. 100, 150, … 759 RPS hold, 1,139 does
not. 930 breaks, 840 breaks; the curve has the capacity at 775, so 760 and 791 are tried in turn: 769, from 757 to 781.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from tressi.capacity.crossing import Crossing, Point, crossing, design_of
from tressi.capacity.trial import Kind, Second, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.capacity.slo import Condition

Limit = Literal["slo", "generator", "workers", "budget"]
Phase = Literal["rest", "explore", "narrow", "confirm", "done"]

RESTING: Final = 0.3
_STEP_UP, _STEP_DOWN = 1.5, 2.0
_EXPLORED_S: Final = 6
_LEAST_REST_S, _MOST_REST_S = 3, 240
_FIRST_REST_S: Final = 4
_RELIEVED_S: Final = 15
_LONGER_REST_S: Final = 15
_SUDDEN_S: Final = 10
_REPEATS: Final = 5
_BACK: Final = 2.0  # times the latency of the first rest
_BACK_MS: Final = 1.0
_TRIAL_SHARE: Final = 1 / 12  # of the budget that one trial may take
_SHORTEST_TRIAL_S: Final = 20
_NARROW_SHARE: Final = 1 / 2  # of such a trial: what stays undecided while rates are far apart is decided by the curve
_LONGEST_TRIAL_S: Final = 600
# Trials within so much of the middle, in log rate, make the curve, which is straight only near to it: the nearest that suffice.
_NEAR: Final = (0.07, 0.15, 0.3)
_FAR_BELOW: Final = 0.6
_SHAPED: Final = 0.10  # a curve whose interval reaches no farther than this is better than bisecting
# The generator was in the way of a trial where it was so in this share of its seconds.
_SPOILT: Final = 0.2
_DUST: Final = 1e-9


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
        return float(min(_LONGEST_TRIAL_S, max(_SHORTEST_TRIAL_S, math.floor(self.budget_s * _TRIAL_SHARE))))


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: ask for `rps`. `is_new`: it is another rate or another trial than a second before."""

    phase: Phase
    rps: float
    is_new: bool = False


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
class Search:
    """See above. `begin` says the first step, `see` the next one after each second, and `found` the answer at any time."""

    conditions: Sequence[Condition]
    plan: Plan
    trials: list[Trial] = field(default_factory=list)
    trial: Trial | None = None
    now_s: float = 0.0
    done: Limit | None = None
    reason: str | None = None
    _next: tuple[float, Kind] | None = None
    _rest: list[Second] = field(default_factory=list)
    _rest_rps: float = 0.0
    _baseline_ms: float | None = None
    _least_rest_s: int = _LEAST_REST_S
    _middles: dict[int, float] = field(default_factory=dict)  # where each condition's curve crossed last
    _spoilt: int = 0
    _repeated: int = 0
    _known: tuple[int, Crossing | None] = (0, None)  # the curve after so many trials

    def begin(self) -> Step:
        """The first step: a rest, which shows the latency without load."""
        self._next = (self.plan.first_rps, "explore")
        self._rest_rps = RESTING * self.plan.first_rps
        return Step("rest", self._rest_rps, is_new=True)

    def see(self, second: Second) -> Step:
        """Take a second of the rate that was asked for; returns what to do in the next."""
        self.now_s = second.t
        if self.done is not None:
            return self._step()
        is_new = self._see_trial(second) if self.trial is not None else self._see_rest(second)
        if self.done is None and self.now_s >= self.plan.budget_s:
            self.stop("budget")
        return self._step(is_new=is_new or self.done is not None)

    def stop(self, why: Limit, reason: str | None = None) -> None:
        """End the search with what is known by now."""
        if self.done is not None:
            return
        self.done, self.reason = why, reason
        if self.trial is not None:
            self.trial.look(is_last=True)
            self.trial.close()
            self.trials.append(self.trial)
            self.trial = None

    # ---------------------------------------------------------------------------------------------------- what is known

    def bracket(self) -> tuple[float | None, float | None]:
        """The highest rate that held below the lowest that broke; None where there is none yet."""
        # A trial that broke by chance is overruled by one at length that held as much or more after it.
        most = 0.0
        broke = []
        for one in reversed(self.trials):
            if one.verdict == "broke" and one.rps > most:
                broke.append(one.rps)
            elif one.verdict == "held":
                most = max(most, one.rps)
        high = min(broke, default=None)
        below = [one for one in self.trials if high is None or one.rps < high * (1 - _DUST)]
        sure = [one.rps for one in below if one.verdict == "held"]
        # A short trial is believed only until one at length has held.
        short = [one.rps for one in below if one.kind == "explore" and one.is_good_by_count()]
        return max(sure or short, default=None), high

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
            is_lowest = high is not None and high <= self.plan.lowest_rps * (1 + _DUST)
            return Found(None, None, high, "slo" if is_lowest else limit, broke, self.reason)
        low, reason = self._believed(low)
        if high is None:
            return Found(low, low, None, limit, broke, reason)
        return Found(math.sqrt(low * high), low, high, limit, broke, reason)

    def _believed(self, low: float) -> tuple[float, str | None]:
        """The rate that held, for an answer: of short trials alone the last one is not believed."""
        if any(one.verdict == "held" and one.rps == low for one in self.trials):
            return low, self.reason
        below = [one.rps for one in self.trials if one.rps < low and one.is_good_by_count()]
        said = "no trial at length has held by then: its lower end is what a short one held well below"
        return max(below, default=low / _STEP_UP), self.reason or said

    def left_s(self) -> float:
        """How long it takes at most from now on."""
        return max(0.0, self.plan.budget_s - self.now_s)

    def expected_s(self) -> float:
        """How long a whole search takes, before anything is known: a guess for people, the budget at most."""
        longest = self.plan.longest_trial_s
        explored = 10 * (_EXPLORED_S + 1)
        return min(self.plan.budget_s, explored + 4 * max(_SHORTEST_TRIAL_S, longest * _NARROW_SHARE) + 5 * longest)

    # ---------------------------------------------------------------------------------------------------------- its steps

    def _step(self, *, is_new: bool = False) -> Step:
        if self.done is not None:
            return Step("done", self._rest_rps, is_new)
        if self.trial is not None:
            return Step(self.trial.kind, self.trial.rps, is_new)
        return Step("rest", self._rest_rps, is_new)

    def _see_rest(self, second: Second) -> bool:
        self._rest.append(second)
        seen = self._rest[1:]
        if self._baseline_ms is None:
            if len(self._rest) < _FIRST_REST_S:
                return False
            medians = sorted(one.median_ms for one in seen if one.median_ms is not None)
            self._baseline_ms = medians[len(medians) // 2] if medians else None
            if self._baseline_ms is None and len(self._rest) < _MOST_REST_S:
                return False
        elif len(self._rest) < _MOST_REST_S and not self._is_rested(seen):
            # A target that overload has made slow may find 30 % too much, and never recover.
            is_relieved = len(self._rest) % _RELIEVED_S == 0
            self._rest_rps *= 0.5 if is_relieved else 1.0
            return is_relieved
        self._begin_trial()
        return True

    def _is_rested(self, seen: Sequence[Second]) -> bool:
        """Whether the latency is back for a while: the longer, the longer that took."""
        quiet_s = max(self._least_rest_s - 1, len(seen) // 4)
        return len(seen) >= quiet_s and self._is_back(seen[-quiet_s:])

    def _is_back(self, last: Sequence[Second]) -> bool:
        """Whether the target answers as it did before anything was asked of it."""
        allowed_ms = _BACK * (self._baseline_ms or 0.0) + _BACK_MS
        return all(
            one.median_ms is not None
            and one.median_ms <= allowed_ms
            and all(bad <= max(1, limit.share * one.starts) for bad, limit in zip(one.bad, self.conditions, strict=True))
            for one in last
        )

    def _begin_trial(self) -> None:
        if self._next is None:
            raise RuntimeError("a trial begins where none was decided on")
        (rps, kind), self._next = self._next, None
        full = self.plan.longest_trial_s
        longest = {"explore": _EXPLORED_S, "narrow": max(_SHORTEST_TRIAL_S, full * _NARROW_SHARE), "confirm": full}[kind]
        least = {"explore": longest, "narrow": 0.0, "confirm": full / 2}[kind]
        self.trial = Trial(rps, kind, self.conditions, longest, least, self._designs(), self.now_s)
        self._rest, self._least_rest_s = [], _LEAST_REST_S

    def _see_trial(self, second: Second) -> bool:
        trial = self.trial
        if trial is None or trial.add(second) is None:
            return False
        trial.close()
        self.trials.append(trial)
        self.trial = None
        if self._is_spoilt(trial) or self._is_contradicted(trial):
            return True
        self._next = self._decided()
        if self._next is None:
            self.stop(self.done or "slo")
            return True
        if trial.verdict == "held" or (trial.kind == "explore" and trial.is_good_by_count()):
            self._begin_trial()
        else:
            self._rest_rps, self._rest = RESTING * trial.rps, []
        return True

    def _is_spoilt(self, trial: Trial) -> bool:
        """Whether the generator or the pool, not the target, made a trial bad; the second time that is the answer."""
        if trial.verdict != "broke":
            return False
        seconds = trial.seconds[1:] or trial.seconds
        reasons = [reason for one in seconds for reason in one.limits]
        late = sum(bool(one.limits) for one in seconds) >= _SPOILT * len(seconds)
        full = sum(one.is_full for one in seconds) >= _SPOILT * len(seconds) and _was_served(trial)
        if not late and not full:
            return False
        trial.verdict = "undecided"
        self._spoilt += 1
        if self._spoilt > 1:
            if late:
                self.stop("generator", max(set(reasons), key=reasons.count))
            else:
                self.stop("workers", f"all workers that the pool may have were busy at {trial.rps:,.0f} RPS")
            return True
        self._next = (trial.rps, trial.kind)
        self._rest_rps, self._rest = RESTING * trial.rps, []
        return True

    def _is_contradicted(self, trial: Trial) -> bool:
        """Whether a trial broke at once where as much was carried before: the target may not be over its last overload.

        It is tried again after a longer rest, a few times in a search.
        """
        is_sudden = trial.verdict == "broke" and trial.lasted_s <= _SUDDEN_S
        carried = max((one.rps for one in self.trials if one is not trial and _carried(one)), default=0.0)
        if not is_sudden or trial.rps > carried or self._repeated >= _REPEATS:
            return False
        self._repeated += 1
        trial.verdict, trial.shares = "undecided", ()
        self._next = (trial.rps, trial.kind)
        self._rest_rps, self._rest, self._least_rest_s = RESTING * trial.rps, [], _LONGER_REST_S
        return True

    def _decided(self) -> tuple[float, Kind] | None:
        """The next trial; None where the search is over."""
        low, high = self.bracket()
        last = self.trials[-1]
        if high is None:
            return self._higher(last)
        if low is None:
            return self._lower(high)
        curve = self.estimate()
        if curve is not None and self._is_shaped(curve):
            return self._confirmed(curve.rps, curve)
        if high / low <= 1 + self.plan.precision + _DUST:
            return self._confirmed(math.sqrt(low * high), None)
        return self._between(low, high), "narrow"

    def _higher(self, last: Trial) -> tuple[float, Kind] | None:
        if last.rps >= self.plan.highest_rps * (1 - _DUST):
            self.stop("generator", f"no higher rate than {self.plan.highest_rps:,.0f} RPS can be asked for")
            return None
        return min(self.plan.highest_rps, last.rps * _STEP_UP), "explore"

    def _lower(self, high: float) -> tuple[float, Kind] | None:
        if high <= self.plan.lowest_rps * (1 + _DUST):
            return None
        is_first = all(one.kind == "explore" for one in self.trials)
        return max(self.plan.lowest_rps, high / (_STEP_DOWN if is_first else 1.1)), "explore" if is_first else "narrow"

    def _between(self, low: float, high: float) -> float:
        """The middle of the widest gap between rates that were tried at length within the bracket."""
        tried = sorted(
            {one.rps for one in self.trials if low < one.rps < high and one.verdict == "undecided" and one.kind != "explore"}
        )
        edges = [low, *tried, high]
        first, second = max(pairwise(edges), key=lambda pair: pair[1] / pair[0])
        return math.sqrt(first * second)

    def _confirmed(self, middle: float, curve: Crossing | None) -> tuple[float, Kind] | None:
        """The next trial beside the middle, or None where both sides are confirmed."""
        reach = 1 + self.plan.precision
        if curve is None:
            reach = math.sqrt(reach)
        below, above = self._zone(middle, reach, -1), self._zone(middle, reach, 1)
        passed = [place for place in below if self._passes(self.trials[place])]
        failed = [place for place in above if not self._passes(self.trials[place])]
        twice = bool(passed) and passed[-1] - passed[0] > 1
        lower: tuple[float, Kind] = (middle / reach, "confirm")
        upper: tuple[float, Kind] = (middle * reach, "confirm")
        if not passed:
            return lower
        if not failed:
            return upper
        if not twice:
            return upper if passed[-1] == len(self.trials) - 1 else lower
        if curve is None or self._is_sure(curve):
            return None
        spent = [sum(self.trials[place].lasted_s for place in side) for side in (below, above)]
        return lower if spent[0] <= spent[1] else upper

    def _zone(self, middle: float, reach: float, side: int) -> list[int]:
        """Which trials were about `reach` below (-1) or above (1) the middle, at length."""
        return [
            place
            for place, one in enumerate(self.trials)
            if one.kind == "confirm" and 0.4 <= side * math.log(one.rps / middle) / math.log(reach) <= 1.8  # noqa: PLR2004
        ]

    def _passes(self, trial: Trial) -> bool:
        return trial.verdict == "held" or (trial.verdict == "undecided" and trial.is_good_by_count())

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _is_shaped(self, curve: Crossing) -> bool:
        return math.log(curve.high / curve.low) <= 2 * _SHAPED

    def _is_sure(self, curve: Crossing) -> bool:
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
            if one.kind != "explore" and one.shares and one.trend == "none" and one.lasted_s > _SHORTEST_TRIAL_S / 2
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

    def _designs(self) -> tuple[float, ...]:
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
            if found is not None and (near == _NEAR[-1] or self._is_shaped(found)):
                self._middles[place] = found.rps
                return found
        return None


def _carried(trial: Trial) -> bool:
    """Whether a trial held, or a short one looked as if it did."""
    return trial.verdict == "held" or (trial.kind == "explore" and bool(trial.shares) and trial.is_good_by_count())


def _was_served(trial: Trial) -> bool:
    """Whether the starts that were sent were served within all limits: what was bad was the wait for a worker."""
    starts = sum(one.starts for one in trial.seconds)
    served = [sum(one.served_bad[place] for one in trial.seconds if one.served_bad) for place in range(len(trial.conditions))]
    return starts > 0 and all(bad <= limit.share * starts for bad, limit in zip(served, trial.conditions, strict=True))
