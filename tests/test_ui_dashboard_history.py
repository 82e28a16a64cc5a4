"""What the dashboard keeps of the past: all of the latest, real seconds of what is older, never more than a bound."""

import itertools
from math import isnan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from summaries import moment

from tressi.stats.bands import merged_bands
from tressi.stats.summary_rows import row_of
from tressi.ui.dashboard.history import COLUMNS, PLACES, RECENT, TOGETHER, History, Point, Series

pytestmark = pytest.mark.pure

NAN = float("nan")


def point(t, p99=1.0):
    """A second whose figures are all its time, the p99 apart."""
    figures = [{"p99": p99, "seconds": 1.0}.get(name, float(t)) for name in COLUMNS]
    return Point(figures, bands=1 << (32 * (30 + t % 3)), failures={"503": 2} if t % 2 else {})


def series_of(points):
    """A series of these points."""
    series = Series()
    for one in points:
        series.append(one)
    return series.columns()


def test_a_short_run_is_kept_whole():
    """As long as everything fits, every second is there with all its figures."""
    columns = series_of(point(t) for t in range(RECENT))
    assert set(columns) == {*COLUMNS, "bands", "failures"}
    assert columns["t"] == columns["currentRps"] == list(range(RECENT))


@pytest.mark.parametrize("seconds", [RECENT + TOGETHER - 1, RECENT + TOGETHER, 2_000, 20_000, 100_000])
def test_memory_is_bounded_and_the_latest_is_whole(seconds):
    """However long a run lasts, its last quarter of an hour is there second by second, and all of it within the bound."""
    columns = series_of(point(t) for t in range(seconds))
    t = columns["t"]
    assert len(t) <= RECENT + TOGETHER + PLACES
    assert t[-RECENT:] == list(range(seconds - RECENT, seconds))
    assert t == sorted(set(t))
    # What can be added up is of every second, in whichever place it has come to be.
    assert sum(columns["seconds"]) == seconds
    assert sum(one.get("503", 0) for one in columns["failures"]) == 2 * (seconds // 2)
    bands = merged_bands(columns["bands"])
    assert bands == [30, *(len(range(band, seconds, 3)) for band in range(3))]


def test_the_whole_past_is_spread_evenly():
    """The older part reaches back to the beginning, in places of one length."""
    t = series_of(point(t) for t in range(20_000))["t"]
    older = [one for one in t if one < 20_000 - RECENT - TOGETHER]
    assert older[0] < 64
    assert max(later - earlier for earlier, later in itertools.pairwise(older)) <= 2 * 64


@given(seed=st.integers(0), seconds=st.integers(1, 6_000), worst=st.floats(0, 1, exclude_max=True))
@settings(max_examples=30)
def test_the_worst_second_is_never_lost(seed, seconds, worst):
    """What stands for several seconds is one that was, and the highest p99 of the run is always among them."""
    chance = Random(seed)
    heights = [chance.choice((NAN, chance.random())) for _ in range(seconds)]
    heights[int(worst * seconds)] = 2.0
    columns = series_of(point(t, height) for t, height in enumerate(heights))
    for t, height in zip(columns["t"], columns["p99"], strict=True):
        assert str(heights[int(t)]) == str(height)  # NaN is not even itself
    assert 2.0 in columns["p99"]


def test_every_endpoint_has_a_past_of_its_own():
    """A row of the timeline goes to its endpoints and to all together; a latency that is none stays none."""
    keys = ("GET http://host/a", "GET http://host/b")
    history = History(keys)
    for t in (1.0, 2.0):
        history.append(row_of(moment(*keys, t=t, p99_ms=None, saturated_by=("CPU",) if t > 1 else ())))
    for columns in (history.columns(), *(history.columns(key) for key in keys)):
        assert columns["t"] == [1.0, 2.0]
        assert columns["currentRps"] == [49.0, 49.0]
        assert columns["saturated"] == [0, 1]
        assert all(isnan(one) for one in columns["p99"])
    with pytest.raises(KeyError):
        history.columns("GET http://host/c")
