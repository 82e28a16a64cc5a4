"""Addresses that do not answer: they are left for others in time, and seldom asked again."""

import socket
from contextlib import ExitStack, contextmanager
from threading import Event, Timer

import pytest
from engines import ONCE, attempt, endpoint, finish, only, reach, running
from ports import hanging_port
from servers import answering, has_ipv6, raw_server, response, secured

from tressi._wire import WAITS_NS
from tressi.load import dial
from tressi.load.address import ATTEMPT_S, LONGEST_S, SILENT_S, Address, Answers
from tressi.model import SharedPool, TlsConfig

pytestmark = pytest.mark.timed

OK = response()
SCHEMES = ["http", "https"]
WAYS = [("http", "wire"), ("https", "wire"), ("http", "urllib3")]
SILENT, REFUSING, LIVE = "127.0.0.9", "127.0.0.8", "127.0.0.1"


def script_of(scheme):
    """Answers every request, inside TLS for https."""
    return secured(answering(OK)) if scheme == "https" else answering(OK)


@contextmanager
def named(monkeypatch, scheme, *hosts):
    """A name whose addresses are these in this order; yields (the server behind the live one, the URL of the name)."""
    with ExitStack() as stack:
        server = stack.enter_context(raw_server(script_of(scheme)))
        for host in hosts:
            if host in {SILENT, "::1"}:
                stack.enter_context(hanging_port(host, server.port))
        found = [
            (
                socket.AF_INET6 if ":" in host else socket.AF_INET,
                socket.SOCK_STREAM,
                0,
                "",
                (host, server.port) + (0, 0) * (":" in host),
            )
            for host in hosts
        ]
        monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: found)
        yield server, f"{scheme}://several.invalid:{server.port}/"


def slow(histogram):
    """How many values are above 0.2 s."""
    return histogram.count - histogram.counts_up_to([200_000])[0]


@pytest.mark.parametrize(("scheme", "transport"), WAYS)
@pytest.mark.parametrize("hosts", [(SILENT, LIVE), (LIVE, SILENT), (SILENT, REFUSING, LIVE), ("::1", LIVE)], ids=" and ".join)
def test_a_silent_address_costs_each_lane_one_wait(monkeypatch, scheme, transport, hosts):
    """No attempt fails; the lanes that met it wait 250 ms, as time of connecting, and those after them go elsewhere."""
    if "::1" in hosts and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with (
        named(monkeypatch, scheme, *hosts) as (server, url),
        running(
            endpoint(url, timeout_s=20),
            shared_pool=SharedPool(4, None),
            keep_alive=False,
            tls=TlsConfig(verify=False),
            transport=transport,
        ) as engine,
    ):
        reach(engine, 100)
        found = only(finish(engine))
    assert (found.failed, found.errors) == (0, {})
    assert server.connections == found.connections_opened == found.requests_made
    assert 1 <= slow(found.connect) < found.requests_made / 4
    assert found.connect.max_us >= 250_000
    assert found.response.max_us >= 250_000


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_limit_shorter_than_the_wait_is_shared_out(monkeypatch, scheme):
    """Of 0.24 s to connect in, the silent address has half."""
    with (
        named(monkeypatch, scheme, SILENT, LIVE) as (_, url),
        running(endpoint(url, 50, connect_timeout_s=0.24), workers=4, keep_alive=False, tls=TlsConfig(verify=False)) as engine,
    ):
        reach(engine, 10)
        found = only(finish(engine))
    assert (found.failed, found.errors) == (0, {})
    assert found.connect.max_us < 250_000


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_last_address_has_all_the_time_that_remains(monkeypatch, scheme):
    """Where none answers, the attempt fails when its time is over, and says so."""
    with named(monkeypatch, scheme, SILENT) as (server, _), hanging_port("127.0.0.10", server.port):
        both = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, server.port)) for host in (SILENT, "127.0.0.10")]
        monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: both)
        one = endpoint(f"{scheme}://several.invalid:{server.port}/", ONCE, connect_timeout_s=0.7)
        found = only(attempt(one))
    assert found.errors == {"connect": 1}
    assert [reason.text for reason in found.reasons] == ["no connection within 0.7 s"]
    assert found.response.max_us >= 700_000


