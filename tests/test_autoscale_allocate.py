"""Who starts with how many workers, and whose they are under contention."""

from dataclasses import replace

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from tressi.autoscale.allocate import allocate, distribute, shares
from tressi.autoscale.contend import Claim, donations, free_workers
from tressi.model import AutoscaleConfig, ResolvedConfig, ResolvedEndpoint

pytestmark = pytest.mark.pure


def settings(weight=1.0, priority="medium", **fields):
    return AutoscaleConfig(
        100.0, fields.pop("min_workers", 1), fields.pop("max_workers", 100), weight=weight, priority=priority, **fields
    )


def counts_of(*one_each, limit, strategy="proportional"):
    """The first workers of endpoints with these settings."""
    endpoints = tuple(
        ResolvedEndpoint(f"GET /{place}", "GET", "http://h/", "http://h/", autoscale=one) for place, one in enumerate(one_each)
    )
    return [found.worker_count for found in allocate(ResolvedConfig(endpoints, None, limit, strategy))]


TABLE = [
    ("by weight", [settings(2), settings(1), settings(1)], 20, "proportional", [10, 5, 5]),
    ("halves go up, and the sum stays", [settings(), settings()], 5, "proportional", [3, 2]),
    ("equally, whatever the weights", [settings(9), settings(1)], 10, "equal", [5, 5]),
    (
        "by priority 6 to 3 to 1",
        [settings(priority="high"), settings(), settings(priority="low")],
        20,
        "priority-based",
        [12, 6, 2],
    ),
    ("a minimum is kept", [settings(99), settings(1, min_workers=5)], 20, "proportional", [15, 5]),
    ("what one cap leaves goes to the others", [settings(max_workers=2), settings()], 20, "proportional", [2, 18]),
    ("caps below the limit", [settings(max_workers=3), settings(max_workers=4)], 20, "proportional", [3, 4]),
    ("no weight at all", [settings(0), settings(0)], 10, "proportional", [5, 5]),
    ("an initial count leaves the rest free", [settings(initial_workers=1), settings()], 10, "proportional", [1, 5]),
]


