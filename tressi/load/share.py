"""What part of a run each engine does: pure division of workers, rates, phases, seeds and connections.

Engines are numbered over the whole run, however many machines they are on, and a `Place` says which of them are meant. So
dividing in two steps, over machines and then over the engines of each, gives every engine the very part that it would have
had if the run were divided over all engines at once.

Example: 10 workers at 100 RPS over 2 machines with 2 engines each. `divided(10, 4, 0)` is 3, 3, 2, 2: the first machine has
6 workers and 60 RPS, its engines 3 workers and 30 RPS each. Starts are 10 ms apart over all; each engine's schedule begins a
quarter of its own gap after the one before, so that the engines' starts lie between one another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from tressi.load.plan import Plan
    from tressi.load.planned import PlannedPool
    from tressi.load.ways import Way
    from tressi.model import Curve


@dataclass(frozen=True, slots=True)
class Place:
    """Engines number `first` to `first + count - 1` of the `of` engines that a run has in all, counted from 0."""

    first: int
    count: int
    of: int

    def engine(self, number: int) -> Place:
        """The place of one engine of these, counted from 0 among them."""
        return Place(self.first + number, 1, self.of)


def divided(workers: int, engines: int, number: int) -> list[int]:
    """Split a pool's workers as evenly as they go; which engine gets one more turns with the pool's number."""
    base, more = divmod(workers, engines)
    return [base + ((place - number) % engines < more) for place in range(engines)]


def share_of(workers: int, place: Place, number: int) -> int:
    """How many of the workers of pool `number` the engines at `place` have together."""
    return sum(divided(workers, place.of, number)[place.first : place.first + place.count])


def spread(plan: Plan, engines: int) -> Plan:
    """The plan with a worker on each engine in every pool that is divided: nobody else uses an engine's rows or entries."""
    return replace(
        plan,
        pools=tuple(
            replace(pool, workers=at_least(pool.workers, engines, is_divided=plan.is_divided(number)))
            for number, pool in enumerate(plan.pools)
        ),
    )


def at_least(workers: int, engines: int, *, is_divided: bool) -> int:
    """How many workers a pool has at least over so many engines, see `spread`."""
    return max(workers, engines) if is_divided else workers


def curve_of(curve: Curve | None, workers: int, of: int) -> Curve | None:
    """The part of a pool's rate that `workers` of its `of` workers keep; None is no limit."""
    return None if curve is None else curve.times(workers / max(1, of))


def part_of(plan: Plan, place: Place) -> Plan:
    """The plan of the engines at `place`, of the plan of the whole run."""
    limit = plan.connections_per_second
    return replace(
        plan,
        pools=tuple(_pool_of(pool, number, place, len(plan.pools)) for number, pool in enumerate(plan.pools)),
        connections_per_second=None if limit is None else limit * place.count / place.of,
        connections_phase=place.first / place.of,
        ways=tuple(_way_of(way, place) for way in plan.ways),
        engine=plan.engine * place.of + place.first,
        engines=plan.engines * place.of,
    )


def _way_of(way: Way, place: Place) -> Way:
    """The way with the part of its connections that the engines at `place` may have, one each at least."""
    most = way.protocol.connections
    if most is None:
        return way
    return replace(way, protocol=replace(way.protocol, connections=max(place.count, share_of(most, place, 0))))


def _pool_of(pool: PlannedPool, number: int, place: Place, pools: int) -> PlannedPool:
    workers = share_of(pool.workers, place, number)
    return replace(
        pool,
        workers=workers,
        curve=curve_of(pool.curve, workers, pool.workers),
        phase=(pool.phase + place.first / place.of) % 1,
        # Random choices and gaps of the engines are independent.
        seed=pool.seed + place.first * pools,
    )
