"""A run second by second: what changed, what is published of it, and whether the generator was in the way.

All figures of a second come from that second alone: what was counted between its two readings. The sliding window, which
stretches where attempts are few or long, is the autoscaler's, and its reasons quote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.model import Moment
from tressi.run.blank import blank_snapshot
from tressi.run.delta import Delta, delta_between
from tressi.run.kept import Kept, Place
from tressi.run.moments import endpoint_moment, row_of, total_moment
from tressi.run.selfcheck import Finding, check_generator, merged
from tressi.run.thresholds import Thresholds
from tressi.run.trouble import Troubles

if TYPE_CHECKING:
    from tressi.model import Change, EngineSnapshot, ResolvedConfig
    from tressi.run.selfcheck import Rule


class Timeline:
    """Turns readings of the engine into moments, and those into what is kept of them; has the last reading itself."""

    def __init__(self, config: ResolvedConfig, throttled_s: float = 0.0) -> None:
        self._config = config
        keys = tuple(endpoint.endpoint_key for endpoint in config.endpoints)
        shared = {endpoint.endpoint_key for endpoint in config.endpoints if endpoint.autoscale is None}
        self.kept = Kept(keys, shared, config.duration_s)
        self._changes: list[Change] = []
        self.last = blank_snapshot(config)
        self._troubles = Troubles(self.last)
        self.last_t = 0.0
        self._throttled_s = throttled_s
        self.findings: tuple[Finding, ...] = ()
        self.saturation = Saturation()
        self.thresholds = Thresholds(config)
        self.abort_reason: str | None = None

    def note(self, change: Change) -> None:
        """Tell in the next moment that somebody changed the run."""
        self._changes.append(change)

    def tick(self, t: float, snapshot: EngineSnapshot, *, paused: bool = False, throttled_s: float = 0.0) -> Moment:
        """Close the second that ends at `t`: check the generator, keep the row and the delta, and tell what happened.

        `throttled_s` is for how long a cgroup's quota has held the generator back up to now. `abort_reason` then says why the
        run must end, if a threshold wants that.
        """
        self.findings = check_generator(self.last, snapshot, throttled_s - self._throttled_s)
        self._throttled_s = throttled_s
        self.saturation.add(self.findings, t - self.last_t)
        self.abort_reason = self.thresholds.tick(t, snapshot, saturated=bool(self.findings))
        delta = delta_between(self.last, snapshot, t, t - self.last_t)
        moment = self._moment(t, snapshot, delta, paused=paused)
        row = row_of(moment)
        self.kept.add(Place(delta, bool(self.findings), row.get("changes", ())), row)
        self._changes = []
        self.last, self.last_t = snapshot, t
        return moment

    def close(self, t: float, snapshot: EngineSnapshot) -> None:
        """Keep what came in since the last tick (the drain, `t` being its end), so that what is kept sums to the whole run."""
        self.kept.close(delta_between(self.last, snapshot, t, t - self.last_t))
        self.last, self.last_t = snapshot, t

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
            troubles=self._troubles.tick(snapshot),
        )


class Saturation:
    """For how long each rule of the self-check was broken in a run, and what that cost."""

    def __init__(self) -> None:
        self.checked_s = 0.0
        self.seconds: dict[Rule, float] = {}
        self.total: dict[Rule, Finding] = {}

    def add(self, findings: tuple[Finding, ...], span_s: float) -> None:
        """Count `span_s` seconds in which `findings` held."""
        self.checked_s += span_s
        for finding in findings:
            rule = finding.rule
            self.seconds[rule] = self.seconds.get(rule, 0.0) + span_s
            self.total[rule] = merged((self.total[rule], finding)) if rule in self.total else finding

    def reasons(self) -> list[str]:
        """One sentence for each rule broken: for how long, what was lost, and what that spoils."""
        return [f"in {self.seconds[rule]:.1f} of {self.checked_s:.1f} s {total}" for rule, total in self.total.items()]
