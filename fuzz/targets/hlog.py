"""HdrHistogram logs: of any bytes it can be said whether they are a run's log, and any text is a histogram or a ValueError."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import TYPE_CHECKING

from summaries import histogram, summary_of

from fuzz.target import Target
from tressi.hdr import decode_counts, decode_histogram, encode_histogram
from tressi.report.latency_hlog import belongs, render

if TYPE_CHECKING:
    from collections.abc import Hashable

_SUMMARY = summary_of()
_LOG = render(_SUMMARY)
_TEXT = encode_histogram(histogram(1, 2, 2, 5_000, 3_600_000_000)).encode()
_WORDS = (b"Tag=|,|\n|#|=|\r|\xff|service:|%20|HISTFAAA").split(b"|")
_WORDS += [_TEXT]
_HEAD_BYTES = 8


def check(data: bytes) -> Hashable:
    """Read it as a log, as a histogram, and as what lies packed in a histogram."""
    is_whole = belongs(data.splitlines(keepends=True), _SUMMARY)
    assert is_whole is (data == _LOG) or is_whole
    packed = zlib.compress(data)
    inner = b64encode(b"\x1c\x84\x93\x14" + len(packed).to_bytes(4, "big") + packed).decode()
    kinds: list[Hashable] = [is_whole]
    for text in (data.decode("latin-1").strip(), inner):
        try:
            counts = decode_counts(text)
        except ValueError as error:
            kinds.append(str(error)[:40])
            continue
        assert all(count > 0 for _, count in counts)
        total = sum(count for _, count in counts)
        kinds.append(len(counts))
        try:
            made = decode_histogram(text)
        except ValueError as error:  # a sum of values that does not fit in tressi's counters
            assert total > 1 << 20, error
            kinds.append("too much")
            continue
        assert made.count == total
        assert decode_counts(encode_histogram(made)) == counts
    return tuple(kinds)


def _unpacked(text: bytes) -> bytes:
    return zlib.decompress(b64decode(text)[_HEAD_BYTES:])


with suppress(zlib.error):
    _WORDS.append(_unpacked(_TEXT)[:16])
TARGET = Target("hlog", check, [_LOG, _TEXT, _unpacked(_TEXT)], _WORDS)
