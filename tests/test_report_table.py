"""What a person reads at the end: the figures, and what limited the run in words."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from summaries import HOSTILE, endpoint_snapshot, summary_of

from tressi.report.table import run_lines, summary_table
from tressi.text import plain


def drawn(summary, width=80):
    """The table as a terminal of `width` columns shows it."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(summary_table(summary))
    return console.file.getvalue()


def test_a_healthy_run_is_shown_like_this():
    """Figures to the right of their columns, below each endpoint what limited it, the common origin once above."""
    assert (
        drawn(summary_of())
        == """\
2 endpoints of http://host: RPS, service times in ms, what limited it
endpoint   asked   got  workers  peak  p50  p99  missed  failed
GET /good   50.0  50.0        2     2  1.5  1.5       0       0
  target met
GET /bad    50.0  20.0        2     2    -    -      60      40
  target failing: 100% failed (connect); failed: 40 connect
140 requests in 2.0 s (70.0 RPS), 40 failed, 60 missed
ended by duration; 0 scaling decisions
generator: 5 % CPU, kernel clock, own delay p99 0.03, late p99 0.04
"""
    )


def test_failures_are_told_with_their_reasons():
    """The most frequent kind first, each with the first reason found for it; statuses speak for themselves."""
    failing = endpoint_snapshot("GET http://host/a", failed=9, errors={"tls": 2, "connect": 4}, status_codes={200: 100, 503: 3})
    summary = summary_of(failing)
    reasons = [("connect", "Connection refused", 3), ("tls", "certificate has expired", 2), ("connect", "No route to host", 1)]
    summary["endpoints"][0]["errorReasons"] = [{"kind": kind, "reason": why, "count": n} for kind, why, n in reasons]
    assert "failed: 4 connect (Connection refused), 3 status 503, 2 tls (certificate has expired)" in drawn(summary, 120)


@pytest.mark.parametrize(
    "key", ["GET http://host/" + "long/" * 30, "GET http://host/" + "\u6f22" * 60, "GET http://host/" + "\u6f22" * 14]
)
def test_it_fits_a_terminal_of_80_columns(key):
    """No line is wider than the terminal, wide characters counted as two; a long key has lines of its own."""
    large = {"succeeded": 99, "failed": 1_234_567, "missed": 7_654_321, "target": 250_000.0, "workers": 9_999}
    lines = drawn(summary_of(endpoint_snapshot(key, **large), endpoint_snapshot("GET http://host/a"))).splitlines()
    assert max(cell_len(line) for line in lines) <= 80
    assert len([line for line in lines if len(line.split()) == 8 and line.endswith("7654321  1234567")]) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_is_obeyed(text):
    """An endpoint's key, an end's detail or a reason from outside is shown as harmless text."""
    key = f"GET http://host/{text.replace(' ', '')}"
    summary = summary_of(endpoint_snapshot(key, failed=2), end_reason="error", end_detail=text, saturated_by=[text])
    summary["endpoints"][0]["errorReasons"] = [{"kind": "connect", "reason": text, "count": 2}]
    shown = drawn(summary, 400)
    assert all(character.isprintable() for line in shown.splitlines() for character in line)
    assert shown.count(plain(text)) >= 3  # markup is shown, not obeyed


def test_a_run_whose_figures_are_in_doubt_says_so():
    """Each reason has its own line, in capitals at its head."""
    lines = run_lines(summary_of(saturated_by=["2.0 of 2.0 s: first", "1.0 of 2.0 s: second"], lost=("engine 7 was lost",)))
    assert lines[-3:] == ["SATURATED: 2.0 of 2.0 s: first", "SATURATED: 1.0 of 2.0 s: second", "LOST: engine 7 was lost"]


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
    assert [line for line in lines if why in line] == [f"  target met; failed: 4 connect ({why})"]
    assert len(lines) == 1 + 1 + 3 + 2 + 3
    short = [line for line in lines if line.startswith("GET /a ")]
    assert len(short) == 1
    assert len(short[0]) <= 80
