"""Orders and answers on a socket: each is its length, 8 bytes little-endian, and then its bytes."""

from __future__ import annotations

from struct import Struct
from typing import Final, Protocol

_LENGTH: Final = Struct("<Q")
# The plan has the tables of a run's data within it: some gigabytes are a lot, and more is no length at all.
_LONGEST: Final = 1 << 36


class Stream(Protocol):
    """A socket of the standard library or of gevent."""

    def sendall(self, data: bytes, /) -> object:
        """Send all of it."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Receive some of it; 0: the other end is closed."""


def send(stream: Stream, content: bytes) -> None:
    """Send one order or answer. Raises OSError."""
    stream.sendall(_LENGTH.pack(len(content)))
    stream.sendall(content)


def receive(stream: Stream) -> bytes | None:
    """The next order or answer; None once the other end is closed, in the middle of one too. Raises OSError."""
    head = _exactly(stream, _LENGTH.size)
    if head is None:
        return None
    length = _LENGTH.unpack(head)[0]
    if length > _LONGEST:
        raise OSError(f"{length} bytes are announced, more than any order has")
    content = _exactly(stream, length)
    return None if content is None else bytes(content)


def _exactly(stream: Stream, length: int) -> bytearray | None:
    content = bytearray(length)
    view, at = memoryview(content), 0
    while at < length:
        received = stream.recv_into(view[at:])
        if not received:
            return None
        at += received
    return content
