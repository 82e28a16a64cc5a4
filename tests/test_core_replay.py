"""A bucket that has the times of a log in place of a curve: its starts are the log's entries, whatever happens."""

from array import array
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi._core import TokenBucket

pytestmark = pytest.mark.pure

MS = 1_000_000
S = 1000 * MS
BURST = 100 * MS


def bucket_of(times, **more):
    """A bucket with these times."""
    bucket = TokenBucket(0)
    bucket.replay(array("q", times), **more)
    return bucket


def taken(bucket, until_ns, step_ns=MS):
    """All due times that are given out to somebody who asks every `step_ns` until then."""
    found = []
    for now in range(0, until_ns + 1, step_ns):
        while True:
            granted, due = bucket.take(now)
            if not granted:
                break
            found.append(due)
    return found


def test_each_start_is_due_when_the_log_has_it():
    """Also several at one time, and none before it."""
    times = [0, 5 * MS, 5 * MS, 7 * MS + 1, 900 * MS]
    bucket = bucket_of(times, origin_ns=3 * MS)

    assert bucket.take(3 * MS - 1) == (False, 3 * MS)
    assert taken(bucket, S) == [time + 3 * MS for time in times]
    assert bucket.take(2 * S)[0] is False
    assert (bucket.granted, bucket.missed) == (5, 0)


@pytest.mark.parametrize("speed", [1, 10])
def test_starts_never_drift(speed):
    """Ten minutes of starts that fall anywhere: each is due at its own time, to the nanosecond."""
    times = [round(place * 37_123_457.3 / speed) for place in range(16_000)]
    bucket = bucket_of(times)
    for time in times:
        assert bucket.take(time) == (True, time)


@given(
    times=st.lists(st.integers(0, 2 * S), min_size=1, max_size=80).map(sorted),
    engines=st.integers(1, 4),
    loops=st.booleans(),
)
def test_the_parts_of_several_engines_are_the_whole_log(times, engines, loops):
    """To the entry: engine e has the entries e, e + E, e + 2E and so on, also in the rounds that follow."""
    period = times[-1] + 13 * MS if loops else 0
    until = 3 * S
    whole = [round_ * period + time for round_ in range(until // period + 1 if loops else 1) for time in times]
    for engine in range(engines):
        bucket = bucket_of(times, period_ns=period, first=engine, of=engines)
        assert taken(bucket, until, 10 * MS) == [time for time in whole[engine::engines] if time <= until]
        assert bucket.missed == 0


@settings(max_examples=200)
@given(
    times=st.lists(st.integers(0, S), min_size=1, max_size=60).map(sorted),
    asks=st.lists(st.tuples(st.integers(0, 300 * MS), st.sampled_from(["take", "settle"])), max_size=30),
    loops=st.booleans(),
)
def test_granted_and_missed_together_are_what_was_due(times, asks, loops):
    """As on a curve: what is older than the burst is given up, the latest due one never, and nothing is lost or doubled."""
    period = S + MS if loops else 0
    bucket, now, granted = bucket_of(times, period_ns=period), 0, []
    entries = [round_ * period + time for round_ in range(15 if loops else 1) for time in times]
    for step, what in asks:
        now += step
        if what == "settle":
            count, first, last = bucket.settle(now)
            given_up = entries[bucket.granted + bucket.missed - count : bucket.granted + bucket.missed]
            assert (count, first, last) == ((len(given_up), given_up[0], given_up[-1]) if given_up else (0, 0, 0))
        else:
            before = bucket.granted + bucket.missed
            is_granted, due = bucket.take(now)
            if is_granted:
                granted.append(due)
                place = bucket.granted + bucket.missed - 1
                assert due == entries[place] <= now
                # What is skipped before it is older than the burst; this one is not, or it is the latest of all.
                assert all(entry < now - BURST for entry in entries[before:place])
                assert due >= now - BURST or place + 1 == len(entries) or entries[place + 1] > now
    bucket.end(now)

    assert bucket.granted + bucket.missed == sum(entry <= now for entry in entries)
    assert bucket.granted == len(granted)


def test_what_falls_behind_is_given_up_as_a_series():
    """Entries older than 100 ms, with the due times of the first and the last."""
    bucket = bucket_of([place * 10 * MS for place in range(100)])

    assert bucket.settle(505 * MS) == (41, 0, 400 * MS)
    assert bucket.take(505 * MS) == (True, 410 * MS)
    assert bucket.position(505 * MS) == 51


def test_nothing_is_due_behind_the_stop():
    """A log that is longer than the run ends with the run."""
    bucket = bucket_of([0, 50 * MS, 100 * MS, 150 * MS])
    bucket.stop_at(100 * MS)

    assert taken(bucket, S) == [0, 50 * MS]
    assert bucket.position(S) == 2


def test_a_hold_leaves_out_what_would_have_been_due_meanwhile():
    """What was due before it and not taken is given up, the rest of the log keeps its times."""
    times = [place * 10 * MS for place in range(100)]
    bucket = bucket_of(times)
    assert taken(bucket, 95 * MS, 10 * MS) == times[:10]
    bucket.hold(105 * MS)
    assert bucket.take(105 * MS) == (True, 100 * MS)
    assert bucket.take(400 * MS)[0] is False
    assert bucket.settle(400 * MS) == (0, 0, 0)
    assert bucket.release(400 * MS + 1) == 0

    assert bucket.take(410 * MS) == (True, 410 * MS)
    assert (bucket.granted, bucket.missed) == (12, 0)

    bucket.hold(435 * MS)
    assert bucket.release(600 * MS) == 2
    assert bucket.take(600 * MS) == (True, 600 * MS)
    assert (bucket.granted, bucket.missed) == (13, 2)


@given(st.lists(st.integers(0, S), min_size=1, max_size=50).map(sorted), st.integers(0, 2 * S), st.integers(1, 3))
def test_a_position_is_how_many_entries_were_due(times, at, of):
    """Of the bucket's own ones."""
    for first in range(of):
        bucket = bucket_of(times, first=first, of=of)
        assert bucket.position(at) == len(range(first, bisect_left(times, at), of))


def test_a_log_that_cannot_be_is_refused():
    """No time at all, or a round that is over before its last one."""
    with pytest.raises(ValueError, match="0 times"):
        bucket_of([])
    with pytest.raises(ValueError, match="of a log of 5 ns"):
        bucket_of([0, 5], period_ns=5)
    with pytest.raises(ValueError, match="bucket 2"):
        bucket_of([0], first=2, of=2)
