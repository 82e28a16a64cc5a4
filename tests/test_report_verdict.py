"""What limited an endpoint, in words: the one sentence that fits its figures."""

from dataclasses import replace
from typing import get_args

import pytest
from summaries import endpoint_snapshot, resolved, summary_of

from tressi.report.verdict import verdicts
from tressi.run.selfcheck import Finding, Rule
from tressi.run.timeline import Saturation

KEY, OTHER = "GET http://host/a", "GET http://host/b"
CPU = ("2.0 of 2.0 s: at worst the engine's thread used its core; it spoils: rates may be the generator's limit",)
LATE = ("2.0 of 2.0 s: at worst p99 of the late sends was 9 ms; it spoils: the spacing of the starts; latencies stay true",)
SHORT = endpoint_snapshot(KEY, succeeded=60, missed=40)


def said(
    snapshot,
    *,
    missed=(),
    workers=2,
    others=2,
    saturated=(),
    limit=None,
    duration_s=10.0,
    connections_per_second=None,
    **fields,
):
    """The verdict on `snapshot` in a run whose seconds had these starts missed and this many workers of a cap of 4."""
    config = fields.pop("config", resolved(KEY, OTHER))
    summary = summary_of(snapshot, endpoint_snapshot(OTHER), config=config, **fields)
    summary["durationSec"] = duration_s
    if limit is not None:
        summary["config"] = {"workers": 99, "autoscale": {"maxWorkers": limit}}
    summary["config"] |= {"connectionsPerSecond": connections_per_second} if connections_per_second else {}
    summary["timeline"] = [
        {
            "t": second + 1.0,
            "endpoints": {KEY: {"missed": count, "workerCount": workers}, OTHER: {"missed": 0, "workerCount": others}},
            "saturated": second in saturated,
        }
        for second, count in enumerate(missed)
    ]
    return verdicts(summary)[KEY]


@pytest.mark.parametrize(
    ("snapshot", "fields", "words"),
    [
        pytest.param(endpoint_snapshot(KEY), {}, "target met", id="the rate was kept"),
        pytest.param(
            endpoint_snapshot(KEY),
            {"saturated_by": CPU, "workers": 4},
            "target met",
            id="what limits nothing is not named",
        ),
        pytest.param(
            endpoint_snapshot(KEY, succeeded=0, failed=90),
            {},
            "target failing: 100% failed (connect)",
            id="every attempt was refused",
        ),
        pytest.param(
            endpoint_snapshot(KEY, succeeded=10, failed=90, status_codes={200: 10, 503: 80, 500: 10}, errors={}),
            {},
            "target failing: 90% failed (status 503, status 500)",
            id="most answers were errors",
        ),
        pytest.param(
            endpoint_snapshot(KEY, succeeded=0, missed=50), {}, "target failing: no attempt ended", id="nobody answers"
        ),
        pytest.param(endpoint_snapshot(KEY, succeeded=0), {}, "no attempt was made", id="the engine never started"),
        pytest.param(
            SHORT, {"missed": [20, 20], "workers": 4}, "worker cap: maxWorkers 4 reached", id="all it may have were there"
        ),
        pytest.param(
            SHORT,
            {"missed": [20, 20], "workers": 4, "connections_per_second": 0.4},
            "connection limit: all 0.4 new connections per second were made",
            id="lanes waited for permits to connect",
        ),
        pytest.param(
            SHORT,
            {"missed": [20, 20], "workers": 4, "connections_per_second": 0.5},
            "worker cap: maxWorkers 4 reached",
            id="more connections than were made were allowed",
        ),
        pytest.param(
            SHORT,
            {"missed": [20, 20], "others": 8, "limit": 10},
            "worker cap: the run's limit of 10 reached",
            id="the run had no more workers",
        ),
        pytest.param(
            SHORT,
            {"missed": [5, 15, 20], "saturated": {1, 2}, "saturated_by": CPU, "workers": 4},
            "generator saturated",
            id="the starts were missed while we were the bottleneck",
        ),
        pytest.param(
            SHORT,
            {"missed": [20, 10, 5], "saturated": {1, 2}, "saturated_by": CPU},
            "target met from 3 s on, once the pool had grown",
            id="we were the bottleneck, but that cost the smaller part",
        ),
        pytest.param(
            SHORT,
            {"missed": [8] * 5, "saturated": {0, 1, 2, 3, 4}, "saturated_by": (*LATE, *CPU), "workers": 4},
            "worker cap: maxWorkers 4 reached",
            id="we cost a rate, but for a smaller part of the time",
        ),
        pytest.param(
            SHORT,
            {"missed": [20, 20], "saturated": {0, 1}, "saturated_by": LATE, "workers": 4},
            "worker cap: maxWorkers 4 reached",
            id="late sends cost no rate",
        ),
        pytest.param(
            SHORT, {"missed": [20, 15, 0, 5, 0, 0]}, "target met from 4 s on, once the pool had grown", id="the pool grew"
        ),
        pytest.param(
            SHORT,
            {"missed": [*[4] * 10, 0], "duration_s": 10.5},
            "short of workers: the pool was still growing",
            id="the pool grew to the end",
        ),
        pytest.param(SHORT, {"missed": [0]}, "the run was too short to tell", id="no start was given up yet"),
        pytest.param(
            endpoint_snapshot(KEY, succeeded=60, missed=40, workers=3),
            {"missed": [20], "config": resolved(KEY, OTHER, autoscale=False)},
            "worker cap: all 3 workers of the shared pool were busy",
            id="the shared pool is too small",
        ),
        pytest.param(
            endpoint_snapshot(KEY, target=None),
            {"config": resolved(KEY, OTHER, autoscale=False)},
            "as fast as responses came",
            id="nothing limits it",
        ),
        pytest.param(
            endpoint_snapshot(KEY, target=None),
            {"config": resolved(KEY, OTHER, autoscale=False), "saturated_by": CPU, "duration_s": 2.0},
            "as fast as the generator could",
            id="nothing limits it but us",
        ),
    ],
)
def test_the_verdict_names_what_limited(snapshot, fields, words):
    """What held while starts were missed is the limit; what held without a missed start is none."""
    assert said(snapshot, **fields) == words


def test_the_shared_pool_is_apart_from_the_limit():
    """Only workers of autoscaled endpoints count towards the run's limit."""
    config = resolved(KEY, OTHER)
    shared = replace(config, endpoints=(config.endpoints[0], replace(config.endpoints[1], autoscale=None)))
    fields = {"missed": [40, 0], "workers": 2, "others": 8, "limit": 10}
    assert said(SHORT, config=config, **fields) == "worker cap: the run's limit of 10 reached"
    assert said(SHORT, config=shared, **fields) == "target met from 1 s on, once the pool had grown"


def test_chance_is_no_shortfall():
    """Poisson arrivals may come out a little below the rate; without a missed start that is the target met."""
    summary = summary_of(endpoint_snapshot(KEY, succeeded=90))
    assert verdicts(summary)[KEY] != "target met"
    summary["config"] = {"arrival": "poisson"}
    assert verdicts(summary)[KEY] == "target met"


@pytest.mark.parametrize("rule", get_args(Rule))
def test_the_words_of_the_self_check_are_understood(rule):
    """Every finding that says that rates were ours is read as that; late sends and own delay are not."""
    saturation = Saturation()
    saturation.add((Finding(rule, 99.0, 1.0),), 1.0)
    blamed = said(SHORT, missed=[40], saturated={0}, saturated_by=saturation.reasons()) == "generator saturated"
    assert blamed == (rule in {"cpu", "missed-late", "standstill"})
