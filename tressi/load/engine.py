"""The engine of this process: every pool of a run, one reactor under the gevent hub, one arena of metrics."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

from tressi._core import HAS_EPOLL, Arena
from tressi._values import Values
from tressi._wire import Reactor
from tressi.errors import EngineError
from tressi.load.answer import Sought
from tressi.load.arena_reader import read_arena
from tressi.load.coding import Body
from tressi.load.descriptor_limit import make_room
from tressi.load.dial import Dialer, Patience
from tressi.load.expected import lacking_words, status_words
from tressi.load.hops import Hops
from tressi.load.openssl import make_engine_context
from tressi.load.permits import Permits
from tressi.load.pool import WorkerPool
from tressi.load.redirect import too_many
from tressi.load.tls import Contexts
from tressi.load.turn_trigger import wake_of
from tressi.load.worker import ClientLane, Lane
from tressi.model import Kept

if TYPE_CHECKING:
    from tressi.load.calls import Calls
    from tressi.load.judge import Judge
    from tressi.load.plan import Plan
    from tressi.load.planned import PlannedEndpoint
    from tressi.load.ways import Way
    from tressi.model import EngineSnapshot, Level, PoolId, TlsConfig, Wanted
    from tressi.request.call import Call


class LocalEngine:
    """Drives all connections from the hub of the thread that starts it; see `model.Engine` for the five methods.

    `alone`: nothing else runs in that thread, so that the reactor may do the hub's waiting.
    """

    def __init__(self, arena: Arena | None = None, *, alone: bool = False) -> None:
        self._given_arena = arena
        self._alone = alone
        self._lanes: dict[int, Lane] = {}
        self._pools: list[WorkerPool] = []
        self._idle = Event()
        self._draining = False
        self._running = False
        self._turn_asked = False
        self._versions: dict[PoolId, int] = {}

    @property
    def lost(self) -> None:
        """It is there as long as this process is."""

    def build(self, plan: Plan) -> None:
        """Build every pool; nothing is sent yet. Raises EngineError where the system has no room for it."""
        if not (HAS_EPOLL or plan.is_for_clients):
            raise EngineError("the transport wire needs epoll, which this system lacks: use urllib3")
        self._plan = plan
        self._numbers = {key: number for number, key in enumerate(plan.keys)}
        self._curves = [pool.curve for pool in plan.pools]
        make_room(plan.connections)
        try:
            self._arena = self._given_arena or Arena(len(plan.keys))
            self._reactor = Reactor(self._arena)
        except (OSError, MemoryError) as failure:
            raise EngineError(f"the engine cannot be built: {failure}") from failure
        if self._alone:
            self._reactor.be_alone()
        self._reactor.decode_with(_decoded)
        if plan.tables.sources or plan.flows:
            self._reactor.fill_from(_values(plan))
        self._limit(plan)
        kept = plan.kept
        if kept != Kept():
            self._reactor.keep_connections(kept.requests or 0, kept.age_s or 0.0, kept.idle_s or 0.0, plan.pools[0].seed)
        self._calls = _calls(plan, self._permits) if plan.is_for_clients else None
        self._sought = [_sought(endpoint) for endpoint in plan.endpoints] if plan.is_for_clients else []
        self._contexts = Contexts(plan.network.tls, make_engine_context)
        for tls in [tls for way in plan.ways for tls in (way.proxy_tls, way.tls) if tls and not plan.is_for_clients]:
            self._contexts.of(tls)
        self._dialers: list[Dialer] = []
        for way in plan.ways:
            self._connect_by(way)
        self._hops = Hops(plan, self._reactor, self._connect_by)
        self._fill(plan)

    def go(self, at_ns: int | None = None) -> int:
        """Start every pool; its schedule begins at `at_ns` of CLOCK_MONOTONIC, which is past (None: now). Returns when."""
        self._hub = gevent.get_hub()
        self._wake = wake_of(self._hub, self._reactor, self._turn)
        begin_ns = self._reactor.start(self._plan.duration_ns, at_ns)
        self._wake.start()
        self._running = True
        self._ask_turn()
        return begin_ns

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Have a pool as it is wanted from now on; see `model.Engine`."""
        if not self._running or wanted.version <= self._versions.get(pool, 0):
            return
        self._versions[pool] = wanted.version
        self._pools[pool].scale(wanted.workers, self._reactor)
        if wanted.curve != self._curves[pool]:
            self._curves[pool] = wanted.curve
            self._follow(pool, wanted)
        self._ask_turn()

    def _follow(self, pool: PoolId, wanted: Wanted) -> None:
        """Have another rate; a log keeps its times, and can only be held back."""
        if self._plan.pools[pool].replay is not None:
            self._reactor.hold(pool, wanted.curve is not None and wanted.curve.peak_rps == 0)
        else:
            self._reactor.follow(pool, None if wanted.curve is None else wanted.curve.points)

    def lease(self, until_ns: int) -> None:
        """Send nothing from `until_ns` of CLOCK_MONOTONIC on, unless this is called again before; after `build`."""
        self._reactor.lease(until_ns)

    def limit_connections(self, per_second: float) -> None:
        """Make so many connections a second at most from now on; for an engine that was built with such a limit."""
        if self._running:
            (self._permits.limit if self._permits else self._reactor.limit_connections)(per_second)
            self._ask_turn()

    def read(self, level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """Read the metrics as they stand, of one endpoint or of all; works after `stop`."""
        only = None if endpoint_key is None else self._numbers[endpoint_key]
        return read_arena(self._arena, self._plan.keys, only, level, self._plan.flows)

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait at most `drain_s` seconds for what is in flight, cut the rest."""
        if not self._running:
            return
        self._reactor.end()
        self._draining = True
        self._ask_turn()
        self._idle.wait(drain_s)
        if not self._running:
            # Another call had less patience.
            return
        self._running = False
        self._idle.set()
        self._reactor.cut()
        self._wake.close()
        self._close()

    # --------------------------------------------------------------------------------------------------------- its parts

    def _limit(self, plan: Plan) -> None:
        """Give out permits to connect where connections are made: in the reactor, or by the second transport."""
        self._permits: Permits | None = None
        if plan.connections_per_second is not None and plan.is_for_clients:
            self._permits = Permits(plan.connections_per_second, plan.connections_phase)
        elif plan.connections_per_second is not None:
            self._reactor.limit_connections(plan.connections_per_second, phase=plan.connections_phase)

    def _fill(self, plan: Plan) -> None:
        for endpoint in plan.endpoints:
            lacking = lacking_words(endpoint.body_contains)
            self._reactor.add_endpoint(
                endpoint,
                hung=_hung(endpoint),
                wanted=status_words(endpoint.statuses).encode(),
                lacking=None if lacking is None else lacking.encode(),
                judge=_judge(endpoint),
                redirects=0 if plan.is_for_clients else plan.redirects,
                too_many=too_many(plan.redirects).encode(),
            )
        for number, pool in enumerate(plan.pools):
            block = None if pool.replay is None or plan.tables.block is None else plan.tables.block.memory
            self._reactor.add_pool(pool, block, plan.engine, plan.engines)
            workers = WorkerPool(plan.lanes_per_worker, partial(self._make_lane, number), partial(self._publish, number))
            self._pools.append(workers)
            workers.scale(pool.workers, self._reactor)
        if plan.is_counted:
            allowance = plan.allowance or plan.new_allowance()
            self._reactor.limit_attempts(allowance.counts, of_run=plan.attempts is not None)

    def _connect_by(self, way: Way) -> int:
        """Make a dialer for the way; returns its number."""
        # For the second transport a lane's greenlet does everything: nothing is left to dial.
        plan = self._plan
        dialer = Dialer(way, self._reactor, self._contexts, plan.source_addresses, ordered=plan.is_for_clients)
        self._dialers.append(dialer)
        return dialer.number

    def _make_lane(self, number: int) -> Lane:
        lane_number = self._reactor.add_lane(number, len(self._plan.pools[number].origins))
        if self._calls is None:
            lane = Lane(lane_number, self._reactor, self._route, self._ask_turn)
        else:
            client = self._calls.client(len(self._lanes), len(self._plan.pools[number].origins))
            lane = ClientLane(lane_number, self._reactor, self._route, self._ask_turn, client, self._call_of)
        self._lanes[lane.number] = lane
        return lane

    def _call_of(self, lane: int) -> tuple[Call, TlsConfig | None, float, Sought]:
        """A lane's request for the second transport, its TLS, its timeout, and what is looked for in the answer."""
        number = self._reactor.endpoint_of(lane)
        planned = self._plan.endpoints[number]
        own = self._reactor.own_request(lane)
        request = None if own is None else planned.requests[own[0]]
        if own is None or request is None or request.call is None:
            raise ValueError(f"lane {lane} is the reactor's")
        call = request.call if own[1] is None else request.call.filled(own[1], self._plan.ways[request.dialer].fields)
        return call, planned.tls, planned.timeout_ns / 1e9, self._sought[number]

    def _route(self, lane: int) -> tuple[Dialer, Patience]:
        """How to connect for a lane, and how long that may take."""
        patience = _patience(self._plan.endpoints[self._reactor.endpoint_of(lane)])
        return self._dialers[self._reactor.origin_of(lane)], patience

    def _publish(self, number: int, workers: int, draining: int) -> None:
        for endpoint in self._plan.pools[number].endpoints:
            self._arena.set_workers(endpoint, workers, draining)

    # ----------------------------------------------------------------------------------------------------- in the hub

    def _ask_turn(self) -> None:
        """Have the hub run a turn soon; several wishes are one."""
        if not self._turn_asked and self._running:
            self._turn_asked = True
            self._hub.loop.run_callback(self._wake.turn)

    def _turn(self) -> None:
        self._turn_asked = False
        if not self._running:
            return
        for number, order in self._reactor.turn():
            if order == "redirect":
                self._hops.follow(number)
                self._ask_turn()
                continue
            if order == "stop":
                self._hops.forget(number)
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
        self._reactor.close()


def _calls(plan: Plan, permits: Permits | None) -> Calls:
    from tressi.load.calls import Calls  # noqa: PLC0415 - see there; most plans need none

    return Calls(plan, permits)


def _values(plan: Plan) -> Values:
    """What the plan's requests are filled with, as this engine draws from it."""
    block = plan.tables.block
    memory = memoryview(b"") if block is None else block.memory
    return Values(plan.tables.sources, memory, first=plan.engine, of=plan.engines, seed=plan.seed)


def _judge(endpoint: PlannedEndpoint) -> Judge | None:
    if not endpoint.has_judge:
        return None
    from tressi.load.judge import Judge  # noqa: PLC0415 - most plans need none

    return Judge(endpoint.json, endpoint.body_matches)


def _sought(endpoint: PlannedEndpoint) -> Sought:
    return Sought(endpoint.body_contains, tuple(field.name for field in endpoint.fields), _judge(endpoint))


def _decoded(needle: bytes | None, codings: str) -> Body:
    """What decodes a body of the reactor's, without pauses: the reactor reads on at once."""
    return Body(needle, (codings,), _go_on)


def _go_on() -> None:
    """Take no pause."""


def _patience(endpoint: PlannedEndpoint) -> Patience:
    if endpoint.connect_timeout_ns is None:
        return Patience(endpoint.timeout_ns / 1e9)
    return Patience(endpoint.connect_timeout_ns / 1e9, own=True)


def _hung(endpoint: PlannedEndpoint) -> bytes:
    """Why a connection of the reactor's own failed that took too long."""
    return str(_patience(endpoint).over("connect")).encode()
