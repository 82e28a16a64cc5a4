"""A run from its start to its summary, on an engine without a network: every way to end, and what the summary says of it."""

import signal
from dataclasses import replace

import gevent
import pytest
from fake_runs import KEYS, check, config_of, done

from tressi import EndpointRunner
from tressi.model import EarlyExit, Threshold
from tressi.run.limits import drain_s
from tressi.testing.fake_engine import Behaviour, FakeEngine
from tressi.threshold.parse import parse

pytestmark = pytest.mark.timed


def test_a_run_ends_by_its_duration():
    """All that was asked for came, and the end has its reason."""
    summary = done()
    assert summary["endReason"] == "duration"
    assert summary["endDetail"] is None
    assert summary["global"]["requestsMade"] >= 0.3 * 150 - 2


EARLY = [
    ("a count", EarlyExit(error_count_threshold=5), Behaviour(error_rate=0.5), "errorCountThreshold of 5"),
    ("a rate", EarlyExit(error_rate_threshold=0.2), Behaviour(error_rate=0.5), "errorRateThreshold is 0.2"),
    ("a status", EarlyExit(error_status_codes=frozenset({503})), Behaviour(error_rate=0.1), "status 503"),
    ("the first failure", EarlyExit(), Behaviour(error_rate=0.1, error="reset"), "without a threshold"),
]


@pytest.mark.parametrize(("rules", "behaviour", "words"), [row[1:] for row in EARLY], ids=[row[0] for row in EARLY])
def test_an_early_exit_says_why(rules, behaviour, words):
    """Each form ends the run before its time, in words that name the rule."""
    heard = []
    runner = EndpointRunner(config_of(60, rules), engine=FakeEngine({KEYS[0]: behaviour}))
    runner.on("early-exit", heard.append)
    runner.start()
    summary = check(runner.summary())
    runner.wait()
    assert summary["endReason"] == "early-exit"
    assert words in summary["endDetail"]
    assert heard == [summary["endDetail"]]


def threshold(text, key=None, **fields):
    """A condition of the run as a whole, or of an endpoint, from its text."""
    return Threshold(text, parse(text), key, **fields)


def test_a_broken_threshold_ends_the_run_where_it_may():
    """The first second's reading breaks it; the run ends as an early exit that names it, its verdict in the summary."""
    rules = (threshold("errorRate < 10%", aborts=True), threshold("p99 < 1s"))
    runner = EndpointRunner(replace(config_of(60), thresholds=rules), engine=FakeEngine({KEYS[0]: Behaviour(error_rate=0.5)}))
    moments = []
    runner.on("snapshot", moments.append)
    runner.start()
    summary = check(runner.summary())
    runner.wait()
    assert summary["endReason"] == "early-exit"
    assert summary["endDetail"].startswith("the threshold errorRate < 10% is broken: ")
    assert [one["passed"] for one in summary["thresholds"]] == [False, True]
    assert [one.passed for one in moments[0].thresholds] == [False, True]


def test_a_verdict_has_the_summarys_own_numbers():
    """Judged at the end by what the summary shows, to the last digit."""
    rules = (threshold("p99 < 1s"), threshold("errorRate < 10%"), threshold("rps > 0", KEYS[1]))
    summary = done(replace(config_of(), thresholds=rules), FakeEngine({KEYS[0]: Behaviour(error_rate=0.5)}))
    shown = summary["global"]
    values = [shown["serviceTimeMs"]["p99"], shown["errorRate"], summary["endpoints"][1]["rps"]]
    assert [one["value"] for one in summary["thresholds"]] == values
    assert [one["passed"] for one in summary["thresholds"]] == [True, False, True]
    assert summary["endReason"] == "duration"


def test_failures_below_a_threshold_end_nothing():
    """A rate of 10 % is below 50 %, and a few failures below a hundred."""
    rules = EarlyExit(error_rate_threshold=0.5, error_count_threshold=1000)
    assert done(config_of(0.6, rules), FakeEngine({KEYS[0]: Behaviour(error_rate=0.1)}))["endReason"] == "duration"


def test_stop_ends_it_and_may_be_called_again():
    """The first call says that it was the one."""
    runner = EndpointRunner(config_of(60), engine=FakeEngine())
    runner.start()
    assert runner.stop() is True
    assert runner.stop() is False
    assert check(runner.summary())["endReason"] == "stopped"


def test_a_signal_interrupts_it():
    """The end's detail is the signal's name."""
    runner = EndpointRunner(config_of(60), engine=FakeEngine())
    runner.start()
    assert runner.interrupt(signal.SIGTERM) is True
    summary = check(runner.summary())
    assert (summary["endReason"], summary["endDetail"]) == ("interrupted", "SIGTERM")


class Hanging(FakeEngine):
    """Its requests never end: a drain takes all the time that it is given. `left`: how many of each endpoint are in flight."""

    def __init__(self, left=1):
        super().__init__()
        self._left = left

    def read(self, level="all", endpoint_key=None):
        """What the engine counted, and what is in flight."""
        found = super().read(level, endpoint_key)
        endpoints = {key: replace(one, in_flight=self._left) for key, one in found.endpoints.items()}
        return replace(found, endpoints=endpoints)

    def stop(self, drain_s):
        """Wait for the drain, as an engine does."""
        if drain_s > 0:
            gevent.sleep(60)
        super().stop(drain_s)


