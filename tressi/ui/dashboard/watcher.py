"""The dashboard as a watcher: told by the run, telling every browser, and staying while one still looks."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import gevent
import orjson
from gevent.event import Event

from tressi.site.feed import Feed
from tressi.site.guard import guarded
from tressi.site.server import Listener
from tressi.text import plain
from tressi.ui.dashboard.app import Run, make_app
from tressi.ui.dashboard.board import Board
from tressi.ui.sentences import draining_words
from tressi.ui.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tressi.model import Change, Draining, EngineSnapshot, Moment, ResolvedConfig, ScalingDecision
    from tressi.ui.dashboard.board import Phase
    from tressi.ui.watcher import Controls

# A page that is loaded again, or that lost its connection, has asked again by then.
GRACE_S: Final = 3.0


class Dashboard(Watcher):
    """Serves a run's dashboard at `url` from its start on, and after its end as long as a browser shows it.

    `controls` steer the run, `report` makes a page of its summary, and `say` tells a person a sentence. Raises ConfigError
    where the address `listen` is not to be had, TressiError where a library is missing.
    """

    def __init__(
        self,
        config: ResolvedConfig,
        controls: Controls,
        *,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        report: Callable[[Mapping[str, Any]], bytes] | None = None,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._controls, self._make_report, self._say = controls, report, say
        self._board = Board(config)
        self._feed = Feed(self._state)
        self._summary: Mapping[str, Any] | None = None
        self._report: bytes | None = None
        self._leaving = Event()
        token = secrets.token_urlsafe(16)
        app = make_app(Run(self._board, self._feed, controls, self._report_page, self.leave))
        self._listener = Listener(*listen, "--dashboard")
        self._app = guarded(app, token, self._listener.host)
        self.url = f"http://{self._listener.place}/{token}/"

    def start(self, config: ResolvedConfig) -> None:  # noqa: ARG002 - it is known
        """Begin to serve, and say where."""
        self._listener.serve(self._app)
        self._enter("running")
        self._say(f"dashboard: {self.url}")

    def moment(self, moment: Moment) -> None:
        """Show it."""
        self._tell("moment", self._board.moment(moment))

    def decision(self, decision: ScalingDecision) -> None:
        """Show it with its reason."""
        self._tell("decision", self._board.decision(decision))

    def change(self, change: Change) -> None:
        """Show a change, whether the dashboard or another caller made it."""
        self._tell("change", {**self._board.change(change), "paused": self._controls.paused})

    def doing(self, words: str) -> None:
        """Show it below the verdict."""
        self._board.doing = plain(words)
        self._tell("doing", {"words": self._board.doing})

    def draining(self, draining: Draining) -> None:
        """Say what is waited for."""
        self._board.waiting = draining_words(draining)
        self._enter("ending")

    def drained(self, reading: EngineSnapshot) -> None:
        """Keep it for the end."""
        self._board.drained(reading)

    def stop(self) -> None:
        """The summary is being made."""
        if self._board.phase == "running" or self._board.waiting:
            self._board.waiting = ""
            self._enter("ending")

    def result(self, summary: Mapping[str, Any]) -> None:
        """Show the end, then wait until no browser shows it any more, or somebody asks to leave."""
        self._summary = summary
        self._tell("end", self._board.result(summary))
        if self._feed.listeners:
            self._say("the run is over; its dashboard stays while a browser shows it (Ctrl-C leaves)")
        self._linger()
        self._tell("leave", {})
        self._feed.close()
        self._listener.close()

    def leave(self) -> None:
        """Wait for nobody any more."""
        self._leaving.set()

    def _linger(self) -> None:
        """Wait while a browser listens, may come back, or loads the page."""
        until = float("-inf")
        while not self._leaving.is_set():
            self._feed.changed.clear()
            rest = None
            if self._feed.listeners:
                until = float("inf")
            else:
                # It has just left, where it was there the last time.
                until = min(until, time.monotonic() + GRACE_S)
                rest = max(until, self._feed.expected_until) - time.monotonic()
                if rest <= 0:
                    return
            gevent.wait([self._feed.changed, self._leaving], rest, count=1)

    def _enter(self, phase: Phase) -> None:
        self._board.phase = phase
        self._tell("phase", {"phase": phase, "waiting": self._board.waiting})

    def _tell(self, name: str, document: Mapping[str, Any]) -> None:
        self._feed.tell(name, orjson.dumps(document))

    def _state(self) -> bytes:
        has_report = self._make_report is not None
        return orjson.dumps({**self._board.state(paused=self._controls.paused), "hasReport": has_report})

    def _report_page(self) -> bytes | None:
        """The report, made when it is asked for the first time; None before the end, and where nobody makes one."""
        if self._report is None and self._make_report is not None and self._summary is not None:
            self._report = self._make_report(self._summary)
        return self._report
