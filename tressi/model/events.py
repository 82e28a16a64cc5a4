"""What a run tells while it lasts: decisions, changes by hand, verdicts, and a moment every second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.model.measurements import EngineSnapshot

Action = Literal["scale-up", "scale-down", "maintain"]
EndReason = Literal["duration", "complete", "early-exit", "interrupted", "stopped", "error"]
Steering = Literal["set-target", "pause", "resume"]


@dataclass(frozen=True, slots=True)
class ScalingDecision:
    """One evaluation's outcome. `workers` is the number added or removed, `worker_count` the count after it.

    `timestamp` is the evaluation's scheduled time in seconds since the run's start.
    """

    endpoint_key: str
    action: Action
    workers: int
    worker_count: int
    reason: str
    timestamp: float


@dataclass(frozen=True, slots=True)
class WorkerAllocation:
    """How many workers an endpoint gets of the total, and the rate they are for."""

    endpoint_key: str
    worker_count: int
    target_rps: float
    current_rps: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that somebody changed while the run was under way, `t` seconds after its start.

    `endpoint_key` and `target_rps` are None for a pause and its end, which are of the whole run. `by` says who changed it
    where it was no person, as in "the search".
    """

    t: float
    action: Steering
    endpoint_key: str | None = None
    target_rps: float | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Draining:
    """The run's time is over, `t` seconds after its start, and `in_flight` requests are waited for, `patience_s` in all.

    `users` are those who are still within a flow, most of them perhaps thinking.
    """

    t: float
    in_flight: int
    patience_s: float
    users: int = 0


@dataclass(frozen=True, slots=True)
class ThresholdVerdict:
    """One threshold as it stands: `text` is the condition as it was written, `endpoint_key` None where it is of the run.

    `passed` is None while there is nothing to judge. `value` and `limit` are its two sides where it came closest to
    failing, or failed worst, latencies in milliseconds and shares from 0 to 1; None where there is none. `detail` says it
    in words. `failed_at` is when it was first seen broken, in seconds since the start. `aborts`: its failure ends the run.
    `settled`: it is broken, and nothing that may come changes that.
    """

    text: str
    endpoint_key: str | None
    passed: bool | None
    value: float | None
    limit: float | None
    detail: str
    failed_at: float | None = None
    aborts: bool = False
    settled: bool = False


@dataclass(frozen=True, slots=True)
class SecondFigures:
    """The figures of some time of a run, mostly a second: of one endpoint, or of all together. Nothing earlier is in them.

    `target_rps` is the mean of the rate asked for (None: no rate limits it), `current_rps` the attempts that ended, per
    second. `utilisation` is the share of the lane-seconds that was occupied, `error_rate` the share of the attempts that
    failed. `p50_ms` to `max_ms` are response times, `service_…` service times of all responses, `success_…` those of the
    successes alone; None without any. `response_count`, `service_count` and `success_count` say of how many values they are.
    `missed_now` counts the starts that were given up, `status_codes` the responses by status, and `failures` what failed, by
    status or by the kind of the error. `bands` are the response times as `stats.bands` writes them.
    """

    target_rps: float | None
    current_rps: float
    worker_count: int
    utilisation: float
    error_rate: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    service_p50_ms: float | None
    service_p99_ms: float | None
    success_p50_ms: float | None
    success_p99_ms: float | None
    response_count: int
    service_count: int
    success_count: int
    missed_now: int
    status_codes: Mapping[int, int]
    failures: Mapping[str, int]
    bands: Sequence[int]


@dataclass(frozen=True, slots=True)
class EndpointMoment(SecondFigures):
    """One endpoint's last second, or that of all together (their key is empty), and what is known of it since the start.

    `asked_rps` is the rate asked for at the end of the second, `in_flight` the attempts under way then, `oldest_s` the age
    of the oldest of them. `missed`, `requests_made` and `errors` count since the start. `min_workers` and `max_workers` are
    None in the shared pool.

    `flow` is the key of the flow that it is a step of: then no rate is asked for and it has no workers, because both are the
    flow's. `abandoned` are the users that the flow has lost at it since the start.
    """

    endpoint_key: str
    min_workers: int | None
    max_workers: int | None
    missed: int
    requests_made: int
    errors: Mapping[str, int]
    asked_rps: float | None = None
    in_flight: int = 0
    oldest_s: float = 0.0
    flow: str | None = None
    abandoned: int = 0


@dataclass(frozen=True, slots=True)
class FlowMoment(EndpointMoment):
    """A flow's last second, with the fields of an endpoint whose attempts are starts of the flow.

    `target_rps` and `asked_rps` are starts per second, `current_rps` those that users took, `error_rate` the share of those
    ended that were abandoned. `p50_ms` and `p99_ms` are of the durations of those completed, from the scheduled start and
    without the pauses; `service_…` is the same from the moment at which a user was free. `worker_count` are the users, of
    whom `in_flight` are on their way through the flow, thinking included. `requests_made` counts the starts that ended.

    `started`, `completed`, `abandoned` and `cut` count since the start, `completed_now` and `abandoned_now` in the second.
    `name` is the config's, `steps` has the key of each step in order with how many users were lost at it since the start.
    """

    name: str = ""
    started: int = 0
    completed: int = 0
    cut: int = 0
    completed_now: int = 0
    abandoned_now: int = 0
    steps: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with an endpoint in a second, so wrong that it is said at once.

    `failing`: of the last `count` requests that ended not one succeeded; `reason` is the most frequent one in words, and
    `ever` says whether one has succeeded before. `silent`: nothing ended in the second although `count` requests are in
    flight, the oldest for `oldest_s`.
    """

    kind: Literal["failing", "silent"]
    endpoint_key: str
    count: int
    reason: str = ""
    ever: bool = False
    oldest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What `run` publishes once a second for those who watch it.

    `t` is seconds since the run's start; `saturated_by` says why the generator, not the target, was the bottleneck in
    this second (empty: it was not). `changes` are those of this second, `thresholds` the verdicts as they stand, `troubles`
    the endpoints that only fail or give no answer. `reading` is what all of it was made from. `warm_up`: the second is left
    out of the run's figures. `max_requests` is after how many the run ends, of all endpoints together. `flows` are those of
    the config, in its order; `total` has their users among its workers, and counts requests alone.
    """

    t: float
    duration_s: float
    endpoints: tuple[EndpointMoment, ...]
    total: EndpointMoment
    reading: EngineSnapshot
    saturated_by: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    thresholds: tuple[ThresholdVerdict, ...] = ()
    paused: bool = False
    troubles: tuple[Trouble, ...] = ()
    warm_up: bool = False
    max_requests: int | None = None
    flows: tuple[FlowMoment, ...] = ()
