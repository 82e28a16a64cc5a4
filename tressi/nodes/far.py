"""Engines on other machines as one engine: what a run is given where its load comes from several nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.errors import EngineError

if TYPE_CHECKING:
    from tressi.load.plan import Plan
    from tressi.model import EngineSnapshot, Level, PoolId, Wanted
    from tressi.nodes.carrier import Carrier

LEASE_S = 1.0


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
        self._asked, self._wait_s, self._processes, self._lease_s = nodes, nodes_wait_s, processes, lease_s
        self.lost: str | None = None

    def build(self, plan: Plan) -> None:  # noqa: ARG002 - of a run to come
        """Launch the outposts, and have each build its part. Raises EngineError, CarrierError."""
        raise EngineError("a run over several machines is not there yet")

    def go(self, at_ns: int | None = None) -> int:  # noqa: ARG002 - of a run to come
        """Start every node's engines together."""
        raise EngineError("a run over several machines is not there yet")

    def want(self, pool: PoolId, wanted: Wanted) -> None:
        """Have a pool as it is wanted from now on, over all nodes."""

    def limit_connections(self, per_second: float) -> None:
        """Make so many connections a second at most from now on, over all nodes."""

    def read(self, level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:  # noqa: ARG002 - of a run to come
        """What the ledger has."""
        raise EngineError("a run over several machines is not there yet")

    def stop(self, drain_s: float) -> None:
        """Start nothing more, wait for what is in flight, let the nodes go."""
