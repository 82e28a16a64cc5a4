"""How sure the percentiles of a run are: from what it kept of its seconds to the words of every output."""

from dataclasses import replace
from random import Random

import pytest
from summaries import histogram, resolved

from tressi._histogram import Packed
from tressi.model import Delta, EndpointCounts, ScalingDecision, Threshold, ThresholdVerdict
from tressi.run.kept import Kept, Place
from tressi.run.sure import confidence_row, doubted, filled, sure_of
from tressi.run.sure_words import bounds_of, interval_words, steady_words, tail_words, takes_words, unsure_words
from tressi.stats.interval import Interval
from tressi.stats.sureness import Sureness
from tressi.threshold.parse import parse

pytestmark = pytest.mark.pure

KEYS = ("GET http://host/a", "GET http://host/b")
CONFIG = resolved(*KEYS)


def times(random, middle_us, count):
    """So many exponential response times around a middle."""
    return histogram(*(int(random.expovariate(1 / middle_us)) + 1 for _ in range(count)))


def kept_of(seconds, *, warm_up=0, slow_until=0):
    """A run of so many seconds: the first endpoint answers 200 times a second, the other one never."""
    random, one = Random(11), Kept(KEYS, (), seconds)
    for t in range(1, seconds + 1):
        response = times(random, 20_000 if t <= slow_until else 10_000, 200)
        delta = Delta(float(t), 1.0, (EndpointCounts(KEYS[0], succeeded=200, response=response), EndpointCounts(KEYS[1])))
        one.add(Place(delta, warm_up=t <= warm_up))
    one.close(Delta(seconds + 0.4, 0.4, (EndpointCounts(KEYS[0], response=times(random, 10_000, 20)), EndpointCounts(KEYS[1]))))
    return one


def test_a_percentile_of_a_run_has_an_interval_around_the_true_value():
    """Of an exponential time p50 is 6.93 ms and p90 23.0 ms; all together are the one endpoint that answered."""
    found = sure_of(kept_of(40), CONFIG, (), (0.0, 40.0))
    assert set(found) == {KEYS[0], None}
    row = confidence_row(found[KEYS[0]])["confidence"]
    assert row["p50Low"] < 6.93 < row["p50High"]
    assert row["p90Low"] < 23.03 < row["p90High"]
    assert row["steadyFrom"] == 0.0
    assert row["unsteady"] is None
    assert confidence_row(found[None])["confidence"] == row
    assert confidence_row(None) == {}


def test_a_percentile_that_the_run_was_too_short_for_says_what_it_takes():
    """8,000 responses are too few for p99.9 only; a run of 5 s for all of them."""
    row = confidence_row(sure_of(kept_of(12), CONFIG, (), (0.0, 12.0))[None])
    assert row["confidence"]["p999Low"] is None
    assert unsure_words(row, "p999").startswith("too ")
    assert "run " in unsure_words(row, "p999")
    short = confidence_row(sure_of(kept_of(5), CONFIG, (), (0.0, 5.0))[None])
    assert {name for name in ("p50", "p90", "p95", "p99", "p999") if unsure_words(short, name)} == set(
        short["confidence"]["unsure"]
    )
    assert short["confidence"]["unsure"]["p50"]["needsSec"] == 10.0
    assert interval_words(short, "p50") == ""


def test_growth_and_warm_up_are_left_out():
    """A pool that grew until 6 s; a warm-up of 8 s, which nothing looks behind; growth at the end is part of the run."""
    grew = ScalingDecision(KEYS[0], "scale-up", 2, 4, "short", 6.0)
    late = replace(grew, timestamp=35.0)
    assert sure_of(kept_of(40, slow_until=7), CONFIG, (grew,), (0.0, 40.0))[None].steady_from_s == 8.0
    assert sure_of(kept_of(40), CONFIG, (late,), (0.0, 40.0))[None].steady_from_s == 0.0
    warm = replace(CONFIG, warm_up_s=8.0)
    assert sure_of(kept_of(40, warm_up=8), warm, (), (8.0, 40.0))[None].steady_from_s == 8.0


