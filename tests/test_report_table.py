"""What a person reads at the end: the figures, and what limited the run in words."""

import io

import pytest
from rich.console import Console
from summaries import HOSTILE, decision, endpoint_snapshot, resolved, summary_of

from tressi.report.table import run_lines, summary_table
from tressi.report.verdict import verdicts

KEY = "GET http://host/a"


def drawn(summary, width=80):
    """The table as a terminal of `width` columns shows it."""
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(summary_table(summary))
    return console.file.getvalue()


CASES = [
    ("the rate was kept", endpoint_snapshot(KEY), {}, "target met"),
    ("every attempt was refused", endpoint_snapshot(KEY, succeeded=0, failed=90), {}, "target failing: 100% failed (connect)"),
    (
        "most answers were errors",
        endpoint_snapshot(KEY, succeeded=10, failed=90, status_codes={200: 10, 503: 90}, errors={}),
        {},
        "target failing: 90% failed (503)",
    ),
    (
        "all workers it may have were there",
        endpoint_snapshot(KEY, succeeded=60, workers=4),
        {},
        "worker cap: maxWorkers 4 reached",
    ),
    (
        "the run had no more workers",
        endpoint_snapshot(KEY, succeeded=60),
        {"decisions": [decision(KEY, "maintain", 0, 2, "… but the run's worker limit is reached")]},
        "worker cap: the run's limit reached",
    ),
    (
        "the pool grew until it held",
        endpoint_snapshot(KEY, succeeded=60),
        {},
        "target met in the end, after the pool had grown",
    ),
    (
        "we were the bottleneck",
        endpoint_snapshot(KEY, succeeded=60),
        {"saturated_by": ["2.0 of 2.0 s: CPU"], "cpu_s": 1.98},
        "generator saturated",
    ),
    (
        "nothing limits it",
        endpoint_snapshot(KEY, target=None),
        {"config": resolved(KEY, autoscale=False)},
        "as fast as responses came",
    ),
    ("nobody answers", endpoint_snapshot(KEY, succeeded=0, missed=50), {}, "no attempt ended: the target hangs"),
]


@pytest.mark.parametrize(("snapshot", "fields", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_verdict_names_what_limited(snapshot, fields, words):
    """Each endpoint's verdict is the one sentence that fits its figures."""
    assert verdicts(summary_of(snapshot, **fields)) == {KEY: words}


def test_the_table_has_every_figure_once():
    """Asked, got, workers and latencies of each endpoint stand in its row, and the common origin once above."""
    text = drawn(summary_of(), 120)
    assert text.count("http://host") == 1
    row = next(line for line in text.splitlines() if line.startswith("GET /good"))
    assert row.split()[2:9] == ["50.0", "50.0", "2", "2", "1.5", "1.5", "0"]
    assert "40 connect" in text


def test_it_fits_a_terminal_of_80_columns():
    """No line is longer than the terminal is wide."""
    assert max(len(line) for line in drawn(summary_of()).splitlines()) <= 80


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_is_obeyed(text):
    """An endpoint's key, an end's detail or a reason from outside is shown as harmless text."""
    key = f"GET http://host/{text.replace(' ', '')}"
    shown = drawn(summary_of(endpoint_snapshot(key), end_reason="error", end_detail=text, saturated_by=[text]), 200)
    assert all(character.isprintable() for line in shown.splitlines() for character in line)


def test_a_saturated_run_says_so():
    """Each reason has its own line, in capitals at its head."""
    lines = run_lines(summary_of(saturated_by=["2.0 of 2.0 s: first", "1.0 of 2.0 s: second"]))
    assert [line for line in lines if line.startswith("SATURATED: ")] == [
        "SATURATED: 2.0 of 2.0 s: first",
        "SATURATED: 1.0 of 2.0 s: second",
    ]
