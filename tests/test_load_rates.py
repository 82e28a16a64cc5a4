"""The rate asked for is the rate that arrives: by the schedule's integral, and by the target's own count."""

from collections import Counter
from dataclasses import replace
from math import sqrt

import pytest
from engines import Driven, config_of, endpoint, finish, made, only, reach, reach_time, running, until
from servers import answering, nginx, raw_server

from tressi.load.cluster import Cluster
from tressi.load.engine import LocalEngine
from tressi.load.process import ProcessEngine
from tressi.model import SharedPool, Stage

pytestmark = pytest.mark.alone

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One nginx for all tests of this file; each has paths of its own."""
    with nginx(tmp_path_factory.mktemp("nginx")) as running_nginx:
        yield running_nginx


def check_schedule(found):
    """At the end of a paced run every scheduled start was made, missed or cut."""
    assert abs(found.scheduled - found.requests_made - found.missed - found.cut) <= 1


def served(target, prefix):
    """What nginx has counted below a path, once its log holds all that it has answered."""
    return Counter({path: count for path, count in target.served().items() if path.startswith(prefix)})


def test_three_endpoints_each_keep_their_rate(target):
    """200, 500 and 1,000 RPS for a second and a half: nginx counts each within 0.5 % of its schedule."""
    rates = {"/three/a": 200, "/three/b": 500, "/three/c": 1_000}
    ones = {path: endpoint(target.url + path[1:], rate) for path, rate in rates.items()}
    with running(*ones.values(), workers=4) as engine:
        reach_time(engine, 1.5)
        begun_to_stop = engine.read().time_s
        snapshot = finish(engine)

    until(lambda: served(target, "/three/").total() >= sum(found.requests_made for found in snapshot.endpoints.values()))
    for path, rate in rates.items():
        found = snapshot.endpoints[ones[path].endpoint_key]
        assert rate * begun_to_stop - 1 <= found.scheduled <= rate * snapshot.time_s
        assert served(target, "/three/")[path] == found.requests_made == found.status_codes[200]
        assert found.requests_made == pytest.approx(found.scheduled, rel=0.005, abs=1)
        check_schedule(found)


def test_a_hundred_and_twenty_endpoints_each_keep_their_rate(target):
    """Each is within 1 % of its own schedule by nginx's own count, and none lives on the rate of another."""
    ones = {f"/many/{number}": endpoint(f"{target.url}many/{number}", 20 + number % 40) for number in range(120)}
    with running(*ones.values(), workers=2) as engine:
        reach_time(engine, 1.5, ones["/many/0"])
        snapshot = finish(engine)

    until(lambda: served(target, "/many/").total() >= sum(found.requests_made for found in snapshot.endpoints.values()))
    counted = served(target, "/many/")
    for path, one in ones.items():
        found = snapshot.endpoints[one.endpoint_key]
        assert counted[path] == found.requests_made == found.status_codes[200]
        assert found.requests_made == pytest.approx(found.scheduled, rel=0.01, abs=1)
        check_schedule(found)


@pytest.mark.parametrize("rate", [0.5, 7.3, 333.3, 5_000])
def test_any_real_rate_is_kept_to_the_start(target, rate):
    """Made plus missed is the integral of the rate, for slow, fractional and fast rates alike."""
    one = endpoint(f"{target.url}real", rate)
    with running(one, workers=8) as engine:
        reach_time(engine, 0.5)
        begun_to_stop = engine.read().time_s
        snapshot = finish(engine)

    found = only(snapshot)
    assert rate * begun_to_stop - 1e-3 <= found.scheduled <= rate * snapshot.time_s
    check_schedule(found)


def test_starts_that_find_no_lane_are_missed_and_counted():
    """One lane and a target that never answers: all starts but the one in flight are missed: no lane is free, none is late."""
    with (
        raw_server(lambda conversation: conversation.wait_closed()) as server,
        running(endpoint(server.url, 200)) as engine,
    ):
        until(lambda: only(engine.read()).missed >= 50)
        found = only(finish(engine, 0))

    check_schedule(found)
    assert (found.cut, found.requests_made, dict(found.errors)) == (1, 0, {})
    assert found.missed == pytest.approx(found.scheduled - 1, abs=1)
    assert found.missed_late == 0


