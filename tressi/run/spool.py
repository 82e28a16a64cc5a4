"""What a run has measured and no longer needs at hand: records appended to a temporary file without a name.

A run of hours must not grow in memory, so each second's row and histogram deltas go here. The file has no name from the
start: it vanishes with its last user, whatever ends the process.
"""

from __future__ import annotations

import struct
import tempfile
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tressi._core import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tressi.model import EngineSnapshot

_LENGTH: Final = struct.Struct("<Q")
_HEAD: Final = struct.Struct("<dd")  # t, span
_ENDPOINT: Final = struct.Struct("<IqqqII")  # number, succeeded, failed, missed, bytes of either histogram


class Spool:
    """A sequence of byte strings that lives on disk: appended one by one, read from the first as often as wanted."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="tressi-", buffering=0)  # noqa: SIM115 - lives as long as the spool
        self._bytes = 0
        self.close = weakref.finalize(self, self._file.close)

    def append(self, record: bytes) -> None:
        """Add one record. Raises OSError where the disk is full, and leaves the records before it readable."""
        self._file.seek(self._bytes)
        framed = _LENGTH.pack(len(record)) + record
        written = 0
        while written < len(framed):
            written += self._file.write(framed[written:]) or 0
        self._bytes += len(framed)

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        while position < self._bytes:
            self._file.seek(position)
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            record = self._file.read(length)
            position += _LENGTH.size + length
            yield record


@dataclass(frozen=True, slots=True)
class EndpointDelta:
    """What one endpoint did between two readings: attempts by outcome, starts missed, and latencies in microseconds."""

    endpoint_key: str
    succeeded: int
    failed: int
    missed: int
    service: Histogram
    response: Histogram


@dataclass(frozen=True, slots=True)
class Delta:
    """What a run did in the `span_s` seconds before `t` (seconds since its start); quiet endpoints are left out."""

    t: float
    span_s: float
    endpoints: tuple[EndpointDelta, ...]


def delta_between(earlier: EngineSnapshot, later: EngineSnapshot, t: float, span_s: float) -> Delta:
    """Subtract two readings. The sum of all deltas of a run is its last reading, to the count."""
    deltas = []
    for key, after in later.endpoints.items():
        before = earlier.endpoints[key]
        delta = EndpointDelta(
            endpoint_key=key,
            succeeded=after.succeeded - before.succeeded,
            failed=after.failed - before.failed,
            missed=after.missed - before.missed,
            service=after.service.since(before.service),
            response=after.response.since(before.response),
        )
        if delta.succeeded or delta.failed or delta.missed or delta.service.count or delta.response.count:
            deltas.append(delta)
    return Delta(t, span_s, tuple(deltas))


def encode_delta(delta: Delta, keys: Sequence[str]) -> bytes:
    """Write a delta compactly; `keys` are all endpoint keys of the run, and an endpoint is its position among them."""
    numbers = {key: number for number, key in enumerate(keys)}
    parts = [_HEAD.pack(delta.t, delta.span_s)]
    for one in delta.endpoints:
        service, response = one.service.encode(), one.response.encode()
        counts = (one.succeeded, one.failed, one.missed, len(service), len(response))
        parts += [_ENDPOINT.pack(numbers[one.endpoint_key], *counts), service, response]
    return b"".join(parts)


def decode_delta(record: bytes, keys: Sequence[str]) -> Delta:
    """Read what `encode_delta` wrote with the same `keys`."""
    t, span_s = _HEAD.unpack_from(record)
    deltas, position = [], _HEAD.size
    while position < len(record):
        number, succeeded, failed, missed, service_bytes, response_bytes = _ENDPOINT.unpack_from(record, position)
        middle = position + _ENDPOINT.size + service_bytes
        service = Histogram.decode(record[position + _ENDPOINT.size : middle])
        response = Histogram.decode(record[middle : middle + response_bytes])
        deltas.append(EndpointDelta(keys[number], succeeded, failed, missed, service, response))
        position = middle + response_bytes
    return Delta(t, span_s, tuple(deltas))
