"""An engine without a network: a scripted target answers in an instant, as often as the rate asks.

For tests of what stands above an engine, ours and our users': `EndpointRunner(config, engine=FakeEngine())` runs whole
runs, with limits, timeline and summary, in as much time as they take, but without sockets. It counts by the run's clock.

A user of a flow walks it in an instant: each start makes one request of every step, without a pause, and where a step's
behaviour says that it fails the user is lost there. The steps of `begin` are made once by each user, those of `end` when the
engine stops.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from tressi.errors import EngineError
from tressi.model import Curve, EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Sample, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tressi.load.plan import Plan
    from tressi.model import Level, PoolId, Wanted
    from tressi.request.program import Program

WINDOW_S = 1.0
_OF_THE_POOL = (
    "worker_count", "peak_worker_count", "target_rps", "scheduled", "scheduled_s", "window", "lane_s", "occupied_lane_s",
)  # fmt: skip
UNLIMITED_RPS = 100.0  # what a shared pool does


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a scripted target answers: `error_rate` of the attempts fail with `error`, or with `status` where that is None."""

    service_ms: float = 1.0
    error_rate: float = 0.0
    error: str | None = None
    status: int = 503


@dataclass(slots=True)
class _Endpoint:
    """One endpoint's state: `scheduled` is exact up to `counted_s`. `curve` is its own part of its pool's rate."""

    curve: Curve
    workers: int
    is_limited: bool = True
    scheduled: float = 0.0
    counted_s: float = 0.0
    peak: int = 0
    rates: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Steps:
    """The keys of a flow's steps, in order."""

    begin: tuple[str, ...]
    steps: tuple[str, ...]
    end: tuple[str, ...]

    @classmethod
    def of(cls, program: Program, keys: Sequence[str]) -> _Steps:
        bounds = (program.begin, program.steps, program.end, len(program.operations))
        parts = [program.operations[begin:end] for begin, end in pairwise(bounds)]
        return cls(*(tuple(keys[one.number] for one in part if one.kind == "send") for part in parts))


