"""A run beside code that does not behave: callbacks, engines and callers that raise what ends greenlets, and odd values."""

import gc
import subprocess
import sys
from itertools import cycle
from pathlib import Path
from shutil import which

import gevent
import pytest
from engines import until
from fake_runs import KEYS, check, config_of
from gevent import GreenletExit, Timeout

from tressi import EndpointRunner, load_config, run
from tressi.config.stray import homes
from tressi.errors import ConfigError
from tressi.run.steering import MOST_RPS
from tressi.testing.fake_engine import FakeEngine

pytestmark = pytest.mark.timed


@pytest.mark.parametrize("raised", [Timeout(1), GreenletExit()], ids=["Timeout", "GreenletExit"])
def test_a_callback_that_raises_what_ends_greenlets_ends_no_delivery(raised, capfd):
    """The other callbacks get every event, and `wait` returns only after the last."""
    heard = []
    runner = EndpointRunner(config_of(), engine=FakeEngine())

    def fail(_value):
        raise raised

    def stopped(_summary):
        gevent.sleep(0.05)
        heard.append("stop")

    runner.on("start", fail)
    runner.on("start", heard.append)
    runner.on("stop", stopped)
    runner.start()
    runner.wait()
    assert heard == [runner.config, "stop"]
    said = capfd.readouterr()
    assert type(raised).__name__ in said.out + said.err


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_a_callback_that_ends_the_program_ends_no_delivery(raised):
    """The main greenlet gets it, as from any greenlet; code that catches it there finds every event delivered."""
    heard = []
    runner = EndpointRunner(config_of(), engine=FakeEngine())

    def fail(_value):
        raise raised

    runner.on("start", fail)
    runner.on("stop", heard.append)
    with pytest.raises(raised):
        run_of(runner)
    assert runner.wait(10)
    assert heard == [runner.summary()]


def run_of(runner):
    runner.start()
    runner.wait()


def test_a_caller_out_of_time_while_the_engine_starts_leaves_no_load_behind():
    """Its own time limit ends the call, and the engine is stopped."""

    class Slow(FakeEngine):
        def build(self, plan):
            super().build(plan)
            gevent.sleep(60)

    engine = Slow()
    with pytest.raises(Timeout), Timeout(0.05):
        EndpointRunner(config_of(60), engine=engine).start()
    until(lambda: ("stop", 5.0, None) in engine.calls or any(call[0] == "stop" for call in engine.calls))


def runners_of(config):
    """Those that are still there, garbage apart."""
    gc.collect()
    return [one for one in gc.get_objects() if isinstance(one, EndpointRunner) and one.config is config]


def dropped_at_once(runner):
    runner.start()


def dropped_in_a_circle(runner):
    """Only the garbage collector finds it."""
    runner.start()
    runner.itself = runner


def dropped_by_a_greenlet(runner):
    """It is killed while it waits for the end."""
    runner.start()
    waiting = gevent.spawn(runner.wait)
    del runner
    gevent.sleep(0)
    waiting.kill()


def dropped_as_it_is_stopped(runner):
    """Nobody is left to see to the end that was asked for."""
    runner.start()
    runner.stop()


DROPPED = [dropped_at_once, dropped_in_a_circle, dropped_by_a_greenlet, dropped_as_it_is_stopped]


@pytest.mark.parametrize("drop", DROPPED)
def test_a_runner_that_is_dropped_ends_its_load(drop, capfd):
    """Nobody could stop it or wait for it any more; the engine is stopped, which a log line says unless it was asked for."""
    config, engine = config_of(60), FakeEngine()
    drop(EndpointRunner(config, engine=engine))
    gc.collect()
    until(lambda: any(call[0] == "stop" for call in engine.calls))
    said = capfd.readouterr()
    assert ("nobody holds its runner" in said.out + said.err) == (drop is not dropped_as_it_is_stopped)
    until(lambda: not runners_of(config))


def test_a_runner_that_another_thread_collects_ends_its_load():
    """The garbage collector runs in whatever thread comes to it, and no greenlet may be made there."""
    engine = FakeEngine()
    runner = EndpointRunner(config_of(60), engine=engine)
    runner.start()
    held = [runner]
    del runner
    gevent.get_hub().threadpool.apply(held.clear)
    until(lambda: any(call[0] == "stop" for call in engine.calls))


@pytest.mark.parametrize("is_late", [False, True])
def test_a_runner_that_is_dropped_goes_on_where_somebody_listens(is_late):
    """Fire and forget: a callback is reason enough, also one that came after the start, and it gets the summary."""
    heard, config = [], config_of(0.5)
    runner = EndpointRunner(config, engine=FakeEngine())
    if is_late:
        runner.start()
        runner.on("stop", heard.append)
    else:
        runner.on("stop", heard.append)
        runner.start()
    del runner
    gc.collect()
    until(lambda: heard)
    assert check(heard[0])["endReason"] == "duration"
    until(lambda: not runners_of(config))


