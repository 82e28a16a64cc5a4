"""A connection of HTTP/2 from bytes: against the package h2 as the server, cut anywhere, and with all that is forbidden."""

from __future__ import annotations

import struct

import pytest
from each import each
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from tressi._h2 import Connection

pytestmark = pytest.mark.pure

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
GET = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
POST = b"POST /orders HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = b"\x88"


def frame(kind: int, stream: int = 0, payload: bytes = b"", flags: int = 0) -> bytes:
    """A frame as it goes over the wire."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def setting(number: int, value: int) -> bytes:
    """One setting."""
    return struct.pack(">HI", number, value)


HELLO = frame(SETTINGS)


def opened(requests: int = 1, **options: object) -> Connection:
    """A connection whose server has said its settings, with so many requests under way."""
    connection = Connection(**options)
    connection.feed(HELLO)
    for _ in range(requests):
        connection.request(GET)
    connection.take()
    return connection


class Server:
    """The package h2 as a server that answers every request, in memory."""

    def __init__(self) -> None:
        self.core = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.core.initiate_connection()
        self.bodies: dict[int, bytes] = {}
        self.fields: dict[int, dict[bytes, bytes]] = {}

    def hear(self, data: bytes) -> list[int]:
        """Take what the client sent; returns the streams whose requests are whole."""
        ended = []
        for event in self.core.receive_data(data):
            if isinstance(event, RequestReceived):
                self.fields[event.stream_id] = dict(event.headers)
                self.bodies[event.stream_id] = b""
            elif isinstance(event, DataReceived):
                self.bodies[event.stream_id] += event.data
                self.core.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                ended.append(event.stream_id)
        return ended

    def answer(self, stream: int, body: bytes, trailers: list[tuple[bytes, bytes]] | None = None) -> None:
        """Say a response with that body, in frames of which some are padded."""
        self.core.send_headers(stream, [(b":status", b"200"), (b"content-length", b"%d" % len(body)), (b"server", b"h2")])
        for at in range(0, len(body), 1000):
            self.core.send_data(stream, body[at : at + 1000], pad_length=at % 3 or None)
        if trailers is None:
            self.core.end_stream(stream)
        else:
            self.core.send_headers(stream, trailers, end_stream=True)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.lists(st.binary(max_size=3000), min_size=1, max_size=5))
def test_responses_however_they_are_cut(cuts, bodies):
    """Requests of several streams and their answers, each body whole, wherever the bytes are cut."""
    connection, server = Connection(), Server()
    sent = [connection.request(POST, body) for body in bodies]
    assert server.hear(connection.take()) == sent == [2 * number + 1 for number in range(len(bodies))]
    assert [server.bodies[stream] for stream in sent] == bodies
    for stream, body in zip(sent, bodies, strict=True):
        server.answer(stream, body)
    said, at, ended = server.core.data_to_send(), 0, []
    while at < len(said):
        size = cuts[len(ended) % len(cuts)]
        ended += [event[1] for event in connection.feed(said[at : at + size]) if event[0] == "end"]
        at += size
    assert ended == sent
    assert [connection.response(stream)[:2] for stream in sent] == [(200, body) for body in bodies]
    assert connection.open == 0
    assert server.hear(connection.take()) == []  # the acknowledgement


def test_a_body_waits_for_the_server():
    """A body goes out as far as the windows let it, of several streams in turn, and on when they grow."""
    connection, server = Connection(), Server()
    server.core.update_settings({4: 100})
    connection.feed(server.core.data_to_send())
    bodies = [bytes([65 + number]) * 5000 for number in range(3)]
    sent = [connection.request(POST, body) for body in bodies]
    ended: list[int] = []
    for _ in range(1000):
        out = connection.take()
        if not out:
            break
        ended += server.hear(out)
        connection.feed(server.core.data_to_send())
    assert sorted(ended) == sent
    assert [server.bodies[stream] for stream in sent] == bodies


def test_a_window_that_shrinks_below_nothing():
    """Another first window takes from those that are open (RFC 9113 6.9.2), and what is owed is waited for."""
    connection = opened(0)
    stream = connection.request(POST, b"x" * 100_000)
    assert connection.take().count(b"x") == 65_535
    connection.feed(frame(SETTINGS, payload=setting(4, 100)) + frame(WINDOW_UPDATE, 0, struct.pack(">I", 1 << 20)))
    connection.feed(frame(WINDOW_UPDATE, stream, struct.pack(">I", 65_435)))
    assert connection.take().count(b"x") == 0
    connection.feed(frame(WINDOW_UPDATE, stream, struct.pack(">I", 1)))
    assert connection.take().count(b"x") == 1


def test_trailers_interim_responses_and_no_bodies():
    """A 100 lets the body follow, trailers end a response, HEAD and 204 have none, and trailers are heard where asked for."""
    connection, server = Connection(), Server()
    connection.feed(server.core.data_to_send())
    connection.look_for([b"grpc-status"])
    posted = connection.request(POST, b"body", holds=True, trailers=True)
    server.hear(connection.take())
    server.core.send_headers(posted, [(b":status", b"100")])
    connection.feed(server.core.data_to_send())
    assert connection.continued(posted)
    connection.go_on(posted)
    assert server.hear(connection.take()) == [posted]
    server.answer(posted, b"said", trailers=[(b"grpc-status", b"5")])
    headed = connection.request(GET, to_head=True)
    server.hear(connection.take())
    server.core.send_headers(headed, [(b":status", b"200"), (b"content-length", b"10")], end_stream=True)
    events = connection.feed(server.core.data_to_send())
    assert ("end", posted) in events
    assert events[-2:] == [("head", headed), ("end", headed)]
    assert connection.response(posted)[3].endswith(b"5\n")
    assert connection.response(headed)[0] == 200


def test_the_table_is_given_up_when_the_server_asks():
    """Below 4,096 bytes the next block, and no other, begins with the size 0 (RFC 7541 4.2)."""
    connection = opened(0)
    connection.feed(frame(SETTINGS, payload=setting(1, 0)))
    connection.take()
    connection.request(GET)
    assert connection.take()[9:11] == b"\x20\x82"
    connection.request(GET)
    assert connection.take()[9:10] == b"\x82"
    connection.feed(frame(SETTINGS, payload=setting(1, 65_536)))
    connection.take()
    connection.request(GET)
    assert connection.take()[9:10] == b"\x82"


def test_a_block_larger_than_a_frame():
    """It goes on in CONTINUATION, and the server reads it whole."""
    connection, server = Connection(), Server()
    stream = connection.request(b"GET / HTTP/1.1\r\nHost: shop.example\r\nX: " + b"~" * 40_000 + b"\r\n\r\n")
    assert server.hear(connection.take()) == [stream]
    assert server.fields[stream][b"x"] == b"~" * 40_000


def test_streams_are_found_by_their_numbers():
    """A slot that is still held is passed over: its number is left out, and no stream is taken for another."""
    connection = Connection(most=4)
    connection.feed(HELLO)
    first = connection.request(GET)
    numbers = []
    for _ in range(20):
        number = connection.request(GET)
        numbers.append(number)
        assert connection.feed(frame(HEADERS, number, OK, 0x5)) == [("head", number), ("end", number)]
    assert numbers == sorted(set(numbers))
    assert numbers != list(range(3, 43, 2))
    assert connection.feed(frame(HEADERS, first, OK, 0x5)) == [("head", first), ("end", first)]


def test_what_a_server_limits_and_takes_away():
    """MAX_CONCURRENT_STREAMS bounds the streams, GOAWAY names the last one, a reset says why, and pings are answered."""
    connection = opened(2)
    connection.feed(frame(SETTINGS, payload=setting(3, 2)))
    assert connection.streams == 2
    assert connection.request(GET) is None
    assert connection.feed(frame(RST_STREAM, 3, struct.pack(">I", 7))) == [("reset", 3, "REFUSED_STREAM")]
    assert connection.request(GET) == 5
    assert connection.feed(frame(GOAWAY, 0, struct.pack(">II", 1, 0) + b"debug")) == [("away", 1, "NO_ERROR")]
    assert not connection.takes
    assert connection.request(GET) is None
    connection.take()
    connection.feed(frame(PING, 0, b"12345678"))
    assert connection.take() == frame(PING, 0, b"12345678", 1)


def test_what_is_left_is_told_and_what_comes_late_is_forgotten():
    """A stream that is given up is reset, and its table's fields and its data count all the same."""
    connection = opened(2)
    connection.leave(1)
    assert connection.take() == frame(RST_STREAM, 1, struct.pack(">I", 8))
    late = Encoder().encode([(b":status", b"200"), (b"x-late", b"yes")])
    assert connection.feed(frame(HEADERS, 1, late, 0x4) + frame(DATA, 1, b"late", 1)) == []
    assert connection.feed(frame(HEADERS, 3, b"\x88\xbe", 0x5)) == [("head", 3), ("end", 3)]


