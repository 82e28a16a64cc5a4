"""What an engine is to build: a config turned into the numbers and bytes that the reactor takes. A pure function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tressi.load.expected import field_words
from tressi.masking import is_secret_header
from tressi.model import Expectation, pools_of
from tressi.request.call import IDEMPOTENT_METHODS, Call, Origin, call_of, origin_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tressi.model import Arrival, Curve, JsonCondition, Pool, PoolId, ResolvedConfig, ResolvedEndpoint, TlsConfig

USER_AGENT = "tressi"


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field that a response must have, with one of these values, and why it failed otherwise (see `expected`)."""

    name: bytes
    values: tuple[bytes, ...]
    missing: bytes
    before: bytes | None
    behind: bytes


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
    fields: tuple[PlannedField, ...] = ()
    json: tuple[JsonCondition, ...] | None = None
    body_matches: str | None = None
    max_body_bytes: int | None = None

    @property
    def has_judge(self) -> bool:
        """Whether its bodies are judged as a whole."""
        return self.json is not None or self.body_matches is not None

    @property
    def has_further(self) -> bool:
        """Whether a response is held against more than statuses and a text in its body."""
        return bool(self.fields) or self.has_judge or self.max_body_bytes is not None


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
    expect = endpoint.expect or Expectation()
    return PlannedEndpoint(
        variants=(call.head() + (call.body or b""),),
        timeout_ns=round(endpoint.timeout_s * 1e9),
        connect_timeout_ns=None if endpoint.connect_timeout_s is None else round(endpoint.connect_timeout_s * 1e9),
        origin=origins.index(dialer),
        dialer=dialer,
        to_head=endpoint.method == "HEAD",
        idempotent=endpoint.method in IDEMPOTENT_METHODS,
        keep_alive=config.keep_alive,
        statuses=expect.status,
        body_contains=expect.body_contains,
        awaits_continue=call.awaits_continue,
        call=replace(call, secret_headers=config.mask_headers) if config.transport == "urllib3" else None,
        fields=tuple(_field(name, values, config.mask_headers) for name, values in expect.headers),
        json=expect.json,
        body_matches=expect.body_matches,
        max_body_bytes=expect.max_body_bytes,
    )


def _field(name: str, values: tuple[str, ...], mask_headers: Sequence[str]) -> PlannedField:
    missing, before, behind = field_words(name, values, is_secret=is_secret_header(name, mask_headers))
    wanted = tuple(value.encode("latin-1") for value in values)
    return PlannedField(name.encode(), wanted, missing.encode(), None if before is None else before.encode(), behind.encode())
