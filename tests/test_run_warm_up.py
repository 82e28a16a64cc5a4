"""The warm-up of a run: what is measured after it is all that the summary has, and every second is on one side."""

import json
from collections import Counter
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import nginx
from summaries import histogram, resolved

from tressi import EndpointRunner
from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.hdr import decode_histogram
from tressi.load.cluster import Cluster
from tressi.load.process import ProcessEngine
from tressi.model import EarlyExit, EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Threshold
from tressi.report import latency_hlog, report_html, timeline_csv
from tressi.report.page.series import chart_data
from tressi.report.shape import check_summary
from tressi.run import kept
from tressi.run.journal import NAME, Journal
from tressi.run.judgement import judge_run
from tressi.run.timeline import Ending, Timeline
from tressi.run.warm_up import came_words
from tressi.store.records import is_journal
from tressi.store.recover import recover
from tressi.testing.fake_engine import Behaviour, FakeEngine
from tressi.threshold.parse import parse
from tressi.ui.sentences import running, time_left

pytestmark = pytest.mark.pure

KEY = "GET http://h/a"
STARTED = "2026-11-27T20:00:00.000+00:00"
COUNTED = ("requestsMade", "requestsSucceeded", "requestsFailed", "requestsMissed", "requestsCut", "bytesSent", "statusCodes")
# What happens in a second: successes, failures, missed starts, and the service time.
SECOND = st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(0, 5), st.integers(1, 5_000_000))
COURSE = st.lists(SECOND, min_size=1, max_size=9)


def config_of(warm_up_s, *thresholds, duration_s=30.0):
    """One endpoint with a pool of its own; a threshold is a text, or a text, the delay with which it aborts."""
    told = tuple(
        Threshold(one, parse(one))
        if isinstance(one, str)
        else Threshold(one[0], parse(one[0]), aborts=True, abort_delay_s=one[1])
        for one in thresholds
    )
    return replace(resolved(KEY), duration_s=duration_s, warm_up_s=warm_up_s, thresholds=told, document={"requests": []})


def grown(before, second):
    """A reading one second after another."""
    succeeded, failed, missed, service_us = second
    service = histogram(*[service_us] * succeeded, *[9_000] * failed)
    success = histogram(*[service_us] * succeeded)
    one = before.endpoints[KEY]
    for more, had in ((service, one.service), (success, one.success)):
        more.merge(had)
    time_s = before.time_s + 1
    now = EndpointSnapshot(
        KEY,
        succeeded=one.succeeded + succeeded,
        failed=one.failed + failed,
        missed=one.missed + missed,
        bytes_sent=one.bytes_sent + 7 * (succeeded + failed),
        status_codes={200: one.succeeded + succeeded, 503: one.failed + failed},
        worker_count=2,
        peak_worker_count=2,
        target_rps=20.0,
        scheduled=20.0 * time_s,
        scheduled_s=time_s,
        service=service,
        response=service,
        success=success,
    )
    return EngineSnapshot(time_s, {KEY: now}, GeneratorSnapshot(cpu_s=0.1 * time_s))


BLANK = EngineSnapshot(0.0, {KEY: EndpointSnapshot(KEY)}, GeneratorSnapshot())


def played(course, config, journal=None, reason="duration"):
    """A run through the parts that a runner has, its drain being another second's worth; the timeline and the summary."""
    timeline, reading = Timeline(config), BLANK
    if journal is not None:
        journal.begin(config, STARTED)
    for number, second in enumerate(course, 1):
        reading = grown(reading, second)
        tick = timeline.tick(float(number), reading)
        if journal is not None:
            journal.second(tick, 0.0)
    ending = Ending(reason, None, float(len(course)), reading)
    drained = grown(reading, (3, 0, 0, 2_000))
    # The schedule has ended.
    parts = {KEY: replace(drained.endpoints[KEY], scheduled=20.0 * len(course), scheduled_s=float(len(course)))}
    delta = timeline.close(len(course) + 0.5, replace(drained, endpoints=parts))
    if journal is not None:
        journal.close(delta, drained=True)
        journal.end(ending)
    return timeline, timeline.sum_up(STARTED, ending)


