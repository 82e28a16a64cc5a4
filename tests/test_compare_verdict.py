"""From intervals to an answer."""

import math
from dataclasses import replace

import pytest
from each import each

from tressi.compare.result import FAILURES, Estimate, document
from tressi.compare.verdict import concluded, judged, word_of

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"


def estimate(low, high, p=0.001, metric="p99", key=KEY, **more):
    """A percentile with the interval of its ratio."""
    before = 10.0 if metric != FAILURES else 0.0
    after = before * math.sqrt(low * high) if metric != FAILURES else max(0.0, (low + high) / 2)
    return Estimate(key, metric, before, after, low, high, p, **more)


@each(
    ("low", "high", "p", "word"),
    [
        (1.01, 1.04, 0.001, "same"),  # surely slower, and by less than anybody minds
        (1.01, 1.06, 0.001, "slower"),
        (0.99, 1.06, 0.2, "cannot-tell"),
        (0.93, 0.99, 0.01, "faster"),
        (0.96, 1.04, 0.9, "same"),
        (1 / 1.05, 1.05, 0.9, "same"),  # the margin is as wide on either side on the log scale
        (0.951, 1.04, 0.9, "cannot-tell"),
        (1.01, 1.09, 0.06, "cannot-tell"),  # after the correction for many metrics
    ],
)
def test_the_word_follows_from_interval_and_margin(low, high, p, word):
    """Being the same is shown by an interval within the margin, and not by a test that found nothing."""
    assert word_of(estimate(low, high), p, 0.05) == word


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.001, 0.004, "same"), (0.01, 0.02, "more-failures"), (-0.03, -0.01, "fewer-failures"), (-0.01, 0.02, "cannot-tell")],
)
def test_failures_are_compared_by_their_difference(low, high, word):
    """No ratio of two shares of which one is 0."""
    assert word_of(estimate(low, high, metric=FAILURES), 0.001, 0.05) == word


def test_without_an_interval_nobody_can_tell():
    """A reason stands in its place."""
    assert word_of(Estimate(KEY, "p99", 10.0, 12.0, reason="too few"), None, 0.05) == "cannot-tell"


def answer(*estimates, names_side=True, primary=("p99", FAILURES), design="interleaved", **more):
    """The answer over these."""
    shown = {one.endpoint_key: str(one.endpoint_key) for one in estimates}
    metrics = judged(estimates, shown, primary, 0.05, names_side=names_side)
    return concluded(design, metrics, 0.05, sides=("A", "B"), units=(20, 20), **more)


def test_one_slower_endpoint_makes_the_side_slower():
    """Whatever else became faster."""
    slower, faster = estimate(1.1, 1.2), estimate(0.7, 0.8, key="GET http://host/b")
    assert answer(slower, faster).verdict == "slower"
    assert answer(faster).verdict == "faster"
    assert answer(faster, estimate(0.9, 1.2, 0.9)).verdict == "faster"


def test_more_failures_are_worse_and_fewer_are_not_faster():
    """A build that fails less is the same where its times are."""
    same = estimate(0.99, 1.01, 0.9)
    assert answer(same, estimate(0.01, 0.02, metric=FAILURES)).is_worse
    assert answer(same, estimate(-0.02, -0.01, metric=FAILURES)).verdict == "same"


def test_p_values_are_corrected_over_the_primary_metrics_alone():
    """With 20 endpoints one p of 0.01 among them is chance; exploratory metrics count for nothing."""
    many = [estimate(0.9, 1.2, 0.5, key=f"GET http://host/{n}") for n in range(19)]
    one = estimate(1.01, 1.2, 0.01)
    assert answer(one).verdict == "slower"
    assert answer(one, *many).verdict == "cannot-tell"
    assert answer(one, *(replace(other, metric="p50") for other in many)).verdict == "slower"


def test_two_single_runs_are_never_called_slower():
    """Two runs of one build differ as well."""
    said = answer(estimate(1.5, 1.6), names_side=False, design="one-against-one")
    assert said.verdict == "differ"
    assert not said.is_worse
    assert answer(estimate(0.99, 1.01, 0.9), names_side=False, design="one-against-one").verdict == "no-difference-shown"


def test_a_generator_at_its_limit_takes_the_answer_away():
    """Its figures are not the target's."""
    said = answer(estimate(1.5, 1.6), blocked=("A measured its generator",))
    assert said.verdict == "cannot-tell"
    assert document(said)["warnings"] == ["A measured its generator"]


def test_it_says_how_many_more_pairs_would_decide():
    """An interval of ± 2.3 s / √n must leave out 1, or lie within the margin."""
    open_one = estimate(0.99, 1.08, 0.1, spread=0.1, units=20)
    half = max(math.log(open_one.ratio), math.log(1.05) - math.log(open_one.ratio))
    assert answer(open_one).needed == math.ceil((2.3 * 0.1 / half) ** 2) - 20
    assert answer(replace(open_one, spread=None)).needed is None
    assert answer(estimate(1.1, 1.2)).needed is None


def test_the_document_has_the_promised_shape():
    """Names and order are what programs rely on."""
    said = document(answer(estimate(1.1, 1.2), warnings=("mind this",)))
    assert list(said) == ["design", "verdict", "marginPercent", "warnings", "metrics", "pairs", "neededPairs"]
    assert list(said["metrics"][0]) == [
        *("endpointKey", "metric", "primary", "before", "after", "ratio", "low", "high", "pValue", "verdict"),
    ]
    assert said["marginPercent"] == 5
    assert said["metrics"][0]["ratio"] == pytest.approx(math.sqrt(1.1 * 1.2))
