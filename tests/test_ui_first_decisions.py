"""The scaler's first decisions, told as one."""

import pytest
from summaries import decision, resolved

from tressi.model import ScalingDecision
from tressi.ui.first_decisions import Shrunk, first_s, is_first, told_together
from tressi.ui.live.run_state import Seen

pytestmark = pytest.mark.pure

A, B, C = (f"GET http://host/{name}" for name in "abc")


def shrank(key, workers, count, t):
    """A pool gave up workers, and has so many then."""
    return ScalingDecision(key, "scale-down", workers, count, "because", t)


FIRST = [shrank(A, 6, 4, 2.0), shrank(B, 7, 3, 2.7), shrank(C, 5, 5, 3.3), shrank(C, 1, 4, 3.9)]


def test_pools_that_shrink_to_their_need_are_told_together():
    """Workers before the first and after the last decision of each; a single pool's decision says more by itself."""
    assert told_together(FIRST) == Shrunk(3.9, 3, 30, 11)
    assert told_together(FIRST).words == "3 pools shrank to their need: 30 → 11 workers"
    assert told_together(FIRST[:1]) is None
    assert told_together(FIRST[2:]) is None


def test_the_first_decisions_are_those_of_four_cooldowns():
    """By which pools shrink; one that grows is told at once, and without two pools there is nothing to tell together."""
    until_s = first_s(resolved(A, B))
    assert until_s == 8.0
    assert [is_first(one, until_s) for one in (*FIRST, shrank(A, 1, 3, 8.1), decision(A))] == [*[True] * 4, False, False]
    assert first_s(resolved(A, B, autoscale=False)) == first_s(resolved(A)) == 0.0


def test_the_live_view_has_one_event_of_them():
    """It takes in each that comes, and later ones stand by themselves."""
    seen = Seen()
    seen.start(resolved(A, B, C))
    seen.decide(FIRST[0])
    assert list(seen.events) == FIRST[:1]
    grown, late = decision(A), shrank(A, 1, 3, 9.0)
    for one in (*FIRST[1:], grown, late):
        seen.decide(one)
    assert list(seen.events) == [Shrunk(3.9, 3, 30, 11), grown, late]


def test_once_a_pool_has_grown_each_decision_stands_by_itself():
    """A pool that shrinks then has given its workers to another, which is no shrinking to its need."""
    seen, grown, gave = Seen(), decision(A), shrank(B, 1, 4, 4.0)
    seen.start(resolved(A, B, C))
    for one in (*FIRST[:2], grown, gave):
        seen.decide(one)
    assert list(seen.events) == [Shrunk(2.7, 2, 20, 7), grown, gave]
