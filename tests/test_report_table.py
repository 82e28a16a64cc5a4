"""What a person reads at the end: the figures, and what limited the run in words."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from summaries import HOSTILE, endpoint_snapshot, resolved, summary_of, verdict

from tressi.report.summary_md import render
from tressi.report.table import run_lines, summary_table, verdict_lines
from tressi.run.judgement import judge_run
from tressi.text import plain

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"


def drawn(summary, width=80):
    """The table as a terminal of `width` columns shows it."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(summary_table(summary))
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def test_a_healthy_run_is_shown_like_this():
    """Figures to the right of their columns, below each endpoint what limited it, the common origin once above."""
    assert (
        drawn(summary_of())
        == """\
2 endpoints of http://host: RPS, n requests, response times in ms
endpoint   asked   got    n  workers  p50  p99  svc p99  missed  failed
GET /good   50.0  50.0  100        2  1.6    -        -       0       0
  target met
GET /bad    50.0  20.0   40        2    -    -        -      60      40
  target failing: 100% failed (connect); 60 of 100 starts were missed; errors:
  40 connect
140 requests in 2.0 s (70.0 RPS), 40 failed, 60 missed
ended by duration; 0 scaling decisions
generator: 5 % CPU, kernel clock, own delay p99 0.03, late p99 0.04
"""
    )


def test_names_stand_in_for_keys():
    """In the table, in a threshold's line, and in the reasons of the verdict."""
    snapshots = endpoint_snapshot("GET http://host/good"), endpoint_snapshot("GET http://host/bad", succeeded=0, failed=9)
    config = resolved(*(one.endpoint_key for one in snapshots), names=[None, "check\x1bout"])
    verdicts = (verdict("p99 < 1ms", "GET http://host/bad", passed=False),)
    summary = summary_of(*snapshots, config=config, verdicts=verdicts)
    lines = drawn(summary, 200).splitlines()
    assert [line.split("  ")[0] for line in lines[2:6:2]] == ["GET /good", "check\\x1bout"]
    assert any(line.startswith("FAILED  check\\x1bout: p99 < 1ms") for line in lines)
    assert any("check\\x1bout: not one of 9 requests succeeded" in plain(reason) for reason in judge_run(summary).reasons)


@pytest.mark.parametrize("lasted_s", [0.0, 0.099])
def test_a_run_shorter_than_a_slot_has_no_rate(lasted_s):
    """A signal may come as the run begins: 40 requests in 2 ms are no 20,000 RPS, neither in the table nor in the verdict."""
    summary = {**summary_of(endpoint_snapshot(KEY)), "durationSec": lasted_s, "endReason": "interrupted", "endDetail": "SIGINT"}
    summary["global"]["rps"] = summary["endpoints"][0]["rps"] = 20_123.0
    said = [drawn(summary, 200), render(summary).decode(), *judge_run(summary).reasons]
    assert "requests in less than 0.1 s" in said[0]
    assert "requests in less than 0.1 s" in said[1]
    assert "the run was too short to tell" in said[0]
    assert not any("20123" in text for text in (said[0], *said[2:]))
    summary["durationSec"] = 0.1
    assert "requests in 0.1 s (20123 RPS)" in drawn(summary, 200)


def words(snapshot, **fields):
    """What is said below the figures of the one endpoint."""
    summary = summary_of(snapshot)
    summary["endpoints"][0] |= fields
    return drawn(summary, 300).splitlines()[3].strip()


def test_failures_are_told_with_their_reasons():
    """The most frequent kind first, each with the first reason found for it; statuses speak for themselves."""
    failing = endpoint_snapshot("GET http://host/a", failed=9, errors={"tls": 2, "connect": 4}, status_codes={200: 100, 503: 3})
    reasons = [("connect", "Connection refused", 3), ("tls", "certificate has expired", 2), ("connect", "No route to host", 1)]
    told = words(failing, errorReasons=[{"kind": kind, "reason": why, "count": n} for kind, why, n in reasons])
    assert "statuses: 100 with 200, 3 with 503; errors: 4 connect (Connection refused), 2 tls (certificate has expired)" in told


def test_statuses_stand_there_unless_all_are_2xx():
    """An endpoint that only redirects has met its target, and that is not all there is to say."""
    assert words(endpoint_snapshot(KEY, status_codes={302: 100})) == "target met; statuses: 100 with 302"
    assert words(endpoint_snapshot(KEY, status_codes={200: 40, 204: 60})) == "target met"


def test_a_percentile_that_so_few_cannot_carry_is_a_dash():
    """20 requests carry a median and 1,000 carry p99; the service times have as many values as there were answers."""
    for count, p50, p99 in ((19, "-", "-"), (20, "1.6", "-"), (999, "1.6", "-"), (1000, "1.6", "1.6")):
        row = drawn(summary_of(endpoint_snapshot(KEY, succeeded=count)), 120).splitlines()[2].split()
        assert row[-5:-3] == [p50, p99], count
    timed_out = endpoint_snapshot(KEY, succeeded=999, failed=1, errors={"timeout": 1})
    assert drawn(summary_of(timed_out), 120).splitlines()[2].split()[-5:-2] == ["1.6", "1.6", "-"]


def test_what_was_asked_is_told_with_its_mean():
    """Where a ramp, a change or a pause makes the mean another rate by more than 1 %."""
    assert words(endpoint_snapshot(KEY), askedRps=50.4) == "target met"
    assert words(endpoint_snapshot(KEY), askedRps=60.0) == "asked: mean 50.0; target met"
    summary = summary_of(endpoint_snapshot(KEY))
    summary["endpoints"][0]["askedRps"] = 60.0
    assert drawn(summary).splitlines()[2].split()[2] == "60.0"


