"""The search for a capacity, second by second, against targets whose capacity is known."""

import math
import random
from dataclasses import dataclass, field

import pytest

from tressi._core import Histogram
from tressi.capacity.crossing import Point, crossing
from tressi.capacity.known import Plan
from tressi.capacity.search import RESTING, Search
from tressi.capacity.slo import condition_of
from tressi.capacity.trial import Second, Share, Trial, correlation_s, is_rising, wilson
from tressi.threshold.parse import ThresholdError

pytestmark = pytest.mark.pure

SLO = condition_of("p99 < 20ms")
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


def seen(t, starts, bad, in_flight=2, median_ms=5.0, **more):
    return Second(t, starts, (bad,), in_flight, median_ms, **more)


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


# ----------------------------------------------------------------------------------------------------------- a trial


def trial(kind="narrow", longest_s=160.0, least_s=0.0, design=()):
    return Trial(500.0, kind, (SLO,), longest_s, least_s, design)


def run(one, seconds):
    """The verdict of a trial, and after how many seconds it came."""
    for count, second in enumerate(seconds, 1):
        if one.add(second) is not None:
            return one.verdict, count
    raise AssertionError("no verdict")


def test_a_trial_ends_as_soon_as_it_is_sure():
    """Far from its limit it is sure soon, near to it at the end; overload takes four seconds."""
    steady = [seen(t, 500, t % 2) for t in range(200)]
    near = [seen(t, 500, 5 + (-1) ** t * (t % 3)) for t in range(200)]
    verdict, took = run(trial(design=(5.0,)), steady)
    assert (verdict, took < 100) == ("held", True)
    assert run(trial(design=(5.0,)), near) == ("undecided", 161)
    assert run(trial(), [seen(t, 500, 400) for t in range(200)]) == ("broke", 5)
    assert run(trial(), [seen(t, 0, 0, in_flight=900, median_ms=None) for t in range(200)]) == ("broke", 5)


def test_one_pause_in_a_long_trial_is_no_overload():
    """Four slow seconds in a row end a trial at its beginning; behind a hundred good ones they may come once."""
    late = [seen(t, 500, 400 * (102 <= t < 106)) for t in range(400)]
    verdict, took = run(trial(design=(400.0,)), late)
    assert (verdict, took) == ("undecided", 161)
    one = trial(design=(400.0,))
    assert run(one, [seen(t, 500, 400 * (t >= 102)) for t in range(400)]) == ("broke", 108)
    assert one.shares[0].bad == 400 * 6  # those up to its end, not those of the last look


def test_a_burst_that_another_trial_has_met_is_expected_in_all():
    """Without a bad start a trial would hold soon; with the design effect of its neighbours it takes as long as they did."""
    clean = [seen(t, 500, 0) for t in range(400)]
    assert run(trial(longest_s=320.0), clean)[1] < run(trial(longest_s=320.0, design=(400.0,)), clean)[1]


def test_a_rising_queue_breaks_whatever_the_share():
    """No start is slow yet, but the requests in flight grow second by second."""
    growing = [seen(t, 500, 0, in_flight=5 + 2 * t, median_ms=3 + 0.1 * t) for t in range(200)]
    one = trial(longest_s=80.0, design=(50.0,))
    assert run(one, growing)[0] == "broke"
    assert (one.trend, one.broke) == ("rising", "latencies or requests in flight rose without end")
    flat = [seen(t, 500, 0, in_flight=5 + (t * 7) % 5) for t in range(60)]
    assert not is_rising(flat)


def test_a_trial_leaves_out_its_beginning_a_third_at_most():
    """The first second has answers to what was sent before; slow ones behind it are a beginning too."""
    seconds = [seen(t, 500, 0, median_ms=5.0 + 0.01 * (t % 3)) for t in range(30)]
    one = trial()
    one.seconds = [seen(0, 500, 500, median_ms=80.0)] + [seen(t, 500, 300, median_ms=60.0) for t in range(4)] + seconds
    assert len(one.steady()) == 30
    one.seconds = [seen(t, 500, 0, median_ms=60.0 if t < 25 else 5.0) for t in range(61)]
    assert len(one.steady()) >= 40


def test_wilsons_interval_and_the_correlation_of_seconds():
    """The interval is that of the literature; a series that repeats its neighbours forgets later than one that does not."""
    low, high = wilson(0.1, 100, 1.959964)
    assert (low, high) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))
    assert correlation_s([1.0] * 40) == 1.0
    slow = [math.sin(place / 10) for place in range(200)]
    assert correlation_s(slow) > 5


