"""The run's journal: what is played back from it is what the run itself would have written."""

import errno
import os
from io import BytesIO
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from summaries import histogram, resolved

from tressi.errors import ConfigError
from tressi.model import (
    Change,
    EndpointSnapshot,
    EngineSnapshot,
    GeneratorSnapshot,
    Reason,
    Sample,
    ScalingDecision,
    Threshold,
)
from tressi.model.delta import delta_between, merged, reading_of
from tressi.model.portable import decode_delta, encode_delta
from tressi.run.journal import FIRST_LINE, NAME, Journal, record_of
from tressi.run.timeline import Ending, Timeline
from tressi.store.records import is_journal, records_of
from tressi.store.recover import BROKE_OFF, recover
from tressi.threshold.parse import parse

pytestmark = pytest.mark.pure

A, B = KEYS = ("GET http://h/a", "GET http://h/b")
STARTED = "2026-11-27T20:00:00.000+00:00"
SMALL = st.integers(0, 40)
# What one endpoint does in one second: successes and failures, and some of the rest.
SECOND = st.fixed_dictionaries(
    {
        "succeeded": SMALL,
        "failed": st.integers(0, 5),
        "missed": st.integers(0, 5),
        "missed_late": st.integers(0, 2),
        "workers": st.integers(0, 6),
        "in_flight": st.integers(0, 3),
        "service_us": st.integers(1, 5_000_000),
    }
)
COURSE = st.lists(st.tuples(SECOND, SECOND), min_size=1, max_size=4)


def config_of():
    """Two endpoints, one of them named, with thresholds about the run, an endpoint and a window."""
    texts = (("p99 < 2s", None), ("fail if errorRate > 50%", A), ("errorRate[2s] < 90%", None))
    thresholds = tuple(
        Threshold(text, parse(text.removeprefix("fail if ")).negated() if "fail if" in text else parse(text), key)
        for text, key in texts
    )
    config = resolved(*KEYS, names=("first",))
    return type(config)(
        **{
            name: {"thresholds": thresholds, "duration_s": 30.0, "document": {"requests": [{"url": "http://h/a"}]}}.get(
                name, getattr(config, name)
            )
            for name in config.__dataclass_fields__
        }
    )


class Engine:
    """What an engine would say: sums of the seconds that it is given."""

    def __init__(self):
        self.t = 0.0
        self.parts = {key: EndpointSnapshot(key) for key in KEYS}
        self.samples = ()

    def second(self, pair):
        """The reading after one more second."""
        self.t += 1.0
        for key, one in zip(KEYS, pair, strict=True):
            self.parts[key] = self.grown(self.parts[key], one)
            if one["failed"]:
                self.samples += (Sample(key, 503, f"busy {self.t}".encode(), truncated=False),)
        late, busy_s = histogram(*[40] * int(self.t)), (0.11 * self.t, None)
        generator = GeneratorSnapshot(0.1 * self.t, 0.01, histogram(20), late, int(self.t) * 9, 0, 0, busy_s, ("x",))
        return EngineSnapshot(self.t, dict(self.parts), generator, self.samples)

    def grown(self, before, one):
        """One endpoint after one more second."""
        service = histogram(*[one["service_us"]] * one["succeeded"], *[9_000] * one["failed"])
        response = histogram(*[one["service_us"] + 7] * one["succeeded"], *[9_007] * one["failed"], *[90_000] * one["missed"])
        success = histogram(*[one["service_us"]] * one["succeeded"])
        first_byte = histogram(*[one["service_us"]] * one["succeeded"])
        times = {"service": service, "response": response, "success": success, "first_byte": first_byte}
        for name, more in times.items():
            more.merge(getattr(before, name))
        counts = {name: getattr(before, name) + one[name] for name in ("succeeded", "failed", "missed", "missed_late")}
        failed = counts["failed"]
        return EndpointSnapshot(
            before.endpoint_key,
            **counts,
            status_codes={200: counts["succeeded"], 503: failed},
            errors={"timeout": failed} if failed else {},
            reasons=(Reason("timeout", "no answer within 1 s", failed),) if failed else (),
            worker_count=one["workers"],
            peak_worker_count=max(before.peak_worker_count, one["workers"]),
            in_flight=one["in_flight"],
            target_rps=25.0,
            scheduled=25.0 * self.t,
            scheduled_s=self.t,
            lane_s=before.lane_s + one["workers"],
            occupied_lane_s=before.occupied_lane_s + one["workers"] / 3,
            **times,
        )


