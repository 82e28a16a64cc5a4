"""When a run must end by itself (its duration, and the early exit in all its forms), and how long it may take to end.

An engine's own sliding window spans about ten attempts of a slow endpoint, too few for a failure rate that means
something. So the rate is taken over a window of the whole run, from readings of the running totals.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from tressi.frozen import dataclass
from tressi.model.data import Rows
from tressi.model.delta import delta_between, reading_of
from tressi.vocabulary import OVER, is_failed_status, status_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from gevent.event import Event

    from tressi.model import EarlyExit, EndpointSnapshot, EndReason, EngineSnapshot, ResolvedConfig

CHECK_S: Final = 0.25
WINDOW_S: Final = 1.0
WINDOW_ATTEMPTS: Final = 20
# `docker stop` and CI systems kill 10 s after their signal: half of that is left for the results.
HURRIED_DRAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Totals:
    """Attempts and failures of all endpoints together, from the run's start to `t` seconds after it."""

    t: float = 0.0
    attempts: int = 0
    failures: int = 0


class FailureWindow:
    """The shortest run of readings that ends now, spans 1 s and holds 20 attempts; before that, all there are."""

    def __init__(self) -> None:
        self._readings = deque([Totals()])

    def add(self, totals: Totals) -> None:
        """Take the newest reading, and forget those that no later window can begin with."""
        self._readings.append(totals)
        while len(self._readings) > 1 and _spans_window(self._readings[1], totals):
            self._readings.popleft()

    @property
    def attempts(self) -> int:
        """Attempts that ended in the window."""
        return self._readings[-1].attempts - self._readings[0].attempts

    @property
    def failures(self) -> int:
        """Those of them that failed."""
        return self._readings[-1].failures - self._readings[0].failures


def _spans_window(earlier: Totals, later: Totals) -> bool:
    return later.t - earlier.t >= WINDOW_S and later.attempts - earlier.attempts >= WINDOW_ATTEMPTS


def totals_of(snapshot: EngineSnapshot, t: float) -> Totals:
    """Add the endpoints of a snapshot read `t` seconds after the run's start."""
    endpoints = snapshot.endpoints.values()
    return Totals(t, sum(one.requests_made for one in endpoints), sum(one.failed for one in endpoints))


def early_exit_reason(rules: EarlyExit, snapshot: EngineSnapshot, window: FailureWindow) -> str | None:
    """Say in words why the run must end now, or None where it may go on. Counts and rates are of the whole run."""
    return _too_many(rules, snapshot) or _too_often(rules, window) or _forbidden(rules, snapshot) or _first(rules, snapshot)


def _too_many(rules: EarlyExit, snapshot: EngineSnapshot) -> str | None:
    failures = sum(one.failed for one in snapshot.endpoints.values())
    if rules.error_count_threshold is None or failures < rules.error_count_threshold:
        return None
    return f"{failures} failures reached the errorCountThreshold of {rules.error_count_threshold} ({_most_failing(snapshot)})"


def _too_often(rules: EarlyExit, window: FailureWindow) -> str | None:
    # A threshold of 0 asks for the first failure, not for the first attempt.
    if rules.error_rate_threshold is None or window.attempts < WINDOW_ATTEMPTS or window.failures == 0:
        return None
    if window.failures < rules.error_rate_threshold * window.attempts:
        return None
    share = f"{window.failures} of {window.attempts} attempts failed ({window.failures / window.attempts:.1%})"
    return f"{share}, the errorRateThreshold is {rules.error_rate_threshold:g}"


def _forbidden(rules: EarlyExit, snapshot: EngineSnapshot) -> str | None:
    for one in snapshot.endpoints.values():
        for code in sorted(rules.error_status_codes & one.status_codes.keys()):
            if one.status_codes[code]:
                return f"{one.endpoint_key} answered with status {code}, which is among the errorStatusCodes"
    return None


