"""What happened between two readings of an engine: the one value that seconds, rows, journals and exports are made of.

Deltas add up: those of a run, merged, are its last reading to the count, and several seconds together are the delta of their
sums. Percentiles are taken from a merged histogram and never averaged. How each quantity adds up is said in
`tressi.vocabulary`.

Example: an endpoint had 40 successes and 3 workers at 1 s, and 90 successes and 5 workers at 2 s. The delta of that second
has 50 successes and 5 workers. Merged with the first second's (40 successes, 3 workers) it is the reading at 2 s again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import field, fields
from itertools import zip_longest
from operator import attrgetter, itemgetter, sub
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tressi._core import Histogram
from tressi.frozen import dataclass
from tressi.model.measurements import EndpointCounts, EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Reason
from tressi.vocabulary import LATENCIES, QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.model.measurements import Sample

Name = TypeVar("Name", int, str)

_SUMS: Final = tuple(one.name for one in QUANTITIES if one.time == "sum")
_NEWEST: Final = ("target_rps", "over", *(one.name for one in QUANTITIES if one.time == "newest"))
_LARGEST: Final = tuple(one.name for one in QUANTITIES if one.time == "largest")
_TIMES: Final = tuple(one.name for one in LATENCIES)
_GENERATOR_SUMS: Final = ("cpu_s", "run_queue_s", "kernel_timed", "user_timed", "disturbed")
_GENERATOR_TIMES: Final = ("own_delay", "late_sends", "shared_arrival")
_NOTHING: Final = Histogram()
# There are thousands of endpoints in some runs, and each second subtracts all of them.
_AS_LATER: Final = (*_NEWEST, *_LARGEST)
_sums_of: Final = attrgetter(*_SUMS)
_as_later_of: Final = attrgetter(*_AS_LATER)
_times_of: Final = attrgetter(*_TIMES)
# Of what an endpoint counted, computed in this order, the fields in theirs.
_COMPUTED: Final = ("endpoint_key", "status_codes", "errors", "reasons", *_SUMS, *_AS_LATER, *_TIMES)
_in_order: Final = itemgetter(*(_COMPUTED.index(one.name) for one in fields(EndpointCounts)))


@dataclass(frozen=True, slots=True)
class Delta:
    """What a run did in the `span_s` seconds before `t` (seconds since its start), each endpoint and each flow in order.

    `number` counts the deltas of a run from 1 on, so that a missing one is noticed. `engine_s` is how much of the engine's own
    time passed. `samples` are those that are new.
    """

    t: float
    span_s: float
    endpoints: tuple[EndpointCounts, ...]
    generator: GeneratorSnapshot = field(default_factory=GeneratorSnapshot)
    samples: tuple[Sample, ...] = ()
    engine_s: float = 0.0
    number: int = 0
    flows: tuple[EndpointCounts, ...] = ()


def delta_between(earlier: EngineSnapshot, later: EngineSnapshot, t: float, span_s: float, number: int = 0) -> Delta:
    """Subtract two readings. The sum of all deltas of a run is its last reading, to the count."""
    return Delta(
        t,
        span_s,
        tuple(_endpoint_between(earlier.endpoints[key], after) for key, after in later.endpoints.items()),
        _generator_between(earlier.generator, later.generator),
        _new_samples(earlier.samples, later.samples),
        later.time_s - earlier.time_s,
        number,
        tuple(_endpoint_between(earlier.flows[key], after) for key, after in later.flows.items()),
    )


def merged(deltas: Sequence[Delta]) -> Delta:
    """Several deltas in a row as one. They are of one run, so they have the same endpoints."""
    last = deltas[-1]
    series = zip(*(delta.endpoints for delta in deltas), strict=True)
    return Delta(
        last.t,
        sum(delta.span_s for delta in deltas),
        tuple(_endpoint_of(parts) for parts in series),
        _generator_of([delta.generator for delta in deltas]),
        tuple(sample for delta in deltas for sample in delta.samples),
        sum(delta.engine_s for delta in deltas),
        last.number,
        tuple(_endpoint_of(parts) for parts in zip(*(delta.flows for delta in deltas), strict=True)),
    )


def reading_of(since_start: Delta) -> EngineSnapshot:
    """The reading that all deltas of a run, merged, amount to. The autoscaler's sliding windows are not in it."""
    endpoints = {one.endpoint_key: EndpointSnapshot(**_values(one)) for one in since_start.endpoints}
    flows = {one.endpoint_key: EndpointSnapshot(**_values(one)) for one in since_start.flows}
    return EngineSnapshot(since_start.engine_s, endpoints, since_start.generator, since_start.samples, flows=flows)


def _values(counts: EndpointCounts) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in EndpointCounts.__dataclass_fields__}


def added(histograms: Iterable[Histogram]) -> Histogram:
    """The histograms as one; where only one of them has values it is that one, so the result must not be changed."""
    parts = [histogram for histogram in histograms if histogram.count]
    if len(parts) <= 1:
        return parts[0] if parts else _NOTHING
    total = Histogram()
    for histogram in parts:
        total.merge(histogram)
    return total


