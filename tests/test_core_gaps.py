"""The gaps of Poisson arrivals against their distribution."""

from itertools import pairwise

import pytest
from each import each

from tressi._core import TokenBucket

pytestmark = pytest.mark.pure

NS = 1_000_000_000


def p_value(gaps):
    """How likely gaps like these are where they are exponential, by the test of Kolmogorov and Smirnov."""
    from scipy.stats import kstest  # it takes seconds to import

    return kstest(gaps, "expon").pvalue


def gaps_of(seed, rate, count=20_000):
    """The gaps between the due times of the first starts, in units of the mean gap."""
    bucket, now_ns, due = TokenBucket(rate, seed=seed), 0, []
    while len(due) < count:
        granted, when_ns = bucket.take(now_ns)
        if granted:
            due.append(when_ns)
        else:
            now_ns = when_ns
    return [(later - earlier) * rate / NS for earlier, later in pairwise(due)]


@each("rate", [1, 997, 20_000])
@each("seed", [0, 1, 2])
def test_poisson_gaps_are_exponential(seed, rate):
    """By Kolmogorov and Smirnov's statistic, whatever the seed and the rate."""
    assert p_value(gaps_of(seed, rate)) > 0.001


def test_gaps_know_nothing_of_the_one_before():
    """Neighbouring gaps are not correlated: the process has no memory."""
    gaps = gaps_of(5, 100)
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    product = sum((one - mean) * (next_one - mean) for one, next_one in pairwise(gaps)) / len(gaps)
    assert abs(product / variance) < 0.03


def test_uniform_gaps_are_not():
    """The statistic can tell: even gaps fail it by far."""
    assert p_value(gaps_of(None, 100)) < 1e-9
