"""Every way in which an attempt may fail, each counted under its own kind, at the rate asked for and no faster."""

import os
from threading import Event

import gevent
import pytest
from engines import ONCE, attempt, check_counts, endpoint, finish, made, only, reach, reach_time, running, until
from servers import answering, raw_server, refusing_port

from tressi.load.dial import Dialed
from tressi.load.worker import Lane
from tressi.model import SharedPool
from tressi.vocabulary import ERROR_KINDS

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def then(end, data=b""):
    """A script that reads a request, says `data` and ends the connection by `end`, a name of Conversation."""

    def script(conversation):
        conversation.request()
        if data:
            conversation.send(data)
        getattr(conversation, end)()

    return script


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        pytest.param(then("close", OK[:-1]), "closed", id="a body short of one byte"),
        pytest.param(then("close", b"HTTP/1.1 200 OK\r\nContent-Le"), "closed", id="half a head"),
        pytest.param(then("close", b"HTTP/1.1 100 Continue\r\n\r\n"), "closed", id="only a 1xx"),
        pytest.param(
            then("close", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            "closed",
            id="no last chunk",
        ),
        pytest.param(then("close"), "closed", id="a close before the first byte"),
        pytest.param(then("reset"), "reset", id="RST before the first byte"),
        pytest.param(then("reset", OK[:-1]), "reset", id="RST in the middle"),
        pytest.param(then("reset", b"HTTP/1.1 200 OK\r\n\r\nhello"), "reset", id="RST where a close would end the body"),
        pytest.param(then("wait_closed", b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol", id="not HTTP"),
        pytest.param(then("wait_closed", b"\0" * 100), "protocol", id="zeroes"),
        pytest.param(then("wait_closed", b"HTTP/2.0 200 OK\r\n\r\n"), "protocol", id="another major version"),
        pytest.param(
            then("wait_closed", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
            "protocol",
            id="a 101 that nobody asked for",
        ),
        pytest.param(
            then("wait_closed", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
            "protocol",
            id="two lengths",
        ),
        pytest.param(
            then("wait_closed", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n"),
            "protocol",
            id="a chunk size that is no number",
        ),
    ],
)
def test_a_broken_response_is_a_failure_of_its_kind(script, kind, transport):
    """What ends without a whole response is counted once, under its kind, without a status and without a service time."""
    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport=transport))

    assert dict(found.errors) == {kind: 1}
    assert (found.succeeded, found.failed, found.retries) == (0, 1, 0)
    assert (found.service.count, found.response.count) == (0, 0)
    assert len(server.requests) == 1


def test_a_head_without_end_is_no_http(transport):
    """A server that sends header fields for ever is left after 64 KiB of them."""

    def script(conversation):
        conversation.request()
        conversation.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            conversation.send(b"X-Field: value\r\n" * 64)

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE), transport=transport))

    assert dict(found.errors) == {"protocol": 1}
    assert [reason.text for reason in found.reasons] == ["more than 64 KiB of head"]
    assert 65536 <= found.bytes_received < 4 * 65536


class Unwatchable:
    """What a lane sees of a reactor whose epoll set is full."""

    def __init__(self):
        self.failures = []

    def endpoint_of(self, _):
        """See _wire.Reactor."""
        return 0

    def attach(self, _, descriptor, *_rest):
        """See _wire.Reactor."""
        os.close(descriptor)
        raise OSError(f"cannot watch file descriptor {descriptor}")

    def connect_failed(self, number, kind, reason, waited):
        """See _wire.Reactor."""
        self.failures.append((number, ERROR_KINDS[kind], reason, waited))


def test_a_connection_that_cannot_be_watched_fails_and_its_lane_goes_on():
    """It is an error of kind connect, and the lane's greenlet is there for the next order."""
    reactor, asked = Unwatchable(), []

    class Dialer:
        is_reactors = False

        def dial(self, _):
            return Dialed(os.open(os.devnull, os.O_RDONLY), 0, 0, 0, ())

    lane = Lane(7, reactor, lambda _: (Dialer(), None), lambda: asked.append(1))
    for orders in (1, 2):
        gevent.get_hub().loop.run_callback(lane.order, "connect")
        until(lambda orders=orders: len(asked) == orders)
    lane.kill()
    assert [(number, kind, waited) for number, kind, _, waited in reactor.failures] == 2 * [(7, "connect", False)]
    assert reactor.failures[0][2].startswith(b"cannot watch file descriptor")


