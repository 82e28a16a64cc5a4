"""The flows of a run as Prometheus metrics: starts and what became of them. Requests are counted by the endpoints of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from tressi.model.flow import steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

    from tressi._core import Histogram
    from tressi.model import EngineSnapshot, ResolvedConfig

_COUNTS = (
    ("tressi_flow_started", "Starts of a flow that users took.", "started"),
    ("tressi_flow_completed", "Starts that were walked to their end.", "succeeded"),
    ("tressi_flow_missed_starts", "Scheduled starts that were given up, because no user was free.", "missed"),
    ("tressi_flow_generator_missed_starts", "The part of the missed starts that was the generator's own fault.", "missed_late"),
    ("tressi_flow_cut", "Starts that were under way when the graceful stop was over.", "cut"),
)


def flow_families(
    config: ResolvedConfig,
    reading: EngineSnapshot,
    add_histogram: Callable[[HistogramMetricFamily, list[str], Histogram], None],
) -> Iterator[Metric]:
    """Every metric of flows; a run without any has none of them."""
    if not config.flows:
        return
    books = [(flow, reading.flows[flow.endpoint_key]) for flow in config.flows]
    for name, text, field in _COUNTS:
        counter = CounterMetricFamily(name, text, labels=["flow"])
        for flow, book in books:
            counter.add_metric([flow.name], getattr(book, field))
        yield counter
    lost = CounterMetricFamily(
        "tressi_flow_abandoned", "Starts that ended with a step that failed, by that step.", labels=["flow", "endpoint"]
    )
    under_way = GaugeMetricFamily("tressi_flow_under_way", "Users on their way now, thinking included.", labels=["flow"])
    targets = GaugeMetricFamily(
        "tressi_flow_target_starts_per_second", "The rate asked for now; absent where nothing limits it.", labels=["flow"]
    )
    durations = HistogramMetricFamily(
        "tressi_flow_duration_seconds",
        "Of completed starts, from the scheduled start to the end of the last step, without thinking; missed starts included.",
        labels=["flow"],
    )
    for flow, book in books:
        for key in steps_of(flow):
            lost.add_metric([flow.name, key], reading.endpoints[key].abandoned)
        under_way.add_metric([flow.name], book.in_flight)
        if book.target_rps is not None:
            targets.add_metric([flow.name], book.target_rps)
        add_histogram(durations, [flow.name], book.response)
    yield from (lost, under_way, targets, durations)
