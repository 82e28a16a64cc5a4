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

from tressi.capacity.known import DUST, SHORTEST_TRIAL_S, STEP_UP, Known, Limit
from tressi.capacity.trial import LEAST_S, LEFT_OUT, Kind, Second, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.capacity.crossing import Crossing

Phase = Literal["rest", "explore", "narrow", "confirm", "done"]

RESTING: Final = 0.3
_STEP_DOWN: Final = 2.0
_EXPLORED_S: Final = 6
_LEAST_REST_S, _MOST_REST_S = 3, 240
_FIRST_REST_S: Final = 4
_RELIEVED_S: Final = 15
_LONGER_REST_S: Final = 15
_SUDDEN_S: Final = LEFT_OUT + LEAST_S  # the first look
_REPEATS: Final = 5
_BACK: Final = 2.0  # times the latency of the first rest
_BACK_MS: Final = 1.0
_NARROW_SHARE: Final = 1 / 2  # of the longest trial: what stays undecided while rates are far apart is decided by the curve
# The generator was in the way of a trial where it was so in this share of its seconds.
_SPOILT: Final = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: ask for `rps`. `is_new`: it is another rate or another trial than a second before."""

    phase: Phase
    rps: float
    is_new: bool = False


@dataclass(slots=True)
class Search(Known):
    """See above. `begin` says the first step, `see` the next one after each second, and `found` the answer at any time."""

    trial: Trial | None = None
    now_s: float = 0.0
    _next: tuple[float, Kind] | None = None
    _rest: list[Second] = field(default_factory=list)
    _rest_rps: float = 0.0
    _baseline_ms: float | None = None
    _least_rest_s: int = _LEAST_REST_S
    _spoilt: int = 0
    _repeated: int = 0

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
        if self._baseline_ms is None and self.trial is None:
            self.reason = reason or "no request was answered, so no trial could begin"
        if self.trial is not None and any(one.starts for one in self.trial.steady()):
            self.trial.look(is_last=True)
            self.trial.close()
            self.trials.append(self.trial)
        self.trial = None

    def left_s(self) -> float:
        """How long it takes at most from now on."""
        return max(0.0, self.plan.budget_s - self.now_s)

    def expected_s(self) -> float:
        """How long a whole search takes, before anything is known: a guess for people, the budget at most."""
        longest = self.plan.longest_trial_s
        explored = 10 * (_EXPLORED_S + 1)
        return min(self.plan.budget_s, explored + 4 * max(SHORTEST_TRIAL_S, longest * _NARROW_SHARE) + 5 * longest)

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
        longest = {"explore": _EXPLORED_S, "narrow": max(SHORTEST_TRIAL_S, full * _NARROW_SHARE), "confirm": full}[kind]
        least = {"explore": longest, "narrow": 0.0, "confirm": full / 2}[kind]
        self.trial = Trial(rps, kind, self.conditions, longest, least, self.designs(), self.now_s)
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
        if curve is not None and self.is_shaped(curve):
            return self._confirmed(curve.rps, curve)
        if high / low <= 1 + self.plan.precision + DUST:
            return self._confirmed(math.sqrt(low * high), None)
        return self._between(low, high), "narrow"

    def _higher(self, last: Trial) -> tuple[float, Kind] | None:
        if last.rps >= self.plan.highest_rps * (1 - DUST):
            self.stop("generator", f"no higher rate than {self.plan.highest_rps:,.0f} RPS can be asked for")
            return None
        return min(self.plan.highest_rps, last.rps * STEP_UP), "explore"

    def _lower(self, high: float) -> tuple[float, Kind] | None:
        if high <= self.plan.lowest_rps * (1 + DUST):
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
        if curve is None or self.is_sure(curve):
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


def _carried(trial: Trial) -> bool:
    """Whether a trial held, or a short one looked as if it did."""
    return trial.verdict == "held" or (trial.kind == "explore" and bool(trial.shares) and trial.is_good_by_count())


def _was_served(trial: Trial) -> bool:
    """Whether the starts that were sent were served within all limits: what was bad was the wait for a worker."""
    starts = sum(one.starts for one in trial.seconds)
    served = [sum(one.served_bad[place] for one in trial.seconds if one.served_bad) for place in range(len(trial.conditions))]
    return starts > 0 and all(bad <= limit.share * starts for bad, limit in zip(served, trial.conditions, strict=True))
