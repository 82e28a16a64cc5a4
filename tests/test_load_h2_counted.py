"""HTTP/2 in the reactor: what a target does, and what is counted of it."""

from __future__ import annotations

import gzip
import socket

import pytest
from engines import ONCE, attempt, endpoint, only
from h2_peers import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    OK,
    PING,
    RST_STREAM,
    Peer,
    frame,
    number,
    serving,
    settings,
)
from servers import answering, raw_server

from tressi.model import Expectation, Protocol

pytestmark = pytest.mark.timed

H2C = Protocol("h2c")


def said(*frames):
    """A script that answers the first request with these frames, whose stream is 1, and closes when the client does."""

    def script(conversation):
        peer = Peer(conversation)
        for _ in peer.requests():
            peer.send(*frames)

    return script


def closing(*frames):
    """The same, and it closes behind them."""

    def script(conversation):
        peer = Peer(conversation)
        next(peer.requests())
        peer.send(*frames)
        # What it has not read would make a reset of a close.
        conversation.socket.shutdown(socket.SHUT_WR)
        conversation.wait_closed()

    return script


def early(*frames):
    """A script that answers so when it has some of the request's body, and reads on."""

    def script(conversation):
        peer, is_said = Peer(conversation), False
        for kind, *_ in peer.frames():
            if kind == DATA and not is_said:
                is_said = True
                peer.send(*frames)

    return script


def with_fields(*fields, body=b"hello"):
    """A script that answers every request so."""
    return serving(lambda peer, stream, _fields, _body: peer.answer(stream, body, *fields))


def with_status(status):
    """A script that answers every request with that status."""
    return serving(lambda peer, stream, _fields, _body: peer.answer(stream, b"hello", status=status))