def _first(rules: EarlyExit, snapshot: EngineSnapshot) -> str | None:
    if rules.error_rate_threshold is not None or rules.error_count_threshold is not None or rules.error_status_codes:
        return None
    if not any(one.failed for one in snapshot.endpoints.values()):
        return None
    return f"an attempt failed, and earlyExitOnError is set without a threshold ({_most_failing(snapshot)})"


def _most_failing(snapshot: EngineSnapshot) -> str:
    worst = max(snapshot.endpoints.values(), key=lambda one: one.failed)
    return f"most by {worst.endpoint_key}: {_most_common(worst)}"


def _most_common(endpoint: EndpointSnapshot) -> str:
    kinds = Counter(endpoint.errors)
    kinds.update({f"status {status_name(code)}": n for code, n in endpoint.status_codes.items() if is_failed_status(code)})
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3)) or f"{endpoint.failed} attempts"


def drain_s(graceful_stop_s: float, reason: EndReason) -> float:
    """How long what is in flight is waited for after an end of this kind."""
    return min(graceful_stop_s, HURRIED_DRAIN_S) if reason in {"interrupted", "error"} else graceful_stop_s


def may_complete(config: ResolvedConfig) -> bool:
    """Whether a run may end by itself because there is nothing more to send."""
    runs_out = any(isinstance(source, Rows) and source.pick == "unique" for source in config.data.values())
    counts = config.max_requests is not None or any(one.max_requests is not None for one in config.endpoints)
    return runs_out or counts


def complete_words(snapshot: EngineSnapshot) -> str:
    """Why there is nothing more to send."""
    parts = (*snapshot.endpoints.values(), *snapshot.flows.values())
    kinds = [OVER[kind] for kind in sorted({one.over for one in parts})]
    words = " or ".join(kind[1] for kind in kinds if kind is not None)
    # Of an engine that was lost nobody knows whether it had made its last request.
    return f"each endpoint is through: {words}" if words else "each endpoint is through"


class Limits:
    """The greenlet's work: tells the runner when the run is over, and why.

    `read` reads the engine, `now` is the run's clock. `end` is given the reason, its detail, and when it was if not now.
    """

    def __init__(
        self,
        config: ResolvedConfig,
        read: Callable[[], EngineSnapshot],
        now: Callable[[], float],
        end: Callable[..., object],
    ) -> None:
        self._config, self._read, self._now, self._end = config, read, now, end
        self._window = FailureWindow()
        self._looks = config.early_exit is not None or may_complete(config)
        self._warm: EngineSnapshot | None = None  # the reading with which the warm-up ended

    def watch(self, ended: Event) -> None:
        """Check until the run has ended, here or elsewhere. What failed before the last moment still counts as early exit."""
        check_at = CHECK_S
        while not ended.wait(max(0.0, self._next(check_at) - self._now())):
            now = self._now()
            if now < self._next(check_at):
                continue
            snapshot = self._read() if self._looks else None
            reason = None if snapshot is None else self._early_exit(snapshot, now)
            if reason is not None:
                self._end("early-exit", reason)
            elif snapshot is not None and snapshot.over_s is not None:
                self._end("complete", complete_words(snapshot), snapshot.over_s)
            elif now >= self._config.duration_s:
                self._end("duration", None)
            while check_at <= now:
                check_at += CHECK_S

    def _next(self, check_at: float) -> float:
        if not self._looks:
            return self._config.duration_s
        warm_s = self._config.warm_up_s if self._config.early_exit is not None and self._warm is None else 0.0
        return min(self._config.duration_s, check_at, warm_s or check_at)

    def _early_exit(self, snapshot: EngineSnapshot, now: float) -> str | None:
        if self._config.early_exit is None:
            return None
        if now < self._config.warm_up_s:
            return None
        if self._config.warm_up_s:
            self._warm = self._warm or snapshot
            snapshot = reading_of(delta_between(self._warm, snapshot, now, now))
        self._window.add(totals_of(snapshot, now))
        return early_exit_reason(self._config.early_exit, snapshot, self._window)
