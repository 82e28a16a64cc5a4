"""What a server says on a connection of HTTP/2, taken apart for people: whole header lists, and pieces of bodies.

`_h2.Connection` hears the same bytes before, and holds them against the rules of the protocol. Here they are only shown:
frames of other kinds than HEADERS, CONTINUATION and DATA are passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tressi._h2 import FieldDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD: Final = 9  # bytes of a frame (RFC 9113 4.1)
_DATA, _HEADERS, _CONTINUATION = 0, 1, 9
_END_HEADERS, _PADDED, _PRIORITY = 0x4, 0x8, 0x20
_PRIORITY_BYTES: Final = 5

FieldLines = list[tuple[bytes, bytes]]


class Said(NamedTuple):
    """What a frame, or several, said on a stream: a header list, or a piece of a body."""

    stream: int
    fields: FieldLines | None
    piece: bytes = b""


class Frames:
    """The server's side of one connection."""

    def __init__(self) -> None:
        self._decoder = FieldDecoder()
        self._rest = b""
        self._block = b""  # of header frames that have not ended

    def heard(self, data: bytes) -> list[Said]:
        """Read on. The bytes must keep to the protocol."""
        self._rest += data
        return list(self._whole())

    def _whole(self) -> Iterator[Said]:
        while len(self._rest) >= _HEAD:
            end = _HEAD + int.from_bytes(self._rest[:3], "big")
            if len(self._rest) < end:
                return
            head, payload, self._rest = self._rest[:_HEAD], self._rest[_HEAD:end], self._rest[end:]
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFF_FFFF
            if kind == _DATA:
                yield Said(stream, None, _unpadded(payload, flags))
            elif kind in {_HEADERS, _CONTINUATION}:
                self._block += payload if kind == _CONTINUATION else _unprioritised(_unpadded(payload, flags), flags)
                if flags & _END_HEADERS:
                    block, self._block = self._block, b""
                    yield Said(stream, self._decoder.decode(block) or [])


def _unpadded(payload: bytes, flags: int) -> bytes:
    return payload[1 : len(payload) - payload[0]] if flags & _PADDED else payload


def _unprioritised(payload: bytes, flags: int) -> bytes:
    return payload[_PRIORITY_BYTES:] if flags & _PRIORITY else payload
