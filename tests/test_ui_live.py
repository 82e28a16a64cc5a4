"""The live picture as a terminal shows it: real bytes through a real pseudo terminal onto a screen in memory."""

from collections import Counter
from dataclasses import replace

import pytest
from dashboards import Steered
from live_pictures import FEW, _capable, drawn, rows_of, showing, with_readings  # noqa: F401 - a fixture
from summaries import decision, moment, resolved, verdict
from terminals import terminal

from tressi.errors import TressiError
from tressi.model import Change, Draining, Trouble
from tressi.ui.live.columns import COLUMNS, Row
from tressi.ui.live.live import LivePicture

pytestmark = pytest.mark.timed


def test_an_endpoint_has_a_row_with_everything_of_it():
    """Target, rate, workers with their bounds, how busy, latency, starts missed and errors by kind, in 80 columns."""
    reading = with_readings(moment(*FEW), failed=15, status_codes={200: 90, 503: 3}, errors={"timeout": 12})
    lines = drawn(reading)
    assert lines[3] == "  endpoint   target  rate  workers busy   p99 missed errors"
    assert lines[4] == "▸ GET /fast      50    49    3 1-9  40%     -      7 12 timeout, 3 status 503"
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
    assert lines[1] == "ON TARGET  28 starts missed since the run began"
    bar, _, words = lines[2].partition("  ")
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


def test_a_large_window_has_the_selected_endpoint_in_full():
    """Its whole key, its figures, its statuses, its errors with the reason, and a chart of its rate with a scale."""
    key = "GET http://host/slow"
    reading = with_readings(moment(*FEW, in_flight=2, oldest_s=1.26), status_codes={200: 90, 503: 3}, errors={"timeout": 12})
    text = "\n".join(drawn(reading, width=160, height=50, keys=["down"]))
    assert f"── {key} ─" in text
    assert "49 of 50 RPS; 3 workers (at least 1, at most 9), 40% busy" in text
    assert "50 made, 0% of the latest failed; 7 missed, 0 just now; 2 in flight, the oldest for 1.3 s" in text
    assert "response time p50 1.25, p99 - ms; service time p50 1.20, p99 - ms\n" in text
    assert "statuses: 200: 90, 503: 3" in text
    assert "errors: 12 timeout" in text
    assert "50 ┤" in text


def test_decisions_come_with_their_reason():
    """In full where there is room for its lines, the latest last."""
    words = "195.0 of 400.0 RPS with 15 workers, 101.0 RPS missed because no lane was free"
    lines = drawn(moment(*FEW), decision(FEW[0]), decision(FEW[1], reason=words), height=36)
    text = " ".join(" ".join(lines).split())
    assert f"1.0 s GET /fast +1 → 3 workers: because 1.0 s GET /slow +1 → 3 workers: {words}" in text


def test_no_decision_is_shown_without_its_beginning():
    """What has no room is left out whole; in a small window the reasons of more decisions are cut instead."""
    words = "a reason that takes more than a line of a window that is eighty columns wide " * 2
    decisions = [decision(FEW[0], reason=words)] * 9
    for height, shown in [(32, 3), (14, 4)]:
        lines = drawn(moment(*FEW), *decisions, height=height)
        before = "── scaling" if height > 14 else "  all 4"
        events = lines[next(number for number, line in enumerate(lines) if line.startswith(before)) + 1 : -1]
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
        assert any(line.startswith("▸ checkout ") for line in lines)
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


def test_the_selected_endpoint_has_its_name_somewhere():
    """Where the table cuts it and there is no detail, it stands at the events' heading."""
    keys = [f"GET http://host/api/v1/warehouses/north/items/{number}/positions" for number in range(120)]
    lines = drawn(moment(*keys), keys=["down"])
    assert not any("/items/1/positions" in line and "…" not in line for line in rows_of(lines))
    assert any(line.startswith("── scaling") and "GET /api/v1/warehouses/north/items/1/positions ──" in line for line in lines)


def test_what_limits_now_stands_in_the_header():
    """In large letters, so to say, with its reasons; a window too small for a header has the word beside the time."""
    broken = moment(*FEW, thresholds=(verdict("p99 < 5", passed=False, settled=True, detail="9 ms"),))
    assert drawn(broken)[1].startswith("1 THRESHOLD BROKEN  p99 < 5: BROKEN: 9 ms")
    assert "1 threshold broken" in drawn(broken, height=10)[0]


def test_the_dashboards_address_stands_in_the_header():
    """Whole, on a line of its own, and not among what was said."""
    with terminal() as shown, open(shown.descriptor, "w", encoding="utf-8", closefd=False) as stream:
        live = LivePicture(stream, address="http://127.0.0.1:8089/token/")
        live.start(resolved(*FEW))
        live._seen.note("tressi: dashboard: http://127.0.0.1:8089/token/")
        live.moment(moment(*FEW))
        lines = shown.lines()
        live.stop()
    assert lines[2] == "dashboard  http://127.0.0.1:8089/token/"
    assert sum("8089" in line for line in lines) == 1


def test_a_filter_is_typed_at_the_bottom():
    """With how many endpoints it shows; what it shows is all that the table has, or a line that says so."""
    lines = drawn(moment(*FEW), keys="/fl")
    assert [line.split()[1] for line in rows_of([line.replace("▸", " ") for line in lines])] == ["/flaky"]
    assert lines[-1].startswith("/fl_")
    assert "1 of 4; Enter keeps it, Esc shows all" in lines[-1]
    assert drawn(moment(*FEW), keys=[*"/fl", "enter"])[-1].endswith("/fl  1 of 4")
    assert "  no endpoint has 'flx' in its name" in drawn(moment(*FEW), keys="/flx")


def test_where_the_locale_has_no_more_all_of_it_is_ascii(monkeypatch):
    """The picture is drawn as ever, with lines, bars and marks of ASCII, and no line is longer than before."""
    monkeypatch.setenv("LC_ALL", "C")
    lines = drawn(moment(*FEW), decision(FEW[0]), width=120, height=40, keys="s")
    assert all(line.isascii() for line in lines)
    assert "+1 -> 3 workers" in "\n".join(lines)
    assert lines[0].endswith("running")
