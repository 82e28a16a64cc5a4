"""The summary: everything a run has to say, as one JSON document. A pure function of what was measured.

Counts are ints and rates unrounded, so that the global figures are the sums of the endpoints', to the bit. Latencies are
milliseconds; without any value they are null, because a latency of 0 would be a claim.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tressi._core import Histogram
from tressi.hdr import encode_histogram
from tressi.log import mask_url
from tressi.run.moments import change_row, decision_row, verdict_row
from tressi.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.model import (
        Change,
        EndpointSnapshot,
        EndReason,
        EngineSnapshot,
        GeneratorSnapshot,
        ResolvedConfig,
        ResolvedEndpoint,
        Sample,
        ScalingDecision,
        ThresholdVerdict,
    )

SCHEMA_VERSION: Final = 1

_PERCENTILES: Final[Mapping[str, float]] = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
_SUMMED: Final[Mapping[str, str]] = {
    "requestsSucceeded": "succeeded",
    "requestsFailed": "failed",
    "requestsMissed": "missed",
    "bytesSent": "bytes_sent",
    "bytesReceived": "bytes_received",
    "connectionsOpened": "connections_opened",
    "retries": "retries",
}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All that a summary is made of.

    `ended` is the reading at the moment the drain began: rates, workers and CPU are of it. `final` is the one after the
    drain: counts and latencies are of it. `started_at` is ISO 8601; `duration_s` ends where the drain begins.
    `saturated_by` are the self-check's sentences over the whole run, `rows` the timeline's.
    """

    config: ResolvedConfig
    started_at: str
    duration_s: float
    end_reason: EndReason
    end_detail: str | None
    ended: EngineSnapshot
    final: EngineSnapshot
    decisions: Sequence[ScalingDecision] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    saturated_by: Sequence[str] = ()
    changes: Sequence[Change] = ()
    verdicts: Sequence[ThresholdVerdict] = ()


def summarise(record: RunRecord) -> dict[str, Any]:
    """Write the summary of a run, in the order and with the names that its readers rely on."""
    endpoints = [_endpoint(record, endpoint) for endpoint in record.config.endpoints]
    return {
        "schemaVersion": SCHEMA_VERSION,
        "tressiVersion": __version__,
        "startedAt": record.started_at,
        "durationSec": record.duration_s,
        "endReason": record.end_reason,
        "endDetail": record.end_detail,
        "thresholds": [verdict_row(verdict) for verdict in record.verdicts],
        "generator": _generator(record),
        "global": _global(record, endpoints),
        "endpoints": endpoints,
        "scaling": [decision_row(decision) for decision in record.decisions],
        "changes": [change_row(change) for change in record.changes],
        "timeline": list(record.rows),
        "samples": [_sample(sample) for sample in record.final.samples],
        "config": dict(record.config.document),
    }


# -------------------------------------------------------------------------------------------------------------- metrics


def _endpoint(record: RunRecord, endpoint: ResolvedEndpoint) -> dict[str, Any]:
    key, autoscale = endpoint.endpoint_key, endpoint.autoscale
    ended, final = record.ended.endpoints[key], record.final.endpoints[key]
    return {
        "endpointKey": key,
        "name": endpoint.name,
        "method": endpoint.method,
        "url": endpoint.masked_url,
        "autoscale": autoscale is not None,
        "weight": autoscale.weight if autoscale else None,
        "priority": autoscale.priority if autoscale else None,
        "minWorkers": autoscale.min_workers if autoscale else None,
        "maxWorkers": autoscale.max_workers if autoscale else None,
        "workerCount": ended.worker_count,
        "peakWorkerCount": max(ended.peak_worker_count, final.peak_worker_count),
        **_metrics(
            [final],
            target_rps=_mean_target_rps(ended, min(record.ended.time_s, record.config.duration_s)),
            rps=final.requests_made / record.duration_s if record.duration_s > 0 else 0.0,
        ),
        "errorReasons": [{"kind": one.kind, "reason": mask_url(one.text), "count": one.count} for one in final.reasons],
    }