@pytest.mark.alone
@pytest.mark.parametrize("scheme", SCHEMES)
def test_behind_a_refusal_a_silent_address_is_asked_again(monkeypatch, scheme):
    """An address that answers later than its share is not lost where the other one refuses."""
    released = Event()
    with hanging_port(SILENT, 0, released, script_of(scheme)) as port:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in (SILENT, REFUSING)]
        monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: found)
        releasing = Timer(0.6, released.set)
        releasing.start()
        ended = only(attempt(endpoint(f"{scheme}://several.invalid:{port}/", ONCE), tls=TlsConfig(verify=False)))
        releasing.join()
    assert (ended.errors, ended.status_codes) == ({}, {200: 1})
    assert ended.connect.max_us >= 600_000


ONE, TWO, THREE = (Address(socket.AF_INET, (host, 80)) for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3"))


def test_addresses_are_tried_in_turn_and_the_silent_ones_last():
    """For ten seconds, and of those the one that was silent first."""
    answers, all_three = Answers(), [ONE, TWO, THREE]
    assert [answers.order(all_three, turn, 0.0)[0] for turn in range(4)] == [ONE, TWO, THREE, ONE]
    answers.silent(TWO, 0.0)
    assert [answers.order(all_three, turn, 9.9) for turn in (0, 1)] == [[ONE, THREE, TWO], [THREE, ONE, TWO]]
    answers.silent(ONE, 1.0)
    answers.silent(THREE, 2.0)
    assert answers.order(all_three, 1, 5.0) == [TWO, ONE, THREE]
    assert answers.order(all_three, 0, 10.5) == [TWO, ONE, THREE]
    answers.begun(TWO, 10.5)
    assert answers.order(all_three, 0, 10.6) == [ONE, THREE, TWO], "one attempt alone asks again"
    answers.refused(TWO)
    assert answers.order(all_three, 0, 10.7)[0] == TWO
    assert answers.order([], 0, 0.0) == []


def test_the_reactor_waits_as_long_as_greenlets_do():
    """Its rules are written in C, where ten seconds of nanoseconds do not fit in every type."""
    assert pytest.approx([ATTEMPT_S, LONGEST_S, SILENT_S]) == [wait_ns / 1e9 for wait_ns in WAITS_NS]


def test_an_address_is_waited_for_as_long_as_connections_take():
    """250 ms, more where connections take longer, two seconds at most, and its share of the time at most."""
    answers = Answers()
    assert [answers.wait_s(30.0, 1), answers.wait_s(0.3, 1), answers.wait_s(0.75, 3)] == [0.25, 0.15, 0.1875]
    answers.taken(ONE, 0.4)
    assert answers.wait_s(30.0, 1) == 0.8
    answers.taken(ONE, 5.0)
    assert answers.wait_s(30.0, 1) == 2.0
    for _ in range(100):
        answers.taken(ONE, 0.001)
    assert answers.wait_s(30.0, 1) == 0.25
    assert answers.wait_s(-1.0, 1) == 0.0


@pytest.mark.parametrize(("scheme", "transport"), WAYS)
def test_a_family_that_does_not_answer_is_left_at_once(monkeypatch, scheme, transport):
    """Behind its first silent address the other family is tried, however many of its own are left (RFC 8305 4)."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    silent = [f"127.0.0.{number}" for number in range(20, 26)]
    tried = []

    def seen(address, *rest):
        tried.append(address)
        return original(address, *rest)

    original = dial.connected_to
    monkeypatch.setattr(dial, "connected_to", seen)
    with ExitStack() as stack:
        server = stack.enter_context(raw_server(script_of(scheme), socket.AF_INET6))
        for host in silent:
            stack.enter_context(hanging_port(host, server.port))
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, server.port)) for host in silent]
        found.append((socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("::1", server.port, 0, 0)))
        monkeypatch.setattr("tressi.load.address.getaddrinfo", lambda *_: found)
        one = endpoint(f"{scheme}://several.invalid:{server.port}/", ONCE, timeout_s=20)
        with running(one, tls=TlsConfig(verify=False), transport=transport) as engine:
            reach(engine, 1)
            begun = engine._reactor.dialed(0) or len(tried)
            snapshot = finish(engine)
    assert only(snapshot).status_codes == {200: 1}
    assert begun <= 2
