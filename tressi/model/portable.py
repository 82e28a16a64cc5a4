"""A delta as bytes that any machine reads: MessagePack, whose numbers are as long as they need be, and encoded histograms.

An endpoint is its position among the run's keys. Two latencies that are one histogram (the successes, as long as every
response is one) are written once; the second is the position of the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgpack

from tressi._core import Histogram
from tressi.model.delta import Delta
from tressi.model.measurements import EndpointCounts, GeneratorSnapshot, Reason, Sample
from tressi.vocabulary import COUNTS, LATENCIES, REALS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_COUNTS: Final = tuple(one.name for one in COUNTS)
_REALS: Final = tuple(one.name for one in REALS)
_TIMES: Final = tuple(one.name for one in LATENCIES)


def encode_delta(delta: Delta, keys: Sequence[str]) -> bytes:
    """Write a delta; `keys` are all endpoint keys of the run, and the delta's endpoints are in their order.

    A run without flows has no list of them.
    """
    numbers = {key: number for number, key in enumerate(keys)}
    samples = [(numbers[one.endpoint_key], one.status, one.body, one.truncated) for one in delta.samples]
    head = (delta.number, delta.t, delta.span_s, delta.engine_s)
    written: bytes = msgpack.packb(
        (
            *(*head, [_endpoint_written(one) for one in delta.endpoints], _generator_written(delta.generator), samples),
            *([[_endpoint_written(one) for one in delta.flows]] if delta.flows else ()),
        )
    )
    return written


def decode_delta(record: bytes, keys: Sequence[str], flow_keys: Sequence[str] = ()) -> Delta:
    """Read what `encode_delta` wrote with the same `keys`, of a run with these flows. Raises ValueError for anything else."""
    try:
        number, t, span_s, engine_s, endpoints, generator, samples, *flows = msgpack.unpackb(record, strict_map_key=False)
        return Delta(
            _real(t),
            _real(span_s),
            tuple(_endpoint_read(key, one) for key, one in zip(keys, endpoints, strict=True)),
            _generator_read(generator),
            tuple(_sample_read(keys, one) for one in samples),
            _real(engine_s),
            _count(number),
            tuple(_endpoint_read(key, one) for key, one in zip(flow_keys, flows[0] if flow_keys else [], strict=True)),
        )
    except (TypeError, IndexError, AttributeError, KeyError, OverflowError) as error:
        raise ValueError(f"no delta of the run's {len(keys)} endpoints: {error}") from None


# ---------------------------------------------------------------------------------------------------------- the writing


def _endpoint_written(one: EndpointCounts) -> tuple[Any, ...]:
    return (
        [getattr(one, name) for name in _COUNTS],
        [float(getattr(one, name)) for name in _REALS],
        one.target_rps,
        one.over,
        dict(one.status_codes),
        dict(one.errors),
        [(reason.kind, reason.text, reason.count) for reason in one.reasons],
        list(_times_written([getattr(one, name) for name in _TIMES])),
    )


def _times_written(times: Sequence[Histogram]) -> Iterable[bytes | int]:
    written: dict[int, int] = {}
    for place, histogram in enumerate(times):
        first = written.setdefault(id(histogram), place)
        yield histogram.encode() if first == place or not histogram.count else first


def _generator_written(one: GeneratorSnapshot) -> tuple[Any, ...]:
    times = (one.own_delay.encode(), one.late_sends.encode(), one.shared_arrival.encode())
    counts = (one.kernel_timed, one.user_timed, one.disturbed)
    return (one.cpu_s, one.run_queue_s, *times, counts, list(one.busy_s), list(one.lost))


# ---------------------------------------------------------------------------------------------------------- the reading


def _endpoint_read(key: str, record: list[Any]) -> EndpointCounts:
    counts, reals, target_rps, over, status_codes, errors, reasons, times = record
    values: dict[str, Any] = {name: _count(count) for name, count in zip(_COUNTS, counts, strict=True)}
    values |= {name: _real(real) for name, real in zip(_REALS, reals, strict=True)}
    values |= dict(zip(_TIMES, _times_read(times), strict=True))
    return EndpointCounts(
        key,
        status_codes={_count(status): _count(count) for status, count in status_codes.items()},
        errors={_text(kind): _count(count) for kind, count in errors.items()},
        reasons=tuple(Reason(_text(kind), _text(text), _count(count)) for kind, text, count in reasons),
        target_rps=None if target_rps is None else _real(target_rps),
        over=_count(over),
        **values,
    )


def _times_read(times: list[object]) -> list[Histogram]:
    read: list[Histogram] = []
    for time in times:
        read.append(Histogram.decode(time) if isinstance(time, bytes) else read[_count(time)])
    return read


def _generator_read(record: list[Any]) -> GeneratorSnapshot:
    cpu_s, run_queue_s, own_delay, late_sends, shared_arrival, counts, busy_s, lost = record
    kernel_timed, user_timed, disturbed = map(_count, counts)
    return GeneratorSnapshot(
        _real(cpu_s),
        _real(run_queue_s),
        Histogram.decode(own_delay),
        Histogram.decode(late_sends),
        kernel_timed,
        user_timed,
        disturbed,
        tuple(None if one is None else _real(one) for one in busy_s),
        tuple(map(_text, lost)),
        Histogram.decode(shared_arrival),
    )


def _sample_read(keys: Sequence[str], record: list[Any]) -> Sample:
    number, status, body, truncated = record
    if not isinstance(body, bytes) or not isinstance(truncated, bool):
        raise TypeError("a sample without a body")
    return Sample(keys[_count(number)], _count(status), body, truncated)


def _count(value: object) -> int:
    """A count; the differences of a run's own readings are never negative."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise TypeError(f"{str(value)[:40]!r} is no count")
    return value


def _real(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) < float("inf"):
        raise TypeError(f"{str(value)[:40]!r} is no number")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value