def test_windows_are_opened_in_time():
    """The connection's window is opened at once, and again when half of it is used."""
    connection = Connection()
    assert frame(WINDOW_UPDATE, 0, struct.pack(">I", (1 << 30) - 1 - 65_535)) in connection.take()
    connection.feed(HELLO)
    stream = connection.request(GET)
    connection.take()
    connection.feed(frame(HEADERS, stream, OK, 4))
    piece = frame(DATA, stream, b"x" * 16_384) * 1024
    for _ in range(33):
        connection.feed(piece)
    out = connection.take()
    assert frame(WINDOW_UPDATE, 0, struct.pack(">I", 16_384 * 32_768)) in out
    assert frame(WINDOW_UPDATE, stream, struct.pack(">I", 16_384 * 32_768)) in out


MALFORMED = {
    "no status": ([(b"server", b"x")], 0x5),
    "a status of two digits": ([(b":status", b"20")], 0x5),
    "two statuses": ([(b":status", b"200"), (b":status", b"200")], 0x5),
    "a status behind a field": ([(b"server", b"x"), (b":status", b"200")], 0x5),
    "a field of requests": ([(b":status", b"200"), (b":path", b"/")], 0x5),
    "capitals": ([(b":status", b"200"), (b"Server", b"x")], 0x5),
    "a name with a space": ([(b":status", b"200"), (b"a b", b"x")], 0x5),
    "a value with a line end": ([(b":status", b"200"), (b"server", b"a\r\nb")], 0x5),
    "a field of connections": ([(b":status", b"200"), (b"connection", b"close")], 0x5),
    "a coding of transfers": ([(b":status", b"200"), (b"transfer-encoding", b"chunked")], 0x5),
    "a length that is none": ([(b":status", b"200"), (b"content-length", b"many")], 0x5),
    "two lengths": ([(b":status", b"200"), (b"content-length", b"0"), (b"content-length", b"1")], 0x5),
    "a body that is missing": ([(b":status", b"200"), (b"content-length", b"4")], 0x5),
    "switching protocols": ([(b":status", b"101")], 0x4),
    "an interim response that ends": ([(b":status", b"103")], 0x5),
    "more than 64 KiB of head": ([(b":status", b"200"), (b"x", b"y" * 12_000)] + [(b"z", b"1" * 9_000)] * 7, 0x5),
}


