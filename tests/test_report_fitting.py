"""A summary.md that fits a comment, whatever the run was: the worst first, and what is left out is counted."""

import re
from dataclasses import replace

import pytest
from exports import tables
from hypothesis import given
from hypothesis import strategies as st
from summaries import endpoint_snapshot, resolved, summary_of

from tressi.report import summary_md
from tressi.report.fitting import Section, fitted
from tressi.report.summary_md import mark_of
from tressi.run.judgement import Judgement

pytestmark = pytest.mark.pure

COMMENT = 65_536  # characters that GitHub takes

TEXTS = st.text(max_size=60)
SECTIONS = st.lists(
    st.builds(
        Section,
        head=st.text(min_size=1, max_size=60),
        rows=st.lists(st.text(min_size=1, max_size=300), max_size=40),
        share=st.floats(0, 0.3),
        apart=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(sections=SECTIONS)
def test_sections_fit_and_keep_their_first_rows(sections):
    """However many rows there are and however long, in any script: never above the room, and no row out of its order."""
    room = 4_000
    text = fitted(sections, room)
    assert len(text.encode("utf-8", "surrogatepass")) <= room
    for section in sections:
        count = section.fitting(room)
        assert section.size(count) <= room or count == 0
    everything = fitted(sections, 10**9)
    assert all(section.shown(len(section.rows)) in everything for section in sections)


def test_a_section_takes_what_others_leave():
    """Rows beyond the share of one section stand where nobody else has a use for the room."""
    long = Section("long", ["row " * 10] * 50, share=0.1)
    short = Section("short", ["row"], share=0.5)
    assert fitted([long, short], 4_000).count("row " * 10) == 50
    both = fitted([long, Section("other", ["other"] * 900, share=0.5)], 2_000)
    assert re.search(r"\d+ more rows in summary.json", both)
    assert "other" in both


def endpoint(number, long, **fields):
    """One of many, its key as long as wanted."""
    return endpoint_snapshot(f"GET http://h/{number:03}/{long}", **fields)


def many(count, long="", body="", text="connection refused"):
    """A run of many endpoints that fail more the later they stand, with statuses, errors, reasons and bodies of all."""
    snapshots = [
        endpoint(n, long, succeeded=1000 - n, failed=n, errors={"connect": n}, status_codes={200: 1000 - n, 503: n})
        for n in range(count)
    ]
    summary = summary_of(*snapshots)
    for one in summary["endpoints"]:
        one["errorReasons"] = [{"kind": "connect", "reason": f"{text} {n}", "count": n} for n in range(8)]
        summary["samples"].append({"endpointKey": one["endpointKey"], "status": 503, "body": body, "truncated": True})
    verdict = {"threshold": "p99 < 1s", "value": 1.0, "limit": 2.0, "detail": text, "failedAt": None, "aborts": False}
    summary["thresholds"] = [
        {**verdict, "endpointKey": one["endpointKey"], "passed": n % 3 > 0} for n, one in enumerate(summary["endpoints"])
    ]
    summary["generator"]["reasons"] = [f"{text} {n}" for n in range(40)]
    return summary


SIZES = [
    ("long keys", {"long": "long" * 40}),
    ("keys in another script", {"long": "\u6f22" * 300}),
    ("bodies of control characters", {"body": "\x01" * 4072}),
    ("long reasons full of pipes", {"text": "|\\" * 400}),
    ("all of it", {"long": "\U0001f600" * 300, "body": "`" * 4072, "text": "\u6f22" * 500}),
    ("nothing unusual", {}),
]


@pytest.mark.parametrize("fields", [row[1] for row in SIZES], ids=[row[0] for row in SIZES])
@pytest.mark.parametrize("count", [1, 60, 1000])
def test_it_stays_below_a_comment(count, fields):
    """In characters, bytes and UTF-16 units alike, and every fold and fence is closed."""
    document = summary_md.render(many(count, **fields)).decode()
    assert len(document) < len(document.encode()) + 1 <= COMMENT
    assert document.count("<details>") == document.count("</details>") == 6
    assert document.count("### Endpoints") == 1
    found = tables(document)
    assert len(found["Endpoints"][0]) > min(count, 15)
    assert [row[0] for row in found["Figures"][0]][1:] == ["Rate", "Response time, ms", "Failed", "Missed starts", "Workers"]


def test_the_worst_are_first_and_the_rest_is_counted():
    """Of 1,000 endpoints those that failed most; how many others there are, and which file has them."""
    document = summary_md.render(many(1000)).decode()
    rows = [row[0] for row in tables(document)["Endpoints"][0][1:]]
    assert rows == [f"GET /{999 - n:03}/" for n in range(len(rows))]
    assert document.startswith("## ❌ tressi: FAILED\n")
    assert f"\n{1000 - len(rows)} more endpoints in endpoints.csv.\n" in document
    shown = [row[0] for row in tables(document)["Thresholds"][0][1:]]
    assert shown == sorted(shown)
    assert shown.count("failed") == 334
    assert f"\n{1000 - len(shown)} more thresholds in summary.json.\n" in document


def test_what_fits_has_nothing_left_out():
    """A usual run is whole, without a word of it."""
    document = summary_md.render(many(3)).decode()
    assert not re.search(r"\d more \w+", document)


def test_a_section_has_no_more_rows_than_it_may():
    """Whatever room there is; those that it leaves out are counted."""
    text = fitted([Section("head", [f"row {n}" for n in range(9)], "foot", 0.1, most=4)], 100_000)
    assert text == "head\nrow 0\nrow 1\nrow 2\nrow 3\n\nfoot\n\n5 more rows in summary.json."


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({}, "✅"),
        ({"missed": 1}, "⚠️"),
        ({"failed": 1}, "⚠️"),
        ({"succeeded": 0, "failed": 5}, "❌"),
    ],
)
def test_no_success_is_shown_where_something_failed_or_was_missed(fields, mark):
    """The sign of the verdict is green for a run in which nothing was lost, and for no other."""
    summary = summary_of(endpoint(0, "only", **fields))
    assert summary_md.render(summary).decode().startswith(f"## {mark} tressi: ")
    assert mark_of(Judgement("PASSED", ("",), "done", "", "good"), summary) in {mark, "⚠️"}


def test_what_a_reader_looks_for_first():
    """The name in the heading, causes, exit code, labels; failures by kind with the seconds in which they came."""
    config = replace(resolved("GET http://h/a"), name="checkout", labels={"git": "4f2"})
    summary = summary_of(
        endpoint_snapshot("GET http://h/a", failed=5), config=config, end_reason="interrupted", end_detail="SIGINT"
    )
    summary["timeline"] = [{**summary["timeline"][0], "t": t} for t in (1.0, 2.0, 3.0)]
    for row, failed in zip(summary["timeline"], ({"connect": 9}, {"connect": 2}, {"connect": 3}), strict=True):
        row["global"] = {**row["global"], "failures": failed}
    summary["timeline"][0]["warmUp"] = True
    document = summary_md.render(summary).decode()
    assert re.match(r"## \S+ tressi checkout: [A-Z ]+\n\n- ", document)
    assert "\n\nExit code 130: ended by SIGINT.\n" in document
    assert "\n\ngit=4f2\n" in document
    (row,) = tables(document)["Failures"][0][1:]
    assert row == ["connect", "5", "2 s", "3 s", "GET /a", ""]