def run_of(course, path, *, ends=True):
    """A run of these seconds with its journal at `path`; returns its own summary and intervals."""
    config, engine, journal = config_of(), Engine(), Journal(str(path))
    journal.begin(config, STARTED)
    timeline = Timeline(config)
    for number, pair in enumerate(course):
        if number % 2:
            timeline.take(ScalingDecision(A, "scale-up", 1, 3, "why", float(number)))
            timeline.note(Change(number + 0.5, "set-target", B, 12.5))
        second = timeline.tick(number + 1.0, engine.second(pair), throttled_s=0.25 * number)
        journal.second(second, 0.25 * number)
    reading, t = timeline.last, timeline.last_t
    if ends:
        journal.close(timeline.close(t + 0.5, engine.second(course[-1])), drained=True)
        ending = Ending("interrupted", "SIGINT", t, reading)
        journal.end(ending)
    else:
        ending = Ending("error", f"{BROKE_OFF}, which ends at {t:.1f} s", t, reading)
    return timeline.sum_up(STARTED, ending), list(timeline.kept.intervals())


def same(found, expected, place="summary"):
    """Assert two summaries equal, real numbers to what their sums may differ in."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for name in expected:
            same(found[name], expected[name], f"{place}.{name}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), place
        for number, pair in enumerate(zip(found, expected, strict=True)):
            same(*pair, f"{place}[{number}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), place
    else:
        assert found == expected, place


def recovered_of(data):
    """What is recovered from these bytes."""
    return recover(BytesIO(data), "run.journal")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(course=COURSE)
def test_a_whole_journal_gives_the_runs_own_results(course, tmp_path):
    """Every figure of the summary, every row, decision, change, verdict and sample, and every latency of the log."""
    path = tmp_path / NAME
    path.unlink(missing_ok=True)
    summary, intervals = run_of(course, path)
    recovered = recovered_of(path.read_bytes())
    assert recovered.is_whole
    assert recovered.missing == []
    same(recovered.summary, summary)
    assert list(recovered.intervals()) == intervals


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(course=COURSE, data=st.data())
def test_a_journal_cut_anywhere_gives_the_seconds_before_the_cut(course, data, tmp_path):
    """To the count; less than one whole second is refused in words."""
    path = tmp_path / NAME
    path.unlink(missing_ok=True)
    run_of(course, path)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole) - 1))
    file = BytesIO(whole)
    is_journal(file)
    ends = [*[record.at_byte for record in records_of(file)][1:], len(whole)]
    seconds = min(sum(end <= cut for end in ends[1:]), len(course)) if cut >= ends[0] else 0
    if not seconds:
        with pytest.raises(ConfigError, match="journal"):
            recovered_of(whole[:cut])
        return
    recovered = recovered_of(whole[:cut])
    path.unlink()
    expected, _ = run_of(course[:seconds], path, ends=False)
    assert not recovered.is_whole
    assert [row["t"] for row in recovered.summary["timeline"]] == [second + 1.0 for second in range(seconds)]
    if cut < ends[len(course)]:  # what came in after the last second is one record, which belongs to the counts
        for name in ("global", "endpoints", "timeline", "scaling", "thresholds"):
            same(recovered.summary[name], expected[name], name)
    assert any("what came after that is missing" in sentence for sentence in recovered.summary["leftOut"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    course=st.lists(st.tuples(SECOND, SECOND), min_size=2, max_size=3),
    at=st.integers(0),
    byte=st.integers(1, 255),
)
def test_a_changed_byte_ends_the_reading_there(course, at, byte, tmp_path):
    """What stands before is whole, and where reading ended is said; never a traceback, never another figure."""
    path = tmp_path / NAME
    path.unlink(missing_ok=True)
    summary, _ = run_of(course, path)
    damaged = bytearray(path.read_bytes())
    at %= len(damaged)
    damaged[at] ^= byte
    try:
        recovered = recovered_of(bytes(damaged))
    except ConfigError:  # what was damaged is the head, or the first second
        return
    assert not recovered.is_whole
    [damage, *_] = recovered.missing
    assert "is not read" in damage
    rows = recovered.summary["timeline"]
    same(rows, summary["timeline"][: len(rows)])


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70).filter(lambda n: n < 2**64)
    | st.floats()
    | st.binary(max_size=9)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(["head", "second", "rest", "end", "other"]), values=st.lists(VALUES, max_size=6))
def test_a_journal_of_any_values_is_no_traceback(kind, values):
    """A journal may come from anywhere: what no run writes is refused in words, however well it is framed."""
    shared, first = {"workers": 1, "target_rps": 1.0}, [A, "GET", "http://h/a", None, None]
    document = {"endpoints": [first], "sharedPool": shared, "workerLimit": 1, "durationSec": 3.0}
    head = ("head", "1", STARTED, {**document, "concurrentRequests": 1, "thresholds": [], "config": "{}"})
    for records in ([(kind, *values)], [head, (kind, *values)]):
        with pytest.raises(ConfigError, match=r"run\.journal"):
            recovered_of(FIRST_LINE + b"".join(record_of(*record) for record in records))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no journal"),
        (b"{}", "no journal"),
        (FIRST_LINE, "ends before its first record"),
        (FIRST_LINE + b"\xff" * 8, "claims to have"),
        (FIRST_LINE + record_of("end", "duration", None, 1.0), "no head"),
    ],
)
def test_what_is_no_journal_is_refused_in_words(data, words):
    """With what is wrong with it."""
    with pytest.raises(ConfigError, match=words):
        recovered_of(data)


@settings(max_examples=12, deadline=None)
@given(course=COURSE)
def test_the_deltas_of_a_run_are_its_last_reading(course):
    """Through bytes and back, merged in one go or in steps."""
    engine, deltas = Engine(), []
    before = EngineSnapshot(0.0, {key: EndpointSnapshot(key) for key in KEYS}, GeneratorSnapshot())
    for number, pair in enumerate(course, 1):
        after = engine.second(pair)
        delta = delta_between(before, after, float(number), 1.0, number)
        deltas.append(decode_delta(encode_delta(delta, KEYS), KEYS))
        before = after
    for whole in (merged(deltas), *accumulate(deltas, lambda one, other: merged([one, other]))):
        reading = reading_of(whole)
    for key, one in reading.endpoints.items():
        last = before.endpoints[key]
        for name in EndpointSnapshot.__dataclass_fields__:
            found, expected = getattr(one, name), getattr(last, name)
            if hasattr(found, "counts"):
                assert found.counts() == expected.counts(), (key, name)
            elif name == "status_codes":
                assert found == {status: count for status, count in expected.items() if count}
            elif name != "window":
                assert found == pytest.approx(expected), (key, name)
    assert reading.samples == before.samples
    assert reading.generator.busy_s == pytest.approx(before.generator.busy_s)


def test_a_full_disk_ends_the_journal_and_not_the_run(tmp_path, monkeypatch):
    """It says so, and what was written before is whole: half a record is taken back."""
    path, real, room = tmp_path / NAME, os.write, [2_500]

    def write(descriptor, data):
        taken = real(descriptor, data[: room[0]])
        room[0] -= taken
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return taken

    monkeypatch.setattr("tressi.run.journal.os.write", write)
    second = {"succeeded": 9, "failed": 1, "missed": 0, "missed_late": 0, "workers": 2, "in_flight": 0, "service_us": 900}
    config, engine, journal = config_of(), Engine(), Journal(str(path))
    journal.begin(config, STARTED)
    timeline = Timeline(config)
    for number in range(20):
        journal.second(timeline.tick(number + 1.0, engine.second((second, second))), 0.0)
    assert journal.failure == os.strerror(errno.ENOSPC)
    [said] = journal.left_out
    rows = recovered_of(path.read_bytes()).summary["timeline"]
    assert 1 <= len(rows) < 20
    assert f"ends at {len(rows)} s" in said
    assert "No space left" in said