@pytest.mark.parametrize("said", [b"", OK[:-1], b"HTTP/1.1 200 OK\r\n\r\nhello"], ids=["nothing", "a part", "no end"])
def test_silence_is_a_timeout_of_the_age_that_it_had(said, transport):
    """What is not whole in time fails as a timeout; its age enters the response times, and no service time."""
    with raw_server(then("wait_closed", said)) as server:
        found = only(attempt(endpoint(server.url, ONCE, timeout_s=0.25), transport=transport))

    assert dict(found.errors) == {"timeout": 1}
    assert (found.service.count, found.response.count) == (0, 1)
    assert found.response.min_us >= 249_000


def test_a_byte_now_and_then_does_not_put_the_timeout_off(transport):
    """The timeout is that of the whole response, not of the time between two of its bytes."""
    stop = Event()

    def script(conversation):
        conversation.request()
        conversation.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stop.wait(0.02):
            conversation.send(b".")

    with raw_server(script) as server:
        found = only(attempt(endpoint(server.url, ONCE, timeout_s=0.25), transport=transport))
        stop.set()

    assert dict(found.errors) == {"timeout": 1}


@pytest.mark.parametrize(("kind", "reason"), [("connect", "refused"), ("dns", "not known")])
def test_a_target_that_is_not_there_fails_at_the_rate_asked_for(kind, reason):
    """Each start is one failed attempt, with the system's reason: no start is left out and none is added."""
    with refusing_port() as port:
        url = f"http://127.0.0.1:{port}/" if kind == "connect" else "http://nowhere.invalid/"
        with running(endpoint(url, 40), workers=2) as engine:
            reach_time(engine, 1)
            found = only(finish(engine))

    assert dict(found.errors) == {kind: found.requests_made}
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1
    assert found.requests_made >= 0.9 * found.scheduled - 1
    assert found.response.count == found.connections_opened == found.bytes_sent == 0
    assert sum(told.count for told in found.reasons) == found.requests_made
    assert all(told.kind == kind and reason in told.text for told in found.reasons)


def test_an_unlimited_pool_spares_a_target_that_refuses():
    """Where no rate holds the lanes back, each tries again only with the next slot of 100 ms: no storm."""
    with refusing_port() as port, running(endpoint(f"http://127.0.0.1:{port}/"), shared_pool=SharedPool(8, None)) as engine:
        reach_time(engine, 0.5)
        snapshot = finish(engine)

    slots = snapshot.time_s / 0.1 + 2
    assert 8 < only(snapshot).requests_made <= 8 * slots


def test_a_target_that_drops_every_connection_sees_the_rate_asked_for():
    """One connection for each start, and not one more."""
    with raw_server(then("reset")) as server, running(endpoint(server.url, 200), workers=4) as engine:
        reach_time(engine, 0.5)
        found = only(finish(engine))

    assert dict(found.errors) == {"reset": found.requests_made}
    assert server.connections == found.connections_opened == found.requests_made
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1


def test_a_target_that_comes_back_is_used_again():
    """Failures leave nothing behind: with the first whole response the lane goes on as if there had been none."""
    healthy = Event()

    def script(conversation):
        while conversation.request():
            if not healthy.is_set():
                return conversation.reset()
            conversation.send(OK)
        return None

    with raw_server(script) as server, running(endpoint(server.url, 200)) as engine:
        reach(engine, 5)
        healthy.set()
        until(lambda: only(engine.read()).succeeded >= 10)
        found = only(finish(engine))

    assert set(found.errors) == {"reset"}
    assert found.connections_opened == found.errors["reset"] + 1
    assert found.succeeded == found.status_codes[200]


def test_failures_of_several_kinds_add_up():
    """Every connection fails in another way; the kinds and the statuses together are all attempts."""
    ways = [then("close", OK[:-1]), then("reset"), then("wait_closed", b"garbage\r\n"), then("wait_closed"), answering(OK)]

    def script(conversation):
        ways[conversation.number % len(ways)](conversation)

    with raw_server(script) as server, running(endpoint(server.url, 100, timeout_s=0.1), workers=8) as engine:
        until(lambda: {"closed", "reset", "protocol", "timeout"} <= set(only(engine.read()).errors))
        reach(engine, 50)
        check_counts(only(engine.read()))
        found = only(finish(engine))

    assert found.succeeded == found.status_codes[200] > 0
    assert len(server.requests) == found.requests_made
    assert made(engine) == found.requests_made
