"""The one judgement on a run: its word, its reasons in their order, and what the exit code is made of."""

from dataclasses import replace

import pytest
from summaries import endpoint_snapshot, resolved, summary_of, verdict

from tressi.run.judgement import judge_run
from tressi.stats.selfcheck import meaning_of

pytestmark = pytest.mark.pure

A, B = "GET http://host/a", "GET http://host/b"
GOOD = endpoint_snapshot(A)
OTHER = endpoint_snapshot(B)
BAD = endpoint_snapshot(B, succeeded=0, failed=40)
HELD, BROKEN, UNJUDGED = verdict(), verdict(passed=False, detail="3 ms, must be below 2 ms"), verdict(passed=None)
TOO_SLOW = "the threshold is broken: p99 < 2ms (3 ms, must be below 2 ms)"
NO_THRESHOLD = "no threshold was set"
KEPT = "the rate asked for was kept"
LIMITED = "in 1.0 of 2.0 s tressi came too late for 40 of 100 starts, although a lane was free; it spoils: the rate"
MEANS = meaning_of([LIMITED])
SIGINT = {"end_reason": "interrupted", "end_detail": "SIGINT"}
UNTIL = "interrupted by SIGINT after 2.0 of 60 s, and judged by what was measured until then"
STOPPED = "stopped after 2.0 of 60 s, and judged by what was measured until then"
EARLY = {"end_reason": "early-exit", "end_detail": "9 failures"}
ERROR = {"end_reason": "error", "end_detail": "engine 7 was lost"}
MISSED = endpoint_snapshot(A, succeeded=60, missed=40)
SHORT = "30.0 of 50.0 RPS, 40 of 100 starts were missed (worker cap: all 2 workers of the shared pool were busy)"
OURS = "30.0 of 50.0 RPS, 40 of 100 starts were missed (generator limited)"
FLAKY = endpoint_snapshot(A, succeeded=57, failed=43, status_codes={200: 57, 503: 43}, errors={})
MOVED = endpoint_snapshot(A, status_codes={302: 100})
FREE = endpoint_snapshot(A, target=None)

