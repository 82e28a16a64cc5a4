"""Progress in plain lines, for logs, pipes and terminals that only print; and the sentences that every display shares."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tressi.config.remarks import at_full_speed
from tressi.text import common_origin, milliseconds, plain, short_key
from tressi.ui.stream import finish
from tressi.ui.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.model import Change, Draining, EndpointMoment, Moment, ResolvedConfig, ScalingDecision, ThresholdVerdict

PLAIN_EVERY_S = 5.0
# Plain lines are read in logs, where a hundred of them every few seconds bury the rest.
PLAIN_ENDPOINTS_SHOWN = 20


class LenientConsole(Console):
    """A console that falls silent when its stream is gone, where rich would end the program (or raise, before 13.8)."""

    def on_broken_pipe(self) -> None:
        """Say no more."""
        self.quiet = True


class Lines(Watcher):
    """A line for each decision, and every few seconds one for each endpoint."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = PLAIN_EVERY_S
        self._origin = ""
        self._was_saturated = False
        self._is_draining = False
        self._broken: set[tuple[str, str | None]] = set()

    def start(self, config: ResolvedConfig) -> None:
        """Say what is about to happen."""
        self._origin = common_origin(endpoint.endpoint_key for endpoint in config.endpoints)
        # The command line has said already that no rate is set, in front of all its warnings.
        self._print(running(config))

    def moment(self, moment: Moment) -> None:
        """Show the endpoints when it is time again, and why the generator is the bottleneck then and when it becomes so."""
        is_time = moment.t >= self._next_s
        if is_time or not self._was_saturated:
            for reason in moment.saturated_by:
                self._print(f"{moment.t:6.1f} s  SATURATED: {plain(reason)}")
        self._was_saturated = bool(moment.saturated_by)
        self._show_thresholds(moment)
        if is_time:
            self._next_s = moment.t + PLAIN_EVERY_S - 0.5
            self._show_endpoints(moment)

    def decision(self, decision: ScalingDecision) -> None:
        """Show it with its reason."""
        self._print(decision_line(decision, self._origin))

    def change(self, change: Change) -> None:
        """Show it."""
        self._print(change_line(change, self._origin))

    def draining(self, draining: Draining) -> None:
        """Say it when it begins to take long, and when it is time again."""
        if draining.t >= self._next_s or not self._is_draining:
            self._is_draining = True
            self._next_s = draining.t + PLAIN_EVERY_S - 0.5
            self._print(f"{draining.t:6.1f} s  {draining_words(draining)}")

    def stop(self) -> None:
        """Everything is said."""
        finish(self._console.file)

    def _show_thresholds(self, moment: Moment) -> None:
        """Say once of each threshold that it broke."""
        broken = {(one.text, one.endpoint_key): one for one in moment.thresholds if one.passed is False}
        for place, verdict in broken.items():
            if place not in self._broken:
                self._print(f"{moment.t:6.1f} s  {threshold_line(verdict, self._origin)}")
        self._broken = set(broken)

    def _show_endpoints(self, moment: Moment) -> None:
        self._print(f"{moment.t:6.1f} s  {time_left(moment)}{', paused' * moment.paused}")
        shown, hidden = fitting(moment.endpoints, PLAIN_ENDPOINTS_SHOWN)
        for endpoint in shown:
            cells = "  ".join(f"{name} {value}" for name, value in cells_of(endpoint).items())
            self._print(f"{moment.t:6.1f} s  {short_key(endpoint.endpoint_key, self._origin)}  {cells}")
        if hidden:
            self._print(f"{moment.t:6.1f} s  … and {hidden} more")

    def _print(self, line: str) -> None:
        with suppress(OSError):
            self._console.print(Text(line))


def fitting(endpoints: Sequence[EndpointMoment], room: int) -> tuple[Sequence[EndpointMoment], int]:
    """The endpoints that `room` lines show, one of them for how many are hidden; and that count."""
    if len(endpoints) <= room:
        return endpoints, 0
    return endpoints[: room - 1], len(endpoints) - (room - 1)


def cells_of(endpoint: EndpointMoment) -> Mapping[str, str]:
    """One endpoint's figures by their column; workers with the most there may be, latencies in milliseconds."""
    most = "" if endpoint.max_workers is None else f"/{endpoint.max_workers}"
    return {
        "target": "max" if endpoint.target_rps is None else f"{endpoint.target_rps:.0f}",
        "rate": f"{endpoint.current_rps:.0f}",
        "workers": f"{endpoint.worker_count}{most}",
        "busy": f"{endpoint.utilisation:.0%}",
        "p50": milliseconds(endpoint.p50_ms),
        "p99": milliseconds(endpoint.p99_ms),
        "failed": f"{endpoint.error_rate:.0%}",
        "missed": str(endpoint.missed),
    }


# ---------------------------------------------------------------------------------------------------- the sentences


def announcement(config: ResolvedConfig) -> str:
    """What is about to happen, and first of all that nothing limits it, where that is so."""
    full_speed = at_full_speed(config)
    return f"{full_speed}; {running(config)}" if full_speed else running(config)


def running(config: ResolvedConfig) -> str:
    """What is run, and for how long."""
    count, origin = len(config.endpoints), common_origin(endpoint.endpoint_key for endpoint in config.endpoints)
    at = f" of {plain(origin)}" if origin else ""
    return f"running {count} endpoint{'s' * (count != 1)}{at} for {config.duration_s:g} s"


def time_left(moment: Moment) -> str:
    """How far the run is, and how long it still takes."""
    left_s = max(0.0, moment.duration_s - moment.t)
    return f"{moment.t:.0f} s of {moment.duration_s:g} s, {left_s:.0f} s left"


def draining_words(draining: Draining) -> str:
    """What a run waits for at its end."""
    plural = "s" * (draining.in_flight != 1)
    return f"waiting for {draining.in_flight} request{plural} in flight, up to {draining.patience_s:g} s"


def decision_line(decision: ScalingDecision, origin: str = "") -> str:
    """One decision in a line: when, which pool, what, and why."""
    place = short_key(decision.endpoint_key, origin)
    return f"{decision.timestamp:6.1f} s  {place}  {scaled(decision)}: {plain(decision.reason)}"


def scaled(decision: ScalingDecision) -> str:
    """What a decision did to its pool."""
    sign = "+" if decision.action == "scale-up" else "-"
    return f"{sign}{decision.workers} → {decision.worker_count} workers"


def change_line(change: Change, origin: str = "") -> str:
    """One change by hand in a line."""
    what = {"pause": "paused", "resume": "resumed"}.get(change.action, "")
    if change.endpoint_key is not None:
        what = f"{short_key(change.endpoint_key, origin)}  target {change.target_rps:g} RPS"
    return f"{change.t:6.1f} s  {what}"


def threshold_line(verdict: ThresholdVerdict, origin: str = "") -> str:
    """One threshold as it stands: whether it holds, where, what it asks, and what came."""
    state = {True: "holds", False: "BROKEN", None: "undecided"}[verdict.passed]
    since = f" since {verdict.failed_at:.1f} s" if verdict.passed is False and verdict.failed_at is not None else ""
    place = f"{short_key(verdict.endpoint_key, origin)}  " if verdict.endpoint_key is not None else ""
    detail = f": {plain(verdict.detail)}" if verdict.detail else ""
    return f"{state}{since}  {place}{plain(verdict.text)}{detail}"
