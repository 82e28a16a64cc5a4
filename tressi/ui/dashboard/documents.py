"""What a page is told: a second and the end, as documents. Pure functions; every text in them is harmless.

Figures of a second and of the whole run have the same names, so that a page shows the one like the other. What is a rule (which
percentile is of too few values, when a mean or the successes stand beside a figure) is decided here and not in the page.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tressi.model import EndpointSnapshot, Reason
from tressi.model.delta import delta_between, reading_of
from tressi.page.thin import count_of
from tressi.run.flow_parts import flows_of, is_step, lost_at
from tressi.run.judgement import exit_words, has_many_failures, judge_run
from tressi.run.shortfall import mean_differs
from tressi.run.sure_words import tail_words
from tressi.run.threshold_words import sides
from tressi.run.trouble import failures_of
from tressi.stats.summary_rows import flow_as_endpoint, row_of, verdict_row
from tressi.text import carries, plain
from tressi.ui.dashboard import conditions, nodes
from tressi.ui.sentences import shows_successes
from tressi.ui.standing import standing_of
from tressi.ui.trouble import told
from tressi.vocabulary import status_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tressi.model import EndpointMoment, EngineSnapshot, FlowMoment, Moment

# What the page shows of a summary.
_ENDED: Final = ("startedAt", "endReason", "endDetail", "durationSec")
# The percentiles of a page: of which count of values each is, and by what it is told in a summary.
_PERCENTILES: Final = {
    "p50": ("response", 50.0, "responseTimeMs"),
    "p95": ("response", 95.0, "responseTimeMs"),
    "p99": ("response", 99.0, "responseTimeMs"),
    "serviceP50": ("service", 50.0, "serviceTimeMs"),
    "serviceP99": ("service", 99.0, "serviceTimeMs"),
    "successP50": ("success", 50.0, "successTimeMs"),
    "successP99": ("success", 99.0, "successTimeMs"),
}
_TOTAL: Final = ""  # in place of an endpoint's key: all together


def moment_document(moment: Moment, labels: Mapping[str, str]) -> dict[str, Any]:
    """A second: its row of the timeline, what belongs beside its figures, the counts since the start, and what is wrong."""
    everyone, row = (*moment.endpoints, moment.total), row_of(moment)
    standing = standing_of(moment, labels)
    return {
        "row": row,
        "beside": {one.endpoint_key: _beside(one) for one in (*everyone, *moment.flows)},
        "counts": {**_counts(moment.reading), **{flow.endpoint_key: _flow_counts(flow, labels) for flow in moment.flows}},
        **_flows(row),
        "paused": moment.paused,
        "standing": {**standing._asdict(), "reasons": [plain(one) for one in standing.reasons], "word": plain(standing.word)},
        "troubles": [one.sentence(labels) for one in told(moment.troubles)],
        "saturatedBy": [plain(reason) for reason in moment.saturated_by],
        "lost": [plain(reason) for reason in moment.reading.generator.lost],
        "thresholds": [{**_harmless(verdict_row(one)), "settled": one.settled} for one in moment.thresholds],
    }


def end_document(
    summary: Mapping[str, Any], reading: EngineSnapshot | None, before: EngineSnapshot | None = None
) -> dict[str, Any]:
    """The end: why, and the figures of the whole run; `reading` is the last one, None where there was none.

    `before` is the one with which a warm-up ended.
    """
    if reading is not None and before is not None:
        reading = reading_of(delta_between(before, reading, 0.0, 0.0))
    judgement, detail, endpoints = judge_run(summary), summary["endDetail"], summary["endpoints"]
    failures = {one["endpointKey"]: _failures(_as_reading(one)) for one in endpoints}
    shared = {one["endpointKey"] for one in endpoints if one["maxWorkers"] is None and not is_step(one)}
    busy = _utilisation(reading, shared)
    peak = max((row["global"]["workerCount"] for row in summary["timeline"]), default=0)
    return {
        **{name: summary[name] for name in _ENDED},
        "endDetail": None if detail is None else plain(detail),
        "verdict": {
            "word": judgement.word,
            "tone": judgement.tone,
            "reasons": [plain(one) for one in judgement.reasons],
            "exit": plain(exit_words(judgement, summary)),
        },
        "thresholds": [{**_harmless(one), "settled": not one["passed"]} for one in summary["thresholds"]],
        "conditions": conditions.ended(summary, judgement.tone),
        "nodes": nodes.ended(summary),
        "total": _whole(summary["global"], _summed(failures.values()), busy.get(_TOTAL), peak),
        "endpoints": {
            one["endpointKey"]: _whole(one, failures[one["endpointKey"]], busy.get(one["endpointKey"]), one["peakWorkerCount"])
            for one in endpoints
        },
        "flows": {one["endpointKey"]: _whole_flow(one, busy, summary) for one in flows_of(summary)},
    }


def _flows(row: Mapping[str, Any]) -> dict[str, Any]:
    """The flows' figures under the names of an endpoint's; a run without flows has no word of them."""
    flows = {key: {**flow_as_endpoint(one), "underWay": one["underWay"]} for key, one in row.get("flows", {}).items()}
    return {"flows": flows} if flows else {}


def _flow_counts(flow: FlowMoment, labels: Mapping[str, str]) -> dict[str, Any]:
    """What became of a flow's starts up to now, and at which steps users were lost."""
    return {
        "requestsMade": flow.started,
        "requestsMissed": flow.missed,
        **{name: getattr(flow, name) for name in ("completed", "abandoned", "cut")},
        "lost": dict(flow.steps),
        "failures": {f"lost at {labels[key]}": lost for key, lost in flow.steps if lost},
    }


