"""Verdicts over a run: of the whole of it, of every window, and when one ends the run."""

import pytest
from summaries import endpoint_snapshot as snapshot_of
from summaries import histogram, resolved, summary_of

from tressi.model import EngineSnapshot, GeneratorSnapshot, Threshold
from tressi.run.thresholds import Thresholds
from tressi.stats.latency import statistic_ms
from tressi.stats.tally import Figures, tally
from tressi.threshold.expression import Metric
from tressi.threshold.names import STATISTICS, TIMES
from tressi.threshold.parse import parse

pytestmark = pytest.mark.pure

A, B = "GET http://host/a", "GET http://host/b"


def thresholds(*texts, key=None, **fields):
    """The judge of these conditions."""
    config = resolved(A, B)
    wanted = tuple(Threshold(text, parse(text), key, **fields) for text in texts)
    return Thresholds(type(config)(config.endpoints, None, 10, thresholds=wanted))


class Clock:
    """A run of two endpoints: each second, so many answers of A and B, each after so many milliseconds."""

    def __init__(self):
        self.t = 0
        self.counts = {A: [0, 0], B: [0, 0]}
        self.values = {A: [], B: []}

    def second(self, a=(10, 1), b=(0, 1), *, failed=0):
        """One more second: (answers, milliseconds) of each endpoint, and failures of A."""
        self.t += 1
        for key, (count, ms) in ((A, a), (B, b)):
            self.counts[key][0] += count
            self.values[key] += [ms * 1000] * count
        self.counts[A][1] += failed
        return self.t, self.reading()

    def reading(self):
        """What the engine says now."""
        parts = {}
        for key, (succeeded, failed) in self.counts.items():
            one = snapshot_of(key, succeeded=succeeded, failed=failed, errors={"timeout": failed} if failed else {})
            values = {name: getattr(one, name) for name in one.__dataclass_fields__}
            values |= {"scheduled": 10.0 * self.t, "response": histogram(*self.values[key]), "window": one.window}
            parts[key] = type(one)(**values)
        generator = GeneratorSnapshot(0.0, 0.0, histogram(), histogram(), 0, 0, 0)
        return EngineSnapshot(float(self.t), parts, generator)

    def figures(self):
        """The whole run's."""
        reading = self.reading().endpoints
        scopes = {None: list(reading.values()), **{key: [one] for key, one in reading.items()}}
        return {scope: Figures(tally(parts), tally(parts).made / self.t, 10.0) for scope, parts in scopes.items()}


def play(judge, clock, *seconds, saturated=()):
    """Feed seconds; returns what was said about aborting, second by second."""
    said = []
    for second in seconds:
        t, reading = clock.second(**second)
        said.append(judge.tick(float(t), reading, saturated=t in saturated))
    return said


def test_a_threshold_of_the_whole_run_is_judged_by_what_came_last():
    """Broken in the middle and whole again at the end, it passes; until then it stands as it stands."""
    judge, clock = thresholds("errorRate < 40%"), Clock()
    play(judge, clock, {"a": (10, 1)}, {"a": (0, 1), "failed": 10})
    assert [(one.passed, one.failed_at, one.value) for one in judge.verdicts()] == [(False, 2.0, 0.5)]
    play(judge, clock, {"a": (90, 1)})
    (final,) = judge.close(clock.figures(), 3.0)
    assert (final.passed, final.failed_at, final.value, final.limit) == (True, None, pytest.approx(10 / 110), 0.4)


def test_a_window_that_was_broken_once_stays_broken():
    """The worst window is told, with its end; the seconds after it do not heal it, the whole run's figures neither."""
    judge, clock = thresholds("p99[2s] < 5ms"), Clock()
    play(judge, clock, {"a": (10, 1)}, {"a": (10, 1)}, {"a": (10, 8)}, {"a": (10, 30)}, {"a": (10, 1)}, {"a": (5000, 1)})
    (final,) = judge.close(clock.figures(), 6.0)
    assert (final.passed, final.failed_at) == (False, 3.0)
    assert final.value == pytest.approx(30, rel=1e-3)
    assert final.detail == "at worst 30 ms (from 2 s to 4 s), must be below 5 ms"
    assert clock.figures()[None].of(Metric("responseTime.p99")) < 5


