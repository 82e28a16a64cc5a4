"""Which part of a run each node of a cluster would do at its start: pure division of a config's pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.load.share import Place, share_of
from tressi.model import pools_of
from tressi.run.assembly import pools_at_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import PoolId, ResolvedConfig
    from tressi.model.pool import Wanted


class _Nobody:
    """Pools that are only looked at ask nobody for anything."""

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Nothing is asked for."""


def shares(config: ResolvedConfig, nodes: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """What each node does, given its name and how many engines it runs; the rate is the highest that the config asks for.

    Example: 10 workers at 100 RPS over two nodes, one with 3 engines and one with 1, are 8 workers (3, 3 and 2) with 80 RPS
    and 2 workers with 20 RPS.
    """
    at_start, of = pools_at_start(config, _Nobody()), sum(engines for _, engines in nodes)
    found, first = [], 0
    for name, engines in nodes:
        place, first = Place(first, engines, of), first + engines
        workers, rps = 0, 0.0
        for number, pool in enumerate(pools_of(config)):
            whole = at_start.wanted(pool.endpoint_keys[0]).workers
            part = share_of(whole, place, number)
            workers += part
            rps += max((rate for _, rate in pool.curve.points), default=0.0) * part / max(1, whole) if pool.curve else 0.0
        found.append({"name": name, "engines": engines, "workers": workers, "targetRps": round(rps, 3)})
    return found
