"""The token bucket against exact arithmetic: every start that the curve asks for is granted or missed, once, on time."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tressi._core import TokenBucket

pytestmark = pytest.mark.pure

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
BURST_NS = 100_000_000


class Curve:
    """The rate over time as exact straight pieces, and its integral."""

    def __init__(self, rate, start_ns=0, ramp_ns=0):
        self.pieces = []
        self.turn(0 if ramp_ns else rate, rate, start_ns, ramp_ns)

    def turn(self, begin_rate, rate, now_ns, ramp_ns=0):
        """From now on climb from one rate to another, then hold that; what was to come is void."""
        position = self.position(now_ns) if self.pieces else Fraction(0)
        begin_rate, rate = Fraction(begin_rate), Fraction(rate)
        self.pieces = [piece for piece in self.pieces if piece[0] < now_ns]
        if ramp_ns:
            ramp_s = Fraction(ramp_ns, NS_PER_S)
            self.pieces.append((now_ns, position, begin_rate, (rate - begin_rate) / ramp_s))
            position += (begin_rate + rate) / 2 * ramp_s
        self.pieces.append((now_ns + ramp_ns, position, rate, Fraction(0)))

    def piece(self, now_ns):
        """The piece that holds a time."""
        return next((piece for piece in reversed(self.pieces) if piece[0] <= now_ns), self.pieces[0])

    def position(self, now_ns):
        """How many starts have been asked for."""
        start_ns, position, rate, slope = self.piece(now_ns)
        elapsed_s = max(Fraction(now_ns - start_ns, NS_PER_S), Fraction(0))
        return position + elapsed_s * (rate + slope * elapsed_s / 2)

    def fastest(self):
        """An upper bound of the rate."""
        rates = [rate for _, _, rate, _ in self.pieces]
        return max(rates)

    def slack(self, now_ns):
        """What a time rounded to nanoseconds and a position held as a double may be off, in starts."""
        return self.fastest() * Fraction(2, NS_PER_S) + Fraction(1, 10**6) + self.position(now_ns) / 2**50

    def due_by(self, now_ns, phase):
        """(fewest, most) starts that are due by a time: one number, but where a start lies within the slack."""
        position, slack = self.position(now_ns) - Fraction(phase), self.slack(now_ns)
        return max(0, floor(position - slack) + 1), max(0, floor(position + slack) + 1)


def take_all(bucket, now_ns):
    """Take every start that is due; returns their due times."""
    found = []
    while (answer := bucket.take(now_ns))[0]:
        found.append(answer[1])
    return found


def check_complete(bucket, curve, now_ns, phase=0.0):
    """Nothing that was due by now is forgotten, nothing is invented."""
    fewest, most = curve.due_by(now_ns, phase)
    assert fewest <= bucket.granted + bucket.missed <= most


RATES = st.one_of(
    st.sampled_from([0.0, 0.01, 1.0, 3.0, 1000.0, 19_999.0]),
    st.floats(0, 20_000, allow_nan=False, allow_subnormal=False),
)
PHASES = st.floats(0, 1, exclude_max=True, allow_subnormal=False)
PAUSES_NS = st.one_of(st.integers(0, 1_000), st.integers(0, 300_000_000), st.integers(0, 5 * NS_PER_DAY))
RAMPS_NS = st.one_of(st.just(0), st.integers(1, 1_000_000_000), st.integers(1, 10**12))


@settings(max_examples=100, deadline=None)
@given(rate=RATES, phase=PHASES, ramp_ns=RAMPS_NS, pauses_ns=st.lists(PAUSES_NS, min_size=1, max_size=20))
@example(rate=299_999.0, phase=0.0, ramp_ns=0, pauses_ns=[90_000_000])
@example(rate=299_999.0, phase=0.5, ramp_ns=30 * NS_PER_S, pauses_ns=[90_000_000, 3 * NS_PER_DAY, 7, 50_000_000])
def test_every_scheduled_start_is_granted_or_missed(rate, phase, ramp_ns, pauses_ns):
    """However late a lane asks, tokens granted plus missed are the integral of the rate, to the start."""
    bucket, curve, now_ns = TokenBucket(rate, phase=phase, ramp_ns=ramp_ns), Curve(rate, ramp_ns=ramp_ns), 0
    for pause_ns in pauses_ns:
        now_ns += pause_ns
        take_all(bucket, now_ns)
        check_complete(bucket, curve, now_ns, phase)


STEPS = st.one_of(
    st.tuples(st.just("take one"), st.none()),
    st.tuples(st.just("take all"), st.none()),
    st.tuples(st.just("settle"), st.none()),
    st.tuples(st.just("rate"), st.tuples(RATES, RATES, RAMPS_NS)),
    st.tuples(st.just("pause"), st.none()),
)


def step(bucket, curve, now_ns, name, rates):
    """One thing that may happen to a bucket during a run."""
    if name == "take one":
        bucket.take(now_ns)
    elif name == "take all":
        take_all(bucket, now_ns)
    elif name == "settle":
        bucket.settle(now_ns)
    elif name == "pause":
        bucket.set_rate(0.0, now_ns)
        curve.turn(0, 0, now_ns)
    else:
        begin_rate, rate, ramp_ns = rates
        bucket.follow([(0, begin_rate), (ramp_ns / NS_PER_S, rate)] if ramp_ns else [(0, rate)], now_ns, origin_ns=now_ns)
        curve.turn(begin_rate if ramp_ns else rate, rate, now_ns, ramp_ns)


@settings(max_examples=200, deadline=None)
@given(
    rate=RATES,
    phase=PHASES,
    ramp_ns=RAMPS_NS,
    steps=st.lists(st.tuples(st.one_of(st.just(0), PAUSES_NS), STEPS), min_size=1, max_size=25),
)
@example(  # starts owed on two pieces at once, then paused: they must not be forgotten
    rate=10.0,
    phase=0.0,
    ramp_ns=0,
    steps=[(50_000_000, ("rate", (0.0, 1000.0, 0))), (10_000_000, ("pause", None)), (0, ("take one", None))],
)
@example(  # the next start lies beyond the ramp when the rate changes within it
    rate=1.0,
    phase=0.5,
    ramp_ns=10 * NS_PER_S,
    steps=[(9_950_000_000, ("take all", None)), (0, ("rate", (0.0, 100.0, 0))), (20_000_000, ("take all", None))],
)
def test_no_start_is_lost_over_live_changes(rate, phase, ramp_ns, steps):
    """Whatever is taken, settled or changed in between: at the end granted plus missed are the integral of the curve."""
    bucket, curve, now_ns = TokenBucket(rate, phase=phase, ramp_ns=ramp_ns), Curve(rate, ramp_ns=ramp_ns), 0
    for pause_ns, (name, rates) in steps:
        now_ns += pause_ns
        step(bucket, curve, now_ns, name, rates)
        assert bucket.position(now_ns) == pytest.approx(float(curve.position(now_ns)), rel=1e-12, abs=1e-9)
        assert bucket.granted + bucket.missed <= curve.due_by(now_ns, phase)[1]
        if name == "take all":
            check_complete(bucket, curve, now_ns, phase)
    bucket.end(now_ns)
    check_complete(bucket, curve, now_ns, phase)


@settings(max_examples=50, deadline=None)
@given(rate=st.floats(1, 20_000), changes=st.lists(st.tuples(st.integers(0, 12_000_000), RATES), min_size=1, max_size=8))
def test_changes_within_the_burst_allowance_forget_nothing(rate, changes):
    """Any number of changes while starts are owed: each owed start is still granted, before or after a pause."""
    bucket, curve, now_ns = TokenBucket(rate), Curve(rate), 0
    for pause_ns, another in changes:
        now_ns += pause_ns
        bucket.set_rate(another, now_ns)
        curve.turn(another, another, now_ns)
    bucket.set_rate(0.0, now_ns)
    taken = take_all(bucket, now_ns)
    fewest, most = curve.due_by(now_ns, 0)
    assert bucket.missed == 0
    assert fewest <= len(taken) <= most
    assert taken == sorted(taken)
    assert bucket.end(now_ns + NS_PER_DAY) == 0


@settings(max_examples=50, deadline=None)
@given(
    rate=RATES,
    phase=PHASES,
    ramp_ns=RAMPS_NS,
    pauses_ns=st.lists(PAUSES_NS, min_size=1, max_size=15),
    settles=st.lists(st.booleans(), min_size=15, max_size=15),
)
def test_settling_changes_no_token(rate, phase, ramp_ns, pauses_ns, settles):
    """Settling only books what would be missed anyhow: with it or without, the same starts are granted."""
    bucket, twin = (TokenBucket(rate, phase=phase, ramp_ns=ramp_ns) for _ in range(2))
    now_ns = 0
    for pause_ns, settled in zip(pauses_ns, settles, strict=False):
        now_ns += pause_ns
        if settled:
            bucket.settle(now_ns - pause_ns // 2)
            bucket.settle(now_ns)
        # A position reached in other strides may be rounded otherwise.
        assert take_all(bucket, now_ns) == pytest.approx(take_all(twin, now_ns), rel=0, abs=2)
        assert (bucket.granted, bucket.missed) == (twin.granted, twin.missed)


@settings(max_examples=60, deadline=None)
@given(rate=st.floats(0.01, 20_000), phase=PHASES, ramp_ns=RAMPS_NS, ask_ns=st.integers(0, 10**12))
def test_a_start_is_due_where_the_integral_reaches_it(rate, phase, ramp_ns, ask_ns):
    """What `take` grants is the intended start, to the nanosecond, and never the time of asking."""
    bucket, curve = TokenBucket(rate, phase=phase, ramp_ns=ramp_ns), Curve(rate, ramp_ns=ramp_ns)
    bucket.settle(ask_ns)
    for index in range(bucket.missed, bucket.missed + 5):
        now_ns = bucket.take(-1)[1]
        granted, due_ns = bucket.take(now_ns + 1_000)
        assert granted
        assert due_ns == now_ns
        start = Fraction(phase) + index
        slack = curve.slack(due_ns)
        assert curve.position(max(due_ns - 1, 0)) - slack <= start <= curve.position(due_ns + 1) + slack


@pytest.mark.parametrize(
    ("rate", "dues_ns"),
    [
        pytest.param(1, [0, NS_PER_S, 2 * NS_PER_S], id="one a second, the first at once"),
        pytest.param(0.25, [0, 4 * NS_PER_S], id="a rate may be below one"),
        pytest.param(3, [0, 333_333_333, 666_666_667, NS_PER_S], id="each due time is rounded by itself, so none drifts"),
        pytest.param(1e9, [0, 1, 2, 3], id="one a nanosecond is the limit"),
    ],
)
def test_due_times_of_a_constant_rate(rate, dues_ns):
    """Start k is due at k / rate: not before, and not again."""
    bucket = TokenBucket(rate, start_ns=50)
    for due_ns in dues_ns:
        assert bucket.take(50 + due_ns - 1) == (False, 50 + due_ns)
        assert bucket.take(50 + due_ns) == (True, 50 + due_ns)


@pytest.mark.parametrize("rate", [299_999, 7, 333.3, 1 / 3])
def test_no_drift_over_days(rate):
    """Three days are three days: the count is exact, and the next start is due where arithmetic puts it."""
    bucket, curve = TokenBucket(rate), Curve(rate)
    for now_ns in range(NS_PER_DAY // 50, 3 * NS_PER_DAY + 1, NS_PER_DAY // 50):
        bucket.settle(now_ns + now_ns % 977)
    take_all(bucket, 3 * NS_PER_DAY)
    check_complete(bucket, curve, 3 * NS_PER_DAY)
    due_ns = bucket.take(0)[1]
    assert abs(due_ns - (bucket.granted + bucket.missed) * NS_PER_S / Fraction(rate)) <= 1


def test_no_drift_start_by_start():
    """A quarter of a million starts taken one by one end where the schedule says, though no interval is whole."""
    bucket, due_ns = TokenBucket(299_999), 0
    for _ in range(250_000):
        due_ns = bucket.take(bucket.take(-1)[1])[1]
    assert (bucket.granted, bucket.missed) == (250_000, 0)
    assert due_ns == round(Fraction(249_999 * NS_PER_S, 299_999))


@settings(max_examples=80, deadline=None)
@given(rate=st.floats(0.01, 20_000), burst_ns=st.sampled_from([0, BURST_NS, NS_PER_S // 3]), silence_ns=PAUSES_NS)
@example(rate=1000.0, burst_ns=BURST_NS, silence_ns=NS_PER_S)
@example(rate=5.0, burst_ns=BURST_NS, silence_ns=NS_PER_S - 1)
def test_who_falls_behind_may_catch_up_the_burst_allowance(rate, burst_ns, silence_ns):
    """After silence one gets the starts of the last 100 ms, or else the latest one; what is older is missed."""
    bucket, curve = TokenBucket(rate, burst_ns=burst_ns), Curve(rate)
    taken = take_all(bucket, silence_ns)
    fewest, most = curve.due_by(silence_ns, 0)
    before = curve.due_by(silence_ns - burst_ns - 1, 0) if silence_ns > burst_ns else (0, 0)
    assert max(1, fewest - before[1] - 1) <= len(taken) <= max(1, most - before[0])
    assert all(due_ns >= silence_ns - burst_ns - 1 for due_ns in taken[1:])
    check_complete(bucket, curve, silence_ns)


def test_the_skipped_starts_are_told_as_a_series():
    """`settle` names how many it gave up and when the first and the last of them were due."""
    bucket = TokenBucket(1000)
    assert bucket.settle(NS_PER_S) == (900, 0, 899_000_000)
    assert bucket.settle(NS_PER_S) == (0, 0, 0)
    assert bucket.missed == 900
    assert take_all(bucket, NS_PER_S) == [index * 1_000_000 for index in range(900, 1001)]


def test_a_pause_grants_nothing_and_loses_nothing():
    """At rate 0 nothing becomes due; the fraction of a start earned before counts afterwards."""
    bucket = TokenBucket(1)
    assert bucket.take(0) == (True, 0)
    bucket.set_rate(0, 750_000_000)
    assert bucket.settle(NS_PER_DAY) == (0, 0, 0)
    assert not bucket.take(NS_PER_DAY)[0]
    bucket.set_rate(1, NS_PER_DAY)
    assert bucket.take(NS_PER_DAY) == (False, NS_PER_DAY + 250_000_000)


def test_a_bucket_that_begins_paused_starts_with_its_rate():
    """A rate of 0 has no first start; it lies where the rate begins."""
    bucket = TokenBucket(0)
    assert not bucket.take(NS_PER_DAY)[0]
    bucket.set_rate(2, NS_PER_DAY)
    assert bucket.take(NS_PER_DAY) == (True, NS_PER_DAY)
    assert bucket.take(NS_PER_DAY) == (False, NS_PER_DAY + NS_PER_S // 2)


def test_many_changes_at_once_keep_the_count():
    """More changes while one start is owed than the curve has pieces: the count stays exact, the latest times, too."""
    bucket, curve, now_ns = TokenBucket(1000), Curve(1000), 0
    for index in range(1, 40):
        now_ns += 500_001
        bucket.set_rate(100 * index, now_ns)
        curve.turn(100 * index, 100 * index, now_ns)
    taken = take_all(bucket, now_ns)
    check_complete(bucket, curve, now_ns)
    assert bucket.missed == 0
    assert taken == sorted(taken)
    for index, due_ns in enumerate(taken[-8:], start=len(taken) - 8):
        assert abs(curve.position(due_ns) - index) <= curve.slack(due_ns)


def test_rate_and_position_follow_the_curve():
    """A ramp's rate is read in the middle of it; its area is a triangle."""
    bucket = TokenBucket(100, start_ns=NS_PER_S, ramp_ns=10 * NS_PER_S)
    assert [bucket.rate(second * NS_PER_S) for second in (0, 1, 6, 11, 99)] == [0, 0, 50, 100, 100]
    assert [bucket.position(second * NS_PER_S) for second in (0, 1, 6, 11, 12)] == [0, 0, 125, 500, 600]


