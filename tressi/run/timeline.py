"""A run second by second: what changed, what is published of it, and whether the generator was in the way.

All figures of a second come from that second alone: what was counted between its two readings. The sliding window, which
stretches where attempts are few or long, is the autoscaler's, and its reasons quote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tressi.model import Moment
from tressi.run.blank import blank_snapshot
from tressi.run.delta import Delta, decode_delta, delta_between, encode_delta
from tressi.run.moments import endpoint_moment, row_of, total_moment
from tressi.run.selfcheck import Finding, check_generator
from tressi.run.spool import Spool
from tressi.run.thresholds import Thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tressi.model import Change, EngineSnapshot, ResolvedConfig
    from tressi.run.selfcheck import Rule


class Timeline:
    """Turns readings of the engine into moments, rows and deltas; keeps the last reading, the rest goes to disk."""

    def __init__(self, config: ResolvedConfig) -> None:
        self._config = config
        self._keys = tuple(endpoint.endpoint_key for endpoint in config.endpoints)
        self._rows, self._deltas = Spool(), Spool()
        self._changes: list[Change] = []
        self.last = blank_snapshot(config)
        self.last_t = 0.0
        self.findings: tuple[Finding, ...] = ()
        self.saturation = Saturation()
        self.thresholds = Thresholds(config)
        self.abort_reason: str | None = None

    def note(self, change: Change) -> None:
        """Tell in the next moment that somebody changed the run."""
        self._changes.append(change)

    def tick(self, t: float, snapshot: EngineSnapshot, *, paused: bool = False) -> Moment:
        """Close the second that ends at `t`: check the generator, keep the row and the delta, and tell what happened.

        `abort_reason` then says why the run must end, if a threshold wants that.
        """
        self.findings = check_generator(self.last, snapshot)
        self.saturation.add(self.findings, t - self.last_t)
        self.abort_reason = self.thresholds.tick(t, snapshot, saturated=bool(self.findings))
        delta = delta_between(self.last, snapshot, t, t - self.last_t)
        moment = self._moment(t, snapshot, delta, paused=paused)
        self._changes = []
        self._rows.append(orjson.dumps(row_of(moment)))
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

    def _moment(self, t: float, snapshot: EngineSnapshot, delta: Delta, *, paused: bool) -> Moment:
        deltas = {one.endpoint_key: one for one in delta.endpoints}
        endpoints = tuple(
            endpoint_moment(endpoint, snapshot.endpoints[endpoint.endpoint_key], deltas[endpoint.endpoint_key], delta.span_s)
            for endpoint in self._config.endpoints
        )
        return Moment(
            t=t,
            duration_s=self._config.duration_s,
            endpoints=endpoints,
            total=total_moment(endpoints, delta),
            reading=snapshot,
            saturated_by=tuple(str(finding) for finding in self.findings),
            changes=tuple(self._changes),
            thresholds=self.thresholds.verdicts(),
            paused=paused,
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
