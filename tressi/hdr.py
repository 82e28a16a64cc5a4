"""Histograms in HdrHistogram's own interchange format, which its tools in every language read.

The format is HdrHistogram's "V2 compressed": a header, then the counters as ZigZag LEB128 numbers in which a negative one
stands for so many counters of 0, deflated, in base64 (HdrHistogram's `EncodableHistogram` and `ZigZagEncoding`). Its Python
library needs 1 to 2 ms for one, which a run of 120 endpoints does not have every second; here it is as long as its content.
Values are microseconds.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from binascii import a2b_base64
from typing import TYPE_CHECKING, Final

from tressi._core import HIGHEST_US, Histogram
from tressi._histogram import Packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COOKIE: Final = 0x1C849303 | 0x10  # V2, words of variable length
_COMPRESSED_COOKIE: Final = 0x1C849304 | 0x10
_SIGNIFICANT_DIGITS: Final = 3
_HALF_BITS: Final = 10  # of 2,048 counters, the fewest that tell three digits apart, half are new in each doubling
_DOUBLINGS: Final = HIGHEST_US.bit_length() - _HALF_BITS - 1
_LAST_INDEX: Final = (_DOUBLINGS << _HALF_BITS) + (HIGHEST_US >> _DOUBLINGS)
# cookie, length of the payload, normalising offset, significant digits, lowest and highest value, conversion ratio
_HEAD: Final = struct.Struct(">iiiiqqd")
_COMPRESSED_HEAD: Final = struct.Struct(">ii")
# Every counter with the longest number that there is.
_MOST_BYTES: Final = _HEAD.size + 9 * (_LAST_INDEX + 1)
_WINDOW_BITS: Final = 12  # 4 KiB: a second's histogram is some hundred bytes
_MEMORY_LEVEL: Final = 5
_LAST_BYTE: Final = 8  # the ninth holds eight bits, not seven


def encode_histogram(histogram: Histogram) -> str:
    """The histogram as base64 text, as HdrHistogram's `encode` of any language makes it."""
    return encode_payload(histogram.zigzag())


def encode_payload(payload: bytes) -> str:
    """The same of a histogram whose counters are written already."""
    head = _HEAD.pack(_COOKIE, len(payload), 0, _SIGNIFICANT_DIGITS, 1, HIGHEST_US, 1.0)
    # Each compressor is new, and one of the usual size clears a quarter of a megabyte first, which takes ten times as long.
    compressor = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    compressed = compressor.compress(head + payload) + compressor.flush()
    return b64encode(_COMPRESSED_HEAD.pack(_COMPRESSED_COOKIE, len(compressed)) + compressed).decode()


def decode_histogram(text: str) -> Histogram:
    """Read what `encode_histogram` wrote: every counter, so every percentile; minimum, mean and maximum to their width.

    Raises ValueError for anything else, histograms of other bounds or digits included.
    """
    return Histogram.from_zigzag(_payload(text))


def packed_histogram(text: str) -> Packed:
    """What `decode_histogram` reads, unpacked no further than to be read: for a log's thousands. Raises ValueError likewise."""
    return Packed(_payload(text))


def together(parts: Iterable[Packed]) -> Histogram:
    """All of them as one histogram; minimum, mean and maximum to the width of the counters."""
    whole = Histogram()
    for one in parts:
        whole.add_zigzag(one.payload)
    return whole


def lowest_us_at(index: int) -> int:
    """The lowest value in microseconds that a counter stands for: 2,048 of 1 µs, then 1,024 for each doubling."""
    doublings = max(0, (index >> _HALF_BITS) - 1)
    return (index - (doublings << _HALF_BITS)) << doublings


def decode_counts(text: str) -> list[tuple[int, int]]:
    """The counters of an encoded histogram that are not 0, as `Histogram.counts` gives them. Raises ValueError likewise.

    It is Python alone, and what `Histogram.from_zigzag` is tested against.
    """
    counts = list(_counts(_payload(text)))
    # Counters come in their order, and none is negative: that would be a gap.
    if counts and counts[-1][0] > _LAST_INDEX:
        raise ValueError("a histogram with counters beyond its bounds")
    return counts


def _payload(text: str) -> bytes:
    """The counters of an encoded histogram as they are written, unpacked."""
    try:
        raw = a2b_base64(text, strict_mode=True)
        cookie, length = _COMPRESSED_HEAD.unpack_from(raw)
        body = _inflated(raw[_COMPRESSED_HEAD.size : _COMPRESSED_HEAD.size + length])
        head = _HEAD.unpack_from(body)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"no encoded histogram: {error}") from None
    if cookie != _COMPRESSED_COOKIE or head[:1] + head[2:] != (_COOKIE, 0, _SIGNIFICANT_DIGITS, 1, HIGHEST_US, 1.0):
        raise ValueError("a histogram of another layout")
    return body[_HEAD.size : _HEAD.size + head[1]]


def _inflated(compressed: bytes) -> bytes:
    """What was deflated, as much of it as a histogram may have: a few bytes can be made to stand for gigabytes."""
    inflate = zlib.decompressobj()
    body = inflate.decompress(compressed, _MOST_BYTES + 1)
    if len(body) > _MOST_BYTES:
        raise ValueError("a histogram longer than any is")
    if not inflate.eof:
        raise ValueError("no encoded histogram: it is incomplete")
    return body


def _counts(payload: bytes) -> Iterator[tuple[int, int]]:
    index = position = 0
    while position < len(payload):
        byte = payload[position]
        if byte < 0x80:  # noqa: PLR2004 - one byte, as nearly all are: a log has millions of them
            count, position = (byte >> 1) ^ -(byte & 1), position + 1
        else:
            count, position = _take(payload, position)
        if count < 0:
            index -= count
            continue
        if count:
            yield index, count
        index += 1


def _take(payload: bytes, position: int) -> tuple[int, int]:
    """The number at `position`, and the position after it."""
    rest = 0
    for place in range(_LAST_BYTE + 1):
        if position >= len(payload):
            raise ValueError("a histogram that breaks off")
        byte = payload[position]
        position += 1
        if place == _LAST_BYTE or byte < 0x80:  # noqa: PLR2004 - the top bit says that more follows
            rest |= byte << (7 * place)
            break
        rest |= (byte & 0x7F) << (7 * place)
    return (rest >> 1) ^ -(rest & 1), position