def test_the_end_gives_up_what_is_due_and_nothing_follows():
    """At the end each due start is booked, inside the burst allowance too; afterwards nothing is due."""
    bucket = TokenBucket(1000)
    assert bucket.take(0)[0]
    assert bucket.end(50_000_000) == 50
    assert (bucket.granted, bucket.missed) == (1, 50)
    assert not bucket.take(NS_PER_DAY)[0]
    assert bucket.end(NS_PER_DAY) == 0


@settings(max_examples=100, deadline=None)
@given(
    rate=RATES,
    phase=PHASES,
    ramp_ns=RAMPS_NS,
    stop_ns=st.one_of(st.integers(0, NS_PER_S), st.integers(0, NS_PER_DAY)),
    steps=st.lists(st.tuples(st.one_of(st.just(0), PAUSES_NS), STEPS), min_size=1, max_size=15),
)
def test_a_schedule_that_stops_by_itself(rate, phase, ramp_ns, stop_ns, steps):
    """However late the stop is noticed, granted plus missed are the integral up to it, and nothing is due from there on."""
    bucket, curve, now_ns = TokenBucket(rate, phase=phase, ramp_ns=ramp_ns), Curve(rate, ramp_ns=ramp_ns), 0
    bucket.stop_at(stop_ns)
    for pause_ns, (name, rates) in steps:
        now_ns += pause_ns
        step(bucket, curve, now_ns, name, rates)
        granted, due_ns = bucket.take(now_ns)
        assert due_ns < stop_ns or not granted
        assert bucket.position(now_ns) == pytest.approx(float(curve.position(min(now_ns, stop_ns))), rel=1e-12, abs=1e-9)
    bucket.end(now_ns)
    check_complete(bucket, curve, min(now_ns, stop_ns), phase)


