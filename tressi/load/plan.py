"""What an engine is to build: a config turned into the numbers and bytes that the reactor takes. A pure function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tressi.model import pools_of
from tressi.request.call import IDEMPOTENT_METHODS, Call, Origin, call_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tressi.model import Arrival, Curve, Pool, PoolId, ResolvedConfig, ResolvedEndpoint, TlsConfig

USER_AGENT = "tressi"


@dataclass(frozen=True, slots=True)
class PlannedEndpoint:
    """One endpoint as the reactor takes it. `origin` counts within its pool, `dialer` within the plan."""

    variants: tuple[bytes, ...]
    timeout_ns: int
    connect_timeout_ns: int | None
    origin: int
    dialer: int
    to_head: bool
    idempotent: bool
    keep_alive: bool
    statuses: Collection[int] | None
    body_contains: bytes | None
    awaits_continue: bool = False
    call: Call | None = None  # for the second transport


@dataclass(frozen=True, slots=True)
class PlannedPool:
    """One pool: the numbers of its endpoints and of their origins, its rate (None: unlimited) and its first workers.

    `phase` is where its first start lies within a gap between two of all engines, from 0 to below 1.
    """

    endpoints: tuple[int, ...]
    origins: tuple[int, ...]
    curve: Curve | None
    phase: float
    seed: int
    arrival: Arrival
    workers: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an engine builds before it starts. `keys` are in the order of `endpoints`; `pool_of` finds a key's pool."""

    keys: tuple[str, ...]
    origins: tuple[Origin, ...]
    endpoints: tuple[PlannedEndpoint, ...]
    pools: tuple[PlannedPool, ...]
    pool_of: Mapping[str, PoolId]
    lanes_per_worker: int
    duration_ns: int
    tls: TlsConfig
    source_addresses: tuple[str, ...] = ()
    connections_per_second: float | None = None
    connections_phase: float = 0.0
    proxy: str | None = None
    follow_redirects: bool = False

    @property
    def has_calls(self) -> bool:
        """Whether the second transport sends its requests."""
        return any(endpoint.call is not None for endpoint in self.endpoints)

    @property
    def connections(self) -> int:
        """How many connections its first workers may have at once."""
        return sum(pool.workers * self.lanes_per_worker * len(pool.origins) for pool in self.pools)


def make_plan(config: ResolvedConfig, workers: Mapping[PoolId, int]) -> Plan:
    """Lay out the pools, each with so many workers at the start."""
    origins = tuple(dict.fromkeys(origin_of(endpoint.url) for endpoint in config.endpoints))
    dialers = [origins.index(origin_of(endpoint.url)) for endpoint in config.endpoints]
    keys = tuple(endpoint.endpoint_key for endpoint in config.endpoints)
    number_of = {key: number for number, key in enumerate(keys)}
    asked = pools_of(config)
    pools = tuple(
        # Phases are spread out, so that pools of one rate do not send in step.
        replace(
            _pool(config, pool, [number_of[key] for key in pool.endpoint_keys], dialers),
            phase=pool.id / len(asked),
            workers=workers[pool.id],
        )
        for pool in asked
    )
    pool_of = {key: pool.id for pool in asked for key in pool.endpoint_keys}
    return Plan(
        keys=keys,
        origins=origins,
        endpoints=tuple(
            _endpoint(config, endpoint, dialers[number], pools[pool_of[keys[number]]].origins)
            for number, endpoint in enumerate(config.endpoints)
        ),
        pools=pools,
        pool_of=pool_of,
        lanes_per_worker=config.concurrent_requests,
        duration_ns=round(config.duration_s * 1e9),
        tls=config.tls,
        source_addresses=config.source_addresses,
        connections_per_second=config.connections_per_second,
        proxy=config.proxy,
        follow_redirects=config.follow_redirects,
    )


def _pool(config: ResolvedConfig, pool: Pool, numbers: Sequence[int], dialers: Sequence[int]) -> PlannedPool:
    return PlannedPool(
        endpoints=tuple(numbers),
        origins=tuple(dict.fromkeys(dialers[number] for number in numbers)),
        curve=pool.curve,
        phase=0.0,
        seed=config.seed + pool.id,
        arrival=config.arrival,
        workers=0,
    )


def _endpoint(config: ResolvedConfig, endpoint: ResolvedEndpoint, dialer: int, origins: Sequence[int]) -> PlannedEndpoint:
    call = call_of(endpoint, USER_AGENT, keep_alive=config.keep_alive)
    return PlannedEndpoint(
        variants=(call.head() + (call.body or b""),),
        timeout_ns=round(endpoint.timeout_s * 1e9),
        connect_timeout_ns=None if endpoint.connect_timeout_s is None else round(endpoint.connect_timeout_s * 1e9),
        origin=origins.index(dialer),
        dialer=dialer,
        to_head=endpoint.method == "HEAD",
        idempotent=endpoint.method in IDEMPOTENT_METHODS,
        keep_alive=config.keep_alive,
        statuses=endpoint.expect.status if endpoint.expect else None,
        body_contains=endpoint.expect.body_contains if endpoint.expect else None,
        awaits_continue=call.awaits_continue,
        call=replace(call, secret_headers=config.mask_headers) if config.transport == "urllib3" else None,
    )
