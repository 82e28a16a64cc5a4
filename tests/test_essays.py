"""The examples in docstrings are what the code does: those that can be executed, and the numbers of those in words."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest
from test_autoscale_decide import metrics
from test_run_selfcheck import IDLE, reading

import tressi.run
from tressi.autoscale.decide import decide
from tressi.model import AutoscaleConfig, Delta, EndpointCounts
from tressi.run.kept import Kept, Place
from tressi.stats.selfcheck import check_generator, late_remark

pytestmark = pytest.mark.timed


MODULES = [
    *("tressi", "tressi._core", "tressi._histogram", "tressi.autoscale.contend", "tressi.config.load"),
    *("tressi.model.engine", "tressi.run.runner"),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_are_executed(name):
    """Every example says what it gives."""
    outcome = doctest.testmod(import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_example_of_run_is_executed():
    """`tressi.run` is a module that can be called, so its example is in the docstring of its type."""
    text = type(tressi.run).__call__.__doc__
    example = doctest.DocTestParser().get_doctest(text, {}, "tressi.run", None, 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


SETTINGS = AutoscaleConfig(target_rps=400.0, min_workers=1, max_workers=100)


@pytest.mark.parametrize(
    ("workers", "completed_rps", "missed_rps", "action", "after"),
    [
        pytest.param(15, 300, 100, "scale-up", 19, id="far below the target"),
        pytest.param(19, 380, 20, "scale-up", 20, id="nearly there"),
        pytest.param(31, 400, 0, "scale-down", 23, id="too large"),
        pytest.param(23, 400, 0, "maintain", 23, id="settled"),
    ],
)
def test_the_decisions_of_the_example(workers, completed_rps, missed_rps, action, after):
    """The head of `tressi/autoscale/decide.py`: 400 RPS of 50 ms with the default settings."""
    sums = {"attempts": completed_rps, "starts_due": 400.0, "missed": missed_rps, "occupied_s": completed_rps * 0.05}
    decision = decide(SETTINGS, metrics(workers, **sums), free_workers=50, now=10.0)
    assert (decision.action, decision.worker_count) == (action, after)


def test_the_seconds_of_the_example():
    """The head of `tressi/run/kept.py`: 5,400 seconds are 2,700 rows of 2 s, made of sums."""
    kept = Kept(["GET /"], ["GET /"], 5400)
    for t in range(1, 5401):
        succeeded, missed = (100, 1) if t % 2 else (50, 3)
        one = EndpointCounts("GET /", succeeded=succeeded, missed=missed, lane_s=1.0)
        kept.add(Place(Delta(float(t), 1.0, (one,))))
        if t == 3599:
            assert kept.seconds == 1
    rows = list(kept.rows())
    assert (kept.seconds, len(rows)) == (2, 2700)
    assert {(row["endpoints"]["GET /"]["currentRps"], row["endpoints"]["GET /"]["missed"]) for row in rows} == {(75.0, 4)}


SLOW = (20_000,) * 1000


@pytest.mark.parametrize(
    ("busy_s", "fields", "rules"),
    [
        pytest.param(0.6, {"missed_late": 12}, ["missed-late"], id="12 were missed while a lane was free"),
        pytest.param(0.6, {"missed_late": 4}, [], id="4 were"),
        pytest.param(0.6, {"missed_late": 12, "missed": 300}, [], id="most were missed because no lane was free"),
        pytest.param(0.97, {}, [], id="a thread at its limit"),
        pytest.param(0.97, {"missed": 7}, ["cpu"], id="a thread at its limit, and 7 missed"),
        pytest.param(0.6, {"own_delays": [3_000], "timed": (970, 30), "services": (SLOW, (20_000,))}, ["own-delay"], id="3 ms"),
        pytest.param(0.6, {"own_delays": [1_900], "timed": (970, 30), "services": (SLOW, (20_000,))}, [], id="1.9 ms"),
        pytest.param(0.0, {}, ["standstill"], id="no time at all"),
    ],
)
def test_the_seconds_that_are_limited_in_the_example(busy_s, fields, rules):
    """The head of `tressi/stats/selfcheck.py`: a second in which 1,000 starts were due."""
    found = check_generator(IDLE, reading(2.0, 0.5 + busy_s, scheduled=1000.0, **fields))
    assert [finding.rule for finding in found] == rules
    assert "cpu" not in rules or "7 of 1,000 starts were missed" in str(found[0])


@pytest.mark.parametrize(
    ("starts_per_s", "late_us", "is_said"),
    [(1000, 4_900, False), (1000, 5_100, True), (10, 9_900, False), (10, 10_100, True)],
)
def test_the_remark_of_the_example(starts_per_s, late_us, is_said):
    """The head of `tressi/stats/selfcheck.py`: 5 ms, or a tenth of the mean gap where that is more."""
    late_sends = reading(2.0, 1.0, late_sends=[late_us] * 1000).generator.late_sends
    assert (late_remark(late_sends, 1000 / starts_per_s) is not None) == is_said
