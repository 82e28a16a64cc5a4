"""What an engine's owner and its process say to each other: values of Python in MessagePack, over a socket pair.

Tuples stay tuples, and a dataclass of the plan is its name and its fields; so a new field or a new kind of part needs
nothing here. Only the classes that are named below can come out of a message.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgpack

from tressi.load.plan import Plan
from tressi.load.planned import (
    PlannedEndpoint,
    PlannedExtract,
    PlannedField,
    PlannedFlow,
    PlannedPool,
    PlannedReplay,
    PlannedRequest,
)
from tressi.load.tables import Tables
from tressi.load.ways import Network, Proxy, Way
from tressi.model import Curve, JsonCondition, Kept, Protocol, Proxies, TlsConfig, Wanted
from tressi.request.call import Call, Origin
from tressi.request.parts import Hole, Integer, Rendering, Sequence, Slot, Table, Text, Time, Uuid
from tressi.request.program import Operation, Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gevent.socket import socket

_READ_BYTES = 1 << 20
_GREETING: Final = Struct("<q??")
GREETING_BYTES: Final = _GREETING.size

_CLASSES: Final[dict[str, Any]] = {
    one.__name__: one
    for one in (
        *(Plan, PlannedEndpoint, PlannedField, PlannedPool, PlannedRequest, Tables, Call, Origin, Curve, JsonCondition, Wanted),
        *(Network, Proxies, Proxy, Way, TlsConfig, Kept, Protocol),
        *(Hole, Integer, Rendering, Sequence, Slot, Table, Text, Time, Uuid),
        *(PlannedFlow, PlannedExtract, PlannedReplay, Program, Operation),
    )
}
_DATACLASS: Final = 1  # codes of MessagePack's extension types
_SET: Final = 2
_ANY_SIZE: Final = 2**32 - 1


class Greeting(NamedTuple):
    """The first message, with the descriptors attached of the arena, and of the block and the allowance where there are some.

    `endpoints` is how many the arena has.
    """

    endpoints: int
    has_block: bool
    has_allowance: bool

    def encode(self) -> bytes:
        """As it is sent."""
        return _GREETING.pack(*self)

    @classmethod
    def decode(cls, data: bytes) -> Greeting:
        """What was sent."""
        return cls(*_GREETING.unpack(data))


class MessageError(Exception):
    """The bytes are no message."""


def encode(message: dict[str, Any]) -> bytes:
    """One message, for `messages` or `decode`."""
    packed: bytes = msgpack.packb(message, default=_extended)
    return packed


def decode(data: bytes) -> Any:  # noqa: ANN401 - what was encoded
    """What `encode` was given."""
    return msgpack.unpackb(data, use_list=False, ext_hook=_restored, strict_map_key=False)


def _extended(value: object) -> msgpack.ExtType:
    if is_dataclass(value) and _CLASSES.get(type(value).__name__) is type(value):
        state = (type(value).__name__, *(getattr(value, one.name) for one in fields(value)))
        return msgpack.ExtType(_DATACLASS, msgpack.packb(state, default=_extended))
    if isinstance(value, (set, frozenset)):
        return msgpack.ExtType(_SET, msgpack.packb(sorted(value, key=str)))
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _restored(code: int, data: bytes) -> object:
    content = decode(data)
    if code == _SET:
        return frozenset(content)
    if code != _DATACLASS:
        raise ValueError(f"{code} is no kind of value")
    name, *state = content
    return _CLASSES[name](*state)


def messages(connection: socket) -> Iterator[dict[str, Any]]:
    """The messages as they come, until the other end is closed or reset. Raises MessageError for what is none."""
    unpacker = msgpack.Unpacker(use_list=False, ext_hook=_restored, strict_map_key=False, max_buffer_size=_ANY_SIZE)
    while True:
        try:
            data = connection.recv(_READ_BYTES)
        except OSError:
            return
        if not data:
            return
        unpacker.feed(data)
        try:
            for message in unpacker:
                yield _checked(message)
        except (ValueError, TypeError, KeyError, RecursionError, msgpack.UnpackException) as failure:
            raise MessageError(str(failure)) from failure


def _checked(message: object) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise TypeError(f"{type(message).__name__} is no message")
    return message
