"""What limited an endpoint, in words: the one sentence that fits its figures, and whether its rate was kept."""

from dataclasses import replace
from typing import get_args

import pytest
from summaries import decision, endpoint_snapshot, resolved, summary_of

from tressi.run.shortfall import Limit, failures, limits
from tressi.run.timeline import Saturation
from tressi.stats.selfcheck import Finding, Rule

pytestmark = pytest.mark.pure

KEY, OTHER = "GET http://host/a", "GET http://host/b"
CPU = ("in 2.0 of 2.0 s an engine's thread used its core; it spoils: rates may be the generator's limit",)
SHORT = endpoint_snapshot(KEY, succeeded=60, missed=40)
SHARED = resolved(KEY, OTHER, autoscale=False)


def grown(at_s):
    """A decision that let the pool grow at that time."""
    return [replace(decision(KEY), timestamp=float(at_s))]


def limit(snapshot, *, missed=(), still=(), workers=2, others=2, saturated=(), duration_s=10.0, config=None, **fields):
    """What limited `snapshot` in a run of 100 starts whose seconds had these starts missed and this many workers of a cap of 4.

    In the seconds of `still` attempts were in flight and none ended; in those of `saturated` the generator was limited.
    """
    recorded, late, http2 = fields.pop("recorded", {}), fields.pop("missed_late", 0), fields.pop("http2", {})
    summary = summary_of(snapshot, endpoint_snapshot(OTHER), config=config or resolved(KEY, OTHER), **fields)
    summary["durationSec"] = duration_s
    for endpoint in summary["endpoints"]:
        endpoint["targetRps"] = endpoint["targetRps"] and 100 / duration_s
    summary["config"] = recorded
    summary["endpoints"][0] |= {"missedLate": late, **http2}
    quiet = {"missed": 0, "workerCount": others, "currentRps": 10.0, "utilisation": 0.1}
    summary["timeline"] = [
        {
            "t": second + 1.0,
            "endpoints": {KEY: _row(count, workers, is_still=second in still), OTHER: quiet},
            "saturated": second in saturated,
        }
        for second, count in enumerate(missed)
    ]
    return limits(summary)[KEY]


def _row(missed, workers, *, is_still):
    return {"missed": missed, "workerCount": workers, "currentRps": 0 if is_still else 10.0, "utilisation": 1.0}


FAILING = endpoint_snapshot(KEY, succeeded=0, failed=90)
FLAKY = endpoint_snapshot(KEY, succeeded=10, failed=90, status_codes={200: 10, 503: 80, 500: 10}, errors={})
FREE = endpoint_snapshot(KEY, target=None)
CAP = "worker cap: maxWorkers 4 reached"
STILL = "target stood still: no answer from 1.0 to 3.0 s"
LIMITED = {"saturated": {0, 1}, "saturated_by": CPU}

