"""The stream of a run: its lines, what is said of missing ones, and a whole run's stream beside its summary."""

import json
import os
import pty
import re
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
from commands import BOUND_S, begun, closed_pipe, config_file, tressi, with_streams
from summaries import decision, moment, resolved, summary_of
from test_ui_nonblocking_lines import read_until
from test_ui_nonblocking_stream import _no_waiting, unread_pipe  # noqa: F401 - a write that waits fails its test

from tressi.errors import ConfigError, OutputError
from tressi.model import Change, Draining, ThresholdVerdict, Trouble
from tressi.ui.json_lines import JsonLines, stream_to
from tressi.ui.nonblocking_lines import Outlet, share_outlet

pytestmark = pytest.mark.timed

PAGE = (Path(__file__).parent.parent / "docs" / "stream.md").read_text(encoding="utf-8")
KEY = "GET http://host/a"


def lines_of(path):
    """Every line of a stream."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def judged(t, *, passed):
    """A moment with a threshold as it stands."""
    verdict = ThresholdVerdict("p99 < 2ms", None, passed=passed, value=1.0, limit=2.0, detail="")
    return replace(moment(KEY, t=t), thresholds=(verdict,))


def final(*, passed):
    """A summary whose threshold ended so."""
    verdict = {"threshold": "p99 < 2ms", "endpointKey": None, "passed": passed}
    return {**summary_of(), "thresholds": [verdict]}


def test_a_run_is_told_line_by_line(tmp_path):
    """What happens is a line of its type, in its order, with the summary's names."""
    stream = stream_to(str(tmp_path / "run.jsonl"))
    stream.start(resolved(KEY))
    stream.decision(decision(KEY))
    stream.decision(decision(KEY, action="maintain"))
    stream.change(Change(1.5, "pause"))
    stream.moment(moment(KEY, t=2.0))
    stream.draining(Draining(3.2, 7, 30.0))
    stream.stop()
    stream.result(summary_of())
    lines = lines_of(tmp_path / "run.jsonl")
    assert [line["type"] for line in lines] == ["start", "scaling", "change", "moment", "draining", "end"]
    assert lines[0]["schemaVersion"] == 1
    assert lines[1]["reason"] == "because"
    assert lines[2]["action"] == "pause"
    assert lines[3]["endpoints"][KEY]["workerCount"] == 3
    assert lines[4] == {"type": "draining", "t": 3.2, "inFlight": 7, "upToSec": 30.0}
    assert lines[5]["global"]["requestsMade"] == summary_of()["global"]["requestsMade"]
    assert "histograms" not in lines[5]["global"]
    assert lines[5]["dropped"] == 0


def test_a_verdict_is_told_when_it_changes(tmp_path):
    """The first, each other one, and what the end has changed; nothing while there is nothing to judge."""
    stream = stream_to(str(tmp_path / "run.jsonl"))
    for t, passed in enumerate([None, True, True, False, False], 1):
        stream.moment(judged(float(t), passed=passed))
    stream.result(final(passed=True))
    told = [(line["t"], line["passed"]) for line in lines_of(tmp_path / "run.jsonl") if line["type"] == "threshold"]
    assert told == [(2.0, True), (4.0, False), (2.0, True)]  # the summary is of a run of 2 s


def test_a_trouble_is_told_when_it_begins_and_when_it_is_over(tmp_path):
    """With the endpoints that it is of by their keys, and in the words of every other view."""
    stream = stream_to(str(tmp_path / "run.jsonl"))
    refused = (Trouble("failing", KEY, 9, "Connection refused"),)
    for t, troubles in enumerate([refused, refused, ()], 1):
        stream.moment(moment(KEY, t=t, troubles=troubles))
    stream.result(summary_of())
    told = [without_type(line) for line in lines_of(tmp_path / "run.jsonl") if line["type"] == "trouble"]
    refusal = {"holds": True, "endpointKeys": [KEY], "detail": "all requests fail: connection refused"}
    assert told == [
        {"t": 1.0, "kind": "failing", **refusal},
        {"t": 3.0, "kind": "failing", "holds": False, "endpointKeys": [KEY], "detail": ""},
    ]


