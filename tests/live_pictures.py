"""Live pictures of given moments, drawn at a terminal of a test's own."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
from summaries import endpoint_snapshot, engine_snapshot, resolved
from terminals import terminal

from tressi.ui.live.live import LivePicture

FEW = [f"GET http://host/{name}" for name in ("fast", "slow", "flaky", "tide")]
MANY = [f"GET http://host/{number:03}" for number in range(120)]


@pytest.fixture(autouse=True)
def _capable(monkeypatch):
    """A terminal that can, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@contextmanager
def showing(*keys, width=80, height=24):
    """A live picture of a run of these endpoints; it and its terminal."""
    with terminal(width, height) as shown, open(shown.descriptor, "w", encoding="utf-8", closefd=False) as stream:
        live = LivePicture(stream)
        shown.is_behind = live._screen._is_behind
        live.start(resolved(*keys))
        try:
            yield live, shown
        finally:
            live.stop()


def drawn(shown_moment, *decisions, width=80, height=24, keys=""):
    """The lines of a window after a moment, decisions before it and keys after it."""
    with showing(*(one.endpoint_key for one in shown_moment.endpoints), width=width, height=height) as (live, shown):
        for one in decisions:
            live.decision(one)
        live.moment(shown_moment)
        if keys:
            shown.lines()  # what comes next is drawn at once only where this was taken
            live._press(list(keys))
        return shown.lines()


def with_readings(shown_moment, **fields):
    """The moment with a reading of each endpoint, as every real one has."""
    readings = [endpoint_snapshot(one.endpoint_key, **fields) for one in shown_moment.endpoints]
    return replace(shown_moment, reading=engine_snapshot(*readings))


def rows_of(lines):
    """The endpoints' rows."""
    return [line for line in lines if line[2:].startswith(("GET", "POST"))]
