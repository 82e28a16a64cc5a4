"""Flows in pure decisions: the generator's check of itself, figures of a delta, names, and what a journal keeps of them."""

from dataclasses import replace

import pytest
from each import each
from summaries import FLOW_SECOND, flow_part, histogram, resolved, summary_of

from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.model import AutoscaleConfig, EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Stage
from tressi.model.delta import delta_between
from tressi.model.flow import Flow, Send
from tressi.report.shape import check_summary
from tressi.run.flow_parts import as_endpoint, lost_words
from tressi.run.journal import document_of
from tressi.stats.flow_tally import flow_tally
from tressi.stats.seconds import flow_figures_of, total_of
from tressi.stats.selfcheck import check_generator
from tressi.store.recover import _config_of
from tressi.text import labels
from tressi.threshold.parse import parse

pytestmark = pytest.mark.pure

STEP = "GET http://host/good"


def reading(time_s=1.0, busy_s=0.1, **flow):
    """An engine with one flow whose step is an endpoint without a rate."""
    book = EndpointSnapshot("flow shop", target_rps=100.0, scheduled=100.0 * time_s, scheduled_s=time_s, **flow)
    generator = GeneratorSnapshot(busy_s=(busy_s,))
    return EngineSnapshot(time_s, {STEP: EndpointSnapshot(STEP)}, generator, flows={"flow shop": book})


def test_starts_of_a_flow_that_we_were_late_for_limit_the_generator():
    """They are counted as those of endpoints are, of the starts that the flow's schedule had."""
    (finding,) = check_generator(reading(), reading(2.0, 0.2, missed=5, missed_late=5), steps={STEP})
    assert (finding.rule, finding.lost, finding.of) == ("missed-late", 5, 100)
    assert check_generator(reading(), reading(2.0, 0.2, missed=90, missed_late=5), steps={STEP}) == ()


def test_a_step_has_no_rate_and_does_not_make_a_busy_core_the_limit():
    """Where nothing was missed, a core that is busy costs a flow with a rate nothing."""
    assert check_generator(reading(), reading(2.0, busy_s=1.09), steps={STEP}) == ()
    (finding,) = check_generator(reading(), reading(2.0, busy_s=1.09))
    assert finding.rule == "cpu"


def test_the_rate_of_a_second_is_that_of_starts_and_not_of_ends():
    """A flow takes minutes: in its first second nothing ends, and its rate is what users took."""
    before, after = reading(), reading(2.0, started=98, in_flight=98, worker_count=120, lane_s=120.0, occupied_lane_s=60.0)
    delta = delta_between(before, after, 2.0, 1.0)
    figures = flow_figures_of(delta.flows[0], delta.span_s)
    assert (figures.current_rps, figures.target_rps, figures.error_rate) == (98.0, 100.0, 0.0)
    total = total_of(delta, shared=())
    assert (total.current_rps, total.worker_count, total.utilisation) == (0.0, 120, 0.5)


@each(
    ("condition", "holds"),
    [
        ("completed == 60%", True),
        ("abandonedRate == 40%", True),
        ("missed == 50%", True),
        ("flowsStarted == 5", True),
        ("startsPerSecond == 2.5", True),
        ("targetStartsPerSecond == 50", True),
        ("duration.max == 4ms", True),
        ("walk.max == 3ms", True),
    ],
)
def test_every_metric_of_a_flow_is_its_books(condition, holds):
    """Shares are of what they are asked about: of the starts that ended, or of those that were due."""
    book = EndpointSnapshot(
        "flow shop",
        started=5,
        succeeded=3,
        failed=2,
        missed=5,
        target_rps=50.0,
        scheduled=100.0,
        response=histogram(4000, 4000, 4000),
        service=histogram(3000, 3000, 3000),
    )
    comparison = parse(condition)
    figures = flow_tally(book).over(2.0, saturated=False)
    assert (figures.of(comparison.left) == pytest.approx(comparison.right.value)) is holds


