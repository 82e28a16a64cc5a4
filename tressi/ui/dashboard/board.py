"""The state of a run that the dashboard shows: written by the run, read by the pages. It knows neither sockets nor browsers.

Every value that a page gets is a document with the summary's names; labels and reasons in it are harmless text.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from tressi.model.flow import sends_of
from tressi.run.targets import Targets
from tressi.run.tones import bound_of
from tressi.stats.summary_rows import change_row, decision_row
from tressi.text import common_origin, harmless_json, plain, short_key
from tressi.threshold.expression import metrics_of
from tressi.ui.dashboard.conditions import Conditions
from tressi.ui.dashboard.documents import end_document, moment_document
from tressi.ui.dashboard.history import History
from tressi.ui.dashboard.nodes import Nodes
from tressi.ui.sentences import labels_of
from tressi.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tressi.model import Change, EngineSnapshot, Moment, ResolvedConfig, ScalingDecision
    from tressi.model.flow import Flow
    from tressi.run.tones import Bound
    from tressi.threshold.expression import Comparison

Phase = Literal["starting", "running", "ending", "ended"]
NOTES_KEPT: Final = 500  # of decisions and of changes; the summary has them all
TREND_S: Final = 60  # of each endpoint's rate, for the small picture in its row
# What a threshold is about, by how its metric's name begins: the figure beside which it is shown.
_SUBJECTS: Final = {
    "latency": ("responseTime", "serviceTime", "successTime", "duration", "walkTime"),
    "failed": ("errorRate", "requestsFailed", "requestsSucceeded", "statusCodes", "errors", "completed", "abandoned", "flowsA"),
    "missed": ("requestsMissed", "missed", "flowsMissed"),
    "rate": ("rps", "startsPerSecond", "requestsMade", "flowsStarted"),
}


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
        self._conditions = Conditions(config)
        self._nodes = Nodes()
        self._trends: dict[str, deque[float]] = {key: deque(maxlen=TREND_S) for key in self._keys}
        self._limited_s = 0.0
        self._last_t = 0.0
        self._targets = Targets(config)
        self._reading: EngineSnapshot | None = None
        self._before: EngineSnapshot | None = None  # the last one of the warm-up
        self._moment: dict[str, Any] | None = None
        self._end: dict[str, Any] | None = None
        self.phase: Phase = "starting"
        self.waiting = ""  # for what, in words, while the run ends
        self.doing = ""  # what the run does now, in words, where something steers it

    def moment(self, moment: Moment) -> dict[str, Any]:
        """A second has passed."""
        self._reading = moment.reading
        if moment.warm_up:
            self._before = moment.reading
        if moment.saturated_by:
            self._limited_s += moment.t - self._last_t
        self._last_t = moment.t
        for one in (*moment.endpoints, *moment.flows):
            self._trends[one.endpoint_key].append(round(one.current_rps, 3))
        self._moment = {
            **moment_document(moment, self._labels),
            "conditions": self._conditions.see(moment),
            "nodes": self._nodes.see(moment),
            "limitedSec": round(self._limited_s, 1),
        }
        self._history.append(self._moment["row"])
        return self._moment

    def decision(self, decision: ScalingDecision) -> dict[str, Any]:
        """A pool is scaled."""
        document = {**decision_row(decision), "reason": plain(decision.reason)}
        self._decisions.append(document)
        return document

    def change(self, change: Change) -> dict[str, Any]:
        """Somebody changed the run."""
        document = {**change_row(change), "by": change.by}
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

    def columns(self, number: int | None) -> dict[str, list[Any]]:
        """The past of the endpoint of that number in the config, or of all; flows are behind the endpoints.

        Raises IndexError for a number that is none.
        """
        return self._history.columns(None if number is None else self._keys[number])

    def config(self) -> bytes:
        """The config that the run is of, defaults filled in and secrets masked, as JSON that is harmless to show."""
        return harmless_json(orjson.dumps(self._config.document, option=orjson.OPT_INDENT_2))

    def state(self, *, paused: bool) -> dict[str, Any]:
        """All that a page has to know when it comes: its next messages go on from here."""
        return {
            "version": __version__,
            "phase": self.phase,
            "waiting": self.waiting,
            "doing": self.doing,
            "paused": paused,
            "origin": plain(self._origin),
            "name": plain(self._config.name or ""),
            "labels": {plain(key): plain(value) for key, value in self._config.labels.items()},
            "durationSec": self._config.duration_s,
            "maxRequests": self._config.max_requests,
            **({"warmUpSec": self._config.warm_up_s} if self._config.warm_up_s else {}),
            **({} if self._config.name is None else {"name": plain(self._config.name)}),
            **({"labels": labels} if (labels := {plain(key): plain(one) for key, one in self._config.labels.items()}) else {}),
            "endpoints": [self._endpoint(number) for number in range(len(self._config.endpoints))],
            "flows": [self._flow(flow) for flow in self._config.flows],
            "subjects": {plain(one.text): subject_of(one.comparison) for one in self._config.thresholds},
            "limits": [
                {"endpointKey": one.endpoint_key, "value": one.limit_ms, "text": plain(one.text)} for one in self._limits()
            ],
            "trends": {key: list(values) for key, values in self._trends.items()},
            "columns": self._history.columns(),
            "decisions": list(self._decisions),
            "changes": list(self._changes),
            "moment": self._moment,
            "end": self._end,
        }

    def _limits(self) -> Iterator[Bound]:
        """The response times that thresholds allow."""
        found = (bound_of(one.text, one.endpoint_key) for one in self._config.thresholds)
        return (one for one in found if one is not None)

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


def subject_of(comparison: Comparison) -> str:
    """Which of a page's figures a threshold is about; nothing where it is none of them, or more than one."""
    names = [metric.name for metric in metrics_of(comparison)]
    found = {subject for subject, begins in _SUBJECTS.items() for name in names if name.startswith(begins)}
    return found.pop() if len(found) == 1 else ""
