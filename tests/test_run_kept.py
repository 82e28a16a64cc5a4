"""What is kept of a run's seconds: all of a short run, of a long one sums and merged histograms, within a bound."""

import errno
import os
from collections import Counter

import pytest
from summaries import histogram

from tressi._core import Histogram
from tressi.hdr import decode_histogram
from tressi.model import Delta, EndpointCounts
from tressi.run import kept
from tressi.run.kept import Kept, Place
from tressi.run.spool import Spool

pytestmark = pytest.mark.pure

NO_ROOM = "the temporary folder has no room for more (No space left on device)"
KEYS = ("GET http://host/a", "GET http://host/b")


def second(number):
    """The second that ends at `number`: the rates of its endpoints rise, and each second has latencies of its own."""
    parts = []
    for place, key in enumerate(KEYS):
        made = number + place
        times = histogram(*(1000 + 10 * (number % 7) + value for value in range(made)))
        parts.append(
            EndpointCounts(
                key,
                succeeded=made,
                missed=number % 3,
                worker_count=number,
                target_rps=float(made),
                scheduled=float(made),
                scheduled_s=1.0,
                lane_s=2.0,
                occupied_lane_s=1.0,
                service=times,
                response=times,
                success=times,
            )
        )
    changes = [{"t": float(number), "action": "pause"}] if number % 5 == 0 else []
    return Place(Delta(float(number), 1.0, tuple(parts)), number == 2, changes)


def kept_of(seconds, longest_s=None):
    """A run of so many seconds, kept; and its places."""
    one, places = Kept(KEYS, (), longest_s or seconds), [second(number) for number in range(1, seconds + 1)]
    for place in places:
        one.add(place)
    one.close(Delta(seconds + 0.5, 0.5, second(3).delta.endpoints))
    return one, places


def counters(intervals):
    """The counters of all intervals by key and time, added up."""
    found = {}
    for interval in intervals:
        for index, count in decode_histogram(interval.histogram).counts():
            found.setdefault((interval.endpoint_key, interval.time), Counter())[index] += count
    return found


def counters_of(places):
    """The same of what went in, the drain included."""
    found = {}
    for place in [*places, second(3)]:
        for one in place.delta.endpoints:
            for time, times in (("response", one.response), ("service", one.service)):
                for index, count in times.counts():
                    found.setdefault((one.endpoint_key, time), Counter())[index] += count
    return found


def test_a_short_run_is_kept_second_by_second(monkeypatch):
    """Every row as it was published, up to the very bound."""
    monkeypatch.setattr(kept, "LONGEST", 8)
    one, places = kept_of(8)
    assert one.seconds == 1
    assert list(one.rows()) == list(one.rows()) == [place.row(()) for place in places]
    assert counters(one.intervals()) == counters_of(places)
    assert one.left_out == []


@pytest.mark.parametrize("seconds", [9, 10, 15, 16, 17, 31, 64, 100])
def test_a_long_one_in_places_of_several_seconds(monkeypatch, seconds):
    """A row is that of its seconds together, the last may have fewer; nothing is lost of counts, latencies or changes."""
    monkeypatch.setattr(kept, "LONGEST", 8)
    one, places = kept_of(seconds)
    rows, span = list(one.rows()), one.seconds
    assert span > 1
    assert 8 / 2 <= len(rows) <= 8
    groups = [places[start : start + span] for start in range(0, seconds, span)]
    for row, group in zip(rows, groups, strict=True):
        whole = kept.together(group)
        assert row == whole.row(())
        assert row["t"] == group[-1].delta.t
        service = Histogram()
        for place in group:
            service.merge(place.delta.endpoints[0].service)
        assert row["endpoints"][KEYS[0]]["serviceP99"] == min(service.percentile(99), service.max_us) / 1e3
    assert sum(row["global"]["missed"] for row in rows) == sum(2 * (number % 3) for number in range(1, seconds + 1))
    assert [change["t"] for row in rows for change in row.get("changes", ())] == list(range(5, seconds + 1, 5))
    assert [row["saturated"] for row in rows] == [any(place.saturated for place in group) for group in groups]
    assert counters(one.intervals()) == counters_of(places)