# --------------------------------------------------------------------------------------------------------- the curve


def points(capacity, rates, slope=15.0, starts=100_000, design=30.0, floor=0.0):
    found = []
    for rps in rates:
        level = math.log((0.01 - floor) / (1 - 0.01 + floor)) + slope * math.log(rps / capacity)
        share = floor + (1 - floor) / (1 + math.exp(-level))
        found.append(Point(rps, starts, round(starts * share), design * starts * share * (1 - share), 2.1))
    return found


def test_the_curve_crosses_where_the_shares_say():
    """Also on a floor that the trials far below show; more starts make the interval shorter."""
    plain = crossing(points(770, (740, 760, 790, 810)), 0.01)
    assert plain.rps == pytest.approx(770, rel=0.002)
    assert plain.low < 770 < plain.high
    assert plain.design == pytest.approx(30, rel=0.01)
    longer = crossing(points(770, (740, 760, 790, 810), starts=400_000), 0.01)
    assert longer.high / longer.low < plain.high / plain.low
    low = points(770, (200, 300), floor=0.003)
    floored = crossing(points(770, (720, 760, 790, 830), floor=0.003), 0.01, low)
    assert floored.rps == pytest.approx(770, rel=0.005)


def test_the_curve_says_nothing_of_a_step_or_of_what_lies_beyond():
    """One rate, no bad start, a step, or all trials on one side: a bracket says more."""
    assert crossing(points(770, (770,)), 0.01) is None
    assert crossing([Point(rps, 1000, 0, 0.0, 2.0) for rps in (100, 200)], 0.01) is None
    assert crossing(points(770, (760, 765, 775, 780), slope=150.0), 0.01) is None
    assert crossing(points(770, (840, 880, 920)), 0.01) is None


# ------------------------------------------------------------------------------------------------------ the condition


@pytest.mark.parametrize(
    ("text", "share", "limit_us"),
    [
        ("p99 < 200ms", 0.01, 200_000),
        ("200ms >= p99", 0.01, 200_000),
        ("responseTime.p95 <= 1.5s", 0.05, 1_500_000),
        ("p999 < 1s", 0.001, 1_000_000),
        ("p(99.5) < 80ms", 0.005, 80_000),
        ("errorRate < 1%", 0.01, None),
        ("missed < 2%", 0.02, None),
    ],
)
def test_a_condition_is_a_share_of_starts(text, share, limit_us):
    """A percentile is what may be slower than its limit; the others are shares already."""
    condition = condition_of(text)
    assert (condition.share, condition.limit_us) == (pytest.approx(share), limit_us)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mean < 20ms", "mean is no share of the starts"),
        ("max < 20ms", "max is no share"),
        ("p99[30s] < 20ms", "leave [30s] out"),
        ("serviceTime.p99 < 20ms", "percentiles of response times"),
        ("p(10) < 20ms", "not from p50 to p99.9"),
        ("p(99.99) < 20ms", "not from p50 to p99.9"),
        ("p99 > 20ms", "sets no upper limit"),
        ("p99 < 2 * p50", "more than one metric"),
        ("p99 < 0ms", "must be above 0"),
        ("errorRate < 1", "between 0 and 100 %"),
        ("rps > 100", "sets no upper limit"),
        ("p99 < 200", "has no unit"),
    ],
)
def test_other_conditions_are_refused_with_the_reason(text, why):
    """None of them is a proportion whose sureness is known."""
    with pytest.raises(ThresholdError) as refused:
        condition_of(text)
    assert why in str(refused.value)


def test_slow_failed_and_missed_starts_are_bad():
    """Of ten starts two are slow; a failure counts beside them, and never are more bad than there are."""
    times = Histogram()
    for ms in (1, 1, 1, 1, 1, 1, 1, 1, 30, 40):
        times.record(ms * 1000)
    assert SLO.bad(times, 0, 0, 10) == 2
    assert SLO.bad(times, 3, 0, 10) == 5
    assert SLO.bad(times, 9, 0, 10) == 10
    assert condition_of("errorRate < 1%").bad(times, 3, 2, 10) == 5
    assert condition_of("missed < 1%").bad(times, 3, 2, 10) == 2
