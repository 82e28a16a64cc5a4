"""Flows in the summary, its rows, its verdict and the final table: over the fake engine."""

import io
import json

import pytest
from flow_runs import BUY, FLOW, ITEM, check, done, journey
from rich.console import Console

from tressi.errors import ConfigError
from tressi.report.table import summary_table
from tressi.run.judgement import judge_run
from tressi.run.shortfall import limits
from tressi.testing.fake_engine import Behaviour, FakeEngine

pytestmark = pytest.mark.timed


def text_of(summary, width=130):
    """The final table."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(summary_table(summary))
    return console.export_text()


@pytest.fixture(scope="module")
def lossy():
    """A run in which a fifth of those who buy fail, and with them their starts."""
    return done(engine=FakeEngine({BUY: Behaviour(error_rate=0.2)}))


def test_a_flow_has_a_row_of_its_own_and_its_steps_stay_endpoints(lossy):
    """Starts are counted once, requests by their steps, and totals count requests alone."""
    (flow,) = lossy["flows"]
    assert (flow["endpointKey"], flow["name"], flow["askedStartsPerSecond"]) == (FLOW, "shop", 50)
    assert flow["flowsStarted"] > 40
    assert flow["startsPerSecond"] == pytest.approx(flow["flowsStarted"] / lossy["durationSec"])
    assert flow["abandonedRate"] == flow["flowsAbandoned"] / (flow["flowsCompleted"] + flow["flowsAbandoned"])
    assert flow["completedRate"] == pytest.approx(1 - flow["abandonedRate"])
    assert flow["durationMs"]["p99"] == pytest.approx(2, rel=0.01)
    assert [step["part"] for step in flow["steps"]] == ["begin", "steps", "steps"]
    assert [step["abandoned"] > 0 for step in flow["steps"]] == [False, False, True]
    assert lossy["global"]["askedRps"] is None  # how many requests a start makes is known of no flow


def test_a_run_without_flows_has_no_word_of_them(lossy):
    """Readers of the summaries of such runs see what they saw before."""
    document = journey()
    del document["flows"]
    document |= {"rps": 10, "workers": 2}
    from tressi import EndpointRunner, load_config

    runner = EndpointRunner(load_config(document), engine=FakeEngine())
    runner.start()
    summary = runner.summary()
    assert "flows" not in summary
    assert not any("flow" in one for one in (*summary["timeline"], *summary["endpoints"]))
    assert "flows" in lossy["timeline"][0]


def test_the_seconds_of_a_flow_add_up_to_the_run(lossy):
    """What was completed and abandoned in the rows is what the summary counts, but for what came in the drain."""
    (flow,) = lossy["flows"]
    rows = [row["flows"][FLOW] for row in lossy["timeline"]]
    assert sum(row["completed"] for row in rows) <= flow["flowsCompleted"]
    assert sum(row["completed"] for row in rows) >= flow["flowsCompleted"] - 5
    assert rows[0]["workerCount"] == 10
    assert lossy["timeline"][0]["global"]["workerCount"] >= 11  # users are workers, as the health endpoint's are


def test_what_limited_a_flow_is_said_and_its_steps_say_whose_they_are(lossy):
    """A rate that users took was kept, however many were lost on the way."""
    said = limits(lossy)
    assert said[FLOW].words == "target met"
    assert said[ITEM].words == "step of flow shop"
    assert "lost here" in said[BUY].words
    assert judge_run(lossy).word == "PASSED"


def test_a_flow_that_loses_every_user_has_failed():
    """It had not one success, as an endpoint has none; its first step fails, so no user comes to the others."""
    summary = done(engine=FakeEngine({ITEM: Behaviour(error_rate=1.0)}))
    judgement = judge_run(summary)
    assert judgement.word == "FAILED"
    assert "flow shop: not one of" in judgement.reasons[0]
    assert BUY not in judgement.reasons[0]


def missed(summary, count, late=0):
    """The summary as if its flow had missed so many starts in its first second."""
    changed = json.loads(json.dumps(summary))
    (flow,) = changed["flows"]
    flow |= {"flowsMissed": count, "missedLate": late, "flowsStarted": flow["flowsStarted"] - count}
    flow["flowsCompleted"] -= count
    changed["timeline"][0]["flows"][FLOW]["missed"] = count
    changed["timeline"][0]["flows"][FLOW]["workerCount"] = 20
    return changed


def test_missed_starts_of_a_flow_are_a_target_that_was_not_met(lossy):
    """A flow's rate is asked for like an endpoint's, and its users are its workers."""
    judgement = judge_run(missed(lossy, 20))
    assert judgement.word == "TARGET NOT MET"
    assert "starts per second" in judgement.reasons[0]
    assert "worker cap: maxWorkers 20 reached" in judgement.reasons[0]


def test_starts_that_the_generator_was_late_for_are_its_fault(lossy):
    """Starts of a flow that were missed although a user was free are the generator's, as those of endpoints are."""
    changed = missed(lossy, 20, late=20)
    changed["generator"] |= {"saturated": True, "reasons": ["tressi came too late for 20 of 50 starts"]}
    assert judge_run(changed).word == "GENERATOR LIMITED"