def counters(intervals):
    """The counters of all intervals by time, added up."""
    found = {"response": Counter(), "service": Counter()}
    for interval in intervals:
        found[interval.time].update(dict(decode_histogram(interval.histogram).counts()))
    return found


def said(summary):
    """The counters of the summary's histograms by time."""
    encoded = summary["global"]["histograms"]
    return {time: Counter(dict(decode_histogram(encoded[f"{time}Time"]).counts())) for time in ("response", "service")}


@given(course=COURSE, warm_up_s=st.sampled_from([0.0, 0.3, 1.0, 2.0, 2.5, 5.0]))
@settings(max_examples=60, deadline=None)
def test_the_measured_seconds_sum_to_the_summary(course, warm_up_s):
    """Counts and latencies of the rows after the warm-up, the drain included, are the summary's, to the count."""
    timeline, summary = played(course, config_of(warm_up_s))
    rows = summary["timeline"]
    flagged = [row.get("warmUp", False) for row in rows]
    assert flagged == [number < warm_up_s for number in range(len(course))]
    measured = [second for second, is_warm in zip(course, flagged, strict=True) if not is_warm]
    drain = [(3, 0, 0, 2_000)] if measured else []
    total = summary["global"]
    assert total["requestsSucceeded"] == sum(one[0] for one in measured + drain)
    assert total["requestsFailed"] == sum(one[1] for one in measured)
    assert (
        total["requestsMissed"]
        == sum(one[2] for one in measured)
        == sum(row["global"]["missed"] for row in rows if not row.get("warmUp"))
    )
    assert total["bytesSent"] == 7 * total["requestsMade"]
    assert counters(timeline.kept.intervals()) == said(summary)
    check_summary(json.loads(json.dumps(summary)), "it")
    if measured:
        assert total["rps"] == total["requestsMade"] / len(measured)
        assert total["targetRps"] == pytest.approx(20.0)


@given(course=COURSE)
@settings(max_examples=20, deadline=None)
def test_what_is_measured_does_not_depend_on_what_came_before(course):
    """A run of these seconds alone has the figures of one that had others before, in its warm-up."""
    _, alone = played(course, config_of(0.0))
    _, after = played([(9, 4, 3, 77_000), (0, 9, 9, 1), *course], config_of(2.0))
    for name in COUNTED:
        assert after["global"][name] == alone["global"][name]
    assert said(after) == said(alone)
    assert after["global"]["rps"] == alone["global"]["rps"]
    assert judge_run(after).word == judge_run(alone).word


