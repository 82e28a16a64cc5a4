"""The rate that is asked of each pool of a run, as people see and change it: one number, after its ramp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.model import pools_of

if TYPE_CHECKING:
    from tressi.model import PoolId, ResolvedConfig


class Targets:
    """Each pool's target, by the key of any of its endpoints; None where nothing limits it. With stages it is the highest.

    Of a log that is replayed an endpoint's own part is its mean rate.

    The endpoint of a flow's step has no target: only the flow has one.
    """

    def __init__(self, config: ResolvedConfig) -> None:
        pools = pools_of(config)
        self._pool_of = {key: pool for pool in pools for key in pool.endpoint_keys}
        self._steps = frozenset(one.endpoint_key for one in config.endpoints if one.flow is not None)
        self._replayed: dict[str, float] = {}
        if config.replay is not None:
            self._replayed = dict(zip(pools[-1].endpoint_keys, config.replay.mean_rps, strict=True))
        self._rps: dict[PoolId, float | None] = {pool.id: None if pool.curve is None else pool.curve.peak_rps for pool in pools}

    def __getitem__(self, endpoint_key: str) -> float | None:
        if endpoint_key in self._steps:
            return None
        return self._rps[self._pool_of[endpoint_key].id]

    def __setitem__(self, endpoint_key: str, rps: float | None) -> None:
        self._rps[self._pool_of[endpoint_key].id] = rps

    def sharing(self, endpoint_key: str) -> tuple[str, ...]:
        """The endpoints whose rate is set together with this one's."""
        return (endpoint_key,) if endpoint_key in self._steps else self._pool_of[endpoint_key].endpoint_keys

    def each(self, endpoint_key: str) -> float | None:
        """An endpoint's own part of its pool's target."""
        if endpoint_key in self._replayed:
            return self._replayed[endpoint_key]
        rps = self[endpoint_key]
        return None if rps is None else rps / len(self.sharing(endpoint_key))
