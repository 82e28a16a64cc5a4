"""A run as lines of JSON, while it lasts: what the summary tells at the end, under the same names, as it happens.

Each line is one object with a `type`. The moments of a whole stream are the run's timeline, second by second. A reader that
falls far behind loses whole lines, is told how many where they are missing, and at the end; one that leaves ends the
stream, and nothing else.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from tressi.errors import ConfigError, ConfigProblem, OutputError
from tressi.stats.summary_rows import change_row, decision_row, identity_row, row_of, verdict_row
from tressi.text import harmless_json
from tressi.ui.nonblocking_lines import Outlet, open_outlet, share_outlet
from tressi.ui.trouble import Beginnings
from tressi.ui.watcher import Watcher
from tressi.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.model import Change, Draining, Moment, ResolvedConfig, ScalingDecision

SCHEMA_VERSION: Final = 1
# How long the end waits for a reader that takes nothing.
PATIENCE_S: Final = 5.0
_END: Final = ("startedAt", "durationSec", "warmUpSec", "endReason", "endDetail", "thresholds", "generator")


class JsonLines(Watcher):
    """Writes the run's events to `outlet`; `place` is what an error calls it."""

    def __init__(self, outlet: Outlet, place: str, *, patience_s: float = PATIENCE_S) -> None:
        self._outlet, self._place, self._patience_s = outlet, place, patience_s
        self._beginnings = Beginnings()
        self._passed: dict[tuple[str, str | None], bool] = {}
        self._untold = self._dropped = 0

    def start(self, config: ResolvedConfig) -> None:
        """Say what runs."""
        started = {"schemaVersion": SCHEMA_VERSION, "tressiVersion": __version__, **identity_row(config), "time": _now()}
        # A payload may have integers that orjson refuses.
        document = orjson.Fragment(json.dumps(config.document, separators=(",", ":")))
        length = {"durationSec": config.duration_s, **({"warmUpSec": config.warm_up_s} if config.warm_up_s else {})}
        self._say("start", {**started, **length, "config": document})

    def moment(self, moment: Moment) -> None:
        """Tell the second, the troubles that began or ended in it, and the verdicts that it has changed."""
        self._say("moment", row_of(moment))
        begun, over = self._beginnings.see(moment)
        for one in begun:
            self._trouble(moment.t, one.kind, one.endpoint_keys, one.words, holds=True)
        for kind, keys in over:
            self._trouble(moment.t, kind, keys, "", holds=False)
        self._judge(moment.t, [verdict_row(verdict) for verdict in moment.thresholds])

    def decision(self, decision: ScalingDecision) -> None:
        """Tell it with its reason."""
        if decision.action != "maintain":
            self._say("scaling", decision_row(decision))

    def change(self, change: Change) -> None:
        """Tell it."""
        self._say("change", change_row(change))

    def draining(self, draining: Draining) -> None:
        """Tell what is waited for after the run's time."""
        facts = {"t": round(draining.t, 3), "inFlight": draining.in_flight, "upToSec": draining.patience_s}
        self._say("draining", {**facts, **({"users": draining.users} if draining.users else {})})

    def result(self, summary: Mapping[str, Any]) -> None:
        """Tell the end and close. Raises OutputError where lines are missing, unless the reader has left."""
        self._judge(summary["durationSec"], summary["thresholds"])
        facts: dict[str, Any] = {name: summary[name] for name in _END if name in summary}
        facts["global"] = _without_histograms(summary["global"])
        if "flows" in summary:
            facts["flows"] = [_without_histograms(flow) for flow in summary["flows"]]
        self._say("end", {**facts, "dropped": self._dropped}, is_last=True)
        self._outlet.drain(self._patience_s)
        missing, failure = self._dropped + self._outlet.lines_waiting, self._outlet.failure
        self._outlet.close()
        if isinstance(failure, BrokenPipeError):
            return
        if failure is not None:
            raise OutputError(self._place, failure.strerror or str(failure))
        if missing:
            raise OutputError(self._place, f"its reader was too slow, {missing} lines are missing")

    def _trouble(self, t: float, kind: str, endpoint_keys: Sequence[str], detail: str, *, holds: bool) -> None:
        fields = {"kind": kind, "holds": holds, "endpointKeys": list(endpoint_keys), "detail": detail}
        self._say("trouble", {"t": round(t, 3), **fields})

    def _judge(self, t: float, verdicts: list[dict[str, Any]]) -> None:
        """Tell the verdicts that are others than before."""
        for verdict in verdicts:
            which, passed = (verdict["threshold"], verdict["endpointKey"]), verdict["passed"]
            if passed is not None and self._passed.get(which) != passed:
                self._passed[which] = passed
                self._say("threshold", {"t": round(t, 3), **verdict})

    def _say(self, kind: str, fields: Mapping[str, Any], *, is_last: bool = False) -> None:
        """Write a line, after one that says how many before it found no room; the last finds room."""
        told = _line("dropped", {"lines": self._untold}) if self._untold else b""
        if self._outlet.put(told + _line(kind, fields), at_any_length=is_last):
            self._untold = 0
        else:
            self._untold += 1
            self._dropped += 1


def stream_to(target: str) -> JsonLines:
    """Tell of a run in the file `target`, `-` being standard output. Raises ConfigError where that cannot be."""
    try:
        descriptor = share_outlet(_standard_output()) if target == "-" else open_outlet(target)
        return JsonLines(Outlet(descriptor), "standard output" if target == "-" else target)
    except (OSError, ValueError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else str(failure)
        raise ConfigError([ConfigProblem("--stream", f"{target!r} cannot be written: {reason}")]) from None


def _standard_output() -> int:
    if sys.stdout is None:
        raise ValueError("it is closed")
    return sys.stdout.fileno()


def _without_histograms(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "histograms"}


def _line(kind: str, fields: Mapping[str, Any]) -> bytes:
    return harmless_json(orjson.dumps({"type": kind, **fields}, option=orjson.OPT_APPEND_NEWLINE))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
