"""Workers come and go while the engine runs, and a run has an end: no request is lost, none is counted twice."""

from threading import Event

import gevent
import pytest
from engines import ONCE, endpoint, finish, made, only, reach, running, until
from ports import hanging_port
from servers import answering, raw_server, refusing_port

from tressi.model import SharedPool

pytestmark = pytest.mark.alone

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Gate:
    """A script that answers nothing until it is opened, then everything at once."""

    def __init__(self):
        self.open = Event()

    def __call__(self, conversation):
        """Play it."""
        while conversation.request():
            conversation.wait(self.open)
            conversation.send(OK)


def in_flight(server, engine):
    """Requests that the server has seen and that have not ended."""
    return len(server.requests) - made(engine)


def test_workers_that_are_added_take_requests():
    """A pool of one lane that hangs has one request in flight; with four workers more it has five."""
    gate = Gate()
    with raw_server(gate) as server:
        one = endpoint(server.url, 200)
        with running(one) as engine:
            until(lambda: only(engine.read()).missed > 0)
            assert in_flight(server, engine) == 1
            engine.scale(one.endpoint_key, 5)
            until(lambda: in_flight(server, engine) == 5)
            until(lambda: only(engine.read()).missed > 50)
            assert in_flight(server, engine) == 5
            assert only(engine.read()).worker_count == 5
            gate.open.set()
            found = only(finish(engine))

    assert found.status_codes == {200: len(server.requests)}
    assert (found.failed, found.peak_worker_count) == (0, 5)
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1


def test_a_worker_that_is_removed_finishes_its_request_first():
    """Of four busy workers three are told to leave: they count as draining until their requests have ended, all well."""
    gate = Gate()
    with raw_server(gate) as server:
        one = endpoint(server.url, 200)
        with running(one, workers=4) as engine:
            until(lambda: in_flight(server, engine) == 4)
            engine.scale(one.endpoint_key, 1)
            found = only(engine.read())
            assert (found.worker_count, found.draining, found.peak_worker_count) == (1, 3, 4)
            gate.open.set()
            until(lambda: only(engine.read()).draining == 0)
            reach(engine, 10)
            found = only(finish(engine))

    assert (found.worker_count, found.draining, found.failed) == (1, 0, 0)
    assert found.status_codes == {200: len(server.requests)}


def test_an_idle_worker_leaves_before_a_busy_one():
    """Of one busy and three idle workers the idle ones go, and none is left draining."""
    gate = Gate()
    with raw_server(gate) as server:
        one = endpoint(server.url, ONCE)
        with running(one, workers=4) as engine:
            until(lambda: in_flight(server, engine) == 1)
            engine.scale(one.endpoint_key, 1)
            found = until(lambda: (found := only(engine.read())).draining == 0 and found)
            assert found.worker_count == 1
            assert in_flight(server, engine) == 1
            gate.open.set()
            found = only(finish(engine))

    assert found.status_codes == {200: 1}


def test_scaling_up_and_down_under_load_loses_nothing():
    """However often the count changes, every request that the server has seen is one response that was counted."""
    counts = [8, 2, 5, 1, 7, 3, 6, 4] * 3
    with raw_server(answering(OK)) as server:
        one = endpoint(server.url, 1_000)
        with running(one, workers=4, concurrent_requests=2) as engine:
            for count in counts:
                engine.scale(one.endpoint_key, count)
                reach(engine, made(engine) + 10)
            until(lambda: only(engine.read()).draining == 0)
            found = only(finish(engine))

    assert (found.worker_count, found.peak_worker_count) == (4, 8)
    assert (found.failed, found.retries) == (0, 0)
    assert found.status_codes == {200: len(server.requests)}
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1


def test_the_window_counts_the_lanes_that_are_there():
    """Lane-seconds over the span are the lanes: three workers of two lanes are six, and two once two have left."""
    with raw_server(answering(OK)) as server:
        one = endpoint(server.url, 100)
        with running(one, workers=3, concurrent_requests=2) as engine:
            window = until(lambda: (found := only(engine.read()).window).full and found)
            assert window.lane_s / window.span_s == pytest.approx(6, rel=0.01)
            engine.scale(one.endpoint_key, 1)
            until(lambda: _lanes(engine) == pytest.approx(2, rel=0.01))
            finish(engine)


def _lanes(engine):
    window = only(engine.read()).window
    return window.lane_s / window.span_s


def test_a_worker_has_as_many_lanes_as_it_may_have_requests():
    """Two workers of four concurrent requests have eight requests in flight, and no more."""
    gate = Gate()
    with raw_server(gate) as server, running(endpoint(server.url, 400), workers=2, concurrent_requests=4) as engine:
        until(lambda: only(engine.read()).missed > 20)
        assert in_flight(server, engine) == 8
        assert only(engine.read()).worker_count == 2
        gate.open.set()
        finish(engine)


def test_the_shared_pool_scales_too():
    """Its workers are those of all its endpoints; each endpoint shows the pool's count."""
    gate = Gate()
    with raw_server(gate) as server:
        ones = [endpoint(f"{server.url}{name}") for name in "ab"]
        with running(*ones, shared_pool=SharedPool(2, None)) as engine:
            until(lambda: in_flight(server, engine) == 2)
            engine.scale(ones[1].endpoint_key, 6)
            until(lambda: in_flight(server, engine) == 6)
            assert {found.worker_count for found in engine.read().endpoints.values()} == {6}
            engine.scale(ones[0].endpoint_key, 1)
            assert {found.draining for found in engine.read().endpoints.values()} == {5}
            gate.open.set()
            until(lambda: {found.draining for found in engine.read().endpoints.values()} == {0})
            snapshot = finish(engine)

    assert sum(found.succeeded for found in snapshot.endpoints.values()) == len(server.requests)