@each(("one_each", "limit", "strategy", "counts"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_first_workers(one_each, limit, strategy, counts):
    """Every row's sentence."""
    assert counts_of(*one_each, limit=limit, strategy=strategy) == counts


bounds = st.tuples(st.integers(1, 20), st.integers(0, 40), st.floats(0, 10))


@given(st.lists(bounds, min_size=1, max_size=12), st.integers(0, 200))
def test_counts_add_up_within_their_bounds(rows, spare):
    """The sum is the limit or all that the caps allow, and each count is within its bounds."""
    least = [low for low, _, _ in rows]
    most = [low + more for low, more, _ in rows]
    total = sum(least) + spare
    parts = shares([settings(weight) for _, _, weight in rows], "proportional")
    found = distribute(total, parts, least, most)
    assert sum(found) == min(total, sum(most))
    assert all(low <= count <= high for low, count, high in zip(least, found, most, strict=True))


@given(st.lists(st.integers(1, 50), min_size=2, max_size=8), st.integers(8, 300))
def test_a_greater_weight_never_gets_less(weights, total):
    """With the same bounds the counts are in the order of the weights."""
    parts = shares([settings(weight) for weight in weights], "proportional")
    found = distribute(total, parts, [1] * len(weights), [1000] * len(weights))
    for one, count in zip(weights, found, strict=True):
        for other, others in zip(weights, found, strict=True):
            assert one <= other or count >= others


@given(st.lists(st.tuples(st.integers(1, 10), st.integers(0, 30), st.integers(1, 50)), min_size=2, max_size=6), st.data())
def test_a_heavier_endpoint_never_gets_less_than_before(rows, data):
    """Whatever the bounds of all, raising one weight alone does not lower that endpoint's count."""
    least = [low for low, _, _ in rows]
    most = [low + more for low, more, _ in rows]
    total = sum(least) + data.draw(st.integers(0, 60))
    place = data.draw(st.integers(0, len(rows) - 1))
    weights = [weight for _, _, weight in rows]
    heavier = list(weights)
    heavier[place] += data.draw(st.integers(1, 40))
    before, after = (
        distribute(total, shares([settings(weight) for weight in given_weights], "proportional"), least, most)
        for given_weights in (weights, heavier)
    )
    assert after[place] >= before[place]


def claim(key, workers, share, *, priority="medium", least=1, succeeds=True, draining=0):
    return Claim(key, workers, draining, share, least, priority, succeeds)


def test_free_workers_are_for_everybody():
    """What the limit leaves, those that still drain included, may be borrowed."""
    assert free_workers([claim("a", 3, 5), claim("b", 2, 5, draining=1)], 10, "a", "proportional") == 4


def test_borrowed_workers_are_given_back():
    """An endpoint below its share reclaims from those above theirs, the largest borrower first."""
    claims = [claim("a", 2, 5), claim("b", 6, 3), claim("c", 4, 4), claim("d", 4, 3)]
    assert free_workers(claims, 16, "a", "proportional") == 3
    given = donations(claims, 16, "a", 3, "proportional")
    assert [(donation.endpoint_key, donation.workers) for donation in given] == [("b", 3)]
    assert "gives borrowed workers back to a" in given[0].reason


def test_nobody_gives_while_workers_are_free():
    """Free workers come first."""
    assert donations([claim("a", 2, 5), claim("b", 6, 3)], 11, "a", 3, "proportional") == []


def test_above_its_share_an_endpoint_only_borrows():
    """It reclaims nothing, and takes nothing without priority."""
    assert free_workers([claim("a", 5, 5), claim("b", 5, 5)], 10, "a", "proportional") == 0


def test_a_higher_priority_takes_from_the_lowest_above_its_minimum():
    """The low one goes down to its minimum before the medium one gives anything."""
    claims = [claim("a", 6, 6, priority="high"), claim("b", 6, 6), claim("c", 4, 4, priority="low", least=2)]
    assert free_workers(claims, 16, "a", "priority-based") == 7
    given = donations(claims, 16, "a", 4, "priority-based")
    assert [(donation.endpoint_key, donation.workers) for donation in given] == [("c", 2), ("b", 2)]


def test_a_lower_priority_reclaims_nothing_from_a_higher_that_answers():
    """What was taken by priority stays: reclaiming it would only have it taken again. A dead taker gives it back."""
    low = claim("low", 2, 4, priority="low")
    for succeeds, expected in ((True, 0), (False, 2)):
        claims = [claim("high", 28, 26, priority="high", succeeds=succeeds), low]
        assert free_workers(claims, 30, "low", "priority-based") == expected
        assert sum(donation.workers for donation in donations(claims, 30, "low", 2, "priority-based")) == expected
    assert free_workers([claim("high", 28, 26, priority="high"), low], 30, "low", "proportional") == 2


def test_workers_that_still_drain_hold_the_limit():
    """Beyond the limit by three that drain, of five to reclaim two can be had now; and no donor pays for the three again."""
    claims = [claim("a", 2, 7), claim("b", 8, 3, draining=3)]
    assert free_workers(claims, 10, "a", "proportional") == 2
    assert [donation.workers for donation in donations(claims, 10, "a", 2, "proportional")] == [2]


def test_equals_take_nothing_from_each_other():
    """Priority decides only between different ones."""
    claims = [claim("a", 5, 5, priority="high"), claim("b", 5, 5, priority="high")]
    assert free_workers(claims, 10, "a", "priority-based") == 0


def test_a_dead_endpoint_neither_borrows_nor_takes():
    """Without a success it has what is its own and free, no more."""
    claims = [claim("a", 3, 5, priority="high", succeeds=False), claim("b", 3, 3, priority="low")]
    assert free_workers(claims, 20, "a", "priority-based") == 2
    assert free_workers([claim("a", 6, 5, succeeds=False), claim("b", 3, 3)], 20, "a", "proportional") == 0
    assert donations(claims, 6, "a", 2, "priority-based") == []


rivals = st.builds(
    claim,
    key=st.just(""),
    workers=st.integers(1, 20),
    share=st.integers(1, 20),
    priority=st.sampled_from(["high", "medium", "low"]),
    succeeds=st.booleans(),
    draining=st.integers(0, 5),
)


@given(
    st.lists(rivals, min_size=1, max_size=8),
    st.integers(0, 60),
    st.sampled_from(["proportional", "equal", "priority-based"]),
)
def test_what_is_given_covers_what_is_allowed_and_leaves_minimums(rows, spare, strategy):
    """An endpoint that grows by what it may have finds that many workers, free or given; and nobody falls below its minimum."""
    claims = [replace(one, endpoint_key=str(place)) for place, one in enumerate(rows)]
    limit = sum(one.workers for one in claims) + spare
    unused = spare - sum(one.draining for one in claims)
    allowed = free_workers(claims, limit, "0", strategy)
    given = donations(claims, limit, "0", allowed, strategy)
    assert sum(donation.workers for donation in given) == max(0, allowed - max(0, unused))
    for one in claims:
        lost = sum(donation.workers for donation in given if donation.endpoint_key == one.endpoint_key)
        assert lost == 0 or one.workers - lost >= one.min_workers
