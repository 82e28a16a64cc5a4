"""What an engine has counted, as it is read: windows, endpoints, the engine itself."""

from __future__ import annotations

from dataclasses import field
from math import ceil
from typing import TYPE_CHECKING

from tressi._core import Histogram
from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model.nodes import NodeFinding, NodeRecord


@dataclass(frozen=True, slots=True)
class Window:
    """Raw sums over the sliding window of one endpoint; additive over engines, so that ratios are taken only at the end.

    `starts_due` is the integral of the target rate over the window, `missed` the starts given up because no lane was free,
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
        """Starts per second missed because no lane was free."""
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
class EndpointCounts:
    """Everything counted and measured of one endpoint over some time: since the run's start, or between two readings.

    The names, units and how each adds up are those of `tressi.vocabulary`; histograms are in microseconds. `missed_late` is
    the part of `missed` that was the generator's own fault. `cut` counts the attempts that were still under way when the
    graceful stop was over: they are neither made nor failed. `abandoned` are the users of a flow who were lost at this step of
    it, `started` the starts of a flow that a user has taken. `scheduled` is the integral of the target rate over
    `scheduled_s` seconds, which end at the last 100 ms boundary before the reading; `lane_s` and `occupied_lane_s` are the
    lane-seconds present and occupied.

    What is of a moment is the later reading's: `worker_count`, `draining`, `in_flight` (attempts under way, connecting
    included), `oldest_s` (the age of the oldest of them, 0 without any) and `target_rps`, the rate asked for then: for an
    endpoint of the shared pool its even share, None where nothing limits the pool. `over` is likewise why the endpoint begins
    no more attempts, as a position in `vocabulary.OVER`; 0: it does.
    """

    endpoint_key: str
    succeeded: int = 0
    failed: int = 0
    missed: int = 0
    missed_late: int = 0
    cut: int = 0
    abandoned: int = 0
    started: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    connections_opened: int = 0
    retries: int = 0
    redirects: int = 0
    goaways: int = 0  # of HTTP/2: connections on which the server took no more requests
    streams_refused: int = 0  # requests that it did not process, and said so
    places_waited: int = 0  # attempts that waited because `http2.connections` limits the connections
    h2_connections: int = 0  # of the connections opened those that speak HTTP/2
    status_codes: Mapping[int, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    worker_count: int = 0
    draining: int = 0
    peak_worker_count: int = 0
    in_flight: int = 0
    oldest_s: float = 0.0
    target_rps: float | None = None
    over: int = 0
    scheduled: float = 0.0
    scheduled_s: float = 0.0
    lane_s: float = 0.0
    occupied_lane_s: float = 0.0
    service: Histogram = field(default_factory=Histogram)  # of all responses
    response: Histogram = field(default_factory=Histogram)  # of all starts, those missed because no lane was free included
    success: Histogram = field(default_factory=Histogram)  # service times of the successes alone
    first_byte: Histogram = field(default_factory=Histogram)  # from the first byte sent to the first byte received
    connect: Histogram = field(default_factory=Histogram)  # of each connection made, TLS apart
    tls: Histogram = field(default_factory=Histogram)  # of each handshake

    @property
    def requests_made(self) -> int:
        """Attempts that ended, in a response or in an error: never stored, only summed."""
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True)
class EndpointSnapshot(EndpointCounts):
    """Everything counted for one endpoint since the start, and the sliding window that the autoscaler decides by."""

    window: Window = field(default_factory=Window)


@dataclass(frozen=True, slots=True)
class GeneratorSnapshot:
    """What one engine knows of itself since the start: its CPU, and the delays it added. Histograms in microseconds."""

    cpu_s: float = 0.0
    run_queue_s: float = 0.0  # time its thread was ready to run but another had the core
    own_delay: Histogram = field(default_factory=Histogram)
    late_sends: Histogram = field(default_factory=Histogram)
    kernel_timed: int = 0  # responses whose arrival the kernel stamped
    user_timed: int = 0  # responses timed by our own clock
    disturbed: int = 0  # responses whose service time our own reading may have lengthened by more than 5 %
    busy_s: tuple[float | None, ...] = ()  # of each engine: CPU and run queue together; None once it is lost
    lost: tuple[str, ...] = ()  # why engines are lost, in words
    shared_arrival: Histogram = field(default_factory=Histogram)  # how much earlier those may have come that share a read


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """One reading of an engine's arena. `time_s` is seconds since the engine's start, by the monotonic clock.

    `flows` have the books of endpoints: an attempt is a start of the flow, which succeeds where it is completed and fails
    where it is abandoned. Their requests are counted by the endpoints of their steps alone.

    Of a run over several machines `nodes` has each of them, and `found` what they last found broken by themselves: there the
    self-check is of each machine, for one bad one among many hides in what is merged.
    """

    time_s: float
    endpoints: Mapping[str, EndpointSnapshot]
    generator: GeneratorSnapshot
    samples: tuple[Sample, ...] = ()
    over_s: float | None = None  # when its last attempt had ended, of a run that had nothing more to send
    flows: Mapping[str, EndpointSnapshot] = field(default_factory=dict)
    nodes: tuple[NodeRecord, ...] = ()
    found: tuple[NodeFinding, ...] = ()

    def of(self, key: str) -> EndpointSnapshot:
        """What was counted of an endpoint or of a flow."""
        return self.flows[key] if key in self.flows else self.endpoints[key]
