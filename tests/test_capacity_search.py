"""The search for a capacity, second by second, against targets whose capacity is known."""

import math
import random
from dataclasses import dataclass, field

import pytest
from capacity_seconds import SLO, seen

from tressi.capacity.known import Plan
from tressi.capacity.search import RESTING, Search
from tressi.capacity.slo import condition_of
from tressi.capacity.trial import Second, Share, Trial, wilson

pytestmark = pytest.mark.pure

MOST_SECONDS = 20_000


@dataclass
class Target:
    """A target whose share of bad starts is 1 % at `capacity`, and grows by `slope` times as much as the rate."""

    capacity: float
    slope: float = 15.0
    draw: random.Random = field(default_factory=lambda: random.Random(1))
    t: float = 0.0

    def second(self, rate):
        """A second at a rate."""
        self.t += 1
        share = min(1.0, 0.01 * math.exp(self.slope * math.log(rate / self.capacity)))
        starts = round(rate)
        mean, spread = starts * share, math.sqrt(starts * share * (1 - share))
        bad = min(starts, max(0, round(self.draw.gauss(mean, spread)))) if mean > 20 else self._few(mean)
        return seen(self.t, starts, bad, in_flight=2, median_ms=5.0)

    def _few(self, mean):
        """A Poisson number."""
        count, left = 0, math.exp(-mean)
        product = self.draw.random()
        while product > left:
            count, product = count + 1, product * self.draw.random()
        return count


@dataclass
class Step:
    """A target that serves `capacity` a second: beyond that its queue grows. `sulks_s`: so long it is slow afterwards.

    It answers in `seen_ms` without a queue, in three times that while it is slow.
    """

    capacity: float
    sulks_s: float = 0.0
    t: float = 0.0
    queue: float = 0.0
    slow_until: float = 0.0
    seen_ms: float = 2.0
    asked: list = field(default_factory=list)

    def second(self, rate):
        """A second at a rate."""
        self.t += 1
        self.asked.append(rate)
        is_slow = self.t < self.slow_until
        able = self.capacity / 3 if is_slow else self.capacity
        self.queue = max(0.0, self.queue + rate - able)
        if self.queue > 0.1 * self.capacity and self.sulks_s:
            self.slow_until = self.t + self.sulks_s
        served = min(rate, able)
        wait_ms = self.seen_ms * (3 if is_slow else 1) + 1e3 * self.queue / able
        return seen(self.t, round(served), round(served) if wait_ms > 20 else 0, round(self.queue) + 1, wait_ms)


def searched(target, plan, conditions=(SLO,)):
    """A whole search of a target."""
    search = Search(conditions, plan)
    step = search.begin()
    for _ in range(MOST_SECONDS):
        if step.phase == "done":
            return search
        step = search.see(target.second(step.rps))
    raise AssertionError("the search does not end")


# ---------------------------------------------------------------------------------------------------------- the answer


def test_a_smooth_target_is_found_within_three_percent_and_within_the_interval():
    """Of five searches each is within 3 % of the known answer, which the intervals hold; the bench does 40 of each target."""
    found = [searched(Target(770.0, draw=random.Random(seed)), Plan(100.0, 1.0, 0.02, 1800.0)).found() for seed in range(5)]
    assert all(abs(one.rps / 770 - 1) <= 0.03 for one in found)
    assert all(one.low <= 770 <= one.high for one in found)
    assert {one.broke for one in found} == {"p99 < 20ms"}


def test_a_hard_limit_is_found_within_one_percent():
    """No trial is both good and bad there, so bisecting goes on to the precision; both sides are confirmed."""
    search = searched(Step(500.0), Plan(60.0, 1.0, 0.02, 1200.0))
    found = search.found()
    assert found.limited_by == "slo"
    assert found.low <= 500 <= found.high
    assert abs(found.rps / 500 - 1) <= 0.01
    held = [place for place, one in enumerate(search.trials) if one.kind == "confirm" and one.verdict == "held"]
    assert held[-1] - held[0] > 1, "the lower rate holds twice, with another trial between"
    assert any(one.kind == "confirm" and one.verdict == "broke" for one in search.trials)


@dataclass
class Refusing:
    """Refuses what is above a rate, exactly: the share begins to grow with a bend."""

    most: float = 500.0
    t: int = 0
    owed: float = 0.0

    def second(self, rate):
        """A second at a rate."""
        self.t += 1
        self.owed += max(0.0, rate - self.most)
        refused = int(self.owed)
        self.owed -= refused
        return seen(self.t, round(rate), refused)