# A sentence on the case; what the endpoint counted and how its seconds went; what limited it; whether its rate was not kept.
CASES = [
    ("the rate was kept", endpoint_snapshot(KEY), {}, "target met", False),
    ("what limits nothing is not named", endpoint_snapshot(KEY), {"workers": 4, **LIMITED}, "target met", False),
    ("every attempt was refused", FAILING, {}, "target failing: 100% failed (connect)", True),
    ("most answers were errors", FLAKY, {}, "target failing: 90% failed (status 503, status 500)", False),
    ("no server answers", endpoint_snapshot(KEY, succeeded=0, missed=50), {}, "target failing: no attempt ended", True),
    ("the engine never started", endpoint_snapshot(KEY, succeeded=0), {}, "no attempt was made", True),
    # The workers.
    ("all it may have were there", SHORT, {"missed": [20, 20], "workers": 4}, CAP, True),
    (
        "lanes waited for a place on a connection",
        SHORT,
        {"missed": [20, 20], "workers": 4, "http2": {"placesWaited": 55, "streamsPerConnection": 10}},
        "connection cap: http2.connections reached, with 10 streams each; lanes waited 55 times",
        True,
    ),
    (
        "few lanes waited for one",
        SHORT,
        {"missed": [20, 20], "workers": 4, "http2": {"placesWaited": 5, "streamsPerConnection": 10}},
        CAP,
        True,
    ),
    (
        "the run had no more workers",
        SHORT,
        {"missed": [20, 20], "others": 8, "recorded": {"workers": 99, "autoscale": {"maxWorkers": 10}}},
        "worker cap: the run's limit of 10 reached",
        True,
    ),
    (
        "the shared pool is too small",
        SHORT,
        {"missed": [20, 20], "config": SHARED},
        "worker cap: all 2 workers of the shared pool were busy",
        True,
    ),
    (
        "one start that a fixed pool missed is one too many",
        endpoint_snapshot(KEY, succeeded=99, missed=1),
        {"missed": [0, 1], "config": SHARED},
        "worker cap: all 2 workers of the shared pool were busy",
        True,
    ),
    (
        "an autoscaled pool may miss 1 %",
        endpoint_snapshot(KEY, succeeded=99, missed=1),
        {"missed": [0, 1], "workers": 4},
        "target met",
        False,
    ),
    (
        "lanes waited for permits to connect",
        SHORT,
        {"missed": [20, 20], "workers": 4, "recorded": {"connectionsPerSecond": 0.4}},
        "connection limit: all 0.4 new connections per second were made",
        True,
    ),
    (
        "more connections than were made were allowed",
        SHORT,
        {"missed": [20, 20], "workers": 4, "recorded": {"connectionsPerSecond": 0.5}},
        CAP,
        True,
    ),
    # The pool's growth.
    (
        "the pool grew",
        SHORT,
        {"missed": [20, 15, 0, 5, 0, 0], "decisions": grown(3)},
        "target met from 4 s on, once the pool had grown",
        False,
    ),
    (
        "2 s after its last growth it must be enough",
        SHORT,
        {"missed": [20, 15, 0, 0, 5, 0], "decisions": grown(2.5)},
        None,
        True,
    ),
    (
        "the pool grew to the end",
        SHORT,
        {"missed": [*[4] * 10, 0], "duration_s": 10.5, "decisions": grown(10)},
        "short of workers: the pool was still growing",
        True,
    ),
    ("it never grew", SHORT, {"missed": [20, 20]}, "short of workers: the pool had not grown by the end", True),
    # The target.
    ("it stood still", SHORT, {"missed": [0, 20, 20, 0], "still": {1, 2}}, STILL, True),
    (
        "its fault comes before the cap's",
        SHORT,
        {"missed": [0, 20, 20, 0], "still": {1, 2}, "workers": 4},
        f"{STILL}; {CAP}",
        True,
    ),
    ("growth does not excuse it", SHORT, {"missed": [0, 20, 20, 0], "still": {1, 2}, "decisions": grown(5)}, STILL, True),
    (
        "the seconds in which it begins and ends are part of it",
        SHORT,
        {"missed": [10, 10, 10, 10], "still": {1, 2}},
        STILL,
        True,
    ),
    ("it cost the smaller part", SHORT, {"missed": [20, 0, 0, 10, 0], "still": {3}, "workers": 4}, CAP, True),
    ("an engine that stood still is no target that did", SHORT, {"missed": [20, 20], "still": {0, 1}, **LIMITED}, None, True),
    # The generator.
    (
        "starts were missed while its CPU was at the limit",
        SHORT,
        {"missed": [20, 20], "workers": 4, **LIMITED},
        "generator limited",
        True,
    ),
    (
        "a lane was free for most of them",
        SHORT,
        {"missed": [20, 20], "workers": 4, "missed_late": 20},
        "generator limited",
        True,
    ),
    ("a lane was free for a few of them", SHORT, {"missed": [20, 20], "workers": 4, "missed_late": 19}, CAP, True),
    (
        "that cost the smaller part",
        SHORT,
        {"missed": [5, 5, 30], "workers": 4, **LIMITED},
        CAP,
        True,
    ),
    (
        "it did so for a smaller part of the time",
        SHORT,
        {"missed": [8] * 5, "saturated": {0, 1, 2, 3, 4}, "saturated_by": CPU, "workers": 4},
        CAP,
        True,
    ),
    (
        "a lane came a little late to be free, which matters to nothing",
        endpoint_snapshot(KEY, succeeded=99, missed=1),
        {"missed": [0, 1], "missed_late": 1, "config": SHARED},
        "target met",
        False,
    ),
    ("an engine was lost", endpoint_snapshot(KEY, succeeded=60), {"lost": ("killed",)}, "generator limited", True),
    # What is left.
    ("no start was given up yet", SHORT, {"missed": [0]}, "the run was too short to tell", True),
    ("nothing limits it", FREE, {"config": SHARED}, "as fast as responses came", False),
    ("nothing limits it but ourselves", FREE, {"duration_s": 2.0, **LIMITED}, "as fast as the generator could", False),
]


def test_what_limited_is_named():
    """What held while starts were missed is the limit; what held without a missed start is none."""
    for why, snapshot, fields, words, is_short in CASES:
        found = limit(snapshot, **fields)
        assert words is None or found.words == words, why
        assert found.is_short == is_short, why
        assert found.by_generator == (found.words == "generator limited"), why


def test_a_run_without_time_tells_nothing():
    """A signal came as it began: neither was a rate kept, nor was the generator the limit."""
    for snapshot in (SHORT, FREE, endpoint_snapshot(KEY, succeeded=0)):
        summary = summary_of(snapshot)
        summary["durationSec"] = 0
        assert limits(summary)[KEY] == Limit("the run was too short to tell"), snapshot