def test_seconds_have_no_gaps_and_the_drain_belongs_to_the_last():
    """An interval in which nothing came is an empty one; places of two seconds are as long as they are."""
    one, two = (Packed(one.zigzag()) for one in (histogram(1000), histogram(2000, 3000)))
    found = filled([(0.0, 1.0, one), (3.0, 1.0, two), (5.0, 0.3, one)], 0.0, 5.0)
    assert [end for end, _ in found] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [second.count for _, second in found] == [1, 0, 0, 2, 1]
    late = filled([(0.0, 1.0, one), (4.0, 1.0, two), (5.0, 0.3, one)], 0.0, 5.0)
    assert [second.count for _, second in late] == [1, 0, 0, 0, 3]
    assert [end for end, _ in filled([(8.0, 2.0, one), (12.0, 2.0, two)], 8.0, 14.0)] == [10.0, 12.0, 14.0]
    assert filled([], 0.0, 5.0) == []


def test_a_verdict_that_the_interval_does_not_carry_says_so():
    """It stands on the value; whether it would come out like that again is another question."""
    sure = {None: Sureness({99.0: Interval(12.4, 11.9, 13.1), 50.0: Interval(2.0)}, 400.0, 0.0)}
    crossing = "; {}, but its interval crosses the limit: 11.9 to 13.1 ms"
    for text, passed, told in [
        ("p99 < 13ms", True, crossing.format("held")),
        ("response.p99 < 12ms", False, crossing.format("broken")),
        ("p99 < 20ms", True, ""),
        ("p50 < 2ms", False, ""),
        ("service.p99 < 13ms", True, ""),
        ("p99[10s] < 13ms", True, ""),
        ("errorRate < 1%", True, ""),
        ("p99 < 13ms", None, ""),
    ]:
        threshold = Threshold(text, parse(text))
        verdict = ThresholdVerdict(text, None, passed, 12.4, 13.0, "12.4 ms")
        [found] = doubted([verdict], [threshold], sure)
        assert found.detail == f"12.4 ms{told}", text
        [of_an_endpoint] = doubted([replace(verdict, endpoint_key=KEYS[0])], [threshold], sure)
        assert of_an_endpoint.detail == "12.4 ms"


def test_words_of_a_summary_old_and_new():
    """A summary of an older version has none, and says nothing."""
    bounds = {"p99Low": 11.94, "p99High": 13.06, "p999Low": None, "p999High": None}
    new = {"confidence": {"steadyFrom": 3.0, "unsteady": None, **bounds, "unsure": {"p999": {"reason": "too few"}}}}
    assert bounds_of(new, "p99") == (11.94, 13.06)
    assert interval_words(new, "p99") == "11.9 to 13.1"
    for value, words in [(11.94, "11.9 to 13.1"), (168.0, "steady 11.9 to 13.1"), (None, "11.9 to 13.1")]:
        assert interval_words({**new, "responseTimeMs": {"p99": value}}, "p99") == words
        assert interval_words({**new, "durationMs": {"p99": value}}, "p99") == words
    assert (interval_words(new, "p999"), unsure_words(new, "p999")) == ("", "too few")
    assert (unsure_words(new, "p99"), steady_words(new)) == ("", "steady from 3 s on")
    unsteady = {"confidence": {**new["confidence"], "steadyFrom": None, "unsteady": "no steady state: why"}}
    assert steady_words(unsteady) == "no steady state: why"
    assert steady_words({"confidence": {**new["confidence"], "steadyFrom": 0.0}}) == ""
    assert tail_words(new) == "95 % confidence: p99 11.9 to 13.1 ms, steady from 3 s on"
    assert tail_words(new, "p999") == ""
    new["confidence"]["unsure"]["p999"]["needsSec"] = 230.0
    assert (takes_words(new, "p999"), takes_words(new, "p99")) == ("run 4 min", "")
    assert tail_words(new, "p999") == "too short for the 95 % interval of p999: run 4 min"
    assert (steady_words({}), tail_words({}), takes_words({}, "p99")) == ("", "", "")
    assert (bounds_of({}, "p99"), interval_words({}, "p99"), unsure_words({}, "p99")) == (None, "", "")