def test_a_run_that_ends_early_is_as_fine_as_it_can_be(monkeypatch):
    """How coarse it gets is a matter of how long it was, not of how long it was planned."""
    monkeypatch.setattr(kept, "LONGEST", 8)
    one, places = kept_of(7, longest_s=1_000)
    assert one.seconds == 1
    assert list(one.rows()) == [place.row(()) for place in places]
    assert kept_of(9, longest_s=1_000)[0].seconds == 2


def test_latencies_have_a_bound_of_their_own(monkeypatch):
    """They may be coarser than the rows, and still hold everything."""
    monkeypatch.setattr(kept, "LONGEST", 16)
    monkeypatch.setattr(kept, "LOG_BYTES", 3_000)
    one, places = kept_of(60)
    lengths = {interval.length_s for interval in one.intervals()}
    assert max(lengths) > one.seconds
    assert counters(one.intervals()) == counters_of(places)


def test_what_is_kept_has_a_bound(monkeypatch):
    """However long a run is, no level has more rows than may be, and those that have grown too long are closed."""
    monkeypatch.setattr(kept, "LONGEST", 8)
    one = Kept(KEYS, (), 500)
    for number in range(1, 501):
        one.add(second(number % 9), None)
        assert all(len(level.rows.spool) <= 8 for level in one._levels if level.rows.is_kept)
    given_up = [store for level in one._levels for store in (level.rows, level.log) if not store.is_kept]
    assert len(given_up) >= 2 * 6
    assert not any(store.spool._kept for store in given_up)


def test_a_full_disk_costs_the_rows_that_find_no_room(monkeypatch):
    """Those before them stay, latencies still add up to the whole run, and it is said."""
    append, appended = Spool.append, []

    def append_six(spool, record):
        """A row and latencies of three seconds find room."""
        if len(appended) == 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        appended.append(record)
        append(spool, record)

    monkeypatch.setattr(Spool, "append", append_six)
    one, places = kept_of(10)
    assert [row["t"] for row in one.rows()] == [1.0, 2.0, 3.0]
    assert counters(one.intervals()) == counters_of(places)
    assert one.left_out == [f"the timeline ends at 3 s and latency.hlog has one interval from 3 s on: {NO_ROOM}"]


def test_a_full_disk_costs_a_long_run_its_finest_level(monkeypatch):
    """What is coarser has all of it, to the end."""
    monkeypatch.setattr(kept, "LONGEST", 8)
    lowest = Kept(KEYS, (), 16)
    full = lowest._levels[0]

    def refuse(_record):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    places = [second(number) for number in range(1, 8)]
    for place in places[:3]:
        lowest.add(place)
    full.rows.spool.append = full.log.spool.append = refuse
    for place in places[3:]:
        lowest.add(place)
    lowest.close(Delta(7.5, 0.5, second(3).delta.endpoints))
    assert lowest.seconds == 2
    assert [row["t"] for row in lowest.rows()] == [2.0, 4.0, 6.0, 7.0]
    assert counters(lowest.intervals()) == counters_of(places)
    assert lowest.left_out == [f"the timeline has one row for 2 s: {NO_ROOM}"]


def test_a_row_is_the_same_whichever_way_it_comes(monkeypatch):
    """Published, kept, or made of two halves: `1` stays an integer and `1.0` a number with a point."""
    monkeypatch.setattr(kept, "LONGEST", 2)
    place = second(1)
    one = Kept(KEYS, (), 1)
    one.add(place)
    (row,) = one.rows()
    assert repr(row) == repr({**place.row(()), "global": dict(place.row(())["global"])})


def test_two_drains_are_one():
    """What ended between the last second and the end, and what ended after it."""
    one = Kept(KEYS, (), 1)
    for t in (1.5, 2.5):
        one.close(Delta(t, 1.0, second(3).delta.endpoints))
    assert sum(count for found in counters(one.intervals()).values() for count in found.values()) == 2 * 2 * (3 + 4)
