"""An arena read into values: by the process that writes it, or by another that maps the same memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Reason, Sample, Window
from tressi.vocabulary import ERROR_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi._core import Arena


def read_arena(arena: Arena, keys: Sequence[str], only: str | None = None) -> EngineSnapshot:
    """Read the endpoint with the key `only`, or all; `keys` are in the arena's order. Never waits for the writer."""
    numbers = range(len(keys)) if only is None else (keys.index(only),)
    now_ns = time.monotonic_ns()
    return EngineSnapshot(
        time_s=(now_ns - arena.start_ns) / 1e9 if arena.start_ns else 0.0,
        endpoints={keys[number]: _endpoint(arena, number, keys[number], now_ns) for number in numbers},
        generator=_generator(arena),
        samples=tuple(Sample(keys[number], *sample) for number in numbers for sample in arena.samples(number)),
    )


def _generator(arena: Arena) -> GeneratorSnapshot:
    counted: dict[str, Any] = arena.generator()
    return GeneratorSnapshot(**counted, busy_s=(counted["cpu_s"] + counted["run_queue_s"],))


def _endpoint(arena: Arena, number: int, key: str, now_ns: int) -> EndpointSnapshot:
    counters: dict[str, Any] = arena.counters(number, now_ns)
    errors = zip(ERROR_KINDS, counters.pop("errors"), strict=True)
    counters |= arena.times(number)
    return EndpointSnapshot(
        endpoint_key=key,
        window=Window(*counters.pop("window")),
        errors={kind: count for kind, count in errors if count},
        reasons=tuple(Reason(ERROR_KINDS[kind], text, count) for kind, text, count in arena.reasons(number)),
        **counters,
    )