def test_the_table_has_flows_above_their_steps(lossy):
    """A step has no rate asked for and no workers: both are its flow's."""
    text = text_of(lossy)
    lines = text.splitlines()
    assert lines[0].startswith("1 flow: starts per second")
    shop = next(line for line in lines if line.startswith("shop "))
    assert shop.split()[1] == "50.0"
    assert f"abandoned: {lossy['flows'][0]['flowsAbandoned']} at buy" in text
    buy = next(line for line in lines if line.startswith("buy "))
    assert buy.split()[1] == "-"
    assert buy.split()[5] == "-"
    assert "step of flow shop, " in text
    assert not any("max" in line.split() for line in lines[5:])  # nothing is asked of a step, nor of all together


def test_a_warm_up_says_which_starts_began_within_it():
    """Those that ended after it and began within it are told apart, so that the starts add up."""
    summary = done(journey(warmUp=1, duration=2))
    (flow,) = summary["flows"]
    assert flow["flowsFromWarmUp"] >= 0
    assert flow["flowsStarted"] < 75


JUDGED = {
    "shop: completed > 60%": True,
    "shop: completed > 99%": False,
    "shop: abandoned < 50%": True,
    "shop: abandoned < 1%": False,
    "shop: missed == 0": True,
    "shop: duration.p99 < 10s": True,
    "shop: duration.p(99.9) < 1ms": False,
    "shop: walk.p50 < 10s": True,
    "shop: startsPerSecond >= 0.9 * targetStartsPerSecond": True,
    "shop: flowsStarted > 10": True,
    "shop: flowsCut == 0": True,
    "*: duration.max < 1us": False,
    "item: p99 < 1s": True,
    "buy: errorRate < 1%": False,
}


@pytest.mark.parametrize("passes", [True, False])
def test_thresholds_about_a_flow_are_judged_by_its_figures(passes):
    """They have the figures of the summary, at the end and in windows; all of a run hold, or none of them."""
    thresholds = [one for one, holds in JUDGED.items() if holds is passes]
    summary = done(journey(thresholds=thresholds), FakeEngine({BUY: Behaviour(error_rate=1 / 3)}))
    for threshold, verdict in zip(thresholds, summary["thresholds"], strict=True):
        assert verdict["passed"] is passes, (threshold, verdict["detail"])
        assert verdict["endpointKey"] == {"shop": FLOW, "*": FLOW, "item": ITEM, "buy": BUY}[threshold.partition(":")[0]]
    assert (summary["verdict"]["word"] == "FAILED") is not passes


