"""A node's engines, as its orders want them: what an outpost does between an order and its answer."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from math import floor
from typing import TYPE_CHECKING, Final

import gevent

from tressi.errors import EngineError, TressiError
from tressi.load.allowance import Allowance
from tressi.load.cluster import Cluster
from tressi.load.merge import merge
from tressi.load.process import ProcessEngine
from tressi.load.share import Place
from tressi.load.tables import Block, memory_file
from tressi.log import be_ready
from tressi.model import NodeFinding
from tressi.nodes.frames import Second, Teller
from tressi.nodes.orders import Answer, Build, Step, decode_order, encode_answer
from tressi.stats.selfcheck import check_generator

if TYPE_CHECKING:
    from tressi.load.plan import Plan
    from tressi.model import EngineSnapshot, Level

_SECOND_NS: Final = 1_000_000_000
_KEPT_FINDINGS: Final = 200
_NO_LIMIT: Final = 1 << 62
_LAPSED_DRAIN_S: Final = 30.0


class Post:
    """All that an outpost has: its engines once they are built, and what it has told of them."""

    def __init__(self) -> None:
        self._engines: _Engines | None = None

    def answer(self, order: bytes, heard_ns: int) -> bytes:
        """What is said to an order that came at `heard_ns`."""
        wanted, answer = decode_order(order), Answer(heard_ns)
        if isinstance(wanted, Build):
            answer = replace(answer, error=self._build(wanted))
        elif isinstance(wanted, Step) and self._engines is not None:
            answer = self._engines.step(wanted, answer)
        return encode_answer(replace(answer, said_ns=time.monotonic_ns(), wall_ns=time.time_ns()))

    def _build(self, build: Build) -> str | None:
        """Why the engines cannot be built."""
        try:
            self._engines = _Engines(build)
        except (TressiError, OSError, MemoryError) as failure:
            return str(failure)
        return None


class _Engines:
    """The engines of a node, which begin, go on and end as they are told."""

    def __init__(self, build: Build) -> None:
        """Build them. Raises EngineError, OSError, MemoryError."""
        # The first event would otherwise hold up the answers for up to a second, and with them the lease.
        be_ready()
        plan = build.plan
        self._keys = plan.keys
        self._steps = frozenset(key for key, one in zip(plan.keys, plan.endpoints, strict=True) if one.is_step)
        self._duration_ns = plan.duration_ns
        self._members = [ProcessEngine() for _ in range(build.count)]
        self._cluster = Cluster(self._members, Place(build.first, build.count, build.of))
        self._allowance, self._granted = _allowance(plan)
        block = None if build.block is None else _block(build.block)
        self._cluster.build(replace(plan, tables=replace(plan.tables, block=block), allowance=self._allowance))
        self._teller = Teller(plan.keys)
        self._lease_ns = _NO_LIMIT
        self._began = False
        self._gone: str | None = None
        self._connections = -1
        self._stop_s: float | None = None
        self._stopped = False
        self._second: Second | None = None
        self._found: deque[tuple[int, NodeFinding]] = deque(maxlen=_KEPT_FINDINGS)

    def step(self, step: Step, answer: Answer) -> Answer:
        """Have everything as it is wanted, and say how it is."""
        if answer.heard_ns >= self._lease_ns and self._gone is None:
            # Each engine has seen to that by itself; none of them begins again, whatever comes.
            self._end("its lease was over")
        if self._gone is None:
            self._obey(step)
        if step.stop_s is not None and (self._stop_s is None or step.stop_s < self._stop_s):
            self._stop_s = step.stop_s
            gevent.spawn(self._stop, step.stop_s)
        second, stopped = self._second, self._stopped
        frame = self._teller.frame(step.arrived, self._read("counters"), second) if self._began else None
        grants = (
            {}
            if self._allowance is None
            else {place: (granted, max(0, self._allowance.counts[place])) for place, granted in self._granted.items()}
        )
        unanswered = sum(member.unanswered for member in self._members)
        return replace(answer, frame=frame, gone=self._gone, stopped=stopped, grants=grants, unanswered=unanswered)

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _obey(self, step: Step) -> None:
        self._lease_ns = step.lease_ns
        for member in self._members:
            member.lease(step.lease_ns)
        for place, granted in step.grants.items():
            self._grant(place, granted)
        for place in step.closed:
            if self._allowance is not None:
                self._allowance.close(place)
        if step.begin_ns is not None and not self._began and step.stop_s is None:
            self._began = True
            self._cluster.go(step.begin_ns)
            gevent.spawn(self._keep_seconds, step.begin_ns)
        for pool, wanted in step.wanted.items():
            self._cluster.want(pool, wanted)  # type: ignore[arg-type] # as it was encoded
        if step.connections is not None and step.connections[0] > self._connections:
            self._connections = step.connections[0]
            self._cluster.limit_connections(step.connections[1])

    def _grant(self, place: int, granted: int) -> None:
        if self._allowance is not None:
            self._granted[place] += self._allowance.change(place, granted - self._granted[place])

    def _read(self, level: Level) -> EngineSnapshot:
        """The reading of all engines; once the last of them is lost, what they had measured."""
        try:
            return self._cluster.read(level)
        except EngineError as failure:
            self._end(str(failure))
            return merge([member.read(level) for member in self._members])

    def _end(self, why: str) -> None:
        """The node makes no load any more."""
        if self._gone is None:
            self._gone = why
            # What is in flight is waited for, but no longer than the run waits once it ends.
            self._stop_s = _LAPSED_DRAIN_S if self._stop_s is None else self._stop_s
            gevent.spawn(self._stop, self._stop_s)

    def _stop(self, drain_s: float) -> None:
        with suppress(EngineError):
            self._cluster.stop(drain_s)
        if not self._stopped:
            self._take_second()
            self._stopped = True

    def _keep_seconds(self, begin_ns: int) -> None:
        """Read the engines at each whole second of the run, and at the end of their schedules."""
        ends = {begin_ns + self._duration_ns} if self._duration_ns else set()
        due_ns = begin_ns
        while not self._stopped:
            now_ns = time.monotonic_ns()
            whole_ns = begin_ns + (floor((now_ns - begin_ns) / _SECOND_NS) + 1) * _SECOND_NS
            due_ns = min([max(whole_ns, begin_ns + _SECOND_NS), *(end for end in ends if end > now_ns)])
            gevent.sleep((due_ns - now_ns) / 1e9)
            if not self._stopped:
                self._take_second()

    def _take_second(self) -> None:
        """Take a reading to be told, and what the self-check says of the time since the last one."""
        reading, last = self._read("all"), self._second
        number = 1 if last is None else last.number + 1
        if last is not None and self._gone is None:
            for one in check_generator(last.reading, reading, steps=self._steps):
                finding = NodeFinding(0, "", one.rule, one.value, one.limit, one.lost, one.of, one.late_ms)
                self._found.append((number, finding))
        self._second = Second(number, reading, tuple(self._found))


def _allowance(plan: Plan) -> tuple[Allowance | None, dict[int, int]]:
    """Counts of which nothing is granted yet, for every limit of the plan; and how much is granted of each. Raises OSError."""
    if not plan.is_counted:
        return None, {}
    limits = [plan.attempts, *(one.attempts for one in plan.endpoints)]
    granted = {place: 0 for place, limit in enumerate(limits) if limit is not None}
    run, *endpoints = (None if limit is None else 0 for limit in limits)
    return Allowance.of(run, endpoints, is_open=True), granted


def _block(content: bytes) -> Block:
    """The tables of the run, in memory that the engines map. Raises OSError."""
    descriptor = memory_file("tressi-tables")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return Block(descriptor)
