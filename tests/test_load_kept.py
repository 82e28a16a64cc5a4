"""For how long a connection is used, over both transports: by requests, by age, by rest, and by what its server says."""

import time
from contextlib import ExitStack

import pytest
from engines import endpoint, finish, only, reach, running, until
from servers import answering, raw_server, response, secured

from tressi.model import Kept, SharedPool, TlsConfig

pytestmark = pytest.mark.timed


def by_connection(server):
    """How many requests came over each connection."""
    seen = [one.connection for one in server.requests]
    return [seen.count(number) for number in range(server.connections)]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_serves_so_many_requests(scheme, transport):
    """And is then closed by us, without an error or a retry."""
    script = answering(response())
    with (
        raw_server(secured(script) if scheme == "https" else script) as server,
        running(
            endpoint(server.url.replace("http", scheme), 200),
            transport=transport,
            kept=Kept(requests=3),
            tls=TlsConfig(verify=False),
        ) as engine,
    ):
        reach(engine, 10)
        found = only(finish(engine))
    assert (found.errors, found.retries) == ({}, 0)
    *whole, last = by_connection(server)
    assert len(whole) >= 3
    assert set(whole) == {3}
    assert 1 <= last <= 3
    assert found.connections_opened == server.connections


def test_a_connection_is_used_for_so_long(transport):
    """It ends behind a response, and others that were made with it end at other times."""
    ends = []

    def script(conversation):
        count = 0
        while conversation.request():
            conversation.send(response())
            count += 1
        ends.append(count)

    with (
        raw_server(script) as server,
        running(endpoint(server.url, 400), workers=4, transport=transport, kept=Kept(age_s=0.3), arrival="poisson") as engine,
    ):
        until(lambda: server.connections >= 12)
        found = only(finish(engine))
    assert (found.errors, found.retries) == ({}, 0)
    assert max(ends) > 1


def test_connections_that_were_made_together_end_at_different_times(transport):
    """From 80 to 100 % of the age: the connections of many lanes, all of them in use, are not all made anew at once."""
    ends = {}

    def script(conversation):
        while conversation.request():
            conversation.pause(0.02)
            conversation.send(response())
        ends[conversation.number] = time.monotonic()

    with (
        raw_server(script) as server,
        running(endpoint(server.url), shared_pool=SharedPool(16, None), transport=transport, kept=Kept(age_s=1.0)) as engine,
    ):
        until(lambda: set(range(16)) <= ends.keys())
        finish(engine)
    first = [ends[number] for number in range(16)]
    assert max(first) - min(first) > 0.05


def test_a_connection_that_has_rested_too_long_is_replaced(transport):
    """Before it is used: nothing fails, and nothing is sent twice."""
    with (
        raw_server(answering(response())) as server,
        running(endpoint(server.url, 10), transport=transport, kept=Kept(idle_s=0.02)) as engine,
    ):
        reach(engine, 4)
        found = only(finish(engine))
    assert (found.errors, found.retries) == ({}, 0)
    # A start that came late may have followed soon on the one before.
    assert server.connections >= 3
    assert found.connections_opened == server.connections


def test_a_connection_that_rests_for_less_stays(transport):
    """The limit is one of rest, and not of age."""
    with (
        raw_server(answering(response())) as server,
        running(endpoint(server.url, 100), transport=transport, kept=Kept(idle_s=15)) as engine,
    ):
        reach(engine, 20)
        finish(engine)
    assert server.connections == 1


RESTED = [
    ("POST", "Keep-Alive: timeout=1", True),
    ("POST", "keep-alive: max=99, TIMEOUT=1", True),
    ("PATCH", "Keep-Alive: timeout=1", True),
    ("GET", "Keep-Alive: timeout=1", False),
    ("POST", "Keep-Alive: timeout=100", False),
    ("POST", "Keep-Alive: max=1", False),
    ("POST", "Keep-Alive: timeout=soon", False),
    ("POST", "X-Keep: timeout=1", False),
]


def test_what_cannot_be_repeated_goes_over_no_connection_that_is_about_to_end(transport):
    """Where a server keeps it for a second, one that has rested for more than half of that. All rest at the same time."""
    with ExitStack() as stack:
        servers = [stack.enter_context(raw_server(answering(response("200 OK", field)))) for _, field, _ in RESTED]
        ones = [endpoint(server.url, 1.5, method=case[0]) for server, case in zip(servers, RESTED, strict=True)]
        with running(*ones, transport=transport) as engine:
            until(lambda: all(one.requests_made >= 2 for one in engine.read().endpoints.values()))
            ended = finish(engine).endpoints
    for server, one, (method, field, is_replaced) in zip(servers, ones, RESTED, strict=True):
        found = ended[one.endpoint_key]
        assert found.errors == {}, (method, field)
        assert server.connections == (found.requests_made if is_replaced else 1), (method, field)
