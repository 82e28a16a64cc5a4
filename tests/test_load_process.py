"""Engines in processes of their own, one and several: the same numbers, nothing lost, nobody left behind."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from socket import SHUT_WR

import gevent
import pytest
import warm
from engines import ONCE, Driven, check_counts, config_of, endpoint, only, until
from gevent.socket import socketpair
from servers import answering, raw_server, secured

from tressi._core import Arena
from tressi.errors import EngineError
from tressi.load.child import Child
from tressi.load.cluster import Cluster
from tressi.load.messages import encode, messages
from tressi.load.process import ProcessEngine
from tressi.load.spawn import spawn
from tressi.model import SharedPool, TlsConfig
from tressi.run.runner import EndpointRunner

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def cluster(*endpoints, engines=2, workers=4, take=warm.engine, **fields):
    """A cluster of child processes that drives `endpoints`; `take` starts each, for some as it is in a run."""
    config = config_of(*endpoints, **fields)
    members = [ProcessEngine(take) for _ in range(engines)]
    engine = Cluster(members)
    try:
        one = Driven(engine, config, {each.endpoint_key: workers for each in config.autoscaled})
        one.members = members
        yield one
    finally:
        engine.stop(0)


def test_an_engine_in_a_process_speaks_tls():
    """Its reactor waits by itself, and lets go of the interpreter for that: names are looked up and hands are shaken."""
    with raw_server(secured(answering(OK))) as server:
        one = endpoint(f"https://localhost:{server.port}/", 200)
        with cluster(one, engines=1, tls=TlsConfig(verify=False)) as engine:
            until(lambda: only(engine.read()).requests_made >= 50)
            engine.stop(5)
            found = only(engine.read())
    assert (found.failed, found.requests_made) == (0, len(server.requests))
    assert found.connections_opened == found.tls.count > 0


def process_of(member):
    return member._process


def test_an_engine_in_a_process_measures_like_one_here():
    """Counts, codes and histograms come through the arena, and its process is gone after `stop`."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 200), engines=1, take=spawn) as one:
        until(lambda: only(one.read()).requests_made >= 50)
        one.stop(5)
        found = only(one.read())
        assert found.failed == 0
        assert found.requests_made == len(server.requests) == found.service.count
        check_counts(found)
        assert process_of(one.members[0]).poll() == 0


def test_the_engines_share_workers_and_rate():
    """Each engine has its part of the workers, and the rate of its workers; together they keep the whole rate."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 300), engines=2, workers=3) as one:
        until(lambda: one.read().time_s > 1.5)
        one.stop(5)
        parts = [only(member.read()) for member in one.members]
        whole = only(one.read())
    assert sorted(part.worker_count for part in parts) == [1, 2]
    assert whole.worker_count == 3
    assert whole.requests_made == sum(part.requests_made for part in parts) == len(server.requests)
    assert whole.requests_made + whole.missed == pytest.approx(whole.scheduled, abs=2)
    by_workers = sorted(parts, key=lambda part: part.worker_count)
    assert by_workers[1].requests_made == pytest.approx(2 * by_workers[0].requests_made, rel=0.1)


def test_merged_percentiles_are_those_of_all_values():
    """Histograms are added: the merged one has every value of the parts."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 300), engines=2) as one:
        until(lambda: only(one.read()).requests_made >= 100)
        one.stop(5)
        merged = dict(only(one.read()).service.counts())
        for member in one.members:
            for index, count in only(member.read()).service.counts():
                merged[index] -= count
    assert set(merged.values()) == {0}


def test_all_schedules_begin_at_one_moment():
    """Phases are offset against one another, which holds for no longer than a start takes to reach an engine otherwise."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 100), engines=3) as one:
        until(lambda: only(one.read()).requests_made >= 10)
        assert len({member._arena.start_ns for member in one.members}) == 1


def test_a_cluster_has_begun_when_its_start_returns():
    """The run's clock begins there: ahead of the schedules it would find each second one slot of the windows short."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 100)) as one:
        returned_ns = time.monotonic_ns()
        until(lambda: only(one.read()).requests_made >= 1)
        assert all(member._arena.start_ns <= returned_ns for member in one.members)


@pytest.mark.parametrize("ramp_s", [0, 1])
def test_the_target_told_is_the_rate_that_was_asked_for(ramp_s):
    """To the start, whatever a reading at the end of the run still lacks: made and missed are the schedule."""
    with raw_server(answering(OK)) as server:
        section = {"enabled": True, "targetRps": 200, "rampUpTime": ramp_s}
        config = {"duration": 1, "requests": [{"url": server.url, "autoscale": section}]}
        runner = EndpointRunner(config, engine=Cluster([ProcessEngine(warm.engine), ProcessEngine(warm.engine)]))
        runner.start()
        found = runner.summary()["global"]
    assert found["targetRps"] == pytest.approx(100 if ramp_s else 200)
    assert found["requestsMade"] + found["requestsMissed"] == pytest.approx(found["targetRps"], abs=2)


