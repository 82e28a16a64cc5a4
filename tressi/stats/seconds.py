"""The figures of one second of a run: pure functions of a reading and of what changed since the last."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from tressi.frozen import dataclass
from tressi.model import EndpointMoment, FlowMoment, SecondFigures
from tressi.model.delta import added, counted
from tressi.model.flow import steps_of
from tressi.stats.bands import bands_of
from tressi.stats.latency import percentiles_ms
from tressi.vocabulary import is_failed_status, status_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tressi._core import Histogram
    from tressi.model import (
        Delta,
        EndpointCounts,
        EndpointSnapshot,
        ResolvedEndpoint,
    )
    from tressi.model.flow import Flow


_Ms = float | None
_SHOWN: Final = (50.0, 99.0)
_RESPONSE_SHOWN: Final = (50.0, 95.0, 99.0)
_NONE: Final[Mapping[Any, int]] = {}  # one for all seconds without any: there are thousands
_FIGURES: Final = tuple(field.name for field in fields(SecondFigures))
_values_of: Final = attrgetter(*_FIGURES)


@dataclass(frozen=True, slots=True)
class DeltaFigures:
    """The figures of a delta: of each endpoint and each flow in its order, and of all endpoints together."""

    endpoints: Sequence[SecondFigures]
    flows: Sequence[SecondFigures]
    total: SecondFigures


def delta_figures(delta: Delta, shared: Collection[str]) -> DeltaFigures:
    """All figures of a delta; `shared` are the keys of the shared pool's endpoints."""
    return DeltaFigures(
        [figures_of(one, delta.span_s) for one in delta.endpoints],
        [flow_figures_of(one, delta.span_s) for one in delta.flows],
        total_of(delta, shared),
    )


def figures_of(delta: EndpointCounts, span_s: float) -> SecondFigures:
    """The figures of one endpoint over the `span_s` seconds of its delta."""
    made = delta.succeeded + delta.failed
    # By their places: thousands are made each second.
    return SecondFigures(
        _mean_target_rps(delta),
        made / span_s if span_s > 0 else 0.0,
        delta.worker_count,
        _share(delta.occupied_lane_s, delta.lane_s),
        _share(delta.failed, made),
        *_latencies(delta.service, delta.response, delta.success),
        delta.missed,
        delta.status_codes or _NONE,
        failures_of(delta),
        bands_of(delta.response),
    )


def failures_of(delta: EndpointCounts) -> Mapping[str, int]:
    """What failed, by status ("503") or by the kind of the error; a status that was not expected is of that kind."""
    if not delta.failed:
        return _NONE
    found = dict(delta.errors)
    # Where all failures are errors, such a status was expected, or is among those that were not.
    if delta.failed > sum(found.values()):
        found |= {status_name(code): count for code, count in delta.status_codes.items() if is_failed_status(code)}
    return found


def flow_figures_of(delta: EndpointCounts, span_s: float) -> SecondFigures:
    """The figures of one flow over the `span_s` seconds of its delta: its rate is that of the starts that users took.

    A duration is that of a completed start, so successes have no times beside it.
    """
    rps, figures = delta.started / span_s if span_s > 0 else 0.0, figures_of(delta, span_s)
    return replace(figures, current_rps=rps, success_p50_ms=None, success_p99_ms=None, success_count=0)


def total_of(delta: Delta, shared: Collection[str]) -> SecondFigures:
    """The figures of all endpoints together; the workers of the shared pool, which `shared` names the endpoints of, once.

    The users of flows are workers, and the endpoints of their steps have none.
    """
    parts = delta.endpoints
    targets = [rps for rps in map(_mean_target_rps, parts) if rps is not None]
    own = [part for part in (*parts, *delta.flows) if part.endpoint_key not in shared]
    pooled = [part for part in parts if part.endpoint_key in shared]
    lane_s = sum(part.lane_s for part in own) + max((part.lane_s for part in pooled), default=0.0)
    # A step's lanes are the flow's, which are occupied while their users think as well.
    occupied = [part for part in (*own, *pooled) if part.lane_s]
    rates = [_rate(part, delta.span_s) for part in parts]
    service, response = added(part.service for part in parts), added(part.response for part in parts)
    # Mostly every response is a success, and the histograms are the same.
    are_same = all(part.success is part.service for part in parts)
    success = service if are_same else added(part.success for part in parts)
    return SecondFigures(
        sum(targets) if len(targets) == len(parts) else None,
        sum(rates),
        sum(part.worker_count for part in own) + max((part.worker_count for part in pooled), default=0),
        _share(sum(part.occupied_lane_s for part in occupied), lane_s),
        _share(sum(part.failed for part in parts), sum(part.succeeded + part.failed for part in parts)),
        *_latencies(service, response, success),
        sum(part.missed for part in parts),
        counted(part.status_codes for part in parts),
        counted(failures_of(part) for part in parts if part.failed),
        bands_of(response),
    )


