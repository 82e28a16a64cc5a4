"""What a run is put together from: its pools with the workers that they start with, and the engine of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.autoscale.allocate import allocate
from tressi.errors import EngineError
from tressi.model import Pools, pools_of

if TYPE_CHECKING:
    from tressi.load.plan import Plan
    from tressi.model import Engine, ResolvedConfig
    from tressi.model.flow import Flow
    from tressi.model.pool import Obedient


def pools_at_start(config: ResolvedConfig, engine: Obedient) -> Pools:
    """The run's pools, with the workers that each starts with."""
    own = {one.endpoint_key: one.worker_count for one in allocate(config)}
    own |= {flow.endpoint_key: users_at_start(flow) for flow in config.flows}
    shared = config.shared_pool.workers if config.shared_pool is not None else 0
    pools = pools_of(config)
    return Pools(pools, {pool.id: own.get(pool.endpoint_keys[0], shared) for pool in pools}, engine)


def users_at_start(flow: Flow) -> int:
    """How many users a flow begins with."""
    settings = flow.autoscale
    return flow.workers if settings is None else settings.initial_workers or settings.min_workers


def local_engine() -> Engine[Plan]:
    """The engine of this process. Imported only here: it needs the compiled reactor, which some systems lack."""
    try:
        from tressi.load.engine import LocalEngine  # noqa: PLC0415 - see above
    except ImportError as error:
        raise EngineError(f"the engine of this process is not available on this system: {error}") from error
    return LocalEngine()