def test_every_window_counts_and_nothing_outside_of_it():
    """A slow second is forgotten when the window has passed it, and a window that is not full is not judged."""
    judge, clock = thresholds("max[3s] < 20ms", "requestsMade[3s] >= 30"), Clock()
    play(judge, clock, {"a": (10, 10)}, {"a": (5, 30)})
    assert [one.passed for one in judge.verdicts()] == [None, None]
    play(judge, clock, {"a": (10, 1)}, {"a": (10, 1)}, {"a": (10, 1)})
    assert [(one.passed, one.failed_at, one.value) for one in judge.verdicts()] == [
        (False, 3.0, pytest.approx(30, rel=1e-3)),
        (False, 3.0, 25),
    ]
    fresh = thresholds("max[3s] < 20ms", "requestsMade[3s] >= 30")
    fast = Clock()
    play(fresh, fast, *[{"a": (10, 1)}] * 6)
    assert [(one.passed, one.value) for one in fresh.verdicts()] == [(True, pytest.approx(1, rel=1e-3)), (True, 30)]


def test_rates_targets_and_saturation_are_of_the_window():
    """Attempts and scheduled starts per second of it, and whether any of its seconds was saturated."""
    judge, clock = thresholds("rps[2s] >= targetRps[2s]", "saturated[2s] == false", "saturated == false", key=A), Clock()
    play(judge, clock, {}, {}, {}, {})
    assert [one.passed for one in judge.verdicts()] == [True, True, True]
    play(judge, clock, {"a": (8, 1)}, saturated={5})
    assert [(one.passed, one.value, one.limit) for one in judge.verdicts()] == [(False, 9, 10), (False, 1, 0), (False, 1, 0)]


def test_a_window_forgets_that_the_generator_was_saturated():
    """Once the saturated second has left it."""
    judge, clock = thresholds("saturated[2s] == true"), Clock()
    play(judge, clock, {}, {}, {}, saturated={1, 2})
    assert [one.passed for one in judge.verdicts()] == [True]
    play(judge, clock, {})
    assert [(one.passed, one.failed_at) for one in judge.verdicts()] == [(False, 4.0)]


def test_no_percentile_is_beyond_the_maximum():
    """A counter stands for several values; the highest of them may never have been seen."""
    assert histogram(5001).percentile(99) > 5001
    assert statistic_ms(histogram(5001), "p99") == statistic_ms(histogram(5001), "p", "100") == 5.001


def test_an_endpoint_is_judged_alone_and_the_run_by_all():
    """Slow answers of B are nothing to A."""
    seconds = [{"a": (99, 1), "b": (9, 50)}] * 2
    for key, passed in ((A, True), (B, False), (None, False)):
        judge, clock = thresholds("p99[1s] < 10ms", "p99 < 10ms", key=key), Clock()
        play(judge, clock, *seconds)
        assert [one.passed for one in judge.close(clock.figures(), 2.0)] == [passed, passed], key


def test_a_run_shorter_than_its_window_is_one_window():
    """So it is judged all the same."""
    judge, clock = thresholds("p99[30s] < 5ms", "p99[30s] < 50ms"), Clock()
    play(judge, clock, {"a": (10, 20)})
    assert [(one.passed, one.detail) for one in judge.close(clock.figures(), 1.0)] == [
        (False, "20 ms, must be below 5 ms"),
        (True, "20 ms, must be below 50 ms"),
    ]


