"""A run on the command line that a signal ends, or whose outputs fail: what is written all the same, and what is said."""

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from commands import BOUND_S, begun, check_sums, closed_pipe, command, config_file, tressi, with_streams
from ports import hanging_port

from tressi.report.formats import FORMATS

pytestmark = pytest.mark.timed

signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell's background jobs ignore it, and so would what is started here


@contextmanager
def started(*arguments):
    """A run under way: its first line of progress has been read."""
    process = begun(*arguments)
    try:
        assert process.stderr.readline().startswith("running")
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGQUIT, 131), (signal.SIGTERM, 143)]
)
def test_a_signal_ends_the_run_with_its_results(target, tmp_path, number, code):
    """What was measured up to a signal is written, and the exit code names it."""
    with started("run", config_file(tmp_path, f"{target}/fast", duration=60), "--json", "-") as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == code
    summary = json.loads(output)
    assert (summary["endReason"], summary["endDetail"]) == ("interrupted", number.name)
    check_sums(summary)


def test_a_hangup_that_is_ignored_ends_nothing(target, tmp_path):
    """Under nohup the run goes on after its terminal has gone, and ends by its duration."""
    command_line = ["nohup", *command("run", config_file(tmp_path, f"{target}/fast", duration=2), "--json", "-")]
    process = subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stderr.readline().startswith("running"):
        pass
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0
    assert json.loads(output)["endReason"] == "duration"


def test_a_quit_that_is_ignored_ends_nothing(target, tmp_path):
    """What a script's shell starts in the background ignores SIGQUIT, and goes on to its end."""
    run = command("run", config_file(tmp_path, f"{target}/fast", duration=2), "--json", "-")
    ignoring = ["sh", "-c", 'trap "" QUIT; exec "$@"', "sh", *run]
    process = subprocess.Popen(ignoring, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stderr.readline().startswith("running"):
        pass
    process.send_signal(signal.SIGQUIT)
    output, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 0
    assert json.loads(output)["endReason"] == "duration"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_while_results_are_written_costs_none_of_them(target, tmp_path, number):
    """The first is noted and the writing goes on; here the table goes to a pipe that is full until the signal has come."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, bytes(1 << 16)):
            pass
    os.set_blocking(writing, True)
    config = config_file(tmp_path, f"{target}/fast")
    process = begun("run", config, "--no-ui", "--export", tmp_path / "results", stdout=writing)
    os.close(writing)
    # The first line of the last words: a write that waits in the kernel.
    until_waiting(process.pid, "pipe_write")
    process.send_signal(number)
    while "the results are being written" not in process.stderr.readline():
        pass
    with os.fdopen(reading, "rb") as pipe:
        shown = pipe.read()
    process.communicate(timeout=BOUND_S)
    assert process.returncode == 0
    assert b"ended by duration" in shown
    assert {path.name for path in (tmp_path / "results").iterdir()} == set(FORMATS)


def until_waiting(pid, where):
    """Wait until the process sleeps in that function of the kernel."""
    until = time.monotonic() + BOUND_S
    while where not in Path(f"/proc/{pid}/wchan").read_text():
        assert time.monotonic() < until, f"it never waited in {where}"
        time.sleep(0.01)


def test_a_second_signal_ends_it_at_once(tmp_path):
    """While requests hang, the second SIGINT cuts them instead of waiting for the drain; they are counted as cut."""
    with hanging_server() as url, started("run", config_file(tmp_path, url, duration=60), "--json", "-") as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=0.5)  # two signals at once would be seen as one
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=BOUND_S)
    assert process.returncode == 130
    summary = json.loads(output)
    check_sums(summary)
    assert summary["global"]["requestsCut"] > 0
    assert (summary["global"]["errors"], summary["global"]["requestsFailed"]) == ({}, 0)


@contextmanager
def hanging_server():
    """A target that takes connections and says nothing."""
    with hanging_port() as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize(("flag", "path"), [("--json", "/nowhere/summary.json"), ("--export", "/proc/results")])
def test_an_output_that_cannot_be_written_is_told_before_the_run(target, tmp_path, flag, path):
    """Bad input: nothing is sent, and the message names flag, path and reason."""
    done = tressi("run", config_file(tmp_path, f"{target}/fast", duration=60), flag, path)
    assert done.returncode == 2
    assert f"{path!r} cannot be written" in done.stderr
    assert "running" not in done.stderr


@pytest.mark.parametrize(
    ("fields", "flags", "said"),
    [
        ({"tls": {"ca": "/nowhere/ca.pem"}}, (), "tls.ca: /nowhere/ca.pem cannot be loaded"),
        ({}, ("--source-address", "192.0.2.1"), '"192.0.2.1" is not an IP address of this machine'),
    ],
)
def test_what_this_machine_has_not_is_told_before_the_run(target, tmp_path, fields, flags, said):
    """A file that cannot be loaded and an address of somebody else are bad input, and nothing is sent."""
    done = tressi(config_file(tmp_path, f"{target}/fast", **fields), *flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert "running" not in done.stderr


def test_a_closed_pipe_is_no_traceback_and_costs_no_file(target, tmp_path):
    """A reader that leaves (`| head -1`) knows what it wanted; the files are written all the same."""
    config, json_file, folder = config_file(tmp_path, f"{target}/fast"), tmp_path / "summary.json", tmp_path / "results"
    with closed_pipe() as gone:
        code, said = with_streams(gone, subprocess.PIPE, "run", config, "--quiet", "--json", json_file, "--export", folder)
    assert (code, said) == (3, "")
    assert json_file.read_bytes() == (folder / "summary.json").read_bytes()
    assert json.loads(json_file.read_bytes())["endReason"] == "duration"


def test_a_full_disk_is_said_and_costs_no_other_file(target, tmp_path):
    """The result that could not be written is named, the exit code is tressi's own failure, and the others are there."""
    config, folder = config_file(tmp_path, f"{target}/fast"), tmp_path / "results"
    with Path("/dev/full").open("w") as full:
        code, said = with_streams(full, subprocess.PIPE, "run", config, "--quiet", "--export", folder)
    assert (code, said) == (3, "tressi: cannot write standard output: No space left on device\n")
    assert json.loads((folder / "summary.json").read_bytes())["endReason"] == "duration"


def test_a_run_goes_on_when_standard_error_is_gone(target, tmp_path):
    """A reader that stops reading the progress does not stop the run: its result is whole."""
    json_file = tmp_path / "summary.json"
    with closed_pipe() as gone:
        code, _ = with_streams(subprocess.DEVNULL, gone, "run", config_file(tmp_path, f"{target}/fast"), "--json", json_file)
    assert code == 0
    assert json.loads(json_file.read_bytes())["global"]["requestsMade"] == pytest.approx(50, abs=2)


def test_a_killed_engine_is_an_error_with_results(target, tmp_path):
    """What the lost engine measured is in the summary, which says what happened; the exit code is tressi's own failure."""
    with started("run", config_file(tmp_path, f"{target}/fast", duration=60), "--json", "-") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        output, _ = process.communicate(timeout=BOUND_S)
    summary = json.loads(output)
    assert process.returncode == 3
    assert summary["endReason"] == "error"
    assert "was lost" in summary["endDetail"]
    check_sums(summary)
