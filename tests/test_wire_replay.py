"""A pool that replays a log, in virtual time: every entry is counted once, at its own endpoint."""

from array import array
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._books import PoolBooks
from tressi._core import Arena

pytestmark = pytest.mark.pure

MS = 1_000_000
S = 1000 * MS
FIRSTS = (0, 3, 4)  # three endpoints: of the requests 0 to 2, of 3, and of all others


def endpoint_of(number):
    """Whose request that is."""
    return sum(number >= first for first in FIRSTS) - 1


class Replayed:
    """Entries (ms, request) against a target that takes `service_ns`, with so many lanes."""

    def __init__(self, entries, lanes, service_ns):
        self.arena = Arena(len(FIRSTS))
        self.end = entries[-1][0] * MS + MS
        self.books = PoolBooks(self.arena, 1.0, lanes, duration_ns=self.end)
        self.books.replay(array("q", [at * MS for at, _ in entries]), array("i", [number for _, number in entries]), FIRSTS)
        self.idle, self.busy, self.service = list(range(lanes)), {}, service_ns

    def run(self):
        """To its end, and what is in flight to its own."""
        for now in range(0, self.end, MS):
            for lane in [lane for lane, until in self.busy.items() if until <= now]:
                self.books.answer(lane, self.busy.pop(lane))
                self.idle.append(lane)
            while self.idle and self.books.take(self.idle[-1], now):
                self.busy[self.idle.pop()] = now + self.service
            if now % (100 * MS) == 0:
                self.books.settle(now)
                self.books.schedule(now)
        self.books.schedule(self.end)
        self.books.end(self.end)
        for lane, until in self.busy.items():
            self.books.answer(lane, max(until, self.end))
        return [self.arena.counters(place) | self.arena.times(place) for place in range(len(FIRSTS))]


def counts(readings, *names):
    """The sums of these counts, by endpoint."""
    return [sum(reading[name] for name in names) for reading in readings]


@settings(max_examples=60, deadline=None)
@given(
    entries=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 6)), min_size=1, max_size=80).map(sorted),
    lanes=st.integers(1, 4),
    service_ms=st.sampled_from([1, 40, 700]),
)
def test_every_entry_is_made_or_missed_at_its_own_endpoint(entries, lanes, service_ms):
    """And asked for once: with lanes enough, and with too few for the target."""
    readings = Replayed(entries, lanes, service_ms * MS).run()

    asked = Counter(endpoint_of(number) for _, number in entries)
    assert [reading["scheduled"] for reading in readings] == [asked[place] for place in range(len(FIRSTS))]
    assert counts(readings, "succeeded", "missed", "missed_late") == [asked[place] for place in range(len(FIRSTS))]
    # What was given up has a response time as well, as everywhere.
    assert sum(reading["response"].count for reading in readings) >= sum(counts(readings, "succeeded"))


def test_a_pool_that_is_wide_enough_misses_nothing():
    """A target that takes 40 ms needs a lane for each start of 40 ms."""
    readings = Replayed([(at, at % 7) for at in range(0, 1000, 2)], 25, 40 * MS).run()

    assert counts(readings, "missed", "missed_late") == [0, 0, 0]
    assert sum(counts(readings, "succeeded")) == 500
