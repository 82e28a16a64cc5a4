"""What happened in a run, as the summary's documents have it: a second, a change, a scaling decision, a threshold.

The row of the summary's timeline, the dashboard and the stream of snapshots are the same numbers under the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.vocabulary import status_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import (
        Change,
        Delta,
        EndpointCounts,
        FlowMoment,
        Moment,
        NodeRecord,
        ResolvedConfig,
        ScalingDecision,
        SecondFigures,
        ThresholdVerdict,
    )
    from tressi.stats.seconds import DeltaFigures


def row_of_delta(delta: Delta, figures: DeltaFigures, *, saturated: bool, warm_up: bool) -> dict[str, Any]:
    """A row of the summary's timeline made of a delta: of a second, or of several that were merged."""
    row = {
        "t": round(delta.t, 3),
        "global": _figures(figures.total),
        "endpoints": {one.endpoint_key: _figures(its) for one, its in zip(delta.endpoints, figures.endpoints, strict=True)},
        **_flows({one.endpoint_key: _flow_of_delta(one, its) for one, its in zip(delta.flows, figures.flows, strict=True)}),
        "saturated": saturated,
    }
    return {**row, "warmUp": True} if warm_up else row


def row_of(moment: Moment) -> dict[str, Any]:
    """One row of the summary's timeline."""
    row = {
        "t": round(moment.t, 3),
        "global": _figures(moment.total),
        "endpoints": {one.endpoint_key: _figures(one) for one in moment.endpoints},
        **_flows({one.endpoint_key: _flow_of_moment(one) for one in moment.flows}),
        "saturated": bool(moment.saturated_by),
    }
    if moment.warm_up:
        row["warmUp"] = True
    if moment.changes:
        row["changes"] = [change_row(change) for change in moment.changes]
    return row


def node_row(node: NodeRecord) -> dict[str, Any]:
    """One machine of a run over several."""
    return {
        "name": node.name,
        "address": node.address,
        "engines": node.engines,
        "requestsMade": node.requests_made,
        "share": node.share,
        "clockOffsetMs": node.clock_offset_ms,
        "clockBoundMs": node.clock_bound_ms,
        "wallAheadMs": node.wall_ahead_ms,
        "nice": node.nice,
        "lostAt": node.lost_at,
        "lost": node.lost,
        "uncountedAtMost": node.uncounted_at_most,
    }


def flow_as_endpoint(row: Mapping[str, Any]) -> dict[str, Any]:
    """A flow's figures of a second under the names of an endpoint's: its rates are starts, its times durations."""
    ended = row["completed"] + row["abandoned"]
    return {
        "targetRps": row["targetStartsPerSecond"],
        "currentRps": row["startsPerSecond"],
        **{name: row[name] for name in ("workerCount", "utilisation", "p50", "p99", "missed")},
        # A summary of an older version has none of these.
        **{name: row.get(name) for name in ("p95", "max")},
        "bands": row.get("bands", []),
        "statusCodes": {},
        "failures": {"abandoned": row["abandoned"]} if row["abandoned"] else {},
        "errorRate": row["abandoned"] / ended if ended else 0.0,
        "serviceP50": row["walkP50"],
        "serviceP99": row["walkP99"],
        "successP50": None,  # a duration is that of a completed start anyway
        "successP99": None,
    }


def identity_row(config: ResolvedConfig) -> dict[str, Any]:
    """What the run is called and found by; nothing of a config that says neither."""
    named = {} if config.name is None else {"name": config.name}
    return {**named, **({"labels": dict(config.labels)} if config.labels else {})}


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
        "p95": one.p95_ms,
        "p99": one.p99_ms,
        "max": one.max_ms,
        "serviceP50": one.service_p50_ms,
        "serviceP99": one.service_p99_ms,
        "successP50": one.success_p50_ms,
        "successP99": one.success_p99_ms,
        "missed": one.missed_now,
        "statusCodes": {status_name(code): count for code, count in one.status_codes.items()},
        "failures": one.failures,
        "bands": one.bands,
    }


def _flows(flows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The flows of a second; a run without any has no word of them."""
    return {"flows": flows} if flows else {}


def _flow_of_delta(delta: EndpointCounts, figures: SecondFigures) -> dict[str, Any]:
    return _flow_figures(figures, delta.succeeded, delta.failed, delta.in_flight)


def _flow_of_moment(one: FlowMoment) -> dict[str, Any]:
    return _flow_figures(one, one.completed_now, one.abandoned_now, one.in_flight)


def _flow_figures(one: SecondFigures, completed: int, abandoned: int, under_way: int) -> dict[str, Any]:
    return {
        "targetStartsPerSecond": one.target_rps,
        "startsPerSecond": one.current_rps,
        "completed": completed,
        "abandoned": abandoned,
        "missed": one.missed_now,
        "underWay": under_way,
        "workerCount": one.worker_count,
        "utilisation": one.utilisation,
        "p50": one.p50_ms,
        "p95": one.p95_ms,
        "p99": one.p99_ms,
        "max": one.max_ms,
        "walkP50": one.service_p50_ms,
        "walkP99": one.service_p99_ms,
        "bands": one.bands,
    }