# A sentence on the case; what was counted; how the run ended; word, reasons, ending, and the tone.
CASES = [
    ("all is well", [GOOD], {}, "PASSED", [NO_THRESHOLD, KEPT], "done", "good"),
    (
        "all thresholds held",
        [GOOD],
        {"verdicts": [HELD, HELD, UNJUDGED]},
        "PASSED",
        ["all 2 thresholds held", KEPT],
        "done",
        "good",
    ),
    ("the only one held", [GOOD], {"verdicts": [HELD]}, "PASSED", ["the threshold held", KEPT], "done", "good"),
    ("two rates", [GOOD, OTHER], {}, "PASSED", [NO_THRESHOLD, "the rates asked for were kept"], "done", "good"),
    ("no rate is set", [FREE], {}, "PASSED", [NO_THRESHOLD, "no rate was asked for: 50.0 RPS came"], "done", "good"),
    (
        "43 % failed, which is no plain success",
        [FLAKY],
        {"verdicts": [HELD]},
        "PASSED",
        ["43 % of 100 requests failed (43 status 503)", "the threshold held", KEPT],
        "done",
        "warn",
    ),
    (
        "1 % may fail, which is said last",
        [endpoint_snapshot(A, succeeded=99, failed=1)],
        {},
        "PASSED",
        [NO_THRESHOLD, KEPT, "1 % of 100 requests failed (1 connect)"],
        "done",
        "warn",
    ),
    (
        "no answer was what one expects",
        [MOVED],
        {},
        "PASSED",
        ["no answer was a 2xx (100 with 302)", NO_THRESHOLD, KEPT],
        "done",
        "warn",
    ),
    # The test has failed.
    ("a threshold is broken", [GOOD], {"verdicts": [BROKEN]}, "FAILED", [TOO_SLOW], "failed", "bad"),
    (
        "one of two is broken",
        [GOOD],
        {"verdicts": [HELD, BROKEN]},
        "FAILED",
        ["1 of 2 thresholds is broken: p99 < 2ms (3 ms, must be below 2 ms)"],
        "failed",
        "bad",
    ),
    ("it exited early", [GOOD], EARLY, "FAILED", ["early exit: 9 failures"], "failed", "bad"),
    (
        "an endpoint had not one success",
        [GOOD, BAD],
        {"verdicts": [HELD]},
        "FAILED",
        ["GET /b: not one of 40 requests succeeded (40 connect)"],
        "failed",
        "bad",
    ),
    (
        "no endpoint had one",
        [endpoint_snapshot(A, succeeded=0, failed=100)],
        {},
        "FAILED",
        ["not one of 100 requests succeeded (100 connect)"],
        "failed",
        "bad",
    ),
    (
        "an endpoint was never asked",
        [GOOD, endpoint_snapshot(B, succeeded=0)],
        {},
        "FAILED",
        ["GET /b: no request was made"],
        "failed",
        "bad",
    ),
    (
        "nothing was asked of an endpoint",
        [GOOD, endpoint_snapshot(B, succeeded=0, target=0.0)],
        {},
        "PASSED",
        None,
        "done",
        "good",
    ),
    ("nothing was sent", [endpoint_snapshot(A, succeeded=0)], {}, "FAILED", None, "failed", "bad"),
    # The rate was not kept.
    ("starts were missed", [MISSED], {}, "TARGET NOT MET", [SHORT], "done", "warn"),
    ("a threshold fails first", [MISSED], {"verdicts": [BROKEN]}, "FAILED", [TOO_SLOW, SHORT], "failed", "bad"),
    ("a threshold that held does not help", [MISSED], {"verdicts": [HELD]}, "TARGET NOT MET", [SHORT], "done", "warn"),
    (
        "one of two endpoints",
        [OTHER, MISSED],
        {},
        "TARGET NOT MET",
        [f"GET /a: {SHORT}"],
        "done",
        "warn",
    ),
    # The generator.
    ("starts were not sent", [GOOD], {"saturated_by": [LIMITED]}, "GENERATOR LIMITED", [MEANS, LIMITED], "done", "warn"),
    (
        "that is why the rate was missed",
        [MISSED],
        {"saturated_by": [LIMITED], "missed_late": 30},
        "GENERATOR LIMITED",
        [MEANS, LIMITED, OURS],
        "done",
        "warn",
    ),
    (
        "that is not why the rate was missed",
        [MISSED],
        {"saturated_by": [LIMITED], "missed_late": 3},
        "TARGET NOT MET",
        [SHORT, MEANS, LIMITED],
        "done",
        "warn",
    ),
    (
        "an engine was lost",
        [GOOD],
        {"lost": ("killed",)},
        "GENERATOR LIMITED",
        ["an engine was lost, and with it what it had in flight: killed"],
        "done",
        "warn",
    ),
    # How the run ended.
    ("a signal, and all is well", [GOOD], SIGINT, "PASSED", [UNTIL, NO_THRESHOLD, KEPT], "interrupted", "warn"),
    ("stopped, and all is well", [GOOD], {"end_reason": "stopped"}, "PASSED", [STOPPED, NO_THRESHOLD, KEPT], "done", "warn"),
    ("a signal, and a threshold", [GOOD], {"verdicts": [BROKEN], **SIGINT}, "FAILED", [TOO_SLOW, UNTIL], "interrupted", "bad"),
    ("stopped, and starts missed", [MISSED], {"end_reason": "stopped"}, "TARGET NOT MET", [SHORT, STOPPED], "done", "warn"),
    (
        "a signal before an endpoint's turn",
        [GOOD, endpoint_snapshot(B, succeeded=0)],
        SIGINT,
        "TARGET NOT MET",
        ["GET /b: 0.0 of 50.0 RPS (no attempt was made)", UNTIL],
        "interrupted",
        "warn",
    ),
    ("tressi failed", [GOOD], ERROR, "FAILED", ["tressi itself failed: engine 7 was lost"], "broken", "bad"),
    (
        "everything at once",
        [GOOD, BAD],
        {"verdicts": [BROKEN], "saturated_by": [LIMITED], **EARLY},
        "FAILED",
        [TOO_SLOW, "early exit: 9 failures", "GET /b: not one of 40 requests succeeded (40 connect)", MEANS, LIMITED],
        "failed",
        "bad",
    ),
]


