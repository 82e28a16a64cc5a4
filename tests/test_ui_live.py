"""The live picture as a terminal shows it: real bytes through a real pseudo terminal onto a screen in memory."""

import os
import signal
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import gevent
import pytest
import structlog
from dashboards import Steered
from rich.cells import cell_len
from summaries import HOSTILE, decision, endpoint_snapshot, engine_snapshot, moment, resolved, verdict
from terminals import terminal

from tressi.errors import TressiError
from tressi.log import log_error, set_up
from tressi.model import Change, Draining, Trouble
from tressi.text import plain
from tressi.ui.live.columns import COLUMNS, Row
from tressi.ui.live.live import LivePicture
from tressi.ui.live.picture import shortened

pytestmark = pytest.mark.timed

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


def test_an_endpoint_has_a_row_with_everything_of_it():
    """Target, rate, trend, workers with their bounds, how busy, latencies, starts missed and errors by kind, in 80 columns."""
    reading = with_readings(moment(*FEW), failed=15, status_codes={200: 90, 503: 3}, errors={"timeout": 12})
    lines = drawn(reading)
    assert lines[3] == "  endpoint   target  rate trend   workers busy   p99 svc p99 missed errors"
    assert lines[4] == "▸ GET /fast      50    49 ▇         3 1-9  40%     -       -      7 12 timeout"
    assert [line.split()[1] for line in rows_of(lines)[1:]] == ["/slow", "/flaky", "/tide"]
    assert lines[8].split()[:2] == ["all", "4"]


def test_a_wide_window_names_every_kind_of_error():
    """The most frequent first, statuses from 400 on among them."""
    errors = {"reset": 3, "timeout": 12}
    lines = drawn(with_readings(moment(*FEW), failed=20, errors=errors, status_codes={200: 90, 503: 5}), width=180)
    assert lines[4].endswith("12 timeout, 5 status 503, 3 reset")


def test_time_and_state_are_at_the_top():
    """How far the run is, how long it still takes, and what it is doing."""
    lines = drawn(moment(*FEW, t=15.0))
    assert lines[0].split() == ["tressi", "running", "4", "endpoints", "of", "http://host", "for", "2", "s", "running"]
    bar, _, words = lines[1].partition("  ")
    assert words == "15 s of 60 s, 45 s left"
    assert bar.count("━") == round(len(bar) / 4)
    assert drawn(moment(*FEW, t=60.0))[0].endswith("ENDING")


def test_what_is_waited_for_is_at_the_bottom():
    """And how to end that; the state is that of a run that ends."""
    with showing(*FEW) as (live, shown):
        live.moment(moment(*FEW, t=59.0))
        live.draining(Draining(61.0, 3, 30.0))
        lines = shown.lines()
    assert lines[0].endswith("ENDING")
    assert "waiting for 3 requests in flight, up to 30 s; Ctrl-C cuts what is left" in lines[-1]


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


def test_a_large_window_has_the_selected_endpoint_in_full():
    """Its whole key, its figures, its statuses, its errors with the reason, and a chart of its rate with a scale."""
    key = "GET http://host/slow"
    reading = with_readings(moment(*FEW, in_flight=2, oldest_s=1.26), status_codes={200: 90, 503: 3}, errors={"timeout": 12})
    text = "\n".join(drawn(reading, width=160, height=50, keys=["down"]))
    assert f"── {key} ─" in text
    assert "49 of 50 RPS; 3 workers (at least 1, at most 9), 40% busy" in text
    assert "50 made, 0% of the latest failed; 7 missed, 0 just now; 2 in flight, the oldest for 1.3 s" in text
    assert "response time p50 1.25, p99 - ms; service time p50 1.2, p99 - ms\n" in text
    assert "statuses: 200: 90, 503: 3" in text
    assert "errors: 12 timeout" in text
    assert "50 ┤" in text


def test_decisions_come_with_their_reason():
    """In full where there is room for its lines, the latest last."""
    words = "195.0 of 400.0 RPS with 15 workers, 101.0 RPS missed because no lane was free"
    lines = drawn(moment(*FEW), decision(FEW[0]), decision(FEW[1], reason=words))
    text = " ".join(" ".join(lines).split())
    assert f"1.0 s GET /fast +1 → 3 workers: because 1.0 s GET /slow +1 → 3 workers: {words}" in text


def test_no_decision_is_shown_without_its_beginning():
    """What has no room is left out whole; in a small window the reasons of more decisions are cut instead."""
    words = "a reason that takes more than a line of a window that is eighty columns wide " * 2
    decisions = [decision(FEW[0], reason=words)] * 9
    for height, shown in [(24, 4), (14, 5)]:
        lines = drawn(moment(*FEW), *decisions, height=height)
        events = lines[next(number for number, line in enumerate(lines) if "all 4" in line) + 1 : -1]
        events = [line for line in events if line and "──" not in line]
        assert events[0].startswith("   1.0 s  GET /fast")
        assert sum("GET /fast" in line for line in events) == shown


