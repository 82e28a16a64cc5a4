"""Frames and ledger: whatever happens to exchanges, every count and every value is in the books once."""

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._core import Histogram
from tressi.load.merge import merge
from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, NodeFinding, Reason, Sample, Window
from tressi.nodes.frames import Second, Teller
from tressi.nodes.ledger import Ledger, LedgerError
from tressi.vocabulary import COUNTS, LATENCIES, REALS

pytestmark = pytest.mark.pure

KEYS = ("GET /a", "GET /b", "flow")
FLOWS = 1


class Engines:
    """What the engines of a node have counted: it only grows, as an arena does."""

    def __init__(self):
        self.time_s = 0.0
        self.counts = {key: dict.fromkeys((one.name for one in COUNTS), 0) for key in KEYS}
        self.times = {key: {one.name: Histogram() for one in LATENCIES} for key in KEYS}
        self.own_delay, self.late_sends = Histogram(), Histogram()
        self.samples = []

    def work(self, key, value_us, count):
        """Some attempts of one duration."""
        self.time_s += 0.25
        self.counts[key]["succeeded"] += count
        self.counts[key]["worker_count"] = count
        for name in ("response", "service", "success", "first_byte"):
            self.times[key][name].record(value_us, count)
        if value_us % 2:
            self.times[key]["connect"].record(value_us // 2, count)
        self.own_delay.record(value_us % 50, count)
        if key != "flow" and len(self.samples) < 10:
            self.samples.append(Sample(key, 200 + len(self.samples), b"%d" % value_us, truncated=False))

    def reading(self):
        """All of it as of now."""
        made = {
            key: EndpointSnapshot(
                key,
                **self.counts[key],
                **dict.fromkeys((one.name for one in REALS), self.time_s),
                **{name: histogram.copy() for name, histogram in self.times[key].items()},
                status_codes={200: made} if (made := self.counts[key]["succeeded"]) else {},
                reasons=(Reason("connect", "refused", 2),) if self.counts[key]["succeeded"] > 3 else (),
                target_rps=10.0,
                window=Window(1.0, full=True, attempts=self.counts[key]["succeeded"] % 7),
            )
            for key in KEYS
        }
        generator = GeneratorSnapshot(
            0.5, 0.1, self.own_delay.copy(), self.late_sends.copy(), 7, 1, busy_s=(self.time_s, 1.0), lost=()
        )
        flows = {"flow": made.pop("flow")}
        return EngineSnapshot(self.time_s, made, generator, tuple(self.samples), flows=flows)


def same(one, other):
    """Whether two readings of the same engines have the same figures; histograms to the counter, extremes to the nanosecond."""
    assert one.time_s == other.time_s
    for key in KEYS:
        ours, theirs = one.of(key), other.of(key)
        for name in (*(each.name for each in (*COUNTS, *REALS)), "status_codes", "errors", "target_rps", "over", "window"):
            assert getattr(ours, name) == getattr(theirs, name), name
        for latency in LATENCIES:
            mine, yours = getattr(ours, latency.name), getattr(theirs, latency.name)
            assert (mine.counts(), mine.tally) == (yours.counts(), yours.tally), (key, latency.name)
        assert ours.reasons == theirs.reasons
    assert one.generator.own_delay.counts() == other.generator.own_delay.counts()
    assert one.generator.busy_s == other.generator.busy_s
    assert sorted(one.samples, key=str) == sorted(other.samples, key=str)


work = st.tuples(st.sampled_from(KEYS), st.integers(0, 100_000), st.integers(1, 5))
# What becomes of an exchange: whether the order arrives, how often, whether the answer arrives, how often, and how late.
fates = st.tuples(work, st.integers(0, 2), st.integers(0, 2), st.integers(0, 3), st.booleans())


@settings(max_examples=100, deadline=None)
@given(st.lists(fates, max_size=25))
def test_whatever_happens_to_exchanges_gives_the_same_ledger(exchanges):
    """Orders and frames are lost, doubled and late; once one exchange comes through, the books are the engines', exactly."""
    engines, teller, ledger = Engines(), Teller(KEYS), Ledger(KEYS, FLOWS, ["node-1"])
    orders, frames, second = [], [], None
    for number, (done, orders_come, frames_come, delay, is_full) in enumerate(exchanges):
        engines.work(*done)
        if is_full:
            second = Second(number + 1, engines.reading())
        orders += [(number + delay, ledger.arrived(0))] * orders_come
        for due, arrived in sorted(orders):
            if due <= number:
                frames += [(number + delay % 2, teller.frame(arrived, engines.reading(), second))] * frames_come
        orders = [one for one in orders if one[0] > number]
        for due, frame in reversed(frames):
            if due <= number:
                ledger.take(0, frame)
        frames = [one for one in frames if one[0] > number]

    engines.work(KEYS[0], 5, 1)
    last = Second(len(exchanges) + 1, engines.reading())
    assert ledger.take(0, teller.frame(ledger.arrived(0), engines.reading(), last))
    same(ledger.read(), last.reading)
    counted = ledger.read("counters")
    assert counted.of("flow").succeeded == last.reading.of("flow").succeeded
    assert counted.endpoints[KEYS[0]].service.count == 0
    for _, frame in frames:
        assert not ledger.take(0, frame)
    same(ledger.read(), last.reading)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(work, max_size=5), min_size=2, max_size=4))
