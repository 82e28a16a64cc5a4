"""What every view shares: how endpoints are named, when a rate is the one asked for, what a second's figures are called."""

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from summaries import decision, resolved, verdict

from tressi.model import Change
from tressi.run.shortfall import mean_differs
from tressi.text import labels
from tressi.ui.rates import is_met
from tressi.ui.sentences import change_line, decision_line, labels_of, threshold_line
from tressi.vocabulary import MET_SHARE

pytestmark = pytest.mark.pure

A, B, C = (f"GET http://host/{name}" for name in "abc")


def test_an_endpoint_is_shown_by_its_name():
    """Without one, by its key without the origin that all have; control characters in it are obeyed by nobody."""
    assert labels({A: "checkout", B: None, C: " "}) == {A: "checkout", B: "GET /b", C: "GET /c"}
    assert labels({A: "red\x1b[31m"})[A] == "red\\x1b[31m"


def test_a_name_that_is_not_one_endpoints_alone_has_the_key_beside_it():
    """Two of one name, and a name that is another endpoint's key."""
    assert labels({A: "same", B: "same", C: "GET /a"}) == {A: "same (GET /a)", B: "same (GET /b)", C: "GET /a (GET /c)"}


def test_every_sentence_has_the_name():
    """Decisions, changes and thresholds; the key where an endpoint is none of the run's."""
    shown = labels_of(resolved(A, B, names=["checkout"]))
    assert decision_line(decision(A), shown) == "   1.0 s  checkout  +1 → 3 workers: because"
    assert change_line(Change(1.5, "set-target", A, 60.0), shown) == "   1.5 s  checkout  target 60 RPS"
    assert threshold_line(verdict("p99 < 5", A, passed=False), shown) == "checkout  p99 < 5  so far 1.5 ms"
    assert decision_line(decision(C), shown).startswith("   1.0 s  GET http://host/c  ")


@each(
    ("rps", "target_rps", "met"),
    [
        (990, 1000, True),
        (989, 1000, False),
        (4, 5, True),  # one request of five may end just after its second
        (3, 5, False),
        (0, 1, True),
        (0, 1.5, False),
        (49, 50, True),
        (48.9, 50, False),
        (70, 50, True),
        (0, 0, True),
    ],
)
def test_a_rate_is_met(rps, target_rps, met):
    """Short by 1 % at most, or by one request."""
    assert is_met(rps, target_rps) == met


@given(st.integers(0, 10**6), st.integers(1, 60))
def test_one_request_is_one_in_any_time(due, span_s):
    """Over several seconds too, and however the rates are rounded."""
    assert is_met(max(0, due - 1) / span_s, due / span_s, span_s)
    assert not is_met((due - 2) / span_s, due / span_s, span_s) or due - 2 >= MET_SHARE * due - 1e-6


def test_a_mean_is_said_where_it_is_another():
    """Through a ramp, a change or a pause: by more than 1 %, in either direction, also where one of them is 0."""
    pairs = [(100.0, 100.0), (100.0, 99.1), (100.0, 98.0), (98.0, 100.0), (0.0, 50.0), (50.0, 0.0), (0.0, 0.0), (None, 5.0)]
    assert [mean_differs(*pair) for pair in pairs] == [False, False, True, True, True, True, False, False]
