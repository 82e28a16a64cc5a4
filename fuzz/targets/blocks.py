"""Header blocks of HTTP/2: what hpack reads is read alike, with the same table behind it.

The input is several blocks of one connection, each behind its size in two bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpack import Decoder, Encoder

from fuzz.target import Target
from tressi._h2 import FieldDecoder

if TYPE_CHECKING:
    from collections.abc import Hashable

_MOST_BLOCKS = 20
_WORDS = [
    b"\x20",
    b"\x3f\xe1\x1f",
    b"\x80",
    b"\x88",
    b"\xbe",
    b"\x40",
    b"\x7e",
    b"\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x00\x01\x82",
]
_WORDS += [b"\x7f\x80\x80\x80\x80\x01", b"\x00\x03", b"\x10\x01a\x01b", b"\x40\x01a\x01b", b"\x82\x1c\x64", b"\x00\x01\x82"]


def blocks_in(data: bytes) -> list[bytes]:
    """The blocks of an input; the last may be cut."""
    found = []
    while data and len(found) < _MOST_BLOCKS:
        size = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found


def check(data: bytes) -> Hashable:
    """Raise AssertionError where another reader finds other fields, or keeps another table."""
    ours, theirs, kinds = FieldDecoder(), Decoder(max_header_list_size=1 << 24), []
    for block in blocks_in(data):
        found = ours.decode(block)
        try:
            fields = theirs.decode(block, raw=True)
        except Exception as failure:  # noqa: BLE001 - whatever hpack raises
            # It is not consistent in what it refuses, and its table is unknown behind it.
            kinds.append((type(failure).__name__, found is None))
            break
        assert found == [tuple(field) for field in fields], "hpack reads other fields"
        assert ours.table == list(theirs.header_table.dynamic_entries), "hpack keeps another table"
        kinds.append((len(found), ours.size > 0))
    return tuple(kinds)


def _seed(*lists: list[tuple[bytes, bytes]], coded: bool) -> bytes:
    encoder = Encoder()
    blocks = [encoder.encode(fields, huffman=coded) for fields in lists]
    return b"".join(len(block).to_bytes(2, "big") + block for block in blocks)


_FIELDS = [(b":status", b"200"), (b"server", b"x"), (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"), (b"x-own", b"y" * 40)]
TARGET = Target("blocks", check, [_seed(_FIELDS, _FIELDS[:2], _FIELDS, coded=coded) for coded in (False, True)], _WORDS)
