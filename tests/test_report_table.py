"""What a person reads at the end: the figures, and what limited the run in words."""

import io

import pytest
from each import each
from rich.cells import cell_len
from rich.console import Console
from summaries import HOSTILE, endpoint_snapshot, resolved, summary_of, verdict

from tressi.report.summary_md import render
from tressi.report.table import VerdictLines, run_lines, summary_table
from tressi.run.judgement import judge_run
from tressi.stats.selfcheck import meaning_of
from tressi.text import plain

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"


def drawn(summary, width=80):
    """The table as a terminal of `width` columns shows it."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(summary_table(summary))
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def piped(summary):
    """The lines of the table where nothing is folded."""
    console = Console(file=io.StringIO(), width=80, highlight=False)
    console.print(summary_table(summary), soft_wrap=True)
    return console.file.getvalue().splitlines()


def test_a_run_is_shown_like_this():
    """One line an endpoint, a reason where there is one to give, all together, the common origin once above."""
    assert (
        drawn(summary_of())
        == """\
2 endpoints of http://host: rates per second, response times in ms
endpoint   asked   got  requests  failed  missed   p50  p95  p99   max  svc p99
GET /good   50.0  50.0       100       0       0  1.60    -    -  1.60        -
GET /bad    50.0  20.0        40      40      60     -    -    -     -        -
  target failing: 100% failed (connect); errors: 40 connect
all 2        100  70.0       140      40      60  1.60    -    -  1.60        -
140 requests in 2.0 s (70.0 RPS); ended by duration; 0 scaling decisions
generator: 5 % CPU, kernel clock, own delay p99 0.030 ms, late p99 0.040 ms
"""
    )


def test_in_a_pipe_each_endpoint_is_one_line():
    """With every column, and the reason at its end; the figures stand where they stand on a terminal."""
    assert piped(summary_of())[1:5] == [
        "endpoint   asked   got  requests  failed  missed   p50  p95  p99   max  svc p99  workers",
        "GET /good   50.0  50.0       100       0       0  1.60    -    -  1.60        -        2",
        (
            "GET /bad    50.0  20.0        40      40      60     -    -    -     -        -        2"
            "  target failing: 100% failed (connect); errors: 40 connect"
        ),
        "all 2        100  70.0       140      40      60  1.60    -    -  1.60        -        4",
    ]


def test_one_endpoint_is_all_there_is():
    """Its row is not told twice."""
    assert not any(line.startswith("all ") for line in piped(summary_of(endpoint_snapshot(KEY))))


def test_names_stand_in_for_keys():
    """In the table, in a threshold's line, and in the reasons of the verdict."""
    snapshots = endpoint_snapshot("GET http://host/good"), endpoint_snapshot("GET http://host/bad", succeeded=0, failed=9)
    config = resolved(*(one.endpoint_key for one in snapshots), names=[None, "check\x1bout"])
    verdicts = (verdict("p99 < 1ms", "GET http://host/bad", passed=False),)
    summary = summary_of(*snapshots, config=config, verdicts=verdicts)
    lines = drawn(summary, 200).splitlines()
    assert [line.split("  ")[0] for line in lines[2:4]] == ["GET /good", "check\\x1bout"]
    assert any(line.startswith("FAILED  check\\x1bout: p99 < 1ms") for line in lines)
    assert any("check\\x1bout: not one of 9 requests succeeded" in plain(reason) for reason in judge_run(summary).reasons)


@pytest.mark.parametrize("lasted_s", [0.0, 0.099])
def test_a_run_shorter_than_a_slot_has_no_rate(lasted_s):
    """A signal may come as the run begins: 40 requests in 2 ms are no 20,000 RPS, neither in the table nor in the verdict."""
    summary = {**summary_of(endpoint_snapshot(KEY)), "durationSec": lasted_s, "endReason": "interrupted", "endDetail": "SIGINT"}
    summary["global"]["rps"] = summary["endpoints"][0]["rps"] = 20_123.0
    said = [drawn(summary, 200), render(summary).decode(), *judge_run(summary).reasons]
    assert "requests in less than 0.1 s; " in said[0]
    assert "requests in less than 0.1 s; " in said[1]
    assert "the run was too short to tell" in said[0]
    assert not any("20123" in text for text in (said[0], *said[2:]))
    summary["durationSec"] = 0.1
    assert "requests in 0.1 s (20123 RPS)" in drawn(summary, 200)


def words(snapshot, **fields):
    """What is said behind the figures of the one endpoint."""
    summary = summary_of(snapshot)
    summary["endpoints"][0] |= fields
    return piped(summary)[2][len(piped(summary)[1]) :].strip()