@pytest.mark.parametrize("condition", ["errorRate < 1%", "errorRate == 0", "errorRate[1s] < 1%", "errorRate >= 0"])
def test_an_error_rate_without_an_attempt_that_ended_holds_nothing(condition):
    """It stays undecided while the run lasts, ends nothing, and fails at its end; with an attempt it is judged."""
    judge, clock = thresholds(condition, aborts=True), Clock()
    assert play(judge, clock, {"a": (0, 1)}, {"a": (0, 1)}) == [None, None]
    assert [one.passed for one in judge.verdicts()] == [None]
    (final,) = judge.close(clock.figures(), 2.0)
    assert (final.passed, final.detail) == (False, "nothing to judge: there was no value")

    judge, clock = thresholds(condition), Clock()
    play(judge, clock, {"a": (1, 1)})
    assert [one.passed for one in judge.close(clock.figures(), 1.0)] == [True]


def test_what_has_no_value_cannot_be_said_to_hold():
    """A latency without a response fails, whichever way it is asked for."""
    judge, clock = thresholds("p99 < 5ms", "p99[1s] < 5ms", "p99 > 5ms"), Clock()
    play(judge, clock, {"a": (0, 1)}, {"a": (0, 1)})
    assert [one.passed for one in judge.verdicts()] == [None, None, None]
    final = judge.close(clock.figures(), 2.0)
    assert [(one.passed, one.value, one.detail) for one in final] == [(False, None, "nothing to judge: there was no value")] * 3


def test_only_a_broken_threshold_that_may_ends_a_run_and_says_why():
    """Not before its delay, and not where it has no value yet."""
    judge, clock = thresholds("p99 < 5ms", aborts=True, abort_delay_s=3.0, key=A), Clock()
    said = play(judge, clock, {"a": (0, 1)}, {"a": (10, 20)}, {"a": (10, 20)})
    assert said == [None, None, f"the threshold p99 < 5ms of {A} is broken: 20 ms, must be below 5 ms"]
    patient, clock = thresholds("p99 < 5ms"), Clock()
    assert play(patient, clock, {"a": (10, 20)}) == [None]


def test_the_figures_of_a_run_are_those_of_its_summary():
    """Whatever a threshold can name has the very value that the summary shows under that name."""
    summary = summary_of(snapshot_of(A, succeeded=70, failed=30, missed=5, target=40.0), snapshot_of(B, target=60.0))
    parts = [snapshot_of(A, succeeded=70, failed=30, missed=5, target=40.0), snapshot_of(B, target=60.0)]
    figures = Figures(tally(parts), summary["global"]["rps"], summary["global"]["targetRps"])
    shown = summary["global"]
    for name in ("requestsMade", "requestsSucceeded", "requestsFailed", "requestsMissed", "errorRate", "rps", "targetRps"):
        assert figures.of(Metric(name)) == shown[name], name
    for time in TIMES:
        for statistic in STATISTICS:
            assert figures.of(Metric(f"{time}.{statistic}")) == shown[f"{time}Ms"][statistic], (time, statistic)
    assert figures.of(Metric("statusCodes", "200")) == shown["statusCodes"]["200"] == 170
    assert figures.of(Metric("errors", "connect")) == shown["errors"]["connect"] == 30
    assert figures.of(Metric("errors", "timeout")) == 0


def test_a_verdict_tells_whether_it_can_still_change():
    """A window that was broken cannot, nor one that ends the run, nor anything at the end."""
    judge, clock = thresholds("errorRate < 40%", "p99[1s] < 5ms", "requestsFailed < 10"), Clock()
    play(judge, clock, {"a": (0, 8), "failed": 9}, {"a": (1, 8)})
    assert [(one.passed, one.settled) for one in judge.verdicts()] == [(False, False), (False, True), (True, False)]
    aborting = thresholds("errorRate < 40%", aborts=True, abort_delay_s=4)
    told = []
    for second in ({"a": (1, 1), "failed": 9}, {"a": (1, 1)}):
        play(aborting, clock, second)
        told += [(one.passed, one.settled) for one in aborting.verdicts()]
    assert told == [(False, False), (False, True)]  # the third second of the run and its fourth
    assert [(one.passed, one.settled) for one in judge.close(clock.figures(), 4.0)] == [
        (False, True),
        (False, True),
        (False, True),
    ]
