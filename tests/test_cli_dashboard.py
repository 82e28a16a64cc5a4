"""`--dashboard` on the command line: where it listens, what it says, and what it says when it cannot."""

import json
import os
import pty
import re
import signal
import subprocess
from contextlib import contextmanager, suppress
from importlib.resources import files
from socket import create_server
from urllib.request import urlopen

import pytest
import warm
from commands import at_once

from tressi.page.assets import PLOTLY_PART
from tressi.testing.target import Target

pytestmark = pytest.mark.timed

BOUND_S = 60
IN_THE_HEADER = re.compile(rb"dashboard  (http://127\.0\.0\.1:\d+/[\w-]+/)")
ADDRESS = re.compile(rb"tressi: dashboard: (http://127\.0\.0\.1:\d+/[\w-]+/)")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A config of a run of 1 s against the embedded target."""
    with Target() as url:
        path = tmp_path_factory.mktemp("config") / "config.json"
        requests = [{"url": f"{url}/fast", "autoscale": {"enabled": True, "targetRps": 20}}]
        path.write_text(json.dumps({"duration": 1, "requests": requests}))
        yield path


def run(*arguments, program=("-m", "tressi")):
    """The arguments of Python for a run."""
    return (*program, "run", *arguments)


def test_without_a_browser_a_run_ends_as_it_always_does(config):
    """The address is said on standard error, with --quiet too, and nothing waits at the end."""
    flags = ("--dashboard", "--dashboard=localhost:0")
    for flag, done in zip(flags, at_once(*(run(config, flag, "--quiet", "--json", "-") for flag in flags)), strict=True):
        assert done.returncode == 0, flag
        assert json.loads(done.stdout)["endReason"] == "duration", flag
        assert ADDRESS.fullmatch(done.stderr.strip().encode()), flag


def test_a_port_in_use_is_told_before_the_run(config):
    """Bad input: nothing is sent, and the message names flag, place and reason."""
    with create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        (done,) = at_once(run(config, "--dashboard", place))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"tressi: --dashboard: cannot listen on {place}: Address already in use\n"


def test_a_place_that_is_none_is_told_before_the_run(config):
    """An address of another machine, a port that does not exist, and a file's name that was taken for an address."""
    places = ("192.0.2.1:0", "127.0.0.1:99999", "config.json")
    for place, done in zip(places, at_once(*(run(config, "--dashboard", place) for place in places)), strict=True):
        assert (done.returncode, done.stdout) == (2, ""), place
        assert "--dashboard" in done.stderr, place
        assert place in done.stderr
        assert "running" not in done.stderr, place


def test_a_missing_library_is_told_before_the_run(config):
    """With what to install; a run without the dashboard does not need it."""
    # Where `scripts/charts` has fetched plotly's script, its package is not asked for.
    libraries = ("flask", "jinja2", *(() if files("tressi.page").joinpath(PLOTLY_PART).is_file() else ("plotly",)))
    lacking = "import sys; sys.modules.update(dict.fromkeys({!r})); from tressi.cli import main; sys.exit(main())"
    shown = [run(config, "--dashboard", program=("-c", lacking.format([library]))) for library in libraries]
    *ended, without = at_once(*shown, run(config, "--quiet", program=("-c", lacking.format(libraries))))
    for library, done in zip(libraries, ended, strict=True):
        assert (done.returncode, done.stdout) == (3, ""), library
        assert "the extra tressi[dashboard]" in done.stderr, library
        assert "Traceback" not in done.stderr, library
    assert without.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_not_kept_waiting(config, number, code):
    """After SIGTERM it leaves at once; after Ctrl-C the end is shown, and another Ctrl-C leaves. The exit code is the run's."""
    arguments = ("run", config, "--duration", "300", "--quiet", "--dashboard")
    with warm.Process(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        address = ADDRESS.match(process.stderr.readline()).group(1).decode()
        with urlopen(f"{address}events", timeout=BOUND_S) as events:
            heard(events, b"event: moment\n")
            process.send_signal(number)
            heard(events, b"event: end\n")
            if number == signal.SIGINT:
                assert process.stderr.readline().startswith(b"tressi: the run is over; its dashboard stays")
                process.send_signal(number)
            heard(events, b"event: leave\n")
        assert process.wait(BOUND_S) == code


def heard(events, line):
    """Read on until that line has come."""
    assert line in iter(events.readline, b"")


@contextmanager
def on_a_terminal(*arguments):
    """A run whose standard error is a terminal; what it writes there, piece by piece."""
    controller, terminal = pty.openpty()
    process = warm.Process(
        *("run", *arguments),
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "", "COLUMNS": "80", "LINES": "24"},
    )
    os.close(terminal)

    def pieces():
        with suppress(OSError):  # the other side has closed
            while piece := os.read(controller, 65536):
                yield piece

    try:
        yield pieces()
        assert process.wait(BOUND_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def test_the_address_stands_in_the_live_picture(config):
    """In one piece, so that it can be clicked, and it leads to the page; it is still there when the picture has gone."""
    seen, page = b"", ""
    with on_a_terminal(config, "--dashboard") as pieces:
        for piece in pieces:
            seen += piece
            found = IN_THE_HEADER.search(seen)
            if found and not page:
                with urlopen(found.group(1).decode(), timeout=BOUND_S) as answer:
                    page = answer.read().decode()
    assert '<script type="module"' in page
    picture, _, after = seen.partition(b"\x1b[?1049l")
    assert IN_THE_HEADER.search(picture)
    assert ADDRESS.search(after)
