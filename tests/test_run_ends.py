"""A run from its start to its summary, on an engine without a network: every way to end, and what the summary says of it."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
from engines import until

from tressi import EndpointRunner, run
from tressi.errors import ConfigError, TressiError
from tressi.model import AutoscaleConfig, Curve, EarlyExit, ResolvedConfig, ResolvedEndpoint, Threshold
from tressi.run.limits import drain_s
from tressi.run.steering import endpoint_key_of
from tressi.testing.fake_engine import Behaviour, FakeEngine
from tressi.text import labels
from tressi.threshold.parse import parse

pytestmark = pytest.mark.timed

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


def rates_asked(engine):
    """The rates that the engine was told to hold, in order, each with the first endpoint of its pool."""
    asked, last = [], {}
    for name, key, wanted in engine.calls:
        if name == "want" and wanted.curve != last.get(key, Curve.held(50.0)):
            last[key] = wanted.curve
            asked.append((key, wanted.curve.peak_rps))
    return asked


def test_another_target_reaches_engine_and_timeline():
    """`set_target` is a command to the engine, and what was asked is in the summary's timeline."""
    engine = FakeEngine()
    runner = EndpointRunner(config_of(1.3), engine=engine)
    runner.start()
    until(lambda: engine.calls)
    runner.set_target(KEYS[0], 10.0)
    summary = check(runner.summary())
    assert rates_asked(engine) == [(KEYS[0], 10.0)]
    assert summary["timeline"][-1]["endpoints"][KEYS[0]]["targetRps"] == 10.0
    with pytest.raises(TressiError, match="under way"):
        runner.set_target(KEYS[0], 20.0)


def test_a_target_may_be_set_by_name():
    """The change has the key; a key goes before a name, and a name that two endpoints have is refused with both keys."""
    config = config_of(60)
    one, other = config.endpoints
    heard = []
    runner = EndpointRunner(replace(config, endpoints=(one, replace(other, name="checkout"))), engine=FakeEngine())
    runner.on("change", heard.append)
    runner.start()
    runner.set_target("checkout", 20.0)
    until(lambda: heard)
    assert (heard[0].endpoint_key, heard[0].target_rps) == (KEYS[1], 20.0)
    runner.stop()

    twins = replace(config, endpoints=(replace(one, name="same"), replace(other, name="same")))
    with pytest.raises(ConfigError, match=f"2 endpoints of this run have that name; use the key of one: {', '.join(KEYS)}"):
        endpoint_key_of(twins, "same")
    misnamed = replace(config, endpoints=(one, replace(other, name=KEYS[0])))
    assert endpoint_key_of(misnamed, KEYS[0]) == KEYS[0]


@pytest.mark.parametrize("name", [None, "checkout"])
def test_a_target_may_be_set_by_what_tables_show(name):
    """Every label of the table and of the live view names its own endpoint, and so does its key without the origin."""
    config = config_of(60)
    config = replace(config, endpoints=(config.endpoints[0], replace(config.endpoints[1], name=name)))
    shown = labels({one.endpoint_key: one.name for one in config.endpoints})
    assert {label: endpoint_key_of(config, label) for label in shown.values()} == {shown[key]: key for key in KEYS}
    assert endpoint_key_of(config, "GET /b") == KEYS[1]
    misleading = replace(config, endpoints=(config.endpoints[0], replace(config.endpoints[1], name="GET /a")))
    with pytest.raises(ConfigError, match="2 endpoints of this run have that name"):
        endpoint_key_of(misleading, "GET /a")


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("GET /aa", "; did you mean GET /a"),
        ("get http://h/b", "; did you mean GET http://h/"),
        ("chekout", "; did you mean checkout?"),
    ],
)
def test_an_endpoint_that_is_not_there_is_refused_with_what_is_near(asked, hint):
    """In the form in which it was asked for."""
    config = config_of(60)
    named = replace(config.endpoints[1], name="checkout")
    config = replace(config, endpoints=(*config.endpoints, replace(named, endpoint_key="GET http://h/c")))
    with pytest.raises(ConfigError) as refused:
        endpoint_key_of(config, asked)
    assert "no endpoint of this run has that key or name" + hint in str(refused.value)
    with pytest.raises(ConfigError) as refused:
        endpoint_key_of(config, "nothing of the kind")
    assert "did you mean" not in str(refused.value)


