"""Any bytes at all: the parser never reads beyond them, never crashes, and says the same however they are cut."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parser_cases import byte_by_byte, cut_at, outcome
from test_wire_parser_peers import DAMAGED

from tressi._parser import ResponseParser

pytestmark = pytest.mark.pure

# Words of the protocol make it likelier that garbage gets past the status line.
WORDS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 ",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: ",
    b"Connection:",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b" ",
    b"5",
    b"ffffffffffffffff",
    b"0\r\n",
]
GARBAGE = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=12)), max_size=20).map(b"".join)
CUTS = st.lists(st.integers(0, 400), max_size=6)


def same_however_cut(data, places, *, to_head):
    """The outcome of data in pieces is the outcome of the whole; where it broke, that alone."""
    whole = outcome([data], to_head=to_head)
    for pieces in (cut_at(data, *sorted(place % (len(data) + 1) for place in places)), byte_by_byte(data)):
        found = outcome(pieces, to_head=to_head)
        assert replace(found, end=whole.end) == whole
        assert found.end == whole.end
    assert whole.end <= len(data)
    assert len(whole.body) <= len(data)


@settings(max_examples=400, deadline=None)
@given(data=GARBAGE, places=CUTS, to_head=st.booleans())
def test_garbage_is_read_the_same_however_cut(data, places, to_head):
    """Bytes of no meaning end in one of the four words, at one place, cut or whole."""
    same_however_cut(data, places, to_head=to_head)


@settings(max_examples=300, deadline=None)
@given(data=DAMAGED, places=CUTS, to_head=st.booleans())
def test_a_damaged_response_is_read_the_same_however_cut(data, places, to_head):
    """So do bytes that are almost a response."""
    same_however_cut(data, places, to_head=to_head)


@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(st.tuples(GARBAGE, st.booleans()), max_size=8), keep=st.integers(0, 20))
def test_feeding_on_after_an_error_does_no_harm(pieces, keep):
    """A caller that goes on after `broken` gets words and offsets, and memory stays whole; `reset` makes all good."""
    parser = ResponseParser(keep)
    parser.reset()
    for data, closing in pieces:
        progress, used = parser.feed(data)
        assert progress in {"more", "done", "broken"}
        assert 0 <= used <= len(data)
        assert len(parser.kept) <= keep
        assert not closing or parser.close() in {"done", "broken"}
    found = outcome([b"HTTP/1.1 204 No Content\r\n\r\n"], parser=parser)
    assert (found.progress, found.status, found.body, found.reusable, found.fault) == ("done", 204, b"", True, "")


def test_an_empty_piece_changes_nothing():
    """Nothing read is nothing decided, before a response and within it."""
    parser = ResponseParser()
    parser.reset()
    for piece in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", b""):
        assert parser.feed(piece) == ("more", len(piece))
    assert parser.feed(b"i") == ("done", 1)
    assert parser.feed(b"") == ("done", 0)


def test_a_close_before_a_response():
    """A connection that closes without a byte has answered nothing."""
    parser = ResponseParser()
    parser.reset()
    assert parser.close() == "broken"


def lines_of(name, values, folds):
    """A field each; where `folds` says so its value goes on in another line."""
    seams = [b" \r\n\t" if fold else b" " for fold in folds]
    return b"".join(name + b":" + seam.join(value) + b"\r\n" for value, seam in zip(values, seams, strict=False))


PART = st.text(st.sampled_from("ab;=/,%\xff"), max_size=60).map(lambda text: text.encode("latin-1"))
VALUES = st.lists(st.lists(PART, min_size=1, max_size=3), max_size=4)


@settings(max_examples=200, deadline=None)
@given(locations=VALUES, codings=VALUES, folds=st.lists(st.booleans(), min_size=4, max_size=4), places=CUTS)
def test_a_field_that_is_wanted_comes_whole_however_cut(locations, codings, folds, places):
    """Between others of similar names, cut and folded anywhere, and long: each value once, a fold being one space."""
    parser = ResponseParser()
    data = (
        b"HTTP/1.1 103 Early Hints\r\nLocation: /hint\r\nContent-Encoding: hint\r\n\r\n"
        b"HTTP/1.1 302 Found\r\nLocatio: 1\r\nX-Location: 2\r\nLocations: 3\r\nContent-Encodin: 4\r\nContent-Length: 0\r\n"
        + lines_of(b"LOCATION", locations, folds)
        + lines_of(b"content-encoding", codings, folds)
        + b"X: 5\r\n\r\n"
    )
    whole = [b" ".join(value).strip() for value in locations]
    together = [b" ".join(value).strip() for value in codings]
    for pieces in (cut_at(data, *sorted(place % len(data) for place in places)), byte_by_byte(data)):
        parser.reset()
        assert [parser.feed(piece)[0] for piece in pieces][-1] == "done"
        assert [b" ".join(value.split()) for value in parser.locations] == [b" ".join(value.split()) for value in whole]
        assert parser.coding.replace(b" ", b"").strip(b",") == b",".join(together).replace(b" ", b"").strip(b",")


def test_a_long_value_comes_whole_and_its_memory_is_given_back():
    """What nobody keeps may be as long as a head may be; a name that begins like a known one and goes on is another."""
    parser = ResponseParser()
    for size in (63, 64, 65, 1023, 1025, 20_000):
        place = b"/" * size
        another = b"\r\nLocation" + b"n" * size + b": 7"
        data = b"HTTP/1.1 302 Found\r\nLocation: " + place + another + b"\r\nContent-Length:" + b"0" * size
        parser.reset()
        for begin in range(0, len(data), 999):
            assert parser.feed(data[begin : begin + 999])[0] == "more"
        assert parser.feed(b"\r\n\r\n")[0] == "done"
        assert parser.locations == [place]
