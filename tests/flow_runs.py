"""A journey over the fake engine or over a server of the test's own, and the laws that hold of the flows of every summary."""

from tressi import EndpointRunner, load_config
from tressi.testing.fake_engine import FakeEngine

BASE = "http://127.0.0.1:9"
BUY = f"POST {BASE}/cart"
ITEM = f"GET {BASE}/items"
FLOW = "flow shop"


def journey(base=BASE, **more):
    """A flow of 50 starts a second: log in, look at an item, and buy it; beside it an endpoint of its own."""
    flow = {
        "name": "shop",
        "startsPerSecond": 50,
        "autoscale": {"enabled": True, "maxWorkers": 20, "initialWorkers": 10, "cooldownPeriod": 10},
        "begin": [{"request": "login"}],
        "steps": [{"request": "item"}, {"request": "buy"}],
    }
    return {
        "baseUrl": base,
        "duration": 1,
        "requests": [
            {"name": "login", "url": "/login", "method": "POST"},
            {"name": "item", "url": "/items"},
            {"name": "buy", "url": "/cart", "method": "POST"},
            {"name": "health", "url": "/health", "autoscale": {"enabled": True, "targetRps": 20, "maxWorkers": 2}},
        ],
        **{name: value for name, value in more.items() if name != "flow"},
        "flows": [{**flow, **more.get("flow", {})}],
    }


def done(document=None, engine=None, listen=None):
    """A whole run; `listen` is given the runner before it starts."""
    runner = EndpointRunner(load_config(document or journey()), engine=engine or FakeEngine())
    if listen is not None:
        listen(runner)
    runner.start()
    return check(runner.summary())


def check(summary):
    """The laws of every summary with flows."""
    for flow in summary["flows"]:
        ended = flow["flowsCompleted"] + flow["flowsAbandoned"] + flow["flowsCut"]
        assert flow["flowsStarted"] + flow.get("flowsFromWarmUp", 0) == ended + flow["flowsUnderWay"]
        assert flow["flowsAbandoned"] == sum(step["abandoned"] for step in flow["steps"])
        steps = [one for one in summary["endpoints"] if one.get("flow") == flow["endpointKey"]]
        assert [one["endpointKey"] for one in steps] == [step["endpointKey"] for step in flow["steps"]]
        for one, step in zip(steps, flow["steps"], strict=True):
            assert (one["requestsMade"], one["requestsFailed"], one["abandoned"]) == (
                step["requestsMade"],
                step["requestsFailed"],
                step["abandoned"],
            )
            assert one["requestsMade"] == one["requestsSucceeded"] + one["requestsFailed"]
    assert summary["global"]["requestsMade"] == sum(one["requestsMade"] for one in summary["endpoints"])
    return summary