def test_changes_by_hand_are_seen_at_once():
    """A target stands in its row, and a pause at the top, before the next moment comes."""
    with showing(*FEW) as (live, shown):
        live.moment(moment(*FEW))
        live.change(Change(1.5, "set-target", FEW[1], 60.0))
        assert rows_of(shown.lines())[1].split()[2] == "60"
        assert "1.5 s  GET /slow  target 60 RPS" in shown.text()
        live.change(Change(1.7, "pause"))
        assert shown.lines()[0].endswith("PAUSED")
        live.change(Change(1.9, "resume"))
        assert shown.lines()[0].endswith("running")
        assert "1.9 s  resumed" in shown.text()


def test_three_steps_pressed_at_once_are_three(monkeypatch):
    """Each begins at the target before it, though the run has told of none yet; what is refused is none."""
    steered = Steered()
    with terminal() as shown, open(shown.descriptor, "w", encoding="utf-8", closefd=False) as stream:
        live = LivePicture(stream, steered)
        live.start(resolved(*FEW))
        live.moment(moment(*FEW))
        live._press(["+", "+", "+"])
        assert [call[2] for call in steered.calls] == [55.0, 60.0, 65.0]
        assert rows_of([line.replace("▸", " ") for line in shown.lines()])[0].split()[2] == "65"
        monkeypatch.setattr(steered, "failure", TressiError("it is over"))
        live._press(["+"])
        assert live._seen.target(FEW[0]) == 65.0
        live.stop()


def test_names_stand_in_for_keys():
    """In the row, in the events and before the whole key of the selected endpoint."""
    with terminal(120, 40) as shown, open(shown.descriptor, "w", encoding="utf-8", closefd=False) as stream:
        live = LivePicture(stream)
        live.start(resolved(*FEW, names=["checkout"]))
        live.decision(decision(FEW[0]))
        live.moment(moment(*FEW))
        lines = shown.lines()
        assert lines[4].startswith("▸ checkout ")
        assert any(line.startswith(f"── checkout  {FEW[0]} ─") for line in lines)
        assert any("s  checkout  +1 → 3 workers" in line for line in lines)
        live.stop()


def test_what_goes_wrong_is_said_before_what_the_generator_lacks():
    """Above the events, in the window of least height that has room for it too."""
    troubles = tuple(Trouble("failing", key, 9, "Connection refused") for key in FEW)
    for height in (12, 24, 50):
        lines = drawn(moment(*FEW, troubles=troubles, saturated_by=("CPU",)), height=height)
        assert "all requests fail: connection refused" in lines


def test_latencies_of_the_successes_come_once_requests_fail():
    """As a column of its own, and beside the others in the detail."""
    failing = moment(*FEW, error_rate=0.6, success_p50_ms=20.2, success_p99_ms=22.6)
    assert "ok p99" not in drawn(moment(*FEW), width=120)[3]
    assert "ok p99" in drawn(failing)[3]
    assert drawn(failing)[4].split()[-2] == "22.6"
    assert "; of successes p50 20.2, p99 22.6 ms" in "\n".join(drawn(failing, width=160, height=50))


def test_a_ramp_has_its_mean_beside_its_target():
    """The rate of a second is to be read against the mean of that second."""
    assert drawn(moment(*FEW, target_rps=25.0, asked_rps=50.0, current_rps=25.0), width=120)[4].split()[3:6] == [
        "50",
        "~25",
        "25",
    ]


def test_percentiles_of_few_values_are_dim():
    """50 values carry a median and no p99."""
    [few] = moment(FEW[0], p99_ms=1.5).endpoints
    columns = {column.name: column for column in COLUMNS}
    row = Row(few, "", Counter())
    assert [columns[name].style(row) for name in ("p50", "p99", "svc p99", "ok p99")] == ["", "dim", "dim", "dim"]
    many = Row(replace(few, response_count=1000, service_count=1000, success_count=1000), "", Counter())
    assert [columns[name].style(many) for name in ("p50", "p99", "svc p99", "ok p99")] == [""] * 4


def test_the_trend_is_the_last_minute():
    """Second by second, as high as the target at most; a wide window has a cell for each second."""
    with showing(*FEW, width=220) as (live, shown):
        for t in range(1, 101):
            if t == 100:
                shown.lines()  # the last picture is drawn only where the one before was taken
            live.moment(moment(*FEW, t=t, current_rps=50.0 if t > 70 else 25.0))
        assert f" {'▄' * 30}{'▇' * 30} " in rows_of(shown.lines())[0]


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


def test_the_selected_endpoint_has_its_name_somewhere():
    """Where the table cuts it and there is no detail, it stands at the events' heading."""
    keys = [f"GET http://host/api/v1/items/{number}/positions" for number in range(120)]
    lines = drawn(moment(*keys), keys=["down"])
    assert not any("/items/1/positions" in line for line in rows_of(lines))
    assert any(line.startswith("── scaling") and "GET /api/v1/items/1/positions ──" in line for line in lines)


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
