"""The engine of this process: every pool of a run, one reactor under the gevent hub, one arena of metrics."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

from tressi._core import Arena
from tressi._wire import Reactor
from tressi.load.dial import Dialer
from tressi.load.plan import Plan, make_plan
from tressi.load.pool import WorkerPool
from tressi.load.reading import read_arena
from tressi.load.secure import make_context
from tressi.load.worker import Lane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.load.transport import Origin
    from tressi.model import EngineSnapshot, ResolvedConfig, TlsConfig

_READABLE = 1


class LocalEngine:
    """Drives all connections from the hub of the thread that starts it; see `model.Engine` for the five methods."""

    def __init__(self, arena: Arena | None = None) -> None:
        self._given_arena = arena
        self._lanes: dict[int, Lane] = {}
        self._pools: list[WorkerPool] = []
        self._idle = Event()
        self._draining = False
        self._stopped = False
        self._turn_asked = False

    def start(self, config: ResolvedConfig, workers: Mapping[str, int]) -> None:
        """Build every pool, then start them together. Raises EngineError where it cannot."""
        self._plan = make_plan(config, workers)
        self._keys = tuple(endpoint.endpoint_key for endpoint in config.endpoints)
        self._arena = self._given_arena or Arena(len(config.endpoints))
        self._reactor = Reactor(self._arena)
        self._dialers = [self._dialer(origin, config.tls) for origin in self._plan.origins]
        self._build(self._plan)
        self._cpu = _CpuClock(self._arena)
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._reactor.fileno(), _READABLE)
        self._reactor.start()
        self._watcher.start(self._turn)
        self._ask_turn()

    def scale(self, endpoint_key: str, workers: int) -> None:
        """Make `workers` the endpoint's count; a worker that is removed finishes its requests first."""
        if not self._stopped:
            self._pools[self._plan.pool_of[endpoint_key]].scale(workers, self._reactor)
            self._ask_turn()

    def set_rate(self, endpoint_key: str, target_rps: float) -> None:
        """Hold another rate from now on; 0 pauses. A key of the shared pool sets the pool's rate."""
        if not self._stopped:
            self._reactor.set_rate(self._plan.pool_of[endpoint_key], target_rps)
            self._ask_turn()

    def snapshot(self, endpoint_key: str | None = None) -> EngineSnapshot:
        """Read the metrics as they stand, of one endpoint or of all; works after `stop`."""
        if not self._stopped:
            self._cpu.publish()
        return read_arena(self._arena, self._keys, None if endpoint_key is None else self._keys.index(endpoint_key))

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait at most `drain_s` seconds for what is in flight, cut the rest."""
        if self._stopped:
            return
        self._reactor.end()
        self._draining = True
        self._ask_turn()
        self._idle.wait(drain_s)
        if self._stopped:
            return
        self._stopped = True
        self._reactor.cut()
        self._cpu.publish()
        self._watcher.stop()
        self._watcher.close()
        self._close()

    # --------------------------------------------------------------------------------------------------------- its parts

    def _build(self, plan: Plan) -> None:
        for endpoint in plan.endpoints:
            self._reactor.add_endpoint(
                endpoint.variants,
                endpoint.timeout_ns,
                target=self._dialers[endpoint.dialer].number,
                origin=endpoint.origin,
                to_head=endpoint.to_head,
                idempotent=endpoint.idempotent,
                keep_alive=endpoint.keep_alive,
                statuses=endpoint.statuses,
                body_contains=endpoint.body_contains,
            )
        for number, pool in enumerate(plan.pools):
            self._reactor.add_pool(
                pool.endpoints, pool.rate, ramp_ns=pool.ramp_ns, phase=pool.phase, seed=pool.seed, poisson=pool.poisson
            )
            workers = WorkerPool(plan.lanes_per_worker, partial(self._make_lane, number), partial(self._publish, number))
            self._pools.append(workers)
            workers.scale(pool.workers, self._reactor)

    def _dialer(self, origin: Origin, tls: TlsConfig) -> Dialer:
        context = make_context(tls) if origin.is_tls else None
        return Dialer(origin, self._reactor, context, tls.server_name)

    def _make_lane(self, number: int) -> Lane:
        pool = self._plan.pools[number]
        lane = Lane(
            self._reactor.add_lane(number, len(pool.origins)),
            self._reactor,
            self._route,
            self._ask_turn,
        )
        self._lanes[lane.number] = lane
        return lane

    def _route(self, endpoint: int) -> tuple[Dialer, float]:
        """How to connect for an endpoint, and how long that may take."""
        planned = self._plan.endpoints[endpoint]
        return self._dialers[planned.dialer], planned.timeout_ns / 1e9

    def _publish(self, number: int, workers: int, draining: int) -> None:
        for endpoint in self._plan.pools[number].endpoints:
            self._arena.set_workers(endpoint, workers, draining)

    # ----------------------------------------------------------------------------------------------------- in the hub

    def _ask_turn(self) -> None:
        """Have the hub run a turn soon; several wishes are one."""
        if not self._turn_asked and not self._stopped:
            self._turn_asked = True
            self._hub.loop.run_callback(self._turn)

    def _turn(self) -> None:
        self._turn_asked = False
        if self._stopped:
            return
        for number, order in self._reactor.turn():
            lane = self._lanes.pop(number) if order == "stop" else self._lanes[number]
            lane.order(order)
        if self._draining and self._reactor.occupied() == 0:
            self._idle.set()

    def _close(self) -> None:
        """End the greenlets and close the connections; the arena stays readable."""
        for lane in self._lanes.values():
            lane.kill()
        self._lanes.clear()
        for dialer in self._dialers:
            dialer.close()
        del self._reactor


class _CpuClock:
    """What the engine's thread has used of its core, and how long it was ready and had to wait for it."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._cpu_ns = time.thread_time_ns()
        self._run_queue_ns = _run_queue_ns()

    def publish(self) -> None:
        self._arena.set_cpu(time.thread_time_ns() - self._cpu_ns, _run_queue_ns() - self._run_queue_ns)


def _run_queue_ns() -> int:
    """From the scheduler's own statistics (Documentation/scheduler/sched-stats of the kernel); 0 where it keeps none."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
