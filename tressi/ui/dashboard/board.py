"""The state of a run that the dashboard shows: written by the run, read by the pages. It knows neither sockets nor browsers.

Every value that a page gets is a document with the summary's names; labels and reasons in it are harmless text.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Literal

from tressi.model.flow import sends_of
from tressi.run.targets import Targets
from tressi.stats.summary_rows import change_row, decision_row
from tressi.text import common_origin, plain, short_key
from tressi.ui.dashboard.documents import end_document, moment_document
from tressi.ui.dashboard.history import History
from tressi.ui.sentences import labels_of
from tressi.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import Change, EngineSnapshot, Moment, ResolvedConfig, ScalingDecision
    from tressi.model.flow import Flow

Phase = Literal["starting", "running", "ending", "ended"]
NOTES_KEPT: Final = 500  # of decisions and of changes; the summary has them all


class Board:
    """One run as it stands. Each of its tellers returns the document of what it was told."""

    def __init__(self, config: ResolvedConfig) -> None:
        self._config = config
        self._origin = common_origin(endpoint.endpoint_key for endpoint in config.endpoints)
        self._labels = labels_of(config)
        self._keys = [one.endpoint_key for one in config.endpoints] + [flow.endpoint_key for flow in config.flows]
        self._history = History(self._keys)
        self._decisions: deque[dict[str, Any]] = deque(maxlen=NOTES_KEPT)
        self._changes: deque[dict[str, Any]] = deque(maxlen=NOTES_KEPT)
        self._targets = Targets(config)
        self._reading: EngineSnapshot | None = None
        self._before: EngineSnapshot | None = None  # the last one of the warm-up
        self._moment: dict[str, Any] | None = None
        self._end: dict[str, Any] | None = None
        self.phase: Phase = "starting"
        self.waiting = ""  # for what, in words, while the run ends

    def moment(self, moment: Moment) -> dict[str, Any]:
        """A second has passed."""
        self._reading = moment.reading
        if moment.warm_up:
            self._before = moment.reading
        self._moment = moment_document(moment, self._labels)
        self._history.append(self._moment["row"])
        return self._moment

    def decision(self, decision: ScalingDecision) -> dict[str, Any]:
        """A pool is scaled."""
        document = {**decision_row(decision), "reason": plain(decision.reason)}
        self._decisions.append(document)
        return document

    def change(self, change: Change) -> dict[str, Any]:
        """Somebody changed the run."""
        document = change_row(change)
        self._changes.append(document)
        if change.endpoint_key is not None:
            self._targets[change.endpoint_key] = change.target_rps
        return document

    def drained(self, reading: EngineSnapshot) -> None:
        """What was in flight has ended too."""
        self._reading = reading

    def result(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """The run is over."""
        self.phase = "ended"
        self._end = end_document(summary, self._reading, self._before)
        return self._end

    def columns(self, number: int | None) -> dict[str, list[float]]:
        """The past of the endpoint of that number in the config, or of all; flows are behind the endpoints.

        Raises IndexError for a number that is none.
        """
        return self._history.columns(None if number is None else self._keys[number])

    def state(self, *, paused: bool) -> dict[str, Any]:
        """All that a page has to know when it comes: its next messages go on from here."""
        return {
            "version": __version__,
            "phase": self.phase,
            "waiting": self.waiting,
            "paused": paused,
            "origin": plain(self._origin),
            "durationSec": self._config.duration_s,
            **({"warmUpSec": self._config.warm_up_s} if self._config.warm_up_s else {}),
            **({} if self._config.name is None else {"name": plain(self._config.name)}),
            **({"labels": labels} if (labels := {plain(key): plain(one) for key, one in self._config.labels.items()}) else {}),
            "endpoints": [self._endpoint(number) for number in range(len(self._config.endpoints))],
            "flows": [self._flow(flow) for flow in self._config.flows],
            "columns": self._history.columns(),
            "decisions": list(self._decisions),
            "changes": list(self._changes),
            "moment": self._moment,
            "end": self._end,
        }

    def _endpoint(self, number: int) -> dict[str, Any]:
        endpoint = self._config.endpoints[number]
        autoscale = endpoint.autoscale
        return {
            "endpointKey": endpoint.endpoint_key,
            "label": self._labels[endpoint.endpoint_key],
            "shortKey": short_key(endpoint.endpoint_key, self._origin),
            "autoscale": autoscale is not None,
            "maxWorkers": autoscale.max_workers if autoscale else None,
            "targetRps": self._targets[endpoint.endpoint_key],
            "flow": None if endpoint.flow is None else self._labels[endpoint.flow],
        }

    def _flow(self, flow: Flow) -> dict[str, Any]:
        label = self._labels[flow.endpoint_key]
        parts = ((part, sends_of(getattr(flow, part))) for part in ("begin", "steps", "end"))
        return {
            "endpointKey": flow.endpoint_key,
            "label": label,
            "shortKey": label,
            "name": plain(flow.name),
            "maxWorkers": flow.autoscale.max_workers if flow.autoscale else flow.workers,
            "targetRps": self._targets[flow.endpoint_key],
            "steps": [{"endpointKey": key, "label": self._labels[key], "part": part} for part, keys in parts for key in keys],
        }
