"""The sliding window against plain lists of events, and the rule that says how far it reaches."""

from dataclasses import astuple, dataclass, field
from fractions import Fraction
from math import ceil
from random import Random

import pytest
from each import each
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._core import SLOT_NS, SlidingWindow
from tressi.model import Window

pytestmark = pytest.mark.pure

NS_PER_S = 1_000_000_000
RING_SLOTS = 600


@dataclass
class Slot:
    """What happened within 100 ms."""

    attempts: list = field(default_factory=list)  # (succeeded, occupied ns, service ns)
    misses: list = field(default_factory=list)  # (count, while a lane was free)
    occupied: list = field(default_factory=list)  # (ns after the boundary, lanes more), ascending
    lanes: list = field(default_factory=list)  # (ns after the boundary, lanes), ascending
    scheduled: Fraction = Fraction(0)  # starts asked for
    older: tuple = (0, 0)  # attempts in flight older than the mean, and their ages, at the slot's end


def area(level, changes):
    """(integral of a level over a slot, its highest value, its value at the end); changes: (when, new level)."""
    total, highest, since_ns = 0, level, 0
    for at_ns, after in changes:
        total += level * (at_ns - since_ns)
        level, since_ns = after, at_ns
        highest = max(highest, level)
    return total + level * (SLOT_NS - since_ns), highest, level


class Model:
    """The window by the letter of its rule, from the list of all that happened."""

    def __init__(self, slots):
        self.slots = slots
        self.lane_ns, self.occupied_ns, self.peaks = [], [], []
        lanes = occupied = 0
        for slot in slots:
            levels, level = [], occupied
            for at_ns, more in slot.occupied:
                level += more
                levels.append((at_ns, level))
            total, peak, occupied = area(occupied, levels)
            self.occupied_ns.append(total)
            self.peaks.append(peak)
            total, _, lanes = area(lanes, slot.lanes)
            self.lane_ns.append(total)
        self.level = occupied

    def attempts(self, count):
        """All attempts that ended within the last `count` slots."""
        return [attempt for slot in self.slots[-count:] for attempt in slot.attempts]

    def mean_occupied_ns(self, count):
        """Mean occupied time, old attempts in flight counted with their age."""
        older, older_ns = self.slots[-1].older
        attempts = self.attempts(count)
        together = len(attempts) + older
        return Fraction(sum(each[1] for each in attempts) + older_ns, together) if together else Fraction(0)

    def span(self):
        """(slots the window spans, whether there are as many as the rule asks for)."""
        wanted_ns = Fraction(NS_PER_S)
        recent = min(10, len(self.slots))
        expected = sum(slot.scheduled for slot in self.slots[-10:]) or len(self.attempts(10))
        if expected:
            wanted_ns = max(wanted_ns, 10 * Fraction(recent * SLOT_NS) / expected)
        reach = min(ceil(wanted_ns / SLOT_NS), RING_SLOTS - 1, len(self.slots))
        wanted_ns = max(wanted_ns, 2 * self.mean_occupied_ns(reach))
        wanted = ceil(wanted_ns / SLOT_NS)
        full = wanted <= len(self.slots) or len(self.slots) >= RING_SLOTS
        return min(wanted, RING_SLOTS - 1, len(self.slots)), full

    def peak(self):
        """Most lanes occupied at once over the last max(10 s, 30 attempts)."""
        count = min(100, len(self.slots))
        while count < min(len(self.slots), RING_SLOTS - 1) and len(self.attempts(count)) < 30:
            count += 1
        return max([self.level, *self.peaks[-count:]])

    def read(self):
        """The window as a value."""
        count, full = self.span()
        last, attempts = self.slots[-count:], self.attempts(count)
        misses = [miss for slot in last for miss in slot.misses]
        older, older_ns = self.slots[-1].older
        return Window(
            span_s=count / 10,
            full=full,
            attempts=len(attempts),
            failures=sum(not each[0] for each in attempts),
            starts_due=float(sum(slot.scheduled for slot in last)),
            missed=sum(number for number, late in misses if not late),
            missed_late=sum(number for number, late in misses if late),
            occupied_s=sum(each[1] for each in attempts) / 1e9,
            service_s=sum(each[2] for each in attempts) / 1e9,
            older=older,
            older_s=older_ns / 1e9,
            lane_s=sum(self.lane_ns[-count:]) / 1e9,
            occupied_lane_s=sum(self.occupied_ns[-count:]) / 1e9,
            peak_lanes=self.peak(),
        )


