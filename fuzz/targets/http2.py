"""A connection of HTTP/2: the same events of the same bytes however they are cut, and the same answers.

Three requests are under way, one of them with a body that waits for the server's windows. The first byte of an input says
how the rest of it is cut. What the connection takes, a trace can show: the same header lists and bodies, however it is cut.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fuzz.target import Target
from tressi._h2 import Connection
from tressi.trace.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Hashable

_HEAD = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
_POST = b"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 100000\r\n\r\n"
_MOST_BYTES = 20_000


def _frame(kind: int, stream: int, payload: bytes, flags: int = 0) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


_HELLO = _frame(4, 0, b"")
_WORDS = [
    _frame(kind, stream, b"\x00" * size) for kind, stream, size in ((6, 0, 8), (7, 0, 8), (3, 1, 4), (8, 0, 4), (4, 0, 6))
]
_WORDS += [_frame(1, stream, b"\x88", flags) for stream in (1, 3, 5) for flags in (4, 5)]
_WORDS += [_frame(0, stream, b"body", flags) for stream in (1, 3) for flags in (0, 1)]
_WORDS += [_frame(9, 1, b"\x88", 4), _frame(1, 1, b"\x88"), _frame(0, 1, b"\x01ab", 8), _frame(8, 5, b"\x00\x00\x10\x00")]
_WORDS += [
    _frame(4, 0, struct.pack(">HI", number, value)) for number, value in ((1, 0), (3, 1), (4, 0), (4, 1 << 30), (5, 1 << 14))
]


def outcome(pieces: list[bytes]) -> tuple[list[tuple[object, ...]], bytes, list[tuple[int, bytes]]]:
    """The events without those that only say that more of a body came, what is sent, and the responses."""
    connection = Connection(most=4)
    numbers = [connection.request(_HEAD), connection.request(_HEAD, to_head=True), connection.request(_POST, b"x" * 100_000)]
    events: list[tuple[object, ...]] = []
    for piece in pieces:
        events += [event for event in connection.feed(piece) if event[0] != "piece"]
        if events and events[-1][0] == "broken":
            break
    answered = [connection.response(number)[:2] for number in numbers if number is not None]
    return events, connection.take(), answered


def shown(pieces: list[bytes]) -> list[object]:
    """What a trace shows of it, up to where the connection breaks."""
    connection, frames = Connection(most=4), Frames()
    for _ in range(3):
        connection.request(_HEAD)
    found: list[object] = []
    for piece in pieces:
        if any(event[0] == "broken" for event in connection.feed(piece)):
            return []
        found += frames.heard(piece)
    return found


def check(data: bytes) -> Hashable:
    """Raise AssertionError where it matters how the bytes are cut, or where a connection outlives its end."""
    how, said = (data[0] if data else 1) or 1, _HELLO + data[1:][:_MOST_BYTES]
    whole = outcome([said])
    cut = outcome([said[at : at + how] for at in range(0, len(said), how)])
    assert whole[0] == cut[0], "it depends on where the bytes are cut"
    assert whole[2] == cut[2], "the responses depend on where the bytes are cut"
    assert shown([said]) == shown([said[at : at + how] for at in range(0, len(said), how)]), "it is shown as it is cut"
    kinds = [event[0] for event in whole[0]]
    if "broken" in kinds:
        assert kinds.index("broken") == len(kinds) - 1, "a broken connection goes on"
    for event in whole[0]:
        if event[0] == "end":
            assert kinds.count("end") <= 3
    return (tuple(kinds[:6]), str(whole[0][-1][-1]) if whole[0] and kinds[-1] in {"broken", "malformed"} else "")


_ANSWER = _frame(1, 1, b"\x88", 4) + _frame(0, 1, b"body", 1)
TARGET = Target(
    "http2",
    check,
    [
        b"\x05" + _ANSWER + _frame(1, 3, b"\x88", 5),
        b"\x01" + _frame(1, 1, b"\x88") + _frame(9, 1, b"\x5f\x01x", 4) + _frame(0, 1, b"\x02body\x00\x00", 9),
        b"\x10"
        + _frame(8, 0, b"\x00\x10\x00\x00")
        + _frame(8, 5, b"\x00\x10\x00\x00")
        + _frame(7, 0, struct.pack(">II", 3, 0)),
    ],
    _WORDS,
)
