"""One request and its response over a connection of the second transport.

The answer is read while the request is sent, as the reactor does: a server may answer before it has read a body, and stop
reading it. A server that always has data must hold up neither the hub nor the timeout, so other greenlets are let in once a
millisecond.
"""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.select import select

from tressi.load.dial import DialError
from tressi.load.tls import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.load.answer import Answer, Progress

PIECE_BYTES = 64 * 1024

_BREATH_NS = 1_000_000
_CONTINUE_S = 1.0  # for an answer to a head alone, as in the reactor


class Breath:
    """Lets other greenlets run, once a millisecond at most."""

    def __init__(self) -> None:
        self._last_ns = time.monotonic_ns()

    def __call__(self) -> None:
        """Let them run if it is time."""
        if time.monotonic_ns() - self._last_ns > _BREATH_NS:
            gevent.sleep(0)
            self._last_ns = time.monotonic_ns()


class Exchange:
    """One request on its way and the answer to it; `carried` hears how many bytes were sent, and received."""

    def __init__(self, connected: Any, answer: Answer, carried: Callable[[int, int], None], breathe: Breath) -> None:  # noqa: ANN401 - one of three kinds of sockets
        self.first_ns = 0  # when the answer began to come
        self.arrived_ns = 0  # when it last went on
        self.is_sent = False  # the request is, whole
        self.has_ended = False  # the server has said its last word
        self._socket = connected
        self._answer = answer
        self._carried = carried
        self._breathe = breathe
        self._progress: Progress = "more"

    def run(self, head: bytes, body: bytes, *, awaits_continue: bool) -> None:
        """Send the request and read its answer whole. Raises DialError."""
        try:
            if awaits_continue:
                self._send(head)
                self._await_continue()
            else:
                head, body = b"", head + body
            if self._progress == "more" and not (awaits_continue and self._answer.is_final):
                self.is_sent = self._send(body)
            while self._progress == "more":
                self._receive()
        except OSError as failure:
            raise self._failed(failure) from None
        if self._progress == "broken":
            raise DialError("protocol", self._answer.fault)

    # ------------------------------------------------------------------------------------------------------------ sending

    def _send(self, data: bytes) -> bool:
        """Send until all is sent, or the answer is there, or the server does not listen; whether all is."""
        left = memoryview(data)
        while left and self._progress == "more":
            try:
                sent = self._socket.send(left[:PIECE_BYTES])
            except OSError as failure:
                if isinstance(failure, ssl.SSLError) and not isinstance(failure, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
                    raise
                # The server has closed: what it said before, if anything, is still to be read (RFC 9112 9.5).
                return False
            self._carried(sent, 0)
            left = left[sent:]
            if left:
                self._breathe()
                self._read_early()
        return not left

    def _read_early(self) -> None:
        """Wait for room, and read what comes meanwhile."""
        room: list[Any] = []
        while not room and self._progress == "more":
            readable, room, _ = select([self._socket], [self._socket], [])
            if readable:
                self._receive_if_there()

    def _await_continue(self) -> None:
        """Wait until the server wants the body, says what is final, or has said nothing for a second."""
        until = time.monotonic() + _CONTINUE_S
        while self._progress == "more" and not self._answer.continued:
            left_s = until - time.monotonic()
            if left_s <= 0 or not self._wait_readable(left_s):
                return
            self._receive_if_there()
            self._breathe()

    def _wait_readable(self, limit_s: float) -> bool:
        return bool(select([self._socket], [], [], limit_s)[0])

    # ---------------------------------------------------------------------------------------------------------- receiving

    def _receive_if_there(self) -> None:
        """Read what has come. Of TLS that may be records of its own, and no data."""
        self._socket.settimeout(0)
        try:
            self._receive()
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        finally:
            self._socket.settimeout(None)

    def _receive(self) -> None:
        """Wait for more of the answer, and read it."""
        data = self._socket.recv(PIECE_BYTES)
        self.arrived_ns = time.monotonic_ns()
        self._carried(0, len(data))
        if data:
            self.first_ns = self.first_ns or self.arrived_ns
            self._progress = self._answer.feed(data)
        else:
            self.has_ended = True
            if self._answer.close() != "done":
                raise DialError("closed", self._answer.cut())
            self._progress = "done"
        if self._progress == "more":
            self._breathe()

    def _failed(self, failure: OSError) -> DialError:
        """The connection ended under the request: which kind of error that is."""
        if isinstance(failure, ssl.SSLError):
            return DialError("tls", reason_of(failure))
        # An error of the system has a number; without one it is the end of a connection whose TLS had not ended.
        return DialError("reset" if failure.errno else "closed", self._answer.cut())