def test_failures_are_told_with_their_reasons():
    """The most frequent kind first, each with the first reason found for it; statuses speak for themselves."""
    failing = endpoint_snapshot("GET http://host/a", failed=9, errors={"tls": 2, "connect": 4}, status_codes={200: 100, 503: 3})
    reasons = [("connect", "Connection refused", 3), ("tls", "certificate has expired", 2), ("connect", "No route to host", 1)]
    told = words(failing, errorReasons=[{"kind": kind, "reason": why, "count": n} for kind, why, n in reasons])
    assert "statuses: 100 with 200, 3 with 503; errors: 4 connect (Connection refused), 2 tls (certificate has expired)" in told


def test_statuses_stand_there_unless_all_are_2xx():
    """An endpoint that only redirects has met its target, and that is not all there is to say."""
    assert words(endpoint_snapshot(KEY, status_codes={302: 100})) == "statuses: 100 with 302"
    assert words(endpoint_snapshot(KEY, status_codes={200: 40, 204: 60})) == ""


def figures(summary, row=2):
    """The figures of a row, by column."""
    lines = piped(summary)
    return dict(zip(lines[1].replace("svc p99", "svc").split(), lines[row].removeprefix("GET ").split(), strict=False))


def test_a_percentile_that_so_few_cannot_carry_is_a_dash():
    """20 requests carry a median and 1,000 carry p99; the service times have as many values as there were answers."""
    for count, p50, p95, p99 in (
        (19, "-", "-", "-"),
        (20, "1.60", "-", "-"),
        (200, "1.60", "1.60", "-"),
        (999, "1.60", "1.60", "-"),
        (1000, "1.60", "1.60", "1.60"),
    ):
        found = figures(summary_of(endpoint_snapshot(KEY, succeeded=count)))
        assert (found["p50"], found["p95"], found["p99"]) == (p50, p95, p99), count
    timed_out = figures(summary_of(endpoint_snapshot(KEY, succeeded=999, failed=1, errors={"timeout": 1})))
    assert (timed_out["p99"], timed_out["svc"]) == ("1.60", "-")


def test_what_was_asked_is_told_with_its_mean():
    """Where a ramp, a change or a pause makes the mean another rate by more than 1 %."""
    assert words(endpoint_snapshot(KEY), askedRps=50.4) == ""
    assert words(endpoint_snapshot(KEY), askedRps=60.0) == "asked: mean 50.0"
    summary = summary_of(endpoint_snapshot(KEY))
    summary["endpoints"][0]["askedRps"] = 60.0
    assert figures(summary)["asked"] == "60.0"


def test_fast_failures_do_not_hide_the_successes():
    """Where more than 1 % failed their service times stand apart."""
    success = {"p50": 80.0, "p99": 95.0}
    failing = endpoint_snapshot(KEY, succeeded=100, failed=2, status_codes={200: 100, 503: 2}, errors={})
    assert words(failing, successTimeMs=success).endswith("; of the successes alone svc p50 80.0")
    assert "successes" not in words(endpoint_snapshot(KEY, succeeded=100, failed=1), successTimeMs=success)


def test_what_was_cut_and_the_peak_of_the_workers_are_told():
    """A request in flight at the end has no outcome; a pool that shrank had more workers than it has."""
    summary = summary_of(endpoint_snapshot(KEY, workers=2, peak=9))
    assert not any("in flight" in line for line in piped(summary))
    assert piped(summary)[2].endswith("2 (peak 9)")
    assert "peak" not in drawn(summary, 80)
    summary["global"]["requestsCut"] = 1
    assert "1 request still in flight at the end was cut" in piped(summary)