def test_a_share_of_nothing_has_no_value():
    """A flow of which no start has ended keeps no promise about them."""
    figures = flow_tally(EndpointSnapshot("flow shop", target_rps=50.0)).over(2.0, saturated=False)
    assert [figures.completed_rate, figures.abandoned_rate, figures.missed_rate] == [None, None, None]


def test_steps_that_send_one_request_are_told_apart_by_number():
    """Their keys differ by it as well; requests of other addresses keep their keys beside the name."""
    repeated = {"GET http://h/i": "item", "GET http://h/i #2": "item", "GET http://h/j": "other"}
    assert list(labels(repeated).values()) == ["item", "item #2", "other"]
    alike = {"GET http://h/i": "item", "GET http://h/j": "item"}
    assert list(labels(alike).values()) == ["item (GET /i)", "item (GET /j)"]


def test_what_a_journal_keeps_of_a_flow_is_read_back():
    """Its pool, its rate and the order of its steps: all that results are made of."""
    autoscale = AutoscaleConfig(20.0, 1, 9, initial_workers=4, stages=(Stage(2.0, 20.0, is_step=True),))
    flow = Flow("flow shop", "shop", (Send(STEP),), target_rps=20.0, stages=autoscale.stages, autoscale=autoscale, workers=3)
    config = resolved(STEP)
    config = replace(config, endpoints=tuple(replace(one, flow="flow shop") for one in config.endpoints), flows=(flow,))
    again = _config_of(document_of(config))
    assert again.flows == (flow,)
    assert [one.flow for one in again.endpoints] == ["flow shop"]


def made(**changed):
    """A summary with a flow, in JSON values."""
    summary = summary_of()
    summary["flows"] = [flow_part("shop", STEP, "GET http://host/bad")]
    for moment in summary["timeline"]:
        moment["flows"] = {"flow shop": dict(FLOW_SECOND)}
    summary["endpoints"][0] |= {"flow": "flow shop", "abandoned": 0}
    return summary | changed


def test_a_flow_reads_like_an_endpoint_whose_attempts_are_its_starts():
    """What is under way at the end counts as cut, for it was sent."""
    part = as_endpoint(made()["flows"][0] | {"flowsCut": 1, "flowsUnderWay": 2})
    assert (part["requestsMade"], part["requestsFailed"], part["requestsCut"]) == (5, 2, 3)
    assert lost_words(made()["flows"][0], made()) == "abandoned: 2 at GET /bad"


def test_a_summary_whose_flows_contradict_it_is_refused():
    """Each with its place; a sound one passes."""
    assert check_summary(made(), "x")["flows"]
    torn = made()
    torn["endpoints"][0]["flow"] = "flow other"
    del torn["timeline"][1]["flows"]
    torn["flows"][0]["steps"][0]["endpointKey"] = "GET http://else/"
    with pytest.raises(ConfigError) as refused:
        check_summary(torn, "x")
    assert [problem.path for problem in refused.value.problems] == ["flows[0].steps", "endpoints[0].flow", "timeline[1].flows"]
    short = made()
    del short["flows"][0]["flowsCut"]
    with pytest.raises(ConfigError, match=r"flows\[0\]\.flowsCut: is missing"):
        check_summary(short, "x")


def test_a_step_may_have_a_threshold_beside_endpoints_of_its_own_rate():
    """Endpoints of steps come last, whatever the order of the requests; the name finds the right ones."""
    document = {
        "baseUrl": "http://h",
        "duration": 1,
        "requests": [{"name": "item", "url": "/i"}, {"name": "free", "url": "/f"}],
        "rps": 1,
        "flows": [{"name": "shop", "workers": 1, "steps": [{"request": "item"}, {"request": "item"}]}],
        "thresholds": ["item: p99 < 1s", "free: p99 < 1s", "GET /i #2: p99 < 1s"],
    }
    found = [one.endpoint_key for one in load_config(document).thresholds]
    assert found == ["GET http://h/i", "GET http://h/i #2", "GET http://h/f", "GET http://h/i #2"]
