"""Engines on other machines as one engine: what a run is given where its load comes from several nodes.

Every 250 ms each node is told what it is to do and answers with a frame, one exchange at a time. What is read is the ledger,
so reading never waits for a node. With each exchange a node's lease is renewed: for so long it goes on without hearing of
the run. One that is not heard of has stopped by itself when its lease is over; only then, and a little later for what is
not known of its clock, do the others get its share. So no start has two senders, and those that fell due meanwhile are missed.

A run's seconds are numbered from its beginning, on each node by the node's clock. The run looks at second k half a second
after it, when the frames of all nodes that are there have come; what comes later goes into the next.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import gevent
from gevent.event import Event

from tressi.errors import EngineError
from tressi.load.share import Place, at_least, curve_of, divided, part_of, spread
from tressi.log import be_ready, log_error
from tressi.model import NodeRecord, PoolId, Wanted
from tressi.nodes.carrier import NodeGoneError
from tressi.nodes.clocks import begin_ns
from tressi.nodes.grants import Count
from tressi.nodes.ledger import Ledger, LedgerError
from tressi.nodes.muster import build, launched, set_clocks
from tressi.nodes.orders import Step
from tressi.nodes.uncounted import uncounted_at_most

if TYPE_CHECKING:
    from tressi.load.plan import Plan
    from tressi.model import EndpointSnapshot, EngineSnapshot, Level
    from tressi.nodes.carrier import Carrier
    from tressi.nodes.member import Member
    from tressi.nodes.orders import Answer

LEASE_S: Final = 1.0
EXCHANGE_NS: Final = 250_000_000
SETTLES_NS: Final = 500_000_000  # after a second, for the frames that have it
_AFTER_SECOND_NS: Final = 30_000_000  # so that an exchange finds the second that has just ended
# Between the exchanges with two nodes, and with all of them: what several are to do differently, such as their parts of a rate,
# they do nearly at once.
_GAP_NS: Final = 1_000_000
_SPREAD_NS: Final = 100_000_000
_WATCH_S: Final = 0.01
_STOPPING_S: Final = 0.05
_LEAVE_S: Final = 5.0


class FarCluster:
    """See `model.Engine` for its methods; give it to `EndpointRunner(config, engine=…)`.

    `nodes` None is all that the carrier has now; `processes` is how many engines each node runs (None: as many as its facts
    say). `lease_s` is for how long a node goes on without hearing of the run.
    """

    def __init__(
        self,
        carrier: Carrier,
        *,
        nodes: int | None = None,
        nodes_wait_s: float = 60.0,
        processes: int | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._carrier = carrier
        self._asked, self._wait_s, self._processes = nodes, nodes_wait_s, processes
        self._lease_ns = round(lease_s * 1e9)
        self.members: tuple[Member, ...] = ()
        self._begin_ns: int | None = None
        self._version = 0
        self._connections_per_second: float | None = None
        self._failure: EngineError | None = None
        self._stop_s: float | None = None
        self._stopping = Event()
        self._stopped = False
        self._greenlets: list[gevent.Greenlet] = []

    @property
    def lost(self) -> str | None:
        """Why no node makes load any more, in words; None while one does."""
        return None if not self.members or self._active() else self._why_lost()

    def build(self, plan: Plan) -> None:
        """Launch the outposts, and have each build its engines. Raises EngineError with the nodes that cannot, CarrierError."""
        be_ready()
        try:
            self.members = launched(self._carrier, self._asked, self._wait_s, self._processes)
            self._lay_out(plan)
            build(self.members, plan)
            set_clocks(self.members)
        except BaseException:
            self._carrier.release()
            raise

    def go(self, at_ns: int | None = None) -> int:
        """Start every engine of every node together; returns when the run's own clock begins, half a second later."""
        now_ns = time.monotonic_ns()
        self._begin_ns = begin_ns(now_ns, (one.round_trip_ns for one in self.members)) if at_ns is None else at_ns
        for member in self.members:
            member.lease_ends_ns, member.answered_ns = now_ns + self._lease_ns, now_ns
        self._greenlets = [gevent.spawn(self._attend, member) for member in self.members]
        self._greenlets.append(gevent.spawn(self._watch))
        return self._begin_ns + SETTLES_NS

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Have a pool as it is wanted from now on, over all nodes."""
        if wanted.version > self._wanted[pool].version:
            self._wanted[pool] = wanted
            self._divide(pool)

    def limit_connections(self, per_second: float) -> None:
        """Make so many connections a second at most from now on, over all nodes."""
        self._connections_per_second = per_second
        self._version += 1
        active = self._active()
        engines = sum(one.engines for one in active)
        for member in active:
            member.connections = (self._version, per_second * member.engines / engines)

    def read(self, level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """What is known of all nodes, the lost ones included; never waits.

        Raises EngineError when none is left, until `stop`.
        """
        if not self._stopped:
            if self._failure is not None:
                raise self._failure
            if self._begin_ns is not None and not self._active():
                raise EngineError(self._why_lost())
        read = self._ledger.read(level, endpoint_key)
        told = {key: self._as_told(one) for key, one in read.endpoints.items()}
        flows = {key: self._as_told(one) for key, one in read.flows.items()}
        return replace(read, endpoints=told, flows=flows, nodes=self._records() if level == "all" else ())

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait at most `drain_s` seconds for what is in flight, cut the rest; the nodes are let go.

        Raises EngineError where that loses the last node: what it measured is not all that it did.
        """
        if self._stopped or not self.members:
            return
        had = bool(self._active())
        self._stop_s = drain_s if self._stop_s is None else min(drain_s, self._stop_s)
        self._stopping.set()
        if self._begin_ns is not None:
            gevent.wait([one.done for one in self.members if not one.is_silent], timeout=drain_s + _LEAVE_S)
        if self._stopped:
            # Another call had less patience.
            return
        for member in self.members:
            if self._begin_ns is not None and not member.done.is_set():
                self._lose(member, "its last figures have not come")
        self._stopped = True
        gevent.killall(self._greenlets)
        self._tell_what_is_missing()
        self._carrier.release()
        if had and self._begin_ns is not None and not self._active():
            raise EngineError(self._why_lost())

    # ----------------------------------------------------------------------------------------------------------- building

    def _lay_out(self, plan: Plan) -> None:
        """The books of the run, and each node's part at the start."""
        self._engines = sum(one.engines for one in self.members)
        self._plan = spread(plan, self._engines)
        self._wanted = [Wanted(pool.workers, pool.curve) for pool in self._plan.pools]
        self._connections_per_second = plan.connections_per_second
        self._ledger = Ledger(plan.keys, plan.flows, [one.name for one in self.members])
        limits = [plan.attempts, *(one.attempts for one in plan.endpoints)]
        self._counts = {place: Count(limit, len(self.members)) for place, limit in enumerate(limits) if limit is not None}
        self._counted_ns = [0] * len(self.members)
        for member in self.members:
            part = part_of(self._plan, Place(member.first, member.engines, self._engines))
            member.begin_with([Wanted(pool.workers, pool.curve) for pool in part.pools])

    # ----------------------------------------------------------------------------------------------------- while it runs

    def _attend(self, member: Member) -> None:
        """Exchange with a node until all is known of it, or nothing more will be."""
        gap_ns = min(_GAP_NS, _SPREAD_NS // len(self.members))
        offset_ns = _AFTER_SECOND_NS + gap_ns * member.number
        try:
            while not member.done.is_set():
                step = self._step(member)
                self._take(member, step, member.ask(step))
                self._pause(offset_ns)
        except NodeGoneError as failure:
            member.dead_ns = time.monotonic_ns()
            member.is_silent = True
            self._lose(member, str(failure))
            member.done.set()
        except (LedgerError, ValueError) as failure:
            self._failure = failure if isinstance(failure, LedgerError) else EngineError(f"{member.name}: {failure}")
            member.done.set()

    def _pause(self, offset_ns: int) -> None:
        """Until the next exchange with a node; all nodes' are spread, behind each quarter of a second of the run."""
        if self._stopping.is_set():
            gevent.sleep(_STOPPING_S)
            return
        past_ns = (time.monotonic_ns() - (self._begin_ns or 0) - offset_ns) % EXCHANGE_NS
        self._stopping.wait((EXCHANGE_NS - past_ns) / 1e9)

    def _step(self, member: Member) -> Step:
        """How things are to be for a node. Its lease is counted from here, however long the order is under way."""
        now_ns = time.monotonic_ns()
        if member.lost is None:
            member.lease_ends_ns = max(member.lease_ends_ns, now_ns + self._lease_ns)
        return Step(
            arrived=self._ledger.arrived(member.number),
            begin_ns=None if self._begin_ns is None else member.clock.theirs(self._begin_ns),
            lease_ns=member.clock.theirs(member.lease_ends_ns),
            wanted=dict(member.pending),
            connections=member.connections,
            grants={place: count.wanted(member.number, self._workers(place)) for place, count in self._counts.items()},
            closed=tuple(place for place, count in self._counts.items() if count.is_closed),
            stop_s=self._stop_s,
        )

    def _take(self, member: Member, step: Step, answer: Answer) -> None:
        """Take in what a node says. Raises LedgerError."""
        if not member.keeps_books(member.answered_ns):
            member.done.set()
            return
        member.is_silent = False
        is_taken = answer.frame is None or self._ledger.take(member.number, answer.frame)
        member.heard(dict(step.wanted), self._run_s(member.answered_ns), self._ledger.counted_s(member.number))
        member.unanswered = max(member.unanswered, answer.unanswered)
        span_s = (member.answered_ns - (self._counted_ns[member.number] or member.answered_ns)) / 1e9
        self._counted_ns[member.number] = member.answered_ns
        for place, (granted, left) in answer.grants.items():
            self._counts[place].answered(member.number, granted, left, span_s)
        if answer.gone is not None:
            # It says so itself: nothing is sent any more, and the share is free.
            if member.dead_ns is None:
                member.dead_ns = max(self._begin_ns or 0, self._ours(self._ledger.heard_s(member.number)))
            self._lose(member, answer.gone)
            self._give_away(member)
        if answer.stopped and is_taken:
            member.is_whole = True
            for count in self._counts.values():
                count.settle(member.number)
            member.done.set()

    def _watch(self) -> None:
        """Notice nodes whose lease is over, and give their shares to the others, never sooner."""
        while True:
            now_ns = time.monotonic_ns()
            due_ns = now_ns + self._lease_ns
            for member in self.members:
                if not member.has_share or (member.done.is_set() and member.lost is None):
                    continue
                if now_ns <= member.may_send_ns(now_ns):
                    due_ns = min(due_ns, member.may_send_ns(now_ns))
                    continue
                if member.lost is None:
                    member.is_silent = True
                    self._lose(member, f"no answer for {(now_ns - member.answered_ns) / 1e9:.1f} s")
                self._give_away(member)
            # The leases are renewed meanwhile, so that this is not often.
            gevent.sleep(max(_WATCH_S, (due_ns - now_ns) / 1e9))

    def _lose(self, member: Member, why: str) -> None:
        if member.lost is not None:
            return
        member.lost_ns = time.monotonic_ns()
        member.lost = f"{member.name} was lost: {why}"
        self._ledger.lose(member.number, member.lost)
        for count in self._counts.values():
            count.lose(member.number)
        if self._stopping.is_set() and member.is_silent:
            member.done.set()
        log_error("a node was lost", node=member.name, reason=why, left=sum(one.lost is None for one in self.members))

    def _give_away(self, member: Member) -> None:
        """Give a node's share to the others. It sends nothing any more; what should have been sent meanwhile is missed."""
        if not member.has_share:
            return
        member.has_share = False
        if self._stopping.is_set():
            return
        until_s = min(self._run_s(time.monotonic_ns()), self._plan.duration_ns / 1e9)
        since_s = self._run_s(member.sent_until_ns())
        for number, pool in enumerate(self._plan.pools):
            curve = member.told[number].curve
            if curve is not None and pool.replay is None and since_s < until_s:
                for place in pool.endpoints:
                    self._ledger.miss(place, curve.starts(max(0.0, since_s), until_s) / len(pool.endpoints))
        for number in range(len(self._wanted)):
            self._divide(PoolId(number))
        if self._connections_per_second is not None and self._active():
            self.limit_connections(self._connections_per_second)

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _active(self) -> list[Member]:
        """The nodes that have a share."""
        return [one for one in self.members if one.has_share]

    def _why_lost(self) -> str:
        return "; ".join(one.lost for one in self.members if one.lost is not None)

    def _run_s(self, our_ns: int) -> float:
        """A time of our clock in seconds of the run."""
        return (our_ns - (self._begin_ns or our_ns)) / 1e9

    def _ours(self, run_s: float) -> int:
        return (self._begin_ns or 0) + round(run_s * 1e9)

    def _of(self, pool: PoolId) -> int:
        """How many workers a pool has over all nodes."""
        engines = sum(one.engines for one in self._active())
        return at_least(self._wanted[pool].workers, engines, is_divided=self._plan.is_divided(pool))

    def _workers(self, place: int) -> list[int]:
        """How many workers each node has of those that take from a count: the run's, or an endpoint's."""
        pools = range(len(self._wanted)) if place == 0 else (self._plan.pool_of[self._plan.keys[place - 1]],)
        return [sum(one.told[pool].workers for pool in pools) if one.has_share else 0 for one in self.members]

    def _divide(self, pool: PoolId) -> None:
        """Tell each node its part of a pool: the workers are divided over all engines, whichever node they are on."""
        active = self._active()
        if not active:
            # `read` or `stop` says so.
            return
        self._version += 1
        of, curve = self._of(pool), self._wanted[pool].curve
        parts = divided(of, sum(one.engines for one in active), pool)
        first = 0
        for member in active:
            workers = sum(parts[first : first + member.engines])
            first += member.engines
            wanted = Wanted(workers, curve_of(curve, workers, of), self._version)
            member.want(pool, wanted, self._run_s(time.monotonic_ns()))

    def _as_told(self, snapshot: EndpointSnapshot) -> EndpointSnapshot:
        """With the workers that it was told to have: the nodes say so some exchanges later."""
        key = snapshot.endpoint_key
        pool = self._plan.pool_of[key]
        planned = self._plan.pools[pool]
        is_step = planned.flow is not None and self._plan.keys[planned.endpoints[0]] != key
        if is_step or not self._active():
            return snapshot
        wanted = self._of(pool)
        leaving = snapshot.draining + max(0, snapshot.worker_count - wanted)
        return replace(snapshot, worker_count=wanted, draining=leaving)

    def _records(self) -> tuple[NodeRecord, ...]:
        return tuple(self._record(member) for member in self.members)

    def _record(self, member: Member) -> NodeRecord:
        clock, now_ns = member.clock, time.monotonic_ns()
        return NodeRecord(
            name=member.name,
            address=member.facts.address,
            engines=member.engines,
            requests_made=self._ledger.made(member.number),
            share=member.engines / self._engines,
            clock_offset_ms=clock.offset_ns / 1e6,
            clock_bound_ms=clock.bound_at(now_ns) / 1e6,
            wall_ahead_ms=clock.wall_ahead_ns / 1e6,
            nice=member.facts.nice,
            lost_at=None if member.lost is None else max(0.0, self._run_s(member.lost_ns)),
            lost=member.lost,
            uncounted_at_most=self._uncounted(member),
            silent_s=max(0.0, (now_ns - member.answered_ns) / 1e9),
        )

    def _uncounted(self, member: Member) -> int | None:
        if member.lost is None or member.is_whole:
            return member.unanswered
        now_ns = time.monotonic_ns()
        # An outpost that was killed has engines for some moments more: what surely ends them is the lease.
        until_s = min(self._run_s(member.may_send_ns(now_ns)), self._plan.duration_ns / 1e9)
        return uncounted_at_most(
            self._plan.pools,
            member.rates,
            member.engines,
            counted_s=self._ledger.counted_s(member.number),
            until_s=until_s,
            under_way=member.unanswered + self._ledger.in_flight(member.number),
        )

    def _tell_what_is_missing(self) -> None:
        """Say of each node that was lost what of it is in no figure."""
        for member in self.members:
            if member.lost is None or member.is_whole:
                continue
            most = self._uncounted(member)
            count = "an unknown number" if most is None else f"at most {most:,}"
            said = f"{member.lost}; {count} of its requests are in no figure"
            for place, limit in self._counts.items():
                if doubtful := limit.doubtful(member.number):
                    whose = "the run" if place == 0 else self._plan.keys[place - 1]
                    said += f"; up to {doubtful:,} of maxRequests of {whose} were granted to it and may not have been made"
            self._ledger.lose(member.number, said)
