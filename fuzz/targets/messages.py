"""Control messages: what one side says arrives as it was said, wherever the bytes are cut, and garbage is no message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from fuzz.target import Target
from tressi.load.messages import encode, lines

if TYPE_CHECKING:
    from collections.abc import Hashable

_SEEDS: list[dict[str, Any]] = [
    {"do": "go", "at_ns": 123456789},
    {"do": "scale", "endpoint_key": "GET http://host/é", "workers": 3},
    {"do": "set_rate", "endpoint_key": "a\nb", "target_rps": None, "begin_rps": 1.5, "ramp_s": 0.0},
    {"do": "stop", "drain_s": 30.0},
    {"error": "no such host"},
    {"built": True},
]
_WORDS = (b'\n|\n\n|{}|[]|null|{"do":|"|\\n|\x00|\xff|}').split(b"|")


class Wire:
    """A socket that gives bytes in pieces, then its end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def recv(self, _: int) -> bytes:
        """The next piece."""
        return self._pieces.pop(0) if self._pieces else b""


def check(data: bytes) -> Hashable:
    """The first byte says how the rest is cut; each cut must give the same messages, or the same refusal."""
    step, rest = 1 + (data[0] if data else 0), data[1:]
    whole = _heard([rest])
    assert _heard([rest[at : at + step] for at in range(0, len(rest), step)]) == whole
    assert _heard([rest[at : at + 1] for at in range(len(rest))]) == whole
    messages, is_refused = whole
    # Said again, they are the same; what has no line's end yet is no message.
    again = b"".join(encode(message) for message in messages) + b'{"do": "stop"'
    assert _heard([again[at : at + step] for at in range(0, len(again), step)]) == (messages, False)
    return (len(messages), is_refused)


def _heard(pieces: list[bytes]) -> tuple[list[Any], bool]:
    heard: list[Any] = []
    try:
        heard.extend(lines(Wire(pieces)))  # type: ignore[arg-type] # all that is asked of a socket
    except orjson.JSONDecodeError:
        return heard, True
    return heard, False


TARGET = Target(
    "messages", check, [b"\x07" + b"".join(map(encode, _SEEDS)), *(b"\x02" + encode(one) for one in _SEEDS)], _WORDS
)
