"""An engine without a network: a scripted target answers in an instant, as often as the rate asks.

For tests of what stands above an engine, ours and our users': `EndpointRunner(config, engine=FakeEngine())` runs whole
runs, with limits, timeline and summary, in as much time as they take, but without sockets. It counts by the run's clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tressi.errors import EngineError
from tressi.model import Curve, EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Sample, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tressi.load.plan import Plan
    from tressi.model import Level, PoolId, Wanted

WINDOW_S = 1.0
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
    scheduled: float = 0.0
    counted_s: float = 0.0
    peak: int = 0
    rates: list[tuple[float, float]] = field(default_factory=list)


class FakeEngine:
    """See `model.Engine` for the methods. `calls` has every command in order; `now` may be a clock of the test's own."""

    def __init__(self, behaviours: Mapping[str, Behaviour] | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.calls: list[tuple[str, object, object]] = []
        self.broken: str | None = None
        self._behaviours = behaviours or {}
        self._now = now
        self._endpoints: dict[str, _Endpoint] = {}
        self._started: float | None = None
        self._stopped: float | None = None
        self.lost: str | None = None

    def build(self, plan: Plan) -> None:
        """Take the plan. Raises EngineError while `broken` says why."""
        self.calls.append(("build", plan.keys, None))
        self._keys = [[plan.keys[number] for number in pool.endpoints] for pool in plan.pools]
        for pool, keys in zip(plan.pools, self._keys, strict=True):
            for key in keys:
                self._endpoints[key] = _Endpoint(_own(pool.curve, keys), pool.workers, peak=pool.workers)
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
            endpoint.workers = wanted.workers
            endpoint.peak = max(endpoint.peak, wanted.workers)

    def limit_connections(self, per_second: float) -> None:
        """Make no connection at all, as ever."""
        self.calls.append(("limit_connections", per_second, None))

    def read(self, _level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """What the script makes of the time that has passed. Raises EngineError while `broken` says why, until `stop`."""
        self._check()
        keys = [endpoint_key] if endpoint_key is not None else list(self._endpoints)
        generator = GeneratorSnapshot(cpu_s=0.01 * self._elapsed())
        samples = tuple(Sample(key, 200, b"scripted", truncated=False) for key in keys)
        return EngineSnapshot(self._elapsed(), {key: self._read(key) for key in keys}, generator, samples)

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
        snapshot = _blank(endpoint_key, endpoint, endpoint.counted_s, made - failed, failed)
        answered = made if behaviour.error is None else made - failed
        service_us = round(behaviour.service_ms * 1000)
        for histogram in (snapshot.service, snapshot.response, snapshot.first_byte):
            histogram.record(service_us, answered)
        snapshot.success.record(service_us, made - failed)
        codes = {200: made - failed} if made > failed else {}
        if failed and behaviour.error is None:
            codes[behaviour.status] = failed
        errors = {behaviour.error: failed} if failed and behaviour.error else {}
        occupied_s = made * behaviour.service_ms / 1000
        return replace(
            snapshot,
            status_codes=codes,
            errors=errors,
            window=self._window(endpoint, behaviour),
            lane_s=max(occupied_s, endpoint.workers * endpoint.counted_s),
            occupied_lane_s=occupied_s,
        )

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


def _blank(endpoint_key: str, endpoint: _Endpoint, now_s: float, succeeded: int, failed: int) -> EndpointSnapshot:
    made = succeeded + failed
    return EndpointSnapshot(
        endpoint_key=endpoint_key,
        succeeded=succeeded,
        failed=failed,
        bytes_sent=100 * made,
        bytes_received=200 * made,
        connections_opened=1,
        worker_count=endpoint.workers,
        peak_worker_count=endpoint.peak,
        target_rps=endpoint.curve.rps_at(now_s),
        scheduled=endpoint.scheduled,
        scheduled_s=now_s,
    )