def _beside(one: EndpointMoment) -> dict[str, Any]:
    """What is shown with the figures of a second."""
    counts = {"response": one.response_count, "service": one.service_count, "success": one.success_count}
    return {
        "askedRps": one.asked_rps,
        "meanRps": one.target_rps if mean_differs(one.asked_rps, one.target_rps) else None,
        "inFlight": one.in_flight,
        "oldestSec": one.oldest_s,
        "showsSuccesses": shows_successes(one),
        "thin": _thin(counts),
        "sure": "",  # of a second alone there is nothing to say
    }


def _thin(counts: Mapping[str, int]) -> list[str]:
    """The percentiles that are of too few values."""
    return [name for name, (time, percent, _) in _PERCENTILES.items() if not carries(counts[time], percent)]


def _counts(reading: EngineSnapshot) -> dict[str, Any]:
    """What was counted since the start, of each endpoint and of all together."""
    found: dict[str, dict[str, Any]] = {
        key: {
            "requestsMade": snapshot.requests_made,
            "requestsMissed": snapshot.missed,
            "failures": _failures(snapshot),
        }
        for key, snapshot in reading.endpoints.items()
    }
    total = {name: sum(one[name] for one in found.values()) for name in ("requestsMade", "requestsMissed")}
    return {**found, _TOTAL: {**total, "failures": _summed(one["failures"] for one in found.values())}}


def _failures(snapshot: EndpointSnapshot) -> dict[str, int]:
    """What went wrong since the start, in words, the most frequent first."""
    return {plain(words): count for words, count in failures_of(snapshot).most_common()}


