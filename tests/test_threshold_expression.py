"""Whether a comparison holds, and which of two outcomes is the worse."""

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from tressi.threshold.expression import Comparison, Metric, Number, Outcome, excess, judge
from tressi.threshold.parse import parse

pytestmark = pytest.mark.pure

SYMBOLS = ("<", "<=", ">", ">=", "==", "!=")
VALUES = st.integers(-5, 5).map(float)


@given(symbol=st.sampled_from(SYMBOLS), left=VALUES, right=VALUES)
def test_the_opposite_holds_exactly_when_the_condition_does_not(symbol, left, right):
    """`--fail-if` and `thresholds` never both pass, and never both fail."""
    comparison = Comparison(Metric("rps"), symbol, Number(right))
    holds = judge(comparison, lambda _: left).holds
    assert judge(comparison.negated(), lambda _: left).holds is not holds


@given(symbol=st.sampled_from(SYMBOLS), left=VALUES, right=VALUES, other=VALUES)
def test_what_fails_is_worse_than_what_holds(symbol, left, right, other):
    """Of two outcomes of one condition, a broken one never counts as the better."""
    comparison = Comparison(Metric("rps"), symbol, Number(right))
    first, second = (judge(comparison, lambda _, value=value: value) for value in (left, other))
    if first.holds and not second.holds:
        assert excess(comparison, second) >= excess(comparison, first)


FIGURES = {"rps": 98.0, "targetRps": 100.0, "responseTime.p99": 30.0, "responseTime.p50": 0.0, "saturated": False}


@each(
    ("text", "outcome"),
    [
        ("rps > 0.98 * targetRps", Outcome(holds=False, left=98.0, right=98.0)),
        ("rps >= 0.98 * targetRps", Outcome(holds=True, left=98.0, right=98.0)),
        ("(rps + 2) / targetRps == 1", Outcome(holds=True, left=1.0, right=1.0)),
        ("p99 - p50 < 30ms", Outcome(holds=False, left=30.0, right=30.0)),
        ("p99 / p50 < 3", Outcome(holds=None, left=None, right=3.0)),
        ("tlsTime.p99 < 3ms", Outcome(holds=None, left=None, right=3.0)),
        ("saturated == false", Outcome(holds=True, left=False, right=False)),
        ("saturated != false", Outcome(holds=False, left=False, right=False)),
    ],
)
def test_a_condition_is_judged_by_its_figures(text, outcome):
    """A side without a value, or divided by nothing, gives no verdict."""
    assert judge(parse(text), lambda metric: FIGURES.get(metric.name)) == outcome
