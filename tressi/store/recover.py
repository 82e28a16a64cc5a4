"""A run played back from its journal, through the functions that the run itself went through.

What comes out is what the run would have written: its summary, its rows and its latencies. A run that broke off ends with its
last whole second; `left_out` of the summary says what is missing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tressi.errors import ConfigError, ConfigProblem
from tressi.model import (
    AutoscaleConfig,
    Change,
    ResolvedConfig,
    ResolvedEndpoint,
    ScalingDecision,
    SharedPool,
    Stage,
    Threshold,
)
from tressi.model.delta import merged, reading_of
from tressi.model.flow import Flow, Send
from tressi.model.portable import decode_delta
from tressi.run.timeline import Ending, Timeline
from tressi.store.records import Damage, is_journal, records_of
from tressi.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO

    from tressi.model import Delta, EngineSnapshot
    from tressi.run.kept import Interval
    from tressi.store.records import Record
    from tressi.threshold.expression import Comparison

_FAIL_IF: Final = "fail if "
BROKE_OFF: Final = "the run broke off: these results are made from its journal"


class Recovered(NamedTuple):
    """A run's results: its summary and its latencies second by second. `is_whole`: the journal has the run's end."""

    summary: dict[str, Any]
    intervals: Callable[[], Iterator[Interval]]
    is_whole: bool
    missing: list[str]


def recover(file: IO[bytes], label: str) -> Recovered:
    """Play a run back from its journal. Raises ConfigError for a file that is no journal, or has not one whole second.

    `label` is what the file is called in messages.
    """
    if not is_journal(file):
        raise _refusal(label, "is no journal of this version of tressi")
    records = records_of(file)
    head = next(records, Damage(0, "it ends before its first record"))
    if isinstance(head, Damage) or head.kind != "head":
        raise _refusal(label, f"has no head that can be read: {head.reason if isinstance(head, Damage) else head.kind}")
    try:
        _version, started_at, document = head.values
        playback = _Playback(_config_of(document), str(started_at))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _refusal(label, f"has a head that cannot be understood: {error}") from None
    damage = _played(playback, records)
    if not playback.seconds and not playback.is_over:
        why = "" if damage is None else f" (from byte {damage.at_byte:,} on it is not read: {damage.reason})"
        raise _refusal(label, f"has no whole second of its run: there is nothing to recover{why}")
    try:
        return playback.recovered(damage)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _refusal(label, f"holds values that no run has: {error}") from None


def _played(playback: _Playback, records: Iterator[Record | Damage]) -> Damage | None:
    for record in records:
        if isinstance(record, Damage):
            return record
        try:
            playback.take(record)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return Damage(record.at_byte, f"a record cannot be understood ({error})")
    return None


class _Playback:
    """The state of a run while its records are read: what it had counted in all, and its timeline."""

    def __init__(self, config: ResolvedConfig, started_at: str) -> None:
        self.config, self._started_at = config, started_at
        self._keys = tuple(endpoint.endpoint_key for endpoint in config.endpoints)
        self._flow_keys = tuple(flow.endpoint_key for flow in config.flows)
        self._timeline = Timeline(config)
        self._total: Delta | None = None
        self._ended = self._timeline.last
        self._ended_t = 0.0
        self._end: tuple[Any, ...] | None = None
        self.seconds = 0

    @property
    def is_over(self) -> bool:
        """Whether the run's own end has been read."""
        return self._end is not None

    def take(self, record: Record) -> None:
        """Take the next record. Raises ValueError, TypeError or KeyError for one that does not follow."""
        take: Mapping[str, Callable[..., None]] = {"second": self._second, "rest": self._rest, "end": self._over}
        take[record.kind](*record.values)

    def recovered(self, damage: Damage | None) -> Recovered:
        """The results, as far as they were read."""
        missing = [] if damage is None else [f"from byte {damage.at_byte:,} on the journal is not read: {damage.reason}"]
        if self._end is None:
            last_t = self._timeline.last_t
            last = self._timeline.last
            in_flight = sum(one.in_flight for one in last.endpoints.values())
            users = sum(one.in_flight for one in last.flows.values())
            under_way = f" ({counted(users, 'user')} of flows were on their way)" if users else ""
            missing.append(
                f"the journal ends at {last_t:.1f} s of {self.config.duration_s:g} s: what came after that is missing,"
                f" and {in_flight:,} requests then in flight are in no count{under_way}"
            )
            ending = Ending("error", f"{BROKE_OFF}, which ends at {last_t:.1f} s", self._ended_t, self._ended)
        else:
            reason, detail, duration_s = self._end
            ending = Ending(reason, detail, float(duration_s), self._ended)
        summary = self._timeline.sum_up(self._started_at, ending, missing)
        return Recovered(summary, self._timeline.kept.intervals, self.is_over and damage is None, missing)

    def _second(
        self, record: bytes, paused: object, throttled_s: float, decisions: list[list[Any]], changes: list[list[Any]]
    ) -> None:
        delta = self._next(record)
        for change in changes:
            self._timeline.note(Change(*change))
        for decision in decisions:
            self._timeline.take(ScalingDecision(*decision))
        self._ended = self._reading()
        self._ended_t = delta.t
        self._timeline.tick(delta.t, self._ended, paused=bool(paused), throttled_s=float(throttled_s))
        self.seconds += 1

    def _rest(self, record: bytes, drained: object) -> None:
        delta = self._next(record)
        reading = self._reading()
        self._timeline.close(delta.t, reading)
        if not drained:
            self._ended, self._ended_t = reading, delta.t

    def _over(self, reason: str, detail: str | None, duration_s: float) -> None:
        if reason not in {"duration", "complete", "early-exit", "interrupted", "stopped", "error"}:
            raise ValueError(f"{reason!r} is no way for a run to end")
        self._end = (reason, detail, duration_s)

    def _next(self, record: bytes) -> Delta:
        delta = decode_delta(record, self._keys, self._flow_keys)
        expected = 1 if self._total is None else self._total.number + 1
        if delta.number != expected:
            raise ValueError(f"record {delta.number} stands where {expected} should")
        self._total = delta if self._total is None else merged([self._total, delta])
        return delta

    def _reading(self) -> EngineSnapshot:
        if self._total is None:
            raise ValueError("no reading before the first second")
        return reading_of(self._total)


