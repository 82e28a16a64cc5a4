"""Who is charged for what when a target stands still, in virtual time: the reactor's own accounting against theory."""

from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._books import PoolBooks
from tressi._core import Arena
from tressi.vocabulary import ERROR_KINDS

pytestmark = pytest.mark.pure

MS = 1_000_000
S = 1000 * MS
SLOT = 100 * MS
SERVICE = MS // 5  # what the target takes when it does not stand still


class Job:
    """A pool at a rate against a target that stands still from `stall[0]` to `stall[1]` s: what is asked then comes after.

    `grows`: lanes present at a time; new ones come as an autoscaler adds them.
    """

    def __init__(self, rate, lanes, *, stall=(5.0, 7.0), duration_s=10, endpoints=1, grows=()):
        self.arena = Arena(endpoints)
        self.books = PoolBooks(
            self.arena, rate, lanes, duration_ns=duration_s * S, most=max((count for _, count in grows), default=0)
        )
        self.stall = tuple(round(second * S) for second in stall)
        self.duration = duration_s * S
        self.grows = [(round(second * S), count) for second, count in grows]
        self.idle, self.events = list(range(lanes)), []
        self.busy, self.now, self.waits_for = set(), 0, -1

    def run(self, *, cuts_at=None):
        """Run it to its end, and what is in flight then to its own, or cut it at `cuts_at` s."""
        self.begin()
        for at, count in self.grows:
            heappush(self.events, (at, 0, count))
        for at in range(SLOT, self.duration + 1, SLOT):
            heappush(self.events, (at, 2, None))
        while self.events and self.events[0][0] < self.duration:
            self.step(*heappop(self.events))
        self.books.end(self.duration)
        self.finish(None if cuts_at is None else round(cuts_at * S))
        return self

    def step(self, at, kind, what):
        """Lanes come (0), an answer comes (1), a slot begins (2), a start is due (3)."""
        self.now = at
        if kind == 0:
            while len(self.busy) + len(self.idle) < what:
                self.idle.append(self.books.add_lane(at))
        elif kind == 1:
            self.books.answer(what, at)
            self.busy.discard(what)
            self.idle.append(what)
        elif kind == 2:
            self.books.settle(at)
        self.begin()

    def begin(self):
        """Give the starts that are due to the lanes that are free."""
        while self.idle and self.books.take(self.idle[-1], self.now):
            number = self.idle.pop()
            self.busy.add(number)
            begins = self.stall[1] if self.stall[0] <= self.now < self.stall[1] else self.now
            heappush(self.events, (begins + SERVICE, 1, number))
        due = self.books.due_ns()
        if self.idle and due < self.duration and due != self.waits_for:
            self.waits_for = due
            heappush(self.events, (due, 3, None))

    def finish(self, cuts_at):
        """The graceful stop: what is in flight is answered, or cut."""
        for at, kind, what in sorted(event for event in self.events if event[1] == 1):
            if cuts_at is not None and at > cuts_at:
                self.books.cut(what, cuts_at)
            elif kind == 1:
                self.books.answer(what, max(at, self.duration))

    def counts(self, endpoint=0):
        """What was counted of one endpoint."""
        return self.arena.counters(endpoint)

    def response(self, endpoint=0):
        """Its response times."""
        return self.arena.times(endpoint)["response"]


def milliseconds(histogram, *percents):
    return [value / 1000 for value in histogram.percentiles(percents)]


POOLS = {
    "10 workers": {"lanes": 10},
    "500 workers": {"lanes": 500},
    "a pool that grows while the target stands still": {
        "lanes": 5,
        "grows": [(s / 2, 5 + 12 * (s - 9)) for s in range(10, 20)],
    },
}