@given(course=COURSE, warm_up_s=st.sampled_from([1.0, 2.5, 20.0]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_recovered_run_gives_the_same(course, warm_up_s, tmp_path_factory):
    """The journal has the warm-up's length and its seconds."""
    path = tmp_path_factory.mktemp("journal") / NAME
    timeline, summary = played(course, config_of(warm_up_s, "p99 < 2s", "errorRate[2s] < 90%"), Journal(str(path)))
    file = BytesIO(path.read_bytes())
    again = recover(file, "it")
    assert is_journal(BytesIO(path.read_bytes()))
    assert again.summary == summary
    assert list(again.intervals()) == list(timeline.kept.intervals())


@given(course=st.lists(SECOND, min_size=6, max_size=40), warm_up_s=st.integers(1, 12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_place_of_a_long_run_is_on_both_sides(course, warm_up_s, monkeypatch):
    """Rows of 2, 4 … seconds end where the warm-up does, and the latencies of the rest are the summary's."""
    monkeypatch.setattr(kept, "LONGEST", 5)
    timeline, summary = played(course, config_of(float(warm_up_s), duration_s=40.0))
    rows, before = summary["timeline"], 0.0
    for row in rows:
        assert row.get("warmUp", False) == (before < warm_up_s)
        assert not before < warm_up_s < row["t"]
        before = row["t"]
    assert before == len(course)
    assert counters(timeline.kept.intervals()) == said(summary)
    missed = sum(row["global"]["missed"] for row in rows if not row.get("warmUp"))
    assert missed == summary["global"]["requestsMissed"]


def test_a_threshold_is_not_judged_by_the_warm_up():
    """Neither about the whole run nor in a window; each begins when the warm-up ends."""
    bad, good = (0, 20, 0, 1), (20, 0, 0, 1_000)
    config = config_of(3.0, "errorRate < 1%", "errorRate[2s] < 1%", "rps > 19", "p99 < 5ms")
    _, summary = played([bad, bad, bad, good, good, good], config)
    assert [one["passed"] for one in summary["thresholds"]] == [True, True, True, True]
    assert summary["thresholds"][1]["detail"] == "at worst 0 % (from 3 s to 5 s), must be below 1 %"
    _, summary = played([bad, good, good], config_of(1.0, "errorRate[30s] < 1%"))
    assert summary["thresholds"][0]["detail"] == "0 %, must be below 1 %"
    _, summary = played([good, good, bad], config_of(1.0, "errorRate[1s] < 1%"))
    assert (summary["thresholds"][0]["passed"], summary["thresholds"][0]["failedAt"]) == (False, 3.0)


def test_an_abort_waits_for_the_end_of_the_warm_up():
    """Its delay counts from there."""
    config, reading, aborted = config_of(2.0, ("errorRate < 1%", 1.0)), BLANK, []
    timeline = Timeline(config)
    for number in range(1, 5):
        reading = grown(reading, (0, 5, 0, 1))
        second = timeline.tick(float(number), reading)
        aborted.append(second.abort is not None)
        assert second.moment.warm_up == (number <= 2)
    assert aborted == [False, False, True, True]


def test_a_run_that_ends_within_it_says_so():
    """No figure, no latency, no threshold that holds; its seconds are in the timeline."""
    timeline, summary = played([(20, 0, 0, 1_000)] * 3, config_of(10.0, "p99 < 1s"), reason="interrupted")
    assert summary["warmUpSec"] == summary["durationSec"] == 3.0
    assert summary["global"]["requestsMade"] == 0
    assert summary["global"]["responseTimeMs"]["p99"] is None
    assert [row["warmUp"] for row in summary["timeline"]] == [True] * 3
    assert summary["timeline"][0]["global"]["currentRps"] == 20.0
    assert list(timeline.kept.intervals()) == []
    assert came_words(summary) == "no request was measured: the run ended within its warm-up, after 3.0 s"
    judgement = judge_run(summary)
    assert judgement.word == "FAILED"
    assert judgement.reasons[0] == "nothing was measured: the run ended within its warm-up"
    assert "its seconds are in the timeline alone" in judgement.reasons[1]
    assert summary["thresholds"][0]["passed"] is False


def test_without_a_warm_up_nothing_says_so():
    """Neither the summary nor a row nor a file has its names."""
    _, summary = played([(5, 0, 0, 1_000)] * 3, config_of(0.0))
    assert "warmUp" not in json.dumps(summary)
    assert b"warmUp" not in timeline_csv.render(summary)
    _, summary = played([(5, 0, 0, 1_000)] * 3, config_of(1.0))
    first, *rows = timeline_csv.render(summary).decode().splitlines()
    assert first.endswith(",warmUp")
    assert [row.rsplit(",", 1)[1] for row in rows] == ["true", "true", "false", "false", "false", "false"]


def test_the_views_say_what_is_warm_up():
    """The plain lines while it lasts, the charts of the report, its text, and the log of latencies of a summary."""
    config = config_of(2.0)
    moment = Timeline(config).tick(1.0, grown(BLANK, (5, 0, 0, 1_000))).moment
    assert time_left(moment) == "1 s of 30 s, 29 s left, warming up"
    assert running(config).endswith("for 30 s, the first 2 s warm-up")
    _, summary = played([(5, 0, 0, 1_000)] * 4, config)
    assert chart_data(summary)["warmUp"] == [[0.0, 2.0]]
    assert came_words(summary) == "13 requests in 2.0 s (6.5 RPS) after a warm-up of 2.0 s"
    assert b",2.000,2.000," in latency_hlog.render(summary)
    page = report_html.render(summary).decode()
    assert "the first 2 s are warm-up and are not judged" in page
    assert '<dt>Of it warm-up</dt><dd><data value="2.0">2.0 s</data></dd>' in page


def test_a_number_of_requests_is_shown_while_it_is_made():
    """In place of the time that is left."""
    config = replace(config_of(0.0), max_requests=1_000)
    moment = Timeline(config).tick(1.0, grown(BLANK, (30, 2, 0, 1_000))).moment
    assert time_left(moment) == "1 s of 30 s, 32 of 1,000 requests"
    assert running(config).endswith("for 1,000 requests, 30 s at most")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"warmUp": 10}, "warmUp: 10 leaves nothing to measure: it is part of the run, which lasts 10 s"),
        ({"warmUp": 31, "duration": 30}, "warmUp: 31 leaves nothing to measure: it is part of the run, which lasts 30 s"),
        ({"warmUp": -1}, "warmUp: -1 is less than the minimum of 0"),
        ({"warmUp": "5s"}, 'warmUp: "5s" is not a number'),
        ({"warmup": 5}, "warmup: 5 would have no effect, because there is no such property here; did you mean warmUp"),
    ],
)
def test_a_warm_up_that_cannot_be_is_refused(document, problem):
    """Place, value and rule."""
    with pytest.raises(ConfigError) as caught:
        load_config({"requests": [{"url": "http://127.0.0.1/"}], **document})
    assert problem in str(caught.value)


