"""A small summary for tests of what is made from one."""

from collections import Counter
from dataclasses import replace
from itertools import zip_longest

from tressi._core import Histogram
from tressi.hdr import encode_histogram
from tressi.model import (
    AutoscaleConfig,
    EndpointMoment,
    EndpointSnapshot,
    EngineSnapshot,
    GeneratorSnapshot,
    Moment,
    Protocol,
    ResolvedConfig,
    ResolvedEndpoint,
    Sample,
    ScalingDecision,
    SharedPool,
    ThresholdVerdict,
)
from tressi.run.summary import RunRecord, summarise

HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\x1b[31mred\x1b[0m",
    "a\x00b",
    "right\u202eleft",
    "[bold]markup[/bold] <script>alert(1)</script>",
    "\x9b31m",
    "one\u2028two",
    "a|b",
    "a\\|b\\\\|c",
    "`` two ``` three",
    "```\n</details>\n<h1>markup</h1>\n# heading",
    "@everyone #1 :smile: $x$ user@evil.example",
    "www.evil.example",
    "1. one",
    "![picture](http://evil.example/x.png) [link](javascript:alert(1)) https://evil.example",
    "]]> & <!-- -->",
    "<r><t>rich</t></r>",
    "_x0041_",
    "no characters \ufffe\uffff\U0001ffff",
    " \r\n\ttabs and ends\n\n",
]


def histogram(*values_us):
    """A histogram of these values."""
    made = Histogram()
    for value, count in Counter(values_us).items():
        made.record(value, count)
    return made


def endpoint_snapshot(key, *, succeeded=100, failed=0, missed=0, target=50.0, workers=2, **fields):
    """What an engine says of an endpoint after 2 s."""
    return EndpointSnapshot(
        endpoint_key=key,
        succeeded=succeeded,
        failed=failed,
        missed=missed,
        bytes_sent=1000,
        bytes_received=2000,
        connections_opened=2,
        status_codes=fields.get("status_codes", {200: succeeded} if succeeded else {}),
        errors=fields.get("errors", {"connect": failed} if failed else {}),
        worker_count=workers,
        peak_worker_count=fields.get("peak", workers),
        target_rps=target,
        scheduled=2 * (target or 0),
        scheduled_s=2.0,
        service=histogram(*([1500] * succeeded)),
        response=histogram(*([1600] * succeeded)),
        success=histogram(*([1500] * succeeded)),
        first_byte=histogram(*([1400] * succeeded)),
        **fields.get("http_2", {}),
    )


def engine_snapshot(*endpoints, time_s=2.0, cpu_s=0.1, samples=(), lost=(), shared_us=()):
    """What an engine says; `shared_us` are the widths of shared arrivals."""
    generator = GeneratorSnapshot(
        cpu_s, 0.0, histogram(20, 30), histogram(40), 100, 0, 0, lost=lost, shared_arrival=histogram(*shared_us)
    )
    return EngineSnapshot(time_s, {one.endpoint_key: one for one in endpoints}, generator, samples)


def moment(*keys, t=1.0, saturated_by=(), lost=(), thresholds=(), paused=False, troubles=(), **fields):
    """A second of a run of 60 s."""
    values = {
        "target_rps": 50.0,
        "current_rps": 49.0,
        "worker_count": 3,
        "min_workers": 1,
        "max_workers": 9,
        "utilisation": 0.4,
        "error_rate": 0.0,
        "p50_ms": 1.25,
        "p95_ms": 1.5,
        "p99_ms": None,
        "max_ms": 2.0,
        "service_p50_ms": 1.2,
        "service_p99_ms": None,
        "success_p50_ms": 1.2,
        "success_p99_ms": None,
        "response_count": 50,
        "service_count": 50,
        "success_count": 50,
        "asked_rps": fields.get("target_rps", 50.0),
        "missed": 7,
        "missed_now": 0,
        "status_codes": {200: 50},
        "failures": {},
        "bands": [30, 20, 25, 5],
        "requests_made": 50,
        "errors": {},
    }
    endpoints = tuple(EndpointMoment(endpoint_key=key, **{**values, **fields}) for key in keys)
    total = EndpointMoment(endpoint_key="", **{**values, **fields})
    reading = engine_snapshot(lost=lost)
    return Moment(float(t), 60.0, endpoints, total, reading, saturated_by, (), thresholds, paused, troubles)


def resolved(*keys, autoscale=True, max_workers=4, target_rps=None, names=()):
    """A config with these endpoints, the first of them named `names`."""
    settings = AutoscaleConfig(50.0 if target_rps is None else target_rps, 1, max_workers) if autoscale else None
    endpoints = tuple(
        ResolvedEndpoint(key, *key.split(" ")[:2], key.split(" ")[1], autoscale=settings, name=name)
        for key, name in zip_longest(keys, names)
    )
    return ResolvedConfig(endpoints, None if autoscale else SharedPool(2, target_rps), 10, duration_s=2.0)


def over_h2(config, streams=4):
    """The config with HTTP/2 for its first endpoint."""
    first, *others = config.endpoints
    return replace(config, endpoints=(replace(first, protocol=Protocol("h2c", streams)), *others))


def summary_of(
    *snapshots,
    config=None,
    decisions=(),
    saturated_by=(),
    end_reason="duration",
    end_detail=None,
    cpu_s=0.1,
    lost=(),
    shared_us=(),
    **more,
):
    """The summary of a run of 2 s; by default of one healthy endpoint and one that refuses."""
    snapshots = snapshots or (
        endpoint_snapshot("GET http://host/good"),
        endpoint_snapshot("GET http://host/bad", succeeded=0, failed=40, missed=60),
    )
    config = config or resolved(*(one.endpoint_key for one in snapshots))
    samples = tuple(Sample(snapshots[0].endpoint_key, 200, text.encode(), truncated=False) for text in HOSTILE)
    final = engine_snapshot(*snapshots, samples=samples, cpu_s=cpu_s, lost=lost, shared_us=shared_us)
    row = {"targetRps": 50.0, "currentRps": 50.0, "workerCount": 2, "utilisation": 0.5, "errorRate": 0.0}
    row |= {"p50": 1.5, "p95": 1.5, "p99": 1.5, "max": 1.5, "bands": [31, 50], "statusCodes": {"200": 50}, "failures": {}}
    row |= {"serviceP50": 1.4, "serviceP99": 1.4, "successP50": 1.4, "successP99": 1.4, "missed": 0}
    timeline = [
        {
            "t": float(t),
            "global": dict(row),
            "endpoints": {one.endpoint_key: dict(row) for one in snapshots},
            "saturated": bool(saturated_by),
        }
        for t in (1, 2)
    ]
    return summarise(
        RunRecord(
            config,
            "2026-01-01T00:00:00.000+00:00",
            2.0,
            end_reason,
            end_detail,
            final,
            final,
            list(decisions),
            timeline,
            saturated_by,
            **more,
        )
    )


def flow_part(name, *steps):
    """A flow of a summary that has lost two of five users at the last of these steps."""
    times = dict.fromkeys(("min", "mean", "stdev", "p50", "p90", "p95", "p99", "p999", "max"), 4.0)
    text = encode_histogram(histogram(4000, 4000, 4000))
    return {
        "endpointKey": f"flow {name}",
        "name": name,
        "autoscale": True,
        "minWorkers": 1,
        "maxWorkers": 9,
        "workerCount": 2,
        "peakWorkerCount": 3,
        "missedLate": 0,
        **dict.fromkeys(("askedStartsPerSecond", "targetStartsPerSecond", "startsPerSecond"), 2.5),
        "flowsStarted": 5,
        "flowsCompleted": 3,
        "flowsAbandoned": 2,
        "flowsMissed": 0,
        "flowsCut": 0,
        "flowsUnderWay": 0,
        "completedRate": 0.6,
        "abandonedRate": 0.4,
        "missedRate": 0.0,
        "durationMs": times,
        "walkTimeMs": times,
        "histograms": {"duration": text, "walkTime": text},
        "steps": [
            {
                "endpointKey": key,
                "part": "steps",
                "requestsMade": 5,
                "requestsFailed": 2 * (key == steps[-1]),
                "abandoned": 2 * (key == steps[-1]),
            }
            for key in steps
        ],
    }


FLOW_SECOND = {
    "targetStartsPerSecond": 2.5,
    "startsPerSecond": 2.5,
    "completed": 1,
    "abandoned": 1,
    "missed": 0,
    "underWay": 1,
    "workerCount": 2,
    "utilisation": 0.5,
    "p50": 4.0,
    "p95": 4.0,
    "p99": 4.0,
    "max": 4.0,
    "bands": [36, 1],
    "walkP50": 4.0,
    "walkP99": 4.0,
}


def verdict(text="p99 < 2ms", key=None, *, passed=True, value=1.5, limit=2.0, detail="1.5 ms", **fields):
    """How a threshold came out."""
    return ThresholdVerdict(text, key, passed, value, limit, detail, **fields)


def decision(key, action="scale-up", workers=1, count=3, reason="because"):
    """A scaling decision."""
    return ScalingDecision(key, action, workers, count, reason, 1.0)
