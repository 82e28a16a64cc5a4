"""What the report shows of a target's words: what a reader looks for first, and never more than a page can hold."""

import pytest
from summaries import endpoint_snapshot, summary_of

from tressi.report.page.excerpts import ALL_CHARACTERS, BODY_CHARACTERS, clipped, excerpts, failure_rows

pytestmark = pytest.mark.pure


def sample(key, status, body, *, truncated=False):
    return {"endpointKey": key, "status": status, "body": body, "truncated": truncated}


def shown(*samples):
    """What is shown of these samples, as (endpoint, status, body), and how many are left out."""
    found, left_out = excerpts({"samples": samples})
    return [(one.endpoint_key, one.status, one.body) for one in found], left_out


def test_failures_come_first_and_no_status_hides_another():
    """One body of each endpoint and status before a second one; among those, failed ones before the rest."""
    samples = [
        sample("a", 200, "1"),
        sample("a", 200, "2"),
        sample("a", 500, "3"),
        sample("b", 404, "4"),
        sample("b", 200, "5"),
    ]
    assert [body for *_, body in shown(*samples)[0]] == ["3", "4", "1", "5", "2"]


def test_a_long_body_is_cut_and_says_so():
    """Whether the target's or our own bound cut it."""
    found, _ = excerpts(
        {"samples": [sample("a", 200, "x" * 10**6), sample("b", 200, "y", truncated=True), sample("c", 200, "z")]}
    )
    assert [(len(one.body), one.truncated) for one in found] == [(BODY_CHARACTERS, True), (1, True), (1, False)]


def test_all_bodies_together_have_a_bound():
    """What does not fit is counted."""
    found, left_out = shown(*(sample(str(number), 200, "x" * BODY_CHARACTERS) for number in range(1000)))
    assert len(found) == ALL_CHARACTERS // BODY_CHARACTERS
    assert left_out == 1000 - len(found)


def test_every_failure_is_counted_with_its_reasons():
    """Errors by kind and statuses from 400 on, the most frequent first; a reason belongs to its kind."""
    summary = summary_of(
        endpoint_snapshot("GET http://host/a", succeeded=5, failed=7, errors={"connect": 4}, status_codes={200: 5, 503: 3}),
        endpoint_snapshot("GET http://host/b", succeeded=90, failed=10, errors={"timeout": 10}),
    )
    summary["endpoints"][0]["errorReasons"] = [
        {"kind": "connect", "reason": "Connection refused", "count": 3},
        {"kind": "tls", "reason": "bad certificate", "count": 1},
    ]
    rows = [(one.endpoint_key[-1], one.what, one.count, one.share, one.reasons) for one in failure_rows(summary)]
    assert rows == [
        ("b", "timeout", 10, 0.1, ()),
        ("a", "connect", 4, 4 / 12, (("Connection refused", 3),)),
        ("a", "status 503", 3, 3 / 12, ()),
    ]


@pytest.mark.parametrize(
    ("length", "end"), [(500, "x"), (501, "x … and 1 characters more"), (10**6, "and 999,500 characters more")]
)
def test_long_text_is_clipped_and_says_so(length, end):
    """A reason of a megabyte is a sentence."""
    assert clipped("x" * length).endswith(end)
    assert len(clipped("x" * length)) < 540
