"""Progress in plain lines, for logs, pipes and terminals that only print."""

from __future__ import annotations

from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tressi.text import plain
from tressi.ui.nonblocking_stream import finish
from tressi.ui.sentences import (
    LIMITED,
    cells_of,
    change_line,
    decision_line,
    draining_words,
    flow_cells,
    label_of,
    labels_of,
    running,
    threshold_news,
    time_left,
)
from tressi.ui.trouble import Beginnings, Told
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
    """A line for each decision, one when a trouble begins, and every few seconds one for each endpoint."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = PLAIN_EVERY_S
        self._labels: dict[str, str] = {}
        self._was_limited = self._is_draining = False
        self._thresholds: Sequence[ThresholdVerdict] = ()
        self._beginnings = Beginnings()

    def start(self, config: ResolvedConfig) -> None:
        """Say what is about to happen."""
        self._labels = labels_of(config)
        # The command line has said already that no rate is set, in front of all its warnings.
        self._print(running(config))

    def moment(self, moment: Moment) -> None:
        """Say at once what goes wrong, and show the endpoints when it is time again."""
        is_time = moment.t >= self._next_s
        if is_time or not self._was_limited:
            for reason in moment.saturated_by:
                self._say(moment, f"{LIMITED}: {plain(reason)}")
        self._was_limited = bool(moment.saturated_by)
        self._show_troubles(moment)
        self._show_thresholds(moment)
        if is_time:
            self._next_s = moment.t + PLAIN_EVERY_S - 0.5
            self._show_endpoints(moment)

    def decision(self, decision: ScalingDecision) -> None:
        """Show it with its reason."""
        self._print(decision_line(decision, self._labels))

    def change(self, change: Change) -> None:
        """Show it."""
        self._print(change_line(change, self._labels))

    def draining(self, draining: Draining) -> None:
        """Say it when it begins to take long, and when it is time again."""
        if draining.t >= self._next_s or not self._is_draining:
            self._is_draining = True
            self._next_s = draining.t + PLAIN_EVERY_S - 0.5
            self._print(f"{draining.t:6.1f} s  {draining_words(draining)}")

    def stop(self) -> None:
        """Everything is said."""
        finish(self._console.file)

    def _show_troubles(self, moment: Moment) -> None:
        """Say once that endpoints only fail or give no answer, and once that they succeed again."""
        begun, over = self._beginnings.see(moment)
        for one in begun:
            self._say(moment, one.sentence(self._labels))
        for kind, keys in over:
            if kind == "failing":
                self._say(moment, Told(kind, keys, "requests succeed again").sentence(self._labels))

    def _show_thresholds(self, moment: Moment) -> None:
        """Say once of each threshold that it does not hold, that it cannot hold any more, and that it holds again."""
        for before, now in zip_longest(self._thresholds, moment.thresholds):
            news = threshold_news(before, now, self._labels)
            if news is not None:
                self._say(moment, news)
        self._thresholds = moment.thresholds

    def _show_endpoints(self, moment: Moment) -> None:
        self._say(moment, f"{time_left(moment)}{', paused' * moment.paused}")
        for flow in moment.flows:
            self._say(moment, f"{label_of(flow.endpoint_key, self._labels)}  {_joined(flow_cells(flow))}")
        shown, hidden = fitting(moment.endpoints, PLAIN_ENDPOINTS_SHOWN)
        for endpoint in shown:
            reading = moment.reading.endpoints.get(endpoint.endpoint_key)
            cells = _joined(cells_of(endpoint, reading))
            self._say(moment, f"{label_of(endpoint.endpoint_key, self._labels)}  {cells}")
        if hidden:
            self._say(moment, f"… and {hidden} more")

    def _say(self, moment: Moment, words: str) -> None:
        self._print(f"{moment.t:6.1f} s  {words}")

    def _print(self, line: str) -> None:
        with suppress(OSError):
            self._console.print(Text(line))


def _joined(cells: Mapping[str, str]) -> str:
    return "  ".join(f"{name} {value}" for name, value in cells.items())


def fitting(endpoints: Sequence[EndpointMoment], room: int) -> tuple[Sequence[EndpointMoment], int]:
    """The endpoints that `room` lines show, one of them for how many are hidden; and that count."""
    if len(endpoints) <= room:
        return endpoints, 0
    return endpoints[: room - 1], len(endpoints) - (room - 1)