def test_an_engine_that_times_out_ends_the_run_in_words():
    """A Timeout of gevent is no Exception: the greenlet that reads the engine must not end in silence."""

    class Dead(FakeEngine):
        def read(self, level="all", endpoint_key=None):
            if self.calls:
                raise Timeout(3)
            return super().read(level, endpoint_key)

    engine = Dead()
    runner = EndpointRunner(config_of(60), engine=engine)
    runner.start()
    engine.calls.append(("lost", None, None))
    with Timeout(30):
        runner.wait()
    assert "Timeout" in (runner._end_detail or "")


@pytest.mark.parametrize("rps", [1.1e9, 1e308, float("inf"), 10**400, True, "5", None])
def test_a_target_beyond_what_schedules_hold_is_refused_with_the_rule(rps):
    """The engine would be lost of it, or take it for no limit at all."""
    engine = FakeEngine()
    runner = EndpointRunner(config_of(60), engine=engine)
    runner.start()
    with pytest.raises(ConfigError, match="use a number from 0 to 1,000,000,000"):
        runner.set_target(KEYS[0], rps)
    runner.set_target(KEYS[0], MOST_RPS)
    assert [(key, wanted.curve.peak_rps) for name, key, wanted in engine.calls if name == "want"] == [(KEYS[0], MOST_RPS)]
    runner.stop()
    check(runner.summary())


@pytest.mark.parametrize(
    "document",
    [
        {"maxWorkers": "5", "requests": [{"url": "http://h/"}]},
        {"requests": [{"url": "http://h/", "rps": "5"}]},
        {"url": {"a": 1}, "requests": [{"url": "http://h/", "baseUrl": 1, "rps": 1}]},
        {"autoscale": {"enabled": True, "targetRps": 10**400}, "requests": [{"url": "http://h/"}]},
        {"autoscale": {"enabled": True, "targetRps": 1, "scaleDownThreshold": 10**400}, "requests": [{"url": "http://h/"}]},
        {"options": {"rps": 1e308}, "requests": [{"url": "http://h/", "rps": 1e308}]},
        {"requests": [{"url": "http://h/"}], "thresholds": [{"threshold": "p99 < 5", "abortDelay": 10**400}]},
        {"requests": [{"url": "http://h/"}], "thresholds": ["rps > 0" + " + 1" * 3000, f"rps < 1{'0' * 400}"]},
    ],
)
def test_what_was_once_a_traceback_is_refused_in_words(document):
    """Each of them ended in one."""
    with pytest.raises(ConfigError):
        load_config(document)


def test_no_property_of_any_type_in_any_place_is_a_traceback():
    """Each name of the schema at each place, with a value of another type than it asks for there: refused or taken."""
    values = cycle(["5", None, True, [1], {"a": 1}, -1, 1e308, 10**400, "", [[]], [{}]])
    requests = [{"url": "http://h/"}]
    places = {
        "threshold": lambda one: {"requests": requests, "thresholds": [{"threshold": "p99 < 5", **one}]},
        "tls": lambda one: {"requests": requests, "tls": one},
        "expect": lambda one: {"requests": [{"url": "http://h/", "expect": one}]},
        "top": lambda one: {"requests": [{"url": "http://h/"}], **one},
        "request": lambda one: {"requests": [{"url": "http://h/", **one}]},
        "section": lambda one: {"autoscale": {"enabled": True, "targetRps": 5, **one}, "requests": [{"url": "http://h/"}]},
        "own section": lambda one: {"requests": [{"url": "http://h/", "autoscale": {"enabled": True, "targetRps": 5, **one}}]},
        "legacy": lambda one: {"autoscale": True, "rps": 5, "workers": 2, "requests": [{"url": "http://h/"}], **one},
        "options": lambda one: {"options": {"rps": 5, **one}, "requests": [{"url": "http://h/", **one}]},
    }
    for place, within in places.items():
        for name in [*homes(), "abortDelay", "earlyExit", "workerEarlyExit", "durationSec"]:
            document = within({name: next(values)})
            try:
                load_config(document)
            except ConfigError:
                pass
            except Exception as failure:
                raise AssertionError(f"{place}: {document}") from failure


@pytest.mark.skipif(which("unshare") is None, reason="util-linux makes the namespace")
def test_an_engine_starts_where_loopback_drops_packets():
    """A firewall may do that, and a connect that blocks would last two minutes."""
    script = Path(__file__).with_name("without_loopback.py")
    ended = subprocess.run(
        ["unshare", "-rn", sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    if "dropped" not in ended.stdout:
        pytest.skip(f"no such network namespace here: {ended.stderr.strip().splitlines()[-1:]}")
    assert "made in 0." in ended.stdout, ended.stderr


def test_runs_can_be_given_to_other_processes():
    """`tressi.run` is a module that can be called; a pool of processes sends it by name."""
    import pickle

    import tressi

    again = pickle.loads(pickle.dumps(tressi.run))
    assert again is tressi.run
    assert callable(run)
