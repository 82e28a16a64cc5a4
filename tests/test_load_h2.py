"""HTTP/2 in the reactor: how lanes share connections, and what becomes of attempts where one ends."""

from __future__ import annotations

from random import Random

import pytest
from engines import ONCE, attempt, endpoint, finish, made, only, reach, running, until
from h2_peers import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    OK,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Peer,
    frame,
    goaway,
    number,
    serving,
    settings,
)
from servers import raw_server, refusing_port

from tressi.model import Expectation, Kept, Protocol

pytestmark = pytest.mark.timed

H2C = Protocol("h2c")


def shared(streams, connections=None):
    """HTTP/2 without TLS, with so many lanes on a connection."""
    return Protocol("h2c", streams, connections)


def test_lanes_share_connections():
    """As many as they need for the places that the config gives, or the server, and no more than the config allows."""
    for protocol, hello, wanted in (
        (shared(1), settings(), 6),
        (shared(4), settings(), 2),
        (shared(100), settings(), 1),
        (shared(100), settings(STREAMS=2), 3),
        (shared(2, 1), settings(), 1),
    ):
        with raw_server(serving(lambda peer, stream, *_: peer.answer(stream), hello)) as server:
            one = endpoint(server.url, 1_000_000, protocol=protocol)
            with running(one, workers=6) as engine:
                reach(engine, 300)
                found = only(finish(engine))
            assert (found.failed, found.errors) == (0, {}), protocol
            assert server.connections == found.connections_opened == found.h2_connections, protocol
            # Until the server's settings come more requests may be sent than it will take.
            assert server.connections == wanted if not found.streams_refused else server.connections <= wanted, protocol
            assert (found.places_waited > 0) == (protocol.connections is not None), protocol


def test_a_connection_that_goes_away_costs_no_attempt():
    """GOAWAY at any number: what the server did not process goes over another connection, the rest to its end."""
    random = Random(7)

    def script(conversation):
        peer, left, waiting = Peer(conversation), random.randrange(1, 40), []
        for stream, _, _ in peer.requests():
            if left == 0:
                continue
            waiting.append(stream)
            left -= 1
            if left == 0:
                last = random.choice([*waiting, 0])
                peer.send(goaway(last))
                waiting = [one for one in waiting if one <= last]
            while waiting and (left == 0 or random.random() < 0.7):
                peer.answer(waiting.pop(random.randrange(len(waiting))))
            if left == 0:
                # Never again a word, until the client has seen that the connection is through.
                continue

    with raw_server(script) as server, running(endpoint(server.url, 1_000_000, protocol=shared(8)), workers=16) as engine:
        reach(engine, 1_500)
        found = only(finish(engine, 1.0))
    assert (found.failed, found.errors) == (0, {})
    assert found.goaways > 20
    assert found.retries > 20


def test_what_is_refused_is_sent_again():
    """REFUSED_STREAM says that nothing was done: any request is sent again, POST as well, and counted as a retry."""
    refused = []

    def answer(peer, stream, _fields, body):
        if len(refused) < 3:
            refused.append(stream)
            peer.send(frame(RST_STREAM, stream, number(7)))
        else:
            peer.answer(stream, body)

    with raw_server(serving(answer)) as server:
        one = endpoint(server.url, ONCE, protocol=H2C, method="POST", body=b"once", expect=Expectation(body_contains=b"once"))
        found = only(attempt(one))
    assert (found.succeeded, found.retries, found.streams_refused, found.connections_opened) == (1, 3, 3, 1)


def test_a_timeout_gives_up_its_stream_alone():
    """The server is told CANCEL, the others on the connection have their answers, and so has the next request."""
    seen = []

    def script(conversation):
        peer = Peer(conversation)
        for kind, _, stream, payload in peer.frames():
            if kind == HEADERS and stream != 1:
                peer.send(frame(HEADERS, stream, OK, END_HEADERS | END_STREAM))
            elif kind == RST_STREAM:
                seen.append((stream, payload))

    with raw_server(script) as server:
        one = endpoint(server.url, 200, protocol=shared(10), timeout_s=0.2)
        with running(one, workers=3) as engine:
            until(lambda: only(engine.read()).errors and made(engine) > 60)
            found = only(finish(engine))
        assert server.connections == 1
    assert (found.errors, found.status_codes) == ({"timeout": 1}, {200: found.succeeded})
    assert seen == [(1, number(8))]


def test_a_body_goes_out_as_the_server_lets_it():
    """Windows of one byte that grow by as little, of the stream and of the connection; and settings in between."""
    body = bytes(range(256)) * 8

    def script(conversation):
        peer = Peer(conversation, settings(WINDOW=1, FRAME_BYTES=32_768, TABLE_SIZE=0))
        for kind, flags, stream, payload in peer.frames():
            if kind == HEADERS:
                # The first block behind the settings obeys them: it begins with a table of nothing.
                peer.fields.setdefault(stream, payload)
            elif kind == DATA:
                peer.bodies[stream] = peer.bodies.get(stream, b"") + payload
                grown = 1 if len(peer.bodies[stream]) < 40 else 700
                peer.send(frame(WINDOW_UPDATE, stream, number(grown)))
                if len(peer.bodies[stream]) == 20:
                    peer.send(settings(WINDOW=0), settings(WINDOW=2, STREAMS=1, TABLE_SIZE=65_536), frame(PING, 0, bytes(8)))
                if flags & END_STREAM:
                    peer.answer(stream, b"whole" if peer.bodies[stream] == body else b"broken")

    with raw_server(script) as server:
        one = endpoint(server.url, 100, method="POST", body=body, protocol=H2C, expect=Expectation(body_contains=b"whole"))
        with running(one) as engine:
            reach(engine, 3)
            found = only(finish(engine))
    assert found.succeeded == found.requests_made >= 3
    assert found.bytes_sent > 3 * len(body)


