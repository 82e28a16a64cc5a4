"""A run that is steered: other rates, pauses, and an application that goes on meanwhile."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from engines import until
from fake_runs import KEYS, check, config_of, done

from tressi import EndpointRunner, run
from tressi.errors import ConfigError, TressiError
from tressi.model import Curve
from tressi.run.steering import endpoint_key_of
from tressi.testing.fake_engine import FakeEngine
from tressi.text import labels

pytestmark = pytest.mark.timed


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
