"""The table of responses of both transports, over HTTP/2: what can be said there is counted alike.

Each response of the table is said again with HTTP/2's frames: its status and fields as a header list, without those of an
HTTP/1.1 connection, and its body as data. What is left out is a matter of lines, of chunks, or of where a message ends.
"""

import re

import pytest
from h2_peers import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, WINDOW_UPDATE, Peer, frame, number, settings
from hpack import Encoder
from parser_cases import outcome
from test_load_conformance import CASES
from test_load_h2_counted import deviation

pytestmark = pytest.mark.timed

MOST_BYTES = 16_384
_EMPTY_LINE, _LINE, _FOLD = re.compile(rb"\r?\n\r?\n"), re.compile(rb"\r?\n(?![ \t])"), re.compile(rb"\r?\n[ \t]+")
OF_CONNECTIONS = {b"connection", b"transfer-encoding", b"keep-alive"}
# What no frame can say: lines that are no lines, chunks that are none, bytes behind a message.
UNSAID = re.compile(r"a chunk size of|a chunk longer|a line without a colon|101 that|status line b'HTTP/1.1 [+ ]")
# And what it says otherwise than HTTP/1.1 does, for the reason given.
OTHERWISE = {
    "a length beside chunks": ({}, {"protocol": 1}),  # the coding is no field here, so the length is wrong (RFC 9113 8.1.1)
}


def parts_of(response, to_head):
    """The heads of a response, each as a status and fields, and its body."""
    heads, rest = [], response
    while True:
        end = _EMPTY_LINE.search(rest)
        first, *lines = _LINE.split(rest[: end.start()])
        rest = rest[end.end() :]
        status = first.partition(b" ")[2].partition(b" ")[0]
        named = (_FOLD.sub(b" ", line).partition(b":") for line in lines)
        fields = [(name.lower(), value.strip()) for name, _, value in named]
        heads.append((status, [one for one in fields if one[0] not in OF_CONNECTIONS]))
        if not re.fullmatch(rb"1\d\d", status) or not rest:
            break
    if b"chunked" in response:
        rest = outcome([response], to_head=to_head).body
    return heads, rest


def frames_of(stream, response, to_head):
    """The same, as frames."""
    heads, body = parts_of(response, to_head)
    body = b"" if to_head or heads[-1][0] in {b"204", b"304"} else body
    said = []
    for count, (status, fields) in enumerate(heads, 1):
        # Each block stands for itself: it adds nothing to the table, and refers to nothing in it.
        block = Encoder().encode([(name, value, True) for name, value in [(b":status", status), *fields]])
        *before, last = pieces(block)
        flags = END_STREAM if count == len(heads) and not body else 0
        for place, piece in enumerate((*before, last)):
            kind = CONTINUATION if place else HEADERS
            said.append(frame(kind, stream, piece, (0 if place else flags) | (END_HEADERS if place == len(before) else 0)))
    *before, last = pieces(body)
    said += [frame(DATA, stream, piece) for piece in before]
    return [*said, frame(DATA, stream, last, END_STREAM)] if body else said


def pieces(data):
    """As much as a frame may have each; one of nothing where there is nothing."""
    return [data[at : at + MOST_BYTES] for at in range(0, len(data), MOST_BYTES)] or [b""]


def saying(response, to_head):
    """A script that says the response over HTTP/2, and takes bodies of any size."""
    hello = settings(WINDOW=1_000_000) + frame(WINDOW_UPDATE, 0, number(1_000_000))

    def script(conversation):
        peer = Peer(conversation, hello)
        for stream, _, _ in peer.requests():
            peer.send(*frames_of(stream, response, to_head))

    return script


SAID = {name: one for name, one in CASES.items() if hasattr(one[0], "said") and not UNSAID.match(name)}


def test_what_can_be_said_over_http_2_is_counted_alike():
    """Statuses, lengths, heads of any size, fields, interim responses, expectations: success, failure and kind are the same."""
    wrong = {}
    for name, (script, counted, *more) in SAID.items():
        to_head = more[0].get("method") == "HEAD" if more else False
        found = deviation(saying(script.said, to_head), OTHERWISE.get(name, counted), *more)
        if found:
            wrong[name] = found
    assert not wrong
    assert len(SAID) > 40
