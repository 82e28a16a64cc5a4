"""What the formats have in common: the summary's parts as rows, under the summary's own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.run.flow_parts import flows_of
from tressi.stats.latency import PERCENTILES
from tressi.stats.summary_rows import flow_as_endpoint
from tressi.vocabulary import FLOW_SUMMARY_COUNTS, FLOW_SUMMARY_TIMES, SUMMARY_TIMES, status_number, status_written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Row = dict[str, Any]

GLOBAL: Final = "global"  # stands for all endpoints together; an endpointKey has a space

COUNTS: Final = ("requestsMade", "requestsSucceeded", "requestsFailed", "requestsMissed", "requestsCut")
PLAIN: Final = (
    *COUNTS, "askedRps", "targetRps", "rps", "errorRate", "bytesSent", "bytesReceived", "connectionsOpened", "retries",
    "redirects",
)  # fmt: skip
FLOW_COUNTS: Final = (*FLOW_SUMMARY_COUNTS, "flowsUnderWay")
FLOW_TIMES: Final = tuple(f"{name}Ms" for name in FLOW_SUMMARY_TIMES)
FLOW_RATES: Final = ("askedStartsPerSecond", "targetStartsPerSecond", "startsPerSecond")
FLOW_SHARES: Final = ("completedRate", "abandonedRate", "missedRate")
TIMES: Final = tuple(f"{name}Ms" for name in SUMMARY_TIMES)
FIGURES: Final = ("min", "mean", "stdev", "p50", "p90", "p95", "p99", "p999", "max")
ENDPOINT: Final = (
    "endpointKey", "name", "flow", "abandoned", "method", "url", "autoscale", "weight", "priority", "minWorkers",
    "maxWorkers", "workerCount", "peakWorkerCount", "missedLate",
)  # fmt: skip

# What an endpoint has beside where HTTP/2 was asked for.
HTTP_2: Final = ("protocol", "streamsPerConnection", "goaways", "streamsRefused", "placesWaited")
FLOW: Final = (
    *("endpointKey", "name", "autoscale", "minWorkers", "maxWorkers", "workerCount", "peakWorkerCount", "missedLate"),
    *(*FLOW_COUNTS, *FLOW_RATES, *FLOW_SHARES),
    *(f"{time}.{figure}" for time in FLOW_TIMES for figure in FIGURES),
)
STEPS: Final = ("flow", "part", "step", "endpointKey", "requestsMade", "requestsFailed", "abandoned")
# How sure the response times are; of a summary of an older version nothing.
CONFIDENCE: Final = (
    "steadyFrom", "effectiveSamples", *(f"{name}{side}" for name in PERCENTILES for side in ("Low", "High")),
)  # fmt: skip
METRICS: Final = (*PLAIN, *(f"{time}.{figure}" for time in TIMES for figure in FIGURES), *CONFIDENCE)
SCALING: Final = ("timestamp", "endpointKey", "action", "workers", "workerCount", "reason")
CHANGES: Final = ("t", "action", "endpointKey", "targetRps")
THRESHOLDS: Final = ("threshold", "endpointKey", "passed", "value", "limit", "detail", "failedAt", "aborts")
STATUS_CODES: Final = ("endpointKey", "status", "count")
ERRORS: Final = ("endpointKey", "kind", "count")
REASONS: Final = ("endpointKey", "kind", "reason", "count")
SAMPLES: Final = ("endpointKey", "status", "truncated", "body")
TIMELINE: Final = (
    "t", "endpointKey", "targetRps", "currentRps", "workerCount", "utilisation", "errorRate", "p50", "p99", "serviceP50",
    "serviceP99", "successP50", "successP99", "missed", "saturated", "p95", "max", "statusCodes", "failures",
)  # fmt: skip
_COUNTED: Final = ("statusCodes", "failures")
EARLIER_TIMELINE: Final = TIMELINE[:-4]  # of versions that did not have the last ones


def timeline_columns(*, warm_up: bool, known: tuple[str, ...] = TIMELINE) -> tuple[str, ...]:
    """The columns of a timeline; that of a run with a warm-up says which seconds were."""
    return (*known, "warmUp") if warm_up else known


def counted_text(counts: Mapping[str, int]) -> str:
    """Counts by name in one cell: `200=198 503=2`. With a colon, a spreadsheet would read "200:30" as a time of day."""
    return " ".join(f"{name}={count}" for name, count in counts.items())


def metrics_row(metrics: Mapping[str, Any]) -> Row:
    """The metrics of an endpoint or of all, nested names joined by a dot."""
    row = {name: metrics[name] for name in PLAIN}
    row |= {f"{time}.{figure}": metrics[time][figure] for time in TIMES for figure in FIGURES}
    sure = metrics.get("confidence") or {}
    return row | {name: sure.get(name) for name in CONFIDENCE}


def endpoint_row(endpoint: Mapping[str, Any]) -> Row:
    """What an endpoint was, its metrics, and what it has of HTTP/2."""
    return {name: endpoint.get(name) for name in (*ENDPOINT, *HTTP_2)} | metrics_row(endpoint)


def http2_columns(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of HTTP/2, which stand behind all others; none where it was not asked for."""
    return HTTP_2 if any(HTTP_2[0] in endpoint for endpoint in summary["endpoints"]) else ()


