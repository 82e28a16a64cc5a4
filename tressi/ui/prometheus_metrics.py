"""A run as Prometheus metrics: a pure function of what the run has published.

Names, units and types are those that its ecosystem asks for: base units, counters that end in `_total`, ratios from 0 to 1.
Every label has few values: endpoints and thresholds are the config's, status codes have three digits, error kinds are ten.

Histograms are classic ones. Native histograms would need no bucket edges, but servers take them in the protobuf
format, which prometheus_client does not write; its text form of them is a draft that servers do not ask for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count as numbers
from typing import TYPE_CHECKING, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)

from tressi._core import Histogram
from tressi.ui.prometheus_flows import flow_families
from tressi.version import __version__
from tressi.vocabulary import status_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from tressi.model import EndpointSnapshot, EngineSnapshot, Moment, ResolvedConfig

SHARED: Final = "shared"
_NO_NAME: Final = re.compile("[^a-zA-Z0-9_]")
# From 10 µs to 1 min in steps of 2 to 2.5: an estimate within a bucket is never off by more than that.
EDGES_US: Final = (
    *(10, 25, 50, 100, 250, 500),
    *(1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000),
    *(1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 60_000_000),
)
BUCKETS: Final = (*(repr(edge / 1e6) for edge in EDGES_US), "+Inf")


@dataclass(frozen=True, slots=True)
class View:
    """What has been published of a run up to now. `started_s` is Unix time; `moment` is None before the first second.

    `decisions` counts scaling decisions by pool and action, `changes` the changes by hand by action; `verdicts` are by
    threshold and endpoint key, empty where it is of the run.
    """

    config: ResolvedConfig
    reading: EngineSnapshot
    started_s: float
    moment: Moment | None = None
    decisions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[tuple[str, str], bool | None] = field(default_factory=dict)
    ended: bool = False


def families(view: View) -> Iterator[Metric]:
    """Every metric, always in the same order, with the samples that there are."""
    yield from _run(view)
    yield from _endpoint_counts(view)
    yield from _latencies(view)
    yield from flow_families(view.config, view.reading, _add_histogram)
    yield from _pools(view)
    yield from _generator(view)
    yield from _judgement(view)


# -------------------------------------------------------------------------------------------------------------- the run


def _run(view: View) -> Iterator[Metric]:
    moment = view.moment
    yield InfoMetricFamily("tressi_run", "What runs.", _identity(view.config))
    yield GaugeMetricFamily("tressi_run_start_time_seconds", "When the run started, in Unix time.", view.started_s)
    yield GaugeMetricFamily("tressi_run_elapsed_seconds", "How long the run has lasted.", moment.t if moment else 0.0)
    yield GaugeMetricFamily("tressi_run_duration_seconds", "How long the run is to last.", view.config.duration_s)
    yield GaugeMetricFamily("tressi_run_paused", "1 while the run is paused.", float(bool(moment and moment.paused)))
    yield GaugeMetricFamily("tressi_run_ended", "1 once the run is over and the figures are final.", float(view.ended))
    info = InfoMetricFamily("tressi_endpoint", "What each endpoint is, and whose workers serve it.", labels=["endpoint"])
    for endpoint in view.config.endpoints:
        pool = endpoint.endpoint_key if endpoint.autoscale else endpoint.flow or SHARED
        more = {"method": endpoint.method, "name": endpoint.name or "", "pool": pool, "url": endpoint.masked_url}
        more |= {"protocol": endpoint.protocol.name} if endpoint.protocol.name != "http/1.1" else {}
        info.add_metric([endpoint.endpoint_key], more)
    yield info


def _identity(config: ResolvedConfig) -> dict[str, str]:
    """The version, the run's name, and its labels: `label_git` in letters that Prometheus allows, a number for two alike."""
    found = {"version": __version__, **({"name": config.name} if config.name is not None else {})}
    for key, value in config.labels.items():
        name = f"label_{_NO_NAME.sub('_', key)}"
        taken = next(number for number in numbers(1) if _numbered(name, number) not in found)
        found[_numbered(name, taken)] = value
    return found


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


# ------------------------------------------------------------------------------------------------------------ endpoints


def _endpoint_counts(view: View) -> Iterator[Metric]:
    parts = _snapshots(view)
    yield _counter(
        "tressi_requests",
        "Attempts that ended, in a response or in an error.",
        ("endpoint", "outcome"),
        (
            ((part.endpoint_key, outcome), count)
            for part in parts
            for outcome, count in (("success", part.succeeded), ("failure", part.failed))
        ),
    )
    yield _counter(
        "tressi_responses",
        "Responses by status code, whatever came of them.",
        ("endpoint", "code"),
        (
            ((part.endpoint_key, status_name(code)), count)
            for part in parts
            for code, count in sorted(part.status_codes.items())
        ),
    )
    yield _counter(
        "tressi_errors",
        "Failed attempts by the kind of their error; a status of 400 and above alone is none.",
        ("endpoint", "kind"),
        (((part.endpoint_key, kind), count) for part in parts for kind, count in part.errors.items() if count),
    )
    yield from (_count_of(parts, *one) for one in _COUNTS)
    flying = GaugeMetricFamily("tressi_requests_in_flight", "Attempts under way now.", labels=["endpoint"])
    oldest = GaugeMetricFamily(
        "tressi_oldest_request_age_seconds", "The age of the oldest attempt under way, 0 without any.", labels=["endpoint"]
    )
    for part in parts:
        flying.add_metric([part.endpoint_key], part.in_flight)
        oldest.add_metric([part.endpoint_key], part.oldest_s)
    yield from (flying, oldest)
    yield from _http2(view)


