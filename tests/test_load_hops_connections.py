"""Redirects and connections: which are made, kept and waited for, and how long they may take."""

import gc
import socket
from contextlib import suppress
from threading import Event, Thread

import pytest
from engines import ONCE, attempt, endpoint, finish, only, reach, running, until
from servers import answering, raw_server, refusing_port, replying, response, secured

from tressi.load import hops
from tressi.model import TlsConfig

pytestmark = pytest.mark.timed


def test_the_answer_of_a_redirect_costs_no_connection(transport):
    """Its body is read, in chunks too, so that both hops of an origin share one."""
    body = b"Transfer-Encoding: chunked\r\n\r\n5\r\nmoved\r\n0\r\n\r\n"
    answers = {"/": b"HTTP/1.1 301 Moved\r\nLocation: /end\r\n" + body, "/end": response()}
    with (
        raw_server(replying(answers)) as server,
        running(endpoint(server.url, 100), transport=transport, follow_redirects=True) as engine,
    ):
        reach(engine, 5)
        found = only(finish(engine))
    assert found.status_codes == {200: found.requests_made}
    assert server.connections == 1


def test_connections_to_places_that_only_redirects_lead_to_are_few(transport):
    """A server that leads to another host each time fills no table."""

    def script(conversation):
        number = 0
        while conversation.request():
            number += 1
            conversation.send(response("302 Found", f"Location: http://127.0.0.{number % 200 + 1}:{end.port}/"))

    with (
        raw_server(answering(response()), host="0.0.0.0") as end,
        raw_server(script) as server,
        running(endpoint(server.url, 500), transport=transport, follow_redirects=True) as engine,
    ):
        reach(engine, 60)
        until(lambda: end.connections - end.left <= 17)
        found = only(finish(engine))
    assert found.errors == {}
    assert end.connections > 50


def test_what_failed_keeps_no_connection_open(transport):
    """Neither the traceback of a redirect that led nowhere nor anything else, once the engine has stopped."""
    with raw_server(answering(response("302 Found", "Location: http://a..b/"))) as server:
        gc.disable()
        try:
            attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=True)
            until(lambda: server.left == server.connections == 1)
        finally:
            gc.enable()


def test_a_redirect_to_another_origin_takes_the_time_of_both(transport):
    """Both answers are service time, both connections are counted, and connecting to the second is not service time."""

    def slow(conversation):
        conversation.request()
        conversation.pause(0.25)
        conversation.send(response("302 Found", f"Location: {end.url}"))

    with raw_server(answering(response())) as end, raw_server(slow) as server:
        snapshot = attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=True)
    found = only(snapshot)
    assert found.status_codes == {200: 1}
    assert found.service.min_us >= 249_000
    assert (found.connections_opened, found.connect.count) == (2, 2)
    # The first hop is the target's, and nothing that we are late by.
    assert snapshot.generator.late_sends.max_us < found.service.min_us


def test_redirects_go_through_the_proxy_too(transport):
    """It is asked for each hop, and hears its credentials with each, the target none."""
    answers = {
        "http://one.invalid/": response("302 Found", "Location: http://two.invalid/x"),
        "http://two.invalid/x": response(),
    }
    with raw_server(replying(answers)) as proxy:
        way = proxy.url.replace("http://", "http://ann:secret@")
        one = endpoint("http://one.invalid/", ONCE, headers=(("Authorization", "Basic s3cret"),))
        found = only(attempt(one, transport=transport, proxy=way, follow_redirects=True))
    assert found.status_codes == {200: 1}
    assert [seen.fields.get("authorization") for seen in proxy.requests] == ["Basic s3cret", None]
    assert {seen.fields["proxy-authorization"] for seen in proxy.requests} == {"Basic YW5uOnNlY3JldA=="}


def test_a_redirect_with_a_long_body_is_not_read_to_its_end():
    """Its connection is closed, which costs less; what follows is sent on another."""

    def script(conversation):
        while seen := conversation.request():
            if seen.target == "/end":
                conversation.send(response())
            else:
                conversation.send(b"HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 100000000\r\n\r\n" + bytes(100_000))
                conversation.wait_closed()

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE), follow_redirects=True))
    assert (found.errors, found.status_codes, found.connections_opened) == ({}, {200: 1}, 2)
    assert found.bytes_received < 1_000_000


def test_a_hop_whose_kept_connection_turns_out_closed_is_sent_again(transport):
    """That hop alone, on a new connection."""

    def script(conversation):
        while seen := conversation.request():
            conversation.send(response("302 Found", f"Location: {end.url}") if seen.target == "/" else response())

    def once(conversation):
        conversation.request()
        conversation.send(response())
        if conversation.number == 0:
            conversation.request()
        else:
            answering(response())(conversation)

    with (
        raw_server(once) as end,
        raw_server(script) as server,
        running(endpoint(server.url, 100), transport=transport, follow_redirects=True) as engine,
    ):
        reach(engine, 4)
        found = only(finish(engine))
    assert (found.errors, found.retries) == ({}, 1)
    assert found.status_codes == {200: found.requests_made}
    assert server.connections == 1
    assert end.connections == 2


