"""The lease of an engine: nothing is sent once it is over, whatever hangs, and what was in flight still counts."""

import os
import signal
import time
from contextlib import suppress

import gevent
import pytest
import warm
from engines import config_of, endpoint, only, until
from servers import answering, raw_server
from test_wire_reactor import Bench, at

from tressi.load.plan import make_plan
from tressi.load.process import ProcessEngine
from tressi.model import PoolId

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
MS = 1_000_000


def test_a_lease_that_is_over_ends_the_load_and_nothing_else():
    """Starts up to its end are made or missed, to the start; none comes after it, and the reactor goes on to read."""
    with raw_server(answering(OK)) as server:
        bench = Bench(500, at(server.port), lanes=4)
        begin_ns = bench.reactor.start()
        assert bench.reactor.lease(begin_ns + 100 * MS)
        assert bench.reactor.lease(begin_ns + 200 * MS)
        bench.turn_until(lambda: bench.arena.lapsed_ns)
        bench.turn_until(lambda: time.monotonic_ns() > begin_ns + 300 * MS and not bench.reactor.occupied())
        found = bench.counters()
    assert bench.arena.lapsed_ns == begin_ns + 200 * MS
    assert found["succeeded"] + found["missed"] + found["cut"] == 100  # 200 ms at 500 a second
    assert found["succeeded"] == len(server.requests) > 0
    assert found["scheduled"] == pytest.approx(100)


def test_a_lease_that_is_over_stays_over():
    """A renewal that comes too late is refused, and so is every other wish."""
    with raw_server(answering(OK)) as server:
        bench = Bench(500, at(server.port), lanes=2)
        begin_ns = bench.reactor.start()
        bench.reactor.lease(begin_ns + 50 * MS)
        bench.turn_until(lambda: bench.arena.lapsed_ns)
        assert not bench.reactor.lease(begin_ns + 10_000 * MS)
        had = len(server.requests)
        bench.reactor.follow(bench.pool, ((0.0, 5_000.0),))
        bench.reactor.add_lane(bench.pool)
        bench.turn_until(lambda: time.monotonic_ns() > begin_ns + 250 * MS)
    assert len(server.requests) == had


def test_an_older_renewal_does_not_shorten_a_newer_one():
    """Messages have no order."""
    bench = Bench(None)
    far_ns = time.monotonic_ns() + 10_000 * MS
    assert bench.reactor.lease(far_ns)
    assert bench.reactor.lease(far_ns - 5_000 * MS)
    bench.reactor.start()
    bench.reactor.turn()
    assert bench.arena.lapsed_ns == 0
    assert bench.reactor.lease(far_ns + 1)


def test_without_a_rate_it_ends_likewise():
    """A pool that sends as fast as responses come back has no schedule that could end."""
    with raw_server(answering(OK)) as server:
        bench = Bench(None, at(server.port), lanes=2)
        bench.reactor.lease(time.monotonic_ns() + 500 * MS)
        bench.reactor.start()
        bench.turn_until(lambda: bench.arena.lapsed_ns)
        bench.turn_until(lambda: bench.reactor.occupied() == 0)
        had = len(server.requests)
        bench.turn_until(lambda: time.monotonic_ns() > bench.arena.lapsed_ns + 150 * MS)
    assert len(server.requests) == had > 0
    assert bench.counters()["succeeded"] == had


def test_an_engine_that_was_stopped_beyond_its_lease_sends_nothing_more():
    """It wakes with starts that were due before, answers to read and a renewal in its socket, and begins nothing."""
    with raw_server(answering(OK)) as server:
        config = config_of(endpoint(server.url, 400))
        engine = ProcessEngine(warm.engine)
        try:
            engine.build(make_plan(config, {PoolId(0): 4}))
            over_ns = time.monotonic_ns() + 1_500 * MS
            engine.lease(over_ns)
            engine.go()
            until(lambda: only(engine.read()).requests_made >= 20)
            os.kill(engine._process.pid, signal.SIGSTOP)
            gevent.sleep(max(0, over_ns - time.monotonic_ns()) / 1e9 + 0.05)
            had = len(server.requests)
            engine.lease(time.monotonic_ns() + 10_000 * MS)
            os.kill(engine._process.pid, signal.SIGCONT)
            until(lambda: engine.lost)
            gevent.sleep(0.1)
            assert len(server.requests) == had
            assert engine.lost == f"engine {engine._process.pid} has stopped: its lease was over"
        finally:
            with suppress(ProcessLookupError):
                os.kill(engine._process.pid, signal.SIGCONT)
            engine.stop(1)
        found = only(engine.read())
    assert found.requests_made == len(server.requests)
    assert found.worker_count == 0