@each("name", MALFORMED)
def test_a_malformed_response_is_its_streams_alone(name):
    """The attempt fails in words, the server is told, and the next response of the connection is read."""
    fields, flags = MALFORMED[name]
    connection = opened(2)
    block = Encoder().encode(fields, huffman=True)
    pieces = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
    said = frame(HEADERS, 1, pieces[0], flags if len(pieces) == 1 else flags & 1)
    for piece in pieces[1:]:
        said += frame(CONTINUATION, 1, piece, 4 if piece is pieces[-1] else 0)
    kinds = [(event[0], event[1]) for event in connection.feed(said)]
    assert kinds[-1] == ("malformed", 1)
    assert connection.take().endswith(frame(RST_STREAM, 1, struct.pack(">I", 8)))
    assert connection.feed(frame(HEADERS, 3, OK, 0x5)) == [("head", 3), ("end", 3)]


@pytest.mark.parametrize("said", [frame(DATA, 1, b"x"), frame(HEADERS, 1, OK, 4) + frame(HEADERS, 1, b"", 4)])
def test_a_body_where_none_may_be(said):
    """A body without a head, and fields behind it that do not end it."""
    assert opened().feed(said)[-1][0] == "malformed"


BROKEN = {
    "not HTTP/2": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "PROTOCOL_ERROR"),
    "a ping before the settings": (frame(PING, 0, bytes(8)), "PROTOCOL_ERROR"),
    "a frame of 16,385 bytes": (HELLO + frame(DATA, 1, bytes(16_385)), "FRAME_SIZE_ERROR"),
    "settings of five bytes": (frame(SETTINGS, 0, bytes(5)), "FRAME_SIZE_ERROR"),
    "an acknowledgement with settings": (HELLO + frame(SETTINGS, 0, bytes(6), 1), "FRAME_SIZE_ERROR"),
    "settings of a stream": (frame(SETTINGS, 1), "PROTOCOL_ERROR"),
    "a ping of seven bytes": (HELLO + frame(PING, 0, bytes(7)), "FRAME_SIZE_ERROR"),
    "a reset of five bytes": (HELLO + frame(RST_STREAM, 1, bytes(5)), "FRAME_SIZE_ERROR"),
    "a window of three bytes": (HELLO + frame(WINDOW_UPDATE, 0, bytes(3)), "FRAME_SIZE_ERROR"),
    "a priority of four bytes": (HELLO + frame(PRIORITY, 1, bytes(4)), "FRAME_SIZE_ERROR"),
    "a GOAWAY of seven bytes": (HELLO + frame(GOAWAY, 0, bytes(7)), "FRAME_SIZE_ERROR"),
    "a GOAWAY that takes more": (
        HELLO + frame(GOAWAY, 0, struct.pack(">II", 1, 0)) + frame(GOAWAY, 0, struct.pack(">II", 3, 0)),
        "PROTOCOL_ERROR",
    ),
    "a push": (HELLO + frame(PUSH_PROMISE, 1, bytes(4), 4), "PROTOCOL_ERROR"),
    "a server that pushes": (frame(SETTINGS, payload=setting(2, 1)), "PROTOCOL_ERROR"),
    "a window beyond all": (frame(SETTINGS, payload=setting(4, 1 << 31)), "FLOW_CONTROL_ERROR"),
    "a frame size below all": (frame(SETTINGS, payload=setting(5, 16_383)), "PROTOCOL_ERROR"),
    "a window that grows by nothing": (HELLO + frame(WINDOW_UPDATE, 0, bytes(4)), "PROTOCOL_ERROR"),
    "a window that grows too far": (HELLO + frame(WINDOW_UPDATE, 0, struct.pack(">I", (1 << 31) - 1)), "FLOW_CONTROL_ERROR"),
    "a stream of its own": (HELLO + frame(HEADERS, 2, OK, 0x5), "PROTOCOL_ERROR"),
    "a stream that was never opened": (HELLO + frame(HEADERS, 9, OK, 0x5), "PROTOCOL_ERROR"),
    "data of the connection": (HELLO + frame(DATA, 0, b"x"), "PROTOCOL_ERROR"),
    "padding without its length": (HELLO + frame(DATA, 1, b"", 8), "FRAME_SIZE_ERROR"),
    "more padding than frame": (HELLO + frame(DATA, 1, b"\x05four", 8), "PROTOCOL_ERROR"),
    "more padding than head": (HELLO + frame(HEADERS, 1, b"\x05" + OK, 0xC), "PROTOCOL_ERROR"),
    "a head that is no block": (HELLO + frame(HEADERS, 1, b"\x80", 0x5), "COMPRESSION_ERROR"),
    "a head of a table that was never made": (HELLO + frame(HEADERS, 1, b"\xbe", 0x5), "COMPRESSION_ERROR"),
    "a head that is not gone on with": (HELLO + frame(HEADERS, 1, OK) + frame(PING, 0, bytes(8)), "PROTOCOL_ERROR"),
    "a head that goes on elsewhere": (HELLO + frame(HEADERS, 1, OK) + frame(CONTINUATION, 3, b"", 4), "PROTOCOL_ERROR"),
    "a continuation of nothing": (HELLO + frame(CONTINUATION, 1, OK, 4), "PROTOCOL_ERROR"),
    "a head without an end": (HELLO + frame(HEADERS, 1, OK) + frame(CONTINUATION, 1, b"") * 300, "ENHANCE_YOUR_CALM"),
    "a head of 80 KiB": (HELLO + frame(HEADERS, 1, OK) + frame(CONTINUATION, 1, bytes(16_384)) * 5, "ENHANCE_YOUR_CALM"),
    "a storm of settings": (HELLO * 11_000, "ENHANCE_YOUR_CALM"),
    "a storm of pings": (HELLO + frame(PING, 0, bytes(8)) * 11_000, "ENHANCE_YOUR_CALM"),
    "a storm of empty data": (HELLO + frame(HEADERS, 1, OK, 4) + frame(DATA, 1, b"") * 11_000, "ENHANCE_YOUR_CALM"),
    "a storm of what nobody knows": (HELLO + frame(99, 7, b"x") * 11_000, "ENHANCE_YOUR_CALM"),
    "a storm for a stream that is over": (
        HELLO + frame(HEADERS, 1, OK, 5) + frame(HEADERS, 1, OK, 4) * 11_000,
        "ENHANCE_YOUR_CALM",
    ),
}


@each("name", BROKEN)
def test_what_ends_a_connection(name):
    """It ends with the code that the standard has for it, which the server is told; cut anywhere it is the same."""
    said, code = BROKEN[name]
    for size in (len(said), 7):
        connection = Connection()
        connection.request(GET)
        connection.request(GET)
        connection.take()
        events = [event for at in range(0, len(said), size) for event in connection.feed(said[at : at + size])]
        broken = [event for event in events if event[0] == "broken"]
        assert broken[0][1] == code, events
        assert connection.take()[-17:-4] == frame(GOAWAY, 0, bytes(8))[:13]
        assert not connection.takes
