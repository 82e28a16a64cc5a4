"""The live picture in its window: it fits, nothing in it steers the terminal, and the terminal is given back."""

import os
import signal
import sys

import gevent
import pytest
import structlog
from live_pictures import FEW, MANY, _capable, drawn, rows_of, showing, with_readings  # noqa: F401 - a fixture
from rich.cells import cell_len
from summaries import HOSTILE, decision, moment, resolved, verdict
from terminals import terminal

from tressi.log import log_error, set_up
from tressi.model import Trouble
from tressi.text import plain
from tressi.ui.live.live import LivePicture
from tressi.ui.live.picture import shortened

pytestmark = pytest.mark.timed


@pytest.mark.parametrize(("width", "height", "least"), [(80, 24, 8), (200, 60, 30), (40, 10, 3)])
@pytest.mark.parametrize("keys", [FEW, MANY], ids=["few", "many"])
def test_it_fits_every_window(keys, width, height, least):
    """As many endpoints as fit, the latest decision, the keys; nothing is wrapped and nothing scrolls away."""
    busy = moment(*keys, saturated_by=("CPU",), thresholds=(verdict("p99 < 5", passed=False),), errors={"timeout": 1})
    lines = drawn(busy, *[decision(keys[1], count=number) for number in range(20)], width=width, height=height)
    assert len(rows_of(lines)) >= min(len(keys), least)
    assert all(f"/{number}" in line for line, number in zip(rows_of(lines), ("000", "001"), strict=False) if keys is MANY)
    assert any(line.startswith("GENERATOR LIMITED: CPU") for line in lines)
    assert any(line.startswith("p99 < 5  so far 1.5 ms"[: width - 1]) for line in lines)
    assert "→ 19 workers"[: width // 8] in "\n".join(lines)
    assert lines[-1].startswith("↑↓ select")
    assert lines[-1].endswith(f"of {len(keys)}") == (len(rows_of(lines)) < len(keys))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (9, 2), (20, 5), (500, 3), (10, 200)])
def test_no_window_is_too_odd(width, height):
    """However small or narrow, something is drawn and nothing raises, with and without help."""
    for keys in ("", "?"):
        lines = drawn(moment(*MANY, saturated_by=("CPU",)), decision(MANY[0]), width=width, height=height, keys=keys)
        assert len(lines) == height


def test_a_resized_window_is_used():
    """The picture fits the window it is drawn in, larger or smaller."""
    with showing(*MANY) as (live, shown):
        counts = []
        for width, height in [(80, 24), (100, 50), (40, 12)]:
            shown.resize(width, height)
            live.moment(moment(*MANY))
            lines = shown.lines()
            assert lines[-1].startswith("↑↓ select")
            counts.append(len(rows_of(lines)))
        assert counts[1] > counts[0] > counts[2] >= 3


@pytest.mark.parametrize("number", [signal.SIGWINCH, signal.SIGCONT])
def test_a_signal_draws_at_once(number):
    """Another size, or a shell that says go on, does not wait for the next moment."""
    with showing(*MANY) as (live, shown):
        live.moment(moment(*MANY))
        shown.resize(60, 30)
        os.kill(os.getpid(), number)
        with gevent.Timeout(20):
            while len(shown.screen.display) != 30 or not shown.lines()[-1].startswith("↑↓"):
                gevent.sleep(0.01)
        assert len(rows_of(shown.lines())) > 13


def test_what_does_not_fit_is_sent_on_as_it_is_taken():
    """A reader that comes late gets the whole picture without another one, and then the one that was left out."""
    with showing(*MANY, width=200, height=60) as (live, shown):
        for t in range(1, 21):  # far more than any terminal takes unread
            live.moment(moment(*MANY, t=t))
        with gevent.Timeout(20):
            while "20 s of 60 s" not in "\n".join(shown.lines_so_far()):
                gevent.sleep(0.01)


def test_every_endpoint_can_be_reached():
    """Keys scroll as far as it takes to show the endpoint selected; the rows shown are named at the bottom."""
    with showing(*MANY) as (live, shown):
        live.moment(moment(*MANY))
        seen = set()
        for key in MANY:
            lines = shown.lines()
            [pointed] = [line for line in lines if line.startswith("▸")]
            assert f"/{key[-3:]}" in pointed
            seen |= {line.split()[1] for line in rows_of([line.replace("▸", " ") for line in lines])}
            live._press(["down"])
        assert len(seen) == 120
        assert shown.lines()[-1].endswith("120 of 120")


def test_help_and_back():
    """`?` explains keys and columns in place of the table, also in a small window."""
    with showing(*FEW) as (live, shown):
        live.moment(moment(*FEW))
        live._press(["?"])
        assert "end the run and report" in shown.text()
        assert "response times of the last second" in shown.text()
        live._press(["?"])
        assert len(rows_of(shown.lines())) == 4


