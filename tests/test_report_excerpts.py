"""What the report shows of a target's words: what a reader looks for first, and never more than a page can hold."""

import pytest

from tressi.report.page.excerpts import ALL_CHARACTERS, BODY_CHARACTERS, clipped, excerpts

pytestmark = pytest.mark.pure


def sample(key, status, body, *, truncated=False):
    return {"endpointKey": key, "status": status, "body": body, "truncated": truncated}


def shown(*samples):
    """What is shown of these samples, as (endpoint, status, body), and how many are left out."""
    found, left_out = excerpts({"samples": samples})
    return [(one.endpoint_key, one.status, one.body) for one in found], left_out


def test_failures_come_first_and_one_of_each_kind_is_enough():
    """One body of each endpoint and status, failed ones before the rest; the others are counted."""
    samples = [
        sample("a", 200, "1"),
        sample("a", 200, "2"),
        sample("a", 500, "3"),
        sample("b", 404, "4"),
        sample("b", 200, "5"),
    ]
    found, left_out = shown(*samples)
    assert [body for *_, body in found] == ["3", "4", "1", "5"]
    assert left_out == 1


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


@pytest.mark.parametrize(
    ("length", "end"), [(500, "x"), (501, "x … and 1 characters more"), (10**6, "and 999,500 characters more")]
)
def test_long_text_is_clipped_and_says_so(length, end):
    """A reason of a megabyte is a sentence."""
    assert clipped("x" * length).endswith(end)
    assert len(clipped("x" * length)) < 540
