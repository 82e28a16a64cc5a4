"""The Prometheus endpoint: the latest of what the run has published, served for as long as the process lives.

It is a server in the thread of the run. A scraper that reads slowly holds up its own greenlet alone, one that stalls is cut
off, and while the answer to a large run is made, the hub is let go between the metrics. There is no token, so `Host` must be
a name that no site can have: else a page in somebody's browser could read the metrics by a name of its own.

A scraper that comes every 15 seconds would never see the last 15 seconds of a run. So one that has come at regular intervals is
waited for once more, when the figures are final, for one of those intervals and a half at most.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import gevent
from gevent.event import Event
from prometheus_client.exposition import choose_encoder

from tressi.run.blank_snapshot import blank_snapshot
from tressi.site.host_header import is_no_site
from tressi.site.server import Listener
from tressi.ui.prometheus_metrics import View, families
from tressi.ui.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

    from prometheus_client.metrics_core import Metric

    from tressi.model import Change, EngineSnapshot, Moment, ResolvedConfig, ScalingDecision

PATH: Final = "/metrics"
# Longer than the usual interval of a minute, so that a scraper keeps its connection.
IDLE_S: Final = 65.0
# A client that looks many times a second may be held up for longer than that.
SHORTEST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 90.0
_INTERVALS_WAITED: Final = 1.5


class Prometheus(Watcher):
    """Serves the run's metrics at `url`. Raises ConfigError where it cannot listen; `say` is told of the wait at the end."""

    def __init__(self, host: str, port: int, say: Callable[[str], object]) -> None:
        self._say = say
        self._view: View | None = None
        self._decisions: Counter[tuple[str, str]] = Counter()
        self._changes: Counter[str] = Counter()
        self._scrapes_s: deque[float] = deque(maxlen=2)
        self._waited_enough = Event()
        self._listener = Listener(host, port, "--prometheus")
        self._listener.serve(self._answer, idle_s=IDLE_S)
        self.url = f"http://{self._listener.place}{PATH}"

    def start(self, config: ResolvedConfig) -> None:
        """Show zeros: a counter that begins at its first value hides it from `increase`."""
        self._view = View(config, blank_snapshot(config), time.time(), decisions=self._decisions, changes=self._changes)

    def moment(self, moment: Moment) -> None:
        """Show it from now on."""
        if self._view:
            verdicts = {(one.text, one.endpoint_key or ""): one.passed for one in moment.thresholds}
            self._view = replace(self._view, reading=moment.reading, moment=moment, verdicts=verdicts)

    def decision(self, decision: ScalingDecision) -> None:
        """Count it."""
        if decision.action != "maintain":
            self._decisions[decision.endpoint_key, decision.action] += 1

    def change(self, change: Change) -> None:
        """Count it."""
        self._changes[change.action] += 1

    def drained(self, reading: EngineSnapshot) -> None:
        """Show the final counts."""
        if self._view:
            self._view = replace(self._view, reading=reading)

    def result(self, summary: Mapping[str, Any]) -> None:
        """Show the final verdicts, wait for a last scrape where there have been regular ones, then close."""
        if self._view:
            verdicts = {(one["threshold"], one["endpointKey"] or ""): one["passed"] for one in summary["thresholds"]}
            self._view = replace(self._view, verdicts=verdicts, ended=True)
        wait_s = patience_s(self._scrapes_s, time.monotonic())
        if wait_s > 0 and not self._waited_enough.is_set():
            self._say(f"waiting up to {wait_s:.0f} s for a last scrape of the metrics")
            self._waited_enough.wait(wait_s)
        self._listener.close(0)

    def leave(self) -> None:
        """Wait for no scrape."""
        self._waited_enough.set()

    def collect(self) -> Iterator[Metric]:
        """Every metric as it stands, letting the hub go in between."""
        for metric in families(self._view) if self._view else ():
            yield metric
            gevent.sleep(0)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        """The WSGI application."""
        if not is_no_site(environ.get("HTTP_HOST", ""), self._listener.host):
            status, kind, body = "403 Forbidden", "text/plain", f"the Host header is foreign: use {self.url}\n".encode()
        elif environ["REQUEST_METHOD"] != "GET":
            status, kind, body = "405 Method Not Allowed", "text/plain", b"only GET is allowed\n"
        elif environ["PATH_INFO"] == "/":
            status, kind, body = "200 OK", "text/html", f'<a href="{PATH}">{PATH}</a>\n'.encode()
        elif environ["PATH_INFO"] != PATH:
            status, kind, body = "404 Not Found", "text/plain", f"the metrics are at {PATH}\n".encode()
        else:
            yield from self._scrape(environ, start_response)
            return
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        yield body

    def _scrape(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        is_final = self._view is not None and self._view.ended
        encode, kind = _encoder(environ.get("HTTP_ACCEPT", ""))
        body = encode(self)
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        yield body
        # Asked for more, so all of it is sent.
        self._scrapes_s.append(time.monotonic())
        if is_final:
            self._waited_enough.set()


def _encoder(accept: str) -> tuple[Callable[[Any], bytes], str]:
    """What writes the metrics in the format that a scraper asks for, and the format's name."""
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        # The library does not read every version, `version=1.x` for one. A client that names none gets the plain text format.
        return choose_encoder("")


def patience_s(scrapes_s: Sequence[float], now_s: float) -> float:
    """How long to wait for the next scrape, given when the last two were: 0 where there were not two, or it is overdue."""
    if len(scrapes_s) < 2:  # noqa: PLR2004 - an interval has two ends
        return 0.0
    interval_s = scrapes_s[-1] - scrapes_s[-2]
    due_s = scrapes_s[-1] + max(SHORTEST_WAIT_S, min(_INTERVALS_WAITED * interval_s, LONGEST_WAIT_S))
    return max(0.0, due_s - now_s)