def last_lines(summary, code=0, why=None, width=80, **how):
    """The verdict as it ends a run."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(VerdictLines(judge_run(summary), code, why), crop=False, **how)
    return console.file.getvalue().splitlines()


def test_the_last_line_is_the_verdict_with_the_reason_of_the_exit_code():
    """What else there is to say against a run stands above it; in a pipe the verdict is one line however long it is."""
    assert last_lines(summary_of(endpoint_snapshot(KEY))) == [
        "PASSED, exit code 0: no threshold was set; the rate asked for was kept"
    ]
    assert last_lines(summary_of(saturated_by=["in 1.0 of 2.0 s so much was lost"]), 1, soft_wrap=True) == [
        *(f"also: {one}" for one in (meaning_of([""]), "in 1.0 of 2.0 s so much was lost")),
        "FAILED, exit code 1: GET /bad: not one of 40 requests succeeded (40 connect)",
    ]
    broken = summary_of(endpoint_snapshot(KEY), verdicts=[verdict("p99 < 1ms", passed=False)])
    assert last_lines(broken, 1) == ["FAILED, exit code 1: the threshold is broken: p99 < 1ms (1.5 ms)"]


def test_a_reason_of_the_exit_code_that_is_not_the_verdicts_stands_with_it():
    """A result that could not be written, and a rate that was missed, which fails no run by itself."""
    written = last_lines(summary_of(endpoint_snapshot(KEY)), 3, "a result could not be written", soft_wrap=True)[-1]
    assert written.startswith("PASSED, exit code 3 (a result could not be written): no threshold")
    short = last_lines(summary_of(endpoint_snapshot(KEY, succeeded=50, missed=50)), soft_wrap=True)[-1]
    assert short.startswith("TARGET NOT MET, exit code 0 (no threshold is set): 25.0 of 50.0 RPS")


def test_the_last_line_of_a_run_that_passed_says_as_much_as_the_window_is_wide():
    """A pipe has it all in that line; a window has what does not fit above it."""
    summary = summary_of(endpoint_snapshot(KEY))
    assert last_lines(summary, width=60) == [
        "also: the rate asked for was kept",
        "PASSED, exit code 0: no threshold was set",
    ]
    [last] = last_lines(summary, width=60, soft_wrap=True)
    assert last.endswith("no threshold was set; the rate asked for was kept")


@each("key", ["GET http://host/" + "long/" * 30, "GET http://host/" + "\u6f22" * 60, "GET http://host/" + "\u6f22" * 14])
@each("width", [80, 60, 40])
def test_it_fits_the_window(key, width):
    """No line is wider than the terminal, wide characters counted as two; a long name is cut in its middle."""
    large = {"succeeded": 99, "failed": 1_234_567, "missed": 7_654_321, "target": 250_000.0, "workers": 9_999}
    lines = drawn(summary_of(endpoint_snapshot(key, **large), endpoint_snapshot("GET http://host/a")), width).splitlines()
    table = lines[1 : next(place for place, line in enumerate(lines) if line.startswith("all 2")) + 1]
    assert max(cell_len(line) for line in table) <= width
    assert len([line for line in table if "1,234,567" in line and "\u2026" in line]) == 1


@each("text", HOSTILE)
def test_nothing_in_it_is_obeyed(text):
    """An endpoint's key, an end's detail or a reason from outside is shown as harmless text."""
    key = f"GET http://host/{text.replace(' ', '')}"
    summary = summary_of(endpoint_snapshot(key, failed=2), end_reason="error", end_detail=text, saturated_by=[text])
    summary["endpoints"][0]["errorReasons"] = [{"kind": "connect", "reason": text, "count": 2}]
    shown = drawn(summary, 400)
    assert all(character.isprintable() for line in shown.splitlines() for character in line)
    assert shown.count(plain(text)) >= 2  # markup is shown, not obeyed
    said = last_lines(summary, soft_wrap=True)
    assert all(character.isprintable() for line in said for character in line)
    assert plain(text) in said[-1]


def test_starts_that_were_late_are_a_plain_line():
    """A remark beside the generator's figures; only what limited the run is part of its verdict."""
    summary = summary_of(endpoint_snapshot(KEY), saturated_by=["in 2.0 of 2.0 s so much was lost"])
    summary["generator"]["late"] = "starts were sent up to 9 ms late"
    assert run_lines(summary)[-1] == "late: starts were sent up to 9 ms late"
    assert last_lines(summary, soft_wrap=True)[-1].startswith(
        f"GENERATOR LIMITED, exit code 0 (no threshold is set): {meaning_of([''])}"
    )


def test_where_lines_are_not_folded_each_thing_is_one():
    """In a pipe a key or a reason of any length is in its line."""
    key = "GET http://host/" + "long/" * 100
    failing = endpoint_snapshot(key, failed=9, errors={"connect": 4}, status_codes={200: 100})
    summary = summary_of(failing, endpoint_snapshot("GET http://host/a"))
    why = "no route to host " * 20 + "at all"
    summary["endpoints"][0]["errorReasons"] = [{"kind": "connect", "reason": why, "count": 4}]
    lines = piped(summary)
    [row] = [line for line in lines if why in line]
    assert row.startswith("GET /" + "long/" * 100)
    assert row.endswith(f"  errors: 4 connect ({why}); of the successes alone svc p50 1.50")
    assert len(lines) == 1 + 1 + 2 + 1 + 2
