"""What a second of a run looks like to whoever watches: pure functions of a reading and of what changed since the last.

The row of the summary's timeline, the dashboard and the stream of snapshots are the same numbers under the same names.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tressi._core import Histogram
from tressi.model import EndpointMoment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import (
        Change,
        EndpointSnapshot,
        EngineSnapshot,
        Moment,
        ResolvedEndpoint,
        ScalingDecision,
        ThresholdVerdict,
    )
    from tressi.run.spool import Delta, EndpointDelta


def endpoint_moment(endpoint: ResolvedEndpoint, snapshot: EndpointSnapshot, delta: EndpointDelta | None) -> EndpointMoment:
    """What is published of one endpoint; `delta` is None where nothing happened since the last moment."""
    window, autoscale = snapshot.window, endpoint.autoscale
    p50_ms, p99_ms = _latencies_ms(delta.service if delta is not None else Histogram())
    return EndpointMoment(
        endpoint_key=endpoint.endpoint_key,
        target_rps=snapshot.target_rps,
        current_rps=window.current_rps,
        worker_count=snapshot.worker_count,
        min_workers=autoscale.min_workers if autoscale else None,
        max_workers=autoscale.max_workers if autoscale else None,
        utilisation=window.utilisation,
        error_rate=window.error_rate,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        missed_now=delta.missed if delta is not None else 0,
        missed=snapshot.missed,
        requests_made=snapshot.requests_made,
        errors=snapshot.errors,
    )


def total_moment(endpoints: Sequence[EndpointMoment], snapshot: EngineSnapshot, delta: Delta) -> EndpointMoment:
    """All endpoints together: rates and counts summed, latencies of their merged histograms, the shared pool counted once."""
    targets = [one.target_rps for one in endpoints if one.target_rps is not None]
    rps = sum(one.current_rps for one in endpoints)
    failing_rps = sum(one.error_rate * one.current_rps for one in endpoints)
    service, errors = Histogram(), Counter[str]()
    for part in delta.endpoints:
        service.merge(part.service)
    for one in endpoints:
        errors.update(one.errors)
    p50_ms, p99_ms = _latencies_ms(service)
    return EndpointMoment(
        endpoint_key="",
        target_rps=sum(targets) if len(targets) == len(endpoints) else None,
        current_rps=rps,
        worker_count=_workers(endpoints),
        min_workers=None,
        max_workers=None,
        utilisation=_utilisation(endpoints, snapshot),
        error_rate=failing_rps / rps if rps else 0.0,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        missed_now=sum(part.missed for part in delta.endpoints),
        missed=sum(one.missed for one in endpoints),
        requests_made=sum(one.requests_made for one in endpoints),
        errors=dict(errors),
    )


def row_of(moment: Moment) -> dict[str, Any]:
    """One row of the summary's timeline."""
    row = {
        "t": round(moment.t, 3),
        "global": _figures(moment.total),
        "endpoints": {one.endpoint_key: _figures(one) for one in moment.endpoints},
        "saturated": bool(moment.saturated_by),
    }
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


def _figures(one: EndpointMoment) -> dict[str, Any]:
    return {
        "targetRps": one.target_rps,
        "currentRps": one.current_rps,
        "workerCount": one.worker_count,
        "utilisation": one.utilisation,
        "errorRate": one.error_rate,
        "p50": one.p50_ms,
        "p99": one.p99_ms,
        "missed": one.missed_now,
    }


def _latencies_ms(service: Histogram) -> tuple[float | None, float | None]:
    if not service.count:
        return None, None
    p50_us, p99_us = service.percentiles((50, 99))
    return p50_us / 1e3, p99_us / 1e3


def _workers(endpoints: Sequence[EndpointMoment]) -> int:
    shared = max((one.worker_count for one in endpoints if one.max_workers is None), default=0)
    return shared + sum(one.worker_count for one in endpoints if one.max_workers is not None)


def _utilisation(endpoints: Sequence[EndpointMoment], snapshot: EngineSnapshot) -> float:
    """Of all lane-seconds. Each endpoint of the shared pool has the whole pool's lanes in its window, which count once."""
    own = [snapshot.endpoints[one.endpoint_key].window for one in endpoints if one.max_workers is not None]
    shared = [snapshot.endpoints[one.endpoint_key].window for one in endpoints if one.max_workers is None]
    # Windows differ in length, so seconds are first made lanes.
    lanes = sum(_lanes(window.lane_s, window.span_s) for window in own)
    lanes += max((_lanes(window.lane_s, window.span_s) for window in shared), default=0.0)
    occupied = sum(_lanes(window.occupied_lane_s, window.span_s) for window in (*own, *shared))
    return min(1.0, occupied / lanes) if lanes else 0.0


def _lanes(lane_s: float, span_s: float) -> float:
    return lane_s / span_s if span_s > 0 else 0.0