@pytest.mark.parametrize(("key", "rps"), [("GET http://h/none", 1.0), (KEYS[0], -1.0), (KEYS[0], float("nan"))])
def test_what_is_no_target_is_refused(key, rps):
    """An unknown endpoint or no rate is a ConfigError that names it."""
    runner = EndpointRunner(config_of(60), engine=FakeEngine())
    runner.start()
    with pytest.raises(ConfigError):
        runner.set_target(key, rps)
    runner.stop()


def test_pools_that_are_too_large_shrink_and_the_summary_tells():
    """Every action is in `scaling`, with count, reason and time."""
    summary = done(config_of(1.6))
    assert {one["action"] for one in summary["scaling"]} == {"scale-down"}
    last = [one for one in summary["scaling"] if one["endpointKey"] == KEYS[0]][-1]
    assert summary["endpoints"][0]["workerCount"] == last["workerCount"]
    assert all(one["reason"] for one in summary["scaling"])


def test_a_runner_runs_once():
    """A second start says so, and a summary before the first as well."""
    runner = EndpointRunner(config_of(), engine=FakeEngine())
    with pytest.raises(TressiError, match="not been started"):
        runner.summary()
    runner.start()
    with pytest.raises(TressiError, match="runs once"):
        runner.start()
    runner.stop()


def test_the_doors_are_there():
    """`run` is callable from the package, and a bad config raises before anything starts."""
    with pytest.raises(ConfigError):
        run({"requests": []})


def test_importing_has_no_side_effect():
    """Importing the package loads neither gevent nor the reactor, and changes no signal handler."""
    program = "import sys, tressi; print(sorted({'gevent', 'tressi._wire', 'structlog'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.alone
def test_an_application_goes_on_serving():
    """The example answers a request of its own while its run is under way."""
    example = Path(__file__).parent.parent / "examples" / "embed.py"
    done = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "still here, asked for /me" in done.stdout
    assert "600 requests, 0 failed" in done.stdout


def test_a_pause_starts_nothing_and_its_end_gives_back_the_targets():
    """Every pool stands still, a target set meanwhile waits, and all of it is in the summary and the timeline."""
    engine, heard = FakeEngine(), []
    runner = EndpointRunner(config_of(1.3), engine=engine)
    runner.on("change", heard.append)
    runner.start()
    until(lambda: engine.calls)
    assert runner.pause()
    assert not runner.pause()
    assert runner.paused
    runner.set_target(KEYS[0], 10.0)
    assert rates_asked(engine) == [(key, 0.0) for key in KEYS]
    assert runner.resume()
    assert not runner.resume()
    summary = check(runner.summary())
    assert rates_asked(engine)[2:] == [(KEYS[0], 10.0), (KEYS[1], 50.0)]
    assert [(one["action"], one["endpointKey"], one["targetRps"]) for one in summary["changes"]] == [
        ("pause", None, None),
        ("set-target", KEYS[0], 10.0),
        ("resume", None, None),
    ]
    assert summary["timeline"][0]["changes"] == summary["changes"]
    assert [one.action for one in heard] == ["pause", "set-target", "resume"]


def test_a_pause_scales_nothing():
    """A pool without starts shows no need; it is not taken away."""
    runner = EndpointRunner(config_of(60, cooldown_s=0.05), engine=FakeEngine())
    heard = []
    runner.on("scaling", heard.append)
    runner.start()
    until(lambda: heard)
    runner.pause()
    ticks = []
    runner.on("snapshot", ticks.append)
    until(lambda: ticks)
    assert ticks[0].paused
    runner.stop()
    summary = runner.summary()
    [pause] = summary["changes"]
    assert all(one["timestamp"] <= pause["t"] for one in summary["scaling"])
