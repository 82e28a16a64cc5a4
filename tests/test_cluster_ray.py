"""A real Ray cluster of three nodes on loopback: placing, running, losing, and leaving nothing behind."""

import json
import os
import select
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from commands import command, tressi
from servers import nginx

from examples.cluster.machines import Machines, below

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: .venv/bin/pip install -e '.[cluster]'"),
]

BOUND_S = 60
LEASE_S = 15  # of a run of some seconds: on a busy machine nobody may be heard for a second
OURS = ("HOME", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_USAGE_STATS_ENABLED")


@pytest.fixture(scope="module")
def machines():
    """The cluster, joined by whatever this process starts; the tests share it, and run in the order of this file."""
    with Machines(3, 1, isolated=False) as made, pytest.MonkeyPatch.context() as patch:
        for name in OURS:
            patch.setenv(name, made.environment[name])
        yield made


@contextmanager
def carrying(machines):
    """A carrier to the cluster."""
    from tressi.nodes.ray_carrier import RayCarrier

    with RayCarrier(machines.address) as carrier:
        yield carrier


def doing(module, *roots):
    """The processes that descend from these and run a module of tressi, by their ids."""
    said = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], stdout=subprocess.PIPE, text=True, check=True).stdout
    running = {
        int(pid) for pid, arguments in (line.split(None, 1) for line in said.splitlines()) if module in arguments.split()
    }
    return running & set().union(*map(below, roots))


def outposts(machines):
    """The outposts of the cluster."""
    return doing("tressi.nodes.outpost", *(node.process.pid for node in machines.nodes))


@contextmanager
def watched(pids):
    """A function that waits for the end of all these processes, and says which are left after a while."""
    handles = {os.pidfd_open(pid): pid for pid in pids}

    def left():
        until_s = time.monotonic() + BOUND_S
        remaining = dict(handles)
        while remaining and time.monotonic() < until_s:
            ready, _, _ = select.select(list(remaining), [], [], until_s - time.monotonic())
            for one in ready:
                del remaining[one]
        return set(remaining.values())

    try:
        yield left
    finally:
        for one in handles:
            os.close(one)


def test_an_order_that_failed_because_the_node_was_cut_off_is_sent_again():
    """Ray says "unavailable" when a node is back after some twenty seconds, though the actor lives; a dead one is gone."""
    from concurrent.futures import Future

    import msgpack
    from ray.exceptions import ActorUnavailableError

    from tressi.nodes.framing import receive
    from tressi.nodes.relay import Relay

    class Actor:
        """Answers the third call, and dies at the fourth."""

        outcomes = (*[ActorUnavailableError("cut", None)] * 2, (True, b"answer"), RuntimeError("it died\nat once"))
        exchange = property(lambda self: self)

        def __init__(self):
            self.orders = []

        def remote(self, order):
            self.orders.append(order)
            answering = Future()
            outcome = self.outcomes[len(self.orders) - 1]
            getattr(answering, "set_exception" if isinstance(outcome, Exception) else "set_result")(outcome)
            self.future = lambda: answering
            return self

    ours, theirs = socket.socketpair()
    with ours, theirs:
        relay = Relay(theirs, "auto")
        actor = Actor()
        relay._actors = [actor]
        relay._exchange(0, b"order")
        said = msgpack.unpackb(receive(ours))
        relay._exchange(0, b"last")
        gone = msgpack.unpackb(receive(ours))
    assert actor.orders == [b"order"] * 3 + [b"last"]
    assert (said["node"], said["answer"]) == (0, b"answer")
    assert gone == {"node": 0, "gone": "it died"}


def test_outposts_are_placed_and_answer(machines):
    """One a node, at nice 0, each on a node of its own; an exchange has its stamps, and what ends them ends their processes."""
    with carrying(machines) as carrier:
        facts = carrier.launch(3, BOUND_S)
        assert [one.nice for one in facts] == [0, 0, 0]
        started = outposts(machines)
        assert len(started) == 3
        assert all(len(started & below(node.process.pid)) == 1 for node in machines.nodes)
        before_ns = time.monotonic_ns()
        exchanged = [carrier.exchange(number, b"") for number in range(3)]
        assert all(before_ns < one.sent_ns < one.received_ns < time.monotonic_ns() for one in exchanged)
        with watched(started) as left:
            carrier.release()
            assert left() == set()