def test_fast_failures_do_not_hide_the_successes():
    """Where more than 1 % failed their service times stand apart."""
    success = {"p50": 80.0, "p99": 95.0}
    failing = endpoint_snapshot(KEY, succeeded=100, failed=2, status_codes={200: 100, 503: 2}, errors={})
    assert words(failing, successTimeMs=success).endswith("; of the successes alone svc p50 80, svc p99 -")
    assert "successes" not in words(endpoint_snapshot(KEY, succeeded=100, failed=1), successTimeMs=success)


def test_what_was_cut_and_the_peak_of_the_workers_are_told():
    """A request in flight at the end has no outcome; a pool that shrank had more workers than it has."""
    assert words(endpoint_snapshot(KEY), requestsCut=1) == "target met; 1 request still in flight at the end was cut"
    assert words(endpoint_snapshot(KEY, workers=2, peak=9)) == "target met; at most 9 workers"


def last_lines(summary, code=0, why=None):
    """The verdict as it ends a run."""
    console = Console(file=io.StringIO(), width=80, highlight=False)
    console.print(verdict_lines(judge_run(summary), code, why), crop=False)
    return console.file.getvalue().splitlines()


def test_the_last_line_is_the_verdict_with_the_reason_of_the_exit_code():
    """In one line whatever the width; what else there is to say against a run stands above it."""
    assert last_lines(summary_of(endpoint_snapshot(KEY))) == [
        "PASSED: no threshold was set; the rate asked for was kept (exit code 0: no threshold is set)"
    ]
    assert last_lines(summary_of(saturated_by=["in 1.0 of 2.0 s so much was lost"]), 1) == [
        "also: in 1.0 of 2.0 s so much was lost",
        "FAILED: GET /bad: not one of 40 requests succeeded (40 connect) (exit code 1: an endpoint without a success)",
    ]
    assert last_lines(summary_of(endpoint_snapshot(KEY)), 3, "a result could not be written")[-1].endswith(
        "(exit code 3: a result could not be written)"
    )


@pytest.mark.parametrize(
    "key", ["GET http://host/" + "long/" * 30, "GET http://host/" + "\u6f22" * 60, "GET http://host/" + "\u6f22" * 14]
)
def test_it_fits_a_terminal_of_80_columns(key):
    """No line is wider than the terminal, wide characters counted as two; a long key has lines of its own."""
    large = {"succeeded": 99, "failed": 1_234_567, "missed": 7_654_321, "target": 250_000.0, "workers": 9_999}
    lines = drawn(summary_of(endpoint_snapshot(key, **large), endpoint_snapshot("GET http://host/a"))).splitlines()
    assert max(cell_len(line) for line in lines) <= 80
    assert len([line for line in lines if len(line.split()) == 9 and line.endswith("7654321  1234567")]) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_is_obeyed(text):
    """An endpoint's key, an end's detail or a reason from outside is shown as harmless text."""
    key = f"GET http://host/{text.replace(' ', '')}"
    summary = summary_of(endpoint_snapshot(key, failed=2), end_reason="error", end_detail=text, saturated_by=[text])
    summary["endpoints"][0]["errorReasons"] = [{"kind": "connect", "reason": text, "count": 2}]
    shown = drawn(summary, 400)
    assert all(character.isprintable() for line in shown.splitlines() for character in line)
    assert shown.count(plain(text)) >= 2  # markup is shown, not obeyed
    said = last_lines(summary)
    assert all(character.isprintable() for line in said for character in line)
    assert plain(text) in said[-1]


def test_starts_that_were_late_are_a_plain_line():
    """A remark beside the generator's figures; only what limited the run is part of its verdict."""
    summary = summary_of(endpoint_snapshot(KEY), saturated_by=["in 2.0 of 2.0 s so much was lost"])
    summary["generator"]["late"] = "starts were sent up to 9 ms late"
    assert run_lines(summary)[-1] == "late: starts were sent up to 9 ms late"
    assert last_lines(summary)[-1].startswith("GENERATOR LIMITED: in 2.0 of 2.0 s so much was lost")


def test_where_lines_are_not_folded_each_thing_is_one():
    """In a pipe a key or a reason of any length is a line, and the figures stand where they stand on a terminal."""
    key = "GET http://host/" + "long/" * 100
    failing = endpoint_snapshot(key, failed=9, errors={"connect": 4}, status_codes={200: 100})
    summary = summary_of(failing, endpoint_snapshot("GET http://host/a"))
    why = "no route to host " * 20 + "at all"
    summary["endpoints"][0]["errorReasons"] = [{"kind": "connect", "reason": why, "count": 4}]
    console = Console(file=io.StringIO(), width=80, highlight=False)
    console.print(summary_table(summary), soft_wrap=True)
    lines = console.file.getvalue().splitlines()
    assert "GET /" + "long/" * 100 in lines
    assert [line for line in lines if why in line] == [
        f"  target met; errors: 4 connect ({why}); of the successes alone svc p50 1.5, svc p99 -"
    ]
    assert len(lines) == 1 + 1 + 3 + 2 + 3
    short = [line for line in lines if line.startswith("GET /a ")]
    assert len(short) == 1
    assert len(short[0]) <= 80