def test_it_is_part_of_the_duration():
    """Also of one that stages make."""
    stages = [{"duration": 20, "targetRps": 10}]
    config = load_config({"requests": [{"url": "http://127.0.0.1/"}], "stages": stages, "warmUp": 2.5})
    assert (config.duration_s, config.warm_up_s) == (20.0, 2.5)


@pytest.mark.timed
def test_an_early_exit_counts_from_its_end():
    """Failures of the warm-up do not end a run, and are not among those that do."""
    rules = EarlyExit(error_count_threshold=5)
    config = replace(config_of(0.6), early_exit=rules)
    runner = EndpointRunner(config, engine=FakeEngine({KEY: Behaviour(error_rate=1.0)}))
    runner.start()
    summary = runner.summary()
    assert summary["endReason"] == "early-exit"
    assert summary["durationSec"] > summary["warmUpSec"] >= 0.6
    assert 5 <= summary["global"]["requestsFailed"] < 50 * (summary["durationSec"] - 0.5)


@pytest.mark.timed
def test_a_run_over_several_engines_measures_the_rest(tmp_path):
    """What the target has served is what was counted in the warm-up and after it, a fraction of a second being no matter."""
    with nginx(tmp_path) as target:
        document = {"requests": [{"url": target.url}], "duration": 3, "warmUp": 1.4, "rps": 200, "workers": 6}
        runner = EndpointRunner(load_config(document), engine=Cluster([ProcessEngine() for _ in range(3)]))
        runner.start()
        summary = runner.summary()
        served = target.served()["/"]
    before, counts = 0.0, Counter()
    for row in summary["timeline"]:
        counts[row.get("warmUp", False)] += round(row["global"]["currentRps"] * (row["t"] - before), 0)
        before = row["t"]
    made = summary["global"]["requestsMade"]
    assert 0.8 * 600 < served <= 600  # a busy machine may miss starts
    assert served - made == pytest.approx(counts[True], abs=4)  # rows have their times to the millisecond
    assert summary["global"]["targetRps"] == pytest.approx(200, rel=0.001)
    assert 1.4 <= summary["warmUpSec"] < 2.0