def test_settings_in_mid_run_bound_the_streams():
    """A server that allows fewer from now on sees no more at once, and pings are answered meanwhile."""
    most, now, pongs = [], set(), []

    def script(conversation):
        peer, count = Peer(conversation), 0
        for kind, flags, stream, _ in peer.frames():
            if kind == PING and flags & ACK:
                pongs.append(stream)
            if kind != HEADERS:
                continue
            count += 1
            now.add(stream)
            most.append((count, len(now)))
            if count == 40:
                peer.send(settings(STREAMS=1), frame(PING, 0, b"12345678"))
            if len(now) >= (4 if count < 40 else 1):
                peer.send(*(frame(HEADERS, one, OK, END_HEADERS | END_STREAM) for one in sorted(now)))
                now.clear()

    with raw_server(script) as server:
        with running(endpoint(server.url, 1_000_000, protocol=shared(4, 1)), workers=4) as engine:
            reach(engine, 200)
            found = only(finish(engine))
        assert server.connections == 1
    assert found.failed == 0
    assert max(size for count, size in most if count < 40) == 4
    assert max(size for count, size in most if count > 60) == 1
    assert pongs == [0]


def test_a_target_that_nobody_serves():
    """All lanes that wait for one connection fail with it, at their rate, and no storm comes of it."""
    with refusing_port() as port:
        for rate in (200, 1_000_000):
            one = endpoint(f"http://127.0.0.1:{port}/", rate, protocol=shared(10))
            with running(one, workers=5) as engine:
                reach(engine, 20)
                found = only(finish(engine))
            assert found.errors == {"connect": found.requests_made}
            assert found.reasons[0].text == "Connection refused"


def test_connections_that_are_used_for_so_long():
    """The config's limits end a connection with its last request; the next goes over another."""
    with raw_server(serving(lambda peer, stream, *_: peer.answer(stream))) as server:
        one = endpoint(server.url, 1_000_000, protocol=shared(4))
        with running(one, workers=4, kept=Kept(requests=10)) as engine:
            reach(engine, 100)
            found = only(finish(engine))
    assert found.failed == 0
    assert 100 // 14 <= server.connections <= found.requests_made // 10 + 1


def test_what_follows_on_a_redirect_goes_over_the_same_connection():
    """A redirect is followed on the connection that brought it, as another stream."""
    paths = []

    def answer(peer, stream, fields, _body):
        paths.append(fields[b":path"])
        if fields[b":path"] == b"/":
            peer.answer(stream, b"", (b"location", b"/home"), status=b"302")
        else:
            peer.answer(stream)

    with raw_server(serving(answer)) as server:
        found = only(attempt(endpoint(server.url, ONCE, protocol=H2C), follow_redirects=True))
        assert server.connections == 1
    assert (found.succeeded, found.redirects, paths) == (1, 1, [b"/", b"/home"])


def test_responses_of_one_read_say_how_much_earlier_they_may_have_come():
    """Of several in one read all but the last are disturbed, for the kernel has one time for them; alone they are exact."""

    def script(conversation):
        peer, waiting = Peer(conversation), []
        for stream, _, _ in peer.requests():
            waiting.append(stream)
            if len(waiting) == 3:
                peer.send(*(frame(HEADERS, one, OK, END_HEADERS | END_STREAM) for one in waiting))
                waiting.clear()

    with raw_server(script) as server, running(endpoint(server.url, 1_000_000, protocol=shared(3)), workers=3) as engine:
        reach(engine, 30)
        snapshot = finish(engine, 0.2)
    found, generator = only(snapshot), snapshot.generator
    assert generator.shared_arrival.count == 2 * (found.succeeded // 3)
    assert generator.disturbed == generator.shared_arrival.count
    assert generator.kernel_timed == found.succeeded


def test_a_fixed_rate_is_kept_to_the_start():
    """The starts of a second are as many as were asked for, over two connections, and each is sent when it is due."""
    with raw_server(serving(lambda peer, stream, *_: peer.answer(stream))) as server:
        one = endpoint(server.url, 500, protocol=shared(2))
        with running(one, workers=4, duration_s=1.0) as engine:
            until(lambda: made(engine) + only(engine.read()).missed >= 500)
            found = only(finish(engine))
    assert found.requests_made + found.missed == 500
    assert found.failed == 0


def test_the_last_word_of_a_connection():
    """The client says GOAWAY before it closes a connection that its lanes need no more."""
    peers = []

    def script(conversation):
        peer = Peer(conversation)
        peers.append(peer)
        for stream, _, _ in peer.requests():
            peer.answer(stream)

    with raw_server(script) as server:
        one = endpoint(server.url, 2_000, protocol=shared(1))
        with running(one, workers=4) as engine:
            until(lambda: server.connections == 4 or made(engine) > 400)
            engine.scale(one.endpoint_key, 1)
            until(lambda: sum(any(kind == GOAWAY for kind, *_ in peer.seen) for peer in peers) >= server.connections - 1)
            assert only(finish(engine)).failed == 0
    assert all(peer.seen[0][0] == SETTINGS for peer in peers)