def test_a_pool_may_be_scaled_to_nothing_and_back():
    """Without workers every start is missed; with one again they are made."""
    with raw_server(answering(OK)) as server:
        one = endpoint(server.url, 200)
        with running(one, workers=2) as engine:
            reach(engine, 5)
            engine.scale(one.endpoint_key, 0)
            until(lambda: only(engine.read()).draining == 0)
            before = only(engine.read())
            until(lambda: only(engine.read()).missed >= before.missed + 10)
            assert only(engine.read()).requests_made == before.requests_made
            engine.scale(one.endpoint_key, 1)
            reach(engine, before.requests_made + 5)
            found = only(finish(engine))

    assert found.missed - found.missed_late >= 10
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1


def test_a_retired_worker_that_is_connecting_ends_too():
    """Workers that only ever fail to connect can be removed like any others."""
    with refusing_port() as port:
        one = endpoint(f"http://127.0.0.1:{port}/", 200)
        with running(one, workers=8) as engine:
            reach(engine, 10)
            engine.scale(one.endpoint_key, 1)
            until(lambda: only(engine.read()).draining == 0)
            reach(engine, made(engine) + 10)
            found = only(finish(engine))

    assert found.worker_count == 1
    assert set(found.errors) == {"connect"}


# --------------------------------------------------------------------------------------------------------- the end of a run


def test_a_stop_waits_for_what_is_in_flight():
    """No request begins once `stop` is called; those in flight end well, and then `stop` returns."""
    gate = Gate()
    with raw_server(gate) as server, running(endpoint(server.url, 200), workers=3) as engine:
        until(lambda: in_flight(server, engine) == 3)
        stopping = gevent.spawn(engine.stop, 10)
        gevent.sleep(0)  # it runs until it waits
        gate.open.set()
        stopping.get(timeout=10)
        found = only(finish(engine))

    assert len(server.requests) == 3
    assert (found.status_codes, dict(found.errors)) == ({200: 3}, {})
    assert abs(found.scheduled - found.requests_made - found.missed) <= 1


def test_what_is_still_in_flight_when_the_drain_ends_is_cut():
    """Each is cut, which is neither made nor failed; its age enters the response times, and no service time."""
    with (
        raw_server(Gate()) as server,
        running(endpoint(server.url, 200), workers=3) as engine,
    ):
        until(lambda: in_flight(server, engine) == 3)
        found = only(finish(engine, 0.1))

    assert (found.cut, found.requests_made, dict(found.errors)) == (3, 0, {})
    assert (found.succeeded, found.service.count) == (0, 0)
    assert found.response.count >= 3
    assert found.response.max_us >= 99_000
    assert abs(found.scheduled - found.cut - found.missed) <= 1
    # Those that got no lane are charged as well, with their age.
    assert found.response.count == found.cut + found.missed


@pytest.mark.parametrize("drain_s", [0, 0.1])
def test_a_request_that_is_connecting_is_cut_as_well(drain_s):
    """A full backlog leaves the connection hanging: the attempt is cut like one in flight, and no lane is forgotten."""
    with hanging_port() as port, running(endpoint(f"http://127.0.0.1:{port}/", ONCE)) as engine:
        until(lambda: only(engine.read()).window.peak_lanes == 1)
        found = only(finish(engine, drain_s))

    assert (found.cut, found.requests_made, dict(found.errors)) == (1, 0, {})


def test_a_second_stop_changes_nothing():
    """It returns at once, and what was counted stays as it was; so do scaling and rates after the end."""
    with raw_server(answering(OK)) as server:
        one = endpoint(server.url, 200)
        with running(one) as engine:
            reach(engine, 5)
            first = only(finish(engine))
            engine.stop(10)
            engine.scale(one.endpoint_key, 5)
            engine.set_rate(one.endpoint_key, 500)
            second = only(engine.read())

    assert _counts(first) == _counts(second)
    assert len(server.requests) == second.requests_made


def _counts(found):
    return (found.status_codes, found.errors, found.missed, found.scheduled, found.worker_count, found.bytes_received)


def test_a_second_stop_may_cut_a_first_one_short():
    """An engine asked to stop at once while it drains does so: both calls return, and requests in flight are cut once."""
    with (
        raw_server(Gate()) as server,
        running(endpoint(server.url, 200), workers=2) as engine,
    ):
        until(lambda: in_flight(server, engine) == 2)
        stopping = gevent.spawn(engine.stop, 60)
        gevent.sleep(0)  # it runs until it waits
        engine.stop(0)
        # The first call is of no more use: it has nothing left to wait for.
        until(stopping.ready, 5)
        found = only(finish(engine))

    assert (found.cut, found.requests_made, dict(found.errors)) == (2, 0, {})


def test_one_endpoint_can_be_read_alone():
    """A snapshot of one key has that endpoint and its samples, and no other."""
    with raw_server(answering(OK)) as server:
        ones = [endpoint(f"{server.url}{name}", 200) for name in "ab"]
        with running(*ones) as engine:
            until(lambda: all(found.requests_made >= 3 for found in engine.read().endpoints.values()))
            alone = engine.read(endpoint_key=ones[1].endpoint_key)
            assert set(alone.endpoints) == {sample.endpoint_key for sample in alone.samples} == {ones[1].endpoint_key}
            finish(engine)