def test_any_integer_of_a_config_is_told(tmp_path):
    """A payload's number has as many digits as it likes."""
    stream = stream_to(str(tmp_path / "run.jsonl"))
    stream.start(replace(resolved(KEY), document={"payload": 10**40}))
    stream.result(summary_of())
    assert lines_of(tmp_path / "run.jsonl")[0]["config"] == {"payload": 10**40}


@contextmanager
def unread_stream(kept_bytes=20_000):
    """A stream into a small pipe that nobody reads yet, and the end to read."""
    with unread_pipe() as (reading, writing):
        outlet = Outlet(share_outlet(writing.fileno()), kept_bytes)
        yield JsonLines(outlet, "standard output", patience_s=0.01), outlet, reading


def test_lines_that_are_missing_are_counted_where_they_are_missing():
    """When there is room again, the next line says how many; no line is cut, and the end tells the sum."""
    with unread_stream() as (stream, outlet, reading):
        for t in range(1, 201):
            stream.moment(moment(KEY, t=float(t)))
        kept = json_lines(read_until(reading, 1), outlet, reading)
        stream.moment(moment(KEY, t=201.0))
        assert outlet.drain(10)
        dropped, after = json_lines(read_until(reading, 1), outlet, reading)
        assert [line["t"] for line in kept] == list(range(1, len(kept) + 1))
        assert dropped == {"type": "dropped", "lines": 200 - len(kept)}
        assert after["t"] == 201
        with pytest.raises(OutputError, match=f"its reader was too slow, {dropped['lines']} lines are missing"):
            stream.result(summary_of())
        assert json_lines(read_until(reading, 1), outlet, reading)[-1]["dropped"] == dropped["lines"]


def test_the_end_finds_room_for_whoever_still_reads():
    """However much waits, the last line is there, after the one that counts what is missing."""
    with unread_stream() as (stream, outlet, reading):
        stream._patience_s = 10
        for t in range(1, 201):
            stream.moment(moment(KEY, t=float(t)))
        ending = gevent.spawn(stream.result, summary_of())
        gevent.sleep(0)
        *_, dropped, end = json_lines(read_until(reading, 1), outlet, reading)
        assert dropped["type"] == "dropped"
        assert (end["type"], end["dropped"]) == ("end", dropped["lines"])
        with pytest.raises(OutputError, match=f" {dropped['lines']} lines are missing"):
            ending.get(timeout=BOUND_S)


def json_lines(data, outlet, reading):
    """All that has been put, from `data` on."""
    while outlet.lines_waiting or not data.endswith(b"\n"):
        data += read_until(reading, 1)
    return [json.loads(line) for line in (data + rest_of(reading)).splitlines()]


def rest_of(reading):
    """What lies in the pipe."""
    os.set_blocking(reading, False)
    try:
        return os.read(reading, 1 << 20)
    except BlockingIOError:
        return b""


def test_a_reader_that_stalls_is_given_up_at_the_end():
    """What it has not taken is counted in the error."""
    with unread_stream() as (stream, outlet, _):
        for t in range(1, 31):
            stream.moment(moment(KEY, t=float(t)))
        waiting = outlet.lines_waiting
        with pytest.raises(OutputError, match=f"its reader was too slow, {waiting + 1} lines are missing"):
            stream.result(summary_of())


def test_a_reader_that_left_is_no_failure():
    """It knew what it wanted."""
    with unread_stream() as (stream, _, reading):
        os.close(reading)
        stream.moment(moment(KEY))
        stream.moment(moment(KEY))
        stream.result(summary_of())


@pytest.mark.parametrize("path", ["/nowhere/run.jsonl", "/", "a\0b"])
def test_a_place_that_cannot_be_written_is_an_error(path):
    """It names the flag, the place and the reason."""
    with pytest.raises(ConfigError, match=re.escape(f"--stream: {path!r} cannot be written: ")):
        stream_to(path)


