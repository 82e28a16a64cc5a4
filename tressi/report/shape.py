"""What a document must have to be a summary: its shape as a value, and one function that holds documents against it.

It asks for what the formats read, no more: a later version may add to a summary without a new `schemaVersion`. It is walked
by hand because a long run's timeline has a million values, for which a JSON Schema takes a minute.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

from tressi.config.messages import Place, problem_of, shown
from tressi.errors import ConfigError
from tressi.hdr import decode_histogram
from tressi.report.rows import COUNTS, FIGURES, FLOW_COUNTS, FLOW_RATES, FLOW_SHARES, FLOW_TIMES, TIMES
from tressi.run.summary import SCHEMA_VERSION
from tressi.stats.latency import PERCENTILES
from tressi.vocabulary import GRPC_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tressi.config.messages import Finding

PROBLEMS_SHOWN: Final = 10
_MEASURED: Final = 1e15  # what no time, rate or share reaches; with a factor of a thousand it still has 64 bits
_INTEGERS: Final = 2**63  # what no count of a run reaches, and every format can write


class Leaf(NamedTuple):
    """A value without parts: what it must be, in words, and whether one is."""

    words: str
    holds: Callable[[Any], bool]


class Maybe(NamedTuple):
    """Null, or the shape."""

    shape: Any


_ANYTHING: Final = Leaf("anything", lambda _: True)


class Optional(NamedTuple):
    """A value that an object need not have, else of the shape."""

    shape: Any


class Each(NamedTuple):
    """An object with any names, each value of the shape; `name` is what the names must be."""

    shape: Any
    name: Leaf = _ANYTHING


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MEASURED


def _is_finite(value: object) -> bool:
    return (isinstance(value, float) and isfinite(value)) or _is_integer(value)


def _is_count(value: object) -> bool:
    return _is_integer(value) and value >= 0


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INTEGERS


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and (time := datetime.fromisoformat(value)).tzinfo is not None and time.timestamp() >= 0
    except (ValueError, OverflowError):
        return False


def _is_histogram(value: object) -> bool:
    try:
        return isinstance(value, str) and decode_histogram(value) is not None
    except ValueError:
        return False


NUMBER: Final = Leaf("a number", _is_number)
WRITTEN: Final = Leaf("a number", _is_finite)  # by a person, in a condition
COUNT: Final = Leaf("a count", _is_count)
TEXT: Final = Leaf("text", lambda value: isinstance(value, str))
FLAG: Final = Leaf("true or false", lambda value: isinstance(value, bool))
TIME: Final = Leaf("an ISO 8601 time with its offset", _is_time)
HISTOGRAM: Final = Leaf("an HdrHistogram as base64", _is_histogram)
SAMPLED: Final = Leaf("a status", lambda value: _is_count(value) or value in GRPC_STATUSES)
STATUS: Final = Leaf("a status", lambda name: name in GRPC_STATUSES or (name.isascii() and name.isdecimal()))

_CONFIDENCE: Final = {
    **dict.fromkeys((f"{name}{side}" for name in PERCENTILES for side in ("Low", "High")), Maybe(NUMBER)),
    **dict.fromkeys((f"{name}Steady" for name in PERCENTILES), Optional(NUMBER)),
    "steadyFrom": Maybe(NUMBER),
    "unsteady": Maybe(TEXT),
    "effectiveSamples": NUMBER,
    "unsure": Each({"reason": TEXT, "needsSec": Maybe(NUMBER)}),
}
_DELAY: Final = dict.fromkeys(("p50", "p99", "max"), Maybe(NUMBER))
_METRICS: Final = {
    **dict.fromkeys((*COUNTS, "bytesSent", "bytesReceived", "connectionsOpened", "retries", "redirects"), COUNT),
    **dict.fromkeys(("askedRps", "targetRps"), Maybe(NUMBER)),
    **dict.fromkeys(("rps", "errorRate"), NUMBER),
    **dict.fromkeys(TIMES, dict.fromkeys(FIGURES, Maybe(NUMBER))),
    "statusCodes": Each(COUNT, STATUS),
    "errors": Each(COUNT),
    "histograms": dict.fromkeys(("serviceTime", "responseTime"), HISTOGRAM),
    "confidence": Optional(_CONFIDENCE),
}
_ENDPOINT: Final = {
    **dict.fromkeys(("endpointKey", "method", "url"), TEXT),
    **dict.fromkeys(("name", "priority"), Maybe(TEXT)),
    "autoscale": FLAG,
    "weight": Maybe(NUMBER),
    **dict.fromkeys(("minWorkers", "maxWorkers"), Maybe(COUNT)),
    **dict.fromkeys(("workerCount", "peakWorkerCount"), COUNT),
    **_METRICS,
    **dict.fromkeys(("flow", "endedBy"), Optional(TEXT)),
    "abandoned": Optional(COUNT),
    "protocol": Optional(TEXT),
    **dict.fromkeys(("streamsPerConnection", "goaways", "streamsRefused", "placesWaited"), Optional(COUNT)),
    "missedLate": COUNT,
    "errorReasons": [{"kind": TEXT, "reason": TEXT, "count": COUNT}],
}
_FLOW: Final = {
    **dict.fromkeys(("endpointKey", "name"), TEXT),
    "endedBy": Optional(TEXT),
    "autoscale": FLAG,
    **dict.fromkeys((*FLOW_COUNTS, "minWorkers", "maxWorkers", "workerCount", "peakWorkerCount", "missedLate"), COUNT),
    "flowsFromWarmUp": Optional(NUMBER),
    **dict.fromkeys((*FLOW_RATES, *FLOW_SHARES), Maybe(NUMBER)),
    "startsPerSecond": NUMBER,
    **dict.fromkeys(FLOW_TIMES, dict.fromkeys(FIGURES, Maybe(NUMBER))),
    "histograms": dict.fromkeys(("duration", "walkTime"), HISTOGRAM),
    "confidence": Optional(_CONFIDENCE),
    "steps": [
        {
            **dict.fromkeys(("endpointKey", "part"), TEXT),
            **dict.fromkeys(("requestsMade", "requestsFailed", "abandoned"), COUNT),
        }
    ],
}
# What a second of an older version has not.
_LATER: Final = {**dict.fromkeys(("p95", "max"), Optional(Maybe(NUMBER))), "bands": Optional([COUNT])}
_FLOW_SECOND: Final = {
    **dict.fromkeys(("startsPerSecond", "utilisation"), NUMBER),
    **dict.fromkeys(("targetStartsPerSecond", "p50", "p99", "walkP50", "walkP99"), Maybe(NUMBER)),
    **dict.fromkeys(("workerCount", "completed", "abandoned", "missed", "underWay"), COUNT),
    **_LATER,
}
_SECOND: Final = {
    **dict.fromkeys(("currentRps", "utilisation", "errorRate"), NUMBER),
    **dict.fromkeys(("targetRps", "p50", "p99", "serviceP50", "serviceP99", "successP50", "successP99"), Maybe(NUMBER)),
    **dict.fromkeys(("workerCount", "missed"), COUNT),
    **_LATER,
    "statusCodes": Optional(Each(COUNT, STATUS)),
    "failures": Optional(Each(COUNT)),
}
_THRESHOLD: Final = {
    **dict.fromkeys(("threshold", "detail"), TEXT),
    **dict.fromkeys(("value", "limit"), Maybe(WRITTEN)),
    "failedAt": Maybe(NUMBER),
    "endpointKey": Maybe(TEXT),
    "passed": Maybe(FLAG),
    "aborts": FLAG,
}
_GENERATOR: Final = {
    "saturated": FLAG,
    "reasons": [TEXT],
    "late": Maybe(TEXT),
    "lost": [TEXT],
    "cpuPercent": NUMBER,
    "clock": TEXT,
    **dict.fromkeys(("userTimed", "disturbed", "processes"), COUNT),
    **dict.fromkeys(("ownDelayMs", "lateSendsMs"), _DELAY),
    "sharedArrivalMs": Optional(_DELAY),
}
_DECISION: Final = {
    **dict.fromkeys(("endpointKey", "action", "reason"), TEXT),
    **dict.fromkeys(("workers", "workerCount"), COUNT),
    "timestamp": NUMBER,
}
_NODE: Final = {
    **dict.fromkeys(("name", "address"), TEXT),
    **dict.fromkeys(("engines", "requestsMade"), COUNT),
    **dict.fromkeys(("share", "clockBoundMs"), NUMBER),
    **dict.fromkeys(("clockOffsetMs", "wallAheadMs", "nice"), WRITTEN),
    "lostAt": Maybe(NUMBER),
    "lost": Maybe(TEXT),
    "uncountedAtMost": Maybe(COUNT),
}
SUMMARY: Final = {
    "tressiVersion": TEXT,
    "name": Optional(TEXT),
    "labels": Optional(Each(TEXT)),
    "startedAt": TIME,
    "durationSec": NUMBER,
    "warmUpSec": Optional(NUMBER),
    "endReason": TEXT,
    "endDetail": Maybe(TEXT),
    "verdict": {"word": TEXT, "reasons": [TEXT]},
    "thresholds": [_THRESHOLD],
    "generator": _GENERATOR,
    "nodes": Optional([_NODE]),
    "global": _METRICS,
    "endpoints": [_ENDPOINT],
    "scaling": [_DECISION],
    "changes": [{"t": NUMBER, "action": TEXT, "endpointKey": Maybe(TEXT), "targetRps": Maybe(NUMBER)}],
    "timelineSeconds": COUNT,
    "leftOut": [TEXT],
    "flows": Optional([_FLOW]),
    "timeline": [
        {
            "t": NUMBER,
            "global": _SECOND,
            "endpoints": Each(_SECOND),
            "flows": Optional(Each(_FLOW_SECOND)),
            "saturated": FLAG,
            "warmUp": Optional(FLAG),
        }
    ],
    "samples": [{"endpointKey": TEXT, "status": SAMPLED, "body": TEXT, "truncated": FLAG}],
    "config": {},
}


def check_summary(document: object, label: str) -> Mapping[str, Any]:
    """Return the document where it is a summary. Raises ConfigError that says what it lacks; `label` names the file."""
    if not isinstance(document, dict) or "schemaVersion" not in document:
        raise ConfigError([problem_of(((), f"{label} is no summary of a run: it has no schemaVersion"))])
    version = document["schemaVersion"]
    if version is True or version != SCHEMA_VERSION:
        rule = f"is not {SCHEMA_VERSION}, the one that this version reads: use the tressi that wrote it, or a newer one"
        raise ConfigError([problem_of((("schemaVersion",), f"{shown(version)} {rule}"))])
    findings = list(islice(_breaches(document, SUMMARY, ()), PROBLEMS_SHOWN)) or list(_contradictions(document))
    if findings:
        raise ConfigError([problem_of(finding) for finding in findings])
    return document


def _breaches(value: Any, shape: Any, place: Place) -> Iterator[Finding]:  # noqa: ANN401 - any JSON value
    """Where a value is not of its shape, in the shape's order."""
    if isinstance(shape, Maybe):
        shape = _ANYTHING if value is None else shape.shape
    if isinstance(shape, Leaf):
        if not shape.holds(value):
            yield place, f"{shown(value)} is not {shape.words}"
    elif isinstance(shape, list) and isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _breaches(inner, shape[0], (*place, number))
    elif isinstance(shape, list) or not isinstance(value, dict):
        yield place, f"{shown(value)} is not {'an array' if isinstance(shape, list) else 'an object'}"
    else:
        yield from (_in_any if isinstance(shape, Each) else _in_named)(value, shape, place)


