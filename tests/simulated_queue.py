"""Endpoints, lanes and a token bucket in virtual time: what an engine would measure, without a socket or a clock.

Attempts are events in a heap. Each endpoint has its bucket and its sliding window of `tressi._core`, the very code of the
engine, and the scaler that evaluates each endpoint once every cooldown is the real one; only the target is made up.
"""

import heapq
from dataclasses import dataclass, field, replace
from itertools import count
from math import ceil

from tressi._core import SLOT_NS, SlidingWindow, TokenBucket
from tressi.autoscale.allocate import allocate
from tressi.autoscale.manager import EndpointAutoscaleManager
from tressi.model import (
    AutoscaleConfig,
    EndpointSnapshot,
    EngineSnapshot,
    Pools,
    ResolvedConfig,
    ResolvedEndpoint,
    Window,
    pools_of,
)

NS = 1_000_000_000
NEVER = 1 << 61


@dataclass
class Endpoint:
    """One endpoint of a simulation. `service` tells how long an attempt that begins at a time (in s) takes, in s.

    `fails` tells whether it fails; a dead target fails after its `service` time too. `connect_s` is paid by a new lane.
    """

    key: str
    config: AutoscaleConfig
    service: object
    fails: object = lambda _time_s: False
    connect_s: float = 0.0
    own_delay_s: float = 0.0
    workers: int = 1
    limited: bool = False
    idle: int = 0
    wakes_ns: int = 0
    fresh: int = 0
    retiring: int = 0
    occupied: int = 0
    made: int = 0
    failed: int = 0
    granted: int = 0
    evaluations: list = field(default_factory=list)
    counts: list = field(default_factory=list)
    per_second: dict = field(default_factory=dict)
    ages: dict = field(default_factory=dict)


