"""Poisson arrival: gaps drawn from a seed, held to their own distribution."""

from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._core import TokenBucket

pytestmark = pytest.mark.pure

NS_PER_S = 1_000_000_000


def dues(bucket, until_ns):
    """Every start until a time, each taken when it is due."""
    found = []
    due_ns = bucket.take(-1)[1]
    while due_ns <= until_ns:
        found.append(bucket.take(due_ns)[1])
        due_ns = bucket.take(-1)[1]
    return found


@settings(max_examples=25, deadline=None)
@given(rate=st.floats(10, 5_000), seed=st.integers(0, 2**64 - 1))
def test_a_seed_is_a_schedule(rate, seed):
    """The same seed draws the same starts, its neighbour others."""
    once, again, other = (dues(TokenBucket(rate, seed=each), NS_PER_S) for each in (seed, seed, seed + 1))
    assert once == again
    assert once != other or not once


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1, -1])
def test_the_mean_is_the_rate_and_the_gaps_are_exponential(seed):
    """200,000 starts: count and second moment lie within 5 standard errors of the distribution's."""
    found = dues(TokenBucket(20_000, seed=seed), 10 * NS_PER_S)
    gaps = [(after - before) / NS_PER_S * 20_000 for before, after in pairwise(found)]
    assert abs(len(found) - 200_000) < 5 * sqrt(200_000)
    # An exponential gap has the second moment 2, and that the variance 20.
    assert abs(sum(gap * gap for gap in gaps) / len(gaps) - 2) < 5 * sqrt(20 / len(gaps))
    # More than half of the mean is waited with probability exp(-1/2).
    assert abs(sum(gap > 0.5 for gap in gaps) / len(gaps) - 0.60653) < 5 * sqrt(0.24 / len(gaps))


@settings(max_examples=50, deadline=None)
@given(
    rate=st.floats(1, 2_000),
    seed=st.integers(0, 1000),
    pauses_ns=st.lists(st.integers(0, 2 * NS_PER_S), min_size=1, max_size=10),
)
def test_who_asks_late_misses_starts_of_the_same_schedule(rate, seed, pauses_ns):
    """The draws do not depend on who asks when: granted plus missed are the starts that a prompt lane is given."""
    bucket, now_ns, taken = TokenBucket(rate, seed=seed), 0, []
    for index, pause_ns in enumerate(pauses_ns):
        now_ns += pause_ns
        if index % 2:
            bucket.settle(now_ns)
        while (answer := bucket.take(now_ns))[0]:
            taken.append(answer[1])
    prompt = dues(TokenBucket(rate, seed=seed), now_ns)
    assert bucket.granted + bucket.missed == len(prompt)
    assert set(taken) <= set(prompt)


def test_a_change_of_rate_stretches_the_same_draws():
    """At ten times the rate the count is ten times as high, within 5 standard deviations; at 0 it is nothing."""
    bucket = TokenBucket(1_000, seed=7)
    before = len(dues(bucket, 10 * NS_PER_S))
    bucket.set_rate(0, 10 * NS_PER_S)
    assert dues(bucket, 1_000 * NS_PER_S) == []
    bucket.set_rate(10_000, 1_000 * NS_PER_S)
    after = dues(bucket, 1_010 * NS_PER_S)
    assert abs(before - 10_000) < 5 * sqrt(10_000)
    assert abs(len(after) - 100_000) < 5 * sqrt(100_000)
    assert after[0] >= 1_000 * NS_PER_S


def test_the_end_of_a_drawn_schedule():
    """At the end every drawn start that was due is booked, and none follows."""
    bucket, prompt = TokenBucket(500, seed=3), dues(TokenBucket(500, seed=3), 5 * NS_PER_S)
    bucket.take(NS_PER_S)
    bucket.end(5 * NS_PER_S)
    assert bucket.granted + bucket.missed == len(prompt)
    assert not bucket.take(10**15)[0]


def test_a_drawn_ramp_climbs_too():
    """Over a ramp the expectation is the area below the curve, within 5 standard deviations."""
    found = dues(TokenBucket(10_000, seed=11, ramp_ns=10 * NS_PER_S), 10 * NS_PER_S)
    assert abs(len(found) - 50_000) < 5 * sqrt(50_000)
    assert abs(sum(due_ns < 5 * NS_PER_S for due_ns in found) - 12_500) < 5 * sqrt(12_500)
