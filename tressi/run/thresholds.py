"""The verdicts of a run's thresholds: as they stand every second, and at its end.

A threshold about the whole run is judged by the summary's own figures at the end; what is said of it before is how it
stands. One with a window must hold in every window of that length, which moves on by a second: broken once, it stays broken.
A run that is shorter than the window is one window. What has no value at the end (a latency without a response, an error
rate without an attempt that ended) cannot be said to hold, so it fails.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tressi._core import Histogram
from tressi.frozen import dataclass
from tressi.model import ThresholdVerdict
from tressi.run.threshold_words import NO_VALUE, is_settled, verdict_words
from tressi.stats.flow_tally import flow_tally
from tressi.stats.tally import Figures, Tally, tally
from tressi.threshold.expression import Comparison, Outcome, excess, judge, metrics_of
from tressi.threshold.names import FLOW_TIMES, TIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.model import EngineSnapshot, ResolvedConfig, Threshold
    from tressi.threshold.expression import Figure

Scope = str | None  # the key of an endpoint or a flow, or None for all endpoints together

# Readings come once a second, give or take; a window begins with the one that is nearest.
_NEAR_S: Final = 0.5
_EARLY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was counted up to `t`, its histograms encoded: a copy takes hundreds of bytes instead of pages."""

    t: float
    saturated_s: float
    counted: Mapping[Scope, Tally]
    encoded: Mapping[Scope, Mapping[str, bytes]]

    def tally(self, scope: Scope) -> Tally:
        """One scope's, whole again."""
        histograms = {name: Histogram.decode(data) for name, data in self.encoded[scope].items()}
        return replace(self.counted[scope], histograms=histograms)


@dataclass(slots=True)
class _Standing:
    """What is known of one threshold: the outcome that came closest to failing or failed worst, and when it first failed."""

    threshold: Threshold
    outcome: Outcome | None = None
    failed_at: float | None = None
    outcome_t: float = 0.0
    begin_t: float = 0.0  # of what is judged

    def take(self, outcome: Outcome, t: float) -> None:
        """Of a threshold with a window: what failed once has failed, and the worst is told."""
        if outcome.holds is None:
            return
        comparison = self.threshold.comparison
        if outcome.holds is False and self.failed_at is None:
            self.failed_at, self.outcome, self.outcome_t = t, outcome, t
        elif self.outcome is None or excess(comparison, outcome) > excess(comparison, self.outcome):
            self.outcome, self.outcome_t = outcome, t

    def stand(self, outcome: Outcome, t: float) -> None:
        """Of a threshold about the whole run: how it stands now is all that counts."""
        self.outcome, self.outcome_t = outcome, t
        if outcome.holds:
            self.failed_at = None
        elif outcome.holds is False and self.failed_at is None:
            self.failed_at = t

    def verdict(self) -> ThresholdVerdict:
        """As it is told."""
        threshold, outcome = self.threshold, self.outcome
        return ThresholdVerdict(
            text=threshold.text,
            endpoint_key=threshold.endpoint_key,
            passed=None if outcome is None else outcome.holds,
            value=_number(outcome.left) if outcome else None,
            limit=_number(outcome.right) if outcome else None,
            detail=verdict_words(threshold.comparison, outcome, self.outcome_t, self.begin_t),
            failed_at=self.failed_at,
            aborts=threshold.aborts,
            settled=outcome is not None and (_must_abort(self, self.outcome_t) or is_settled(threshold.comparison, outcome)),
        )