def flow_row(flow: Mapping[str, Any]) -> Row:
    """What a flow was and what became of its starts, nested names joined by a dot."""
    row = {name: flow[name] for name in FLOW if "." not in name}
    return row | {f"{time}.{figure}": flow[time][figure] for time in FLOW_TIMES for figure in FIGURES}


def step_rows(summary: Mapping[str, Any]) -> Iterator[Row]:
    """One for each step of each flow, in the order in which a user comes to them; `step` counts them."""
    for flow in flows_of(summary):
        yield from ({"flow": flow["endpointKey"], "step": place, **step} for place, step in enumerate(flow["steps"], 1))


def status_code_rows(summary: Mapping[str, Any]) -> Iterator[Row]:
    """One for each status of all endpoints, then of each."""
    for key, metrics in _parts(summary):
        yield from (
            {"endpointKey": key, "status": status_written(status_number(code)), "count": n}
            for code, n in metrics["statusCodes"].items()
        )


def error_rows(summary: Mapping[str, Any]) -> Iterator[Row]:
    """One for each kind of error of all endpoints, then of each."""
    for key, metrics in _parts(summary):
        yield from ({"endpointKey": key, "kind": kind, "count": n} for kind, n in metrics["errors"].items())


def reason_rows(summary: Mapping[str, Any]) -> Iterator[Row]:
    """Why attempts failed, one for each reason of each endpoint."""
    for endpoint in summary["endpoints"]:
        yield from ({"endpointKey": endpoint["endpointKey"], **reason} for reason in endpoint["errorReasons"])


def second_rows(moment: Mapping[str, Any]) -> Iterator[Row]:
    """A second of the timeline: all endpoints together, then each, then each flow."""
    return (second_row(moment, key) for key in (GLOBAL, *moment["endpoints"], *moment.get("flows", ())))


def second_row(moment: Mapping[str, Any], key: str) -> Row:
    """A second of one endpoint, of all together (`global`), or of a flow: its rates are starts, its times durations.

    A summary of an earlier version has no tail and no counts of its seconds: they are None.
    """
    if key in moment.get("flows", ()):
        figures = flow_as_endpoint(moment["flows"][key])
    else:
        figures = moment["global"] if key == GLOBAL else moment["endpoints"][key]
    beside = {"saturated": moment["saturated"], "warmUp": moment.get("warmUp", False)}
    later = {"p95": figures.get("p95"), "max": figures.get("max")}
    later |= {name: counted_text(figures[name]) if figures.get(name) else None for name in _COUNTED}
    return {"t": moment["t"], "endpointKey": key, **figures, **later, **beside}


def _parts(summary: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield GLOBAL, summary["global"]
    yield from ((endpoint["endpointKey"], endpoint) for endpoint in summary["endpoints"])
