"""The engine as a guest: what it leaves to the application it runs in, and what is left of it afterwards."""

import gc
import resource

import gevent
import pytest
from engines import BOUND_S, Driven, config_of, descriptors, endpoint, finish, only, reach, reach_time, running, until
from servers import nginx, refusing_port

from tressi.load.engine import LocalEngine
from tressi.model import SharedPool

pytestmark = pytest.mark.timed


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """One nginx for all tests of this file."""
    with nginx(tmp_path_factory.mktemp("nginx")) as running_nginx:
        yield running_nginx


def test_other_greenlets_keep_their_pace_during_a_run_at_full_speed(target):
    """While 64 lanes send as fast as they can, a greenlet that asks for the hub every 10 ms gets it at least half as often."""
    ticks = []

    def tick():
        while True:
            gevent.sleep(0.01)
            ticks.append(None)

    with running(endpoint(target.url), shared_pool=SharedPool(64, None)) as engine:
        ticker = gevent.spawn(tick)
        begun_s = engine.read().time_s
        until(lambda: len(ticks) >= 50)
        passed_s = engine.read().time_s - begun_s
        ticker.kill()
        found = only(finish(engine))

    assert found.requests_made > 1_000
    assert 0.5 * passed_s / 0.01 <= 50


def greenlets():
    """The greenlets that gevent has spawned and that have not ended."""
    gc.collect()
    return [found for found in gc.get_objects() if isinstance(found, gevent.Greenlet) and not found.dead]


def left_after(*endpoints, drain_s=10, **fields):
    """Run until 50 attempts have ended; what the stopped engine still holds, apart from the memory of its numbers."""
    before, alive = descriptors(), len(greenlets())
    with running(*endpoints, **fields) as engine:
        reach(engine, 50)
        snapshot = finish(engine, drain_s)
        until(lambda: len(greenlets()) <= alive, 5)
        assert only(engine.read()).requests_made == only(snapshot).requests_made
        left = {number: what for number, what in descriptors().items() if before.get(number) != what}
    return [what for what in left.values() if "tressi-arena" not in what]


def test_a_stopped_engine_holds_no_descriptor_and_no_greenlet(target):
    """A stopped engine that is kept for its numbers keeps no connection, no timer and no epoll set open."""
    assert left_after(endpoint(target.url, 1_000), workers=20) == []


def test_a_stopped_engine_of_a_target_that_refuses_holds_nothing_either():
    """Nor do connections that were never made."""
    with refusing_port() as port:
        assert left_after(endpoint(f"http://127.0.0.1:{port}/", 1_000), workers=20) == []


def test_an_engine_whose_lanes_are_cut_holds_nothing_either(target):
    """The connections of attempts in flight are closed with them."""
    assert left_after(endpoint(target.url), shared_pool=SharedPool(32, None), drain_s=0) == []


def test_a_name_that_was_looked_up_leaves_nothing():
    """A name keeps a greenlet that looks it up again; it ends with the engine."""
    # What gevent makes for the first look-up it keeps.
    gevent.get_hub().threadpool.apply(int)
    with refusing_port() as port:
        assert left_after(endpoint(f"http://localhost:{port}/", 1_000), workers=20) == []


def test_engines_that_are_forgotten_leave_nothing(target):
    """Five engines one after the other, each dropped after its stop: as many descriptors and greenlets as before."""
    before, alive = len(descriptors()), len(greenlets())
    for _ in range(5):
        with running(endpoint(target.url, 1_000), workers=8) as engine:
            reach(engine, 20)
            finish(engine)
    del engine
    until(lambda: len(greenlets()) <= alive, 5)

    assert len(descriptors()) == before


def test_the_kernel_tells_when_responses_arrived(target):
    """All but a few responses are timed by the kernel's stamps: over 90 % of a paced run, and of one at full speed."""
    paced, unlimited = endpoint(target.url, 1_000), endpoint(target.url)
    # The kernel switches stamping on in a work queue of its own: milliseconds, which are hundreds of responses at full speed.
    for one, attempts, fields in ((paced, 500, {}), (unlimited, 20_000, {"shared_pool": SharedPool(8, None)})):
        with running(one, **fields) as engine:
            reach(engine, attempts)
            snapshot = finish(engine)
        generator = snapshot.generator
        assert generator.kernel_timed + generator.user_timed == only(snapshot).service.count
        assert generator.kernel_timed > 0.9 * only(snapshot).service.count
        assert generator.own_delay.count == only(snapshot).service.count


def test_the_engine_tells_its_own_cost(target):
    """CPU is that of the run and no more than its length; late sends are counted for every start of a paced pool."""
    with running(endpoint(target.url, 2_000), workers=4) as engine:
        reach_time(engine, 0.5)
        snapshot = finish(engine)

    assert 0 < snapshot.generator.cpu_s <= snapshot.time_s
    assert snapshot.generator.late_sends.count == only(snapshot).requests_made


def test_running_out_of_file_descriptors_is_a_failure_in_words(target):
    """Starts that get no socket fail as `connect`, with what to do; lanes that have one go on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    one = endpoint(target.url, 100, timeout_s=1)
    with running(one, keep_alive=False) as engine:
        reach(engine, 5)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            until(lambda: only(engine.read()).errors.get("connect", 0) >= 5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        healthy = only(engine.read()).succeeded
        until(lambda: only(engine.read()).succeeded >= healthy + 5)
        found = only(finish(engine))

    assert all(told.text.startswith("no file descriptor is left: raise ulimit") for told in found.reasons)
    assert len(found.reasons) == 1
    assert found.succeeded == found.status_codes[200]


def test_an_engine_that_was_never_started_is_no_trouble():
    """It can be made, and thrown away."""
    before = descriptors()
    for _ in range(3):
        LocalEngine()
    gc.collect()

    assert descriptors() == before


def test_an_engine_can_be_driven_from_any_greenlet(target):
    """Start, scale and stop in three greenlets of one hub: they are those of one engine."""
    one = endpoint(target.url, 500)
    driven = gevent.spawn(Driven, LocalEngine(), config_of(one), {one.endpoint_key: 1})
    engine = driven.get(timeout=BOUND_S)
    gevent.spawn(engine.scale, one.endpoint_key, 3).get(timeout=BOUND_S)
    reach(engine, 20)
    gevent.spawn(engine.stop, 5).get(timeout=BOUND_S)

    found = only(engine.read())
    assert found.worker_count == 3
    assert found.status_codes == {200: found.requests_made}