def _http2(view: View) -> Iterator[Metric]:
    """What the endpoints have beside for which HTTP/2 was asked; a run without one has no such metrics."""
    asked = [endpoint for endpoint in view.config.endpoints if endpoint.protocol.name != "http/1.1"]
    if not asked:
        return
    parts = [view.reading.endpoints[endpoint.endpoint_key] for endpoint in asked]
    streams = GaugeMetricFamily(
        "tressi_streams_per_connection", "How many lanes may share a connection of HTTP/2.", labels=["endpoint"]
    )
    for endpoint in asked:
        streams.add_metric([endpoint.endpoint_key], endpoint.protocol.streams)
    yield streams
    yield from (_count_of(parts, *one) for one in _HTTP_2_COUNTS)
    yield _histogram(
        "tressi_generator_shared_arrival_seconds",
        "How much earlier than it is timed a response may have arrived that came in one read with others.",
        [view.reading.generator.shared_arrival],
    )


_COUNTS: Final[tuple[tuple[str, str, Callable[[EndpointSnapshot], int]], ...]] = (
    ("tressi_missed_starts", "Scheduled starts that were given up.", lambda part: part.missed),
    (
        "tressi_generator_missed_starts",
        "The part of the missed starts that was the generator's own fault.",
        lambda part: part.missed_late,
    ),
    (
        "tressi_cut_requests",
        "Requests that were still in flight when the graceful stop was over: neither made nor failed.",
        lambda part: part.cut,
    ),
    ("tressi_sent_bytes", "Bytes sent, heads and bodies.", lambda part: part.bytes_sent),
    ("tressi_received_bytes", "Bytes received, heads and bodies.", lambda part: part.bytes_received),
    ("tressi_connections_opened", "Connections made.", lambda part: part.connections_opened),
    (
        "tressi_retries",
        "Idempotent requests sent once more, because a reused connection turned out to be closed.",
        lambda part: part.retries,
    ),
    ("tressi_redirects", "Redirects that were followed.", lambda part: part.redirects),
)
_HTTP_2_COUNTS: Final[tuple[tuple[str, str, Callable[[EndpointSnapshot], int]], ...]] = (
    (
        "tressi_multiplexed_connections_opened",
        "The connections made over which HTTP/2 was spoken.",
        lambda part: part.h2_connections,
    ),
    ("tressi_goaways", "Connections on which the server took no more requests.", lambda part: part.goaways),
    ("tressi_streams_refused", "Requests that the server refused, sent once more.", lambda part: part.streams_refused),
    (
        "tressi_places_waited",
        "Attempts that waited because http2.connections was reached.",
        lambda part: part.places_waited,
    ),
)


def _count_of(parts: Iterable[EndpointSnapshot], name: str, text: str, value: Callable[[EndpointSnapshot], int]) -> Metric:
    return _counter(name, text, ("endpoint",), (((part.endpoint_key,), value(part)) for part in parts))


def _latencies(view: View) -> Iterator[Metric]:
    parts = _snapshots(view)
    for name, text, of in _LATENCIES:
        metric = HistogramMetricFamily(name, text, labels=["endpoint"])
        for part in parts:
            _add_histogram(metric, [part.endpoint_key], of(part))
        yield metric
    yield _histogram("tressi_connect_time_seconds", "Of each connection made, TLS apart.", [part.connect for part in parts])
    yield _histogram("tressi_tls_time_seconds", "Of each TLS handshake.", [part.tls for part in parts])


_LATENCIES: Final[tuple[tuple[str, str, Callable[[EndpointSnapshot], Histogram]], ...]] = (
    (
        "tressi_response_time_seconds",
        "From the scheduled start until the response's last byte arrived, missed starts included.",
        lambda part: part.response,
    ),
    (
        "tressi_service_time_seconds",
        "From the request's first byte sent until the response's last byte arrived.",
        lambda part: part.service,
    ),
    ("tressi_success_time_seconds", "The service times of the successes alone.", lambda part: part.success),
)


# ---------------------------------------------------------------------------------------------------------------- pools


