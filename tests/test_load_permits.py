"""A limit on new connections: what a target sees of it, who waits, and what of the waiting is charged to whom."""

import os
import signal
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
import trustme
import warm
from engines import ONCE, Driven, config_of, endpoint, finish, only, reach, running, until
from servers import answering, raw_server, refusing_port

from tressi.load.cluster import Cluster
from tressi.load.process import ProcessEngine
from tressi.model import SharedPool, TlsConfig

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BURST_S = 0.1


def most(limit, time_s):
    """How many connections may have been begun in the first `time_s` of a run: the first at once, and 100 ms may be owed."""
    return 1 + limit * (time_s + BURST_S)


def closing(conversation):
    """A script that answers once."""
    conversation.request()
    conversation.send(OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    conversation.close()


def secured(script):
    """The same over TLS."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def shaking(conversation):
        conversation.socket = context.wrap_socket(conversation.socket, server_side=True)
        script(conversation)

    return shaking


@pytest.mark.parametrize("way", ["wire", "tls", "urllib3"])
def test_a_target_that_closes_sees_the_limit_and_no_more(way):
    """At any rate, and whether C or Python connects; the starts in between are missed because no lane is free."""
    fields = {"transport": "urllib3"} if way == "urllib3" else {"tls": TlsConfig(verify=False)}
    with raw_server(secured(closing) if way == "tls" else closing) as server:
        url = server.url.replace("http", "https") if way == "tls" else server.url
        with running(endpoint(url, 2_000), workers=8, connections_per_second=100, **fields) as engine:
            reach(engine, 30)
            snapshot = finish(engine)

    found = only(snapshot)
    assert server.connections == found.connections_opened
    assert 30 <= server.connections <= most(100, snapshot.time_s)
    assert dict(found.errors) == {}
    assert found.missed > found.requests_made
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1


def test_a_target_that_refuses_sees_the_limit_and_no_more():
    """Each attempt to connect needs a permit, whatever becomes of it."""
    with refusing_port() as port:
        one = endpoint(f"http://127.0.0.1:{port}/", 2_000)
        with running(one, workers=8, connections_per_second=100) as engine:
            reach(engine, 30)
            snapshot = finish(engine)

    found = only(snapshot)
    assert set(found.errors) == {"connect"}
    assert found.requests_made <= most(100, snapshot.time_s)


def test_a_kept_connection_needs_no_permit():
    """A rate that one connection holds is held, although a second may not be made for a long time."""
    with (
        raw_server(answering(OK)) as server,
        running(endpoint(server.url, 200), workers=1, connections_per_second=ONCE) as engine,
    ):
        reach(engine, 50)
        found = only(finish(engine))

    assert (server.connections, found.succeeded) == (1, found.requests_made)


def test_waiting_for_a_permit_is_part_of_the_response_time_alone():
    """Of two lanes the second waits half a second; no service time has that, and no connection took it."""

    def once(conversation):
        conversation.request()
        conversation.send(OK)
        conversation.request()
        conversation.wait(server.ended)

    with (
        raw_server(once) as server,
        running(endpoint(server.url), shared_pool=SharedPool(2, None), connections_per_second=2) as engine,
    ):
        until(lambda: only(engine.read()).succeeded == 2)
        found = only(engine.read())

    assert (found.response.mean_us - found.service.mean_us - found.connect.mean_us) * 2 >= 490_000


@pytest.mark.parametrize("transport", ["wire", "urllib3"])
def test_a_limit_can_be_raised_while_lanes_wait(transport):
    """The lanes that wait for the next of a few permits get theirs at the new pace."""
    with (
        raw_server(closing) as server,
        running(endpoint(server.url, 500), workers=4, connections_per_second=ONCE, transport=transport) as engine,
    ):
        until(lambda: only(engine.read()).missed > 10)
        assert server.connections == 1
        engine.limit_connections(500)
        reach(engine, 20)
        found = only(finish(engine))

    assert server.connections == found.requests_made


def test_a_lane_that_waits_at_the_end_gives_its_start_back():
    """Nothing was in flight: no failure, no waiting for the drain; the start is missed like those that found no lane."""
    with (
        raw_server(closing) as server,
        running(endpoint(server.url, 500), workers=4, connections_per_second=ONCE) as engine,
    ):
        until(lambda: only(engine.read()).window.peak_lanes == 4)
        found = only(finish(engine, 60))

    assert dict(found.errors) == {}
    assert found.requests_made == len(server.requests)
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1


def test_a_worker_that_waits_to_connect_leaves_at_once():
    """It has nothing to finish."""
    with raw_server(closing) as server:
        one = endpoint(server.url, 500)
        with running(one, workers=4, connections_per_second=ONCE) as engine:
            until(lambda: only(engine.read()).window.peak_lanes == 4)
            engine.scale(one.endpoint_key, 1)
            until(lambda: only(engine.read()).draining == 0)
            found = only(finish(engine))

    assert dict(found.errors) == {}
    assert found.succeeded == found.requests_made == len(server.requests)
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1


def test_a_second_try_needs_a_permit_and_its_waiting_is_no_service_time():
    """A kept connection that ends at its second request is made anew when it may; the target had no request meanwhile."""

    def script(conversation):
        conversation.request()
        conversation.send(OK)
        conversation.request()
        if conversation.number > 0:
            conversation.wait(server.ended)

    with (
        raw_server(script) as server,
        running(endpoint(server.url), shared_pool=SharedPool(1, None), connections_per_second=2) as engine,
    ):
        until(lambda: only(engine.read()).retries == 1)
        asked_s = engine.read().time_s
        until(lambda: only(engine.read()).succeeded == 2)
        found = only(engine.read())

    assert (found.response.mean_us - found.service.mean_us) * 2 >= (0.499 - asked_s) * 1e6


class Told(ProcessEngine):
    """An engine that keeps what it was told."""

    told = None

    def limit_connections(self, per_second):
        """Keep it, and obey."""
        self.told = per_second
        super().limit_connections(per_second)


def test_engines_share_the_limit_and_a_lost_one_leaves_its_part_to_the_others():
    """Together they make no more connections than one would; the engine that is left may make all of them."""
    members = [Told(warm.engine), Told(warm.engine)]
    cluster = Cluster(members)
    with raw_server(closing) as server:
        one = endpoint(server.url, 2_000)
        try:
            Driven(cluster, config_of(one, connections_per_second=100), {one.endpoint_key: 8})
            until(lambda: all(only(member.read()).requests_made >= 10 for member in members))
            seen, time_s = server.connections, cluster.read().time_s
            assert seen <= most(100, time_s) + 1
            os.kill(members[0]._process.pid, signal.SIGKILL)
            until(lambda: members[0].lost)
            cluster.read()
            assert (members[0].told, members[1].told) == (None, 100)
            until(lambda: server.connections >= seen + 20)
        finally:
            cluster.stop(0)
