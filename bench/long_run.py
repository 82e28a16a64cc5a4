"""A summary as long as the report must bear: many endpoints, many seconds, real distributions, decisions, failures, bodies."""

import math
import random
from collections import Counter

from tressi._core import Histogram
from tressi.hdr import encode_histogram
from tressi.stats.bands import merged_bands

STATUSES = (200, 503, 404, 500, 502, 504) * 3  # as many bodies as are kept of one endpoint, and more
PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p999": 99.9}
# How many of a hundred response times are in which band above that of the median, which is the fourth.
SPREAD = (1, 6, 18, 27, 20, 12, 7, 4, 2, 1, 1, 1)
GENERATOR = {
    "saturated": True,
    "reasons": ["in 17.0 of 600.0 s tressi came too late for 812 of 40,000 starts; it spoils: the rate"],
    "late": "starts were sent up to 9 ms late (p99 6 ms, limit 5 ms); latencies are not affected",
    "lost": [],
    "cpuPercent": 61.3,
    "clock": "kernel",
    "userTimed": 0,
    "disturbed": 12,
    "ownDelayMs": {"p50": 0.021, "p99": 0.18, "max": 3.4},
    "lateSendsMs": {"p50": 0.03, "p99": 0.21, "max": 4.1},
    "processes": 2,
}


def long_summary(endpoints=120, seconds=600, seed=1):
    """A run in which most endpoints keep their rate, one grows late, one fails, and the generator is saturated for a while."""
    chance = random.Random(seed)
    keys = [f"{('GET', 'POST')[number % 2]} http://shop.example:8080/api/v2/catalogue/{number}" for number in range(endpoints)]
    rows, decisions = [], []
    for t in range(1, seconds + 1):
        figures = {key: second(chance, number, t, seconds) for number, key in enumerate(keys)}
        rows.append(
            {"t": t + 0.003, "global": whole(figures.values()), "endpoints": figures, "saturated": 0.4 < t / seconds < 0.43}
        )
        decisions += [decision(chance, chance.choice(keys), t) for _ in range(chance.random() < 0.4)]
    measured = [measure(chance, number, key, seconds) for number, key in enumerate(keys)]
    total, samples = added([one for one, *_ in measured], [parts for _, *parts in measured], seconds), []
    for key in keys:
        body = "".join(chance.choice('{"name": <hat>, 0123456789}\n') for _ in range(4000))
        samples += [{"endpointKey": key, "status": status, "body": body, "truncated": True} for status in STATUSES]
    return {
        "schemaVersion": 1,
        "tressiVersion": "0.1.0",
        "startedAt": "2026-01-01T00:00:00.000+00:00",
        "durationSec": float(seconds),
        "endReason": "duration",
        "endDetail": None,
        "verdict": {"word": "GENERATOR LIMITED", "reasons": GENERATOR["reasons"]},
        "thresholds": thresholds(keys),
        "generator": GENERATOR,
        "global": total,
        "endpoints": [one for one, *_ in measured],
        "scaling": decisions,
        "changes": [{"t": seconds / 2, "action": "set-target", "endpointKey": keys[0], "targetRps": 80.0}],
        "timelineSeconds": 1,
        "timeline": rows,
        "leftOut": [],
        "samples": samples,
        "config": {"duration": seconds, "requests": [{"url": key.split(" ")[1]} for key in keys]},
    }  # fmt: skip