def test_scaling_and_rates_reach_every_engine():
    """`scale` and `set_rate` are divided again; the snapshot says the new count at once."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 100), engines=2, workers=1) as one:
        key = f"GET {server.url}"
        one.scale(key, 6)
        assert only(one.read()).worker_count == 6
        until(lambda: [only(member.read()).peak_worker_count for member in one.members] == [3, 3])
        one.set_rate(key, 40)
        until(lambda: only(one.read()).target_rps == pytest.approx(40))


def test_a_killed_engine_keeps_what_it_measured_and_its_share_moves_on():
    """After SIGKILL of one of two, its counts stay in the sum and the other takes over workers and rate."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 200), engines=2, workers=4) as one:
        until(lambda: only(one.read()).requests_made >= 40)
        lost, left = one.members
        process_of(lost).kill()
        until(lambda: lost.lost)
        kept = only(lost.read()).requests_made
        assert kept > 0
        until(lambda: only(one.read()) and only(left.read()).target_rps == pytest.approx(200))
        assert only(left.read()).worker_count == 4
        before = only(left.read()).requests_made
        until(lambda: only(left.read()).requests_made > before + 20)
        assert only(one.read()).requests_made >= kept + before
        generator = one.read().generator
    assert generator.lost == (lost.lost,)
    assert generator.busy_s[0] is None
    assert generator.busy_s[1] > 0


def test_nothing_of_a_lost_engine_is_taken_for_the_present():
    """Target, workers and window are those of the engine that is left, in every endpoint of a shared pool."""
    with raw_server(answering(OK)) as server:
        ones = [endpoint(f"{server.url}{path}") for path in "ab"]
        with cluster(*ones, engines=2, shared_pool=SharedPool(4, 100)) as one:
            until(lambda: one.read().time_s > 0.3)
            lost, left = one.members
            process_of(lost).kill()
            until(lambda: lost.lost and one.read())
            until(lambda: all(found.target_rps == pytest.approx(50) for found in one.read().endpoints.values()))
            until(lambda: all(found.window.full for found in one.read().endpoints.values()))
            one.stop(5)
            whole, part = one.read(), left.read()
    for key, found in whole.endpoints.items():
        assert (found.worker_count, found.draining) == (4, 0)
        assert found.target_rps == part.endpoints[key].target_rps
        assert found.window == part.endpoints[key].window


def test_an_engine_that_does_not_answer_is_lost(monkeypatch, capfd):
    """What it measured may be old, so a run that ends so is no clean one; its process is gone, and no traceback is shown."""
    monkeypatch.setattr("tressi.load.process.LEAVE_S", 0.1)
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 200), engines=1) as one:
        until(lambda: only(one.read()).requests_made >= 10)
        os.kill(process_of(one.members[0]).pid, signal.SIGSTOP)
        with pytest.raises(EngineError, match="did not answer"):
            one.stop(0.1)
        assert process_of(one.members[0]).poll() == -signal.SIGKILL
        assert only(one.read()).requests_made >= 10
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.alone
def test_an_engine_that_does_not_listen_holds_up_nobody(monkeypatch):
    """It is sent more than its socket takes: the sender goes on, and the engine is lost when it does not stop."""
    monkeypatch.setattr("tressi.load.process.LEAVE_S", 1)
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 200), engines=2) as one:
        key = only(one.read()).endpoint_key
        os.kill(process_of(one.members[0]).pid, signal.SIGSTOP)
        with gevent.Timeout(30):
            for count in range(10_000):
                one.scale(key, 2 + count % 2)
            until(lambda: only(one.members[1].read()).requests_made >= 10)
            one.stop(0.1)
        assert "did not answer" in one.members[0].lost
        assert one.members[1].lost is None


def test_an_engine_may_take_longer_to_stop_the_more_connections_it_has_to_cut(monkeypatch):
    """Thirty thousand take a second and more, which is no reason to call it lost."""
    monkeypatch.setattr("tressi.load.process.LEAVE_S", 0)
    monkeypatch.setattr("tressi.load.process.CUT_ONE_S", 10)
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 200), engines=1, workers=3) as one:
        until(lambda: only(one.read()).requests_made >= 10)
        os.kill(process_of(one.members[0]).pid, signal.SIGSTOP)
        stopping = gevent.spawn(one.stop, 0)
        gevent.sleep(0)  # it runs until it waits
        os.kill(process_of(one.members[0]).pid, signal.SIGCONT)
        stopping.get(timeout=30)
        assert one.members[0].lost is None


def test_an_engine_that_is_not_ready_in_time_is_an_error(monkeypatch):
    """It is ended, as are the others."""
    monkeypatch.setattr("tressi.load.process.BUILD_S", 0)
    one = ProcessEngine()
    with pytest.raises(EngineError, match="is not ready after 0 s"):
        Driven(Cluster([one]), config_of(endpoint("http://127.0.0.1:9/", ONCE)), {"GET http://127.0.0.1:9/": 1})
    assert process_of(one).poll() is not None


