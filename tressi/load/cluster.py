"""Several engines behind the interface of one: workers are divided among them, and each has the rate of its workers.

An engine that is lost keeps its place in the metrics, with what it measured; its workers and its rate go to the others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import gevent

from tressi.errors import EngineError
from tressi.load.merge import merge
from tressi.load.plan import make_plan
from tressi.load.share import Place, divided, part_of
from tressi.log import log_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.load.plan import Plan
    from tressi.model import EngineSnapshot, Level, ResolvedConfig


GO_NS: Final = 5_000_000  # ahead of the start: time for all engines to hear of it


class Member(Protocol):
    """An engine that can be one of several: `model.Engine`'s methods, but built and started in two steps."""

    lost: str | None  # why it is gone, in words; None while it is there

    def build(self, plan: Plan) -> None:
        """Begin to build every pool."""

    def wait_built(self) -> None:
        """Wait until that is done. Raises EngineError if it cannot be."""

    def go(self, at_ns: int) -> None:
        """Start every pool at `at_ns` of CLOCK_MONOTONIC."""

    def scale(self, endpoint_key: str, workers: int) -> None:
        """See `model.Engine.scale`."""

    def set_rate(
        self, endpoint_key: str, target_rps: float | None, *, begin_rps: float | None = None, ramp_s: float = 0.0
    ) -> None:
        """See `model.Engine.set_rate`; climbs from `begin_rps` within `ramp_s`."""

    def limit_connections(self, per_second: float) -> None:
        """Make so many connections a second at most from now on."""

    def snapshot(self, endpoint_key: str | None = None, level: Level = "all") -> EngineSnapshot:
        """See `model.Engine.snapshot`; works after the engine is lost."""

    def stop(self, drain_s: float) -> None:
        """See `model.Engine.stop`."""


@dataclass(slots=True)
class _Share:
    """What is asked of a pool in all: its workers, and its rate with what is left of the ramp (None: unlimited)."""

    key: str
    workers: int
    rate: float | None
    ramp_s: float


class Cluster:
    """Runs a config on several engines; see `model.Engine` for the five methods."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = tuple(members)
        self._active = list(members)
        self._shares: list[_Share] = []
        self._given: dict[tuple[int, int], int] = {}
        self._started = 0.0
        self._stopped = False

    def start(self, config: ResolvedConfig, workers: Mapping[str, int]) -> None:
        """Build all engines side by side, then start them together. Raises EngineError if one cannot be built."""
        plan, place = make_plan(config, workers), Place(0, len(self._members), len(self._members))
        self._plan = plan
        first_keys = {pool: key for key, pool in reversed(list(plan.pool_of.items()))}
        self._shares = [
            _Share(first_keys[number], pool.workers, pool.rate, pool.ramp_ns / 1e9) for number, pool in enumerate(plan.pools)
        ]
        try:
            for number, member in enumerate(self._members):
                part = part_of(plan, place.engine(number))
                self._given |= {(pool, number): given.workers for pool, given in enumerate(part.pools)}
                member.build(part)
            for member in self._members:
                member.wait_built()
        except EngineError:
            self._end(0.0)
            raise
        # The phases of their schedules are offset against one another, which only holds from one moment on.
        begin_ns = time.monotonic_ns() + GO_NS
        self._started = begin_ns / 1e9
        for member in self._members:
            member.go(begin_ns)
        # The run's clock begins where this returns. Ahead of the schedules it would find each second one slot short.
        gevent.sleep(max(0, begin_ns - time.monotonic_ns()) / 1e9)

    def scale(self, endpoint_key: str, workers: int) -> None:
        """Make `workers` the endpoint's count over all engines."""
        number = self._plan.pool_of[endpoint_key]
        self._shares[number].workers = workers
        self._distribute(number)

    def set_rate(self, endpoint_key: str, target_rps: float | None) -> None:
        """Hold another rate from now on, over all engines; 0 pauses, None is no limit."""
        number = self._plan.pool_of[endpoint_key]
        self._shares[number].rate = target_rps
        self._shares[number].ramp_s = 0.0
        self._distribute(number, rate_changed=True)

    def snapshot(self, endpoint_key: str | None = None, level: Level = "all") -> EngineSnapshot:
        """Add up what the engines measured, the lost ones included. Raises EngineError when none is left, until `stop`."""
        self._take_losses()
        return merge([member.snapshot(endpoint_key, level) for member in self._members])

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

    def _distribute(self, number: int, *, rate_changed: bool = False) -> None:
        """Tell each engine its part of a pool, where that has changed."""
        if not self._active:
            # `snapshot` or `stop` says so.
            return
        share = self._shares[number]
        elapsed = max(0.0, time.monotonic() - self._started)
        total = share.workers
        parts = divided(total, len(self._active), number)
        shifted = [self._given.get((number, place)) for place in self._places()] != parts
        for place, member, workers in zip(self._places(), self._active, parts, strict=True):
            self._given[number, place] = workers
            member.scale(share.key, workers)
            if share.rate is None and rate_changed:
                member.set_rate(share.key, None)
            elif share.rate is not None and (rate_changed or shifted):
                rate = share.rate * workers / max(1, total)
                climbed = min(1.0, elapsed / share.ramp_s) if share.ramp_s > 0 else 1.0
                member.set_rate(share.key, rate, begin_rps=rate * climbed, ramp_s=max(0.0, share.ramp_s - elapsed))

    def _places(self) -> list[int]:
        return [self._members.index(member) for member in self._active]

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
        for number in range(len(self._shares)) if lost else ():
            self._distribute(number, rate_changed=True)
        limit = self._plan.connections_per_second
        if lost and limit is not None:
            for member in self._active:
                member.limit_connections(limit / len(self._active))
