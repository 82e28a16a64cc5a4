"""The response files, each case whole, cut at every place, byte by byte, and with more behind it."""

from dataclasses import replace

import pytest
from each import each
from parser_cases import byte_by_byte, cases, cut_at, outcome

from tressi._parser import ResponseParser

pytestmark = pytest.mark.pure

CASES = cases()
TITLES = [case.title for case in CASES]
DONE = [case for case in CASES if case.event.startswith("done")]
# A head of 64 KiB is not cut at each of its places, but at some and around its ends.
FEW_BYTES = 2_000


def event_of(found):
    """An outcome in the words of the files."""
    if found.progress == "done":
        return f"done {found.status} {'reusable' if found.reusable else 'final'}"
    if found.progress == "closed":
        return f"closed {found.status}"
    return found.progress if found.progress == "more" else f"broken: {found.fault}"


def places(data):
    """Where a response is cut in two."""
    size = len(data)
    if size < FEW_BYTES:
        return range(1, size)
    return sorted({*range(1, 100), *range(100, size, 1_801), *range(size - 100, size)})


def check(case, found):
    """The outcome is the event of the file, and its body the body."""
    assert event_of(found) == case.event
    assert found.body == case.body


@each("case", CASES, ids=TITLES)
def test_a_response_whole(case):
    """All at once: the event that the file says, ended by the last byte shown unless it is broken before."""
    found = outcome([case.response], to_head=case.to_head)
    check(case, found)
    assert found.end == len(case.response) or found.progress == "broken"


@each("case", CASES, ids=TITLES)
def test_a_response_cut_in_two(case):
    """Wherever the bytes are cut, with an empty piece between: the same event, ended at the same byte."""
    whole, parser = outcome([case.response], to_head=case.to_head), ResponseParser()
    for place in places(case.response):
        pieces = [case.response[:place], b"", case.response[place:]]
        found = outcome(pieces, to_head=case.to_head, parser=parser)
        check(case, found)
        assert found.end == whole.end or "64 KiB" in case.event, place


@each("case", CASES, ids=TITLES)
def test_a_response_byte_by_byte(case):
    """Each byte by itself: the same event."""
    check(case, outcome(byte_by_byte(case.response), to_head=case.to_head))


@each("behind", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\r\n", b"\0"])
@each("case", DONE, ids=[case.title for case in DONE])
def test_what_stands_behind_a_response_is_not_touched(case, behind):
    """A message that is done ends at its last byte, whatever follows, and feeding it more takes nothing."""
    parser = ResponseParser()
    for pieces in ([case.response + behind], cut_at(case.response + behind, len(case.response) - 1)):
        found = outcome(pieces, to_head=case.to_head, parser=parser)
        check(case, found)
        assert found.end == len(case.response)
        assert parser.feed(behind) == ("done", 0)


def test_one_parser_reads_one_response_after_another():
    """After `reset` nothing of the message before is left, whatever became of it."""
    parser = ResponseParser()
    for case in CASES + CASES[::-1]:
        check(case, outcome([case.response], to_head=case.to_head, parser=parser))


def test_responses_on_one_connection_follow_each_other():
    """What a message left over is the beginning of the next."""
    stream = [case for case in DONE if case.event.endswith("reusable") and not case.to_head]
    data, parser = b"".join(case.response for case in stream), ResponseParser()
    for case in stream:
        found = outcome([data], parser=parser)
        check(case, found)
        data = data[found.end :]
    assert data == b""


@each("keep", [0, 1, 4, 5, 6, 65_536])
@each("size", [1, 3, 100])
def test_the_beginning_of_a_body_is_kept(keep, size):
    """Bodies are counted whole and kept up to the room there is, cut or not, framed or not."""
    case = next(case for case in CASES if case.title.endswith("Chunks are counted without their framing"))
    parser = ResponseParser(keep)
    pieces = [case.response[at : at + size] for at in range(0, len(case.response), size)]
    found = outcome(pieces, parser=parser)
    assert replace(found, body=b"") == replace(outcome([case.response]), body=b"")
    assert found.body == case.body[:keep]
    assert parser.body_bytes == len(case.body)


@pytest.mark.parametrize(
    ("chunk", "count"),
    [
        pytest.param(b"1\r\na\r\n", 100_000, id="more chunks than a head may have bytes"),
        pytest.param(b"1;signature=0123456789abcdef\r\na\r\n", 5_000, id="an extension on every chunk"),
    ],
)
def test_a_long_body_of_small_chunks(chunk, count):
    """The limit of 64 KiB is of the head: the framing of a body may grow beyond it."""
    parser = ResponseParser()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = outcome([head, chunk * count, b"0\r\n\r\n"], parser=parser)
    assert (found.progress, parser.body_bytes) == ("done", count)


SOUGHT = (b"vary", b"x-a-header-of-a-very-long-name", b"location", b"x-none")
WITH_FIELDS = (
    b"HTTP/1.1 103 Early Hints\r\nVary: early\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nVARY: one\r\nX-A-Header-Of-A-Very-Long-Name:  two\r\n three \r\n"
    b"X-A-Header-Of-A-Very-Long-Names: no\r\n"
    b"Location: /x\r\nvary:\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nVary: late\r\n\r\n"
)
NOTED = b' one\n!two three\n"/x\n \n'


def test_fields_that_are_looked_for_wherever_the_response_is_cut():
    """Whole and in order, in any letters, folded or empty; not those of interim responses and trailers."""
    parser = ResponseParser()
    for place in range(1, len(WITH_FIELDS)):
        parser.look_for(SOUGHT)
        parser.reset()
        parser.feed(WITH_FIELDS[:place])
        assert parser.feed(WITH_FIELDS[place:])[0] == "done"
        assert (parser.fields, parser.locations, parser.take()) == (NOTED, [b"/x"], b"a"), place
    parser.look_for(())
    parser.reset()
    assert parser.feed(WITH_FIELDS)[0] == "done"
    assert parser.fields == b""