def _global(record: RunRecord, endpoints: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    targets = [endpoint["targetRps"] for endpoint in endpoints]
    return _metrics(
        [record.final.endpoints[endpoint.endpoint_key] for endpoint in record.config.endpoints],
        target_rps=None if None in targets else sum(targets),
        rps=sum(endpoint["rps"] for endpoint in endpoints),
    )


def _mean_target_rps(ended: EndpointSnapshot, time_s: float) -> float | None:
    """The mean of the target curve over the run: what was asked for, ramp and changes included; None where unlimited."""
    if ended.target_rps is None or time_s <= 0:
        return ended.target_rps
    return ended.scheduled / time_s


def _metrics(parts: Sequence[EndpointSnapshot], *, target_rps: float | None, rps: float) -> dict[str, Any]:
    """The metrics of one endpoint, or of several together: counts summed and histograms merged."""
    sums = {name: sum(getattr(part, field) for part in parts) for name, field in _SUMMED.items()}
    made = sums["requestsSucceeded"] + sums["requestsFailed"]
    service, response = _merged(part.service for part in parts), _merged(part.response for part in parts)
    return {
        "requestsMade": made,
        **{name: sums[name] for name in ("requestsSucceeded", "requestsFailed", "requestsMissed")},
        "targetRps": target_rps,
        "rps": rps,
        "errorRate": sums["requestsFailed"] / made if made else 0.0,
        **{name: sums[name] for name in ("bytesSent", "bytesReceived", "connectionsOpened", "retries")},
        "statusCodes": {str(code): count for code, count in sorted(_added(part.status_codes for part in parts).items())},
        "errors": _added(part.errors for part in parts),
        "serviceTimeMs": _latency_ms(service),
        "responseTimeMs": _latency_ms(response),
        "connectTimeMs": _latency_ms(_merged(part.connect for part in parts)),
        "tlsTimeMs": _latency_ms(_merged(part.tls for part in parts)),
        "histograms": {"serviceTime": encode_histogram(service), "responseTime": encode_histogram(response)},
    }


def _added(counts: Iterable[Mapping[Any, int]]) -> dict[Any, int]:
    total: Counter[Any] = Counter()
    for one in counts:
        total.update(one)
    return {name: count for name, count in total.items() if count}


def _merged(histograms: Iterable[Histogram | None]) -> Histogram:
    merged = Histogram()
    for histogram in histograms:
        if histogram is not None:
            merged.merge(histogram)
    return merged


def _latency_ms(histogram: Histogram) -> dict[str, float | None]:
    if histogram.count == 0:
        return dict.fromkeys(("min", "mean", "stdev", *_PERCENTILES, "max"))
    return {
        "min": histogram.min_us / 1e3,
        "mean": histogram.mean_us / 1e3,
        "stdev": histogram.stdev_us / 1e3,
        **_percentiles_ms(histogram, _PERCENTILES),
        "max": histogram.max_us / 1e3,
    }


def _percentiles_ms(histogram: Histogram, wanted: Mapping[str, float]) -> dict[str, float | None]:
    # A percentile is the highest value that its counter stands for, which may lie beyond the exact maximum.
    found = histogram.percentiles(wanted.values())
    return {name: min(value, histogram.max_us) / 1e3 for name, value in zip(wanted, found, strict=True)}


# ------------------------------------------------------------------------------------------------------------ the rest


def _generator(record: RunRecord) -> dict[str, Any]:
    ended, final = record.ended, record.final.generator
    return {
        "saturated": bool(record.saturated_by),
        "reasons": list(record.saturated_by),
        "cpuPercent": 100 * ended.generator.cpu_s / ended.time_s if ended.time_s > 0 else 0.0,
        "clock": _clock(final),
        "userTimed": final.user_timed,
        "disturbed": final.disturbed,
        "ownDelayMs": _delay_ms(final.own_delay),
        "lateSendsMs": _delay_ms(final.late_sends),
        "processes": max(1, len(final.busy_s)),
    }


def _clock(generator: GeneratorSnapshot) -> str:
    if generator.user_timed == 0:
        return "kernel"
    return "mixed" if generator.kernel_timed else "user"


def _delay_ms(histogram: Histogram) -> dict[str, float | None]:
    if histogram.count == 0:
        return dict.fromkeys(("p50", "p99", "max"))
    return {**_percentiles_ms(histogram, {"p50": 50.0, "p99": 99.0}), "max": histogram.max_us / 1e3}


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "endpointKey": sample.endpoint_key,
        "status": sample.status,
        "body": sample.body.decode("utf-8", errors="replace"),
        "truncated": sample.truncated,
    }