def second(chance, number, t, seconds):
    """One endpoint over one second: a ramp of a tenth of the run, then its rate with a little noise."""
    target = (50 + 5 * (number % 20)) * min(1.0, 10 * t / seconds)
    short = 0.7 if number % 40 == 3 and t < seconds / 3 else 1.0
    p50 = (1.5 + number % 7) * (1 + 0.3 * math.sin(t / 30)) * chance.uniform(0.9, 1.1)
    p99 = p50 * chance.uniform(2, 6)
    made = round(target * short)
    failed = round(made * 0.02 * chance.random()) if number % 10 == 7 else 0
    refused = failed // 2
    return {
        "targetRps": target,
        "currentRps": target * short * chance.uniform(0.99, 1.0),
        "workerCount": 2 + number % 5 + int(3 * t / seconds),
        "utilisation": chance.uniform(0.4, 0.8),
        "errorRate": failed / made if made else 0.0,
        **dict.fromkeys(("p50", "serviceP50", "successP50"), p50),
        **dict.fromkeys(("p99", "serviceP99", "successP99"), p99),
        "p95": (p50 + p99) / 2,
        "max": 1.5 * p99,
        "missed": int(target * 0.3) if short < 1 else 0,
        "statusCodes": {"200": made - failed} | ({"503": failed - refused} if failed else {}),
        "failures": {"503": failed - refused, "connect": refused} if refused else {"503": failed} if failed else {},
        "bands": [int(10 * math.log10(p50 * 1e3)) - 3, *(-(-part * made // 100) for part in SPREAD)] if made else [],
    }


def whole(figures):
    """All endpoints together, near enough for a picture."""
    figures = list(figures)
    sums = {name: sum(one[name] for one in figures) for name in ("targetRps", "currentRps", "workerCount", "missed")}
    means = {name: sum(one[name] for one in figures) / len(figures) for name in ("utilisation", "errorRate", "p50")}
    medians = dict.fromkeys(("serviceP50", "successP50"), means["p50"])
    return {
        **sums,
        **means,
        **medians,
        **{name: max(one[name] for one in figures) for name in ("p95", "max")},
        **{name: dict(sum((Counter(one[name]) for one in figures), Counter())) for name in ("statusCodes", "failures")},
        "bands": merged_bands(one["bands"] for one in figures),
        **dict.fromkeys(("p99", "serviceP99", "successP99"), max(one["p99"] for one in figures)),
    }


def decision(chance, key, t):
    """A scaling decision with a reason of the usual length."""
    action, workers = chance.choice(["scale-up", "scale-down"]), chance.randint(1, 4)
    missed = f"{chance.uniform(1, 20):.1f} RPS missed because no lane was free"
    reason = f"{chance.uniform(50, 90):.1f} of 95.0 RPS with {workers + 3} workers, {missed}"
    change = {"action": action, "workers": workers, "workerCount": workers + 5}
    return {"endpointKey": key, **change, "reason": reason, "timestamp": t + 0.25}


def measure(chance, number, key, seconds):
    """One endpoint's metrics over the run, and its two histograms."""
    made = (50 + 5 * (number % 20)) * seconds
    failed = made // 200 if number % 10 == 7 else 0
    service, response = Histogram(), Histogram()
    for _ in range(2000):
        value = int(1000 * (1.5 + number % 7) * chance.lognormvariate(0, 0.5))
        service.record(value, max(1, made // 2000))
        response.record(int(value * chance.choice([1, 1, 1, 1.2, 6])), max(1, made // 2000))
    method, url = key.split(" ")
    missed = int(made * 0.08) if number % 40 == 3 else 0
    one = {"endpointKey": key, "name": f"item {number}" if number % 3 == 0 else None, "method": method, "url": url}
    one |= {"autoscale": True, "weight": 1.0, "priority": "medium", "minWorkers": 1, "maxWorkers": 40, "workerCount": 4}
    one |= {"peakWorkerCount": 9, "missedLate": 0, **metrics(made, failed, missed, seconds, service=service, response=response)}
    reasons = [{"kind": "connect", "reason": "Connection refused", "count": failed // 2}] if failed else []
    return {**one, "errorReasons": reasons}, service, response


def metrics(made, failed, missed, seconds, *, service, response):
    """The metrics that endpoints and total share."""
    return {
        "requestsMade": made,
        "requestsSucceeded": made - failed,
        "requestsFailed": failed,
        "requestsMissed": missed,
        "requestsCut": 0,
        "askedRps": (made + missed) / seconds,
        "targetRps": (made + missed) / seconds,
        "rps": made / seconds,
        "errorRate": failed / made,
        "bytesSent": 180 * made,
        "bytesReceived": 1500 * made,
        "connectionsOpened": 12,
        "retries": 1,
        "statusCodes": {"200": made - failed, "503": failed - failed // 2} if failed else {"200": made},
        "errors": {"connect": failed // 2} if failed else {},
        "responseTimeMs": latency(response),
        **dict.fromkeys(("serviceTimeMs", "successTimeMs", "firstByteMs"), latency(service)),
        "connectTimeMs": latency(service),
        "tlsTimeMs": latency(Histogram()),
        "histograms": {"serviceTime": encode_histogram(service), "responseTime": encode_histogram(response)},
    }


def latency(histogram):
    """A histogram's figures in milliseconds."""
    if not histogram.count:
        return dict.fromkeys(("min", "mean", "stdev", *PERCENTILES, "max"))
    found = dict(zip(PERCENTILES, histogram.percentiles(PERCENTILES.values()), strict=True))
    ends = {"min": histogram.min_us / 1e3, "mean": histogram.mean_us / 1e3, "stdev": histogram.stdev_us / 1e3}
    return {**ends, **{name: value / 1e3 for name, value in found.items()}, "max": histogram.max_us / 1e3}


def added(endpoints, histograms, seconds):
    """All endpoints together."""
    service, response = Histogram(), Histogram()
    for one, other in histograms:
        service.merge(one)
        response.merge(other)
    made, failed, missed = (
        sum(one[name] for one in endpoints) for name in ("requestsMade", "requestsFailed", "requestsMissed")
    )
    return metrics(made, failed, missed, seconds, service=service, response=response)


def thresholds(keys):
    """One that held, one that broke, one without anything to judge."""
    held = {"threshold": "errorRate < 5%", "endpointKey": None, "passed": True, "value": 0.0005, "limit": 0.05}
    held |= {"detail": "the error rate was 0.05 %", "failedAt": None, "aborts": False}
    broke = {"threshold": "p99 < 20 ms", "endpointKey": keys[-1], "passed": False, "value": 23.4, "limit": 20.0}
    broke |= {"detail": "p99 of the service time was 23.4 ms", "failedAt": 61.0, "aborts": False}
    unjudged = {"threshold": "p99.9 < 1 s", "endpointKey": keys[0], "passed": None, "value": None, "limit": None}
    return [held, broke, {**unjudged, "detail": "no values yet", "failedAt": None, "aborts": True}]