def _pools(view: View) -> Iterator[Metric]:
    targets = GaugeMetricFamily(
        "tressi_target_requests_per_second", "The rate asked for now; absent where nothing limits it.", labels=["endpoint"]
    )
    for part in _snapshots(view):
        if part.target_rps is not None:
            targets.add_metric([part.endpoint_key], part.target_rps)
    yield targets
    workers = GaugeMetricFamily("tressi_workers", "Workers now.", labels=["pool"])
    most = GaugeMetricFamily("tressi_workers_max", "The most workers that the pool may have.", labels=["pool"])
    busy = GaugeMetricFamily(
        "tressi_utilisation_ratio",
        "Share of the workers' time that was occupied in the last second.",
        labels=["pool"],
    )
    moment = view.moment
    seconds = {one.endpoint_key: one.utilisation for one in (*moment.endpoints, *moment.flows)} if moment else {}
    for pool, parts in _by_pool(view).items():
        workers.add_metric([pool], max(part.worker_count for part in parts))
        # Each endpoint of the shared pool has all of the pool's lanes, and its own part of their time.
        busy.add_metric([pool], min(1.0, sum(seconds.get(part.endpoint_key, 0.0) for part in parts)))
    for endpoint in view.config.autoscaled:
        most.add_metric([endpoint.endpoint_key], endpoint.autoscale.max_workers if endpoint.autoscale else 0)
    for flow in view.config.flows:
        most.add_metric([flow.endpoint_key], flow.autoscale.max_workers if flow.autoscale else flow.workers)
    yield from (workers, most, busy)
    yield _counter("tressi_scaling_decisions", "Pools that were scaled.", ("pool", "action"), view.decisions.items())
    yield _counter(
        "tressi_changes", "What was changed by hand.", ("action",), (((action,), n) for action, n in view.changes.items())
    )


def _by_pool(view: View) -> dict[str, list[EndpointSnapshot]]:
    pools: dict[str, list[EndpointSnapshot]] = {}
    for endpoint in view.config.endpoints:
        pool = endpoint.endpoint_key if endpoint.autoscale else SHARED
        if endpoint.flow is None:  # the workers of a step are its flow's
            pools.setdefault(pool, []).append(view.reading.endpoints[endpoint.endpoint_key])
    return pools | {flow.endpoint_key: [view.reading.flows[flow.endpoint_key]] for flow in view.config.flows}


# -------------------------------------------------------------------------------------------------------- the generator


def _generator(view: View) -> Iterator[Metric]:
    generator = view.reading.generator
    is_saturated = view.moment is not None and bool(view.moment.saturated_by)
    yield GaugeMetricFamily(
        "tressi_generator_saturated", "1 while the generator, not the target, is the bottleneck.", float(is_saturated)
    )
    yield GaugeMetricFamily("tressi_generator_engines", "Engines.", float(max(1, len(generator.busy_s))))
    yield CounterMetricFamily("tressi_generator_cpu_seconds", "CPU time of all engines.", generator.cpu_s)
    yield CounterMetricFamily(
        "tressi_generator_run_queue_seconds", "Time that engines were ready while others had the core.", generator.run_queue_s
    )
    yield _counter(
        "tressi_generator_timed_responses",
        "Responses by who timed their arrival.",
        ("clock",),
        ((("kernel",), generator.kernel_timed), (("user",), generator.user_timed)),
    )
    yield CounterMetricFamily(
        "tressi_generator_disturbed_responses",
        "Responses whose service time our own reading may have lengthened by more than 5 %.",
        generator.disturbed,
    )
    yield _histogram(
        "tressi_generator_own_delay_seconds",
        "From a response's arrival in the kernel until we had read it.",
        [generator.own_delay],
    )
    yield _histogram(
        "tressi_generator_late_send_seconds", "How late a start was sent through our own fault.", [generator.late_sends]
    )


def _judgement(view: View) -> Iterator[Metric]:
    passed = GaugeMetricFamily(
        "tressi_threshold_passed", "1 while the threshold holds, 0 once it is broken.", labels=["threshold", "endpoint"]
    )
    for which, holds in view.verdicts.items():
        if holds is not None:
            passed.add_metric(which, float(holds))
    yield passed


# ------------------------------------------------------------------------------------------------------ the small parts


def _snapshots(view: View) -> list[EndpointSnapshot]:
    return [view.reading.endpoints[endpoint.endpoint_key] for endpoint in view.config.endpoints]


def _counter(name: str, text: str, labels: tuple[str, ...], samples: Iterable[tuple[tuple[str, ...], int]]) -> Metric:
    metric = CounterMetricFamily(name, text, labels=labels)
    for values, count in samples:
        metric.add_metric(values, count)
    return metric


def _histogram(name: str, text: str, parts: Iterable[Histogram | None]) -> Metric:
    """All parts as one histogram without labels; none where nothing was recorded."""
    merged = Histogram()
    for part in parts:
        if part is not None:
            merged.merge(part)
    metric = HistogramMetricFamily(name, text, labels=[])
    _add_histogram(metric, [], merged)
    return metric


def _add_histogram(metric: HistogramMetricFamily, labels: list[str], histogram: Histogram) -> None:
    if histogram.count:
        counts = cumulative(histogram)
        metric.add_metric(labels, list(zip(BUCKETS, counts, strict=True)), histogram.mean_us * counts[-1] / 1e6)


def cumulative(histogram: Histogram) -> list[int]:
    """How many values are at most each edge, to a counter's width (1 µs up to 2 ms, 0.1 % beyond), then how many in all."""
    return [*histogram.counts_up_to(EDGES_US), histogram.count]
