"""The verdict at the top of the report: the judgement, and what limited the endpoints."""

import pytest
from each import each
from summaries import decision, endpoint_snapshot, summary_of

from tressi.report.page.headline import Chip, Headline, headline, limited_spans
from tressi.run.tones import tone_of_words
from tressi.stats.selfcheck import meaning_of

pytestmark = pytest.mark.pure

GOOD = "GET http://host/good"
MEANS = meaning_of(["in 1.0 of 2.0 s 9 of 50 starts"])


def healthy(**fields):
    """A run in which the one endpoint kept its rate."""
    return summary_of(endpoint_snapshot(GOOD), decisions=[decision(GOOD)], **fields)


def threshold(*, passed, text="p99 < 1 s", key=None):
    """A threshold with this verdict."""
    return {"threshold": text, "endpointKey": key, "passed": passed, "detail": "p99 was 1.5 ms"}


@pytest.mark.parametrize(
    ("fields", "tone", "title"),
    [
        ({}, "good", "PASSED: no threshold was set"),
        ({"end_reason": "error", "end_detail": "engine lost"}, "bad", "FAILED: tressi itself failed: engine lost"),
        ({"saturated_by": ["in 1.0 of 2.0 s 9 of 50 starts"]}, "warn", f"GENERATOR LIMITED: {MEANS}"),
        (
            {"end_reason": "interrupted", "end_detail": "SIGTERM"},
            "warn",
            "PASSED: interrupted by SIGTERM after 2.0 s, and judged by what was measured until then",
        ),
    ],
)
def test_the_judgement_is_the_headline(fields, tone, title):
    """Its word, its gravest cause and its colour."""
    found = headline(healthy(**fields))
    assert (found.tone, found.title) == (tone, title)


def test_a_run_that_passed_says_why():
    """The thresholds and the rates, and nothing else."""
    assert headline(healthy()).causes == ("no threshold was set", "the rate asked for was kept")


def test_there_are_causes_alone():
    """The run has failed because of one endpoint; that the other met its target is said at the endpoints."""
    found = headline(summary_of())
    assert (found.word, found.causes) == ("FAILED", ("GET /bad: not one of 40 requests succeeded (40 connect)",))


def test_the_gravest_comes_first():
    """What broke, then what cannot be trusted."""
    keys = [f"GET http://host/{number}" for number in range(5)]
    summary = summary_of(*map(endpoint_snapshot, keys), saturated_by=["in 1.0 of 2.0 s 9 of 50 starts"])
    summary["thresholds"] = [threshold(passed=False, text=f"p{number} < 1 ms", key=keys[0]) for number in range(90, 95)]
    assert headline(summary) == Headline(
        "bad",
        "FAILED",
        (
            (
                "all 5 thresholds are broken: GET /0: p90 < 1 ms (p99 was 1.5 ms); GET /0: p91 < 1 ms (p99 was 1.5 ms)"
                "; GET /0: p92 < 1 ms (p99 was 1.5 ms); and 2 more thresholds"
            ),
            MEANS,
            "in 1.0 of 2.0 s 9 of 50 starts",
        ),
        (
            Chip("the run is over, exit code 1: a threshold is broken"),
            Chip("generator limited for 2 of 2 s, without losing rate"),
        ),
    )


def second(t, *, saturated=True, missed=0, target=50.0, got=50.0):
    """A row of the timeline."""
    figures = {"missed": missed, "targetRps": target, "currentRps": got}
    return {"t": t, "saturated": saturated, "global": figures, "endpoints": {}}


def test_limited_seconds_in_a_row_are_one_span():
    """A row speaks of the time since the one before it."""
    timeline = [second(t, saturated=t != 3) for t in (1, 2, 3, 4)]
    assert limited_spans(timeline) == [[0.0, 2], [3, 4]]
    assert limited_spans([]) == []


@pytest.mark.parametrize(
    ("row", "costs"),
    [({}, False), ({"missed": 1}, True), ({"got": 49.0}, True), ({"got": 49.6}, False), ({"target": None}, True)],
)
def test_only_seconds_that_lost_rate_count_as_lost(row, costs):
    """Starts were missed, or less came than was asked for; without a rate, all that the generator lacks is rate."""
    assert limited_spans([second(1, **row)], cost_rate=True) == ([[0.0, 1]] if costs else [])


def test_limited_seconds_are_a_chip_and_loud_only_where_rate_was_lost():
    """A few words beside the verdict, with how many of the seconds cost something; a warm-up is said as well."""
    summary = healthy()
    summary["timeline"] = [second(t, missed=t == 2) for t in (1, 2)]
    limited = Chip("generator limited for 2 of 2 s, 1 s of them below the rate asked for", "warn")
    over = Chip("the run is over, exit code 0: no threshold is set")
    assert headline(summary).chips == (over, limited)
    calm = {**summary, "timeline": [second(1, saturated=False)], "warmUpSec": 0.5}
    assert headline(calm).chips == (
        over,
        Chip("the first 0.5 s are warm-up and are not judged"),
    )


@each(
    ("words", "tone"),
    [
        ("target met", "good"),
        ("target met from 5 s on, once the pool had grown", "good"),
        ("target failing: 60% failed (timeout)", "bad"),
        ("target stood still: no answer from 5.0 to 7.0 s", "warn"),
        ("worker cap: maxWorkers 4 reached", "warn"),
        ("short of workers: the pool was still growing", "warn"),
        ("generator limited", "warn"),
        ("as fast as responses came", "none"),
        ("the run was too short to tell", "none"),
        ("no attempt was made", "none"),
    ],
)
def test_every_limit_has_its_tone(words, tone):
    """What the verdict's sentences mean for a run."""
    assert tone_of_words(words) == tone
