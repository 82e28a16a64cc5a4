"""The rate over a run's time: what a curve asks for is the area below it, however it is read, scaled or scheduled."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._core import TokenBucket
from tressi.model import Curve, Stage

pytestmark = pytest.mark.pure

NS_PER_S = 1_000_000_000
RATES = st.one_of(st.just(0.0), st.floats(0.5, 2_000))
LENGTHS = st.integers(1, 40).map(lambda tenths: tenths / 10)
STAGES = st.lists(st.builds(Stage, LENGTHS, RATES, st.booleans()), min_size=1, max_size=20)


def area(stages, time_s):
    """The integral of the stages from the start to that time, exactly, without a curve."""
    total, begin, before, time_s = Fraction(0), Fraction(0), Fraction(0), Fraction(time_s)
    for stage in stages:
        length, rate = Fraction(round(stage.duration_s * 10), 10), Fraction(stage.target_rps)
        passed = min(max(time_s - begin, Fraction(0)), length)
        first = rate if stage.is_step else before
        total += passed * (first + first + (rate - first) * passed / length) / 2
        begin, before = begin + length, rate
    return total + before * max(time_s - begin, Fraction(0))


@settings(max_examples=40)
@given(stages=STAGES, tenths=st.integers(0, 900))
def test_the_starts_of_stages_are_the_area_below_them(stages, tenths):
    """From the start to any time, and between any two."""
    curve, time_s = Curve.of(stages), tenths / 10
    assert curve.starts(0, time_s) == pytest.approx(float(area(stages, Fraction(tenths, 10))), rel=1e-9, abs=1e-6)
    middle = time_s / 3
    assert curve.starts(0, middle) + curve.starts(middle, time_s) == pytest.approx(curve.starts(0, time_s), abs=1e-6)
    assert curve.times(0.25).starts(0, time_s) == pytest.approx(curve.starts(0, time_s) / 4, abs=1e-6)


@settings(max_examples=40)
@given(stages=STAGES, tenths=st.integers(0, 900))
def test_a_rate_lies_on_its_line_and_below_what_it_heads_for(stages, tenths):
    """Workers are kept for the higher end of the line that is under way, and for no peak that is over."""
    curve, time_s = Curve.of(stages), tenths / 10
    assert 0 <= curve.rps_at(time_s) <= curve.heading_for(time_s) <= curve.peak_rps == max(one.target_rps for one in stages)
    assert curve.rps_at(10_000) == curve.heading_for(10_000) == stages[-1].target_rps


@settings(max_examples=20)
@given(stages=STAGES, phase=st.floats(0, 0.999), asked=st.lists(st.integers(1, 3_000), min_size=1, max_size=10))
def test_a_schedule_has_a_start_at_each_whole_of_the_area(stages, phase, asked):
    """Granted and missed together are the integral of the curve, to the start, whenever somebody looks."""
    bucket, now_ns = TokenBucket(0, phase=phase), 0
    bucket.follow(Curve.of(stages).points, 0)
    for pause_ms in asked:
        now_ns += pause_ms * 1_000_000
        while bucket.take(now_ns)[0]:
            pass
        exact = area(stages, Fraction(now_ns, NS_PER_S)) - Fraction(phase)
        slack = Fraction(2, 10**5)
        due = bucket.granted + bucket.missed
        assert max(0, floor(exact - slack) + 1) <= due <= max(0, floor(exact + slack) + 1)


@settings(max_examples=20)
@given(stages=STAGES, changes=st.lists(st.integers(0, 20_000), min_size=1, max_size=6))
def test_to_be_told_of_the_same_curve_again_changes_nothing(stages, changes):
    """It is absolute: told late, twice or after another one, it asks for the same from then on."""
    curve, once, again = Curve.of(stages).points, TokenBucket(0), TokenBucket(0)
    once.follow(curve, 0)
    again.follow(curve, 0)
    for at_ms in sorted(changes):
        again.follow(curve, at_ms * 1_000_000)
    for at_ms in range(max(changes), 90_000, 7_919):
        assert again.position(at_ms * 1_000_000) == pytest.approx(once.position(at_ms * 1_000_000), rel=1e-9, abs=1e-6)
        assert again.rate(at_ms * 1_000_000) == pytest.approx(once.rate(at_ms * 1_000_000), rel=1e-9, abs=1e-6)


def test_a_curve_of_a_thousand_stages_is_followed_to_the_end():
    """A program may have made them: one a second, up and down."""
    stages = [Stage(1.0, float(number % 7 * 10), is_step=True) for number in range(1_000)]
    bucket = TokenBucket(0)
    bucket.follow(Curve.of(stages).points, 0)
    assert bucket.position(1_000 * NS_PER_S) == pytest.approx(sum(one.target_rps for one in stages))
    assert bucket.rate(998 * NS_PER_S + 1) == stages[998].target_rps


@pytest.mark.parametrize("points", [[], [(0, -1)], [(0, 2e9)], [(0, float("nan"))], [(5, 1), (4, 1)], [(-1, 1)], [(2e9, 1)]])
def test_what_is_no_curve_is_refused(points):
    """Time goes on, and rates are what a schedule can hold."""
    with pytest.raises(ValueError, match="curve"):
        TokenBucket(1).follow(points, 0)
