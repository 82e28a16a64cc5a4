"""Runs over several nodes, as outposts of this machine: the same numbers as from one, whatever is killed or stopped."""

import os
import select
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import gevent
import pytest
import warm
from engines import until
from servers import answering, raw_server
from values_seen import Seen, numbers, ran, requests_of, target_of

from tressi import EndpointRunner, load_config
from tressi.errors import EngineError
from tressi.load.plan import make_plan
from tressi.model import PoolId, TlsConfig
from tressi.nodes.carrier import CarrierError, Exchanged, NodeGoneError
from tressi.nodes.facts import facts_here
from tressi.nodes.far import FarCluster
from tressi.nodes.loopback import Loopback
from tressi.nodes.post import Post

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BOUND_S = 30.0


class Far:
    """A run over outposts of this machine that is under way, and the server that it sends to."""

    def __init__(self, server, nodes, processes, lease_s, **fields):
        self.server, self.carrier = server, Loopback(nodes, partial(warm.Outpost, processes))
        self.engine = FarCluster(self.carrier, processes=processes, lease_s=lease_s)
        document = {"requests": [{"url": server.url}], "workers": 12, "duration": 60, **fields}
        self.runner = EndpointRunner(document, engine=self.engine)
        self.runner.start()
        self.outposts = [one.process.pid for one in self.carrier.hosted]
        self.processes = [*self.outposts, *(pid for one in self.outposts for pid in children(one))]

    def made(self):
        """The requests that are known to have been made."""
        return sum(one.requests_made for one in self.engine.read("counters").endpoints.values())

    def member(self, number):
        """What the run knows of a node."""
        return self.engine.members[number]

    def summary(self):
        """What came of it, and that nothing of it goes on."""
        assert self.runner.wait(BOUND_S)
        until(lambda: not any(map(is_there, self.processes)))
        return self.runner.summary()


@contextmanager
def far(nodes=3, processes=2, lease_s=10.0, **fields):
    """A run over nodes; it is ended at the end of the block. The lease is so long because other tests want the cores, too."""
    with raw_server(answering(OK)) as server:
        run = Far(server, nodes, processes, lease_s, **fields)
        try:
            yield run
        finally:
            for pid in run.outposts:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            run.runner.stop()
            run.runner.wait(BOUND_S)


def children(pid):
    """The processes that a process has started."""
    with suppress(FileNotFoundError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def is_there(pid):
    """Whether a process goes on."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def whole(summary):
    """The figures of all endpoints."""
    return summary["global"]


@pytest.mark.parametrize(
    "layout", [{"nodes": 3, "processes": 2}, {"nodes": 2, "processes": 1, "arrival": "poisson"}], ids=["3x2", "2x1, by chance"]
)
def test_the_rate_is_what_was_asked_for_and_the_server_counts_the_same(layout):
    """Every start of the schedule is made or missed, and each that was made has arrived."""
    with far(**layout, rps=300, duration=2, seed=7) as run:
        summary = run.summary()
    found = whole(summary)
    assert (summary["endReason"], summary["durationSec"]) == ("duration", 2.0)
    assert found["requestsMade"] + found["requestsCut"] == len(run.server.requests)
    asked = found["requestsMade"] + found["requestsCut"] + found["requestsMissed"]
    # Each engine may be a start off where its schedule ends. Chance has a spread of the square root of the count.
    assert asked == pytest.approx(600, abs=120 if "arrival" in layout else 6)
    assert found["targetRps"] == pytest.approx(300)
    assert sum(row["global"]["currentRps"] for row in summary["timeline"]) > 0
    nodes = summary["nodes"]
    assert [(one["name"], one["engines"], one["lostAt"], one["uncountedAtMost"]) for one in nodes] == [
        (f"node-{number + 1}", layout["processes"], None, 0) for number in range(layout["nodes"])
    ]
    assert sum(one["requestsMade"] for one in nodes) == found["requestsMade"]
    assert sum(one["share"] for one in nodes) == pytest.approx(1)
    assert all(abs(one["clockOffsetMs"]) <= one["clockBoundMs"] for one in nodes)
    assert summary["generator"]["processes"] == layout["nodes"] * layout["processes"]


def test_max_requests_is_kept_over_all_nodes():
    """To the request: what a node does not use another one makes, and one that has none left waits for more."""
    with far(nodes=2, processes=1, maxRequests=500) as run:
        summary = run.summary()
    assert summary["endReason"] == "complete"
    assert whole(summary)["requestsMade"] == len(run.server.requests) == 500


def test_an_outpost_that_is_stopped_beyond_its_lease_loses_its_share_and_keeps_its_books():
    """Its engines stop by themselves, the others take over, and once it goes on the sums are the server's, to the request."""
    with far(processes=1, lease_s=3.0, rps=300) as run:
        until(lambda: run.made() >= 100)
        os.kill(run.outposts[1], signal.SIGSTOP)
        until(lambda: run.member(1).lost)
        assert [one.told[0].workers for one in run.engine.members if one.has_share] == [6, 6]
        os.kill(run.outposts[1], signal.SIGCONT)
        until(lambda: run.member(1).is_whole)
        run.runner.stop()
        summary = run.summary()
    found, lost = whole(summary), summary["nodes"][1]
    assert found["requestsMade"] + found["requestsCut"] == len(run.server.requests)
    assert (lost["lostAt"] > 0, lost["uncountedAtMost"]) == (True, 0)
    assert summary["generator"]["lost"][0].startswith("node-2 was lost: no answer for ")
    # Whether the lost node cost most of the starts depends on how many others a busy machine has missed.
    assert summary["verdict"]["word"] in {"GENERATOR LIMITED", "TARGET NOT MET"}
    assert found["requestsMissed"] > 0


def test_what_is_killed_costs_its_share_and_the_last_node_ends_the_run():
    """An engine, then outposts one after the other; what they measured stays, and what is in no figure has a bound."""
    with far(nodes=2, processes=2, lease_s=3.0, rps=200) as run:
        until(lambda: run.made() >= 100)
        os.kill(children(run.outposts[0])[0], signal.SIGKILL)
        os.kill(run.outposts[1], signal.SIGKILL)
        until(lambda: not run.member(1).has_share)
        assert run.member(0).told[0].workers == 12
        at_least = run.made() + 50
        until(lambda: run.made() >= at_least)
        os.kill(run.outposts[0], signal.SIGKILL)
        summary = run.summary()
    found, uncounted = whole(summary), [one["uncountedAtMost"] for one in summary["nodes"]]
    assert summary["endReason"] == "error"
    assert summary["endDetail"].startswith("node-1 was lost: outpost ")
    assert found["requestsMade"] <= len(run.server.requests) <= found["requestsMade"] + found["requestsCut"] + sum(uncounted)
    assert found["requestsMade"] >= 100
    assert all(f"{one['name']} was lost: outpost " in str(summary["generator"]["lost"]) for one in summary["nodes"])
    assert f"at most {uncounted[1]:,} of its requests are in no figure" in summary["generator"]["lost"][1]


def test_nothing_is_left_when_the_driver_is_killed():
    """Outposts and engines end at once; nothing is sent once they have."""
    with raw_server(answering(OK)) as server:
        driver = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "nodes_driver.py", server.url], stdout=subprocess.PIPE, text=True
        )
        with driver:
            # Of a busy machine it may log something before that.
            told = next(line for line in driver.stdout if line.replace(" ", "").strip().isdigit())
            outposts = [int(pid) for pid in told.split()]
            ends = [os.pidfd_open(pid) for pid in (*outposts, *(one for pid in outposts for one in children(pid)))]
            driver.kill()
            poll = select.poll()
            for end in ends:
                poll.register(end, select.POLLIN)
            left = set(ends)
            until(lambda: not left or left.difference_update(end for end, _ in poll.poll(0)))
            had = len(server.requests)
            for end in ends:
                os.close(end)
        gevent.sleep(0.2)
        assert (len(outposts), len(ends)) == (2, 4)
        assert len(server.requests) == had > 0


