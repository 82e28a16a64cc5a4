"""A stream that never makes its writer wait.

The reader of progress may stop reading: a pager that shows its first page, Ctrl-S, a connection that hangs. When what lies
between is full, a write waits until somebody reads on, and with it would wait all that shares the thread: scaling, limits,
signals, and the end of the run.
"""

from __future__ import annotations

import io
import os
import select
import stat
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from tressi.ui.reopen import opened_again, writer_to

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Some hundred lines or twenty pictures; a reader that is further behind has no use for more.
KEPT_BYTES = 1 << 16
LAST_WAIT_MS = 500


def unhurried(stream: IO[str]) -> IO[str]:
    """A stream to the same place that never waits; `stream` itself where none is to be had (a file never waits long)."""
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
            return stream
        again = opened_again(descriptor, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # no descriptor, a terminal of another user, a pipe without a reader
        return stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return io.TextIOWrapper(Waiting(again), encoding=encoding, errors="backslashreplace", write_through=True)


def finish(stream: IO[str], wait_ms: int = LAST_WAIT_MS) -> None:
    """Give what still waits in a stream of `unhurried` a last moment; what nobody takes by then is lost."""
    raw = getattr(stream, "buffer", None)
    if isinstance(raw, Waiting):
        raw.finish(wait_ms)


def is_behind(stream: IO[str]) -> bool:
    """Whether something still waits in a stream of `unhurried`, after another try: what is drawn now would come too late."""
    raw = getattr(stream, "buffer", None)
    return isinstance(raw, Waiting) and raw.is_behind()


def forget(stream: IO[str]) -> None:
    """Do not send what still waits in a stream of `unhurried`."""
    raw = getattr(stream, "buffer", None)
    if isinstance(raw, Waiting):
        raw.forget()


class Waiting(io.BufferedIOBase):
    """Writes what fits at once, and keeps the rest for the next write. It owns `descriptor`."""

    name = "progress"  # a text stream asks what it wraps

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._write = writer_to(descriptor)
        self._waiting = bytearray()

    def writable(self) -> bool:
        """Say so."""
        return True

    def fileno(self) -> int:
        """Where to ask whether it takes more."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: ReadableBuffer, /) -> int:
        """Write or keep all of it, or nothing where too much waits already. Raises OSError when the reader has left."""
        length = memoryview(data).nbytes
        if len(self._waiting) + length <= KEPT_BYTES or not self._waiting:
            self._waiting += data
        self._send()
        return length

    def is_behind(self) -> bool:
        """Send what waits; whether something still does. Raises OSError when the reader has left."""
        self._send()
        return bool(self._waiting)

    def forget(self) -> None:
        """Do not send what still waits."""
        self._waiting.clear()

    def finish(self, wait_ms: int = LAST_WAIT_MS) -> None:
        """Wait a moment for a reader that is merely slow; each time that it takes something, another one."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        with suppress(OSError):
            while self._waiting and poll.poll(wait_ms):
                self._send()

    def close(self) -> None:
        """Let go of the descriptor, and of what still waits."""
        if not self.closed:
            super().close()
            os.close(self._descriptor)

    def _send(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: self._write(self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting.clear()
            raise
