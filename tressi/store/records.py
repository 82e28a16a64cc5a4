"""The records of a journal, read one by one: bytes in, values out.

A journal may end in the middle of a record, because its process was killed or its disk was full, and may have been damaged
since. Reading ends at the first record that is not whole; `Damage` says where, and why.
"""

from __future__ import annotations

import zlib
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import msgpack

from tressi.run.journal import FIRST_LINE, FRAME

if TYPE_CHECKING:
    from collections.abc import Iterator

# Beyond what a second of ten thousand endpoints has. A damaged length must not ask for all memory.
MOST_BYTES: Final = 1 << 28
_PARTS: Final = {"head": 3, "second": 5, "rest": 2, "end": 3}  # of each kind of record


class Damage(NamedTuple):
    """Where a journal can be read no further, and why in words."""

    at_byte: int
    reason: str


class Record(NamedTuple):
    """One record: what it is, its values, and where it begins."""

    kind: str
    values: list[Any]
    at_byte: int


def is_journal(file: IO[bytes]) -> bool:
    """Whether a file begins as a journal does; read up to its records."""
    return file.read(len(FIRST_LINE)) == FIRST_LINE


def records_of(file: IO[bytes]) -> Iterator[Record | Damage]:
    """The records of a file that `is_journal` has looked at; the last is a `Damage` where not all can be read."""
    position = len(FIRST_LINE)
    while head := file.read(FRAME.size):
        if len(head) < FRAME.size:
            yield Damage(position, "its last record is cut short")
            return
        length, checksum = FRAME.unpack(head)
        body = file.read(length) if length <= MOST_BYTES else b""
        problem = _problem(length, checksum, body)
        if problem is not None:
            yield Damage(position, problem)
            return
        record = _understood(body, position)
        yield record
        if isinstance(record, Damage):
            return
        position += FRAME.size + length


def _problem(length: int, checksum: int, body: bytes) -> str | None:
    if length > MOST_BYTES:
        return f"a record claims to have {length:,} bytes"
    if len(body) < length:
        return "its last record is cut short"
    return None if zlib.crc32(body) == checksum else "the checksum of a record does not fit its bytes"


def _understood(body: bytes, position: int) -> Record | Damage:
    try:
        kind, *values = msgpack.unpackb(_inflated(body), strict_map_key=False)
        if len(values) == _PARTS[kind]:
            return Record(kind, values, position)
        error: Exception = ValueError(f"{kind} with {len(values)} values")
    except (ValueError, KeyError, TypeError, zlib.error, RecursionError) as failure:
        error = failure
    return Damage(position, f"a record is none that this version writes ({error})")


def _inflated(body: bytes) -> bytes:
    inflate = zlib.decompressobj()
    data = inflate.decompress(body, MOST_BYTES)
    if not inflate.eof:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes, or is not whole")
    return data
