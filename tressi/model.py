"""The values that cross rooms: what a run is asked to do, what an engine has measured, what the autoscaler decided.

Everything here is frozen. Commands go down through `Engine`, values come up as `EngineSnapshot`. Names are those of the
config schema in snake_case; every number that is not a count carries its unit in its name or in its comment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi._core import Histogram
    from tressi.threshold.expression import Comparison

Action = Literal["scale-up", "scale-down", "maintain"]
Arrival = Literal["uniform", "poisson"]
EndReason = Literal["duration", "early-exit", "interrupted", "stopped", "error"]
Priority = Literal["high", "medium", "low"]
Steering = Literal["set-target", "pause", "resume"]
Transport = Literal["wire", "urllib3"]
Strategy = Literal["proportional", "equal", "priority-based"]

# The arena stores errors by the position of their kind here; `cut` is an attempt still in flight when the drain ended.
ERROR_KINDS = ("dns", "connect", "tls", "send", "reset", "closed", "timeout", "protocol", "expectation", "cut")


# ---------------------------------------------------------------------------------------------- what a run is asked to do


@dataclass(frozen=True, slots=True)
class AutoscaleConfig:
    """One autoscaled endpoint's resolved settings: nothing inherited is left open. Times are seconds.

    `target_rps` may be fractional: it can be a share of a total. `initial_workers` is None where the allocation decides.
    """

    target_rps: float
    min_workers: int
    max_workers: int
    ramp_up_time: float = 0.0
    scale_up_threshold: float = 0.9
    scale_down_threshold: float = 1.1
    scale_up_factor: float = 0.25
    scale_down_factor: float = 0.25
    cooldown_period: float = 2.0
    weight: float = 1.0
    priority: Priority = "medium"
    initial_workers: int | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a response must be to count as a success. `status` None: below 400; `body_contains` None: any body."""

    status: tuple[int, ...] | None = None
    body_contains: bytes | None = None


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """How `https` targets are spoken to. `ca`, `cert` and `key` are files; `server_name` overrides the host of the URL."""

    verify: bool = True
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class ResolvedEndpoint:
    """One entry of `requests`, ready to be sent. `url` is absolute and in its wire form (IDNA host, percent-encoded path).

    `endpoint_key` and `masked_url` are safe to show: they hide user info. `headers` are in sending order, without those
    that the transport adds by itself (Content-Length, Connection; Host too, unless the config sets one). `autoscale` None
    means the shared pool. `name` is a label for people, None without one; the identity stays `endpoint_key`.
    """

    endpoint_key: str
    method: str
    url: str
    masked_url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout_s: float = 30.0  # from the first send on
    connect_timeout_s: float | None = None  # None: as long, and then it counts as a timeout of the request
    expect: Expectation | None = None
    autoscale: AutoscaleConfig | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SharedPool:
    """The pool of all endpoints without autoscale. `target_rps` None: as fast as responses come back."""

    workers: int
    target_rps: float | None
    ramp_up_time: float = 0.0


