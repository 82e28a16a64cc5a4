"""Flows and a log over two nodes of this machine: each is divided over all engines, and every row and entry comes once."""

import json
from array import array
from collections import Counter
from functools import partial

import pytest
import warm
from engines import config_of, endpoint
from flows import flow_config, request
from servers import raw_server
from values_seen import Seen, target_of

from tressi.model import SharedPool
from tressi.model.data import Rows
from tressi.model.replay import Replay
from tressi.nodes.far import FarCluster
from tressi.nodes.loopback import Loopback
from tressi.run.runner import EndpointRunner

pytestmark = pytest.mark.timed

BOUND_S = 60
LEASE_S = 10.0  # other tests want the cores, too
MS = 1_000_000


def ran(config):
    """The summary of a run over two nodes, each of which made some of it."""
    runner = EndpointRunner(config, engine=FarCluster(Loopback(2, partial(warm.Outpost, 1)), processes=1, lease_s=LEASE_S))
    runner.start()
    assert runner.wait(BOUND_S)
    summary = runner.summary()
    made = [node["requestsMade"] for node in summary["nodes"]]
    assert sum(made) == summary["global"]["requestsMade"]
    assert min(made) > 0
    return summary


def test_a_flow_over_two_nodes_takes_every_row_once():
    """Each user looks at an item and buys it; the run ends when all items are bought, on whichever node."""
    seen = Seen()
    item = request("item", "/items/{{item}}")
    buy = request("buy", "/cart", method="POST", payload={"item": "{{item}}"})
    flow = {"startsPerSecond": 200, "workers": 8, "steps": [{"request": "item"}, {"request": "buy"}]}
    rows = {"item": {"values": [str(number) for number in range(60)], "pick": "unique"}}
    with raw_server(seen.answering()) as server:
        summary = ran(flow_config(server, [item, buy], flow, data=rows))
    looked = Counter(one.target for one, body in seen.requests if not body)
    bought = Counter(json.loads(body)["item"] for _, body in seen.requests if body)
    assert looked == Counter(f"/items/{number}" for number in range(60))
    assert bought == Counter(str(number) for number in range(60))
    (counted,) = summary["flows"]
    assert (counted["flowsStarted"], counted["flowsCompleted"], counted["flowsAbandoned"]) == (60, 60, 0)
    assert (summary["endReason"], summary["global"]["requestsMade"]) == ("complete", 120)


def test_a_log_over_two_nodes_has_every_entry_once():
    """An entry is made or missed, by one engine of all; a busy machine may miss some."""
    seen = Seen()
    rows = {"row": Rows("data.row", values=tuple(str(number) for number in range(200)))}
    replay = Replay(array("q", [5 * at * MS for at in range(200)]), array("i", range(200)), (0,), (100.0,))
    pool = SharedPool(6, 100.0)
    with raw_server(seen.answering()) as server:
        url = server.url + "{{row}}"
        summary = ran(config_of(endpoint(url), shared_pool=pool, duration_s=2.0, replay=replay, data=rows))
    arrived, total = seen.counts(target_of), summary["global"]
    assert arrived <= Counter(f"/{number}" for number in range(200))
    assert arrived.total() == total["requestsMade"] == 200 - total["requestsMissed"]
    assert (summary["endReason"], total["requestsCut"]) == ("duration", 0)
