"""Both transports: how connections are made, kept, ended and waited for, and what is counted of it."""

import gc
from contextlib import ExitStack, contextmanager
from socket import AF_INET, SOCK_STREAM

import gevent
import pytest
from engines import ONCE, attempt, endpoint, finish, made, only, reach, running, until
from gevent.event import Event
from ports import hanging_port
from servers import answering, raw_server, refusing_port, response, secured
from tls_ways import EVERY_TLS

from tressi.model import SharedPool, TlsConfig

pytestmark = pytest.mark.timed


def test_a_refused_connection(transport):
    """No server listens: kind connect, with the system's words."""
    with refusing_port() as port:
        found = only(attempt(endpoint(f"http://127.0.0.1:{port}/", ONCE), transport=transport))
    assert found.errors == {"connect": 1}
    assert "refused" in found.reasons[0].text


def test_an_unknown_name(transport):
    """Kind dns."""
    assert only(attempt(endpoint("http://nowhere.invalid/", ONCE), transport=transport)).errors == {"dns": 1}


@pytest.mark.parametrize(("verify", "errors"), [(True, {"tls": 1}), (False, {})])
def test_a_certificate_of_an_unknown_authority(transport, verify, errors):
    """Refused with kind tls unless verification is off."""
    with raw_server(secured(answering(response()))) as server:
        url = f"https://localhost:{server.port}/"
        found = only(attempt(endpoint(url, ONCE), transport=transport, tls=TlsConfig(verify=verify)))
    assert found.errors == errors


@EVERY_TLS
@pytest.mark.parametrize("end", ["reset", "close"])
def test_a_handshake_that_the_server_ends_is_an_error_of_kind_tls(transport, end):
    """The connection was made, so it is none of kind connect."""

    def script(conversation):
        conversation.socket.recv(65536)
        getattr(conversation, end)()

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url.replace("http", "https"), ONCE), transport=transport))
    assert found.errors == {"tls": 1}
    assert "eof" in found.reasons[0].text or "reset" in found.reasons[0].text


@pytest.mark.parametrize(("method", "errors", "retries"), [("GET", {}, 1), ("POST", {"closed": 1}, 0)])
def test_a_kept_connection_that_turns_out_closed_is_replaced(transport, method, errors, retries):
    """What may be sent twice is; the retry is counted, and anything else is a failure of kind closed."""

    def script(conversation):
        conversation.request()
        conversation.send(response())
        if conversation.number == 0:
            conversation.request()
        else:
            answering(response())(conversation)

    with (
        raw_server(script) as server,
        running(endpoint(server.url, 100, method=method), transport=transport) as engine,
    ):
        reach(engine, 4)
        found = only(finish(engine))
    assert (found.errors, found.retries) == (errors, retries)
    assert found.connections_opened == server.connections == 2


PARTS = {"dns": "no address within 0.1 s", "connect": "no connection within 0.1 s", "tls": "no TLS handshake within 0.1 s"}


@contextmanager
def hanging(part, monkeypatch):
    """A URL to which a connection gets no further than `part`."""
    if part == "dns":
        # What the system's resolver does with a name server that is silent, which no test can be.
        monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: Event().wait())
        yield "http://hanging.invalid/"
    elif part == "connect":
        with hanging_port() as port:
            yield f"http://127.0.0.1:{port}/"
    else:
        with raw_server(lambda conversation: conversation.wait_closed()) as server:
            yield server.url.replace("http", "https")


@pytest.mark.parametrize("part", PARTS)
def test_a_connection_that_takes_too_long_fails_by_the_part_that_hangs(part, transport, monkeypatch):
    """`connectTimeout` ends it with its own kind and words, and the wait is among the response times."""
    with hanging(part, monkeypatch) as url:
        found = only(attempt(endpoint(url, ONCE, connect_timeout_s=0.1), transport=transport))
    assert found.errors == {part: 1}
    assert found.reasons[0].text == PARTS[part]
    assert (found.service.count, found.response.count) == (0, 1)
    assert found.response.min_us >= 99_000


