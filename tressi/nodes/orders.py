"""What a node is told, and what it says beside its frame. Values alone, as bytes in MessagePack.

An order says how things are to be, never what has changed: it may be lost or doubled, and the next one says it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import msgpack

from tressi.load.messages import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.load.plan import Plan
    from tressi.model import Wanted


@dataclass(frozen=True, slots=True)
class Build:
    """Build the engines number `first` to `first + count - 1` of all `of`, of the plan of the whole run.

    `block` are the bytes of the plan's tables, None where it has none.
    """

    plan: Plan
    block: bytes | None
    first: int
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Step:
    """How things are to be, by the node's own clock where it is a time.

    `arrived` is the number of the last frame that arrived. The engines begin at `begin_ns` (None: not yet), and send nothing
    from `lease_ns` on. `wanted` has the node's part of each pool; `connections` is how many connections a second it may make,
    with a version. `grants` are the attempts that it may have begun in all, by the place of the count, and `closed` those
    counts to which nothing more comes. With `stop_s` the engines begin nothing more, and what is in flight has so long to end.
    """

    arrived: int = 0
    begin_ns: int | None = None
    lease_ns: int = 0
    wanted: Mapping[int, Wanted] = field(default_factory=dict)
    connections: tuple[int, float] | None = None
    grants: Mapping[int, int] = field(default_factory=dict)
    closed: tuple[int, ...] = ()
    stop_s: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """When the order was heard and the answer said by the node's clock, and what its wall clock was then; and a frame.

    `error`: the engines cannot be built, for this reason. `gone`: the node makes no load any more, and why. `stopped`: the
    engines have ended, and the frame has all that they measured. `grants` are what it may have begun, and what is left of
    it, by the place of the count. `unanswered` are the requests that engines had under way when they were killed.
    """

    heard_ns: int
    said_ns: int = 0
    wall_ns: int = 0
    frame: bytes | None = None
    error: str | None = None
    gone: str | None = None
    stopped: bool = False
    grants: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    unanswered: int = 0


Order = Build | Step
_PING = "ping"


def encode_order(order: Order | None) -> bytes:
    """An order as bytes; None asks for nothing but the time."""
    if order is None:
        return encode({"do": _PING})
    return encode({"do": type(order).__name__, **{one.name: getattr(order, one.name) for one in fields(order)}})


def decode_order(data: bytes) -> Order | None:
    """What `encode_order` was given."""
    values: dict[str, Any] = decode(data)
    kind = values.pop("do")
    return None if kind == _PING else {"Build": Build, "Step": Step}[kind](**values)


def encode_answer(answer: Answer) -> bytes:
    """An answer as bytes."""
    written: bytes = msgpack.packb({one.name: getattr(answer, one.name) for one in fields(answer)})
    return written


def decode_answer(data: bytes) -> Answer:
    """What `encode_answer` was given. Raises ValueError for anything else."""
    try:
        return Answer(**msgpack.unpackb(data, use_list=False, strict_map_key=False))
    except (TypeError, ValueError, msgpack.UnpackException) as failure:
        raise ValueError(f"an answer that says nothing: {failure}") from failure