def test_the_window_tells_what_was_missed_and_that_the_lane_was_occupied():
    """The window of a pool that hangs has its starts due, its misses and its lane occupied throughout."""
    with (
        raw_server(lambda conversation: conversation.wait_closed()) as server,
        running(endpoint(server.url, 200)) as engine,
    ):
        window = until(lambda: (found := only(engine.read()).window).span_s >= 1 and found)
        finish(engine, 0)

    assert window.target_rps == pytest.approx(200, rel=0.01)
    assert window.attempts == 0
    assert window.missed >= 0.8 * window.starts_due
    assert window.older in (0, 1)
    assert window.utilisation == pytest.approx(1, abs=0.05)
    assert window.peak_lanes == 1


def test_a_rate_may_change_while_it_runs(target):
    """The schedule is the integral of the rates that were asked for, each from its own moment on."""
    one = endpoint(f"{target.url}changing", 100)
    with running(one, workers=4) as engine:
        reach_time(engine, 0.3)
        before = engine.read()
        engine.set_rate(one.endpoint_key, 1_000)
        after = engine.read()
        reach_time(engine, after.time_s + 0.5)
        begun_to_stop = engine.read().time_s
        snapshot = finish(engine)

    found = only(snapshot)
    assert found.target_rps == 1_000
    at_least = 100 * before.time_s + 1_000 * (begun_to_stop - after.time_s)
    at_most = 100 * after.time_s + 1_000 * (snapshot.time_s - before.time_s)
    assert at_least - 1e-3 <= found.scheduled <= at_most
    check_schedule(found)


def test_rate_nothing_pauses_and_another_goes_on(target):
    """At 0 RPS no start is made and none is missed; with another rate they come again."""
    one = endpoint(f"{target.url}paused", 200)
    with running(one, workers=2) as engine:
        reach(engine, 10)
        engine.set_rate(one.endpoint_key, 0)
        paused = engine.read().time_s
        # A start that was due before the change may still be under way for an instant.
        reach_time(engine, paused + 0.1)
        before = only(engine.read())
        reach_time(engine, paused + 0.5)
        after = only(engine.read())
        assert (after.requests_made, after.missed, after.target_rps) == (before.requests_made, before.missed, 0)
        assert after.scheduled == before.scheduled
        engine.set_rate(one.endpoint_key, 200)
        reach(engine, after.requests_made + 10)
        found = only(finish(engine))

    check_schedule(found)
    assert found.missed == before.missed


@pytest.mark.parametrize("rate", [-1, float("nan"), float("inf")])
def test_what_is_no_rate_is_refused(target, rate):
    """A rate that is negative or no number raises, and the schedule goes on as it was."""
    one = endpoint(f"{target.url}refused", 200)
    with running(one, workers=2) as engine:
        with pytest.raises(ValueError, match="rate"):
            engine.set_rate(one.endpoint_key, rate)
        reach(engine, 10)
        found = only(finish(engine))

    assert found.target_rps == 200
    check_schedule(found)


def test_an_unlimited_pool_can_be_given_a_rate(target):
    """From then on it is paced like any other: its starts are those of the schedule and no more."""
    one = endpoint(f"{target.url}unlimited")
    with running(one, shared_pool=SharedPool(2, None)) as engine:
        reach(engine, 100)
        engine.set_rate(one.endpoint_key, 100)
        # What was in flight at the change ends within the first moments.
        until(lambda: only(engine.read()).target_rps == 100, 5)
        begun = engine.read()
        reach_time(engine, begun.time_s + 0.5)
        snapshot = finish(engine)

    assert made(engine) - only(begun).requests_made <= 100 * (snapshot.time_s - begun.time_s) + 4


def test_a_pause_of_an_unlimited_pool_ends_where_it_began(target):
    """At rate 0 nothing starts; without a limit again, its lanes go on as fast as responses come back."""
    one = endpoint(f"{target.url}paused")
    with running(one, shared_pool=SharedPool(2, None)) as engine:
        reach(engine, 100)
        engine.set_rate(one.endpoint_key, 0)
        until(lambda: only(engine.read()).target_rps == 0, 5)
        paused = engine.read()
        reach_time(engine, paused.time_s + 0.3)
        assert made(engine) - only(paused).requests_made <= 2
        engine.set_rate(one.endpoint_key, None)
        reach(engine, made(engine) + 100)
        assert only(engine.read()).target_rps is None
        assert only(finish(engine)).missed == 0


