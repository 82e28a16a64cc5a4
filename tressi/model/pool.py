"""The pools of a run: which endpoints share one, and what is asked of each.

An endpoint with autoscale has a pool of its own, and so has a flow, whose workers are its users; all other endpoints are in
the shared pool, which is the last. What is asked of a
pool is told as a whole, absolute and numbered, so that messages about it may be lost, doubled or late.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NewType, Protocol

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.model.config import ResolvedConfig
    from tressi.model.curve import Curve

PoolId = NewType("PoolId", int)


@dataclass(frozen=True, slots=True)
class Pool:
    """Endpoints that are served by the same workers. `curve` None: as fast as responses come back.

    The rate of the shared pool is dealt evenly to its endpoints.
    """

    id: PoolId
    endpoint_keys: tuple[str, ...]
    curve: Curve | None
    is_shared: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a pool is to be from now on: its workers and its rate. Of two, the one with the higher version holds."""

    workers: int
    curve: Curve | None
    version: int = 0


class Obedient(Protocol):
    """Whatever pools can be asked of: an engine, or the border before it."""

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Have a pool as it is wanted from now on."""


def pools_of(config: ResolvedConfig) -> tuple[Pool, ...]:
    """The pools of a run: one for each endpoint with autoscale, in the config's order, one for each flow, the shared one."""
    curves: dict[str, Curve | None] = {
        one.endpoint_key: one.autoscale.curve for one in config.autoscaled if one.autoscale is not None
    }
    curves |= {flow.endpoint_key: flow.curve for flow in config.flows}
    pools = [Pool(PoolId(place), (key,), curve, is_shared=False) for place, (key, curve) in enumerate(curves.items())]
    shared = tuple(one.endpoint_key for one in config.endpoints if one.autoscale is None and one.flow is None)
    if shared:
        curve = None if config.shared_pool is None else config.shared_pool.curve
        pools.append(Pool(PoolId(len(pools)), shared, curve, is_shared=True))
    return tuple(pools)


class Pools:
    """What is asked of each pool of a run, and the one way to ask for something else.

    Its methods take the key of any endpoint of the pool.
    """

    def __init__(self, pools: Sequence[Pool], workers: Mapping[PoolId, int], engine: Obedient) -> None:
        self._engine = engine
        self._pool_of = {key: pool for pool in pools for key in pool.endpoint_keys}
        self._wanted = {pool.id: Wanted(workers[pool.id], pool.curve) for pool in pools}
        self.all = tuple(pools)

    def of(self, endpoint_key: str) -> Pool:
        """The pool of an endpoint."""
        return self._pool_of[endpoint_key]

    def wanted(self, endpoint_key: str) -> Wanted:
        """What is asked of an endpoint's pool."""
        return self._wanted[self._pool_of[endpoint_key].id]

    def scale(self, endpoint_key: str, workers: int) -> None:
        """Have another number of workers; one that is removed finishes its requests first."""
        self._ask(self._pool_of[endpoint_key].id, replace(self.wanted(endpoint_key), workers=workers))

    def follow(self, endpoint_key: str, curve: Curve | None) -> None:
        """Have another rate from now on; None is as fast as responses come back."""
        self._ask(self._pool_of[endpoint_key].id, replace(self.wanted(endpoint_key), curve=curve))

    def _ask(self, pool: PoolId, wanted: Wanted) -> None:
        self._wanted[pool] = replace(wanted, version=self._wanted[pool].version + 1)
        self._engine.want(pool, self._wanted[pool])
