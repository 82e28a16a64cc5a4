"""The scaler greenlet: what it reads, applies and publishes, on an engine that only keeps count."""

from dataclasses import replace

import gevent
import pytest
from engines import until
from summaries import endpoint_snapshot, engine_snapshot

from tressi.autoscale.manager import EndpointAutoscaleManager, metrics_of
from tressi.errors import EngineError
from tressi.model import AutoscaleConfig, Curve, Pools, ResolvedConfig, ResolvedEndpoint, Window, pools_of

pytestmark = pytest.mark.pure

FULL = {"span_s": 1.0, "full": True, "starts_due": 100.0}
SHORT = Window(**FULL, attempts=50, occupied_s=10.0, missed=50)
LARGE = Window(**FULL, attempts=100, occupied_s=1.0)


class Counting:
    """An engine of numbers: windows are set by the test, workers by the manager."""

    def __init__(self, **windows):
        self.windows = windows
        self.workers = dict.fromkeys(windows, 10)
        self.draining = dict.fromkeys(windows, 0)
        self.broken = {}
        self.asked = []

    def read(self, level="all", endpoint_key=None):
        """See model.Engine."""
        keys = self.windows if endpoint_key is None else [endpoint_key]
        if endpoint_key in self.broken:
            raise self.broken[endpoint_key]
        assert level == "counters"  # an evaluation needs no latencies
        self.asked.append(endpoint_key)
        return engine_snapshot(*map(self._endpoint, keys))

    def _endpoint(self, key):
        found = endpoint_snapshot(key, workers=self.workers[key])
        return replace(found, window=self.windows[key], draining=self.draining[key])

    def want(self, pool, wanted):
        """See model.Engine."""
        self.workers[list(self.windows)[pool]] = wanted.workers


def manager_of(engine, *, limit=40, strategy="proportional", now=lambda: 0.0, **fields):
    """A manager of the engine's endpoints, and the list of what it publishes."""
    settings = {"min_workers": 1, "max_workers": 30, "cooldown_period": 2.0, **fields}
    priorities = {"high": "high", "low": "low"}
    endpoints = tuple(
        ResolvedEndpoint(
            key,
            "GET",
            "http://h/",
            "http://h/",
            autoscale=AutoscaleConfig(100.0, priority=priorities.get(key, "medium"), **settings),
        )
        for key in engine.windows
    )
    heard = []
    config = ResolvedConfig(endpoints, None, limit, strategy)
    pools = pools_of(config)
    asked = Pools(pools, {pool.id: engine.workers[pool.endpoint_keys[0]] for pool in pools}, engine)
    return EndpointAutoscaleManager(engine.read, asked, config, heard.append, now), heard, asked


def test_an_action_is_applied_and_published():
    """The engine gets the new count, and the callback the decision."""
    engine = Counting(a=SHORT)
    manager, heard, _ = manager_of(engine)
    decision = manager.evaluate("a", 5.0)
    assert engine.workers == {"a": 13}
    assert heard == [decision]
    assert manager.last_decisions == {"a": decision}


def test_to_stay_is_only_remembered():
    """A decision to maintain changes nothing and is no event."""
    engine = Counting(a=Window())
    manager, heard, _ = manager_of(engine)
    assert manager.evaluate("a", 5.0).action == "maintain"
    assert heard == []
    assert manager.last_decisions["a"].action == "maintain"


def test_the_cooldown_is_each_endpoints_own():
    """An action cools its own endpoint down, not its neighbour."""
    engine = Counting(a=SHORT, b=SHORT)
    manager, *_ = manager_of(engine)
    manager.evaluate("a", 5.0)
    assert manager.evaluate("a", 6.0).action == "maintain"
    assert manager.evaluate("b", 6.0).action == "scale-up"


def test_the_generators_limit_holds_every_pool():
    """While the engine is at its CPU limit nothing grows."""
    engine = Counting(a=SHORT)
    manager, *_ = manager_of(engine)
    manager.generator_limited = True
    assert "CPU limit" in manager.evaluate("a", 5.0).reason
    assert engine.workers == {"a": 10}


def test_a_donor_has_its_own_decision_first():
    """By priority the low endpoint gives, with that reason, before the high one takes."""
    engine = Counting(high=SHORT, low=LARGE)
    manager, heard, _ = manager_of(engine, limit=20, strategy="priority-based")
    manager.evaluate("high", 5.0)
    assert [(decision.endpoint_key, decision.action) for decision in heard] == [("low", "scale-down"), ("high", "scale-up")]
    assert engine.workers == {"high": 13, "low": 7}
    assert "to high" in heard[0].reason


def test_workers_that_still_drain_are_not_free():
    """The run's limit counts them until their requests have ended."""
    engine = Counting(a=SHORT, b=LARGE)
    engine.draining["b"] = 3
    manager, *_ = manager_of(engine, limit=24)
    assert manager.evaluate("a", 5.0).worker_count == 11