def test_a_ramp_is_its_integral(target):
    """During the ramp the schedule is half the rate times the square of the time; after it the whole rate counts."""
    one = endpoint(f"{target.url}ramp", 1_000, ramp_s=1.0)
    with running(one, workers=4) as engine:
        reach_time(engine, 0.5)
        middle, middle_s = only(engine.read()), engine.read().time_s
        reach_time(engine, 1.3)
        begun_to_stop = engine.read().time_s
        snapshot = finish(engine)

    # What is published of the schedule is that of the last boundary of the window's slots.
    assert 500 * (middle_s - 0.2) ** 2 <= middle.scheduled <= 500 * middle_s**2
    assert 1_000 * (middle_s - 0.2) <= middle.target_rps <= 1_000 * middle_s
    found = only(snapshot)
    assert 500 + 1_000 * (begun_to_stop - 1) - 1e-3 <= found.scheduled <= 500 + 1_000 * (snapshot.time_s - 1)
    check_schedule(found)


def test_poisson_arrival_has_the_rate_as_its_mean_and_its_root_as_spread(target):
    """The counts of eight pools lie about their schedules as Poisson counts do, not on them as uniform ones."""
    ones = [endpoint(f"{target.url}poisson/{number}", 400) for number in range(8)]
    with running(*ones, workers=8, arrival="poisson", seed=7) as engine:
        reach_time(engine, 1)
        snapshot = finish(engine)

    found = snapshot.endpoints.values()
    sigmas = [(one.requests_made + one.missed - one.scheduled) / sqrt(one.scheduled) for one in found]
    assert all(abs(sigma) < 5 for sigma in sigmas)
    assert max(abs(one.requests_made + one.missed - one.scheduled) for one in found) > 2


def test_the_shared_pool_goes_as_fast_as_responses_come_back():
    """Without a rate each lane sends again at once: nothing is scheduled, nothing missed, every lane is always occupied."""
    with (
        raw_server(answering(OK)) as server,
        running(endpoint(server.url), shared_pool=SharedPool(4, None)) as engine,
    ):
        window = until(lambda: (found := only(engine.read()).window).full and found)
        found = only(finish(engine))

    assert found.requests_made == len(server.requests)
    assert (found.missed, found.target_rps, found.scheduled) == (0, None, 0)
    assert found.connections_opened == server.connections == 4
    assert window.utilisation > 0.95


def targets_of(seed, attempts=400):
    """The targets that a shared pool of one lane asks for, in order, of three endpoints on one origin."""
    with raw_server(answering(OK)) as server:
        ones = [endpoint(f"{server.url}{name}") for name in "abc"]
        with running(*ones, shared_pool=SharedPool(1, None), seed=seed) as engine:
            reach(engine, attempts)
            snapshot = finish(engine)
    seen = [request.target for request in server.requests]
    for one in ones:
        assert seen.count("/" + one.url[-1]) == snapshot.endpoints[one.endpoint_key].requests_made
    assert sum(found.connections_opened for found in snapshot.endpoints.values()) == 1
    return seen[:attempts]


def test_the_shared_pool_chooses_uniformly_and_repeatably():
    """A seed gives the same order of endpoints every time, another seed another one; each endpoint gets its third."""
    first, again, other = targets_of(1), targets_of(1), targets_of(2)

    assert first == again
    assert first != other
    for seen in (first, other):
        assert all(abs(count - 400 / 3) < 5 * sqrt(400 * 2 / 9) for count in Counter(seen).values())
        assert set(seen) == {"/a", "/b", "/c"}


def test_a_lane_of_the_shared_pool_keeps_one_connection_for_each_origin():
    """Endpoints on two origins, one lane: two connections, one request in flight in all."""
    with raw_server(answering(OK)) as one, raw_server(answering(OK)) as other:
        ones = (endpoint(f"{one.url}a"), endpoint(f"{other.url}b"), endpoint(f"{one.url}c"))
        with running(*ones, shared_pool=SharedPool(1, None)) as engine:
            reach(engine, 100)
            snapshot = finish(engine)

    assert (one.connections, other.connections) == (1, 1)
    assert {request.target for request in one.requests} == {"/a", "/c"}
    assert {request.target for request in other.requests} == {"/b"}
    assert len(one.requests) + len(other.requests) == sum(found.requests_made for found in snapshot.endpoints.values())


