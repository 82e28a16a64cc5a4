"""Control messages: what one side says arrives as it was said, wherever the bytes are cut, and garbage is no message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fuzz.target import Target
from tressi.load.messages import MessageError, encode, messages
from tressi.model import Curve, Wanted
from tressi.request.parts import Hole, Rendering

if TYPE_CHECKING:
    from collections.abc import Hashable

_SEEDS: list[dict[str, Any]] = [
    {"do": "go", "at_ns": 123456789},
    {"do": "want", "pool": 3, "wanted": Wanted(4, Curve(((0.0, 1.5), (60.0, 2.5))), 7)},
    {"do": "want", "pool": 0, "wanted": Wanted(1, None, 1)},
    {"do": "build", "plan": (Rendering((b"GET /\xff", Hole(0, 1)), (), 0.5), frozenset({200, 404}), "é")},
    {"do": "stop", "drain_s": 30.0},
    {"error": "no such host"},
    {"built": True},
]
_WORDS = b"\x80|\x90|\xc0|\xc7|\xd4|\xd5|\x01|\x02|\xa4Hole|\xa5Curve|\xa6Wanted|\x00|\xff|\xc4\x00".split(b"|")


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
    # By their representations: a number that is none is not equal to itself.
    assert repr(_heard([rest[at : at + step] for at in range(0, len(rest), step)])) == repr(whole)
    assert repr(_heard([rest[at : at + 1] for at in range(len(rest))])) == repr(whole)
    heard, is_refused = whole
    # Said again, they are the same; what has not come whole yet is no message.
    again = b"".join(encode(message) for message in heard) + encode({"do": "stop"})[:-1]
    assert repr(_heard([again[at : at + step] for at in range(0, len(again), step)])) == repr((heard, False))
    return (len(heard), is_refused)


def _heard(pieces: list[bytes]) -> tuple[list[Any], bool]:
    heard: list[Any] = []
    try:
        heard.extend(messages(Wire(pieces)))  # type: ignore[arg-type] # all that is asked of a socket
    except MessageError:
        return heard, True
    return heard, False


TARGET = Target(
    "messages", check, [b"\x07" + b"".join(map(encode, _SEEDS)), *(b"\x02" + encode(one) for one in _SEEDS)], _WORDS
)