def test_a_process_that_cannot_be_started_ends_the_run(capfd):
    """In words, with a summary, and without a process left behind."""
    started = []

    def take():
        if started:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        started.append(spawn())
        return started[0]

    runner = EndpointRunner(
        config_of(endpoint("http://127.0.0.1:9/", ONCE), document={}), engine=Cluster([ProcessEngine(take) for _ in range(3)])
    )
    runner.start()
    summary = runner.summary()
    assert summary["endReason"] == "error"
    assert summary["endDetail"] == "an engine's process cannot be started: [Errno 24] Too many open files"
    assert started[0].process.poll() is not None
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err


def test_the_last_engine_lost_is_an_error_until_the_end():
    """Nobody is left to run: every snapshot says so until `stop`, and reads what was measured afterwards."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 200), engines=1) as one:
        until(lambda: only(one.read()).requests_made >= 10)
        process_of(one.members[0]).kill()
        until(lambda: one.members[0].lost)
        for _ in range(2):
            with pytest.raises(EngineError, match="was lost"):
                one.read()
            # Orders to scale or to steer meanwhile reach no engine.
            one.scale(f"GET {server.url}", 2)
            one.set_rate(f"GET {server.url}", 100)
        one.stop(0)
        assert only(one.read()).requests_made >= 10


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_messages_come_whole_however_they_are_cut(size):
    """Many in one piece, and one in many."""
    sent = [{"do": "go"}, {"text": "x" * 3_000}, {}, {"text": "y\n"}]
    ours, theirs = socketpair()
    with ours, theirs:
        data = b"".join(encode(message) for message in sent)
        feeder = gevent.spawn(lambda: [theirs.sendall(data[at : at + size]) for at in range(0, len(data), size)])
        feeder.link(lambda _: theirs.shutdown(SHUT_WR))
        assert list(messages(ours)) == sent


def test_nothing_else_of_ours_reaches_the_child():
    """Besides the standard streams the child has the arena, its socket and what it opened itself: no other file."""
    secret = Path(__file__).open("rb")  # noqa: SIM115 - open while the child starts
    try:
        os.set_inheritable(secret.fileno(), True)  # noqa: FBT003 - as os has it
        with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 50), engines=1, take=spawn) as one:
            until(lambda: only(one.read()).requests_made >= 1)
            pid = process_of(one.members[0]).pid
            held = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    finally:
        secret.close()
    assert __file__ not in held
    assert sum("tressi-arena" in target for target in held) == 1


ORPHAN = """
import gevent, sys
sys.path[:0] = [{tests!r}]
from engines import Driven, config_of, endpoint, only, until
from tressi.load.process import ProcessEngine
engine = ProcessEngine()
one = endpoint({url!r}, 100)
Driven(engine, config_of(one), {{one.endpoint_key: 2}})
until(lambda: only(engine.read()).requests_made >= 5)
print(engine._process.pid, flush=True)
gevent.sleep(60)
"""


def test_a_drain_whose_owner_has_left_ends_in_silence(capfd):
    """Of two drains the one with less patience is the last that the owner waits for; the other must not complain."""
    ours, theirs = socketpair()
    with ours:
        theirs.close()
        Child(Arena(1), None, None, ours).obey({"do": "stop", "drain_s": 0})
        gevent.idle()
    assert capfd.readouterr().err == ""


def test_a_killed_owner_leaves_no_orphan():
    """The end of the control socket is the end of the engine's process, and no shared memory stays behind."""
    memory = set(Path("/dev/shm").iterdir())
    with raw_server(answering(OK)) as server:
        program = ORPHAN.format(tests=str(Path(__file__).parent), url=server.url)
        owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        orphan = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
        until(lambda: _is_gone(orphan))
    assert set(Path("/dev/shm").iterdir()) == memory


def _is_gone(pid):
    try:
        # An orphan that nobody reaps stays as a zombie.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_shared_pool_without_a_rate_runs_on_all_engines():
    """Unlimited workers are divided too, and no rate is made up for them."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url), engines=2, shared_pool=SharedPool(4, None)) as one:
        until(lambda: all(only(member.read()).requests_made > 10 for member in one.members))
        assert only(one.read()).target_rps is None
        assert only(one.read()).worker_count == 4


def test_a_ramp_is_shared_out():
    """The integral of the ramp is what both engines are asked for together."""
    with raw_server(answering(OK)) as server, cluster(endpoint(server.url, 200, ramp_s=1.0), engines=2) as one:
        gevent.sleep(0.3)
        # New parts in the middle of the ramp: what is left of it goes on.
        one.scale(f"GET {server.url}", 3)
        until(lambda: one.read().time_s > 2)
        least = 200 * (one.read().time_s - 0.5)
        one.stop(5)
        found = only(one.read())
        most = 200 * (one.read().time_s - 0.5)
    assert least - 21 <= found.scheduled <= most + 1  # the last reading before the end may be a slot of 100 ms old
    assert found.requests_made + found.missed == pytest.approx(found.scheduled, abs=3)