def counted(counts: Iterable[Mapping[Name, int]]) -> dict[Name, int]:
    """Counts by name, added up; what was never counted has no name."""
    total: Counter[Name] = Counter()
    for one in counts:
        total.update(one)
    return {name: count for name, count in total.items() if count}


def reasons_of(parts: Iterable[EndpointCounts]) -> tuple[Reason, ...]:
    """Why attempts failed, added up."""
    total = Counter[tuple[str, str]]()
    for part in parts:
        total.update({(reason.kind, reason.text): reason.count for reason in part.reasons})
    return tuple(Reason(kind, text, count) for (kind, text), count in total.items() if count)


def _new_samples(earlier: tuple[Sample, ...], later: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Those that have come. In most seconds none has, and to compare them all takes less time than to hash them."""
    if earlier == later:
        return ()
    known = set(earlier)
    return tuple(sample for sample in later if sample not in known)


# ------------------------------------------------------------------------------------------------------------ endpoints


def _endpoint_between(before: EndpointCounts, after: EndpointCounts) -> EndpointCounts:
    return EndpointCounts(
        *_in_order(
            (
                after.endpoint_key,
                _fewer(after.status_codes, before.status_codes),
                _fewer(after.errors, before.errors),
                _reasons_between(before.reasons, after.reasons),
                *map(sub, _sums_of(after), _sums_of(before)),
                *_as_later_of(after),
                *_times_between(before, after),
            )
        )
    )


def _times_between(before: EndpointCounts, after: EndpointCounts) -> list[Histogram]:
    """The latencies of the time between. Where two of them hold the same values they are one histogram, subtracted once.

    As long as every response is a success, successes and responses are the same, and each second has thousands of endpoints.
    """
    found: dict[tuple[int, int], Histogram] = {}
    times = []
    for name, now, then in zip(_TIMES, _times_of(after), _times_of(before), strict=True):
        count, earlier = now.count, then.count
        if count == earlier:
            times.append(_NOTHING)
            continue
        of_all = name == "success" and count == after.service.count and earlier == before.service.count
        key = (id(after.service), id(before.service)) if of_all else (id(now), id(then))
        if key not in found:
            found[key] = now.since(then)
        times.append(found[key])
    return times


def _endpoint_of(parts: Sequence[EndpointCounts]) -> EndpointCounts:
    last = parts[-1]
    values: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in _SUMS}
    values |= {name: getattr(last, name) for name in _NEWEST}
    values |= {name: max(getattr(part, name) for part in parts) for name in _LARGEST}
    values |= {name: added(getattr(part, name) for part in parts) for name in _TIMES}
    return EndpointCounts(
        endpoint_key=last.endpoint_key,
        status_codes=counted(part.status_codes for part in parts),
        errors=counted(part.errors for part in parts),
        reasons=reasons_of(parts),
        **values,
    )


def _fewer(after: Mapping[Name, int], before: Mapping[Name, int]) -> dict[Name, int]:
    if not after:
        return {}
    return {name: more for name, count in after.items() if (more := count - before.get(name, 0))}


def _reasons_between(before: tuple[Reason, ...], after: tuple[Reason, ...]) -> tuple[Reason, ...]:
    if before == after:
        return ()
    known = {(reason.kind, reason.text): reason.count for reason in before}
    more = ((reason, reason.count - known.get((reason.kind, reason.text), 0)) for reason in after)
    return tuple(Reason(reason.kind, reason.text, count) for reason, count in more if count)


# ------------------------------------------------------------------------------------------------------------ generator


def _generator_between(before: GeneratorSnapshot, after: GeneratorSnapshot) -> GeneratorSnapshot:
    values: dict[str, Any] = {name: getattr(after, name) - getattr(before, name) for name in _GENERATOR_SUMS}
    values |= {name: getattr(after, name).since(getattr(before, name)) for name in _GENERATOR_TIMES}
    # An engine that is lost has None from then on, one that is new nothing before.
    earlier = (*before.busy_s, *[0.0] * (len(after.busy_s) - len(before.busy_s)))
    busy_s = tuple(
        None if now is None or then is None else now - then for then, now in zip(earlier, after.busy_s, strict=False)
    )
    return GeneratorSnapshot(busy_s=busy_s, lost=after.lost, **values)


def _generator_of(parts: Sequence[GeneratorSnapshot]) -> GeneratorSnapshot:
    values: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in _GENERATOR_SUMS}
    values |= {name: added(getattr(part, name) for part in parts) for name in _GENERATOR_TIMES}
    engines = zip_longest(*(part.busy_s for part in parts), fillvalue=0.0)
    busy_s = tuple(None if None in spans else sum(span for span in spans if span is not None) for spans in engines)
    return GeneratorSnapshot(busy_s=busy_s, lost=parts[-1].lost, **values)
