"""Lines to readers that are slow, stall or leave: real pipes and sockets that nobody reads, files, a full disk."""

import errno
import os
import socket

import gevent
import pytest
from gevent.socket import wait_read
from test_ui_nonblocking_stream import _no_waiting, unread_pipe, way  # noqa: F401 - the fixtures serve the tests here too

from tressi.ui.nonblocking_lines import Outlet, open_outlet, share_outlet

pytestmark = pytest.mark.timed

LINES = [f"line {number}\n".encode() for number in range(3000)]


@pytest.fixture
def pipe(way):  # noqa: ARG001, F811 - it decides how the pipe is written to
    """An outlet into a small pipe, and the end to read."""
    with unread_pipe() as (reading, stream):
        outlet = Outlet(share_outlet(stream.fileno()), kept_bytes=20_000)
        yield outlet, reading
        outlet.close()


def read_until(reading, count):
    """So many bytes, as they come."""
    data = b""
    while len(data) < count:
        wait_read(reading, timeout=10)
        data += os.read(reading, 1 << 16)
    return data


def test_a_reader_that_comes_late_gets_everything(pipe):
    """What waited is handed on as it is taken, in order, without another line being put."""
    outlet, reading = pipe
    assert all(outlet.put(line) for line in LINES[:1500])
    assert outlet.lines_waiting > 0
    assert read_until(reading, len(b"".join(LINES[:1500]))) == b"".join(LINES[:1500])
    assert outlet.drain(10)
    assert outlet.lines_waiting == 0


def test_what_is_too_much_is_refused_whole(pipe):
    """Each line is taken or refused, the reader gets exactly those taken, and there is room again afterwards."""
    outlet, reading = pipe
    taken = [line for line in LINES if outlet.put(line)]
    assert 0 < len(taken) < len(LINES)
    assert not outlet.put(b"no room\n")
    assert outlet.put(b"the end\n", at_any_length=True)
    expected = b"".join(taken) + b"the end\n"
    assert read_until(reading, len(expected)) == expected
    assert outlet.put(b"room\n")
    assert read_until(reading, 5) == b"room\n"


def test_a_line_longer_than_the_bound_is_kept_alone(pipe):
    """The bound never makes a line impossible."""
    outlet, reading = pipe
    long = b"x" * 50_000 + b"\n"
    assert outlet.put(long)
    assert read_until(reading, len(long)) == long


def test_the_end_waits_as_long_as_somebody_reads(pipe):
    """A reader that takes a little at a time gets all; one that takes nothing is given up."""
    outlet, reading = pipe
    for line in LINES[:1500]:
        outlet.put(line)
    assert not outlet.drain(0.01)
    reader = gevent.spawn(read_until, reading, len(b"".join(LINES[:1500])))
    assert outlet.drain(10)
    assert reader.get(timeout=10) == b"".join(LINES[:1500])


def test_the_end_does_not_hurry_a_reader_that_is_merely_slow(pipe):
    """As long as something is taken each time that patience ends, there is another time."""
    outlet, _ = pipe
    for line in LINES[:1500]:
        outlet.put(line)
    waits = []

    class SlowReader:
        """Stands for the greenlet that hands on, and takes 100 bytes each time somebody has waited."""

        def join(self, patience_s):
            waits.append(patience_s)
            del outlet._waiting[:100]

    outlet._handing_on.kill()
    outlet._handing_on = SlowReader()
    assert outlet.drain(7)
    assert len(waits) > 1
    assert set(waits) == {7}
    outlet._handing_on = None


@pytest.mark.usefixtures("way")
def test_a_reader_that_leaves_is_remembered():
    """Nothing raises; from then on every line is refused."""
    with unread_pipe() as (reading, stream):
        outlet = Outlet(share_outlet(stream.fileno()))
        for line in LINES:
            outlet.put(line)
        os.close(reading)
        assert outlet.drain(10)
        assert isinstance(outlet.failure, BrokenPipeError)
        assert not outlet.put(b"more\n")
        outlet.close()


def test_a_full_disk_is_remembered():
    """With the system's own reason."""
    outlet = Outlet(open_outlet("/dev/full"))
    assert not outlet.put(b"line\n")
    assert outlet.failure.errno == errno.ENOSPC
    outlet.close()


def test_a_socket_is_not_waited_for_either():
    """Standard output of a program's child may be one; it stays in the mode in which others share it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outlet = Outlet(share_outlet(ours.fileno()))
        line = b"x" * 9_999 + b"\n"
        assert all(outlet.put(line) for _ in range(200))
        assert outlet.lines_waiting > 0
        assert os.get_blocking(ours.fileno())
        assert read_until(theirs.fileno(), 200 * len(line)) == 200 * line
        outlet.close()


def test_a_shared_pipe_keeps_its_mode():
    """Programs that write to the same pipe still wait as they expect to."""
    with unread_pipe() as (_, stream):
        descriptor = share_outlet(stream.fileno())
        assert not os.get_blocking(descriptor)
        assert os.get_blocking(stream.fileno())
        os.close(descriptor)


def test_a_file_is_written_anew(tmp_path):
    """What was in it is gone."""
    path = tmp_path / "run.jsonl"
    path.write_text("old and long")
    outlet = Outlet(open_outlet(str(path)))
    outlet.put(b"new\n")
    outlet.close()
    assert path.read_text() == "new\n"


def test_a_pipe_that_nobody_reads_is_refused(tmp_path):
    """Opening it would wait for a reader."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device"):
        open_outlet(str(tmp_path / "pipe"))