@dataclass(frozen=True, slots=True)
class EarlyExit:
    """An armed early exit. With none of the three set, the first failure ends the run."""

    error_rate_threshold: float | None = None
    error_count_threshold: int | None = None
    error_status_codes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition on the results that decides whether the test has passed: `comparison` must hold.

    `text` is it as it was written, `endpoint_key` None where it is about the whole run. `aborts`: the run ends as soon as it
    is broken, from `abort_delay_s` seconds after the start on.
    """

    text: str
    comparison: Comparison
    endpoint_key: str | None = None
    aborts: bool = False
    abort_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A whole run as it will be done. `document` is the config that was read, defaults filled in and secrets masked."""

    endpoints: tuple[ResolvedEndpoint, ...]
    shared_pool: SharedPool | None
    worker_limit: int  # of all autoscaled workers together
    strategy: Strategy = "proportional"
    duration_s: float = 10.0
    concurrent_requests: int = 1
    arrival: Arrival = "uniform"
    keep_alive: bool = True
    connections_per_second: float | None = None  # of all engines together; None: no limit
    tls: TlsConfig = field(default_factory=TlsConfig)
    transport: Transport = "wire"
    proxy: str | None = None
    follow_redirects: bool = False
    source_addresses: tuple[str, ...] = ()  # of our side of a connection, used in turn
    seed: int = 0
    early_exit: EarlyExit | None = None
    thresholds: tuple[Threshold, ...] = ()
    export: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def autoscaled(self) -> tuple[ResolvedEndpoint, ...]:
        """The endpoints with a pool of their own, in config order."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.autoscale is not None)


# --------------------------------------------------------------------------------------------------- what was measured


@dataclass(frozen=True, slots=True)
class Window:
    """Raw sums over the sliding window of one endpoint; additive over engines, so that ratios are taken only at the end.

    `starts_due` is the integral of the target rate over the window, `missed` the starts given up for want of a free lane,
    `missed_late` those given up while a lane was free (the generator's fault). `occupied_s` sums the occupied time of the
    attempts completed; `older` and `older_s` count the attempts in flight that are older than their mean, and their ages.
    `lane_s` and `occupied_lane_s` are lane-seconds present and occupied. `peak_lanes` is the most lanes occupied at once
    over the last max(10 s, 30 attempts).
    """

    span_s: float = 0.0
    full: bool = False
    attempts: int = 0
    failures: int = 0
    starts_due: float = 0.0
    missed: int = 0
    missed_late: int = 0
    occupied_s: float = 0.0
    service_s: float = 0.0
    older: int = 0
    older_s: float = 0.0
    lane_s: float = 0.0
    occupied_lane_s: float = 0.0
    peak_lanes: int = 0

    @property
    def current_rps(self) -> float:
        """Completed attempts per second."""
        return self.attempts / self.span_s if self.span_s > 0 else 0.0

    @property
    def target_rps(self) -> float:
        """The mean of the target curve over the same window, so that a ramp does not look like a shortfall."""
        return self.starts_due / self.span_s if self.span_s > 0 else 0.0

    @property
    def missed_rps(self) -> float:
        """Starts per second missed for want of a free lane."""
        return self.missed / self.span_s if self.span_s > 0 else 0.0

    @property
    def error_rate(self) -> float:
        """Failures as a share of attempts, 0 to 1."""
        return self.failures / self.attempts if self.attempts else 0.0

    @property
    def mean_occupied_s(self) -> float | None:
        """Mean occupied time of an attempt, old ones in flight counted with their age; None without data."""
        attempts = self.attempts + self.older
        return (self.occupied_s + self.older_s) / attempts if attempts else None

    @property
    def utilisation(self) -> float:
        """Share of lane-seconds occupied, 0 to 1."""
        return min(1.0, self.occupied_lane_s / self.lane_s) if self.lane_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class EndpointMetrics:
    """What the autoscaler knows of one endpoint when it decides: the seed's fields, and the window they come from.

    `avg_latency` is the mean service time in milliseconds, `error_rate` a share of 0 to 1, `last_scale_time` seconds since
    the run's start (minus infinity before the first action). `worker_count` leaves out the workers that are draining.
    """

    endpoint_key: str
    current_rps: float
    target_rps: float
    avg_latency: float
    error_rate: float
    worker_count: int
    last_scale_time: float
    requests_made: int
    requests_succeeded: int
    requests_failed: int
    utilisation: float
    capacity_rps: float | None
    lanes_per_worker: int = 1
    draining: int = 0
    generator_limited: bool = False  # the engine is at its CPU limit: more workers cannot help
    window: Window = field(default_factory=Window)

    @property
    def peak_workers(self) -> int:
        """The fewest workers that hold the most lanes occupied at once."""
        return ceil(self.window.peak_lanes / self.lanes_per_worker)


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

    `endpoint_key` and `target_rps` are None for a pause and its end, which are of the whole run.
    """

    t: float
    action: Steering
    endpoint_key: str | None = None
    target_rps: float | None = None


@dataclass(frozen=True, slots=True)
class ThresholdVerdict:
    """One threshold as it stands: `text` is the condition as it was written, `endpoint_key` None where it is of the run.

    `passed` is None while there is nothing to judge. `value` and `limit` are its two sides where it came closest to
    failing, or failed worst, latencies in milliseconds and shares from 0 to 1; None where there is none. `detail` says it
    in words. `failed_at` is when it was first seen broken, in seconds since the start. `aborts`: its failure ends the run.
    """

    text: str
    endpoint_key: str | None
    passed: bool | None
    value: float | None
    limit: float | None
    detail: str
    failed_at: float | None = None
    aborts: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why `count` attempts of one error kind failed, in the words of the system, the resolver or OpenSSL."""

    kind: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of one response body; at most a few are kept per endpoint and status."""

    endpoint_key: str
    status: int
    body: bytes
    truncated: bool


@dataclass(frozen=True, slots=True)
class EndpointSnapshot:
    """Everything counted for one endpoint since the start. Histograms are exact copies in microseconds.

    `requests_made` is never stored, only summed. `missed_late` is the part of `missed` that was the generator's own fault.
    `target_rps` is the rate asked for at the moment of the snapshot; for an endpoint of the shared pool its even share, and
    None where nothing limits the pool. `scheduled` is the integral of the target rate since the start.
    """

    endpoint_key: str
    succeeded: int
    failed: int
    missed: int
    missed_late: int
    bytes_sent: int
    bytes_received: int
    connections_opened: int
    retries: int
    status_codes: Mapping[int, int]
    errors: Mapping[str, int]
    worker_count: int
    draining: int
    peak_worker_count: int
    target_rps: float | None
    scheduled: float
    window: Window
    service: Histogram
    response: Histogram
    connect: Histogram | None = None  # of each connection made, TLS apart
    tls: Histogram | None = None  # of each handshake
    reasons: tuple[Reason, ...] = ()

    @property
    def requests_made(self) -> int:
        """Attempts that ended, in a response or in an error."""
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True)
class GeneratorSnapshot:
    """What one engine knows of itself since the start: its CPU, and the delays it added. Histograms in microseconds."""

    cpu_s: float
    run_queue_s: float  # time its thread was ready to run but another had the core
    own_delay: Histogram
    late_sends: Histogram
    kernel_timed: int  # responses whose arrival the kernel stamped
    user_timed: int  # responses timed by our own clock
    disturbed: int  # responses whose service time our own reading may have lengthened by more than 5 %
    busy_s: tuple[float, ...] = ()  # of each engine: CPU and run queue together


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """One reading of an engine's arena. `time_s` is seconds since the engine's start, by the monotonic clock."""

    time_s: float
    endpoints: Mapping[str, EndpointSnapshot]
    generator: GeneratorSnapshot
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointMoment:
    """One endpoint over the last second of a run, or all of them together (their key is empty).

    Latencies are service times of that second alone, None without any; `missed_now` are the starts given up in it. `missed`,
    `requests_made` and `errors` count since the start. `min_workers` and `max_workers` are None in the shared pool.
    """

    endpoint_key: str
    target_rps: float | None
    current_rps: float
    worker_count: int
    min_workers: int | None
    max_workers: int | None
    utilisation: float
    error_rate: float
    p50_ms: float | None
    p99_ms: float | None
    missed_now: int
    missed: int
    requests_made: int
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Moment:
    """What `run` publishes once a second for whoever watches.

    `t` is seconds since the run's start; `saturated_by` says why the generator, not the target, was the bottleneck in
    this second (empty: it was not). `changes` are those of this second, `thresholds` the verdicts as they stand. `reading`
    is what all of it was made from.
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


class Engine(Protocol):
    """The one seam for engines in this process, in a child, on another machine, and for the fake one of tests."""

    def start(self, config: ResolvedConfig, workers: Mapping[str, int]) -> None:
        """Start every pool together, each autoscaled endpoint with `workers[endpoint_key]`; returns at once."""

    def scale(self, endpoint_key: str, workers: int) -> None:
        """Make `workers` the endpoint's count; a worker that is removed finishes its requests first."""

    def set_rate(self, endpoint_key: str, target_rps: float | None) -> None:
        """Hold another rate from now on; 0 pauses, None is as fast as responses come back.

        A key of the shared pool sets the pool's rate.
        """

    def snapshot(self, endpoint_key: str | None = None) -> EngineSnapshot:
        """Read the metrics as they stand, of one endpoint or of all; never blocks the engine, and works after `stop`."""

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait at most `drain_s` seconds for what is in flight, cut the rest; may be called twice."""