def endpoint_moment(endpoint: ResolvedEndpoint, snapshot: EndpointSnapshot, figures: SecondFigures) -> EndpointMoment:
    """What is published of one endpoint."""
    autoscale = endpoint.autoscale
    return EndpointMoment(
        **_fields(figures),
        endpoint_key=endpoint.endpoint_key,
        min_workers=autoscale.min_workers if autoscale else None,
        max_workers=autoscale.max_workers if autoscale else None,
        missed=snapshot.missed,
        requests_made=snapshot.requests_made,
        errors=snapshot.errors,
        asked_rps=snapshot.target_rps,
        in_flight=snapshot.in_flight,
        oldest_s=snapshot.oldest_s,
        flow=endpoint.flow,
        abandoned=snapshot.abandoned,
    )


def flow_moment(
    flow: Flow,
    snapshot: EndpointSnapshot,
    delta: EndpointCounts,
    figures: SecondFigures,
    endpoints: Mapping[str, EndpointSnapshot],
) -> FlowMoment:
    """What is published of one flow; `endpoints` are those of all steps."""
    autoscale = flow.autoscale
    return FlowMoment(
        **_fields(figures),
        endpoint_key=flow.endpoint_key,
        min_workers=autoscale.min_workers if autoscale else flow.workers,
        max_workers=autoscale.max_workers if autoscale else flow.workers,
        missed=snapshot.missed,
        requests_made=snapshot.requests_made,
        errors=snapshot.errors,
        asked_rps=snapshot.target_rps,
        in_flight=snapshot.in_flight,
        oldest_s=snapshot.oldest_s,
        abandoned=snapshot.failed,
        name=flow.name,
        started=snapshot.started,
        completed=snapshot.succeeded,
        cut=snapshot.cut,
        completed_now=delta.succeeded,
        abandoned_now=delta.failed,
        steps=tuple((key, endpoints[key].abandoned) for key in steps_of(flow)),
    )


def total_moment(endpoints: Sequence[EndpointMoment], figures: SecondFigures) -> EndpointMoment:
    """All endpoints together: their `figures`, and sums of what is known of each."""
    asked = [one.asked_rps for one in endpoints if one.asked_rps is not None]
    errors = Counter[str]()
    for one in endpoints:
        errors.update(one.errors)
    return EndpointMoment(
        **_fields(figures),
        endpoint_key="",
        min_workers=None,
        max_workers=None,
        missed=sum(one.missed for one in endpoints),
        requests_made=sum(one.requests_made for one in endpoints),
        errors=dict(errors),
        asked_rps=sum(asked) if len(asked) == len(endpoints) else None,
        in_flight=sum(one.in_flight for one in endpoints),
        oldest_s=max((one.oldest_s for one in endpoints), default=0.0),
    )


def _fields(figures: SecondFigures) -> dict[str, Any]:
    return dict(zip(_FIGURES, _values_of(figures), strict=True))


def _mean_target_rps(delta: EndpointCounts) -> float | None:
    """The mean of the curve; a time too short for a boundary of 100 ms has only the rate at its end."""
    if delta.target_rps is None or delta.scheduled_s <= 0:
        return delta.target_rps
    return delta.scheduled / delta.scheduled_s


def _rate(delta: EndpointCounts, span_s: float) -> float:
    return delta.requests_made / span_s if span_s > 0 else 0.0


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


def _latencies(
    service: Histogram, response: Histogram, success: Histogram
) -> tuple[_Ms, _Ms, _Ms, _Ms, _Ms, _Ms, _Ms, _Ms, int, int, int]:
    """The figures of latencies, from `p50_ms` to `success_count`, in the order of `SecondFigures`."""
    p50_ms, p95_ms, p99_ms = percentiles_ms(response, _RESPONSE_SHOWN)
    max_ms = response.max_us / 1e3 if response.count else None
    service_p50_ms, service_p99_ms = percentiles_ms(service, _SHOWN)
    # Mostly every response is a success, and the histogram is one and the same.
    success_p50_ms, success_p99_ms = (service_p50_ms, service_p99_ms) if success is service else percentiles_ms(success, _SHOWN)
    times_ms = (p50_ms, p95_ms, p99_ms, max_ms, service_p50_ms, service_p99_ms, success_p50_ms, success_p99_ms)
    return (*times_ms, response.count, service.count, success.count)
