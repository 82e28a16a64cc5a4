"""The summary: everything a run has to say, as one JSON document. A pure function of what was measured.

Counts are ints and rates unrounded, so that the global figures are the sums of the endpoints', to the bit. Latencies are
milliseconds; without any value they are null, because a latency of 0 would be a claim.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final

from tressi.frozen import dataclass
from tressi.hdr import encode_histogram
from tressi.log import mask_url
from tressi.model.flow import sends_of
from tressi.run.judgement import judge_run
from tressi.run.sure import confidence_row
from tressi.run.targets import Targets
from tressi.stats.flow_tally import flow_tally
from tressi.stats.latency import latencies_ms, latency_ms, percentiles_ms, statistic_ms
from tressi.stats.selfcheck import late_remark
from tressi.stats.summary_rows import change_row, decision_row, identity_row, node_row, verdict_row
from tressi.stats.tally import Figures, tally
from tressi.version import __version__
from tressi.vocabulary import OVER, status_name, status_written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi._core import Histogram
    from tressi.model import (
        Change,
        EndpointSnapshot,
        EndReason,
        EngineSnapshot,
        GeneratorSnapshot,
        NodeRecord,
        ResolvedConfig,
        ResolvedEndpoint,
        Sample,
        ScalingDecision,
        ThresholdVerdict,
    )
    from tressi.model.flow import Flow
    from tressi.stats.flow_tally import FlowFigures
    from tressi.stats.sureness import Sureness

SCHEMA_VERSION: Final = 1
_OUTCOMES: Final = ("requestsSucceeded", "requestsFailed", "requestsMissed", "requestsCut")
_TRAFFIC: Final = ("bytesSent", "bytesReceived", "connectionsOpened", "retries", "redirects")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All that a summary is made of.

    `ended` is the reading at the moment the drain began: rates, workers and CPU are of it. `final` is the one after the
    drain: counts and latencies are of it. `started_at` is ISO 8601; `duration_s` ends where the drain begins.
    `warm_up_s` of it, at its beginning, are left out of every figure: then `ended` and `final` have what came after that.
    `saturated_by` are the self-check's sentences over the whole run, `rows` the timeline's, each of `row_s` seconds; `left_out`
    says what found no room. `sure` is how sure latencies are, by the key of the endpoint or flow, under None of all. `nodes`
    are the machines of a run over several.
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
    row_s: int = 1
    left_out: Sequence[str] = ()
    verdicts: Sequence[ThresholdVerdict] = ()
    warm_up_s: float = 0.0
    sure: Mapping[str | None, Sureness] = field(default_factory=dict)
    nodes: Sequence[NodeRecord] = ()

    @property
    def measured_s(self) -> float:
        """The time that rates are over."""
        return self.duration_s - self.warm_up_s

    @property
    def is_unmeasured(self) -> bool:
        """Whether the run ended within its warm-up."""
        return self.warm_up_s > 0 and self.measured_s <= 0


def summarise(record: RunRecord, figures: Mapping[str | None, Figures] | None = None) -> dict[str, Any]:
    """Write the summary of a run, in the order and with the names that its readers rely on.

    `figures` are those of `figures_of`, where they are known.
    """
    figures, asked = figures or figures_of(record), _asked_rps(record)
    summary: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "tressiVersion": __version__,
        **identity_row(record.config),
        "startedAt": record.started_at,
        "durationSec": record.duration_s,
        **({"warmUpSec": record.warm_up_s} if record.config.warm_up_s else {}),
        "endReason": record.end_reason,
        "endDetail": record.end_detail,
        "verdict": {},
        "thresholds": [verdict_row(verdict) for verdict in record.verdicts],
        "generator": _generator(record),
        **({"nodes": [node_row(node) for node in record.nodes]} if record.nodes else {}),
        "global": {
            "askedRps": _sum_of_all(asked[one.endpoint_key] for one in record.config.endpoints),
            **_metrics(figures[None]),
            **confidence_row(record.sure.get(None)),
        },
        "endpoints": [
            _endpoint(record, one, figures[one.endpoint_key], asked[one.endpoint_key]) for one in record.config.endpoints
        ],
        **({"flows": flows} if (flows := [_flow(record, one, asked[one.endpoint_key]) for one in record.config.flows]) else {}),
        "scaling": [decision_row(decision) for decision in record.decisions],
        "changes": [change_row(change) for change in record.changes],
        "timelineSeconds": record.row_s,
        "timeline": list(record.rows),
        "leftOut": list(record.left_out),
        "samples": [_sample(sample) for sample in record.final.samples],
        "config": dict(record.config.document),
    }
    judgement = judge_run(summary)
    summary["verdict"] |= {"word": judgement.word, "reasons": list(judgement.reasons)}
    return summary


# -------------------------------------------------------------------------------------------------------------- metrics


def figures_of(record: RunRecord) -> dict[str | None, Figures]:
    """The run's figures by the key of the endpoint or flow, and under None those of all endpoints together."""
    saturated, final = bool(record.saturated_by), record.final.endpoints
    figures: dict[str | None, Figures] = {}
    for endpoint in record.config.endpoints:
        own, key = tally([final[endpoint.endpoint_key]]), endpoint.endpoint_key
        rps = own.made / record.measured_s if record.measured_s > 0 else 0.0
        figures[key] = Figures(own, rps, _mean_target_rps(record, key), saturated)
    target_rps = _sum_of_all(one.target_rps for one in figures.values())
    whole = tally([final[endpoint.endpoint_key] for endpoint in record.config.endpoints])
    figures[None] = Figures(whole, sum(one.rps for one in figures.values()), target_rps, saturated)
    figures |= {flow.endpoint_key: _flow_figures(record, flow) for flow in record.config.flows}
    return figures