def test_a_whole_stream_says_what_the_summary_says(target, tmp_path):
    """Its moments are the timeline, its scaling lines the list; secrets are masked; the table is where it always is."""
    config = config_file(tmp_path, f"{target}/fast", f"{target}/slow", duration=2, headers={"Authorization": "hidden"})
    done = tressi("run", config, "--stream", tmp_path / "run.jsonl", "--json", tmp_path / "summary.json")
    assert done.returncode == 0, done.stderr
    assert "response times in ms" in done.stdout
    lines, summary = lines_of(tmp_path / "run.jsonl"), json.loads((tmp_path / "summary.json").read_bytes())
    by_type = {kind: [without_type(line) for line in lines if line["type"] == kind] for kind in ("moment", "scaling")}
    assert by_type == {"moment": summary["timeline"], "scaling": summary["scaling"]}
    assert (lines[0]["type"], lines[-1]["type"]) == ("start", "end")
    assert lines[0]["config"] == summary["config"]
    assert "hidden" not in (tmp_path / "run.jsonl").read_text()
    assert lines[-1]["generator"] == summary["generator"]
    assert lines[-1]["global"].items() <= summary["global"].items()


def without_type(line):
    """A line as the summary has it."""
    return {name: value for name, value in line.items() if name != "type"}


def test_on_standard_output_there_is_nothing_but_the_stream(target, tmp_path):
    """The table goes to standard error."""
    done = tressi("run", config_file(tmp_path, f"{target}/fast"), "--stream", "-")
    assert done.returncode == 0
    first, *between, last = (json.loads(line)["type"] for line in done.stdout.splitlines())
    assert (first, last) == ("start", "end")
    assert "moment" in between
    assert "response times in ms" in done.stderr


def test_on_a_terminal_the_stream_takes_the_place_of_the_progress(target, tmp_path):
    """Lines of two kinds on one terminal would help nobody."""
    controller, terminal = pty.openpty()
    with begun("run", config_file(tmp_path, f"{target}/fast"), "--stream", "-", stdout=terminal) as process:
        os.close(terminal)
        said = process.communicate(timeout=BOUND_S)[1]
    seen = os.read(controller, 1 << 16)
    os.close(controller)
    assert process.returncode == 0
    assert json.loads(seen.splitlines()[0])["type"] == "start"
    assert "running" not in said


@pytest.mark.parametrize("place", ["-", "same.json"])
def test_stream_and_summary_do_not_share_a_place(target, tmp_path, monkeypatch, place):
    """Bad input: nothing is sent, and no file is made."""
    config = config_file(tmp_path, f"{target}/fast", duration=60)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = tressi("run", config, "--stream", place, "--json", place)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--stream: {place!r} is where --json goes" in done.stderr
    assert not list(Path.cwd().iterdir())


def test_a_full_disk_is_told_and_costs_no_other_result(target, tmp_path):
    """The stream is named, the exit code is tressi's own failure, and the summary is whole."""
    summary = tmp_path / "summary.json"
    done = tressi("run", config_file(tmp_path, f"{target}/fast"), "--quiet", "--stream", "/dev/full", "--json", summary)
    assert (done.returncode, done.stderr) == (3, "tressi: cannot write /dev/full: No space left on device\n")
    assert json.loads(summary.read_bytes())["endReason"] == "duration"


def test_a_reader_that_leaves_does_not_end_the_run(target, tmp_path):
    """`--stream - | head -1` runs to its end, with its own exit code."""
    with closed_pipe() as gone:
        summary = tmp_path / "summary.json"
        config = config_file(tmp_path, f"{target}/fast")
        code, said = with_streams(gone, subprocess.PIPE, "run", config, "--quiet", "--stream", "-", "--json", summary)
    assert (code, said) == (0, "")
    assert json.loads(summary.read_bytes())["endReason"] == "duration"


def test_every_type_and_field_is_explained(tmp_path):
    """The page knows each type of line, and each field that is not the summary's."""
    stream = stream_to(str(tmp_path / "run.jsonl"))
    stream.start(resolved(KEY))
    stream.decision(decision(KEY))
    stream.change(Change(1.5, "pause"))
    stream.moment(replace(judged(2.0, passed=True), troubles=(Trouble("failing", KEY, 9),)))
    stream.draining(Draining(3.2, 7, 30.0))
    stream.result(summary_of())
    lines = {line["type"]: line for line in lines_of(tmp_path / "run.jsonl")}
    for kind in (*lines, "dropped"):
        assert f"| `{kind}` | " in PAGE
    told = [lines[kind] for kind in ("start", "trouble", "draining", "end")]
    for field in {name for line in told for name in line} - {"type"}:
        assert re.search(rf"^\|[^|]*`{field}`[^|]*\| ", PAGE, re.MULTILINE), field
