"""A response of the second transport from its bytes, cut anywhere."""

import gzip
from itertools import pairwise

import pytest
from servers import response

from tressi._parser import ResponseParser
from tressi.load.answer import Answer, Sought

pytestmark = pytest.mark.pure

GOODBYE = b"HTTP/1.1 103 Early Hints\r\nLocation: /hint\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\n\n"
FIELDS = ("location: /a", "Location: a \r\n  b \r\n\tc", "LOCATION:\t/b\t", "X-Location: /c", "Location:", "Locations: /d")
WHOLE = response("302 Found", *FIELDS, "Content-Encoding: gzip", body=gzip.compress(b"hello"))
CHUNKED = b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nLocation: /trailer\r\n\r\n"


def fed(data, *cuts, to_head=False, needle=None):
    """An answer that came in pieces, and what the last of them made of it."""
    answer = Answer(ResponseParser(), Sought(needle), lambda: None, to_head=to_head)
    places = (0, *cuts, len(data))
    said = [answer.feed(data[begin:end]) for begin, end in pairwise(places)]
    return answer, said


def test_an_answer_is_the_same_wherever_it_is_cut():
    """Fields of 1xx and trailers are none of the answer's; a folded field is one, and names have no case."""
    data = GOODBYE + CONTINUE + WHOLE
    for cuts in [(place,) for place in range(1, len(data))] + [range(1, len(data))]:
        answer, said = fed(data, *cuts, needle=b"hello")
        assert said == [*["more"] * (len(said) - 1), "done"]
        assert (answer.status, answer.continued, answer.surplus, answer.is_reusable) == (302, True, False, True)
        assert (answer.body.beginning, answer.body.found, answer.body.reason) == (b"hello", True, None)
        assert answer.locations == [b"/a", b"a b c", b"/b", b""]


def test_chunks_are_taken_apart_wherever_they_are_cut():
    """The body is what is in them."""
    for cuts in [(place,) for place in range(1, len(CHUNKED))] + [range(1, len(CHUNKED))]:
        answer, said = fed(CHUNKED, *cuts)
        assert said[-1] == "done"
        assert (answer.body.beginning, answer.locations) == (b"hello", [])


def test_what_follows_on_an_answer_is_surplus():
    """Nothing asked for it, so the connection is not used again."""
    for data, to_head in ((response(), False), (response("204 No Content", body=b""), False), (response(body=b""), True)):
        answer, (said,) = fed(data + b"H", to_head=to_head)
        assert (said, answer.surplus, answer.is_reusable) == ("done", True, False)


def test_an_answer_to_head_has_no_body():
    """Whatever its fields say of one."""
    answer, (said,) = fed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n", to_head=True)
    assert (said, answer.status, answer.is_reusable, answer.body.reason) == ("done", 200, True, None)


def test_how_far_it_had_come():
    """In words, for a timeout and for an end of the connection."""
    stages = {
        b"": ("no response after 1 s", "the connection ended before the response"),
        WHOLE[:20]: (
            "the head of the response had not ended after 1 s",
            "the connection ended within the head of the response",
        ),
        WHOLE[:-1]: (
            "status 302, but the body had not ended after 1 s",
            "status 302, but the connection ended before the body",
        ),
    }
    for data, words in stages.items():
        answer, _ = fed(data)
        assert (answer.overdue(1.0), answer.cut()) == words
        assert answer.close() == "broken"


def test_a_close_ends_what_nothing_else_delimits():
    """And what is packed must be whole by then."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    for body, reason in (
        (gzip.compress(b"hello"), None),
        (gzip.compress(b"hello")[:-1], "the body cannot be searched: its gzip data are cut short"),
    ):
        answer, (said,) = fed(head + body)
        assert (said, answer.close(), answer.is_reusable) == ("more", "done", False)
        assert answer.body.reason == reason