def judged(snapshots, *, missed_late=0, **fields):
    """The judgement on a run of a shared pool, planned for 60 s, whose missed starts fell into its seconds evenly."""
    config = resolved(*(one.endpoint_key for one in snapshots), autoscale=False)
    summary = summary_of(*snapshots, config=config, **fields)
    summary["config"] = {"duration": 60}
    for endpoint in summary["endpoints"]:
        endpoint["missedLate"] = missed_late and endpoint["requestsMissed"] and missed_late
        for row in summary["timeline"]:
            row["endpoints"][endpoint["endpointKey"]]["missed"] = endpoint["requestsMissed"] // 2
    return judge_run(summary)


def test_a_run_has_one_judgement():
    """FAILED comes first, then a rate that was missed, unless the generator is why; what else is so follows."""
    for why, snapshots, fields, word, reasons, ending, tone in CASES:
        found = judged(snapshots, **fields)
        assert (found.word, found.ending, found.tone) == (word, ending, tone), why
        assert found.reasons, why
        if reasons is not None:
            assert list(found.reasons) == reasons, why


ENDINGS = [
    ([GOOD], {}, "no threshold is set"),
    ([MISSED], {"verdicts": [HELD]}, "no threshold is broken"),
    ([GOOD, BAD], {"verdicts": [BROKEN]}, "a threshold is broken"),
    ([GOOD, BAD], EARLY, "early exit"),
    ([GOOD, BAD], {}, "an endpoint without a success"),
    ([endpoint_snapshot(A, succeeded=0)], {}, "nothing was sent"),
    ([replace(endpoint_snapshot(A, succeeded=0), cut=3)], {}, "no request was answered"),
    ([GOOD, BAD], SIGINT, "ended by SIGINT"),
    ([GOOD], ERROR, "tressi itself failed"),
]


def test_the_exit_code_has_a_reason():
    """The one thing that decided on it, as a person says it."""
    for snapshots, fields, reason in ENDINGS:
        assert judged(snapshots, **fields).ending_reason == reason


def test_a_run_without_time_kept_no_rate():
    """A signal came as it began: what was answered since says nothing of a rate."""
    for snapshot in (GOOD, FREE):
        summary = summary_of(snapshot, **SIGINT)
        summary["durationSec"] = 0
        assert judge_run(summary).reasons[-1] == "the run was too short to tell"


def test_what_was_expected_is_no_surprise():
    """Where the config names the expected status, it may be other than a 2xx."""
    summary = summary_of(MOVED)
    summary["config"] = {"requests": [{"url": "http://host/a", "expect": {"status": 302}}]}
    assert judge_run(summary).tone == "good"


def test_many_endpoints_are_counted_not_listed():
    """Three are named, those that missed most first."""
    snapshots = [endpoint_snapshot(f"GET http://host/{n}", succeeded=60 - n, missed=40 + n) for n in range(5)]
    (reason,) = judged(snapshots).reasons
    assert [part.partition(":")[0] for part in reason.split("; ")] == ["GET /4", "GET /3", "GET /2", "and 2 more endpoints"]


def test_a_rate_kept_late_is_told_as_that():
    """What was missed while a pool grew is no failure, and not hidden either."""
    summary = summary_of(MISSED)
    summary["timeline"][0]["endpoints"][A]["missed"] = 40
    summary["scaling"] = [{"endpointKey": A, "action": "scale-up", "timestamp": 0.5}]
    found = judge_run(summary)
    words = "target met from 1 s on, once the pool had grown; 40 of 100 starts were missed"
    assert (found.word, found.reasons) == ("PASSED", (NO_THRESHOLD, words))


def test_the_summary_has_the_judgement():
    """What a program reads there is what every other output computes from it."""
    summary = summary_of(GOOD, BAD)
    found = judge_run(summary)
    assert summary["verdict"] == {"word": found.word, "reasons": list(found.reasons)}
