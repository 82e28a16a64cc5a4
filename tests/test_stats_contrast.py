"""Exact sign flips, and one value against several."""

import random
from itertools import product
from operator import mul

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tressi.stats.combine import permutation_p, sign_flip_p
from tressi.stats.contrast import flip_p, joint_permutation_p, levels_of_looks, of_a_spread, one_of_many

pytestmark = pytest.mark.pure


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=9))
def test_every_choice_of_signs_is_counted(differences):
    """As trying all of them does, but for sums that rounding to units moves across the one that was seen."""
    seen, rounding = abs(sum(differences)), sum(map(abs, differences)) * len(differences) / 4096 + 1e-9
    tried = [abs(sum(map(mul, signs, differences))) for signs in product((1, -1), repeat=len(differences))]
    least, most = (sum(one >= seen + edge for one in tried) / len(tried) for edge in (rounding, -rounding))
    assert least - 1e-9 <= flip_p(differences) <= most + 1e-9


def test_all_to_one_side():
    """Of 8 pairs, 2 of 256 ways are as extreme; of none that differs, all are."""
    assert flip_p([0.1, 0.2, 0.05, 0.4, 0.1, 0.3, 0.2, 0.1]) == pytest.approx(2 / 256)
    assert flip_p([0.0] * 8) == 1.0


def test_many_pairs_agree_with_drawn_flips():
    """64 pairs, of which the other function draws 20,000 flips."""
    differences = [((number * 37) % 64 - 26) / 64 for number in range(64)]
    assert flip_p(differences) == pytest.approx(sign_flip_p(differences), abs=0.01)


def test_one_of_many_is_the_prediction_interval():
    """By scipy's t: mean ± t s √(1 + 1/n)."""
    from scipy import stats  # it takes seconds to import

    many, one = [1.0, 1.2, 0.9, 1.1, 1.05], 1.6
    found = one_of_many(many, one)
    error = stats.tstd(many) * (1 + 1 / 5) ** 0.5
    reach = stats.t.ppf(0.975, 4) * error
    assert (found.low, found.high) == pytest.approx((one - 1.05 - reach, one - 1.05 + reach))
    assert found.p == pytest.approx(2 * stats.t.sf((one - 1.05) / error, 4))


def test_a_known_spread_is_that_of_two_runs():
    """Two further runs differ by √2 of it."""
    from scipy import stats  # it takes seconds to import

    found = of_a_spread(0.1, 0.05, 6)
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 5) * 0.05 * 2**0.5)
    assert of_a_spread(0.0, 0.0, 6).p == 1.0


def test_one_metric_alone_is_the_permutation_test():
    """Nothing to correct for."""
    before, after = [1.0, 2.0, 3.0, 4.5], [3.0, 4.0, 5.0, 6.0]
    assert joint_permutation_p([before], [after]) == pytest.approx([permutation_p(before, after)])


def test_many_metrics_of_few_runs_can_be_significant():
    """4 + 4 runs: one metric that is apart keeps its 2 of 70, and one that is constant counts for none."""
    rng = random.Random(1)
    noise = [[[rng.gauss(0, 1) for _ in range(4)] for _ in range(20)] for _ in range(2)]
    before, after = [[1.0, 1.1, 1.2, 1.3], [0.0] * 4, *noise[0]], [[2.0, 2.1, 2.2, 2.3], [0.0] * 4, *noise[1]]
    found = joint_permutation_p(before, after)
    assert found[0] < 0.1
    assert found[1] == 1.0
    assert joint_permutation_p(before[:2], after[:2])[0] == pytest.approx(2 / 70)


def test_the_correction_keeps_its_promise():
    """Of 300 families of ten metrics that do not differ, about 15 have one below 0.05; seeds are fixed."""
    rng, alarms = random.Random(2), 0
    for _ in range(300):
        sides = [[[rng.gauss(0, 1) for _ in range(4)] for _ in range(10)] for _ in range(2)]
        alarms += min(joint_permutation_p(*sides)) < 0.05
    assert 2 <= alarms <= 26


def test_many_runs_are_drawn():
    """10 + 10 have 184,756 divisions."""
    before, after = [float(number) for number in range(10)], [number + 20.0 for number in range(10)]
    assert joint_permutation_p([before], [after]) == [pytest.approx(1 / 5001)]


def test_all_looks_together_spend_five_of_a_hundred():
    """And each can be reached by sign flips of so many pairs."""
    levels = levels_of_looks((8, 16, 32, 64))
    assert sum(levels) == pytest.approx(0.05)
    assert all(flip_p([1.0] * pairs) < level for pairs, level in zip((8, 16, 32, 64), levels, strict=True))
