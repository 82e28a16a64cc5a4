"""An engine in a process of its own: drawing, exporting and deciding in this one never delay its measurements.

The arena is a memory file that both map: it is read here without asking, and stays readable when the process is killed.
"""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gevent
from gevent import Timeout
from gevent.event import AsyncResult, Event
from gevent.queue import SimpleQueue
from gevent.socket import socket as gevent_socket

from tressi._core import Arena
from tressi.errors import EngineError
from tressi.load.arena_reader import read_arena
from tressi.load.messages import Greeting, encode, messages
from tressi.load.spawn import spawn
from tressi.model import EngineSnapshot, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.load.plan import Plan
    from tressi.load.spawn import Spawned
    from tressi.model import EndpointSnapshot, Level, PoolId, Wanted

BUILD_S = 60.0
LEAVE_S = 2.0
# For each connection that an engine may have to cut before it answers: some 25 us on a core of its own, more on a busy one.
CUT_ONE_S = 200e-6


class ProcessEngine:
    """See `model.Engine`, over a socket pair.

    `take` gives it its process, which may have been started ahead.
    """

    def __init__(self, take: Callable[[], Spawned] = spawn) -> None:
        self._take = take
        self._lost: str | None = None
        self._has_arena = False
        self._control: gevent_socket | None = None
        self._workers: list[int] = []
        self._said: SimpleQueue[bytes] = SimpleQueue()
        self._built: AsyncResult = AsyncResult()
        self._stopped = Event()
        self._failed = False

    @property
    def lost(self) -> str | None:
        """Why it makes no load any more, in words: its process is gone, or its lease is over."""
        if self._lost is None and self._has_arena and self._arena.lapsed_ns:
            return f"engine {self._process.pid} has stopped: its lease was over"
        return self._lost

    @property
    def unanswered(self) -> int:
        """How many requests its process had under way when it was killed; they are in no figure. 0 while it is there."""
        if self._lost is None or not self._has_arena:
            return 0
        read = read_arena(self._arena, self._plan.keys, None, "counters", self._plan.flows)
        return sum(one.in_flight for one in read.endpoints.values())

    def build(self, plan: Plan) -> None:
        """Start the process, and wait until it has built every pool. Raises EngineError with the reason if it cannot."""
        self._plan = plan
        self._numbers = {key: number for number, key in enumerate(plan.keys)}
        try:
            self._arena = Arena(len(plan.keys))
            self._control = control = self._start_process(plan)
            self._has_arena = True
        except (OSError, MemoryError) as failure:
            raise EngineError(f"an engine's process cannot be started: {failure}") from failure
        self._talk = [gevent.spawn(self._listen, control), gevent.spawn(self._speak, control)]
        self._workers = [pool.workers for pool in plan.pools]
        self._tell("build", plan=replace(plan, tables=replace(plan.tables, block=None), allowance=None))
        try:
            answer = self._built.get(timeout=BUILD_S)
        except Timeout:
            raise EngineError(f"engine {self._process.pid} is not ready after {BUILD_S:g} s") from None
        if "error" in answer:
            raise EngineError(answer["error"])

    def go(self, at_ns: int | None = None) -> int:
        """Start every pool at `at_ns` of CLOCK_MONOTONIC (None: now); returns when."""
        begin_ns = time.monotonic_ns() if at_ns is None else at_ns
        self._tell("go", at_ns=begin_ns)
        return begin_ns

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Have a pool as it is wanted from now on."""
        self._workers[pool] = wanted.workers
        self._tell("want", pool=pool, wanted=wanted)

    def lease(self, until_ns: int) -> None:
        """Send nothing from `until_ns` of CLOCK_MONOTONIC on, unless this is called again before; see `wire/lease.pxd`."""
        self._tell("lease", until_ns=until_ns)

    def limit_connections(self, per_second: float) -> None:
        """Make so many connections a second at most from now on."""
        self._tell("limit_connections", per_second=per_second)

    def read(self, level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """Read the arena as it stands; works after `stop`, and after the process was killed."""
        only = None if endpoint_key is None else self._numbers[endpoint_key]
        read = read_arena(self._arena, self._plan.keys, only, level, self._plan.flows)
        told = {key: self._as_told(one) for key, one in read.endpoints.items()}
        flows = {key: self._as_told(one) for key, one in read.flows.items()}
        if self.lost is None:
            return EngineSnapshot(read.time_s, told, read.generator, read.samples, read.over_s, flows)
        # What is lost begins nothing more, and must not keep the others from being through.
        over_s = read.time_s if read.over_s is None else read.over_s
        generator = replace(read.generator, busy_s=(None,), lost=(self.lost,))
        return replace(read, endpoints=told, over_s=over_s, generator=generator, flows=flows)

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait at most `drain_s` seconds for what is in flight, cut the rest; the process ends."""
        control = self._control
        if control is None:
            return
        self._tell("stop", drain_s=drain_s)
        answered = self._stopped.wait(drain_s + CUT_ONE_S * self._connections() + LEAVE_S)
        if self._control is None:
            # Another call had less patience.
            return
        if not answered:
            self._lost = f"engine {self._process.pid} was lost: it did not answer, and what it measured may be old"
        self._control = None
        gevent.killall(self._talk)
        control.close()
        self._end_process()

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _start_process(self, plan: Plan) -> gevent_socket:
        """Our end of its control socket, over which it gets the descriptors of what it shares. Raises OSError."""
        spawned = self._take()
        self._process = spawned.process
        block, allowance = plan.tables.block, plan.allowance
        shared = [self._arena.fd, *(one.fd for one in (block, allowance) if one is not None)]
        first = Greeting(len(plan.keys), has_block=block is not None, has_allowance=allowance is not None)
        # A process that has ended already is told of as one that is lost later, by what listens.
        with suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(spawned.control, [first.encode()], shared)
        return gevent_socket(fileno=spawned.control.detach())

    def _connections(self) -> int:
        """How many its workers may have at once."""
        lanes = sum(workers * len(pool.origins) for workers, pool in zip(self._workers, self._plan.pools, strict=True))
        return lanes * self._plan.lanes_per_worker

    def _as_told(self, snapshot: EndpointSnapshot) -> EndpointSnapshot:
        """With the workers that it was told to have: the arena says so an instant later.

        One that is lost has no workers, no rate and no window: what its arena says of the present is past. One whose lease is
        over still waits for what it had sent.
        """
        if self.lost is not None:
            asked = None if snapshot.target_rps is None else 0.0
            past = replace(snapshot, worker_count=0, draining=0, target_rps=asked, window=Window(full=True))
            return past if self._lost is None else replace(past, in_flight=0, oldest_s=0.0)
        pool = self._plan.pool_of[snapshot.endpoint_key]
        wanted = self._workers[pool]
        if snapshot.worker_count == wanted or self._is_step(pool, snapshot.endpoint_key):
            return snapshot
        leaving = snapshot.draining + max(0, snapshot.worker_count - wanted)
        return replace(snapshot, worker_count=wanted, draining=leaving)

    def _is_step(self, pool: PoolId, key: str) -> bool:
        """Whether the workers of the pool are told of at its flow."""
        flow = self._plan.pools[pool].flow
        return flow is not None and self._plan.keys[self._plan.pools[pool].endpoints[0]] != key

    def _tell(self, do: str, **arguments: Any) -> None:  # noqa: ANN401 - what the method takes
        """Never waits: an engine that does not listen, being stopped or starved, holds up nobody."""
        if not self._failed and self._control is not None:
            self._said.put(encode({"do": do, **arguments}))

    def _speak(self, control: gevent_socket) -> None:
        try:
            while True:
                control.sendall(self._said.get())
        except OSError as failure:
            self._lose(str(failure))

    def _listen(self, control: gevent_socket) -> None:
        for message in messages(control):
            if "stopped" in message:
                self._stopped.set()
            else:
                self._built.set(message)
        if not self._stopped.is_set():
            self._lose("its process ended")

    def _lose(self, reason: str) -> None:
        if self._failed:
            return
        self._failed = True
        self._end_process()
        code = self._process.returncode
        self._lost = f"engine {self._process.pid} was lost: {reason}" + (f" (exit status {code})" if code else "")
        self._built.set({"error": self._lost})
        self._stopped.set()

    def _end_process(self) -> None:
        """It leaves at the end of the control socket; what does not is killed. Other greenlets go on meanwhile."""
        in_a_thread = gevent.get_hub().threadpool.apply
        if not in_a_thread(_has_left, (self._process, LEAVE_S)):
            self._process.kill()
            in_a_thread(_has_left, (self._process, None))


def _has_left(process: subprocess.Popen[bytes], limit_s: float | None) -> bool:
    """Wait for its end, at most so long; False: it goes on. The pool would print what is raised in its thread."""
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return False
    return True
