"""Addresses, the target's and our own: which are used, in which order, and what is said when none will do."""

import socket
from itertools import pairwise
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
import trustme
from engines import ONCE, attempt, endpoint, finish, only, reach, running
from servers import RawServer, answering, raw_server, secured

from tressi.model import SharedPool, TlsConfig
from tressi.request.call import Origin, origin_of, request_bytes

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
WAYS = [("http", "wire"), ("https", "wire"), ("http", "urllib3")]


WAYS = [("http", "wire"), ("https", "wire"), ("http", "urllib3")]


def test_connections_come_from_the_source_addresses_in_turn():
    """Each new connection is made from the next source address."""
    peers = []

    def script(conversation):
        peers.append(conversation.socket.getpeername()[0])
        answering(OK)(conversation)

    with (
        raw_server(script) as server,
        running(endpoint(server.url, 200), keep_alive=False, source_addresses=("127.0.0.2", "127.0.0.3")) as engine,
    ):
        reach(engine, 6)
        finish(engine)
    assert set(peers) == {"127.0.0.2", "127.0.0.3"}
    assert all(earlier != later for earlier, later in pairwise(peers[:6]))


@pytest.mark.parametrize(("scheme", "transport"), WAYS)
def test_a_source_address_of_another_family_is_passed_over(scheme, transport):
    """Of addresses of both families those of the target's are used."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    peers = []

    def script(conversation):
        peers.append(conversation.socket.getpeername()[0])
        if scheme == "https":
            conversation.socket = context.wrap_socket(conversation.socket, server_side=True)
        answering(OK)(conversation)

    sources = ("::1", "127.0.0.2", "127.0.0.3")
    with (
        raw_server(script) as server,
        running(
            endpoint(server.url.replace("http", scheme), 100),
            keep_alive=False,
            source_addresses=sources,
            transport=transport,
            tls=TlsConfig(verify=False),
        ) as engine,
    ):
        reach(engine, 8)
        found = only(finish(engine))
    assert found.failed == 0
    assert set(peers) == {"127.0.0.2", "127.0.0.3"}


@pytest.mark.parametrize(("scheme", "transport"), WAYS)
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("::1", "no source address is of the target's family", id="of another family"),
        # TEST-NET-1 (RFC 5737) is no address of this machine: the system says the same as for a port too many.
        pytest.param("192.0.2.1", "no local port is left: keep connections alive", id="that can bind no more ports"),
    ],
)
def test_a_source_address_that_will_not_do_is_an_error_of_kind_connect(scheme, transport, source, reason):
    """No connection is made, and the reason says why, or what to do."""
    with raw_server(answering(OK)) as server:
        one = endpoint(server.url.replace("http", scheme), ONCE)
        found = only(attempt(one, source_addresses=(source,), transport=transport))
    assert found.errors == {"connect": 1}
    assert found.reasons[0].text.startswith(reason)
    assert server.connections == 0


@pytest.mark.parametrize("transport", ["wire", "urllib3"])
def test_each_source_address_is_used_with_each_of_the_target(monkeypatch, transport):
    """Two of both make four kinds of connections, not two."""
    pairs = []

    def script(conversation):
        pairs.append((conversation.socket.getpeername()[0], conversation.socket.getsockname()[0]))
        answering(OK)(conversation)

    with raw_server(script) as server, socket.socket() as listener:
        listener.bind(("127.0.0.4", server.port))
        listener.listen()
        second = RawServer(script, listener, server.port)
        second.start(second.serve)
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, server.port)) for host in ("127.0.0.1", "127.0.0.4")]
        monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: found)
        try:
            with running(
                endpoint(f"http://two.invalid:{server.port}/", 100),
                keep_alive=False,
                source_addresses=("127.0.0.2", "127.0.0.3"),
                transport=transport,
            ) as engine:
                reach(engine, 8)
                finish(engine)
        finally:
            second.end()
    assert len(set(pairs)) == 4


@pytest.mark.parametrize(("scheme", "transport"), WAYS)
def test_an_address_that_refuses_is_passed_over_whatever_others_try(monkeypatch, scheme, transport):
    """Of two addresses one listens: no attempt fails, however many lanes take the turns in between."""
    with raw_server(secured(answering(OK)) if scheme == "https" else answering(OK)) as server:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, server.port)) for host in ("127.0.0.7", "127.0.0.1")]
        monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: found)
        with running(
            endpoint(f"{scheme}://two.invalid:{server.port}/"),
            shared_pool=SharedPool(32, None),
            keep_alive=False,
            transport=transport,
            tls=TlsConfig(verify=False),
        ) as engine:
            reach(engine, 200)
            ended = only(finish(engine))
    assert (ended.failed, ended.errors) == (0, {})
    assert ended.connections_opened == ended.requests_made


def test_the_zone_of_an_address_is_ours_alone():
    """It comes escaped (RFC 6874), is part of where to connect, and is told to no server; an unknown one is kind dns."""
    url = "http://[fe80::1%25nowhere]:8080/"
    assert origin_of(url) == Origin("http", "fe80::1%nowhere", 8080)
    assert b"\r\nHost: [fe80::1]:8080\r\n" in request_bytes(endpoint(url), "tests")
    assert only(attempt(endpoint(url, ONCE))).errors == {"dns": 1}
