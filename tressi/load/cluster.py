"""Several engines behind the interface of one: workers are divided among them, and each has the rate of its workers.

A cluster is an engine itself, so that the engines of one may be clusters on other machines. An engine that is lost keeps its
place in the metrics, with what it measured; its workers and its rate go to the others.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import gevent

from tressi.errors import EngineError
from tressi.load.merge import merge
from tressi.load.share import Place, at_least, curve_of, divided, part_of, spread
from tressi.log import log_error
from tressi.model import PoolId, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.load.allowance import Allowance
    from tressi.load.plan import Plan
    from tressi.model import Engine, EngineSnapshot, Level


GO_NS: Final = 5_000_000  # ahead of the start: time for all engines to hear of it


class Cluster:
    """Runs a plan on several engines; see `model.Engine` for the methods.

    `place` says which engines of the run they are, where there are others (None: they are all). It is then built of the plan
    of the whole run, and what is wanted afterwards is its own part.
    """

    def __init__(self, members: Sequence[Engine[Plan]], place: Place | None = None) -> None:
        self._members = tuple(members)
        self._place = place or Place(0, len(self._members), len(self._members))
        self._active = list(members)
        self._wanted: list[Wanted] = []
        self._version = 0
        self._connections_per_second: float | None = None
        self._stopped = False

    @property
    def lost(self) -> str | None:
        """Why none of its engines is left, in words; None while there is one."""
        return None if self._active else self._why_lost()

    def build(self, plan: Plan) -> None:
        """Build all engines side by side. Raises EngineError if one cannot be built."""
        place = self._place
        plan = spread(plan, place.of)
        if plan.is_counted and plan.allowance is None:
            plan = replace(plan, allowance=_allowance(plan))
        self._plan = part_of(plan, place)
        self._wanted = [Wanted(pool.workers, pool.curve) for pool in self._plan.pools]
        self._connections_per_second = self._plan.connections_per_second
        building = [
            gevent.spawn(_built, member, part_of(plan, place.engine(number))) for number, member in enumerate(self._members)
        ]
        for one in gevent.iwait(building):
            if one.value is not None:
                self._end(0.0)
                gevent.killall(building)
                raise one.value

    def go(self, at_ns: int | None = None) -> int:
        """Start all engines together, a moment from now unless told when; returns when that is."""
        # The phases of their schedules are offset against one another, which only holds from one moment on.
        begin_ns = time.monotonic_ns() + GO_NS if at_ns is None else at_ns
        for member in self._members:
            member.go(begin_ns)
        return begin_ns

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Have a pool as it is wanted from now on, over all engines."""
        if wanted.version > self._wanted[pool].version:
            self._wanted[pool] = wanted
            self._divide(pool)

    def limit_connections(self, per_second: float) -> None:
        """Make so many connections a second at most from now on, over all engines."""
        self._connections_per_second = per_second
        for member in self._active:
            member.limit_connections(per_second / len(self._active))

    def read(self, level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """Add up what the engines measured, the lost ones included. Raises EngineError when none is left, until `stop`."""
        self._take_losses()
        return merge([member.read(level, endpoint_key) for member in self._members])

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait at most `drain_s` seconds for what is in flight, cut the rest.

        Raises EngineError where that loses the last engine: what it measured is not all that it did.
        """
        had = len(self._active)
        self._end(drain_s)
        self._note_losses()
        if had and not self._active:
            raise EngineError(self._why_lost())

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _divide(self, pool: PoolId) -> None:
        """Tell each engine its part of a pool; one whose part is what it has already does nothing."""
        if not self._active:
            # `read` or `stop` says so.
            return
        whole = self._wanted[pool]
        self._version += 1
        of = at_least(whole.workers, len(self._active), is_divided=self._plan.is_divided(pool))
        for member, workers in zip(self._active, divided(of, len(self._active), pool), strict=True):
            member.want(pool, Wanted(workers, curve_of(whole.curve, workers, of), self._version))

    def _end(self, drain_s: float) -> None:
        self._stopped = True
        gevent.joinall([gevent.spawn(member.stop, drain_s) for member in self._members])

    def _why_lost(self) -> str:
        return "; ".join(str(member.lost) for member in self._members)

    def _note_losses(self) -> bool:
        """Say which engines were lost since the last time; whether there are any."""
        lost = [member for member in self._active if member.lost is not None]
        self._active = [member for member in self._active if member.lost is None]
        for member in lost:
            log_error("an engine was lost", reason=member.lost, left=len(self._active))
        return bool(lost)

    def _take_losses(self) -> None:
        """Notice the engines that were lost, and give their work to the others."""
        lost = self._note_losses()
        if self._stopped:
            return
        if not self._active:
            raise EngineError(self._why_lost())
        if lost:
            for pool in range(len(self._wanted)):
                self._divide(PoolId(pool))
            if self._connections_per_second is not None:
                self.limit_connections(self._connections_per_second)


def _allowance(plan: Plan) -> Allowance:
    try:
        return plan.new_allowance()
    except OSError as failure:
        raise EngineError(f"the engines cannot share the count of their requests: {failure}") from failure


def _built(member: Engine[Plan], plan: Plan) -> EngineError | None:
    """Why it cannot be built."""
    try:
        member.build(plan)
    except EngineError as failure:
        return failure
    return None
