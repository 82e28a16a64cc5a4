"""Every way in which a response may be framed, spoken by a real server over a real connection."""

import socket
import time
from threading import Event

import pytest
from engines import ONCE, attempt, endpoint, finish, only, reach, running, until
from servers import answering, has_ipv6, raw_server

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n"
    b'5;name=value;quoted="a;b"\r\nhello\r\n6 \r\n world\r\n0;last\r\nDigest: none\r\n\r\n'
)
REUSED = [
    pytest.param("GET", OK, 200, b"hello", id="a length"),
    pytest.param("GET", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + OK, 200, b"hello", id="1xx before it"),
    pytest.param("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", id="204 has no body"),
    pytest.param(
        "GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b"", id="304 has none, whatever it says"
    ),
    pytest.param("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 200, b"", id="HEAD has none either"),
    pytest.param("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, b"", id="HEAD of a chunked body"),
    pytest.param("GET", CHUNKED, 200, b"hello world", id="chunks with extensions and trailers"),
    pytest.param("GET", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", 200, b"hello", id="bare line feeds"),
    pytest.param("GET", b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", 503, b"", id="no reason, no body"),
    pytest.param("OPTIONS", OK, 200, b"hello", id="OPTIONS"),
    pytest.param("DELETE", OK, 200, b"hello", id="DELETE"),
]


@pytest.mark.parametrize(("method", "response", "status", "body"), REUSED)
def test_a_framed_response_is_read_whole_and_its_connection_used_again(method, response, status, body):
    """Each response is counted under its status, all bytes of all are received, and one connection carries them all."""
    with raw_server(answering(response)) as server, running(endpoint(server.url, 500, method=method)) as engine:
        reach(engine, 10)
        snapshot = finish(engine)

    found = only(snapshot)
    assert found.status_codes == {status: len(server.requests)}
    assert found.errors == {}
    assert found.succeeded == (found.requests_made if status < 400 else 0)
    assert found.bytes_received == len(response) * found.requests_made
    assert found.bytes_sent == sum(len(request.head) for request in server.requests)
    assert (found.connections_opened, server.connections) == (1, 1)
    assert {sample.body for sample in snapshot.samples} == {body}


@pytest.mark.parametrize(
    ("response", "body"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello", id="neither length nor chunks"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", b"hello", id="a coding other than chunked"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"", id="nothing at all"),
    ],
)
def test_a_close_may_be_the_end_of_a_body(response, body):
    """A response that only the close delimits is whole when the server closes, and the next one gets its own connection."""

    def script(conversation):
        conversation.request()
        conversation.send(response)

    with raw_server(script) as server, running(endpoint(server.url, 200)) as engine:
        reach(engine, 5)
        snapshot = finish(engine)

    found = only(snapshot)
    assert found.status_codes == {200: found.requests_made}
    assert found.errors == {}
    assert found.bytes_received == len(response) * found.requests_made
    assert found.connections_opened == server.connections == found.requests_made
    assert {sample.body for sample in snapshot.samples} == {body}


@pytest.mark.parametrize("response", [OK, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + OK], ids=["length", "chunks", "1xx"])
def test_a_response_may_come_byte_by_byte(response):
    """However a response is cut, it is one response; its connection is used again."""

    def script(conversation):
        while conversation.request():
            conversation.drip(response)

    with raw_server(script) as server, running(endpoint(server.url, 200)) as engine:
        reach(engine, 5)
        found = only(finish(engine))

    assert found.status_codes == {200: found.requests_made}
    assert found.bytes_received == len(response) * found.requests_made
    assert server.connections == 1


def chunks_of(body, size):
    """`body` in chunks of `size`, and the last chunk."""
    pieces = (body[place : place + size] for place in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


BODY = bytes(range(256)) * 65536
LARGE = {
    "by length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks_of(BODY, 10_007),
    "until close": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
}


@pytest.mark.parametrize("framing", LARGE)
def test_a_large_body_is_counted_to_the_byte_and_not_kept(framing):
    """16 MiB are received exactly, and only the beginning is kept, marked as truncated."""

    def script(conversation):
        conversation.request()
        conversation.send(LARGE[framing])

    with raw_server(script) as server:
        snapshot = attempt(endpoint(server.url, ONCE))

    assert only(snapshot).status_codes == {200: 1}
    assert only(snapshot).bytes_received == len(LARGE[framing])
    (sample,) = snapshot.samples
    assert sample.truncated
    assert sample.body == BODY[:4072]


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
def test_a_response_over_ipv6_is_a_response():
    """An IPv6 literal is connected to, and named with its brackets in the Host field."""
    with raw_server(answering(OK), socket.AF_INET6) as server, running(endpoint(server.url, 200)) as engine:
        reach(engine, 5)
        found = only(finish(engine))

    assert found.status_codes == {200: found.requests_made}
    assert {request.fields["host"] for request in server.requests} == {f"[::1]:{server.port}"}


def test_data_that_waits_side_by_side_is_delayed_once():
    """While the engine is held up a receive buffer fills: several reads empty it, all of them of the same delay."""
    first, rest, held, sent = bytes(16 << 20), bytes(1 << 20), Event(), Event()

    def script(conversation):
        conversation.request()
        # As it is read the kernel makes the receive buffer as large as many reads.
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(first) + len(rest)) + first)
        assert held.wait(60)
        conversation.send(rest)
        sent.set()

    begun_ns = time.monotonic_ns()
    with raw_server(script) as server, running(endpoint(server.url, ONCE)) as engine:
        until(lambda: only(engine.read()).bytes_received > len(first))
        held.set()
        assert sent.wait(60)
        time.sleep(0.5)  # of the thread, and so of the engine in it
        reach(engine, 1)
        snapshot = finish(engine)
    elapsed_us = (time.monotonic_ns() - begun_ns) / 1e3
    assert 500_000 <= snapshot.generator.own_delay.max_us <= elapsed_us