def _sum_of_all(rates: Iterable[float | None]) -> float | None:
    """All rates together; None where no rate limits one of them."""
    found = list(rates)
    limited = [rate for rate in found if rate is not None]
    return sum(limited) if len(limited) == len(found) else None


def _asked_rps(record: RunRecord) -> dict[str, float | None]:
    """The rate that was asked for, by endpoint and flow: the target after the ramp, or what somebody set it to last."""
    targets = Targets(record.config)
    for change in record.changes:
        if change.endpoint_key is not None:
            targets[change.endpoint_key] = change.target_rps
    keys = [one.endpoint_key for one in record.config.endpoints] + [flow.endpoint_key for flow in record.config.flows]
    return {key: targets.each(key) for key in keys}


def _endpoint(record: RunRecord, endpoint: ResolvedEndpoint, figures: Figures, asked_rps: float | None) -> dict[str, Any]:
    key, autoscale = endpoint.endpoint_key, endpoint.autoscale
    ended, final = record.ended.endpoints[key], record.final.endpoints[key]
    return {
        "endpointKey": key,
        "name": endpoint.name,
        **({} if endpoint.flow is None else {"flow": endpoint.flow, "abandoned": final.abandoned}),
        "method": endpoint.method,
        "url": endpoint.masked_url,
        "autoscale": autoscale is not None,
        "weight": autoscale.weight if autoscale else None,
        "priority": autoscale.priority if autoscale else None,
        "minWorkers": autoscale.min_workers if autoscale else None,
        "maxWorkers": autoscale.max_workers if autoscale else None,
        "workerCount": ended.worker_count,
        "peakWorkerCount": max(ended.peak_worker_count, final.peak_worker_count),
        "askedRps": asked_rps,
        **({} if (over := OVER[final.over]) is None else {"endedBy": over[0]}),
        **_metrics(figures),
        **confidence_row(record.sure.get(key)),
        "missedLate": final.missed_late,
        **_http2(endpoint, final),
        "errorReasons": [{"kind": one.kind, "reason": mask_url(one.text), "count": one.count} for one in final.reasons],
    }


def _http2(endpoint: ResolvedEndpoint, final: EndpointSnapshot) -> dict[str, Any]:
    """What only requests have that may go over HTTP/2; of "auto" what the servers chose."""
    asked = endpoint.protocol
    if asked.name == "http/1.1":
        return {}
    spoken = ("h2" if final.h2_connections else "http/1.1") if asked.name == "auto" else asked.name
    return {
        "protocol": spoken,
        "streamsPerConnection": asked.streams if spoken != "http/1.1" else 1,
        "goaways": final.goaways,
        "streamsRefused": final.streams_refused,
        "placesWaited": final.places_waited,
    }


def _flow_figures(record: RunRecord, flow: Flow) -> FlowFigures:
    key = flow.endpoint_key
    counted = flow_tally(record.final.flows[key]).over(record.measured_s, saturated=bool(record.saturated_by))
    return replace(counted, target_rps=_mean_target_rps(record, key))