def test_the_metrics_are_those_of_the_window():
    """Rates and times are of the window, counts of the whole run; capacity counts lanes, and those that drain are none."""
    window = Window(**FULL, attempts=80, failures=20, missed=5, occupied_s=4.0, service_s=2.0, lane_s=40.0, occupied_lane_s=4.0)
    snapshot = replace(endpoint_snapshot("a", succeeded=900, failed=100, workers=10), window=window, draining=2)
    seen = metrics_of(snapshot, lanes_per_worker=2, last_scale_time=3.0, generator_limited=True)
    assert (seen.current_rps, seen.target_rps, seen.error_rate, seen.utilisation) == (80.0, 100.0, 0.25, 0.1)
    assert (seen.requests_made, seen.requests_succeeded, seen.requests_failed) == (1000, 900, 100)
    assert seen.avg_latency == pytest.approx(25.0)
    assert seen.capacity_rps == pytest.approx(10 * 2 / 0.05)
    assert (seen.worker_count, seen.draining, seen.last_scale_time, seen.generator_limited) == (10, 2, 3.0, True)


def test_without_an_attempt_there_is_no_capacity():
    """Nothing measured is no number, rather than a plausible one."""
    seen = metrics_of(endpoint_snapshot("a"), lanes_per_worker=1, last_scale_time=0.0, generator_limited=False)
    assert seen.capacity_rps is None
    assert seen.avg_latency == 0.0


@pytest.mark.parametrize(("now", "expected"), [(2.0, 4.0), (2.001, 4.0), (3.9, 4.0), (7.0, 8.0), (8.0, 10.0)])
def test_evaluations_that_were_slept_through_are_skipped(now, expected):
    """After a hold-up the next one is on the endpoint's own beat and ahead, not all the lost ones at once."""
    manager, *_ = manager_of(Counting(a=LARGE), now=lambda: now)
    assert manager._next(2.0, 2.0) == pytest.approx(expected)


def test_only_a_pool_that_is_short_reads_the_others():
    """Reading every endpoint at every evaluation would cost their square."""
    engine = Counting(a=LARGE, b=LARGE)
    manager, *_ = manager_of(engine)
    manager.evaluate("a", 5.0)
    assert engine.asked == ["a"]
    engine.windows["b"] = SHORT
    manager.evaluate("b", 6.0)
    assert engine.asked == ["a", "b", None]


def test_pools_that_grow_together_read_each_other_once_and_keep_the_limit():
    """What the first one took is known to the second without another reading of all."""
    engine = Counting(a=SHORT, b=SHORT)
    manager, *_ = manager_of(engine, limit=24)
    manager.evaluate("a", 5.0)
    manager.evaluate("b", 5.0)
    assert engine.asked == ["a", None, "b"]
    assert sum(engine.workers.values()) == 24


def test_another_target_is_scaled_for():
    """After the pool follows another rate, decisions measure against the new one."""
    manager, _, asked = manager_of(Counting(a=LARGE))
    asked.follow("a", Curve.held(2000.0))
    assert "as many as needed" in manager.evaluate("a", 5.0).reason


@pytest.mark.timed
@pytest.mark.parametrize(("failure", "traced"), [(ValueError("broken"), True), (EngineError("lost"), False)])
def test_a_failing_evaluation_does_not_end_the_scaling(capfd, failure, traced):
    """It is logged, and the other endpoints are evaluated as before; only a mistake in tressi has a traceback."""
    engine = Counting(a=LARGE, b=SHORT)
    engine.broken["a"] = failure
    started = gevent.get_hub().loop.now()
    manager, heard, _ = manager_of(engine, cooldown_period=0.02, now=lambda: gevent.get_hub().loop.now() - started)
    manager.start()
    try:
        until(lambda: len([one for one in heard if one.endpoint_key == "b"]) >= 2)
    finally:
        manager.stop()
    said = capfd.readouterr()
    assert "an evaluation failed" in said.out + said.err
    assert str(failure) in said.out + said.err
    assert ("Traceback" in said.out + said.err) == traced


@pytest.mark.timed
def test_evaluations_are_spread_over_the_cooldown():
    """The first evaluations of four endpoints lie a quarter of the cooldown apart, in config order."""
    engine = Counting(a=SHORT, b=SHORT, c=SHORT, d=SHORT)
    started = gevent.get_hub().loop.now()
    manager, heard, _ = manager_of(engine, limit=100, cooldown_period=0.04, now=lambda: gevent.get_hub().loop.now() - started)
    manager.start()
    try:
        until(lambda: len(heard) >= 4)
    finally:
        manager.stop()
    assert [decision.endpoint_key for decision in heard[:4]] == ["a", "b", "c", "d"]
    assert [decision.timestamp for decision in heard[:4]] == pytest.approx([0.04, 0.05, 0.06, 0.07])
