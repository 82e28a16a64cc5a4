"""What happened between two readings of an engine: the one value that a second, a row and an export are made of.

Deltas are sums and histograms, so they add up: those of a run make its last reading, to the count, and several seconds
together are the delta of their sums. Percentiles are taken from a merged histogram, and never averaged.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from tressi._core import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tressi.model import EndpointSnapshot, EngineSnapshot

_HEAD: Final = struct.Struct("<dd")  # t, span
# Number, four counts, workers, five real numbers (no rate is negative: None is -1), bytes of each of the three histograms.
_ENDPOINT: Final = struct.Struct("<IqqqqqdddddIII")
_SAME: Final = 0xFFFFFFFF  # in place of a size: the successes are all responses, whose histogram stands there already


@dataclass(frozen=True, slots=True)
class EndpointDelta:
    """What one endpoint did between two readings: sums over that time, and latencies in microseconds.

    `scheduled` is the integral of the target rate over the last `scheduled_s` seconds before the later reading's 100 ms
    boundary, `asked_rps` the rate at the later reading (None: no rate limits the endpoint). `lane_s` and `occupied_lane_s`
    are lane-seconds; `worker_count` is the later reading's.
    """

    endpoint_key: str
    succeeded: int = 0
    failed: int = 0
    missed: int = 0
    cut: int = 0
    worker_count: int = 0
    asked_rps: float | None = None
    scheduled: float = 0.0
    scheduled_s: float = 0.0
    lane_s: float = 0.0
    occupied_lane_s: float = 0.0
    service: Histogram = field(default_factory=Histogram)
    response: Histogram = field(default_factory=Histogram)
    success: Histogram = field(default_factory=Histogram)


@dataclass(frozen=True, slots=True)
class Delta:
    """What a run did in the `span_s` seconds before `t` (seconds since its start), each endpoint of the config in order."""

    t: float
    span_s: float
    endpoints: tuple[EndpointDelta, ...]


def delta_between(earlier: EngineSnapshot, later: EngineSnapshot, t: float, span_s: float) -> Delta:
    """Subtract two readings. The sum of all deltas of a run is its last reading, to the count."""
    deltas = (_endpoint_between(earlier.endpoints[key], after) for key, after in later.endpoints.items())
    return Delta(t, span_s, tuple(deltas))


def _endpoint_between(before: EndpointSnapshot, after: EndpointSnapshot) -> EndpointDelta:
    service = after.service.since(before.service)
    # As long as every response is a success, a second difference would be the same.
    all_succeeded = after.success.count == after.service.count and before.success.count == before.service.count
    return EndpointDelta(
        endpoint_key=after.endpoint_key,
        succeeded=after.succeeded - before.succeeded,
        failed=after.failed - before.failed,
        missed=after.missed - before.missed,
        cut=after.cut - before.cut,
        worker_count=after.worker_count,
        asked_rps=after.target_rps,
        scheduled=after.scheduled - before.scheduled,
        scheduled_s=after.scheduled_s - before.scheduled_s,
        lane_s=after.lane_s - before.lane_s,
        occupied_lane_s=after.occupied_lane_s - before.occupied_lane_s,
        service=service,
        response=after.response.since(before.response),
        success=service if all_succeeded else after.success.since(before.success),
    )


def merged(deltas: Sequence[Delta]) -> Delta:
    """Several deltas in a row as one. They are of one run, so they have the same endpoints."""
    series = zip(*(delta.endpoints for delta in deltas), strict=True)
    return Delta(deltas[-1].t, sum(delta.span_s for delta in deltas), tuple(_merged_endpoint(parts) for parts in series))


def _merged_endpoint(parts: Sequence[EndpointDelta]) -> EndpointDelta:
    summed = ("succeeded", "failed", "missed", "cut", "scheduled", "scheduled_s", "lane_s", "occupied_lane_s")
    times = ("service", "response", "success")
    values: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in summed}
    values |= {name: added(getattr(part, name) for part in parts) for name in times}
    return replace(parts[-1], **values)


def added(histograms: Iterable[Histogram]) -> Histogram:
    """The histograms as one."""
    total = Histogram()
    for histogram in histograms:
        total.merge(histogram)
    return total


# -------------------------------------------------------------------------------------------------------- as bytes


def encode_delta(delta: Delta, keys: Sequence[str]) -> bytes:
    """Write a delta compactly; `keys` are all endpoint keys of the run, and an endpoint is its position among them."""
    numbers = {key: number for number, key in enumerate(keys)}
    parts = [_HEAD.pack(delta.t, delta.span_s)]
    for one in delta.endpoints:
        times = [one.service.encode(), one.response.encode()]
        is_same = one.success.count == one.service.count
        times += [b"" if is_same else one.success.encode()]
        sizes = [len(times[0]), len(times[1]), _SAME if is_same else len(times[2])]
        asked_rps = -1.0 if one.asked_rps is None else one.asked_rps
        counts = (one.succeeded, one.failed, one.missed, one.cut, one.worker_count)
        real = (asked_rps, one.scheduled, one.scheduled_s, one.lane_s, one.occupied_lane_s)
        parts += [_ENDPOINT.pack(numbers[one.endpoint_key], *counts, *real, *sizes), *times]
    return b"".join(parts)


def decode_delta(record: bytes, keys: Sequence[str]) -> Delta:
    """Read what `encode_delta` wrote with the same `keys`."""
    t, span_s = _HEAD.unpack_from(record)
    deltas, position = [], _HEAD.size
    while position < len(record):
        number, *rest = _ENDPOINT.unpack_from(record, position)
        position += _ENDPOINT.size
        times: list[Histogram] = []
        for size in rest[-3:]:
            times.append(times[0] if size == _SAME else Histogram.decode(record[position : position + size]))
            position += 0 if size == _SAME else size
        values: list[Any] = [*rest[:5], None if rest[5] < 0 else rest[5], *rest[6:10], *times]
        deltas.append(EndpointDelta(keys[number], *values))
    return Delta(t, span_s, tuple(deltas))