def play(window, slot, begin_ns, position):
    """Let one slot happen to the window; returns the schedule's position after it."""
    for attempt in slot.attempts:
        window.attempt(*attempt)
    for miss in slot.misses:
        window.miss(*miss)
    changes = [(at_ns, window.occupy, more) for at_ns, more in slot.occupied]
    changes += [(at_ns, window.set_lanes, lanes) for at_ns, lanes in slot.lanes]
    for at_ns, change, lanes in sorted(changes, key=lambda each: each[0]):
        change(begin_ns + at_ns, lanes)
    window.close_slot(float(position + slot.scheduled), *slot.older)
    return position + slot.scheduled


def played(slots, start_ns=0):
    """What a window says after these slots."""
    window, position = SlidingWindow(start_ns), Fraction(0)
    for index, slot in enumerate(slots):
        position = play(window, slot, start_ns + index * SLOT_NS, position)
    return Window(*window.read())


def check(found, expected):
    """Equal to the last field; sums of seconds up to a double's rounding."""
    assert astuple(found) == pytest.approx(astuple(expected), rel=1e-9, abs=1e-9)


TIMES_NS = st.integers(0, SLOT_NS)
SLOTS = st.builds(
    Slot,
    attempts=st.lists(st.tuples(st.booleans(), st.integers(0, 3 * NS_PER_S), st.integers(0, NS_PER_S)), max_size=4),
    misses=st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=2),
    occupied=st.lists(st.tuples(TIMES_NS, st.integers(0, 5)), max_size=3).map(sorted),
    lanes=st.lists(st.tuples(TIMES_NS, st.integers(0, 20)), max_size=2).map(sorted),
    scheduled=st.sampled_from([Fraction(0), Fraction(1, 4), Fraction(1), Fraction(20)]),
    older=st.one_of(st.just((0, 0)), st.tuples(st.integers(1, 5), st.integers(0, 20 * NS_PER_S))),
)


@settings(max_examples=60, deadline=None)
@given(slots=st.lists(SLOTS, min_size=1, max_size=40), start_ns=st.sampled_from([0, 12_345_678_901]))
def test_the_window_is_the_sum_of_its_events(slots, start_ns):
    """Whatever happens, each field is what a list of the events of the span adds up to."""
    check(played(slots, start_ns), Model(slots).read())


