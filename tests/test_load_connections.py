"""When a connection is used again, when it is given up, and what of that is a failure."""

from hashlib import sha256
from resource import RLIM_INFINITY
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from threading import Event

import pytest
import trustme
from engines import ONCE, attempt, endpoint, finish, only, reach, resident_bytes, running, until
from servers import answering, raw_server

from tressi.errors import EngineError
from tressi.load.descriptor_limit import PLENTY, is_room, make_room, wanted_limits
from tressi.model import TlsConfig

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
LARGE_BYTES = 8 * 1024 * 1024


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", id="it says close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", id="HTTP/1.0 without keep-alive"),
        pytest.param(OK + OK, id="a second response that nobody asked for"),
        pytest.param(OK + b"x", id="one byte too many"),
        pytest.param(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", id="a body where none can be"),
    ],
)
def test_a_connection_that_cannot_be_used_again_is_no_failure(response):
    """The response counts; the next request gets a connection of its own."""
    with raw_server(answering(response)) as server, running(endpoint(server.url, 200, method="POST")) as engine:
        reach(engine, 5)
        found = only(finish(engine))

    assert (found.failed, found.retries, dict(found.errors)) == (0, 0, {})
    assert found.connections_opened == found.requests_made == len(server.requests)
    assert [request.connection for request in server.requests] == list(range(len(server.requests)))


def test_without_keep_alive_every_request_has_its_own_connection_and_says_so():
    """`keep_alive=False` sends Connection: close and does not wait for the server to do it."""
    with raw_server(answering(OK)) as server, running(endpoint(server.url, 200), keep_alive=False) as engine:
        reach(engine, 5)
        found = only(finish(engine))

    assert found.status_codes == {200: len(server.requests)}
    assert found.connections_opened == server.connections == len(server.requests)
    assert {request.fields["connection"] for request in server.requests} == {"close"}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("end", ["close", "reset", "babble"])
def test_a_server_may_end_an_idle_connection(end, method):
    """By a close, RST or bytes that nobody asked for: no failure and no retry, the lane connects with its next token."""
    held, ended = Event(), Event()

    def script(conversation):
        conversation.request()
        conversation.send(OK)
        if conversation.number > 0:
            return answering(OK)(conversation)
        conversation.wait(held)
        if end == "babble":
            conversation.send(OK)
        else:
            getattr(conversation, end)()
        ended.set()
        return conversation.wait_closed()

    with raw_server(script) as server, running(endpoint(server.url, ONCE, method=method), workers=1) as engine:
        reach(engine, 1)
        held.set()
        until(ended.is_set)
        engine.set_rate(f"{method} {server.url}", 100)
        reach(engine, 5)
        found = only(finish(engine))

    assert (found.failed, found.retries) == (0, 0)
    assert found.connections_opened == 2
    assert found.status_codes == {200: len(server.requests)}


def failing_when_reused(end):
    """A script whose first connection answers once, and ends at its second request by `end`."""

    def script(conversation):
        conversation.request()
        conversation.send(OK)
        if conversation.number > 0:
            return answering(OK)(conversation)
        conversation.request()
        return getattr(conversation, end)()

    return script


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_idempotent_request_on_a_reused_connection_is_sent_once_more(end, method):
    """A reused connection that ends before the first byte costs a retry and no failure."""
    with raw_server(failing_when_reused(end)) as server:
        one = endpoint(server.url, 200, method=method)
        if method == "HEAD":
            server.script = _without_bodies(server.script)
        with running(one) as engine:
            reach(engine, 5)
            found = only(finish(engine))

    assert (found.failed, found.retries) == (0, 1)
    assert found.status_codes == {200: found.requests_made}
    assert len(server.requests) == found.requests_made + 1
    assert found.connections_opened == server.connections == 2


def _without_bodies(script):
    def shortened(conversation):
        whole = conversation.send
        conversation.send = lambda data: whole(data.removesuffix(b"hello"))
        script(conversation)

    return shortened


@pytest.mark.parametrize(("end", "kind"), [("close", "closed"), ("reset", "reset")])
def test_any_other_request_on_a_reused_connection_fails(end, kind):
    """A POST may have been done by the time its connection ended: it is not sent again."""
    with raw_server(failing_when_reused(end)) as server, running(endpoint(server.url, 200, method="POST")) as engine:
        reach(engine, 5)
        found = only(finish(engine))

    assert (dict(found.errors), found.retries) == ({kind: 1}, 0)
    assert found.succeeded == found.status_codes[200] == found.requests_made - 1
    assert len(server.requests) == found.requests_made


def test_a_request_is_sent_once_more_and_not_twice():
    """Where the second try ends without a byte as well, the attempt has failed; it is one attempt."""

    def script(conversation):
        while conversation.number == 0 and len(server.requests) < 1 and conversation.request():
            conversation.send(OK)
        conversation.request()

    with raw_server(script) as server, running(endpoint(server.url, ONCE)) as engine:
        reach(engine, 1)
        engine.set_rate(f"GET {server.url}", 100)
        reach(engine, 2)
        found = only(finish(engine))

    assert found.retries == 1
    assert found.errors["closed"] == found.requests_made - 1
    assert len(server.requests) == found.requests_made + 1


def test_a_response_that_has_begun_is_never_asked_for_again():
    """Once a byte of an answer has come, a reused connection that ends is a failure of any method."""

    def script(conversation):
        conversation.request()
        conversation.send(OK)
        if conversation.number == 0:
            conversation.request()
            conversation.send(b"H")
        else:
            answering(OK)(conversation)

    with raw_server(script) as server, running(endpoint(server.url, 200)) as engine:
        reach(engine, 5)
        found = only(finish(engine))

    assert (dict(found.errors), found.retries) == ({"closed": 1}, 0)
    assert len(server.requests) == found.requests_made


