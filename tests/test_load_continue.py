"""`Expect: 100-continue`: the head goes out first, and its body when the server wants it, or does not say (RFC 9110 10.1.1)."""

from contextlib import suppress
from hashlib import sha256
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
import trustme
from engines import ONCE, attempt, endpoint, finish, only, reach, running
from servers import answering, raw_server

from tressi.model import TlsConfig

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
BODY = bytes(range(256)) * 4_096
PATIENCE_S = 1.0


def expecting(url, rate=ONCE, *, method="POST", body=BODY, **fields):
    """An endpoint that asks before it sends its body."""
    return endpoint(url, rate, method=method, body=body, headers=(("Expect", "100-Continue"),), **fields)


def early(conversation):
    """What of the body has come with the head: none of it should."""
    return bytes(conversation._left)


def rest_of(conversation):
    """What comes until the client ends the connection, in one way or another."""
    pieces = []
    with suppress(ConnectionResetError):
        while piece := conversation.socket.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def taking(seen, before=CONTINUE):
    """A script that says `before`, takes the body and answers."""

    def script(conversation):
        while conversation.head():
            seen.append(early(conversation))
            if before:
                conversation.send(before)
            body = bytearray(conversation._left)
            conversation._left = b""
            while len(body) < len(BODY):
                body += conversation.socket.recv(65536)
            seen.append(sha256(body).digest())
            conversation.send(OK)

    return script


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("before", [CONTINUE, b"HTTP/1.1 102 Processing\r\n\r\n" + CONTINUE], ids=["100", "102, then 100"])
def test_the_body_follows_on_100_and_not_before(before, secure, transport):
    """Nothing but the head is there when the server asks for the rest; the connection goes on serving."""
    seen, context = [], SSLContext(PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    play = taking(seen, before)

    def script(conversation):
        if secure:
            conversation.socket = context.wrap_socket(conversation.socket, server_side=True)
        play(conversation)

    with raw_server(script) as server:
        url = server.url.replace("http", "https") if secure else server.url
        with running(expecting(url, 100), transport=transport, tls=TlsConfig(verify=False)) as engine:
            reach(engine, 3)
            found = only(finish(engine))

    assert found.status_codes == {200: found.requests_made}
    assert seen == [b"", sha256(BODY).digest()] * found.requests_made
    assert server.connections == 1
    if not secure:
        assert found.bytes_sent == sum(len(request.head) + len(BODY) for request in server.requests)


@pytest.mark.parametrize("refusal", [REFUSAL, CONTINUE + REFUSAL], ids=["at once", "behind a 100"])
def test_a_final_answer_spares_the_body_and_costs_the_connection(refusal, transport):
    """The server still waits for a body that does not come, so the connection cannot carry another request."""
    bodies = []

    def script(conversation):
        conversation.head()
        conversation.send(refusal)
        bodies.append(early(conversation) + rest_of(conversation))

    with raw_server(script) as server, running(expecting(server.url, 100), transport=transport) as engine:
        reach(engine, 3)
        found = only(finish(engine))

    assert found.status_codes == {413: found.requests_made}
    assert found.connections_opened == server.connections == found.requests_made
    assert set(bodies) == {b""}


def test_a_server_that_does_not_answer_gets_the_body_after_a_second(transport):
    """It may not know the expectation. The service time counts from the head's first byte."""
    seen = []
    with raw_server(taking(seen, before=None)) as server:
        found = only(attempt(expecting(server.url), transport=transport))

    assert found.status_codes == {200: 1}
    assert seen == [b"", sha256(BODY).digest()]
    assert found.service.min_us >= PATIENCE_S * 999_000


def test_a_final_answer_that_takes_its_time_is_not_talked_into(transport):
    """Once its head has come, the second that a body waits is no longer counted."""
    bodies = []

    def script(conversation):
        conversation.head()
        conversation.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\n")
        conversation.pause(PATIENCE_S * 1.3)
        conversation.send(b"nope")
        bodies.append(early(conversation) + rest_of(conversation))

    with raw_server(script) as server:
        found = only(attempt(expecting(server.url), transport=transport))

    assert found.status_codes == {413: 1}
    assert bodies == [b""]


def test_a_timeout_shorter_than_the_wait_is_kept(transport):
    """The request is given up with its own limit, and its body was never sent."""
    bodies = []

    def script(conversation):
        conversation.head()
        bodies.append(early(conversation) + rest_of(conversation))

    with raw_server(script) as server:
        found = only(attempt(expecting(server.url, timeout_s=0.2), transport=transport))

    assert dict(found.errors) == {"timeout": 1}
    assert bodies == [b""]


def test_a_timeout_begins_with_the_head_also_where_the_body_went_later(transport):
    """A server that takes the body and then says nothing is left after the request's limit, not after that and a second."""

    def script(conversation):
        conversation.head()
        conversation.send(CONTINUE)
        rest_of(conversation)

    with raw_server(script) as server:
        found = only(attempt(expecting(server.url, timeout_s=0.3), transport=transport))

    assert dict(found.errors) == {"timeout": 1}
    assert found.response.min_us >= 299_000


def test_a_second_try_asks_again(transport):
    """A kept connection that ends at the head: the request is sent once more from its beginning."""
    seen = []
    play = taking(seen)

    def script(conversation):
        if conversation.number > 0:
            return play(conversation)
        conversation.head()
        conversation.send(CONTINUE)
        body = len(conversation._left)
        while body < len(BODY):
            body += len(conversation.socket.recv(65536))
        conversation._left = b""
        conversation.send(OK)
        return conversation.head()

    with raw_server(script) as server, running(expecting(server.url, 100, method="PUT"), transport=transport) as engine:
        reach(engine, 3)
        found = only(finish(engine))

    assert (found.retries, found.failed) == (1, 0)
    assert seen == [b"", sha256(BODY).digest()] * (found.requests_made - 1)


def test_without_a_body_nothing_is_expected(transport):
    """A client must not expect 100 for a request without content: the field stays at home."""
    with raw_server(answering(OK)) as server:
        found = only(attempt(expecting(server.url, method="GET", body=None), transport=transport))

    assert found.status_codes == {200: 1}
    assert "expect" not in server.requests[0].fields
