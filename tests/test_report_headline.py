"""The verdict at the top of the report: as the exit code has it, with what spoils it."""

import pytest
from summaries import decision, endpoint_snapshot, summary_of

from tressi.report.page.headline import Headline, headline, tone_of

GOOD = "GET http://host/good"


def healthy(**fields):
    """A run in which the one endpoint kept its rate."""
    return summary_of(endpoint_snapshot(GOOD), decisions=[decision(GOOD)], **fields)


def threshold(*, passed, text="p99 < 1 s", key=None):
    """A threshold with this verdict."""
    return {"threshold": text, "endpointKey": key, "passed": passed, "detail": "p99 was 1.5 ms"}


@pytest.mark.parametrize(
    ("passed", "tone", "title"),
    [
        ([], "good", "Done: the targets were met, no thresholds were set"),
        ([True], "good", "Passed: the threshold held"),
        ([True, True], "good", "Passed: all 2 thresholds held"),
        ([True, True, False], "bad", "Failed: 1 of 3 thresholds broken"),
        ([False], "bad", "Failed: the threshold broken"),
    ],
)
def test_thresholds_decide(passed, tone, title):
    """One that broke fails the run."""
    summary = healthy()
    summary["thresholds"] = [threshold(passed=one) for one in passed]
    found = headline(summary)
    assert (found.tone, found.title) == (tone, title)


@pytest.mark.parametrize(
    ("fields", "tone", "title"),
    [
        ({"end_reason": "error", "end_detail": "engine lost"}, "bad", "Broken off: tressi itself failed: engine lost"),
        ({"end_reason": "early-exit", "end_detail": "9 errors"}, "bad", "Failed: early exit: 9 errors"),
        ({"end_reason": "interrupted", "end_detail": "SIGTERM"}, "warn", "Interrupted: ended by SIGTERM"),
        ({"end_reason": "stopped"}, "good", "Done: the targets were met, no thresholds were set"),
    ],
)
def test_the_end_of_the_run_decides(fields, tone, title):
    """A run that did not come to its end has no other verdict; one that was stopped did."""
    found = headline(healthy(**fields))
    assert (found.tone, found.title) == (tone, title)


def test_a_saturated_generator_spoils_a_success():
    """Figures that cannot be trusted are no success, whatever they say."""
    found = headline(healthy(saturated_by=["1.0 of 2.0 s: at worst 99 %"]))
    assert found.tone == "warn"
    assert found.title.startswith("Done, but the generator was saturated: the targets were met")


def test_so_does_an_engine_that_was_lost():
    """The others took over, but what happened meanwhile is not what was asked for."""
    found = headline(healthy(lost=("engine 7 was lost: its process ended",)))
    assert found.tone == "warn"
    assert found.title.startswith("Done, but an engine was lost: the targets were met")
    assert "An engine's work is missing: engine 7 was lost: its process ended" in found.sentences


def test_a_run_without_a_success_failed():
    """As its exit code says, even though no threshold did."""
    summary = summary_of(endpoint_snapshot(GOOD, succeeded=0, failed=9))
    assert headline(summary).title == "Failed: not one of 9 requests succeeded"


def test_without_thresholds_the_targets_decide():
    """An endpoint that fell short is told, and named."""
    found = headline(summary_of())
    assert (found.tone, found.title) == ("warn", "Done: 1 of 2 endpoints fell short, no thresholds were set")
    assert found.sentences == ("GET /bad: target failing: 100% failed (connect)", "GET /good: target met")


def test_the_gravest_comes_first():
    """What broke, then what cannot be trusted, then what limited the endpoints: few by name, many by number."""
    keys = [f"GET http://host/{number}" for number in range(5)]
    summary = summary_of(*map(endpoint_snapshot, keys), saturated_by=["1.0 of 2.0 s: at worst 99 %"])
    summary["thresholds"] = [threshold(passed=False, text=f"p{number} < 1 ms", key=keys[0]) for number in range(90, 95)]
    assert headline(summary) == Headline(
        "bad",
        "Failed: all 5 thresholds broken",
        (
            "GET /0: p90 < 1 ms (p99 was 1.5 ms)",
            "GET /0: p91 < 1 ms (p99 was 1.5 ms)",
            "GET /0: p92 < 1 ms (p99 was 1.5 ms)",
            "and 2 thresholds more, below",
            "Generator saturated for 1.0 of 2.0 s: at worst 99 %",
            "5 of 5 endpoints: target met",
        ),
    )


@pytest.mark.parametrize(
    ("words", "tone"),
    [
        ("target met", "good"),
        ("target met from 5 s on, once the pool had grown", "good"),
        ("target failing: 60% failed (timeout)", "bad"),
        ("worker cap: maxWorkers 4 reached", "warn"),
        ("short of workers: the pool was still growing", "warn"),
        ("generator saturated", "warn"),
        ("as fast as responses came", "none"),
        ("the run was too short to tell", "none"),
        ("no attempt was made", "none"),
    ],
)
def test_every_limit_has_its_tone(words, tone):
    """What the verdict's sentences mean for a run."""
    assert tone_of(words) == tone
