"""A run second by second: what changed, what is published of it, and whether the generator was in the way.

All figures of a second come from that second alone: what was counted between its two readings. The sliding window, which
stretches where attempts are few or long, is the autoscaler's, and its reasons quote it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from tressi.frozen import dataclass
from tressi.model import Moment
from tressi.model.delta import delta_between
from tressi.run.blank_snapshot import blank_snapshot
from tressi.run.bounded import FirstAndLast
from tressi.run.kept import Kept, Place
from tressi.run.thresholds import Thresholds
from tressi.run.trouble import Troubles
from tressi.run.warm_up import WarmUp
from tressi.stats.seconds import delta_figures, endpoint_moment, flow_moment, total_moment
from tressi.stats.selfcheck import Finding, check_generator, merged
from tressi.stats.summary_rows import change_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tressi.model import Change, Delta, EndReason, EngineSnapshot, ResolvedConfig, ScalingDecision
    from tressi.stats.seconds import DeltaFigures
    from tressi.stats.selfcheck import Rule

# Pools that are scaled every few seconds for a day would outgrow everything else in the summary.
_KEPT_OF_A_KIND: Final = 5_000


class Second:
    """A second of a run that is over: what is published of it, what happened in it, and what follows for the run.

    `findings` are the broken rules of the self-check, `abort` says why the run must end now (None: it may go on).
    `publish` makes what is published, which many endpoints make large: only where somebody listens.
    """

    def __init__(
        self,
        publish: Callable[[], Moment],
        delta: Delta,
        decisions: tuple[ScalingDecision, ...],
        findings: tuple[Finding, ...],
        abort: str | None,
    ) -> None:
        self._publish = publish
        self.delta, self.decisions, self.findings, self.abort = delta, decisions, findings, abort

    @cached_property
    def moment(self) -> Moment:
        """What is published of it."""
        return self._publish()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: `duration_s` ends where the drain begins, and `reading` is of that moment."""

    reason: EndReason
    detail: str | None
    duration_s: float
    reading: EngineSnapshot