def test_a_limit_of_the_shared_pool_is_shared_evenly(target):
    """The pool's rate is the sum over its endpoints; each has its even share of the schedule and of the rate."""
    ones = [endpoint(f"{target.url}shared/{number}") for number in range(4)]
    with running(*ones, shared_pool=SharedPool(4, 800.0)) as engine:
        reach_time(engine, 1)
        snapshot = finish(engine)

    found = list(snapshot.endpoints.values())
    assert abs(sum(one.scheduled - one.requests_made - one.missed for one in found)) <= 1
    assert {one.target_rps for one in found} == {200}
    assert len({one.scheduled for one in found}) == 1


def test_the_shared_pool_stands_beside_pools_of_their_own(target):
    """An endpoint with autoscale keeps its own rate while the shared pool keeps the other two at theirs."""
    own = endpoint(f"{target.url}beside/own", 300)
    shared = [endpoint(f"{target.url}beside/{name}") for name in "ab"]
    with running(shared[0], own, shared[1], workers=2, shared_pool=SharedPool(2, 100.0)) as engine:
        engine.set_rate(shared[1].endpoint_key, 200.0)
        reach_time(engine, 0.5)
        snapshot = finish(engine)

    check_schedule(snapshot.endpoints[own.endpoint_key])
    assert snapshot.endpoints[own.endpoint_key].target_rps == 300
    assert {snapshot.endpoints[one.endpoint_key].target_rps for one in shared} == {100}


def test_an_unknown_endpoint_is_an_error(target):
    """A name that no endpoint has raises, and does not answer with another endpoint's numbers."""
    with running(endpoint(target.url, 10)) as engine:
        for call in (
            lambda: engine.set_rate("nobody", 1),
            lambda: engine.scale("nobody", 1),
            lambda: engine.read(endpoint_key="nobody"),
        ):
            with pytest.raises((KeyError, ValueError)):
                call()


def test_engines_side_by_side_share_nothing(target):
    """Two engines in one hub each keep their own rate and their own counts."""
    ones = [endpoint(f"{target.url}engines/{number}", 300) for number in range(2)]
    second = LocalEngine()
    with running(ones[0], workers=2) as first:
        Driven(second, config_of(ones[1]), {ones[1].endpoint_key: 2})
        reach(first, 100)
        reach(second, 100)
        check_schedule(only(finish(first)))
        assert made(second) >= 100
        check_schedule(only(finish(second)))

    counted = served(target, "/engines/")
    assert counted["/engines/0"] == only(first.read()).requests_made
    assert counted["/engines/1"] == only(second.read()).requests_made


def test_a_pool_without_a_rate_ends_with_its_duration():
    """However late the end is noticed, as by a program that is stopped for a while, nothing starts after it."""
    with (
        raw_server(answering(OK)) as server,
        running(endpoint(server.url), shared_pool=SharedPool(2, None), duration_s=0.2) as engine,
    ):
        reach_time(engine, 0.3)
        ended = made(engine)
        reach_time(engine, 0.4)
        assert ended == made(engine) > 0


@pytest.mark.parametrize("engines", [1, 3])
def test_the_starts_of_stages_are_their_integral_to_the_start(target, engines):
    """Up, down to nothing, a step: over one engine and over several, each with its part of the curve."""
    stages = (Stage(0.4, 400.0), Stage(0.3, 0.0), Stage(0.3, 200.0, is_step=True))
    one = endpoint(f"{target.url}stages/{engines}", 400.0)
    one = replace(one, autoscale=replace(one.autoscale, stages=stages))
    engine = Cluster([ProcessEngine() for _ in range(engines)]) if engines > 1 else LocalEngine()
    try:
        driven = Driven(engine, config_of(one, duration_s=1.0), {one.endpoint_key: 6})
        until(lambda: driven.read("counters").time_s > 1.2)
    finally:
        found = only(finish(engine))
    # 80 on the way up, 60 on the way down, 60 after the step.
    assert abs(found.requests_made + found.missed - 200) <= engines - 1
    assert found.scheduled == pytest.approx(200)