def test_several_nodes_are_one_engine(nodes):
    """The reading is the one that the engines of all nodes together have in one process."""
    ledger, readings = Ledger(KEYS, FLOWS, [f"node-{number}" for number in range(len(nodes))]), []
    for number, works in enumerate(nodes):
        engines, teller = Engines(), Teller(KEYS)
        for done in works:
            engines.work(*done)
        engines.time_s, engines.samples = 2.0, []
        readings.append(engines.reading())
        assert ledger.take(number, teller.frame(0, readings[-1], Second(2, readings[-1])))
    same(ledger.read(), merge(readings))


def test_what_a_reader_holds_does_not_change():
    """A second later it is subtracted from the next reading."""
    engines, teller, ledger = Engines(), Teller(KEYS), Ledger(KEYS, FLOWS, ["node-1"])
    engines.work(KEYS[0], 100, 3)
    ledger.take(0, teller.frame(0, engines.reading(), Second(1, engines.reading())))
    before = ledger.read().of(KEYS[0])
    engines.work(KEYS[0], 100, 2)
    ledger.take(0, teller.frame(ledger.arrived(0), engines.reading(), Second(2, engines.reading())))
    after = ledger.read().of(KEYS[0])
    assert (before.service.count, after.service.count) == (3, 5)
    assert after.service.since(before.service).count == 2


@pytest.mark.parametrize("place", [0, 1, 2], ids=["count", "sum", "counters"])
def test_a_frame_that_does_not_add_up_is_an_error(place):
    """The node, the endpoint and the latency are named."""
    engines, teller, ledger = Engines(), Teller(KEYS), Ledger(KEYS, FLOWS, ["node-1"])
    engines.work(KEYS[1], 100, 3)
    frame = list(msgpack.unpackb(teller.frame(0, engines.reading(), Second(1, engines.reading())), strict_map_key=False))
    said = bytearray(frame[5][3][1])
    if place < 2:
        # The count, or the sum, of the first latency that has any values.
        numbers = memoryview(said)[: 32 * len(LATENCIES)].cast("q")
        first = next(number for number in range(len(LATENCIES)) if numbers[number])
        numbers[place * len(LATENCIES) + first] += 1
        numbers.release()
    else:
        said[-1] = 5
    frame[5][3][1] = bytes(said)
    with pytest.raises(LedgerError, match=r"^node-1: what it sent does not add up: GET /b, (response|service): "):
        ledger.take(0, msgpack.packb(frame))


@pytest.mark.parametrize("frame", [b"", b"\xc0", b"\x80", b"\x96\x01\x00\x00\x00\x81\x63\x00\xc0"])
def test_a_frame_that_is_none_is_an_error(frame):
    """Another program may have answered."""
    with pytest.raises(LedgerError, match=r"^node-1: "):
        Ledger(KEYS, FLOWS, ["node-1"]).take(0, frame)


def test_a_node_that_was_lost_keeps_its_counts_and_has_no_present():
    """Starts that no other node sent in its place are missed through the generator; a frame that comes late still counts."""
    ledger, nodes = Ledger(KEYS, FLOWS, ["node-1", "node-2"]), [(Engines(), Teller(KEYS)) for _ in range(2)]
    for number, (engines, teller) in enumerate(nodes):
        engines.work(KEYS[0], 100, 3)
        ledger.take(number, teller.frame(0, engines.reading(), Second(1, engines.reading())))
    ledger.lose(1, "node-2 was lost: it is gone")
    ledger.miss(0, 2.6)
    ledger.miss(0, 2.6)
    engines, teller = nodes[1]
    engines.work(KEYS[0], 100, 4)
    assert ledger.take(1, teller.frame(ledger.arrived(1), engines.reading(), Second(2, engines.reading())))
    found = ledger.read()
    assert found.of(KEYS[0]).succeeded == found.of(KEYS[0]).service.count == 10
    assert (found.of(KEYS[0]).missed, found.of(KEYS[0]).missed_late) == (5, 5)
    assert found.of(KEYS[0]).scheduled == pytest.approx(0.25 + 0.5 + 5.2)
    assert (found.of(KEYS[0]).worker_count, found.of(KEYS[0]).target_rps) == (3, 10.0)
    assert found.of(KEYS[0]).window.attempts == 3
    assert found.generator.busy_s == (0.25, 1.0, None, None)
    assert found.generator.lost == ("node-2 was lost: it is gone",)
    assert (ledger.made(1), ledger.counted_s(1), ledger.heard_s(1)) == (7, 0.5, 0.5)


def test_findings_arrive_once_whatever_is_lost():
    """A node's own self-check is told with its seconds."""
    engines, teller, ledger = Engines(), Teller(KEYS), Ledger(KEYS, FLOWS, ["node-1"])
    finding = NodeFinding(0, "", "cpu", 99.0, 95.0, 3, 100, 0.0)
    teller.frame(0, engines.reading(), Second(1, engines.reading(), ((1, finding),)))
    seconds = Second(2, engines.reading(), ((1, finding), (2, finding)))
    ledger.take(0, teller.frame(0, engines.reading(), seconds))
    ledger.take(0, teller.frame(ledger.arrived(0), engines.reading(), seconds))
    found = ledger.read().found
    assert [(one.number, one.node, one.rule, one.lost) for one in found] == [(1, "node-1", "cpu", 3), (2, "node-1", "cpu", 3)]
