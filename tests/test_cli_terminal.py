"""`tressi` at a real terminal: steered by keys, stopped and continued by a shell, and leaving everything as it was."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import warm
from terminals import terminal

from tressi.report.formats import FORMATS

pytestmark = pytest.mark.timed

BOUND_S = 60
# A session of its own whose terminal is standard error, as a shell's child has it.
ATTACH = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell's background jobs ignore it
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def config(target, tmp_path):
    """A config of two endpoints for a run longer than any test."""
    requests = [{"url": f"{target}/{name}", "autoscale": {"enabled": True, "targetRps": 50}} for name in ("fast", "flaky")]
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"duration": 600, "workers": 20, "requests": requests}))
    return path


def environment():
    """That of a capable terminal."""
    return {**os.environ, "TERM": "xterm", "NO_COLOR": ""}


@contextmanager
def running(*arguments, stdin=None, width=80, height=24):
    """`tressi` with a terminal for all it says, and for its input unless `stdin` is given; the terminal and the process."""
    with terminal(width, height) as shown:
        process = warm.Process(
            *arguments,
            leads=True,
            stdin=shown.descriptor if stdin is None else stdin,
            stdout=shown.descriptor,
            stderr=shown.descriptor,
            env=environment(),
        )
        try:
            yield shown, process
        finally:
            process.kill()
            process.wait()


def ended(shown, process):
    """Read on to the end; the exit code."""
    shown.close_here()
    shown.read_to_end()
    return process.wait(BOUND_S)


def test_keys_steer_a_run(config, tmp_path):
    """A target is raised, the run paused and resumed, then ended; the summary tells it, and the exit code is 0."""
    with running(config, "--json", tmp_path / "summary.json") as (shown, process):
        before = shown.modes()
        shown.wait_for("s left")
        assert shown.modes() != before
        shown.type(b"/flaky\r")  # rows change places when the first request fails
        shown.wait_for("▸ GET /flaky")
        shown.type(b"+")
        shown.wait_for("GET /flaky  target 55 RPS")
        shown.type(b"p")
        shown.wait_for("PAUSED")
        shown.type(b"p")
        shown.wait_for("resumed")
        shown.type(b"q")
        shown.wait_for("ended by stopped")
        assert shown.modes() == before
        assert not shown.screen.cursor.hidden
        assert ended(shown, process) == 0
    summary = json.loads((tmp_path / "summary.json").read_bytes())
    assert [(one["action"], one["targetRps"]) for one in summary["changes"]] == [
        ("set-target", 55.0),
        ("pause", None),
        ("resume", None),
    ]
    assert summary["changes"][0]["endpointKey"].endswith("/flaky")
    assert summary["endReason"] == "stopped"


def test_a_terminal_that_hangs_up_ends_the_run_with_its_results(config, tmp_path):
    """Its window is closed: there is no table to show it any more, which is no failure, and every file is written."""
    folder = tmp_path / "results"
    with running(config, "--export", folder) as (shown, process):
        shown.wait_for("s left")
        shown.close_here()
        os.close(shown.controller)
        assert process.wait(BOUND_S) == 129
    summary = json.loads((folder / "summary.json").read_bytes())
    assert (summary["endReason"], summary["endDetail"]) == ("interrupted", "SIGHUP")
    assert summary["global"]["requestsMade"] > 0
    assert {path.name for path in folder.iterdir()} == set(FORMATS)


def test_a_config_from_standard_input_leaves_the_keys_to_the_terminal(config):
    """`tressi - < config` is steered like any other run."""
    with config.open() as stdin, running("-", stdin=stdin) as (shown, process):
        shown.wait_for("s left")
        shown.type(b"q")
        shown.wait_for("ended by stopped")
        assert ended(shown, process) == 0


def test_a_large_window_is_drawn_whole_and_a_resize_at_once(config):
    """More than a terminal takes in one piece is sent on without waiting for the next second; so is a new size's picture."""
    with running(config, width=200, height=60) as (shown, _):
        shown.wait_for("statuses: 200: ")
        shown.wait_for("? help")
        shown.type(b"p")
        shown.wait_for("PAUSED")
        shown.resize(80, 20)
        shown.wait_until(lambda lines: lines[0].endswith("PAUSED") and lines[19].startswith("↑↓ select"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_gives_the_terminal_back(config, number, code):
    """The run ends as before, and the terminal is what it was."""
    with running(config) as (shown, process):
        before = shown.modes()
        shown.wait_for("s left")
        process.send_signal(number)
        shown.wait_for("ended by interrupted")
        assert shown.modes() == before
        assert not shown.screen.cursor.hidden
        assert ended(shown, process) == code


def test_ctrl_c_is_still_a_signal(config):
    """It is typed at the terminal and ends the run."""
    with running(config) as (shown, process):
        shown.wait_for("s left")
        shown.type(b"\x03")
        assert ended(shown, process) == 130


def test_quitting_gives_the_terminal_back(config):
    """SIGQUIT from the keyboard ends the run with its results, and the picture gives way to the table."""
    with running(config) as (shown, process):
        before = shown.modes()
        shown.wait_for("s left")
        shown.type(b"\x1c")
        shown.wait_for("ended by interrupted")
        assert shown.modes() == before
        assert ended(shown, process) == 131


@pytest.mark.parametrize("arguments", [("--no-ui",), ("--quiet",)])
def test_without_a_picture_keys_are_nobodys(config, arguments):
    """The terminal is not touched."""
    with running(config, *arguments, "--duration", 1) as (shown, process):
        before = shown.modes()
        shown.type(b"q")
        shown.wait_for("ended by duration")
        assert shown.modes() == before
        assert ended(shown, process) == 0
        assert b"\x1b[?1049h" not in shown.written


def test_a_shell_stops_and_continues_it(config):
    """Ctrl-Z gives the terminal to the shell, `bg` draws nothing in it, `fg` takes it again, and keys work as before."""
    with terminal() as shown:
        command = [sys.executable, "-m", "tressi", str(config)]
        shell = subprocess.Popen(
            [sys.executable, "-c", ATTACH, "bash", "--norc", "--noediting", "-i"],
            stdin=shown.descriptor,
            stdout=shown.descriptor,
            stderr=shown.descriptor,
            start_new_session=True,
            env={**environment(), "PS1": "ready> "},
        )
        try:
            shown.wait_for("ready>")
            before = shown.modes()
            shown.type(" ".join(command).encode() + b"\n")
            shown.wait_for("s left")
            shown.type(b"\x1a")
            shown.wait_for("Stopped")
            assert shown.modes() == before
            shown.type(b"bg\n")
            shown.screen.reset()
            shown.type(b"jobs; echo in the shell\n")
            assert "s left" not in shown.wait_for("\nin the shell")
            shown.type(b"fg\n")
            shown.wait_for("? help")
            shown.type(b"q")
            shown.wait_for("ended by stopped")
            shown.type(b"echo code $?\n")
            shown.wait_for("code 0")
            shown.type(b"exit\n")
            assert ended(shown, shell) == 0
        finally:
            shell.kill()
            shell.wait()
