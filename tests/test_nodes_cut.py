"""Nodes that are cut off for a while: what they do meanwhile, and the books once they are heard of again."""

import threading
from contextlib import contextmanager
from functools import partial

import pytest
import warm
from engines import until
from gevent.event import Event
from servers import raw_server

from tressi.nodes.far import FarCluster
from tressi.nodes.loopback import Loopback
from tressi.run.runner import EndpointRunner

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BOUND_S = 30.0
LEASE_S = 3.0  # other tests want the cores, too


class Cables(Loopback):
    """Outposts of this machine, of which some cannot be reached: an order to them is under way until that is over."""

    def __init__(self, there):
        super().__init__(there, partial(warm.Outpost, 1))
        self._ways = [Event() for _ in range(there)]
        for way in self._ways:
            way.set()

    def exchange(self, node, order):
        """Wait on the way there, and on the way back."""
        self._ways[node].wait()
        exchanged = super().exchange(node, order)
        self._ways[node].wait()
        return exchanged

    def cut(self, *nodes):
        """Nothing comes through to these or from them."""
        for node in nodes:
            self._ways[node].clear()

    def heal(self, *nodes):
        """All comes through, what is under way as well."""
        for node in nodes:
            self._ways[node].set()


class Run:
    """A run over nodes, and a server that answers while it may."""

    def __init__(self, server, answers, nodes, **fields):
        self.server, self.answers, self.carrier = server, answers, Cables(nodes)
        self.engine = FarCluster(self.carrier, processes=1, lease_s=LEASE_S)
        document = {"requests": [{"url": server.url}], "rps": 100, "workers": 8, "duration": 60, "gracefulStop": 0.1, **fields}
        self.runner = EndpointRunner(document, engine=self.engine)
        self.runner.start()

    def serves(self, more):
        """Wait until the server has counted so many more."""
        at_least = len(self.server.requests) + more
        until(lambda: len(self.server.requests) >= at_least)

    def ended(self):
        """End the run; its summary, its sums and what the server has counted."""
        self.runner.stop()
        assert self.runner.wait(BOUND_S)
        summary = self.runner.summary()
        total = summary["global"]
        return summary, total["requestsMade"] + total["requestsCut"], len(self.server.requests)


@contextmanager
def running(nodes=2, **fields):
    """A run that is ended, whatever the test does."""
    answers = threading.Event()
    answers.set()

    def script(conversation):
        while conversation.request():
            answers.wait(BOUND_S)
            conversation.send(OK)

    with raw_server(script) as server:
        run = Run(server, answers, nodes, **fields)
        try:
            run.serves(20)
            yield run
        finally:
            answers.set()
            run.carrier.heal(*range(nodes))
            run.runner.stop()
            run.runner.wait(BOUND_S)


def test_a_node_that_is_heard_of_again_hands_in_all_that_it_did():
    """All are cut off for less than a lease, and go on. One is for longer; its target does not answer any more, either."""
    with running() as run:
        run.carrier.cut(0, 1)
        run.serves(20)
        run.carrier.heal(0, 1)
        first, other = run.engine.members
        heard_ns = [one.answered_ns for one in (first, other)]
        until(lambda: first.answered_ns > heard_ns[0] and other.answered_ns > heard_ns[1])
        assert (first.lost, other.lost) == (None, None)

        run.answers.clear()
        run.carrier.cut(0)
        until(lambda: first.lost and not first.has_share)
        run.carrier.heal(0)
        until(lambda: not first.is_silent)
        summary, booked, served = run.ended()
    assert booked == served
    assert (summary["nodes"][0]["lostAt"] > 0, summary["nodes"][0]["uncountedAtMost"]) == (True, 0)
    assert (other.lost, summary["endReason"]) == (None, "stopped")


def test_a_node_whose_last_figures_do_not_come_is_lost(monkeypatch):
    """It was there to the end, but what it did last may be in no figure: that is said with a bound."""
    monkeypatch.setattr("tressi.nodes.far._LEAVE_S", 0.1)
    with running() as run:
        # An answer is on its way, so that the node does not count as cut off.
        run.engine.members[0].is_silent = False
        run.carrier.cut(0)
        run.serves(5)
        summary, booked, served = run.ended()
    node = summary["nodes"][0]
    assert node["lost"] == "node-1 was lost: its last figures have not come"
    assert booked <= served <= booked + node["uncountedAtMost"]
    assert node["uncountedAtMost"] > 0