def test_a_bend_is_found_within_one_percent():
    """Above 500 RPS all the rest is refused, so 1 % is at 505.05: no straight line leads there, and bisecting does."""
    found = searched(Refusing(), Plan(60.0, 1.0, 0.02, 1200.0)).found()
    assert abs(found.rps / (500 / 0.99) - 1) <= 0.01
    assert found.low <= 500 / 0.99 <= found.high
    assert found.high / found.low <= 1.021


def test_a_target_that_stays_slow_after_overload_has_the_same_answer():
    """Each trial that broke is followed by a rest until the latency is back, and a third of the speed is no capacity."""
    target = Step(500.0, sulks_s=10.0)
    found = searched(target, Plan(60.0, 1.0, 0.02, 1800.0)).found()
    assert abs(found.rps / 500 - 1) <= 0.01
    assert found.low <= 500 <= found.high


def test_slowness_that_no_rest_shows_is_found_out():
    """With hardly any service time a slow target looks like a fast one at rest; what was carried before is tried again."""
    found = searched(Step(500.0, sulks_s=10.0, seen_ms=0.01), Plan(60.0, 1.0, 0.02, 1800.0)).found()
    assert abs(found.rps / 500 - 1) <= 0.03


def test_a_target_that_finds_the_rest_too_much_is_relieved():
    """Slow by overload, it serves less than 30 % of the rate that broke: the rest's rate is halved until it recovers."""
    search = Search([SLO], Plan(500.0, 1.0))
    target = Step(500.0, sulks_s=30.0)
    step = search.begin()
    for _ in range(120):
        step = search.see(target.second(step.rps))
    rests = {round(rate, 3) for rate in target.asked if rate < RESTING * 750}
    assert min(rests) < RESTING * 750 / 2
    assert len(search.trials) >= 2


def test_even_the_lowest_rate_breaks():
    """The rates go down to the lowest, and there is no answer."""
    found = searched(Step(0.5), Plan(16.0, 1.0, 0.02, 3600.0)).found()
    assert (found.rps, found.low, found.limited_by) == (None, None, "slo")
    assert found.high == pytest.approx(1.0)


def test_the_budget_ends_a_search_with_what_is_known():
    """Only short trials have held by then, of which the last is not believed."""
    search = searched(Step(500.0), Plan(100.0, 1.0, 0.02, 50.0))
    found = search.found()
    assert (search.now_s, found.limited_by) == (50.0, "budget")
    assert found.low < 500 < found.high
    assert "no long trial has held" in found.reason


def test_what_was_not_answered_is_no_trial():
    """A budget that ends with a trial's first second says nothing of its rate; a target that never answers has no trial."""
    search, target = Search([SLO], Plan(100.0, 1.0)), Target(300.0)
    step = search.begin()
    while step.rps != 150.0:
        step = search.see(target.second(step.rps))
    search.see(target.second(step.rps))
    search.stop("budget")
    assert [one.rps for one in search.trials] == [100.0]
    silent = Search([SLO], Plan(100.0, 1.0, budget_s=30.0))
    silent.begin()
    for t in range(1, 31):
        step = silent.see(seen(t, 30, 30, in_flight=0, median_ms=None))
    assert (step.phase, silent.trials) == ("done", [])
    assert silent.found().reason == "no request was answered, so no trial could begin"


def test_a_search_that_is_stopped_says_what_it_knows():
    """The trial under way is among the trials, and the end is told once."""
    search, target = Search([SLO], Plan(100.0, 1.0)), Step(500.0)
    step = search.begin()
    for _ in range(8):
        step = search.see(target.second(step.rps))
    search.stop("budget")
    search.stop("generator")
    assert (search.done, len(search.trials)) == ("budget", 1)
    assert search.see(target.second(1.0)).phase == "done"
    assert search.found().rps == pytest.approx(100 / 1.5)


@pytest.mark.parametrize(
    ("more", "limit", "reason"),
    [
        ({"limits": ("the CPU is at its limit",)}, "generator", "the CPU is at its limit"),
        ({"is_full": True, "served_bad": (0,)}, "workers", "all workers that the pool may have were busy at"),
    ],
)
def test_a_limit_of_the_generator_is_no_capacity_of_the_target(more, limit, reason):
    """What breaks only while the generator or the pool is in the way is tried once more, and then it is "at least"."""

    class Hidden(Step):
        def second(self, rate):
            """A second at a rate."""
            second = super().second(rate)
            beyond = more if rate > self.capacity else {}
            return seen(second.t, second.starts, second.bad[0], second.in_flight, second.median_ms, **beyond)

    search = searched(Hidden(500.0), Plan(100.0, 1.0))
    found = search.found()
    assert (found.limited_by, found.high) == (limit, None)
    assert found.rps == pytest.approx(100 * 1.5**3)
    assert found.reason.startswith(reason)
    assert [one.rps for one in search.trials][-2:] == [pytest.approx(506.25)] * 2