class Simulation:
    """Runs endpoints under one worker limit, as the engine of a scaler; all times are seconds of virtual time."""

    def __init__(self, *endpoints, limit=None, strategy="proportional"):
        self.endpoints = {one.key: one for one in endpoints}
        self.config = _config(endpoints, limit, strategy)
        starts = allocate(self.config)
        pools = pools_of(self.config)
        asked = Pools(pools, {pool.id: one.worker_count for pool, one in zip(pools, starts, strict=True)}, self)
        self._manager = EndpointAutoscaleManager(self.read, asked, self.config, self._heard, lambda: self.now_ns / NS)
        self._events = []
        self._order = count()
        self.now_ns = 0
        for place, allocation in enumerate(starts):
            one = self.endpoints[allocation.endpoint_key]
            one.workers = one.idle = one.fresh = allocation.worker_count
            one.bucket = TokenBucket(one.config.target_rps, ramp_ns=round(one.config.ramp_up_time * NS))
            one.window = SlidingWindow()
            one.window.set_lanes(0, one.workers)
            self._at(one.config.cooldown_period * (1 + place / len(endpoints)), self._evaluate, one)
            self._wake(one)
        self._slot = 0
        self._at(SLOT_NS / NS, self._turn)

    def run(self, until_s):
        """Go on to `until_s`; returns self."""
        while self._events and self._events[0][0] <= until_s * NS:
            self.now_ns, _, action, arguments = heapq.heappop(self._events)
            action(*arguments)
        self.now_ns = round(until_s * NS)
        return self

    # -------------------------------------------------------------------------------------------------------- the lanes

    def _at(self, time_s, action, *arguments):
        heapq.heappush(self._events, (max(self.now_ns, ceil(time_s * NS)), next(self._order), action, arguments))

    def _wake(self, one):
        """Give every start that is due to an idle lane; come back at the next, once."""
        while one.idle > 0:
            granted, due_ns = one.bucket.take(self.now_ns)
            if not granted:
                if due_ns < NEVER and not self.now_ns < one.wakes_ns <= due_ns:
                    one.wakes_ns = due_ns
                    self._at(due_ns / NS, self._wake, one)
                return
            self._begin(one)

    def _begin(self, one):
        one.idle -= 1
        one.occupied += 1
        one.granted += 1
        one.window.occupy(self.now_ns, 1)
        begun_s = self.now_ns / NS
        connect_s = one.connect_s if one.fresh > 0 else 0.0
        one.fresh = max(0, one.fresh - 1)
        service_s = one.service(begun_s)
        number = next(self._order)
        one.ages[number] = self.now_ns
        self._at(begun_s + connect_s + service_s + one.own_delay_s, self._end, one, number, service_s)

    def _end(self, one, number, service_s):
        begun_ns = one.ages.pop(number)
        failed = one.fails(begun_ns / NS)
        one.occupied -= 1
        one.made += 1
        one.failed += failed
        second = self.now_ns // NS
        one.per_second[second] = one.per_second.get(second, 0) + 1
        one.window.attempt(not failed, self.now_ns - begun_ns, round(service_s * NS))
        one.window.occupy(self.now_ns, -1)
        missed, _, _ = one.bucket.settle(self.now_ns)
        one.window.miss(missed, late=False)
        if one.retiring > 0:
            one.retiring -= 1
            one.window.set_lanes(self.now_ns, one.workers + one.retiring)
        else:
            one.idle += 1
            self._wake(one)

    def _turn(self):
        """Close a slot of every window."""
        self._slot += 1
        boundary_ns = self._slot * SLOT_NS
        for one in self.endpoints.values():
            missed, _, _ = one.bucket.settle(self.now_ns)
            one.window.miss(missed, late=False)
            mean_s = Window(*one.window.read()).mean_occupied_s or 0.0
            ages = [self.now_ns - begun for begun in one.ages.values() if self.now_ns - begun > mean_s * NS]
            one.window.close_slot(one.bucket.position(boundary_ns), len(ages), sum(ages))
        self._at((self._slot + 1) * SLOT_NS / NS, self._turn)

    # ---------------------------------------------------------------------------------------------------- the decisions

    def _evaluate(self, one):
        at = self.now_ns / NS
        one.evaluations.append(at)
        self._manager.generator_limited = one.limited
        self._manager.evaluate(one.key, at)
        self._at(at + one.config.cooldown_period, self._evaluate, one)

    def _heard(self, decision):
        self.endpoints[decision.endpoint_key].counts.append((decision.timestamp, decision.worker_count))

    def read(self, level="all", endpoint_key=None):  # noqa: ARG002 - there are no latencies here
        """See model.Engine."""
        keys = self.endpoints if endpoint_key is None else [endpoint_key]
        return EngineSnapshot(self.now_ns / NS, {key: self._snapshot(self.endpoints[key]) for key in keys}, generator=None)

    def want(self, pool, wanted):
        """See model.Engine: lanes that are occupied end their attempt first."""
        one = list(self.endpoints.values())[pool]
        grown = wanted.workers - one.workers
        one.workers = wanted.workers
        if grown > 0:
            one.idle += grown
            one.fresh += grown
        else:
            leaving = min(one.idle, -grown)
            one.idle -= leaving
            one.fresh = min(one.fresh, one.idle)
            one.retiring += -grown - leaving
        one.window.set_lanes(self.now_ns, one.workers + one.retiring)
        self._wake(one)

    def _snapshot(self, one):
        return EndpointSnapshot(
            endpoint_key=one.key,
            succeeded=one.made - one.failed,
            failed=one.failed,
            missed=one.bucket.missed,
            worker_count=one.workers,
            draining=one.retiring,
            target_rps=one.config.target_rps,
            scheduled=one.bucket.position(self.now_ns),
            window=Window(*one.window.read()),
        )


def _config(endpoints, limit, strategy):
    """The run that these endpoints are."""
    resolved = tuple(ResolvedEndpoint(one.key, "GET", "http://h/", "http://h/", autoscale=one.config) for one in endpoints)
    return ResolvedConfig(resolved, None, limit or sum(one.config.max_workers for one in endpoints), strategy)


def settings(target_rps, **fields):
    """An endpoint's settings; workers 1 to 100 unless told otherwise."""
    return replace(AutoscaleConfig(target_rps, 1, 100), **fields)


def rate_held(one, from_s, to_s):
    """Attempts that ended in whole seconds [from, to), as a share of the target."""
    ended = sum(one.per_second.get(second, 0) for second in range(from_s, to_s))
    return ended / (one.config.target_rps * (to_s - from_s))


def settled_after(one):
    """How many evaluations it took until the last action."""
    last = max((at for at, _ in one.counts), default=0.0)
    return round(last / one.config.cooldown_period)


def actions_after(one, from_s):
    """Actions after a moment, as a share of the evaluations."""
    actions = sum(at > from_s for at, _ in one.counts)
    return actions / max(1, sum(at > from_s for at in one.evaluations))
