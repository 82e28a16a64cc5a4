"""One trial of a search, the curve through several, and what a condition calls bad."""

import math

import pytest
from capacity_seconds import SLO, seen
from each import each

from tressi._core import Histogram
from tressi.capacity.crossing import Point, crossing
from tressi.capacity.slo import condition_of
from tressi.capacity.trial import Trial, correlation_s, is_rising, wilson
from tressi.threshold.parse import ThresholdError

pytestmark = pytest.mark.pure


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


@each(
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