def test_a_pool_that_is_full_because_the_target_is_slow_is_the_targets_limit():
    """What was sent was slow, so more workers would not help."""

    class Slow(Step):
        def second(self, rate):
            """A second at a rate."""
            second = super().second(rate)
            bad = second.bad[0]
            more = {"is_full": bad > 0, "served_bad": (bad,)}
            return seen(second.t, second.starts, bad, second.in_flight, second.median_ms, **more)

    assert searched(Slow(500.0), Plan(100.0, 1.0, 0.02, 1200.0)).found().limited_by == "slo"


def test_a_trial_that_broke_by_chance_is_overruled():
    """One at length that holds as much or more after it opens the bracket again."""
    search = Search([SLO], Plan(100.0, 1.0))
    for rps, verdict in ((500.0, "held"), (900.0, "broke"), (620.0, "broke"), (610.0, "held")):
        search.trials.append(Trial(rps, "narrow", (SLO,), 100.0, 0.0, verdict=verdict))
    assert search.bracket() == (610.0, 620.0)
    search.trials.append(Trial(622.0, "confirm", (SLO,), 100.0, 0.0, verdict="held"))
    assert search.bracket() == (622.0, 900.0)


def ended(rps, bad, *, design, verdict="undecided", trend="none", lasted_s=151):
    """A trial at length that is over: so many bad starts of a hundred thousand, as rare as its design effect says."""
    one = Trial(rps, "narrow", (SLO,), 150.0, 0.0, verdict=verdict, trend=trend)
    starts, value = 100_000, bad / 100_000
    one.shares = (Share(starts, bad, *wilson(value, starts / design), design * starts * value * (1 - value), 2.1),)
    one.seconds = [seen(t, 660, 0) for t in range(lasted_s)]
    return one


def test_trials_that_are_undecided_alone_hold_together():
    """Each has so few bursts that it says nothing; more load makes no start better, so those above speak for those below."""
    search = Search([SLO], Plan(100.0, 1.0))
    search.trials = [ended(980.0, 9000, design=400.0, verdict="broke")]
    for count, rps in enumerate((700.0, 760.0, 820.0, 880.0), 1):
        search.trials.append(ended(rps, 10, design=400.0))
        assert search.trials[-1].shares[0].high > SLO.share
        assert search.bracket()[0] == (None if count < 3 else (700.0, 760.0)[count - 3]), rps
    assert search.found().low == 760.0
    assert search.found().reason is None


def test_a_trial_that_broke_by_chance_is_outweighed():
    """One burst in a short trial is much; with the trials at its rate and above it is little. Two calm ones undo a rise."""
    search = Search([SLO], Plan(100.0, 1.0))
    search.trials = [ended(900.0, 2000, design=100.0, verdict="broke", lasted_s=11)]
    assert search.bracket()[1] == 900.0
    search.trials += [ended(910.0, 30, design=100.0), ended(920.0, 40, design=100.0), ended(930.0, 50, design=100.0)]
    assert search.bracket()[1] is None
    search.trials.append(ended(915.0, 0, design=100.0, verdict="broke", trend="rising", lasted_s=60))
    assert search.bracket()[1] is None
    search.trials = [one for one in search.trials if one.rps != 930.0]
    assert search.bracket()[1] == 900.0  # one calm trial undoes no rise, and below 915 too little is left
    search.trials = [one for one in search.trials if one.rps != 900.0]
    assert search.bracket()[1] == 915.0


def test_several_conditions_are_all_kept():
    """The lowest of their capacities is the answer, and what broke is named."""
    strict, loose = condition_of("p99 < 20ms"), condition_of("errorRate < 50%")

    class Both(Target):
        def second(self, rate):
            """A second at a rate."""
            second = super().second(rate)
            return Second(second.t, second.starts, (second.bad[0], 0), second.in_flight, second.median_ms)

    found = searched(Both(300.0), Plan(50.0, 1.0, 0.02, 1800.0), (strict, loose)).found()
    assert abs(found.rps / 300 - 1) <= 0.03
    assert found.broke == strict.text