def _config_of(document: dict[str, Any]) -> ResolvedConfig:
    """The run that a head describes, as far as results are made from it. Raises ValueError, TypeError, KeyError."""
    shared = document["sharedPool"]
    return ResolvedConfig(
        endpoints=tuple(_endpoint_of(*one) for one in document["endpoints"]),
        shared_pool=None if shared is None else SharedPool(**{**shared, "stages": _stages_of(shared)}),
        worker_limit=document["workerLimit"],
        duration_s=float(document["durationSec"]),
        warm_up_s=float(document.get("warmUpSec", 0)),
        concurrent_requests=document["concurrentRequests"],
        flows=tuple(_flow_of(**one) for one in document.get("flows", ())),
        thresholds=tuple(_threshold_of(*one) for one in document["thresholds"]),
        document=dict(json.loads(document["config"])),
        name=document.get("name"),
        labels=dict(document.get("labels", {})),
    )


def _endpoint_of(key: str, method: str, masked_url: str, *rest: Any) -> ResolvedEndpoint:  # noqa: ANN401 - see the head
    name, autoscale, flow = (*rest, None)[:3]
    return ResolvedEndpoint(key, method, masked_url, masked_url, autoscale=_autoscale_of(autoscale), name=name, flow=flow)


def _flow_of(autoscale: dict[str, Any] | None, **fields: Any) -> Flow:  # noqa: ANN401 - of several types
    parts = {part: tuple(Send(key) for key in fields.pop(part)) for part in ("begin", "steps", "end")}
    return Flow(**{**fields, **parts, "stages": _stages_of(fields), "autoscale": _autoscale_of(autoscale)})


def _autoscale_of(section: dict[str, Any] | None) -> AutoscaleConfig | None:
    return None if section is None else AutoscaleConfig(**{**section, "stages": _stages_of(section)})


def _stages_of(section: dict[str, Any]) -> tuple[Stage, ...]:
    return tuple(Stage(**stage) for stage in section["stages"])


def _threshold_of(text: str, *rest: Any) -> Threshold:  # noqa: ANN401 - in the order of the fields
    return Threshold(text, _comparison_of(text), *rest)


def _comparison_of(text: str) -> Comparison:
    from tressi.threshold.parse import parse  # noqa: PLC0415 - most runs have no threshold and need no grammar

    return parse(text.removeprefix(_FAIL_IF)).negated() if text.startswith(_FAIL_IF) else parse(text)


def _refusal(label: str, problem: str) -> ConfigError:
    return ConfigError([ConfigProblem(label, problem)])