BODY_BEYOND_WINDOWS = {"method": "POST", "body": b"x" * 100_000}
HEAD = frame(HEADERS, 1, OK, END_HEADERS)
BODY = frame(DATA, 1, b"hello", END_STREAM)
EMPTY = frame(HEADERS, 1, OK, END_HEADERS | END_STREAM)
TRAILERS = frame(HEADERS, 1, b"\x00\x01a\x01b", END_HEADERS | END_STREAM)
RESET = ({}, {"reset": 1})
PROTOCOL = ({}, {"protocol": 1})
CLOSED = ({}, {"closed": 1})
UNEXPECTED = ({200: 1}, {"expectation": 1})
CASES = {
    "a response": (said(HEAD, BODY), 200),
    "a response without a body": (said(EMPTY), 200),
    "a body of one byte a frame": (said(HEAD, *(frame(DATA, 1, b"x") for _ in range(99)), BODY), 200),
    "a padded body": (said(HEAD, frame(DATA, 1, b"\x03hello\0\0\0", 9)), 200),
    "trailers": (said(HEAD, frame(DATA, 1, b"hello"), TRAILERS), 200),
    "103 before the answer": (said(frame(HEADERS, 1, b"\x08\x03103", END_HEADERS), HEAD, BODY), 200),
    "204": (said(frame(HEADERS, 1, b"\x89", END_HEADERS | END_STREAM)), 204),
    "304 with a length": (said(frame(HEADERS, 1, b"\x8b\x0f\x0d\x019", END_HEADERS | END_STREAM)), 304),
    "HEAD": (said(frame(HEADERS, 1, b"\x88\x0f\x0d\x019", END_HEADERS | END_STREAM)), 200, {"method": "HEAD"}),
    "an error status": (with_status(b"503"), 503),
    "a redirect that is not followed": (
        serving(lambda peer, stream, _fields, _body: peer.answer(stream, b"", (b"location", b"/x"), status=b"302")),
        302,
    ),
    "a head in pieces": (said(frame(HEADERS, 1, OK), frame(CONTINUATION, 1, b"", END_HEADERS), BODY), 200),
    "an expected body": (said(HEAD, BODY), 200, {"expect": Expectation(body_contains=b"ell")}),
    "an unexpected body": (said(HEAD, BODY), UNEXPECTED, {"expect": Expectation(body_contains=b"bye")}),
    "an expected field": (
        with_fields((b"x-own", b"1")),
        200,
        {"expect": Expectation(headers=(("x-own", ("1",)),))},
    ),
    "a field that is missing": (said(HEAD, BODY), UNEXPECTED, {"expect": Expectation(headers=(("x-own", ("1",)),))}),
    "an expected field behind the body alone": (
        said(HEAD, frame(DATA, 1, b"hello"), TRAILERS),
        UNEXPECTED,
        {"expect": Expectation(headers=(("a", ("b",)),))},
    ),
    "an expected body that is coded": (
        with_fields((b"content-encoding", b"gzip"), body=gzip.compress(b"hello")),
        200,
        {"expect": Expectation(body_contains=b"ell")},
    ),
    "a body as JSON": (with_fields(body=b'{"a": 1}'), 200, {"expect": Expectation(body_matches='"a": 1')}),
    "silence": (said(), ({}, {"timeout": 1}), {"timeout_s": 0.1}),
    "half a body": (said(HEAD, frame(DATA, 1, b"hel")), ({}, {"timeout": 1}), {"timeout_s": 0.1}),
    # Ends.
    "a reset before the head": (said(frame(RST_STREAM, 1, number(2))), RESET),
    "a reset behind the head": (said(HEAD, frame(RST_STREAM, 1, number(8))), RESET),
    "a reset in the body": (said(HEAD, frame(DATA, 1, b"hel"), frame(RST_STREAM, 1, number(0))), RESET),
    "a reset behind the end": (said(HEAD, BODY, frame(RST_STREAM, 1, number(0))), 200),
    "a refusal without end": (
        serving(lambda peer, stream, _fields, _body: peer.send(frame(RST_STREAM, stream, number(7)))),
        RESET,
    ),
    "a close before the head": (closing(), CLOSED),
    "a close in the body": (closing(HEAD, frame(DATA, 1, b"hel")), CLOSED),
    "a close within a frame": (closing(HEAD, BODY[:12]), CLOSED),
    "a reset behind a 1xx": (said(frame(HEADERS, 1, b"\x08\x03103", END_HEADERS), frame(RST_STREAM, 1, number(2))), RESET),
    "a reset behind the trailers": (said(HEAD, frame(DATA, 1, b"hello"), TRAILERS, frame(RST_STREAM, 1, number(0))), 200),
    "a reset while the request is sent": (early(frame(RST_STREAM, 1, number(2))), RESET, BODY_BEYOND_WINDOWS),
    "an answer while the request is sent": (early(HEAD, BODY, frame(RST_STREAM, 1, number(0))), 200, BODY_BEYOND_WINDOWS),
    "a reset that no stream had": (said(frame(RST_STREAM, 3, number(2))), PROTOCOL),
    # What is not HTTP/2.
    "HTTP/1.1": (lambda conversation: conversation.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), PROTOCOL),
    "a head that is no block": (said(frame(HEADERS, 1, b"\x80", 5)), PROTOCOL),
    "a status of two digits": (said(frame(HEADERS, 1, b"\x08\x0220", 5)), PROTOCOL),
    "a body without a head": (said(BODY), PROTOCOL),
    "a body shorter than its length": (said(frame(HEADERS, 1, b"\x88\x0f\x0d\x019", 4), BODY), PROTOCOL),
    "a push": (said(frame(5, 1, number(2) + b"\x82", END_HEADERS)), PROTOCOL),
    "a frame that is too large": (said(frame(DATA, 1, bytes(20_000))), PROTOCOL),
    "a storm of 1xx": (said(frame(HEADERS, 1, b"\x08\x03103", END_HEADERS) * 10_000), PROTOCOL),
    "a storm of settings": (said(settings(TABLE_SIZE=0) * 11_000), PROTOCOL),
    "a storm of pings": (said(frame(PING, 0, bytes(8)) * 11_000), PROTOCOL),
    "a head without an end": (said(frame(HEADERS, 1, OK), frame(CONTINUATION, 1) * 300), PROTOCOL),
}


def test_a_target_is_counted_as_over_http_1():
    """The table of the other transports, for connections of HTTP/2: statuses, kinds of errors, and to whom bytes belong."""
    assert {name: wrong for name, one in CASES.items() if (wrong := deviation(*one))} == {}


def deviation(script, counted, fields=None):
    """What of one request's figures is not as it must be."""
    statuses, errors = counted if isinstance(counted, tuple) else ({counted: 1}, {})
    fields = fields or {}
    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE, protocol=H2C, **fields)))
    expected = fields.get("expect")
    succeeds = not errors and all(status < 400 or (expected and expected.status) for status in statuses)
    wanted = {"status_codes": statuses, "errors": errors, "succeeded": int(succeeds), "failed": int(not succeeds)}
    return {name: (getattr(found, name), value) for name, value in wanted.items() if getattr(found, name) != value}


NO_HTTP_2 = "the server does not speak HTTP/2: it begins with no settings"


def test_the_reason_names_the_code():
    """Of a reset the server's code, of a connection that broke the protocol's and what was wrong."""
    for script, reason in (
        (said(frame(RST_STREAM, 1, number(11))), "ENHANCE_YOUR_CALM"),
        (said(frame(DATA, 1, bytes(20_000))), "FRAME_SIZE_ERROR: a frame that is larger than any may be"),
        (said(frame(HEADERS, 1, b"\x08\x0220", 5)), "no status of three digits"),
        (answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), f"PROTOCOL_ERROR: {NO_HTTP_2}"),
    ):
        with raw_server(script) as server:
            (found,) = only(attempt(endpoint(server.url, ONCE, protocol=H2C))).reasons
            assert found.text == reason