def test_a_second_interruption_cuts_the_drain():
    """It does not wait for what hangs; the engine is stopped at once."""
    engine = Hanging()
    runner = EndpointRunner(config_of(60), engine=engine)
    runner.start()
    runner.interrupt(signal.SIGINT)
    runner.interrupt(signal.SIGINT)
    assert check(runner.summary())["endReason"] == "interrupted"
    assert ("stop", 0.0, None) in engine.calls


def test_a_long_drain_says_what_it_waits_for():
    """Once a second, until it has ended or been cut; a signal during it does not make the run an interrupted one."""
    heard, engine = [], Hanging()
    runner = EndpointRunner(replace(config_of(0.3), graceful_stop_s=20.0), engine=engine)

    def hear(draining):
        heard.append(draining)
        if len(heard) == 2:
            runner.interrupt(signal.SIGINT)

    runner.on("draining", hear)
    runner.start()
    assert check(runner.summary())["endReason"] == "duration"
    assert ("stop", 0.0, None) in engine.calls
    assert [(one.in_flight, one.patience_s) for one in heard] == [(2, 20.0), (2, 20.0)]
    assert 1.0 < heard[0].t < heard[1].t


def test_a_drain_of_nothing_is_not_told():
    """While the engine closes after its last request, there is none to wait for."""
    heard = []
    runner = EndpointRunner(replace(config_of(0.1), graceful_stop_s=20.0), engine=Hanging(left=0))
    runner.on("draining", heard.append)
    runner.start()
    gevent.spawn_later(1.5, runner.interrupt, signal.SIGINT)
    check(runner.summary())
    assert heard == []


PATIENCE = [
    ("the planned end", "duration", 30.0, 30.0),
    ("a stop", "stopped", 30.0, 30.0),
    ("an early exit", "early-exit", 0.5, 0.5),
    ("a signal, whose sender kills after 10 s", "interrupted", 30.0, 5.0),
    ("a signal with less patience set", "interrupted", 2.0, 2.0),
    ("a failure", "error", 30.0, 5.0),
    ("no patience", "duration", 0.0, 0.0),
]


def test_how_long_what_is_in_flight_is_waited_for():
    """The setting, and after a signal 5 s at most."""
    for what, reason, graceful_s, patience_s in PATIENCE:
        assert drain_s(graceful_s, reason) == patience_s, what


@pytest.mark.parametrize(("end", "patience_s"), [("duration", 20.0), ("interrupted", 5.0)])
def test_the_engine_is_given_that_time(end, patience_s):
    """The runner's own way to it, from the config to the engine."""
    engine = FakeEngine()
    duration_s = 0.3 if end == "duration" else 60
    runner = EndpointRunner(replace(config_of(duration_s), graceful_stop_s=20.0), engine=engine)
    runner.start()
    if end == "interrupted":
        runner.interrupt(signal.SIGHUP)
    assert check(runner.summary())["endReason"] == end
    assert ("stop", patience_s, None) in engine.calls


@pytest.mark.parametrize("when", ["start", "later"])
def test_a_broken_engine_is_an_error_with_a_summary(when):
    """Whatever an engine raises, what was measured is in the summary, with the reason."""
    engine = FakeEngine()
    runner = EndpointRunner(config_of(60), engine=engine)
    if when == "start":
        engine.broken = "no room"
        runner.start()
    else:
        runner.start()
        gevent.sleep(0)
        engine.broken = "no room"
    summary = check(runner.summary())
    assert summary["endReason"] == "error"
    assert "no room" in summary["endDetail"]


def test_events_come_in_order():
    """Start first, then moments and decisions, the last reading, which the summary counts, and the summary."""
    heard = []
    runner = EndpointRunner(config_of(1.2), engine=FakeEngine())
    for event in ("start", "snapshot", "scaling", "drained", "stop"):
        runner.on(event, lambda value, event=event: heard.append((event, value)))
    runner.start()
    runner.wait()
    names = [name for name, _ in heard]
    assert names[0] == "start"
    assert names[-2:] == ["drained", "stop"]
    assert names.count("snapshot") >= 1
    assert heard[-1][1] == runner.summary()
    made = sum(one.requests_made for one in heard[-2][1].endpoints.values())
    assert made == runner.summary()["global"]["requestsMade"] > 0


def test_a_callback_that_raises_hurts_nobody(capfd):
    """It is logged; the run and the other callbacks go on."""
    heard = []
    runner = EndpointRunner(config_of(), engine=FakeEngine())
    runner.on("start", lambda _config: 1 / 0)
    runner.on("start", heard.append)
    runner.start()
    runner.wait()
    assert check(runner.summary())["endReason"] == "duration"
    assert heard == [runner.config]
    said = capfd.readouterr()
    assert "ZeroDivisionError" in said.out + said.err
