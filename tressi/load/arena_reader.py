"""An arena read into values: by the process that writes it, or by another that maps the same memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from tressi._core import Histogram
from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Reason, Sample, Window
from tressi.vocabulary import ERROR_KINDS, LATENCIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi._core import Arena
    from tressi.model import Level

_NOTHING: Final = Histogram()
_NO_TIMES: Final[dict[str, Any]] = {one.name: _NOTHING for one in LATENCIES}
_NO_GENERATOR: Final = GeneratorSnapshot()


def read_arena(
    arena: Arena, keys: Sequence[str], only: int | None = None, level: Level = "all", flows: int = 0
) -> EngineSnapshot:
    """Read the endpoint of the number `only`, or all; `keys` are in the arena's order. Never waits for the writer.

    The last `flows` of the keys are those of flows.
    """
    numbers = range(len(keys)) if only is None else (only,)
    now_ns = time.monotonic_ns()
    time_s = (now_ns - arena.start_ns) / 1e9 if arena.start_ns else 0.0
    if level == "counters":
        counted = {
            keys[number]: EndpointSnapshot(**_counts(arena, number, keys[number], now_ns), **_NO_TIMES) for number in numbers
        }
        endpoints, of_flows = _apart(counted, keys, flows)
        return EngineSnapshot(time_s, endpoints, _NO_GENERATOR, over_s=_over_s(arena), flows=of_flows)
    endpoints, of_flows = _apart(
        {keys[number]: _endpoint(arena, number, keys[number], now_ns) for number in numbers}, keys, flows
    )
    return EngineSnapshot(
        time_s=time_s,
        over_s=_over_s(arena),
        endpoints=endpoints,
        flows=of_flows,
        generator=_generator(arena),
        samples=tuple(Sample(keys[number], *sample) for number in numbers for sample in arena.samples(number)),
    )


def _apart(
    read: dict[str, EndpointSnapshot], keys: Sequence[str], flows: int
) -> tuple[dict[str, EndpointSnapshot], dict[str, EndpointSnapshot]]:
    """The endpoints, and the flows."""
    if not flows:
        return read, {}
    last = frozenset(keys[len(keys) - flows :])
    return {key: one for key, one in read.items() if key not in last}, {key: one for key, one in read.items() if key in last}


def _over_s(arena: Arena) -> float | None:
    return (arena.over_ns - arena.start_ns) / 1e9 if arena.over_ns else None


def _generator(arena: Arena) -> GeneratorSnapshot:
    counted: dict[str, Any] = arena.generator()
    return GeneratorSnapshot(**counted, busy_s=(counted["cpu_s"] + counted["run_queue_s"],))


def _endpoint(arena: Arena, number: int, key: str, now_ns: int) -> EndpointSnapshot:
    values = _counts(arena, number, key, now_ns)
    values.update(arena.times(number))
    reasons = arena.reasons(number)
    if reasons:
        values["reasons"] = tuple(Reason(ERROR_KINDS[kind], text, count) for kind, text, count in reasons)
    return EndpointSnapshot(**values)


def _counts(arena: Arena, number: int, key: str, now_ns: int) -> dict[str, Any]:
    """What was counted of an endpoint, by the names of its snapshot. Each second reads thousands: few objects are made."""
    counters: dict[str, Any] = arena.counters(number, now_ns)
    errors = counters["errors"]
    counters["errors"] = {kind: count for kind, count in zip(ERROR_KINDS, errors, strict=True) if count} if any(errors) else {}
    counters["window"] = Window(*counters["window"])
    counters["endpoint_key"] = key
    return counters