@pytest.mark.parametrize("part", PARTS)
def test_without_a_limit_of_its_own_a_connection_times_out_like_a_request(part, transport, monkeypatch):
    """As long as the request's timeout, and kind timeout; the words tell which part of connecting it was."""
    with hanging(part, monkeypatch) as url:
        found = only(attempt(endpoint(url, ONCE, timeout_s=0.1), transport=transport))
    assert found.errors == {"timeout": 1}
    assert found.reasons[0].text == PARTS[part]
    assert found.response.min_us >= 99_000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_looking_a_name_up_is_part_of_the_response_time(scheme, transport, monkeypatch):
    """A slow resolver is neither the target's service time nor our lateness."""

    def resolve(_host, port, *_):
        gevent.sleep(0.25)
        return [(AF_INET, SOCK_STREAM, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr("tressi.load.address.getaddrinfo", resolve)
    script = answering(response())
    with raw_server(secured(script) if scheme == "https" else script) as server:
        one = endpoint(f"{scheme}://slow.invalid:{server.port}/", ONCE)
        found = only(attempt(one, transport=transport, tls=TlsConfig(verify=False)))
    assert found.status_codes == {200: 1}
    assert found.response.min_us - found.service.min_us >= 249_000


@EVERY_TLS
def test_the_timeout_of_a_request_begins_with_its_first_byte(transport):
    """A handshake longer than the timeout costs none of it."""

    def script(conversation):
        conversation.pause(1.2)
        secured(answering(response()))(conversation)

    with raw_server(script) as server:
        one = endpoint(server.url.replace("http", "https"), ONCE, timeout_s=1.0, connect_timeout_s=20)
        found = only(attempt(one, transport=transport, tls=TlsConfig(verify=False)))
    assert (found.errors, found.status_codes) == ({}, {200: 1})
    assert found.tls.min_us >= 1_100_000


def test_a_lane_keeps_a_connection_to_each_origin(transport):
    """However many there are."""
    with ExitStack() as stack:
        servers = [stack.enter_context(raw_server(answering(response()))) for _ in range(9)]
        endpoints = [endpoint(server.url) for server in servers]
        with running(*endpoints, transport=transport, shared_pool=SharedPool(1, 300)) as engine:
            reach(engine, 90)
            until(lambda: all(len(server.requests) > 1 for server in servers))
            finish(engine)
    assert [server.connections for server in servers] == 9 * [1]


def test_an_idle_connection_that_is_closed_is_replaced_without_a_retry(transport):
    """The server may close it between two requests; that is no error."""

    def script(conversation):
        conversation.request()
        conversation.send(response())
        conversation.pause(0.05)
        conversation.close()

    with raw_server(script) as server, running(endpoint(server.url, 5), transport=transport) as engine:
        reach(engine, 3)
        found = only(finish(engine))
    assert (found.errors, found.retries) == ({}, 0)
    assert found.connections_opened == found.requests_made


def test_connections_are_kept(transport):
    """One connection serves a lane's requests, and is counted once."""
    with raw_server(answering(response())) as server, running(endpoint(server.url, 200), transport=transport) as engine:
        reach(engine, 20)
        found = only(finish(engine))
    assert found.connections_opened == server.connections == 1


def test_without_keep_alive_a_connection_serves_one_request(transport):
    """Also where the server would keep it open."""
    with (
        raw_server(answering(response())) as server,
        running(endpoint(server.url, 200), transport=transport, keep_alive=False) as engine,
    ):
        reach(engine, 5)
        found = only(finish(engine))
    assert found.connections_opened == server.connections == found.requests_made
    assert {seen.fields["connection"] for seen in server.requests} == {"close"}


def test_a_removed_worker_closes_its_connection(transport):
    """At once, and not when garbage is collected."""
    gc.disable()
    try:
        with (
            raw_server(answering(response())) as server,
            running(endpoint(server.url, 200), workers=2, transport=transport) as engine,
        ):
            reach(engine, 5)
            engine.scale(f"GET {server.url}", 0)
            until(lambda: only(engine.read()).draining == 0)
            until(lambda: server.left == server.connections > 0)
            finish(engine)
    finally:
        gc.enable()


def test_rates_are_kept(transport):
    """Starts granted and missed are the schedule's, over either transport."""
    with (
        raw_server(answering(response())) as server,
        running(endpoint(server.url, 100), workers=4, transport=transport, duration_s=1.0) as engine,
    ):
        until(lambda: made(engine) + only(engine.read()).missed >= 100)
        found = only(finish(engine))
    assert found.requests_made == len(server.requests)
    assert found.requests_made + found.missed == 100
