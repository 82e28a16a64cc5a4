"""The verdict at the top of the report: the judgement, and what limited the endpoints."""

import pytest
from summaries import decision, endpoint_snapshot, summary_of

from tressi.report.page.headline import Headline, headline, tone_of

pytestmark = pytest.mark.pure

GOOD = "GET http://host/good"


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
        ({"saturated_by": ["in 1.0 of 2.0 s 9 of 50 starts"]}, "warn", "GENERATOR LIMITED: in 1.0 of 2.0 s 9 of 50 starts"),
        (
            {"end_reason": "interrupted", "end_detail": "SIGTERM"},
            "warn",
            "PASSED: interrupted by SIGTERM after 2.0 s, and judged by what was measured until then",
        ),
    ],
)
def test_the_judgement_is_the_headline(fields, tone, title):
    """Its word, its gravest reason and its colour; the other reasons are below."""
    found = headline(healthy(**fields))
    assert (found.tone, found.title) == (tone, title)


def test_no_green_with_an_endpoint_that_only_failed():
    """The run has failed, whatever its other endpoints did."""
    found = headline(summary_of())
    assert (found.tone, found.title) == ("bad", "FAILED: GET /bad: not one of 40 requests succeeded (40 connect)")
    assert found.sentences == ("GET /bad: target failing: 100% failed (connect)", "GET /good: target met")


def test_the_gravest_comes_first():
    """What broke, then what cannot be trusted, then what limited the endpoints: few by name, many by number."""
    keys = [f"GET http://host/{number}" for number in range(5)]
    summary = summary_of(*map(endpoint_snapshot, keys), saturated_by=["in 1.0 of 2.0 s 9 of 50 starts"])
    summary["thresholds"] = [threshold(passed=False, text=f"p{number} < 1 ms", key=keys[0]) for number in range(90, 95)]
    assert headline(summary) == Headline(
        "bad",
        "FAILED: all 5 thresholds are broken: GET /0: p90 < 1 ms (p99 was 1.5 ms); GET /0: p91 < 1 ms (p99 was 1.5 ms)"
        "; GET /0: p92 < 1 ms (p99 was 1.5 ms); and 2 more thresholds",
        ("in 1.0 of 2.0 s 9 of 50 starts", "5 of 5 endpoints: target met"),
    )


@pytest.mark.parametrize(
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
    assert tone_of(words) == tone
