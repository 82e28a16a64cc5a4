"""A stream that never makes its writer wait, on real pipes and terminals that nobody reads."""

import fcntl
import io
import os
import pty
import select
import signal
from contextlib import contextmanager, suppress

import pytest
from summaries import decision, moment, resolved

from tressi.ui.lines import Lines
from tressi.ui.live.live import LivePicture
from tressi.ui.nonblocking_stream import KEPT_BYTES, finish, unhurried
from tressi.ui.terminal import watch

pytestmark = pytest.mark.timed

KEYS = [f"GET http://host/{number}" for number in range(20)]
PIPE_BYTES = 4096


@pytest.fixture(autouse=True)
def _no_waiting():
    """A write that waits for a reader fails its test instead of standing still for ever."""

    def give_up(*_):
        pytest.fail("a write waited for a reader", pytrace=False)

    former = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


@pytest.fixture(params=["opened anew", "shared"])
def way(request, monkeypatch, tmp_path):
    """How a pipe of others is written to: where there is /proc, and where there is none."""
    if request.param == "shared":
        monkeypatch.setattr("tressi.ui.reopen.OPEN_FILES", str(tmp_path))


@contextmanager
def unread_pipe():
    """A small pipe: its reading descriptor, and a text stream into it."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    with between(reading, writing) as ends:
        yield ends


@contextmanager
def unread_terminal():
    """A terminal: its other side, and a text stream into it."""
    with between(*pty.openpty()) as ends:
        yield ends


@contextmanager
def between(reading, writing):
    """Both ends, closed from the reader's side: what a failed test has left in the stream must not wait once more."""
    stream = os.fdopen(writing, "w", encoding="utf-8")
    try:
        yield reading, stream
    finally:
        with suppress(OSError):
            os.close(reading)
        with suppress(OSError):
            stream.close()


def taken(reading):
    """All that lies ready to be read."""
    data = b""
    while select.select([reading], [], [], 0)[0] and (piece := os.read(reading, 1 << 16)):
        data += piece
    return data.decode()


def rest(patient, reading):
    """All that is still to come when somebody reads on."""
    pieces = [taken(reading)]
    while pieces[-1]:
        patient.write("")
        pieces.append(taken(reading))
    return "".join(pieces)


@pytest.mark.parametrize(("opened", "kind"), [(unread_pipe, Lines), (unread_terminal, LivePicture)], ids=["pipe", "terminal"])
def test_a_run_goes_on_when_nobody_reads(opened, kind, monkeypatch):
    """A full pipe or terminal delays neither the run nor its end, and what was taken is the beginning."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with opened() as (reading, stream):
        watcher = watch(stream)
        assert type(watcher) is kind
        watcher.start(resolved(*KEYS))
        for t in range(1, 100):
            watcher.decision(decision(KEYS[0]))
            watcher.moment(moment(*KEYS, t=float(t), saturated_by=("CPU",)))
        watcher.stop()
        assert "running 20 endpoints" in taken(reading)


@pytest.mark.usefixtures("way")
def test_a_reader_that_comes_back_gets_what_was_kept():
    """Nothing is lost, doubled or out of order while it fits; the next write brings what waited."""
    with unread_pipe() as (reading, stream):
        patient = unhurried(stream)
        said = [f"line {number}\n" for number in range(1000)]
        for line in said:
            patient.write(line)
        first = taken(reading)
        assert len(first) <= PIPE_BYTES < len("".join(said))
        patient.write("")
        assert first + rest(patient, reading) == "".join(said)


@pytest.mark.usefixtures("way")
def test_what_is_too_much_is_left_out_in_whole_writes():
    """Beyond the bound a write is kept whole or not at all, so that no line is cut."""
    line = "x" * 99 + "\n"
    with unread_pipe() as (reading, stream):
        patient = unhurried(stream)
        for _ in range(3000):
            patient.write(line)
        seen = rest(patient, reading)
        assert set(seen.splitlines(keepends=True)) == {line}
        assert KEPT_BYTES - len(line) <= len(seen) <= KEPT_BYTES + PIPE_BYTES


@pytest.mark.usefixtures("way")
def test_the_end_waits_a_moment_for_a_slow_reader():
    """What waits when all is said is still given to a reader that has made room."""
    with unread_pipe() as (reading, stream):
        patient = unhurried(stream)
        patient.write("x" * PIPE_BYTES)
        patient.write("the end")
        assert taken(reading) == "x" * PIPE_BYTES
        finish(patient)
        assert taken(reading) == "the end"


@pytest.mark.usefixtures("way")
def test_others_may_still_wait():
    """The open file that we share with other programs keeps its mode, and stays open when ours is closed."""
    with unread_pipe() as (reading, stream):
        patient = unhurried(stream)
        assert patient is not stream
        assert os.get_blocking(stream.fileno())
        patient.close()
        stream.write("still here")
        stream.flush()
        assert taken(reading) == "still here"


@pytest.mark.usefixtures("way")
def test_a_reader_that_left_is_told():
    """A broken pipe is an error of the write that meets it, and of no later close."""
    with unread_pipe() as (reading, stream):
        patient = unhurried(stream)
        patient.write("x" * 2 * PIPE_BYTES)
        os.close(reading)
        with pytest.raises(BrokenPipeError):
            patient.write("more")
        patient.close()


@pytest.mark.usefixtures("way")
def test_a_terminal_stays_one():
    """Whether a stream is a terminal, and its encoding, are those of the original."""
    with unread_terminal() as (_, stream):
        assert unhurried(stream).isatty()
        assert unhurried(stream).encoding == "utf-8"
    with unread_pipe() as (_, stream):
        assert not unhurried(stream).isatty()


def test_a_file_is_left_alone(tmp_path):
    """A file never waits long, and opening it once more would write over its beginning."""
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        assert unhurried(stream) is stream
    in_memory = io.StringIO()
    assert unhurried(in_memory) is in_memory
    finish(in_memory)