def _flow(record: RunRecord, flow: Flow, asked_rps: float | None) -> dict[str, Any]:
    key, autoscale = flow.endpoint_key, flow.autoscale
    own, ended, final = _flow_figures(record, flow), record.ended.flows[key], record.final.flows[key]
    counted = own.tally
    return {
        "endpointKey": key,
        "name": flow.name,
        "autoscale": autoscale is not None,
        "minWorkers": autoscale.min_workers if autoscale else flow.workers,
        "maxWorkers": autoscale.max_workers if autoscale else flow.workers,
        "workerCount": ended.worker_count,
        "peakWorkerCount": max(ended.peak_worker_count, final.peak_worker_count),
        "askedStartsPerSecond": asked_rps,
        "targetStartsPerSecond": own.target_rps,
        "startsPerSecond": own.rps,
        **({} if (over := OVER[final.over]) is None else {"endedBy": over[0]}),
        **counted.counts,
        **_under_way(record, final),
        "missedLate": final.missed_late,
        "completedRate": own.completed_rate,
        "abandonedRate": own.abandoned_rate,
        "missedRate": own.missed_rate,
        **{f"{name}Ms": latency_ms(histogram) for name, histogram in counted.histograms.items()},
        **confidence_row(record.sure.get(key)),
        "histograms": {name: encode_histogram(histogram) for name, histogram in counted.histograms.items()},
        "steps": [_step(record, part, step) for part in ("begin", "steps", "end") for step in sends_of(getattr(flow, part))],
    }


def _step(record: RunRecord, part: str, key: str) -> dict[str, Any]:
    step = record.final.endpoints[key]
    made = {"requestsMade": step.requests_made, "requestsFailed": step.failed}
    return {"endpointKey": key, "part": part, **made, "abandoned": step.abandoned}


def _under_way(record: RunRecord, final: EndpointSnapshot) -> dict[str, int]:
    """Starts of which no end was seen, so that those started are the ones completed, abandoned, cut and under way.

    Of a run with a warm-up some of those that ended had begun within it; how many is a figure of its own.
    """
    open_starts = final.started - final.succeeded - final.failed - final.cut
    if not record.config.warm_up_s:
        return {"flowsUnderWay": open_starts}
    return {"flowsUnderWay": final.in_flight, "flowsFromWarmUp": final.in_flight - open_starts}


def _mean_target_rps(record: RunRecord, key: str) -> float | None:
    """The mean of the target curve over the run: what was asked for, ramp and changes included; None where unlimited."""
    asked_now = record.ended.of(key).target_rps
    if asked_now is None or record.measured_s <= 0:
        return asked_now
    # Until a schedule has ended, a reading knows it up to the last slot only; so does the one that ends a warm-up.
    final = record.final.of(key)
    return final.scheduled / (final.scheduled_s if record.warm_up_s and final.scheduled_s > 0 else record.duration_s)


def _metrics(figures: Figures) -> dict[str, Any]:
    """The metrics of one endpoint, or of several together."""
    counted = figures.tally
    return {
        "requestsMade": counted.made,
        **{name: counted.counts[name] for name in _OUTCOMES},
        "targetRps": figures.target_rps,
        "rps": figures.rps,
        "errorRate": counted.error_rate,
        **{name: counted.counts[name] for name in _TRAFFIC},
        "statusCodes": {status_name(code): count for code, count in sorted(counted.status_codes.items())},
        "errors": dict(counted.errors),
        **{f"{name}Ms": values for name, values in latencies_ms(counted.histograms).items()},
        "histograms": {name: encode_histogram(counted.histograms[name]) for name in ("responseTime", "serviceTime")},
    }


# ------------------------------------------------------------------------------------------------------------ the rest


def _generator(record: RunRecord) -> dict[str, Any]:
    ended, final = record.ended, record.final.generator
    return {
        "saturated": bool(record.saturated_by),
        "reasons": list(record.saturated_by),
        "late": late_remark(final.late_sends, record.measured_s),
        "cpuPercent": 100 * ended.generator.cpu_s / ended.time_s if ended.time_s > 0 else 0.0,
        "clock": _clock(final),
        "userTimed": final.user_timed,
        "disturbed": final.disturbed,
        "ownDelayMs": _delay_ms(final.own_delay),
        "lateSendsMs": _delay_ms(final.late_sends),
        **({"sharedArrivalMs": _delay_ms(final.shared_arrival)} if final.shared_arrival.count else {}),
        "processes": max(1, len(final.busy_s)),
        "lost": list(final.lost),
    }


def _clock(generator: GeneratorSnapshot) -> str:
    if generator.user_timed == 0:
        return "kernel"
    return "mixed" if generator.kernel_timed else "user"


def _delay_ms(histogram: Histogram) -> dict[str, float | None]:
    p50_ms, p99_ms = percentiles_ms(histogram, (50.0, 99.0))
    return {"p50": p50_ms, "p99": p99_ms, "max": statistic_ms(histogram, "max")}


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "endpointKey": sample.endpoint_key,
        "status": status_written(sample.status),
        "body": sample.body.decode("utf-8", errors="replace"),
        "truncated": sample.truncated,
    }
