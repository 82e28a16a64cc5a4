"""One second of a run, as views and streams show it: pure functions of a reading and of what changed since the last.

The row of the summary's timeline, the dashboard and the stream of snapshots are the same numbers under the same names.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from tressi.model import EndpointMoment, SecondFigures
from tressi.model.delta import added

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tressi._core import Histogram
    from tressi.model import (
        Change,
        Delta,
        EndpointCounts,
        EndpointSnapshot,
        Moment,
        ResolvedEndpoint,
        ScalingDecision,
        ThresholdVerdict,
    )


_FIGURES: Final = tuple(field.name for field in fields(SecondFigures))
_values_of: Final = attrgetter(*_FIGURES)


def figures_of(delta: EndpointCounts, span_s: float) -> SecondFigures:
    """The figures of one endpoint over the `span_s` seconds of its delta."""
    made = delta.succeeded + delta.failed
    return SecondFigures(
        target_rps=_mean_target_rps(delta),
        current_rps=_rate(delta, span_s),
        worker_count=delta.worker_count,
        utilisation=_share(delta.occupied_lane_s, delta.lane_s),
        error_rate=_share(delta.failed, made),
        missed_now=delta.missed,
        **_latencies(delta.service, delta.response, delta.success),
    )


def total_of(delta: Delta, shared: Collection[str]) -> SecondFigures:
    """The figures of all endpoints together; the workers of the shared pool, which `shared` names the endpoints of, once."""
    parts = delta.endpoints
    targets = [rps for rps in map(_mean_target_rps, parts) if rps is not None]
    own = [part for part in parts if part.endpoint_key not in shared]
    pooled = [part for part in parts if part.endpoint_key in shared]
    lane_s = sum(part.lane_s for part in own) + max((part.lane_s for part in pooled), default=0.0)
    return SecondFigures(
        target_rps=sum(targets) if len(targets) == len(parts) else None,
        current_rps=sum(_rate(part, delta.span_s) for part in parts),
        worker_count=sum(part.worker_count for part in own) + max((part.worker_count for part in pooled), default=0),
        utilisation=_share(sum(part.occupied_lane_s for part in parts), lane_s),
        error_rate=_share(sum(part.failed for part in parts), sum(part.succeeded + part.failed for part in parts)),
        missed_now=sum(part.missed for part in parts),
        **_latencies(*(added(getattr(part, time) for part in parts) for time in ("service", "response", "success"))),
    )


def endpoint_moment(
    endpoint: ResolvedEndpoint, snapshot: EndpointSnapshot, delta: EndpointCounts, span_s: float
) -> EndpointMoment:
    """What is published of one endpoint."""
    autoscale = endpoint.autoscale
    return EndpointMoment(
        **_fields(figures_of(delta, span_s)),
        endpoint_key=endpoint.endpoint_key,
        min_workers=autoscale.min_workers if autoscale else None,
        max_workers=autoscale.max_workers if autoscale else None,
        missed=snapshot.missed,
        requests_made=snapshot.requests_made,
        errors=snapshot.errors,
        asked_rps=snapshot.target_rps,
        in_flight=snapshot.in_flight,
        oldest_s=snapshot.oldest_s,
    )


def total_moment(endpoints: Sequence[EndpointMoment], delta: Delta) -> EndpointMoment:
    """All endpoints together: sums, and latencies of their merged histograms."""
    asked = [one.asked_rps for one in endpoints if one.asked_rps is not None]
    errors = Counter[str]()
    for one in endpoints:
        errors.update(one.errors)
    return EndpointMoment(
        **_fields(total_of(delta, {one.endpoint_key for one in endpoints if one.max_workers is None})),
        endpoint_key="",
        min_workers=None,
        max_workers=None,
        missed=sum(one.missed for one in endpoints),
        requests_made=sum(one.requests_made for one in endpoints),
        errors=dict(errors),
        asked_rps=sum(asked) if len(asked) == len(endpoints) else None,
        in_flight=sum(one.in_flight for one in endpoints),
        oldest_s=max((one.oldest_s for one in endpoints), default=0.0),
    )


def _fields(figures: SecondFigures) -> dict[str, Any]:
    return dict(zip(_FIGURES, _values_of(figures), strict=True))


def row_of_delta(delta: Delta, shared: Collection[str], *, saturated: bool, warm_up: bool) -> dict[str, Any]:
    """A row of the summary's timeline made anew from a delta, as of several seconds that were merged."""
    row = {
        "t": round(delta.t, 3),
        "global": _figures(total_of(delta, shared)),
        "endpoints": {one.endpoint_key: _figures(figures_of(one, delta.span_s)) for one in delta.endpoints},
        "saturated": saturated,
    }
    return {**row, "warmUp": True} if warm_up else row


