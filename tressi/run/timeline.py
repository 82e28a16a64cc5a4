"""A run second by second: what changed, what is published of it, and whether the generator was in the way.

Percentiles of a second come from that second's histograms alone. Rates, utilisation and error rates are those of the
sliding window, the very numbers that the autoscaler decides on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tressi.model import EndpointMoment, Moment
from tressi.run.blank import blank_snapshot
from tressi.run.selfcheck import Finding, check_generator
from tressi.run.spool import Delta, EndpointDelta, Spool, decode_delta, delta_between, encode_delta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tressi.model import EndpointSnapshot, EngineSnapshot, ResolvedConfig, ResolvedEndpoint
    from tressi.run.selfcheck import Rule


class Timeline:
    """Turns readings of the engine into moments, rows and deltas; keeps the last reading, the rest goes to disk."""

    def __init__(self, config: ResolvedConfig) -> None:
        self._config = config
        self._keys = tuple(endpoint.endpoint_key for endpoint in config.endpoints)
        self._rows, self._deltas = Spool(), Spool()
        self._targets_set: list[dict[str, Any]] = []
        self.last = blank_snapshot(config)
        self.last_t = 0.0
        self.findings: tuple[Finding, ...] = ()
        self.saturation = Saturation()

    def note_target(self, t: float, endpoint_key: str, target_rps: float) -> None:
        """Log in the next row that the target was set by hand at `t` seconds since the run's start."""
        self._targets_set.append({"t": round(t, 3), "endpointKey": endpoint_key, "targetRps": target_rps})

    def tick(self, t: float, snapshot: EngineSnapshot) -> Moment:
        """Close the second that ends at `t`: check the generator, keep the row and the delta, and tell what happened."""
        self.findings = check_generator(self.last, snapshot)
        self.saturation.add(self.findings, t - self.last_t)
        delta = delta_between(self.last, snapshot, t, t - self.last_t)
        moment = self._moment(t, snapshot, delta)
        row = row_of(moment, delta)
        if self._targets_set:
            row["targetsSet"], self._targets_set = self._targets_set, []
        self._rows.append(orjson.dumps(row))
        self._keep(delta, snapshot)
        return moment

    def close(self, t: float, snapshot: EngineSnapshot) -> None:
        """Keep what came in since the last tick (the drain, `t` being its end) so that the deltas sum to the whole run."""
        self._keep(delta_between(self.last, snapshot, t, t - self.last_t), snapshot)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the summary's timeline, from the first second on."""
        return (orjson.loads(record) for record in self._rows)

    def deltas(self) -> Iterator[Delta]:
        """Each second's delta, from the first on; the last one holds the drain."""
        return (decode_delta(record, self._keys) for record in self._deltas)

    def _keep(self, delta: Delta, snapshot: EngineSnapshot) -> None:
        self._deltas.append(encode_delta(delta, self._keys))
        self.last, self.last_t = snapshot, delta.t

    def _moment(self, t: float, snapshot: EngineSnapshot, delta: Delta) -> Moment:
        deltas = {one.endpoint_key: one for one in delta.endpoints}
        return Moment(
            t=t,
            duration_s=self._config.duration_s,
            endpoints=tuple(
                endpoint_moment(endpoint, snapshot.endpoints[endpoint.endpoint_key], deltas.get(endpoint.endpoint_key))
                for endpoint in self._config.endpoints
            ),
            saturated_by=tuple(str(finding) for finding in self.findings),
        )


class Saturation:
    """For how long each rule of the self-check was broken in a run, and its worst second."""

    def __init__(self) -> None:
        self.checked_s = 0.0
        self.seconds: dict[Rule, float] = {}
        self.worst: dict[Rule, Finding] = {}

    def add(self, findings: tuple[Finding, ...], span_s: float) -> None:
        """Count `span_s` seconds in which `findings` held."""
        self.checked_s += span_s
        for finding in findings:
            self.seconds[finding.rule] = self.seconds.get(finding.rule, 0.0) + span_s
            worst = self.worst.get(finding.rule)
            if worst is None or finding.excess > worst.excess:
                self.worst[finding.rule] = finding

    def reasons(self) -> list[str]:
        """One sentence for each rule broken: for how long, how badly, and what that spoils."""
        return [f"{self.seconds[rule]:.1f} of {self.checked_s:.1f} s: at worst {worst}" for rule, worst in self.worst.items()]


def endpoint_moment(endpoint: ResolvedEndpoint, snapshot: EndpointSnapshot, delta: EndpointDelta | None) -> EndpointMoment:
    """What is published of one endpoint; `delta` is None where nothing happened since the last moment."""
    window, autoscale = snapshot.window, endpoint.autoscale
    answered = delta is not None and delta.service.count > 0
    p50_us, p99_us = delta.service.percentiles((50, 99)) if delta is not None and answered else (0, 0)
    return EndpointMoment(
        endpoint_key=endpoint.endpoint_key,
        target_rps=snapshot.target_rps,
        current_rps=window.current_rps,
        worker_count=snapshot.worker_count,
        min_workers=autoscale.min_workers if autoscale else None,
        max_workers=autoscale.max_workers if autoscale else None,
        utilisation=window.utilisation,
        error_rate=window.error_rate,
        p50_ms=p50_us / 1e3 if answered else None,
        p99_ms=p99_us / 1e3 if answered else None,
        missed=snapshot.missed,
        requests_made=snapshot.requests_made,
        errors=snapshot.errors,
    )


def row_of(moment: Moment, delta: Delta) -> dict[str, Any]:
    """One row of the summary's timeline. `missed` is that second's own, unlike the moment's, which counts from the start."""
    missed = {one.endpoint_key: one.missed for one in delta.endpoints}
    return {
        "t": round(moment.t, 3),
        "endpoints": {
            one.endpoint_key: {
                "targetRps": one.target_rps,
                "currentRps": one.current_rps,
                "workerCount": one.worker_count,
                "utilisation": one.utilisation,
                "errorRate": one.error_rate,
                "p50": one.p50_ms,
                "p99": one.p99_ms,
                "missed": missed.get(one.endpoint_key, 0),
            }
            for one in moment.endpoints
        },
        "saturated": bool(moment.saturated_by),
    }