def _in_any(value: Mapping[str, Any], shape: Each, place: Place) -> Iterator[Finding]:
    for name, inner in value.items():
        if not shape.name.holds(name):
            yield (*place, name), f"is not {shape.name.words}"
        yield from _breaches(inner, shape.shape, (*place, name))


def _in_named(value: Mapping[str, Any], shape: Mapping[str, Any], place: Place) -> Iterator[Finding]:
    for name, inner in shape.items():
        is_optional = isinstance(inner, Optional)
        if name in value:
            yield from _breaches(value[name], inner.shape if is_optional else inner, (*place, name))
        elif not is_optional:
            yield (*place, name), "is missing"


def _contradictions(summary: Mapping[str, Any]) -> Iterator[Finding]:
    """What each part may say alone, but not beside the others."""
    keys = [endpoint["endpointKey"] for endpoint in summary["endpoints"]]
    if len(set(keys)) < len(keys):
        yield ("endpoints",), "two endpoints have one endpointKey"
    yield from _contradictions_of_flows(summary, keys)
    # Nothing else of the config is reckoned with: the verdicts ask how many workers there could have been.
    yield from _breaches(summary["config"].get("autoscale"), Maybe({}), ("config", "autoscale"))
    for section, place in ((summary["config"], ()), (summary["config"].get("autoscale"), ("autoscale",))):
        for name in ("workers", "maxWorkers") if isinstance(section, dict) else ():
            yield from _breaches(section.get(name), Maybe(NUMBER), ("config", *place, name))
    for number, moment in enumerate(summary["timeline"]):
        if moment["endpoints"].keys() != set(keys):
            yield ("timeline", number, "endpoints"), "are not the summary's endpoints"
            return


def _contradictions_of_flows(summary: Mapping[str, Any], keys: Sequence[str]) -> Iterator[Finding]:
    flows = [flow["endpointKey"] for flow in summary.get("flows", ())]
    if len({*flows, *keys}) < len(flows) + len(set(keys)):
        yield ("flows",), "have an endpointKey that an endpoint or another flow has, too"
    for number, flow in enumerate(summary.get("flows", ())):
        if not {step["endpointKey"] for step in flow["steps"]} <= set(keys):
            yield ("flows", number, "steps"), "are not all among the summary's endpoints"
    for number, endpoint in enumerate(summary["endpoints"]):
        if endpoint.get("flow") not in {None, *flows}:
            yield ("endpoints", number, "flow"), "is not among the summary's flows"
    for number, moment in enumerate(summary["timeline"]):
        if moment.get("flows", {}).keys() != set(flows):
            yield ("timeline", number, "flows"), "are not the summary's flows"
            return
