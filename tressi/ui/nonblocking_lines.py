"""Whole lines to a file, pipe, terminal or socket whose reader may be slow, stall or leave, without ever waiting for it.

What is not taken at once waits in memory, up to a bound, and a greenlet hands it on as the reader takes it. Beyond the bound
a line is refused whole, and the caller is told, so that it can say so.
"""

from __future__ import annotations

import os
import stat
from typing import Final

import gevent
from gevent.socket import wait_write

from tressi.ui.reopen import opened_again, writer_to

# Minutes of a large run's lines.
KEPT_BYTES: Final = 1 << 24
_FLAGS: Final = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Outlet:
    """Lines into `descriptor`, which it owns, in their order; `kept_bytes` may wait at most."""

    def __init__(self, descriptor: int, kept_bytes: int = KEPT_BYTES) -> None:
        self._descriptor, self._kept_bytes = descriptor, kept_bytes
        self._send = writer_to(descriptor)
        self._waiting = bytearray()
        self._handing_on: gevent.Greenlet | None = None
        self.failure: OSError | None = None  # what ended it: BrokenPipeError where the reader has left

    @property
    def lines_waiting(self) -> int:
        """How many lines have not been taken, or not to their end."""
        return self._waiting.count(b"\n")

    def put(self, line: bytes, *, at_any_length: bool = False) -> bool:
        """Write or keep whole lines, line ends included; says False where too much waits already, or all is over."""
        is_too_much = self._waiting and len(self._waiting) + len(line) > self._kept_bytes
        if self.failure or (is_too_much and not at_any_length):
            return False
        self._waiting += line
        if not self._handing_on:
            self._write()
            if self._waiting:
                self._handing_on = gevent.spawn(self._hand_on)
        return self.failure is None

    def drain(self, patience_s: float) -> bool:
        """Wait while the reader takes something at least every `patience_s` seconds; says whether all is taken."""
        while self._waiting and self._handing_on:
            before = len(self._waiting)
            self._handing_on.join(patience_s)
            if len(self._waiting) == before:
                break
        return not self._waiting

    def close(self) -> None:
        """Let go of the descriptor, and of what still waits."""
        if self._handing_on:
            self._handing_on.kill()
        os.close(self._descriptor)

    def _hand_on(self) -> None:
        while self._waiting:
            wait_write(self._descriptor)
            self._write()
        self._handing_on = None

    def _write(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: self._send(self._waiting)]
        except BlockingIOError:
            pass
        except OSError as failure:
            self.failure = failure
            self._waiting.clear()


def open_outlet(path: str) -> int:
    """A descriptor for an `Outlet`: a file emptied or made, a pipe that somebody reads. Raises OSError, ValueError."""
    return os.open(path, _FLAGS | os.O_CREAT | os.O_TRUNC, 0o666)


def share_outlet(descriptor: int) -> int:
    """Another descriptor of the same place, for an `Outlet`. Raises OSError."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return opened_again(descriptor, _FLAGS)
    return os.dup(descriptor)