def test_the_cluster_is_shown(machines):
    """Beside the versions the clock of each node, which is this machine's; the head makes no load, and there is a token."""
    done = tressi("nodes", "--cluster", machines.address, "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["token"] is True
    assert len(found["withoutCpus"]) == 1
    assert [node["faults"] for node in found["nodes"]] == [[], [], []]
    assert all(abs(node["clockOffsetMs"]) <= node["clockBoundMs"] for node in found["nodes"])


def test_fewer_nodes_than_asked(machines, tmp_path):
    """The run is refused before a file is touched, and the numbers are said."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"requests": [{"url": "http://192.0.2.1/"}], "rps": 1}))
    export = tmp_path / "export"

    flags = ("--cluster", machines.address, "--nodes", 10, "--nodes-wait", 0, "--export", export)
    done = tressi("run", config, *flags)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1] == "tressi: asked 10 nodes, 3 are there"
    assert list(export.iterdir()) == []


def test_a_run_over_the_nodes_is_counted_exactly(machines, tmp_path):
    """What the summary has is what the server has answered, and each node had its part."""
    config, result = tmp_path / "config.json", tmp_path / "summary.json"
    with nginx(tmp_path) as server:
        own = {"enabled": True, "targetRps": 120, "maxWorkers": 9}
        asked = {"duration": 3, "workers": 9, "requests": [{"url": server.url, "autoscale": own}]}
        config.write_text(json.dumps(asked))
        flags = ("--cluster", machines.address, "--nodes", 3, "--lease", LEASE_S)
        done = tressi("run", config, *flags, "--json", result, "--no-ui")
        served = sum(server.served().values())

    assert done.returncode == 0, done.stderr
    summary = json.loads(result.read_text())
    assert summary["global"]["requestsMade"] == served
    assert served + summary["global"]["requestsMissed"] == 360
    assert [node["share"] for node in summary["nodes"]] == [pytest.approx(1 / 3, abs=1e-4)] * 3
    assert sum(node["requestsMade"] for node in summary["nodes"]) == served


def test_a_killed_driver_leaves_no_process(machines, target, tmp_path):
    """The command line and its relay are killed while a run goes on: outposts and engines end by themselves."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"requests": [{"url": f"{target}/fast"}], "rps": 30, "duration": 30}))
    flags = ["--cluster", machines.address, "--lease", LEASE_S, "--stream", "-", "--quiet"]
    with subprocess.Popen(command("run", config, *flags), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        try:
            while b'"moment"' not in (line := running.stdout.readline()):
                assert line, "the run ended by itself"
            relays, started = doing("tressi.nodes.relay", running.pid), outposts(machines)
            engines = doing("tressi.load.child", *started)
            assert (len(relays), len(started), len(engines)) == (1, 3, 3)
            with watched(started | engines | relays) as left:
                for pid in (running.pid, *relays):
                    os.kill(pid, signal.SIGKILL)
                assert left() == set()
        finally:
            running.kill()


def test_what_is_lost_is_told_and_the_others_go_on(machines):
    """An outpost that is killed, then a node that is: an exchange with either says so, and the third node answers."""
    from tressi.nodes.carrier import NodeGoneError

    def asked(carrier):
        gone = set()
        for number in range(3):
            try:
                assert carrier.exchange(number, b"").answer
            except NodeGoneError:
                gone.add(number)
        return gone

    with carrying(machines) as carrier:
        carrier.launch(3, BOUND_S)
        os.kill(*doing("tressi.nodes.outpost", machines.nodes[0].process.pid), signal.SIGKILL)
        first = asked(carrier)
        assert len(first) == 1
        machines.nodes[1].kill()
        second = asked(carrier)
        assert first < second
        assert len(second) == 2


def test_another_version_is_refused_with_its_node(machines, tmp_path):
    """A node whose tressi is another one is named, and told from the others in `tressi nodes`."""
    import tressi

    fake = tmp_path / "tressi"
    fake.mkdir()
    (fake / "__init__.py").write_text(f"__path__.append({str(Path(tressi.__file__).parent)!r})")
    (fake / "version.py").write_text("__version__ = '9.9.9'")
    machines.start_node({"PYTHONPATH": str(tmp_path)})

    from tressi.nodes.carrier import CarrierError

    with carrying(machines) as carrier, pytest.raises(CarrierError) as refused:
        carrier.launch(3, BOUND_S)
    lines = str(refused.value).splitlines()
    assert len(lines) == 1
    assert "it has tressi 9.9.9, and this machine" in lines[0]