def test_a_threshold_with_a_window_is_judged_in_every_window_of_a_flow():
    """One that is broken in a second stays broken."""
    asked = ["shop: completed[1s] > 99%", "shop: startsPerSecond[1s] > 25"]
    summary = done(journey(thresholds=asked, duration=3), FakeEngine({BUY: Behaviour(error_rate=1 / 3)}))
    assert [one["passed"] for one in summary["thresholds"]] == [False, True]
    assert "at worst" in summary["thresholds"][0]["detail"]


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        ("shop: p99 < 1s", 'p99 is a metric of requests, and "shop" is a flow; write duration.p99'),
        ("shop: errorRate < 1%", "write abandoned"),
        ("shop: statusCodes(503) == 0", "a flow has completed, abandoned, missed"),
        ("item: completed > 1%", 'completed is a metric of flows, and "item" is a request'),
        ("duration.p99 < 1s", 'write the name of one in front, as in "shop: duration.p99 < 1s"'),
        ("shop: completed > requestsMade", "completed is a metric of flows and requestsMade one of requests"),
        ("shopp: completed > 1%", 'there is no endpoint or flow "shopp"; did you mean "shop"?'),
        ("shop: durations.p99 < 1s", "did you mean duration.p99?"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(threshold, said):
    """Flows and endpoints have metrics of their own, and the error says which."""
    with pytest.raises(ConfigError) as refused:
        done(journey(thresholds=[threshold]))
    assert said in str(refused.value)


def test_a_metric_of_flows_is_refused_where_there_is_none():
    """With `*` as well."""
    document = journey(thresholds=["*: completed > 99%"])
    del document["flows"]
    with pytest.raises(ConfigError, match="completed is a metric of flows, and the config has none"):
        done(document)


def test_a_flow_and_a_request_may_have_one_name():
    """The metric says which is meant."""
    document = journey(thresholds=["item: completed > 60%", "item: p99 < 1s"], flow={"name": "item"})
    summary = done(document)
    assert [one["endpointKey"] for one in summary["thresholds"]] == ["flow item", ITEM]
    assert all(one["passed"] for one in summary["thresholds"])


def test_the_target_of_a_flow_without_a_rate_is_refused():
    """It could never be judged."""
    flow = {"workers": 2, "startsPerSecond": None, "autoscale": None}
    document = journey(thresholds=["shop: startsPerSecond > targetStartsPerSecond"], flow=flow)
    for name in ("startsPerSecond", "autoscale"):
        del document["flows"][0][name]
    with pytest.raises(ConfigError, match="asks for the rate of the flow shop, which has none"):
        done(document)


def test_a_flow_without_a_rate_says_so():
    """Its users begin again at once, and nothing is missed."""
    document = journey(flow={"workers": 2})
    for name in ("startsPerSecond", "autoscale"):
        del document["flows"][0][name]
    summary = done(document)
    (flow,) = summary["flows"]
    assert (flow["askedStartsPerSecond"], flow["missedRate"], flow["minWorkers"], flow["maxWorkers"]) == (None, None, 2, 2)
    assert limits(summary)[FLOW].words == "as fast as users came to the end"


def test_a_flow_is_steered_by_its_name_and_a_step_is_not():
    """A step's rate is its flow's."""
    refused = []

    def listen(runner):
        def steer(_moment):
            if not refused:
                with pytest.raises(ConfigError) as error:
                    runner.set_target("item", 5)
                refused.append(str(error.value))
                runner.set_target("shop", 10)

        runner.on("snapshot", steer)

    summary = check(done(journey(duration=3), listen=listen))
    assert "it is a step of the flow shop" in refused[0]
    assert [(one["endpointKey"], one["targetRps"]) for one in summary["changes"]] == [(FLOW, 10)]
    assert summary["flows"][0]["askedStartsPerSecond"] == 10


def test_moments_have_flows():
    """Who listens to a run sees each second of a flow, and where users were lost."""
    seen = []
    done(engine=FakeEngine({BUY: Behaviour(error_rate=0.5)}), listen=lambda runner: runner.on("snapshot", seen.append))
    (flow,) = seen[-1].flows
    assert flow.name == "shop"
    assert flow.started == flow.completed + flow.abandoned + flow.cut
    assert [key for key, lost in flow.steps if lost] == [BUY]
    assert [one.flow for one in seen[-1].endpoints] == [None, FLOW, FLOW, FLOW]


def test_decisions_on_a_flow_speak_of_its_starts_and_users():
    """A pool that is too large shrinks, and the reason is in the flow's own words."""
    settings = {"enabled": True, "maxWorkers": 20, "initialWorkers": 10, "cooldownPeriod": 1}
    summary = done(journey(duration=3, flow={"autoscale": settings}))
    (first, *_) = [one for one in summary["scaling"] if one["endpointKey"] == FLOW]
    assert first["action"] == "scale-down"
    assert "starts per second with 10 users exceeds" in first["reason"]
