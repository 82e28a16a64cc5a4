"""Comparisons against scipy, against values worked out by hand, and against published tables."""

import math
import random

import pytest

from tressi.stats.combine import (
    Estimate,
    holm,
    least_permutation_p,
    mover,
    mover_ratio,
    paired,
    permutation_p,
    sign_flip_p,
    welch,
)
from tressi.stats.spending import PAIRS, look_levels, look_limits, spent

pytestmark = pytest.mark.pure

BEFORE = [4.61, 4.58, 4.66, 4.71, 4.55, 4.63]
AFTER = [4.70, 4.69, 4.62, 4.93, 4.77]


def test_welch():
    """Interval, p and degrees of freedom of two groups of unequal spread and size."""
    from scipy import stats  # it takes seconds to import

    found = welch(BEFORE, AFTER)
    peer = stats.ttest_ind(AFTER, BEFORE, equal_var=False)
    low, high = peer.confidence_interval(0.95)
    assert (found.low, found.high, found.p, found.freedom) == pytest.approx((low, high, peer.pvalue, peer.df), rel=1e-7)
    assert found.ratio()[0] == pytest.approx(math.exp(found.value))


def test_paired():
    """The interval of pairs, at another confidence too."""
    from scipy import stats  # it takes seconds to import

    differences = [a - b for a, b in zip(AFTER, BEFORE, strict=False)]
    peer = stats.ttest_rel(AFTER, BEFORE[:5])
    found = paired(differences, 0.9)
    low, high = peer.confidence_interval(0.9)
    assert (found.low, found.high, found.p) == pytest.approx((low, high, peer.pvalue), rel=1e-7)


def test_figures_that_do_not_vary():
    """Whole milliseconds may be the same in every run: then the difference is certain, and 0 is none."""
    assert (welch([1, 1], [2, 2]).low, welch([1, 1], [2, 2]).p) == (1, 0)
    assert (paired([0, 0, 0]).high, paired([0, 0, 0]).p) == (0, 1)


@pytest.mark.parametrize(("before", "after"), [(BEFORE, AFTER), (AFTER, BEFORE), (BEFORE[:4], AFTER[:4])])
def test_permutations(before, after):
    """The share of all divisions, as scipy counts it."""
    from scipy import stats  # it takes seconds to import

    peer = stats.permutation_test(
        (before, after), lambda a, b: abs(sum(a) / len(a) - sum(b) / len(b)), alternative="greater", n_resamples=10**5
    )
    assert permutation_p(before, after) == pytest.approx(peer.pvalue)


def test_too_few_runs_reach_no_small_p():
    """Three and three have no p below 0.1, four and four have."""
    assert permutation_p([1, 2, 3], [4, 5, 6]) == pytest.approx(least_permutation_p(3, 3)) == pytest.approx(0.1)
    assert permutation_p([1, 2, 3, 4], [5, 6, 7, 8]) == pytest.approx(least_permutation_p(4, 4)) == pytest.approx(2 / 70)
    assert permutation_p([1, 1], [1, 1, 1]) == 1


def test_many_runs_are_drawn():
    """Twelve and twelve have 2.7 million divisions: the drawn p is near that of the t-test, the same for the same seed."""
    from scipy import stats  # it takes seconds to import

    draw = random.Random(5)
    before, after = ([draw.gauss(mean, 1) for _ in range(12)] for mean in (0, 0.9))
    p = permutation_p(before, after, seed=3)
    assert p == permutation_p(before, after, seed=3)
    assert p == pytest.approx(stats.ttest_ind(before, after).pvalue, abs=0.015)


def test_sign_flips():
    """The share of all signs, as scipy counts it for pairs."""
    from scipy import stats  # it takes seconds to import

    differences = [0.02, 0.11, -0.03, 0.07, 0.05, -0.01, 0.09, 0.04]
    peer = stats.permutation_test(
        (differences,), lambda a: abs(sum(a)), permutation_type="samples", alternative="greater", n_resamples=10**4
    )
    assert sign_flip_p(differences) == pytest.approx(peer.pvalue)
    assert sign_flip_p([1, 2, 3, 4, 5]) == 2 / 2**5


def test_many_pairs_are_drawn():
    """Beyond 16 pairs the p is drawn, and near that of the t-test."""
    from scipy import stats  # it takes seconds to import

    draw = random.Random(11)
    differences = [draw.gauss(0.35, 1) for _ in range(40)]
    assert sign_flip_p(differences, seed=1) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.015)
    assert sign_flip_p(differences, seed=1) == sign_flip_p(differences, seed=1)


def test_mover():
    """Symmetric intervals of 3 and 4 make one of 5; a lopsided one gives each end its own reach."""
    found = mover(Estimate(10, 7, 13), Estimate(12, 8, 16))
    assert (found.value, found.low, found.high) == (2, -3, 7)
    found = mover(Estimate(0, -3, 0), Estimate(0, -4, 12))
    assert (found.low, found.high) == (-4, math.hypot(12, 3))


def test_mover_of_a_ratio():
    """From 100 (90 to 120) to 150 (140 to 170) ms is 1.5 times as much, on the log scale."""
    found = mover_ratio(Estimate(100, 90, 120), Estimate(150, 140, 170))
    assert found.value == pytest.approx(1.5)
    assert math.log(found.low / 1.5) == pytest.approx(-math.hypot(math.log(150 / 140), math.log(120 / 100)))
    assert math.log(found.high / 1.5) == pytest.approx(math.hypot(math.log(170 / 150), math.log(100 / 90)))


def test_holm():
    """The smallest counts four times, and none counts less than one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("looks", "limits"),
    [
        pytest.param(1, [1.960], id="one look is the usual test"),
        pytest.param(2, [2.963, 1.969], id="2"),
        pytest.param(3, [3.710, 2.511, 1.993], id="3"),
        pytest.param(4, [4.333, 2.963, 2.359, 2.014], id="4"),
        pytest.param(5, [4.877, 3.357, 2.680, 2.290, 2.031], id="5"),
    ],
)
def test_limits_of_looks_are_the_published_ones(looks, limits):
    """Lan and DeMets' table for looks at equal distances, alpha 0.05 on both sides."""
    assert look_limits(tuple((look + 1) / looks for look in range(looks))) == pytest.approx(limits, abs=0.0015)


def test_levels_of_a_comparison():
    """Doubling the pairs: nearly all of the 5 % is left for the last look, and what is spent at its end is all of it."""
    levels = look_levels([pairs / PAIRS[-1] for pairs in PAIRS])
    assert levels == sorted(levels)
    assert levels[0] < 1e-6
    assert 0.045 < levels[-1] < 0.05
    assert spent(1.0) == pytest.approx(0.05)


def test_shares_must_rise():
    """A look at less than before is a mistake of the caller."""
    for shares in ([], [0.5, 0.5], [0.0, 1.0], [0.5, 1.2]):
        with pytest.raises(ValueError, match="rise"):
            look_levels(shares)