def test_the_start_at_the_stop_is_not_due():
    """Ten seconds at 100 RPS are a thousand starts, not one more, asked in time or late."""
    for ask_ns in (range(0, 11 * NS_PER_S, 5_000_000), [10 * NS_PER_S], [NS_PER_DAY]):
        bucket = TokenBucket(100)
        bucket.stop_at(10 * NS_PER_S)
        for now_ns in ask_ns:
            take_all(bucket, now_ns)
        bucket.end(NS_PER_DAY)
        assert bucket.granted + bucket.missed == bucket.position(NS_PER_DAY) == 1000


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"rate": -1.0}, id="a negative rate"),
        pytest.param({"rate": float("nan")}, id="no number"),
        pytest.param({"rate": float("inf")}, id="without bound"),
        pytest.param({"rate": 1.0, "phase": 1.0}, id="a phase of a whole start"),
        pytest.param({"rate": 1.0, "ramp_ns": -1}, id="a ramp into the past"),
        pytest.param({"rate": 1.0, "burst_ns": -1}, id="a negative allowance"),
    ],
)
def test_what_is_no_schedule_is_refused(wrong):
    """A bucket without meaning is an error where it is made, not a wrong number later."""
    with pytest.raises(ValueError, match="rate"):
        TokenBucket(**wrong)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_what_is_no_rate_is_refused(rate):
    """So is a change to a rate without meaning, and the old one goes on."""
    bucket = TokenBucket(5)
    with pytest.raises(ValueError, match="rate"):
        bucket.set_rate(rate, 0)
    assert bucket.rate(0) == 5