def test_a_large_request_is_sent_whole():
    """8 MiB of body arrive to the byte, on one connection, request after request."""
    with (
        raw_server(answering(OK)) as server,
        running(endpoint(server.url, 50, method="POST", body=b"b" * LARGE_BYTES)) as engine,
    ):
        reach(engine, 3)
        found = only(finish(engine, 20))

    assert found.status_codes == {200: found.requests_made}
    assert {request.body_bytes for request in server.requests} == {LARGE_BYTES}
    assert found.bytes_sent == sum(len(request.head) + LARGE_BYTES for request in server.requests)
    assert (found.connections_opened, found.retries) == (1, 0)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_64_mib_are_sent_in_parts_to_a_server_that_reads_slowly(secure):
    """What arrives is what was to be sent, however often the socket was full meanwhile; TLS seals a part at a time."""
    block = bytes(range(256)) * 4_096
    context, digest, grown = SSLContext(PROTOCOL_TLS_SERVER), sha256(), []
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def script(conversation):
        if secure:
            conversation.socket = context.wrap_socket(conversation.socket, server_side=True)
        length = int(conversation.head().fields["content-length"])
        piece, left = conversation._left, length
        while left > 0:
            digest.update(piece)
            left -= len(piece)
            grown.append(resident_bytes())
            conversation.pause(0.001 if len(grown) % 16 == 0 else 0)
            piece = conversation.socket.recv(min(left, len(block))) if left else b""
        conversation.send(OK)

    body, before = block * 64, resident_bytes()
    with raw_server(script) as server:
        url = server.url.replace("http", "https") if secure else server.url
        found = only(attempt(endpoint(url, ONCE, method="POST", body=body), tls=TlsConfig(verify=False)))

    assert found.status_codes == {200: 1}
    assert found.bytes_sent == sum(len(request.head) + len(body) for request in server.requests)
    assert digest.digest() == sha256(body).digest()
    # The request is the body's one copy, made before the run; what TLS makes of it is never there whole.
    assert max(grown) - before < len(body) * 5 // 4


@pytest.mark.parametrize("then_closes", [False, True])
def test_a_response_may_come_before_the_whole_request_was_sent(then_closes):
    """A server that refuses a large body early is heard: the status counts, and the connection is not used again."""
    refusal = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"

    def script(conversation):
        conversation.head()
        conversation.send(refusal)
        if not then_closes:
            conversation.wait(server.ended)

    with raw_server(script) as server:
        one = endpoint(server.url, 50, method="POST", body=b"b" * LARGE_BYTES)
        with running(one) as engine:
            reach(engine, 3)
            found = only(finish(engine))

    assert found.status_codes == {413: found.requests_made}
    assert dict(found.errors) == {}
    assert found.connections_opened == server.connections == found.requests_made
    assert found.bytes_sent < found.requests_made * LARGE_BYTES


def test_a_server_that_hangs_up_on_a_large_request_is_a_failure_of_its_kind():
    """A connection reset in the middle of the upload is counted once, and the attempt is not sent again."""

    def script(conversation):
        conversation.head()
        conversation.reset()

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE, method="POST", body=b"b" * LARGE_BYTES)))

    assert found.failed == 1
    assert set(found.errors) <= {"reset", "send"}
    assert len(server.requests) == 1


def test_lanes_that_are_not_needed_never_connect():
    """The lane used last is used first: twenty workers at a rate that one can hold make one connection."""
    with raw_server(answering(OK)) as server, running(endpoint(server.url, 100), workers=20) as engine:
        reach(engine, 20)
        found = only(finish(engine))

    assert found.worker_count == 20
    # One; a machine that is busy makes some more, and lanes used in turn would make twenty.
    assert found.connections_opened == server.connections <= 10
    assert found.status_codes == {200: len(server.requests)}


def test_headers_go_out_as_they_were_given():
    """The request line, the endpoint's own headers and its body arrive as the config has them."""
    with raw_server(answering(OK)) as server:
        one = endpoint(
            f"{server.url}path?query=1#fragment", ONCE, method="PUT", body=b"12345", headers=(("X-One", "1"), ("Host", "other"))
        )
        attempt(one)

    (request,) = server.requests
    assert request.head.startswith(b"PUT /path?query=1 HTTP/1.1\r\n")
    assert (request.fields["x-one"], request.fields["host"]) == ("1", "other")
    assert (request.fields["content-length"], request.body_bytes) == ("5", 5)


@pytest.mark.parametrize(
    ("soft", "hard", "wanted"),
    [
        pytest.param(1024, 4096, (4096, 4096), id="all that the hard limit allows"),
        pytest.param(256, 1024, (2000, 2000), id="a hard limit that is too low is tried to be raised"),
        pytest.param(256, RLIM_INFINITY, (PLENTY, RLIM_INFINITY), id="without a hard limit, a soft one that is plenty"),
        pytest.param(PLENTY + 1, RLIM_INFINITY, (PLENTY + 1, RLIM_INFINITY), id="none is lowered"),
        pytest.param(RLIM_INFINITY, RLIM_INFINITY, (RLIM_INFINITY, RLIM_INFINITY), id="no limit at all"),
    ],
)
def test_room_for_connections(soft, hard, wanted):
    """What is asked for has room for what is needed, and never asks for a soft limit that is none."""
    assert wanted_limits(soft, hard, 2000) == wanted
    assert is_room(wanted[0], 2000)
    assert not is_room(1999, 2000)


def test_more_connections_than_descriptors_are_told_before_the_run():
    """The message says how many there are, how many there may be, and what to do."""
    with pytest.raises(EngineError, match=r"connections do not fit in the hard limit of \d+ file descriptors: raise it"):
        make_room(10**10)
