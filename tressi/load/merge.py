"""Several engines' snapshots as one: counts are summed, histograms added, ratios left to their readers.

How a quantity adds up over engines is said in `tressi.vocabulary`.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Window
from tressi.model.delta import added, counted, reasons_of
from tressi.vocabulary import LATENCIES, QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUMMED: Final = tuple(one.name for one in QUANTITIES if one.engines == "sum")
_LARGEST: Final = tuple(one.name for one in QUANTITIES if one.engines == "largest" and one.name != "scheduled_s")
_TIMES: Final = tuple(one.name for one in LATENCIES)


def merge(snapshots: Sequence[EngineSnapshot]) -> EngineSnapshot:
    """Add the snapshots of engines that run the same endpoints."""
    if len(snapshots) == 1:
        return snapshots[0]
    # One that is lost will never be through, and nobody waits for it.
    there = [snapshot for snapshot in snapshots if not _is_lost(snapshot)] or snapshots
    return EngineSnapshot(
        time_s=max(snapshot.time_s for snapshot in snapshots),
        endpoints={key: _merged(key, snapshots, there) for key in snapshots[0].endpoints},
        flows={key: _merged(key, snapshots, there) for key in snapshots[0].flows},
        generator=_generator([snapshot.generator for snapshot in snapshots]),
        samples=tuple(sample for snapshot in snapshots for sample in snapshot.samples),
        over_s=_over_s([snapshot.over_s for snapshot in there]),
    )


def _merged(key: str, snapshots: Sequence[EngineSnapshot], there: Sequence[EngineSnapshot]) -> EndpointSnapshot:
    """One endpoint or flow of all engines; `there` are those that are not lost."""
    return replace(_endpoint([one.of(key) for one in snapshots]), over=_over([one.of(key).over for one in there]))


def _is_lost(snapshot: EngineSnapshot) -> bool:
    """Whether none of the engines that it was read from is left."""
    return bool(snapshot.generator.lost) and set(snapshot.generator.busy_s) <= {None}


def _over(kinds: Sequence[int]) -> int:
    """Why an endpoint is over, once it is on all engines."""
    return 0 if 0 in kinds else max(kinds)


def _over_s(times: Sequence[float | None]) -> float | None:
    """All engines are over with the last of them."""
    found = [time_s for time_s in times if time_s is not None]
    return max(found) if len(found) == len(times) else None


def _endpoint(parts: Sequence[EndpointSnapshot]) -> EndpointSnapshot:
    targets = [part.target_rps for part in parts if part.target_rps is not None]
    values: dict[str, Any] = {name: sum(getattr(part, name) for part in parts) for name in _SUMMED}
    values |= {name: max(getattr(part, name) for part in parts) for name in _LARGEST}
    values |= {name: added(getattr(part, name) for part in parts) for name in _TIMES}
    return EndpointSnapshot(
        endpoint_key=parts[0].endpoint_key,
        status_codes=counted(part.status_codes for part in parts),
        errors=counted(part.errors for part in parts),
        target_rps=sum(targets) if targets else None,
        scheduled_s=_scheduled_s(parts),
        window=merge_windows([part.window for part in parts]),
        reasons=reasons_of(parts),
        **values,
    )


def _scheduled_s(parts: Sequence[EndpointSnapshot]) -> float:
    """Up to when the sum of the schedules holds. Engines say so every 100 ms, each by itself, so the rates weigh them."""
    rates = [part.target_rps or 0.0 for part in parts]
    if not sum(rates):
        return max(part.scheduled_s for part in parts)
    return sum(rate * part.scheduled_s for rate, part in zip(rates, parts, strict=True)) / sum(rates)


def merge_windows(windows: Sequence[Window]) -> Window:
    """Add windows brought to one span: an engine with a small share of the rate looks back further."""
    span_s = max(window.span_s for window in windows)
    if span_s <= 0:
        return Window()
    sums = {"span_s": span_s, "full": all(window.full for window in windows)}
    for field in fields(Window):
        if field.name not in {"span_s", "full"}:
            total = sum(getattr(window, field.name) * _stretch(window, span_s, field.name) for window in windows)
            sums[field.name] = total if field.type == "float" else round(total)
    return Window(**sums)  # type: ignore[arg-type] # the fields are those of the class


def _stretch(window: Window, span_s: float, name: str) -> float:
    """What is of this moment, not summed over the span, stays as it is."""
    if name in {"older", "older_s", "peak_lanes"} or window.span_s <= 0:
        return 1.0
    return span_s / window.span_s


def _generator(parts: Sequence[GeneratorSnapshot]) -> GeneratorSnapshot:
    return GeneratorSnapshot(
        cpu_s=sum(part.cpu_s for part in parts),
        run_queue_s=sum(part.run_queue_s for part in parts),
        own_delay=added(part.own_delay for part in parts),
        late_sends=added(part.late_sends for part in parts),
        shared_arrival=added(part.shared_arrival for part in parts),
        kernel_timed=sum(part.kernel_timed for part in parts),
        user_timed=sum(part.user_timed for part in parts),
        disturbed=sum(part.disturbed for part in parts),
        busy_s=tuple(busy for part in parts for busy in part.busy_s),
        lost=tuple(reason for part in parts for reason in part.lost),
    )