class Here:
    """A carrier whose outposts are in this process; `facts` are what its nodes say of themselves."""

    def __init__(self, *facts, answer=None):
        self._facts, self._answer = facts, answer
        self._posts = [Post() for _ in facts]
        self.released = False

    def launch(self, _nodes, _wait_s):
        """They are there."""
        return self._facts

    def exchange(self, node, order):
        """Answer as an outpost does, unless told otherwise."""
        if self._answer is not None:
            return self._answer()
        return Exchanged(self._posts[node].answer(order, 0), 0, 0)

    def release(self):
        """Note it."""
        self.released = True


def plan_to(url="http://127.0.0.1:9/", workers=1, **fields):
    """The plan of one endpoint."""
    return make_plan(load_config({"requests": [{"url": url}], "workers": workers, **fields}), {PoolId(0): workers})


def gone():
    raise NodeGoneError("outpost 7 has ended")


@pytest.mark.parametrize(
    ("facts", "answer", "said"),
    [
        ({"tressi": "0.0.1"}, None, r"^node-2: it has tressi 0\.0\.1, this machine has .*: both must be the same$"),
        ({}, gone, "^node-1: outpost 7 has ended\nnode-2: outpost 7 has ended$"),
        ({}, lambda: Exchanged(b"\xc1", 0, 0), "^node-1: an answer that says nothing"),
    ],
    ids=["another version", "gone", "no answer"],
)
def test_a_node_that_cannot_take_part_is_named(facts, answer, said):
    """The run does not start, and the nodes are let go."""
    here = facts_here()
    carrier = Here(replace(here, name="node-1"), replace(here, name="node-2", **facts), answer=answer)
    with pytest.raises(EngineError, match=said):
        FarCluster(carrier).build(plan_to())
    assert carrier.released


def test_a_node_that_cannot_build_its_engines_says_why():
    """A file of certificates may be on this machine alone."""
    plan = plan_to("https://127.0.0.1:9/")
    plan = replace(plan, network=replace(plan.network, tls=TlsConfig(ca="/nowhere/ca.pem")))
    plan = replace(plan, ways=tuple(replace(way, tls=plan.network.tls) for way in plan.ways))
    with pytest.raises(EngineError, match=r"^node-1: .*/nowhere/ca\.pem"):
        FarCluster(Loopback(1), processes=1).build(plan)


def test_fewer_nodes_than_asked_is_said():
    """And the run does not start."""
    with pytest.raises(CarrierError, match="asked for 3 nodes, 2 are there"):
        FarCluster(Loopback(2), nodes=3).build(plan_to())


def test_rows_that_are_used_once_are_used_once_over_all_nodes():
    """The tables go with the plan, and each engine has rows of its own by its number among all engines of the run."""
    seen = Seen()
    with raw_server(seen.answering()) as server:
        config = {"data": numbers(90, "unique"), "requests": requests_of(server.url)}
        summary = ran(config, FarCluster(Loopback(2, partial(warm.Outpost, 1)), processes=1, lease_s=10.0), workers=2)
    assert summary["endReason"] == "complete"
    assert seen.counts(target_of) == Counter(f"/{number}" for number in range(90))