class FakeEngine:
    """See `model.Engine` for the methods. `calls` has every command in order; `now` may be a clock of the test's own."""

    def __init__(self, behaviours: Mapping[str, Behaviour] | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.calls: list[tuple[str, object, object]] = []
        self.broken: str | None = None
        self._behaviours = behaviours or {}
        self._now = now
        self._endpoints: dict[str, _Endpoint] = {}  # flows included, without their steps
        self._flows: dict[str, _Steps] = {}
        self._started: float | None = None
        self._stopped: float | None = None
        self.lost: str | None = None

    def build(self, plan: Plan) -> None:
        """Take the plan. Raises EngineError while `broken` says why."""
        self.calls.append(("build", plan.keys, None))
        self._keys = [[plan.keys[number] for number in pool.endpoints] for pool in plan.pools]
        walked = [(plan.keys[pool.endpoints[0]], pool.flow) for pool in plan.pools if pool.flow is not None]
        self._flows = {key: _Steps.of(flow.program, plan.keys) for key, flow in walked}
        for pool, keys in zip(plan.pools, self._keys, strict=True):
            for key in keys:
                self._endpoints[key] = _Endpoint(
                    _own(pool.curve, keys), pool.workers, pool.curve is not None, peak=pool.workers
                )
        self._check()

    def go(self, at_ns: int | None = None) -> int:
        """Start counting."""
        self._started = self._now()
        return time.monotonic_ns() if at_ns is None else at_ns

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Have other workers, or another rate from now on."""
        self.calls.append(("want", self._keys[pool][0], wanted))
        for key in self._keys[pool]:
            endpoint = self._endpoints[key]
            self._count(endpoint)
            endpoint.curve = _own(wanted.curve, self._keys[pool])
            endpoint.is_limited = wanted.curve is not None
            endpoint.workers = wanted.workers
            endpoint.peak = max(endpoint.peak, wanted.workers)

    def limit_connections(self, per_second: float) -> None:
        """Make no connection at all, as ever."""
        self.calls.append(("limit_connections", per_second, None))

    def read(self, _level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """What the script makes of the time that has passed. Raises EngineError while `broken` says why, until `stop`."""
        self._check()
        keys = [key for key in self._endpoints if key not in self._flows and endpoint_key in {None, key}]
        flows, steps = self._walked()
        endpoints = {key: self._read(key) for key in keys} | {key: steps[key] for key in steps if endpoint_key in {None, key}}
        generator = GeneratorSnapshot(cpu_s=0.01 * self._elapsed())
        samples = tuple(Sample(key, 200, b"scripted", truncated=False) for key in endpoints)
        wanted = {key: flow for key, flow in flows.items() if endpoint_key in {None, key}}
        return EngineSnapshot(self._elapsed(), endpoints, generator, samples, flows=wanted)

    def stop(self, drain_s: float) -> None:
        """Count no further."""
        self.calls.append(("stop", drain_s, None))
        self.broken = None
        if self._stopped is None and self._started is not None:
            self._stopped = self._now()

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _check(self) -> None:
        if self.broken is not None:
            raise EngineError(self.broken)

    def _elapsed(self) -> float:
        if self._started is None:
            return 0.0
        return (self._now() if self._stopped is None else self._stopped) - self._started

    def _count(self, endpoint: _Endpoint) -> None:
        now = self._elapsed()
        endpoint.scheduled += endpoint.curve.starts(endpoint.counted_s, now)
        endpoint.counted_s = now

    def _read(self, endpoint_key: str) -> EndpointSnapshot:
        endpoint = self._endpoints[endpoint_key]
        behaviour = self._behaviours.get(endpoint_key, Behaviour())
        self._count(endpoint)
        made = int(endpoint.scheduled)
        failed = int(made * behaviour.error_rate)
        occupied_s = made * behaviour.service_ms / 1000
        return replace(
            self._answered(endpoint_key, behaviour, made, failed),
            worker_count=endpoint.workers,
            peak_worker_count=endpoint.peak,
            target_rps=endpoint.curve.rps_at(endpoint.counted_s),
            scheduled=endpoint.scheduled,
            scheduled_s=endpoint.counted_s,
            window=self._window(endpoint, behaviour),
            lane_s=max(occupied_s, endpoint.workers * endpoint.counted_s),
            occupied_lane_s=occupied_s,
        )

    def _walked(self) -> tuple[dict[str, EndpointSnapshot], dict[str, EndpointSnapshot]]:
        """The books of all flows, and those of the endpoints of their steps."""
        flows: dict[str, EndpointSnapshot] = {}
        steps: dict[str, EndpointSnapshot] = {}
        for key, parts in self._flows.items():
            flow = self._read(key)
            started = flow.requests_made
            users = min(started, flow.peak_worker_count)
            begun, own = self._through(parts.begin, users)
            steps |= own
            left, own = self._through(parts.steps, started - (users - begun))
            steps |= own
            steps |= self._through(parts.end, begun if self._stopped is not None else 0)[1]
            duration_us = sum(round(1000 * self._behaviours.get(step, Behaviour()).service_ms) for step in parts.steps)
            flows[key] = replace(
                EndpointSnapshot(key, started=started, succeeded=left, failed=started - left),
                **{name: getattr(flow, name) for name in _OF_THE_POOL},
            )
            if not self._endpoints[key].is_limited:
                flows[key] = replace(flows[key], target_rps=None)
            for histogram in (flows[key].service, flows[key].response):
                histogram.record(duration_us, left)
        return flows, steps

    def _through(self, keys: Sequence[str], users: int) -> tuple[int, dict[str, EndpointSnapshot]]:
        """Send so many users through steps; how many come to the end, and the books of the steps."""
        found = {}
        for key in keys:
            behaviour = self._behaviours.get(key, Behaviour())
            failed = int(users * behaviour.error_rate)
            found[key] = replace(self._answered(key, behaviour, users, failed), abandoned=failed, target_rps=None)
            users -= failed
        return users, found

    def _answered(self, key: str, behaviour: Behaviour, made: int, failed: int) -> EndpointSnapshot:
        """The counts and times of so many attempts, of which some failed."""
        snapshot = EndpointSnapshot(
            endpoint_key=key,
            succeeded=made - failed,
            failed=failed,
            bytes_sent=100 * made,
            bytes_received=200 * made,
            connections_opened=1,
        )
        answered = made if behaviour.error is None else made - failed
        service_us = round(behaviour.service_ms * 1000)
        for histogram in (snapshot.service, snapshot.response, snapshot.first_byte):
            histogram.record(service_us, answered)
        snapshot.success.record(service_us, made - failed)
        codes = {200: made - failed} if made > failed else {}
        if failed and behaviour.error is None:
            codes[behaviour.status] = failed
        errors = {behaviour.error: failed} if failed and behaviour.error else {}
        return replace(snapshot, status_codes=codes, errors=errors)

    def _window(self, endpoint: _Endpoint, behaviour: Behaviour) -> Window:
        """The last second, in which everything due was answered."""
        span_s = min(WINDOW_S, self._elapsed())
        due = endpoint.curve.starts(self._elapsed() - span_s, self._elapsed())
        attempts = int(due)
        occupied_s = attempts * behaviour.service_ms / 1000
        return Window(
            span_s=span_s,
            full=self._elapsed() >= WINDOW_S,
            attempts=attempts,
            failures=int(attempts * behaviour.error_rate),
            starts_due=due,
            occupied_s=occupied_s,
            service_s=occupied_s,
            lane_s=endpoint.workers * span_s,
            occupied_lane_s=occupied_s,
            peak_lanes=1,
        )


def _own(curve: Curve | None, keys: Sequence[str]) -> Curve:
    """An endpoint's even part of the rate of its pool, which has these."""
    return (Curve.held(UNLIMITED_RPS * len(keys)) if curve is None else curve).times(1 / len(keys))