class Thresholds:
    """Judges every threshold of a run as its readings come in. No clock and no engine: times and readings are given."""

    def __init__(self, config: ResolvedConfig) -> None:
        self._config = config
        self._standings = [_Standing(threshold) for threshold in config.thresholds]
        self._scopes = _scopes(config.thresholds)
        self._kept_s = max((one.comparison.window_s or 0 for one in config.thresholds), default=0)
        self._readings: deque[_Reading] = deque()
        self._saturated_s = 0.0
        self._begin_t = self._last_t = 0.0
        self._before: dict[Scope, Tally] = {}  # what is not judged

    def verdicts(self) -> tuple[ThresholdVerdict, ...]:
        """All of them as they stand."""
        return tuple(standing.verdict() for standing in self._standings)

    def begin(self, t: float, snapshot: EngineSnapshot) -> None:
        """Judge only what comes after the reading of `t`, with which a warm-up ended."""
        self._begin_t = self._last_t = t
        self._before = {scope: self._tally(snapshot, scope, times) for scope, times in self._scopes.items()}
        for standing in self._standings:
            standing.begin_t = t

    def tick(self, t: float, snapshot: EngineSnapshot, *, saturated: bool) -> str | None:
        """Judge what the reading of `t` says; returns why the run must end now, None where it may go on."""
        if not self._standings:
            return None
        self._saturated_s += (t - self._last_t) * saturated
        self._last_t = t
        now = {scope: self._tally(snapshot, scope, times) for scope, times in self._scopes.items()}
        now = {scope: one.since(self._before[scope]) if self._before else one for scope, one in now.items()}
        if self._kept_s and not self._readings:
            self._keep(self._begin_t, 0.0, {scope: one.since(one) for scope, one in now.items()})
        for standing in self._standings:
            self._judge(standing, now, t)
        if self._kept_s:
            self._keep(t, self._saturated_s, now)
        return next((_abort_reason(one) for one in self._standings if _must_abort(one, t)), None)

    def close(self, figures: Mapping[Scope, Figures], t: float) -> tuple[ThresholdVerdict, ...]:
        """Judge the run as a whole by its final `figures`, `t` being its length; returns every verdict for good."""
        for standing in self._standings:
            comparison = standing.threshold.comparison
            outcome = judge(comparison, figures[standing.threshold.endpoint_key].of)
            if comparison.window_s is None:
                standing.stand(outcome, t)
            elif standing.outcome is None:
                standing.take(outcome, t)
        return tuple(_final(standing.verdict(), t) for standing in self._standings)

    def unjudged(self, t: float) -> tuple[ThresholdVerdict, ...]:
        """Every verdict on a run that ended after `t` seconds, within its warm-up: what has no value does not hold."""
        return tuple(_final(replace(standing.verdict(), passed=None), t) for standing in self._standings)

    # ------------------------------------------------------------------------------------------------------ its small parts

    def _judge(self, standing: _Standing, now: Mapping[Scope, Tally], t: float) -> None:
        comparison, scope = standing.threshold.comparison, standing.threshold.endpoint_key
        starts = {window_s: self._begin(t - window_s) for window_s in _windows(comparison)}
        if None in starts.values():
            return
        views: dict[int | None, Figures] = {None: now[scope].over(t - self._begin_t, saturated=self._saturated_s > 0)}
        for window_s, start in starts.items():
            if start is not None:
                within = now[scope].since(start.tally(scope))
                views[window_s] = within.over(t - start.t, saturated=self._saturated_s > start.saturated_s)
        outcome = judge(comparison, lambda metric: views[metric.window_s].of(metric))
        if starts:
            standing.take(outcome, t)
        else:
            standing.stand(outcome, t)

    def _begin(self, t: float) -> _Reading | None:
        """The reading with which a window begins at `t`; None before the run, and before the end of its warm-up."""
        # That end need not be a whole second, and the window after it is not to be a shorter one.
        if t < self._begin_t - _EARLY_S and self._begin_t:
            return None
        near = min(self._readings, key=lambda reading: abs(reading.t - t), default=None)
        return near if near is not None and near.t <= t + _NEAR_S else None

    def _keep(self, t: float, saturated_s: float, counted: Mapping[Scope, Tally]) -> None:
        encoded = {
            scope: {name: histogram.encode() for name, histogram in one.histograms.items()} for scope, one in counted.items()
        }
        bare = {scope: replace(one, histograms={}) for scope, one in counted.items()}
        self._readings.append(_Reading(t, saturated_s, bare, encoded))
        while self._readings[0].t < t - self._kept_s - _NEAR_S:
            self._readings.popleft()

    def _tally(self, snapshot: EngineSnapshot, scope: Scope, times: Iterable[str]) -> Tally:
        if scope is not None and scope in snapshot.flows:
            return flow_tally(snapshot.flows[scope], times)
        parts = list(snapshot.endpoints.values()) if scope is None else [snapshot.endpoints[scope]]
        return tally(parts, times)


def _scopes(thresholds: Iterable[Threshold]) -> dict[Scope, set[str]]:
    """The latencies that are asked of each scope."""
    scopes: dict[Scope, set[str]] = {}
    for threshold in thresholds:
        times = {metric.name.partition(".")[0] for metric in metrics_of(threshold.comparison)} & {*TIMES, *FLOW_TIMES}
        scopes.setdefault(threshold.endpoint_key, set()).update(times)
    return scopes


def _windows(comparison: Comparison) -> Sequence[int]:
    return sorted({metric.window_s for metric in metrics_of(comparison) if metric.window_s is not None})


def _number(figure: Figure) -> float | None:
    return float(figure) if isinstance(figure, bool) else figure


def _must_abort(standing: _Standing, t: float) -> bool:
    threshold, outcome = standing.threshold, standing.outcome
    is_time = t - standing.begin_t >= threshold.abort_delay_s
    return threshold.aborts and is_time and outcome is not None and outcome.holds is False


def _abort_reason(standing: _Standing) -> str:
    verdict = standing.verdict()
    of = f" of {verdict.endpoint_key}" if verdict.endpoint_key else ""
    return f"the threshold {verdict.text}{of} is broken: {verdict.detail}"


def _final(verdict: ThresholdVerdict, t: float) -> ThresholdVerdict:
    if verdict.passed is None:
        verdict = replace(verdict, passed=False, failed_at=t, detail=NO_VALUE)
    return replace(verdict, settled=not verdict.passed)
