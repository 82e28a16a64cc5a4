"""Whole runs over a fake engine: their config, and what must hold of every summary."""

from tressi import EndpointRunner
from tressi.model import AutoscaleConfig, ResolvedConfig, ResolvedEndpoint
from tressi.testing.fake_engine import FakeEngine

KEYS = ("GET http://h/a", "GET http://h/b")


def config_of(duration_s=0.3, early_exit=None, cooldown_s=0.1, initial=None):
    """Two autoscaled endpoints of 100 and 50 RPS."""
    endpoints = tuple(
        ResolvedEndpoint(
            key,
            "GET",
            key[4:],
            key[4:],
            autoscale=AutoscaleConfig(rps, 1, 10, cooldown_period=cooldown_s, initial_workers=initial),
        )
        for key, rps in zip(KEYS, (100.0, 50.0), strict=True)
    )
    return ResolvedConfig(endpoints, None, 20, duration_s=duration_s, early_exit=early_exit, document={"requests": []})


def check(summary):
    """The laws of every summary."""
    for metrics in [summary["global"], *summary["endpoints"]]:
        assert metrics["requestsMade"] == metrics["requestsSucceeded"] + metrics["requestsFailed"]
    assert summary["global"]["requestsMade"] == sum(one["requestsMade"] for one in summary["endpoints"])
    return summary


def done(config=None, engine=None):
    """A whole run."""
    runner = EndpointRunner(config or config_of(), engine=engine or FakeEngine())
    runner.start()
    return check(runner.summary())