def _summed(failures: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for one in failures:
        total.update(one)
    return dict(total.most_common())


def _as_reading(endpoint: Mapping[str, Any]) -> EndpointSnapshot:
    """An endpoint of a summary as far as its failures go."""
    return EndpointSnapshot(
        endpoint["endpointKey"],
        failed=endpoint["requestsFailed"],
        errors=endpoint["errors"],
        status_codes={status_number(code): count for code, count in endpoint["statusCodes"].items()},
        reasons=tuple(Reason(one["kind"], one["reason"], one["count"]) for one in endpoint["errorReasons"]),
    )


def _utilisation(reading: EngineSnapshot | None, shared: set[str]) -> dict[str, float]:
    """The share of the lane-seconds that was occupied over the whole run, by endpoint; the shared pool's lanes count once."""
    # The lanes of a step are its flow's.
    parts = {**reading.endpoints, **reading.flows} if reading is not None else {}
    found = {key: one.occupied_lane_s / one.lane_s for key, one in parts.items() if one.lane_s > 0}
    pooled = max((one.lane_s for key, one in parts.items() if key in shared), default=0.0)
    lane_s = pooled + sum(one.lane_s for key, one in parts.items() if key not in shared)
    if lane_s > 0:
        found[_TOTAL] = sum(one.occupied_lane_s for one in parts.values() if one.lane_s > 0) / lane_s
    return {key: min(1.0, share) for key, share in found.items()}


def _whole(metrics: Mapping[str, Any], failures: Mapping[str, int], busy: float | None, peak: int) -> dict[str, Any]:
    """The figures of a whole run under the names of a second's, with what is shown beside them."""
    counts = {time: count_of(metrics, f"{time}Time") for time in ("response", "service", "success")}
    return {
        **{name: metrics[time][f"p{percent:.0f}"] for name, (_, percent, time) in _PERCENTILES.items()},
        "max": metrics["responseTimeMs"]["max"],
        "askedRps": metrics["askedRps"],
        "meanRps": metrics["targetRps"] if mean_differs(metrics["askedRps"], metrics["targetRps"]) else None,
        "currentRps": metrics["rps"],
        "utilisation": busy,
        "peakWorkerCount": peak,
        **{name: metrics[name] for name in ("errorRate", "requestsMade", "requestsMissed")},
        "failures": failures,
        "showsSuccesses": has_many_failures(metrics) and metrics["requestsSucceeded"] > 0,
        "thin": _thin(counts),
        "sure": tail_words(metrics),
    }


def _whole_flow(flow: Mapping[str, Any], busy: Mapping[str, float], summary: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a flow over the whole run under the names of a second's."""
    key, duration = flow["endpointKey"], flow["durationMs"]
    ended = {"response": flow["flowsCompleted"], "service": flow["flowsCompleted"], "success": 0}
    asked_rps, mean_rps = flow["askedStartsPerSecond"], flow["targetStartsPerSecond"]
    return {
        **{name: duration[name] for name in ("p50", "p95", "p99", "max")},
        **{name: flow["walkTimeMs"][which] for name, which in (("serviceP50", "p50"), ("serviceP99", "p99"))},
        "askedRps": asked_rps,
        "meanRps": mean_rps if mean_differs(asked_rps, mean_rps) else None,
        "currentRps": flow["startsPerSecond"],
        "utilisation": busy.get(key),
        "peakWorkerCount": flow["peakWorkerCount"],
        "errorRate": flow["abandonedRate"] or 0.0,
        "requestsMade": flow["flowsStarted"],
        "requestsMissed": flow["flowsMissed"],
        "completed": flow["flowsCompleted"],
        "abandoned": flow["flowsAbandoned"],
        "cut": flow["flowsCut"],
        "underWay": flow["flowsUnderWay"],
        "lost": {step["endpointKey"]: step["abandoned"] for step in flow["steps"]},
        "failures": {f"lost at {place}": count for place, count in lost_at(flow, summary)},
        "showsSuccesses": False,
        "thin": _thin(ended),
        "sure": tail_words(flow),
    }


def _harmless(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """A threshold's verdict; what it came to and what it had to be are also there one by one, with their units."""
    value, limit = sides(verdict["detail"])
    words = {"threshold": verdict["threshold"], "detail": verdict["detail"], "valueWords": value, "limitWords": limit}
    return {**verdict, **{name: plain(text) for name, text in words.items()}}