def row_of(moment: Moment) -> dict[str, Any]:
    """One row of the summary's timeline."""
    row = {
        "t": round(moment.t, 3),
        "global": _figures(moment.total),
        "endpoints": {one.endpoint_key: _figures(one) for one in moment.endpoints},
        "saturated": bool(moment.saturated_by),
    }
    if moment.warm_up:
        row["warmUp"] = True
    if moment.changes:
        row["changes"] = [change_row(change) for change in moment.changes]
    return row


def change_row(change: Change) -> dict[str, Any]:
    """A change as the summary tells it."""
    return {
        "t": round(change.t, 3),
        "action": change.action,
        "endpointKey": change.endpoint_key,
        "targetRps": change.target_rps,
    }


def decision_row(decision: ScalingDecision) -> dict[str, Any]:
    """A scaling decision as the summary tells it."""
    return {
        "endpointKey": decision.endpoint_key,
        "action": decision.action,
        "workers": decision.workers,
        "workerCount": decision.worker_count,
        "reason": decision.reason,
        "timestamp": decision.timestamp,
    }


def verdict_row(verdict: ThresholdVerdict) -> dict[str, Any]:
    """A threshold as it stands, as the summary tells it."""
    return {
        "threshold": verdict.text,
        "endpointKey": verdict.endpoint_key,
        "passed": verdict.passed,
        "value": verdict.value,
        "limit": verdict.limit,
        "detail": verdict.detail,
        "failedAt": None if verdict.failed_at is None else round(verdict.failed_at, 3),
        "aborts": verdict.aborts,
    }


def _figures(one: SecondFigures) -> dict[str, Any]:
    return {
        "targetRps": one.target_rps,
        "currentRps": one.current_rps,
        "workerCount": one.worker_count,
        "utilisation": one.utilisation,
        "errorRate": one.error_rate,
        "p50": one.p50_ms,
        "p99": one.p99_ms,
        "serviceP50": one.service_p50_ms,
        "serviceP99": one.service_p99_ms,
        "successP50": one.success_p50_ms,
        "successP99": one.success_p99_ms,
        "missed": one.missed_now,
    }


def _mean_target_rps(delta: EndpointCounts) -> float | None:
    """The mean of the curve; a time too short for a boundary of 100 ms has only the rate at its end."""
    if delta.target_rps is None or delta.scheduled_s <= 0:
        return delta.target_rps
    return delta.scheduled / delta.scheduled_s


def _rate(delta: EndpointCounts, span_s: float) -> float:
    return delta.requests_made / span_s if span_s > 0 else 0.0


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


def _latencies(service: Histogram, response: Histogram, success: Histogram) -> dict[str, Any]:
    p50_ms, p99_ms = _percentiles_ms(response)
    service_p50_ms, service_p99_ms = _percentiles_ms(service)
    # Mostly every response is a success, and the histogram is one and the same.
    success_p50_ms, success_p99_ms = (service_p50_ms, service_p99_ms) if success is service else _percentiles_ms(success)
    return {
        "p50_ms": p50_ms,
        "p99_ms": p99_ms,
        "service_p50_ms": service_p50_ms,
        "service_p99_ms": service_p99_ms,
        "success_p50_ms": success_p50_ms,
        "success_p99_ms": success_p99_ms,
        "response_count": response.count,
        "service_count": service.count,
        "success_count": success.count,
    }


def _percentiles_ms(histogram: Histogram) -> tuple[float | None, float | None]:
    if not histogram.count:
        return None, None
    # A percentile is the highest value that its counter stands for, which may lie beyond the exact maximum.
    (p50_us, p99_us), most_us = histogram.percentiles((50, 99)), histogram.max_us
    return min(p50_us, most_us) / 1e3, min(p99_us, most_us) / 1e3