def test_a_generator_that_stood_still_is_blamed_before_the_target():
    """A second in which it was limited says nothing about the target."""
    stood = ("in 2.0 of 2.0 s an engine did nothing for up to 1.0 s; it spoils: the rate: nothing was sent",)
    found = limit(SHORT, missed=[20, 20], still={0, 1}, saturated={0, 1}, saturated_by=stood)
    assert (found.words, found.by_generator) == ("generator limited", True)


def test_a_slow_target_does_not_stand_still():
    """Two seconds without an answer are usual where an answer takes longer than that."""
    slow = replace(SHORT, service=endpoint_snapshot(KEY).service)
    fields = {"missed": [0, 20, 20, 0], "still": {1, 2}, "workers": 4}
    assert limit(slow, **fields).words.startswith("target stood still")
    for value_us, is_still in ((1_900_000, True), (2_100_000, False)):
        service = type(slow.service)()
        service.record(value_us, 60)
        found = limit(replace(SHORT, service=service), **fields)
        assert found.words.startswith("target stood still") == is_still, value_us


def test_the_shared_pool_is_apart_from_the_limit():
    """Only workers of autoscaled endpoints count towards the run's limit."""
    config = resolved(KEY, OTHER)
    shared = replace(config, endpoints=(config.endpoints[0], replace(config.endpoints[1], autoscale=None)))
    fields = {"missed": [40, 0], "workers": 2, "others": 8, "recorded": {"autoscale": {"maxWorkers": 10}}}
    assert limit(SHORT, config=config, **fields).words == "worker cap: the run's limit of 10 reached"
    assert limit(SHORT, config=shared, **fields).words == "short of workers: the pool had not grown by the end"


def test_who_holds_the_shared_pool_is_named():
    """An endpoint that starves beside one whose requests occupy the lanes is told which."""
    summary = summary_of(SHORT, endpoint_snapshot(OTHER), config=SHARED)
    for row in summary["timeline"]:
        row["endpoints"][KEY] |= {"missed": 20, "utilisation": 0.1}
        row["endpoints"][OTHER] |= {"utilisation": 0.9}
    words = "worker cap: all 2 workers of the shared pool were busy"
    assert limits(summary)[KEY].words == f"{words}, most of them with GET /b"
    for row in summary["timeline"]:
        row["endpoints"][KEY]["utilisation"] = 0.95
    assert limits(summary)[KEY].words == words


def test_chance_is_no_shortfall():
    """Poisson arrivals may come out a little below the rate; without a missed start that is the target met."""
    summary = summary_of(endpoint_snapshot(KEY, succeeded=90))
    assert limits(summary)[KEY].is_short
    summary["config"] = {"arrival": "poisson"}
    assert limits(summary)[KEY].words == "target met"


@pytest.mark.parametrize("rule", get_args(Rule))
def test_the_words_of_the_self_check_are_understood(rule):
    """A CPU at its limit and a standstill cost rates without a count; starts that were not sent are counted."""
    saturation = Saturation()
    saturation.add((Finding(rule, 99.0, 1.0, 1, 2),), 1.0)
    found = limit(SHORT, missed=[40], saturated={0}, saturated_by=saturation.reasons())
    assert found.by_generator == (rule in {"cpu", "standstill"})


def test_a_status_that_was_expected_is_no_failure():
    """Where all failures are errors, as with an endpoint that expects 404."""
    expecting = {"requestsFailed": 2, "errors": {"expectation": 2}, "statusCodes": {"404": 98, "200": 2}}
    assert failures(expecting) == {"expectation": 2}
    assert failures({**expecting, "requestsFailed": 100}) == {"expectation": 2, "status 404": 98}


class Rows(dict):
    """The rows of a second, which count how often one is looked at by whatever looks at several."""

    looks = 0

    def __getitem__(self, key):
        """Count a look."""
        self.looks += 1
        return super().__getitem__(key)

    def items(self):
        """Count a look at each."""
        self.looks += len(self)
        return super().items()


@pytest.mark.parametrize("autoscale", [True, False])
def test_the_rows_of_a_second_are_looked_through_once_however_many_endpoints_missed_starts(autoscale):
    keys = [f"GET http://host/{number}" for number in range(40)]
    config = resolved(*keys, autoscale=autoscale)
    summary = summary_of(*(endpoint_snapshot(key, succeeded=60, missed=40) for key in keys), config=config)
    summary["durationSec"], summary["config"] = 10.0, {"workers": 80}
    row = {"missed": 20, "workerCount": 2, "currentRps": 10.0, "utilisation": 1 / 40}
    seconds = [Rows(dict.fromkeys(keys, row)) for _ in range(3)]
    summary["timeline"] = [{"t": at + 1.0, "endpoints": rows, "saturated": False} for at, rows in enumerate(seconds)]
    assert {limit.is_short for limit in limits(summary).values()} == {True}
    assert max(rows.looks for rows in seconds) <= len(keys)