def test_the_timeout_is_that_of_the_whole_chain(transport):
    """Two answers of 0.3 s each are more than half a second, and the reason speaks of the last request."""

    def script(conversation):
        while seen := conversation.request():
            conversation.pause(0.3)
            conversation.send(response("302 Found", "Location: /end") if seen.target == "/" else response())

    with raw_server(script) as server:
        one = endpoint(server.url, ONCE, timeout_s=0.5)
        found = only(attempt(one, transport=transport, follow_redirects=True))
    assert found.errors == {"timeout": 1}
    assert found.reasons[0].text == "no response after 0.5 s"
    assert [seen.target for seen in server.requests] == ["/", "/end"]


def test_time_for_connections_of_a_chain_is_none_of_its_service(transport):
    """A handshake of the second hop is connecting; it costs nothing of the timeout either."""

    def late(conversation):
        conversation.pause(0.6)
        secured(answering(response()))(conversation)

    with (
        raw_server(late) as end,
        raw_server(answering(response("302 Found", f"Location: https://127.0.0.1:{end.port}/"))) as server,
    ):
        one = endpoint(server.url, ONCE, timeout_s=0.5, connect_timeout_s=20)
        found = only(attempt(one, transport=transport, follow_redirects=True, tls=TlsConfig(verify=False)))
    assert (found.errors, found.status_codes) == ({}, {200: 1})
    assert found.tls.min_us >= 500_000
    assert found.service.max_us < found.tls.min_us
    assert found.response.min_us - found.service.min_us >= 500_000


def test_a_redirect_to_where_nobody_listens_is_a_failure_of_connecting(transport):
    """Of the attempt, which has no response then."""
    with refusing_port() as port, raw_server(answering(response("302 Found", f"Location: http://127.0.0.1:{port}/"))) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport=transport, follow_redirects=True))
    assert found.errors == {"connect": 1}
    assert found.redirects == 1


def test_hops_wait_for_permits_to_connect(transport):
    """As any connection does, and with the limit of the run."""
    with (
        raw_server(answering(response())) as end,
        raw_server(answering(response("302 Found", f"Location: {end.url}"))) as server,
        running(
            endpoint(server.url, 50), workers=2, transport=transport, follow_redirects=True, connections_per_second=20
        ) as engine,
    ):
        reach(engine, 6)
        found = only(finish(engine))
    assert (found.errors, found.status_codes) == ({}, {200: found.requests_made})
    assert found.connections_opened == server.connections + end.connections <= 4


@pytest.mark.parametrize("pause_s", [0.0, 20.0])
def test_a_run_that_ends_within_a_chain_cuts_it_once(pause_s, transport):
    """Whatever the chain waits for: it is one attempt."""
    stays = Event()

    def script(conversation):
        while seen := conversation.request():
            if seen.target == "/":
                conversation.send(response("302 Found", "Location: /end"))
            else:
                stays.set()
                conversation.pause(pause_s or 20.0)

    with (
        raw_server(script) as server,
        running(endpoint(server.url, 100), workers=1, transport=transport, follow_redirects=True) as engine,
    ):
        until(stays.is_set)
        found = only(finish(engine, drain_s=0))
    assert (found.cut, found.requests_made, found.redirects) == (1, 0, 1)


def test_more_places_than_are_bearable_are_refused(monkeypatch):
    """A server that leads to another origin each time makes no more of them than the bound."""
    monkeypatch.setattr(hops, "PLACES", 3)
    numbers = iter(range(1, 1_000))

    def script(conversation):
        while conversation.request():
            conversation.send(response("302 Found", f"Location: http://127.0.0.{next(numbers)}:{end.port}/"))

    with (
        raw_server(answering(response()), host="0.0.0.0") as end,
        raw_server(script) as server,
        running(endpoint(server.url, 300), follow_redirects=True) as engine,
    ):
        reach(engine, 12)
        found = only(finish(engine))
    assert found.status_codes == {200: 3}
    assert {told.text for told in found.reasons} == {"redirects have led to more than 3 hosts, ports and schemes"}


def test_a_redirect_leads_into_a_tunnel_of_the_proxy(transport):
    """From a request that the proxy passed on to one that it must not read."""

    def proxied(conversation):
        seen = conversation.head()
        if not seen.head.startswith(b"CONNECT "):
            conversation.send(response("302 Found", f"Location: https://127.0.0.1:{end.port}/x"))
            return
        with socket.create_connection(("127.0.0.1", end.port)) as target:
            conversation.send(b"HTTP/1.1 200 OK\r\n\r\n")
            back = Thread(target=relay, args=(target, conversation.socket), daemon=True)
            back.start()
            relay(conversation.socket, target)
            back.join(5)

    with raw_server(secured(answering(response()))) as end, raw_server(proxied) as proxy:
        options = {"proxy": proxy.url, "follow_redirects": True, "tls": TlsConfig(verify=False)}
        found = only(attempt(endpoint("http://one.invalid/", ONCE), transport=transport, **options))
    assert (found.errors, found.status_codes) == ({}, {200: 1})
    assert [seen.target for seen in proxy.requests] == ["http://one.invalid/", f"127.0.0.1:{end.port}"]
    assert end.requests[0].head.startswith(b"GET /x HTTP/1.1\r\n")


def relay(source, sink):
    """Until the source has no more."""
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
