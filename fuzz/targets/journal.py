"""Journals: any file is a run's journal up to some second, or is refused in words; what is accepted adds up."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgpack
from summaries import endpoint_snapshot, engine_snapshot, resolved

from fuzz.target import Target
from tressi.errors import ConfigError
from tressi.report.shape import check_summary
from tressi.run.journal import FIRST_LINE, NAME, Journal, record_of
from tressi.run.timeline import Ending, Timeline
from tressi.store.records import Record, is_journal, records_of
from tressi.store.recover import recover

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

_KEYS = ("GET http://h/a", "GET http://h/b")


def check(data: bytes) -> Hashable:
    """Read it as a journal, and as the values of one, framed as they should be: no checksum keeps bad values out then."""
    return tuple(_tried(whole) for whole in (data, _framed(data)))


def _tried(data: bytes) -> Hashable:
    try:
        recovered = recover(BytesIO(data), NAME)
        summary = check_summary(recovered.summary, NAME)
    except ConfigError as error:
        return str(error)[:50]
    assert summary["global"]["requestsMade"] == sum(one["requestsMade"] for one in summary["endpoints"])
    assert sum(interval.length_s > 0 for interval in recovered.intervals()) >= 0
    return len(recovered.summary["timeline"]), recovered.is_whole, len(recovered.missing)


def _framed(data: bytes) -> bytes:
    """The MessagePack values in `data`, each as a record."""
    reader = msgpack.Unpacker(BytesIO(data), strict_map_key=False)
    return FIRST_LINE + b"".join(record_of(*value) for value in _values(reader))


def _values(reader: msgpack.Unpacker) -> Iterator[list[Any]]:
    try:
        for value in reader:
            if isinstance(value, list):
                yield value
    except (ValueError, msgpack.UnpackException, TypeError, RecursionError):
        return


def _whole() -> bytes:
    with TemporaryDirectory() as folder:
        journal, timeline = Journal(f"{folder}/{NAME}"), Timeline(config := resolved(*_KEYS))
        journal.begin(config, "2026-11-27T20:00:00.000+00:00")
        for t in (1, 2):
            parts = (endpoint_snapshot(key, succeeded=3 * t, failed=t) for key in _KEYS)
            journal.second(timeline.tick(float(t), engine_snapshot(*parts, time_s=float(t))), 0.0)
        journal.close(timeline.close(2.5, timeline.last), drained=True)
        journal.end(Ending("duration", None, 2.0, timeline.last))
        return Path(journal.path).read_bytes()


def _records() -> bytes:
    file = BytesIO(_WHOLE)
    is_journal(file)
    return b"".join(msgpack.packb([one.kind, *one.values]) for one in records_of(file) if isinstance(one, Record))


_WHOLE = _whole()
_WORDS = [b"second", b"rest", b"end", b"head", b"\xc0", b"\x90", b"\x80", b"\xca"]
TARGET = Target("journal", check, [_WHOLE, _records()], _WORDS)