class Timeline:
    """The course of a run: turns readings into seconds and keeps what a summary is made of. No clock and no engine.

    `throttled_s` is for how long a cgroup's quota had held the generator back when the run began.
    """

    def __init__(self, config: ResolvedConfig, throttled_s: float = 0.0) -> None:
        self._config = config
        keys = tuple(endpoint.endpoint_key for endpoint in config.endpoints)
        self._shared = frozenset(one.endpoint_key for one in config.endpoints if one.autoscale is None and one.flow is None)
        self._steps = frozenset(one.endpoint_key for one in config.endpoints if one.flow is not None)
        flows = tuple(flow.endpoint_key for flow in config.flows)
        self.kept = Kept(keys, self._shared, config.duration_s, flows)
        self._decisions: FirstAndLast[ScalingDecision] = FirstAndLast(_KEPT_OF_A_KIND)
        self._changes: FirstAndLast[Change] = FirstAndLast(_KEPT_OF_A_KIND)
        self._new_changes: list[Change] = []
        self._new_decisions: list[ScalingDecision] = []
        self.last = blank_snapshot(config)
        self._troubles = Troubles(self.last)
        self.last_t = 0.0
        self._throttled_s = throttled_s
        self._number = 0
        self._saturation = Saturation()
        self._thresholds = Thresholds(config)
        self._warm_up = WarmUp(config.warm_up_s)

    def note(self, change: Change) -> None:
        """Take a change that somebody made to the run; the next second tells it."""
        self._changes.append(change)
        self._new_changes.append(change)

    def take(self, decision: ScalingDecision) -> None:
        """Take a decision of the autoscaler that changed a pool; the next second tells it."""
        self._decisions.append(decision)
        self._new_decisions.append(decision)

    def tick(self, t: float, snapshot: EngineSnapshot, *, paused: bool = False, throttled_s: float = 0.0) -> Second:
        """Close the second that ends at `t`: check the generator, keep the row and the delta, and tell what happened.

        `throttled_s` is for how long a cgroup's quota has held the generator back up to now.
        """
        findings = check_generator(self.last, snapshot, throttled_s - self._throttled_s, self._steps)
        self._throttled_s = throttled_s
        warm_up, abort = self._warm_up.covers(self.last_t), None
        if not warm_up:
            self._saturation.add(findings, t - self.last_t)
            abort = self._thresholds.tick(t, snapshot, saturated=bool(findings))
        delta = self._since_last(t, snapshot)
        figures = delta_figures(delta, self._shared)
        publish = partial(
            self._moment,
            delta,
            figures,
            reading=snapshot,
            saturated_by=tuple(str(finding) for finding in findings),
            changes=tuple(self._new_changes),
            thresholds=self._thresholds.verdicts(),
            paused=paused,
            troubles=self._troubles.tick(snapshot),
            warm_up=warm_up,
        )
        self.kept.add(Place(delta, bool(findings), [change_row(one) for one in self._new_changes], warm_up), figures)
        if self._warm_up.ends_with(t, snapshot):
            self._thresholds.begin(t, snapshot)
            self.kept.end_warm_up()
        self.last, self.last_t = snapshot, t
        second = Second(publish, delta, tuple(self._new_decisions), findings, abort)
        self._new_changes, self._new_decisions = [], []
        return second

    def close(self, t: float, snapshot: EngineSnapshot) -> Delta:
        """Keep what came in since the last tick (the drain, `t` being its end), so that what is kept sums to the whole run."""
        delta = self._since_last(t, snapshot)
        self.kept.close(delta)
        self.last, self.last_t = snapshot, t
        return delta

    def sum_up(
        self, started_at: str, ending: Ending, left_out: Sequence[str] = (), pause: Callable[[], object] = lambda: None
    ) -> dict[str, Any]:
        """The summary of the run; `started_at` is ISO 8601, `left_out` says what else is missing.

        `pause` lets others run, and is called now and then.
        """
        from tressi.run.summary import RunRecord, figures_of, summarise  # noqa: PLC0415 - no request waits for the end's
        from tressi.run.sure import doubted, sure_of  # noqa: PLC0415 - likewise

        lasted_s = ending.duration_s
        record = RunRecord(
            config=self._config,
            started_at=started_at,
            duration_s=lasted_s,
            warm_up_s=self._warm_up.left_out_s(lasted_s),
            end_reason=ending.reason,
            end_detail=ending.detail,
            ended=self._warm_up.measured(ending.reading, lasted_s),
            final=self._warm_up.measured(self.last, lasted_s),
            decisions=list(self._decisions),
            changes=list(self._changes),
            rows=list(self.kept.rows()),
            row_s=self.kept.seconds,
            left_out=[*self._left_out(), *left_out],
            saturated_by=self._saturation.reasons(),
            nodes=self.last.nodes,
        )
        self.kept.is_unmeasured = record.is_unmeasured
        if record.is_unmeasured:
            return summarise(replace(record, verdicts=self._thresholds.unjudged(lasted_s)))
        record = replace(record, sure=sure_of(self.kept, self._config, record.decisions, (record.warm_up_s, lasted_s), pause))
        figures = figures_of(record)
        verdicts = self._thresholds.close(figures, lasted_s)
        return summarise(replace(record, verdicts=doubted(verdicts, self._config.thresholds, record.sure)), figures)

    def _left_out(self) -> list[str]:
        bounded = [*self._decisions.left_out("scaling decisions"), *self._changes.left_out("changes")]
        return [*self.kept.left_out, *bounded]

    def _since_last(self, t: float, snapshot: EngineSnapshot) -> Delta:
        self._number += 1
        return delta_between(self.last, snapshot, t, t - self.last_t, self._number)

    def _moment(self, delta: Delta, figures: DeltaFigures, *, reading: EngineSnapshot, **known: Any) -> Moment:  # noqa: ANN401 - fields of Moment
        """What is published of a second."""
        of_endpoints = {one.endpoint_key: its for one, its in zip(delta.endpoints, figures.endpoints, strict=True)}
        endpoints = tuple(
            endpoint_moment(one, reading.endpoints[one.endpoint_key], of_endpoints[one.endpoint_key])
            for one in self._config.endpoints
        )
        of_flows = {one.endpoint_key: (one, its) for one, its in zip(delta.flows, figures.flows, strict=True)}
        flows = tuple(
            flow_moment(flow, reading.flows[key], *of_flows[key], reading.endpoints)
            for flow in self._config.flows
            for key in [flow.endpoint_key]
        )
        return Moment(
            t=delta.t,
            duration_s=self._config.duration_s,
            endpoints=endpoints,
            total=total_moment(endpoints, figures.total),
            reading=reading,
            max_requests=self._config.max_requests,
            flows=flows,
            **known,
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
