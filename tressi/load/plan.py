"""What an engine is to build: a config turned into the numbers and bytes that the reactor takes. A pure function."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tressi.load.expected import field_words
from tressi.load.ways import Network, Way, network_of
from tressi.masking import is_secret_header
from tressi.model import REDIRECTS, Expectation, Kept, pools_of
from tressi.request.call import IDEMPOTENT_METHODS, Call, call_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tressi.model import Arrival, Curve, JsonCondition, Pool, PoolId, ResolvedConfig, ResolvedEndpoint, TlsConfig, Transport

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
    """One endpoint as the reactor takes it. `origin` counts within its pool, `dialer` within the plan's ways.

    `call` is the request for what does more with it than send its bytes: the second transport, and redirects.
    """

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
    call: Call | None = None
    tls: TlsConfig | None = None  # None: the network's
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
    """One pool: the numbers of its endpoints and of their ways, its rate (None: unlimited) and its first workers.

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
    ways: tuple[Way, ...]
    endpoints: tuple[PlannedEndpoint, ...]
    pools: tuple[PlannedPool, ...]
    pool_of: Mapping[str, PoolId]
    lanes_per_worker: int
    duration_ns: int
    network: Network = field(default_factory=Network)
    source_addresses: tuple[str, ...] = ()
    connections_per_second: float | None = None
    connections_phase: float = 0.0
    transport: Transport = "wire"
    redirects: int = 0  # that are followed in one attempt at most; 0: none is
    kept: Kept = field(default_factory=Kept)

    @property
    def is_for_clients(self) -> bool:
        """Whether the second transport sends its requests."""
        return self.transport == "urllib3"

    @property
    def connections(self) -> int:
        """How many connections its first workers may have at once."""
        return sum(pool.workers * self.lanes_per_worker * len(pool.origins) for pool in self.pools)


def make_plan(config: ResolvedConfig, workers: Mapping[PoolId, int]) -> Plan:
    """Lay out the pools, each with so many workers at the start."""
    network = network_of(config.tls, config.proxy, config.resolve)
    ways: dict[Way, int] = {}
    dialers = [ways.setdefault(network.way(endpoint.url, endpoint.tls), len(ways)) for endpoint in config.endpoints]
    fields = [way.fields for way in ways]
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
        ways=tuple(ways),
        endpoints=tuple(
            _endpoint(config, endpoint, dialers[number], pools[pool_of[keys[number]]].origins, fields[dialers[number]])
            for number, endpoint in enumerate(config.endpoints)
        ),
        pools=pools,
        pool_of=pool_of,
        lanes_per_worker=config.concurrent_requests,
        duration_ns=round(config.duration_s * 1e9),
        network=network,
        source_addresses=config.source_addresses,
        connections_per_second=config.connections_per_second,
        transport=config.transport,
        redirects=REDIRECTS if config.follow_redirects is True else int(config.follow_redirects),
        kept=config.kept,
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


def _endpoint(
    config: ResolvedConfig,
    endpoint: ResolvedEndpoint,
    dialer: int,
    origins: Sequence[int],
    proxy_fields: Sequence[tuple[str, str]] | None,
) -> PlannedEndpoint:
    call = call_of(endpoint, USER_AGENT, keep_alive=config.keep_alive)
    expect = endpoint.expect or Expectation()
    needs_call = config.transport == "urllib3" or bool(config.follow_redirects)
    return PlannedEndpoint(
        variants=(call.head(proxy_fields) + (call.body or b""),),
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
        call=replace(call, secret_headers=config.mask_headers) if needs_call else None,
        tls=endpoint.tls,
        fields=tuple(_field(name, values, config.mask_headers) for name, values in expect.headers),
        json=expect.json,
        body_matches=expect.body_matches,
        max_body_bytes=expect.max_body_bytes,
    )


def _field(name: str, values: tuple[str, ...], mask_headers: Sequence[str]) -> PlannedField:
    missing, before, behind = field_words(name, values, is_secret=is_secret_header(name, mask_headers))
    wanted = tuple(value.encode("latin-1") for value in values)
    return PlannedField(name.encode(), wanted, missing.encode(), None if before is None else before.encode(), behind.encode())