@pytest.mark.parametrize("pool", POOLS)
def test_a_stall_costs_what_theory_says_whatever_the_pool(pool):
    """200 RPS for 10 s, the target still from 5 to 7 s: a fifth of the starts waits 0 to 2 s, evenly, however many lanes."""
    job = Job(200, **POOLS[pool]).run()
    response = job.response()

    assert response.count == 2000
    assert milliseconds(response, 90, 95, 99) == [
        pytest.approx(1000, rel=0.01),
        pytest.approx(1500, rel=0.01),
        pytest.approx(1900, rel=0.01),
    ]
    assert response.mean_us / 1000 == pytest.approx(200, rel=0.01)
    assert response.max_us / 1000 <= 2000 + SERVICE / MS


def test_starts_without_a_lane_at_the_end_enter_with_their_age():
    """A target that dies 5 s before the end looks as slow as it was up to then, and the count is every start's."""
    job = Job(200, 10, stall=(5.0, 100.0)).run(cuts_at=40.0)
    response, counts = job.response(), job.counts()

    assert (counts["cut"], counts["succeeded"], counts["missed"]) == (10, 1000, 990)
    assert response.count == 2000
    # 990 starts with ages of 0 to 5 s by the end of the run, and 10 that were cut 35 s after they were sent.
    assert response.max_us / 1e6 == pytest.approx(35.0, rel=0.01)
    assert milliseconds(response, 75) == [pytest.approx(2500, rel=0.03)]


def test_starts_missed_before_a_request_that_is_cut_have_its_age():
    """They would have been sent with it, so they are older than it is by what they were due earlier."""
    arena = Arena(1)
    books = PoolBooks(arena, 10, 1, duration_ns=S + 1)
    books.take(0, 0)
    for at in range(SLOT, S + 1, SLOT):
        books.settle(at)
    books.answer(0, S)
    books.take(0, S)
    books.end(S)
    books.cut(0, 3 * S)
    # Due at 0.1 … 0.8 s and missed, at 0.9 s and taken at 1.0 s, at 1.0 s and without a lane; the first was answered.
    assert (arena.counters(0)["missed"], arena.counters(0)["cut"]) == (9, 1)
    found = [index for index, count in arena.times(0)["response"].counts() for _ in range(count)]
    assert len(found) == 11
    assert arena.times(0)["response"].max_us == pytest.approx(2.9e6, rel=0.001)


def test_a_timed_out_attempt_charges_with_its_age_and_a_refused_one_nothing():
    """What was waited for tells how long it would have taken; a refusal at once tells nothing of a latency."""
    for kind, waited, expected in (("timeout", True, 10), ("connect", False, 0)):
        arena = Arena(1)
        books = PoolBooks(arena, 10, 1, duration_ns=S + 1)
        books.take(0, 0)
        for at in range(SLOT, S + 1, SLOT):
            books.settle(at)
        books.fail(0, S, kind=ERROR_KINDS.index(kind), waited=waited)
        taken = books.take(0, S)
        books.fail(0, S + MS, kind=ERROR_KINDS.index(kind), waited=waited)
        assert (taken, arena.times(0)["response"].count) == (True, expected), kind


@settings(max_examples=60, deadline=None)
@given(
    rate=st.integers(1, 3000),
    lanes=st.integers(1, 40),
    endpoints=st.integers(1, 7),
    begins=st.integers(0, 19),
    lasts=st.integers(0, 30),
)
def test_every_start_is_answered_missed_or_cut_and_has_its_response_time(rate, lanes, endpoints, begins, lasts):
    """Whatever the pool and the stall: starts = made + missed + cut, each in the histogram once, dealt evenly to endpoints."""
    job = Job(rate, lanes, stall=(begins / 10, (begins + lasts) / 10), duration_s=2, endpoints=endpoints).run(cuts_at=3.0)
    each = [job.counts(index) for index in range(endpoints)]
    starts = [one["succeeded"] + one["missed"] + one["cut"] for one in each]

    assert sum(starts) == 2 * rate
    assert max(starts) - min(starts) <= 1
    assert [job.response(index).count for index in range(endpoints)] == starts