def test_nothing_is_left_of_the_last_picture():
    """A picture looks the same whatever stood there before."""
    with showing(*FEW) as (live, shown):
        live.moment(moment(*FEW, saturated_by=("x" * 200,), errors={"timeout": 12}))
        live._press(["?"])
        shown.lines()
        live._press(["?"])
        shown.lines()
        live.moment(moment(*FEW, t=2.0))
        with showing(*FEW) as (other, fresh):
            other.moment(moment(*FEW))
            fresh.lines()
            other.moment(moment(*FEW, t=2.0))
            assert shown.lines() == fresh.lines()


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_is_obeyed(text):
    """Text from outside is shown as harmless text, wherever it may stand."""
    key = f"GET http://host/{text.replace(' ', '')}"
    hostile = (Trouble("failing", key, 3, text),)
    shown = moment(key, saturated_by=(text,), thresholds=(verdict(text, passed=False, detail=text),), troubles=hostile)
    lines = drawn(with_readings(shown, errors={text: 3}), decision(key, reason=text), width=400, height=60)
    assert f"GENERATOR LIMITED: {plain(text)}" in lines
    assert f"all requests fail: {plain(text)}".rstrip() in lines
    assert f"{plain(text)}  so far {plain(text)}".rstrip() in lines
    said = "\n".join(lines)
    assert f"3 {plain(text)}".rstrip() in said
    assert f"workers: {plain(text)}".rstrip() in said
    assert all(character.isprintable() for character in said.replace("\n", ""))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_wide_characters_keep_their_columns(width):
    """A name in two cells a character moves no column, even where it is cut."""
    keys = ["GET http://host/plain", "GET http://host/" + "漢字" * 20, "GET http://host/e\u0301te\u0301"]
    rows = rows_of(drawn(moment(*keys), width=width))
    assert len({cell_len(row[: row.index(" 49 ")]) for row in rows}) == 1


@pytest.mark.parametrize("width", range(12))
def test_a_cut_name_fills_its_column(width):
    """Beginning and end are kept, in as many cells as there are; half a wide character is none."""
    cut = shortened("GET /api/漢字/items/42", width)
    assert cell_len(cut) in {max(width, 1), width - 1}
    assert width < 6 or (cut[0], cut[-1]) == ("G", "2")


def test_the_terminal_is_given_back():
    """It gets its first screen, its cursor and its wrapping back, and `stop` may be called twice, or without a start."""
    LivePicture(sys.stdout).stop()
    with showing(*FEW) as (live, shown):
        live.moment(moment(*FEW))
        shown.lines()
        assert shown.screen.cursor.hidden
        live.stop()
        shown.lines()
        assert not shown.screen.cursor.hidden
        assert shown.written.count(b"\x1b[?1049h") == shown.written.count(b"\x1b[?1049l") == 1
        assert shown.written.rindex(b"\x1b[?7h") > shown.written.rindex(b"\x1b[?7l")
        live.stop()
        live.moment(moment(*FEW))
        assert shown.written.endswith(b"\x1b[?1049l")


def test_results_stand_on_the_first_screen_of_a_stalled_terminal(monkeypatch):
    """Nobody reads while the run ends; when somebody does, the picture is gone before the results come."""
    with (
        terminal(200, 60) as shown,
        open(shown.descriptor, "w", encoding="utf-8", closefd=False) as stream,
        open(shown.descriptor, "w", encoding="utf-8", closefd=False) as stdout,
    ):
        monkeypatch.setattr(sys, "stdout", stdout)
        live = LivePicture(stream)
        live.start(resolved(*MANY))
        for t in range(1, 21):  # far more than any terminal takes unread
            live.moment(moment(*MANY, t=t))
        live.stop()
        stdout.write("the results")
        shown.lines_so_far()
        stdout.flush()
        live.result({})
        shown.wait_for("the results")
        picture, _, results = shown.written.rpartition(b"\x1b[?1049l")
        assert results == b"the results"
        assert b"\x1b[?1049l" not in picture


def test_results_pass_by_the_picture(capsys):
    """What goes to standard output while it is up stays there."""
    with showing(*FEW):
        print("a result")  # noqa: T201 - the point of the test
    assert capsys.readouterr().out == "a result\n"


def test_what_others_say_is_shown_and_kept(monkeypatch):
    """A log line does not tear the picture: it is an event in it, and stands on standard error afterwards."""
    with terminal() as shown, open(shown.descriptor, "w", encoding="utf-8", closefd=False) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        set_up("json")
        try:
            live = LivePicture(stream)
            live.start(resolved(*FEW))
            log_error("an engine was lost")
            live.moment(moment(*FEW))
            assert "an engine was lost" in shown.text()
            assert len(rows_of(shown.lines())) == 4
            live.stop()
        finally:
            structlog.reset_defaults()
        assert sys.stderr is stream
        shown.lines()
        assert b"an engine was lost" in shown.written.rpartition(b"\x1b[?1049l")[2]
