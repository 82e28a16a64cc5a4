"""Progress while a run lasts: redrawn on a terminal, a line every few seconds elsewhere, nothing when quiet.

It sees only what the run publishes, one moment a second and every scaling decision, and draws when one comes. Where it
draws may go away (a closed pipe, a terminal that hung up, a full disk) or stall (a pager, Ctrl-S): then nobody looks on, and
the run goes on.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tressi.text import common_origin, milliseconds, plain, short_key
from tressi.ui.stream import finish, unhurried
from tressi.ui.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from tressi.model import Change, EndpointMoment, Moment, ResolvedConfig, ScalingDecision

PLAIN_EVERY_S = 5.0
DECISIONS_SHOWN = 5
# Plain lines are read in logs, where a hundred of them every few seconds bury the rest.
PLAIN_ENDPOINTS_SHOWN = 20
# Lines that are no endpoint's: header, decisions, warning, time, and one to spare for the prompt.
_OTHER_LINES = DECISIONS_SHOWN + 5


class LenientConsole(Console):
    """A console that falls silent when its stream is gone, where rich would end the program (or raise, before 13.8)."""

    def on_broken_pipe(self) -> None:
        """Say no more."""
        self.quiet = True


def watch(stream: IO[str] | None, *, no_ui: bool = False, quiet: bool = False) -> Watcher:
    """Choose how to show progress on `stream`: live on a terminal that can, else plain lines, or nothing."""
    if quiet or stream is None:
        return Watcher()
    dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    if no_ui or dumb or not stream.isatty():
        return Lines(LenientConsole(file=unhurried(stream), no_color=True, highlight=False, soft_wrap=True))
    return LiveTable(LenientConsole(file=unhurried(stream), highlight=False))


class Lines(Watcher):
    """A line for each decision, and every few seconds one for each endpoint."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = PLAIN_EVERY_S
        self._origin = ""
        self._was_saturated = False

    def start(self, config: ResolvedConfig) -> None:
        """Say what is about to happen."""
        self._origin = common_origin(endpoint.endpoint_key for endpoint in config.endpoints)
        self._print(announcement(config))

    def moment(self, moment: Moment) -> None:
        """Show the endpoints when it is time again, and why the generator is the bottleneck then and when it becomes so."""
        is_time = moment.t >= self._next_s
        if is_time or not self._was_saturated:
            for reason in moment.saturated_by:
                self._print(f"{moment.t:6.1f} s  SATURATED: {plain(reason)}")
        self._was_saturated = bool(moment.saturated_by)
        if is_time:
            self._next_s = moment.t + PLAIN_EVERY_S - 0.5
            self._show_endpoints(moment)

    def decision(self, decision: ScalingDecision) -> None:
        """Show it with its reason."""
        self._print(decision_line(decision, self._origin))

    def change(self, change: Change) -> None:
        """Show it."""
        self._print(change_line(change, self._origin))

    def stop(self) -> None:
        """Everything is said."""
        finish(self._console.file)

    def _show_endpoints(self, moment: Moment) -> None:
        self._print(f"{moment.t:6.1f} s  {time_left(moment)}")
        shown, hidden = fitting(moment.endpoints, PLAIN_ENDPOINTS_SHOWN)
        for endpoint in shown:
            cells = "  ".join(f"{name} {value}" for name, value in cells_of(endpoint).items())
            self._print(f"{moment.t:6.1f} s  {short_key(endpoint.endpoint_key, self._origin)}  {cells}")
        if hidden:
            self._print(f"{moment.t:6.1f} s  … and {hidden} more")

    def _print(self, line: str) -> None:
        with suppress(OSError):
            self._console.print(Text(line))


class LiveTable(Watcher):
    """One row an endpoint and the latest decisions, redrawn in place once a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._decisions: deque[ScalingDecision] = deque(maxlen=DECISIONS_SHOWN)
        # What others print to standard error is put above; standard output is for results, and none of our business.
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)

    def start(self, config: ResolvedConfig) -> None:
        """Take the terminal's last lines."""
        with suppress(OSError):
            self._live.start()
        self._draw(Text(announcement(config)))

    def moment(self, moment: Moment) -> None:
        """Draw it."""
        self._draw(draw(moment, self._decisions, self._console.height))

    def decision(self, decision: ScalingDecision) -> None:
        """Show it from the next moment on."""
        self._decisions.append(decision)

    def stop(self) -> None:
        """Give the lines back: the final table says it all."""
        with suppress(OSError):
            self._live.stop()
        finish(self._console.file)

    def _draw(self, picture: RenderableType) -> None:
        with suppress(OSError):
            self._live.update(picture, refresh=True)


def draw(moment: Moment, decisions: Sequence[ScalingDecision], height: int) -> RenderableType:
    """What a moment looks like on a terminal of `height` lines."""
    room = max(1, height - _OTHER_LINES)
    origin = common_origin(endpoint.endpoint_key for endpoint in moment.endpoints)
    shown, hidden = fitting(moment.endpoints, room)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    table.add_column("endpoint", no_wrap=True, overflow="ellipsis", ratio=1)
    for name in cells_of(moment.endpoints[0]) if moment.endpoints else ():
        table.add_column(name, justify="right", no_wrap=True)
    for endpoint in shown:
        table.add_row(Text(short_key(endpoint.endpoint_key, origin)), *cells_of(endpoint).values())
    parts: list[RenderableType] = [table]
    if hidden:
        parts.append(Text(f"… and {hidden} more", style="dim"))
    parts += [Text(decision_line(decision, origin), style="dim", no_wrap=True, overflow="ellipsis") for decision in decisions]
    parts += [
        Text(f"SATURATED: {plain(reason)}", style="bold red", no_wrap=True, overflow="ellipsis")
        for reason in moment.saturated_by[:1]
    ]
    parts.append(Text(time_left(moment), style="bold"))
    return Group(*parts)


def announcement(config: ResolvedConfig) -> str:
    """What is about to happen."""
    count, origin = len(config.endpoints), common_origin(endpoint.endpoint_key for endpoint in config.endpoints)
    at = f" of {plain(origin)}" if origin else ""
    return f"running {count} endpoint{'s' * (count != 1)}{at} for {config.duration_s:g} s"


def fitting(endpoints: Sequence[EndpointMoment], room: int) -> tuple[Sequence[EndpointMoment], int]:
    """The endpoints that `room` lines show, one of them for how many are hidden; and that count."""
    if len(endpoints) <= room:
        return endpoints, 0
    return endpoints[: room - 1], len(endpoints) - (room - 1)


def time_left(moment: Moment) -> str:
    """How far the run is, and how long it still takes."""
    left_s = max(0.0, moment.duration_s - moment.t)
    return f"{moment.t:.0f} s of {moment.duration_s:g} s, {left_s:.0f} s left"


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


def decision_line(decision: ScalingDecision, origin: str = "") -> str:
    """One decision in a line: when, which pool, what, and why."""
    sign = "+" if decision.action == "scale-up" else "-"
    change = f"{sign}{decision.workers} → {decision.worker_count} workers"
    return f"{decision.timestamp:6.1f} s  {short_key(decision.endpoint_key, origin)}  {change}: {plain(decision.reason)}"


def change_line(change: Change, origin: str = "") -> str:
    """One change by hand in a line."""
    what = {"pause": "paused", "resume": "resumed"}.get(change.action, "")
    if change.endpoint_key is not None:
        what = f"{short_key(change.endpoint_key, origin)}  target {change.target_rps:g} RPS"
    return f"{change.t:6.1f} s  {what}"
