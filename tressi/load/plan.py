"""What an engine is to build: a config turned into the numbers and bytes that the reactor takes. A pure function."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tressi.load.allowance import Allowance
from tressi.load.expected import field_words
from tressi.load.tables import Tables
from tressi.load.ways import Network, Way, network_of
from tressi.masking import is_secret_header
from tressi.model import REDIRECTS, Expectation, Kept, pools_of
from tressi.model.data import Rows
from tressi.request.call import IDEMPOTENT_METHODS, Call
from tressi.request.compiled import compiled
from tressi.request.parts import Hole

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tressi.model import Arrival, Curve, JsonCondition, PoolId, ResolvedConfig, ResolvedEndpoint, TlsConfig, Transport
    from tressi.request.compiled import Compiled
    from tressi.request.parts import Rendering
    from tressi.request.tables import Use

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
class PlannedRequest:
    """A request as the reactor takes it. `origin` counts within its pool (-1: none of it goes there), `dialer` in the plan.

    `call` is the request for what does more with it than send its bytes: the second transport, and redirects.
    """

    rendering: Rendering
    origin: int
    dialer: int
    to_head: bool
    idempotent: bool
    keep_alive: bool
    awaits_continue: bool = False
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class PlannedEndpoint:
    """One endpoint as the reactor takes it: its requests, of which each has its share, and what they have in common.

    `attempts` limits those that it begins. `may_run_out`: a source of its requests has rows that are used once.
    """

    requests: tuple[PlannedRequest, ...]
    timeout_ns: int
    connect_timeout_ns: int | None
    statuses: Collection[int] | None
    body_contains: bytes | None
    tls: TlsConfig | None = None  # None: the network's
    attempts: int | None = None
    may_run_out: bool = False
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
    seed: int = 0
    tables: Tables = field(default_factory=Tables)
    engine: int = 0  # its number among all engines of the run,
    engines: int = 1  # and how many they are
    attempts: int | None = None  # that all endpoints begin together
    allowance: Allowance | None = None  # what is left of them and of the endpoints' own; None: this engine counts alone

    @property
    def is_counted(self) -> bool:
        """Whether attempts are limited, of the run or of an endpoint."""
        return self.attempts is not None or any(one.attempts is not None for one in self.endpoints)

    def new_allowance(self) -> Allowance:
        """All of the attempts, to be taken from. Raises OSError."""
        return Allowance.of(self.attempts, [one.attempts for one in self.endpoints])

    @property
    def is_for_clients(self) -> bool:
        """Whether the second transport sends its requests."""
        return self.transport == "urllib3"

    @property
    def connections(self) -> int:
        """How many connections its first workers may have at once."""
        return sum(pool.workers * self.lanes_per_worker * len(pool.origins) for pool in self.pools)

    def may_run_out(self, pool: int) -> bool:
        """Whether requests of that pool have rows that are used once, of which each engine has its own."""
        return any(self.endpoints[number].may_run_out for number in self.pools[pool].endpoints)


def make_plan(config: ResolvedConfig, workers: Mapping[PoolId, int], tables: Tables | None = None) -> Plan:
    """Lay out the pools, each with so many workers at the start; `tables` are those of `load_tables` for what it uses."""
    network = network_of(config.tls, config.proxy, config.resolve)
    made = compiled(config, USER_AGENT, lambda one: network.way(one.url, one.tls).fields)
    ways: dict[Way, int] = {}
    dialers = [
        [ways.setdefault(network.way(call.url, endpoint.tls), len(ways)) for call in calls]
        for endpoint, calls in zip(config.endpoints, made.calls, strict=True)
    ]
    pools = _pools(config, workers, dialers)
    return Plan(
        keys=tuple(endpoint.endpoint_key for endpoint in config.endpoints),
        ways=tuple(ways),
        endpoints=_endpoints(config, made, dialers, pools),
        pools=pools,
        pool_of={key: pool.id for pool in pools_of(config) for key in pool.endpoint_keys},
        lanes_per_worker=config.concurrent_requests,
        duration_ns=round(config.duration_s * 1e9),
        network=network,
        source_addresses=config.source_addresses,
        connections_per_second=config.connections_per_second,
        transport=config.transport,
        redirects=REDIRECTS if config.follow_redirects is True else int(config.follow_redirects),
        kept=config.kept,
        seed=config.seed,
        tables=tables or Tables(),
        attempts=config.max_requests,
    )


def uses_of(config: ResolvedConfig) -> tuple[Use, ...]:
    """What the requests of a run use of its data, to be loaded."""
    return compiled(config, USER_AGENT).uses if config.data else ()


def _pools(config: ResolvedConfig, workers: Mapping[PoolId, int], dialers: Sequence[Sequence[int]]) -> tuple[PlannedPool, ...]:
    """The pools by their numbers. Phases are spread out, so that pools of one rate do not send in step."""
    number_of = {endpoint.endpoint_key: number for number, endpoint in enumerate(config.endpoints)}
    asked = pools_of(config)
    return tuple(
        PlannedPool(
            endpoints=(numbers := tuple(number_of[key] for key in pool.endpoint_keys)),
            origins=tuple(dict.fromkeys(dialer for number in numbers for dialer in dialers[number])),
            curve=pool.curve,
            phase=pool.id / len(asked),
            seed=config.seed + pool.id,
            arrival=config.arrival,
            workers=workers[pool.id],
        )
        for pool in asked
    )


def _endpoints(
    config: ResolvedConfig, made: Compiled, dialers: Sequence[Sequence[int]], pools: Sequence[PlannedPool]
) -> tuple[PlannedEndpoint, ...]:
    origins = {number: pool.origins for pool in pools for number in pool.endpoints}
    spent = {number for number, use in enumerate(made.uses) if isinstance(use.source, Rows) and use.source.pick == "unique"}
    return tuple(
        _endpoint(endpoint, config.mask_headers, _requests(config, made, number, dialers[number], origins[number]), spent)
        for number, endpoint in enumerate(config.endpoints)
    )


def _requests(
    config: ResolvedConfig, made: Compiled, number: int, dialers: Sequence[int], origins: Sequence[int]
) -> tuple[PlannedRequest, ...]:
    needs_call = config.transport == "urllib3" or bool(config.follow_redirects)
    return tuple(
        PlannedRequest(
            rendering=rendering,
            origin=origins.index(dialer),
            dialer=dialer,
            to_head=call.method == "HEAD",
            idempotent=call.method in IDEMPOTENT_METHODS,
            keep_alive=config.keep_alive,
            awaits_continue=call.awaits_continue,
            call=replace(call, secret_headers=config.mask_headers) if needs_call else None,
        )
        for rendering, call, dialer in zip(made.renderings[number], made.calls[number], dialers, strict=True)
    )


def _endpoint(
    endpoint: ResolvedEndpoint, mask_headers: Sequence[str], requests: tuple[PlannedRequest, ...], spent: Collection[int]
) -> PlannedEndpoint:
    expect = endpoint.expect or Expectation()
    used = {part.source for one in requests for part in (*one.rendering.head, *one.rendering.body) if isinstance(part, Hole)}
    return PlannedEndpoint(
        requests=requests,
        timeout_ns=round(endpoint.timeout_s * 1e9),
        connect_timeout_ns=None if endpoint.connect_timeout_s is None else round(endpoint.connect_timeout_s * 1e9),
        statuses=expect.status,
        body_contains=expect.body_contains,
        tls=endpoint.tls,
        attempts=endpoint.max_requests,
        may_run_out=not used.isdisjoint(spent),
        fields=tuple(_field(name, values, mask_headers) for name, values in expect.headers),
        json=expect.json,
        body_matches=expect.body_matches,
        max_body_bytes=expect.max_body_bytes,
    )


def _field(name: str, values: tuple[str, ...], mask_headers: Sequence[str]) -> PlannedField:
    missing, before, behind = field_words(name, values, is_secret=is_secret_header(name, mask_headers))
    wanted = tuple(value.encode("latin-1") for value in values)
    return PlannedField(name.encode(), wanted, missing.encode(), None if before is None else before.encode(), behind.encode())