def random_slot(random, level):
    """A slot of a long life: busy and idle minutes, lanes taken and given back."""
    attempts = [(random.random() < 0.9, random.randrange(10**8), random.randrange(10**8)) for _ in range(random.randrange(3))]
    return Slot(
        attempts=attempts if random.random() < 0.3 else [],
        misses=[(random.randrange(4), random.random() < 0.5)],
        occupied=[(random.randrange(SLOT_NS), random.randint(-level, 3) if level < 9 else -level)],
        lanes=[(random.randrange(SLOT_NS), random.randrange(10))],
        scheduled=Fraction(random.randrange(8), 16),
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_ring_turns_over(seed):
    """Two and a half minutes pass through a ring of one: every fifth second agrees with the list of all events."""
    random, slots, level = Random(seed), [], 0
    window, position = SlidingWindow(), Fraction(0)
    for index in range(1_500):
        slots.append(random_slot(random, level))
        level += slots[-1].occupied[0][1]
        position = play(window, slots[-1], index * SLOT_NS, position)
        if index % 50 == 49:
            check(Window(*window.read()), Model(slots).read())


@each(
    ("rate", "occupied_s", "span_s"),
    [
        pytest.param(1_000, 0.001, 1.0, id="a fast endpoint: one second"),
        pytest.param(10, 0.001, 1.0, id="ten attempts a second: still one"),
        pytest.param(4, 0.001, 2.5, id="ten attempts at 4 RPS take 2.5 s"),
        pytest.param(1, 0.001, 10.0, id="ten attempts at 1 RPS take 10 s"),
        pytest.param(3, 0.001, 3.4, id="ten attempts at 3 RPS are rounded up to a slot"),
        pytest.param(1_000, 0.5, 1.0, id="twice half a second is one"),
        pytest.param(1_000, 0.51, 1.1, id="twice a little more is a slot more"),
        pytest.param(1_000, 2.0, 4.0, id="slow responses: twice their time"),
        pytest.param(1_000, 2.01, 4.1, id="likewise rounded up to a slot"),
        pytest.param(2, 10.0, 20.0, id="the longest of the three counts"),
        pytest.param(0.01, 0.001, 59.9, id="never longer than the ring"),
    ],
)
def test_how_far_the_window_reaches(rate, occupied_s, span_s):
    """At least 1 s, 10 expected attempts, and twice the mean occupied time."""
    slots = [
        Slot(attempts=[(True, int(occupied_s * NS_PER_S), 0)], scheduled=Fraction(rate) / 10, lanes=[(0, 1)])
        for _ in range(700)
    ]
    window = played(slots)
    assert (window.span_s, window.full) == (span_s, True)
    assert window.starts_due == pytest.approx(rate * span_s)
    assert window.lane_s == pytest.approx(span_s)


@pytest.mark.parametrize(
    ("seconds", "rate", "full"),
    [
        pytest.param(0.9, 100, False, id="less than a second"),
        pytest.param(1.0, 100, True, id="a second"),
        pytest.param(2.4, 4, False, id="not yet ten attempts"),
        pytest.param(2.5, 4, True, id="ten attempts"),
        pytest.param(59.9, 0.1, False, id="the ring could hold more"),
        pytest.param(60.0, 0.1, True, id="the ring is full: more will never be known"),
    ],
)
def test_when_a_window_is_full(seconds, rate, full):
    """Until the run is as old as the rule asks, the window spans the run and says that it is not full."""
    window = played([Slot(scheduled=Fraction(rate) / 10) for _ in range(round(seconds * 10))])
    assert window.full is full
    assert window.span_s == pytest.approx(min(seconds, 59.9))


def test_a_window_before_its_first_boundary_is_empty():
    """Nothing is said before 100 ms have passed, but for the lanes occupied now."""
    window = SlidingWindow()
    window.attempt(succeeded=True, occupied_ns=5, service_ns=5)
    window.occupy(10, 3)
    assert Window(*window.read()) == Window(peak_lanes=3)


def test_attempts_that_hang_lengthen_the_window():
    """A pool whose lanes all hang completes nothing; the ages of its attempts tell how slow it is."""
    slots = [Slot(scheduled=Fraction(10)) for _ in range(100)]
    slots[-1].older = (4, 4 * 3 * NS_PER_S)
    window = played(slots)
    assert (window.span_s, window.older, window.older_s) == (6.0, 4, 12.0)


def test_without_a_schedule_the_attempts_tell_the_rate():
    """An endpoint that no rate limits spans ten of its own attempts."""
    slots = [Slot(attempts=[(True, 1_000, 1_000)] if index % 5 == 0 else []) for index in range(100)]
    assert played(slots).span_s == 5.0


@pytest.mark.parametrize(
    ("attempts_every", "peak_age_s", "seen"),
    [
        pytest.param(1, 9.9, True, id="busy: within 10 s"),
        pytest.param(1, 10.2, False, id="busy: older than 10 s"),
        pytest.param(10, 29.0, True, id="one attempt a second: within 30 attempts"),
        pytest.param(10, 31.2, False, id="one attempt a second: more than 30 attempts ago"),
        pytest.param(50, 59.0, True, id="an attempt every 5 s: as far as the ring reaches"),
    ],
)
def test_how_long_a_peak_counts(attempts_every, peak_age_s, seen):
    """The most lanes occupied at once are those of the last max(10 s, 30 attempts)."""
    slots = [
        Slot(attempts=[(True, 1_000, 1_000)] if index % attempts_every == 0 else [], scheduled=Fraction(10))
        for index in range(800)
    ]
    slots[-round(peak_age_s * 10)].occupied = [(5, 7), (6, -6)]
    assert played(slots).peak_lanes == (7 if seen else 1)


def test_utilisation_is_exact_within_a_slot():
    """Lane-seconds follow each change at its nanosecond, not at the slot's end."""
    slots = [Slot(lanes=[(0, 4)], occupied=[(25_000_000, 2), (75_000_000, -2)])] + [Slot() for _ in range(9)]
    window = played(slots)
    assert window.lane_s == pytest.approx(4.0)
    assert window.occupied_lane_s == pytest.approx(0.1)
