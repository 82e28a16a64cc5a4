"""What an engine is to build: a config turned into the numbers and bytes that the reactor takes. A pure function."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from tressi.errors import EngineError
from tressi.frozen import dataclass
from tressi.load.allowance import Allowance
from tressi.load.expected import field_words
from tressi.load.flows import flow_endpoint, planned_extract, planned_flow
from tressi.load.planned import PlannedEndpoint, PlannedField, PlannedFlow, PlannedPool, PlannedRequest
from tressi.load.tables import Tables
from tressi.load.ways import Network, Way, network_of
from tressi.masking import is_secret_header
from tressi.model import REDIRECTS, Expectation, Kept, Protocol, pools_of
from tressi.model.data import Rows, Slot
from tressi.request.call import IDEMPOTENT_METHODS, origin_of
from tressi.request.compiled import compiled
from tressi.request.parts import Hole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.load.planned import PlannedReplay
    from tressi.model import Pool, PoolId, ResolvedConfig, ResolvedEndpoint, Transport
    from tressi.model.flow import Flow
    from tressi.request.compiled import Compiled
    from tressi.request.tables import Use

USER_AGENT = "tressi"


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
    flows: int = 0  # how many there are: the last of the endpoints are theirs
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
        return sum(
            _connections(self.ways[way].protocol, pool.workers * self.lanes_per_worker)
            for pool in self.pools
            for way in pool.origins
        )

    def is_divided(self, pool: int) -> bool:
        """Whether each engine has its own part of what the pool sends, which no other sends for it.

        Such are rows that are used once, and the entries of a log.
        """
        planned = self.pools[pool]
        return planned.replay is not None or any(self.endpoints[number].may_run_out for number in planned.endpoints)


def _connections(protocol: Protocol, lanes: int) -> int:
    """How many connections so many lanes may have to one origin. A server may allow one alone less than is asked for."""
    return lanes if protocol.connections is None else min(lanes, protocol.connections)


def make_plan(config: ResolvedConfig, workers: Mapping[PoolId, int], tables: Tables | None = None) -> Plan:
    """Lay out the pools, each with so many workers at the start; `tables` are those of `load_tables` for what it uses."""
    laid = _Laid(config, (tables or Tables()).replay)
    asked = pools_of(config)
    pools = tuple(
        # Phases are spread out, so that pools of one rate do not send in step.
        replace(laid.pool(pool), phase=pool.id / len(asked), workers=workers[pool.id])
        for pool in asked
    )
    pool_of = {key: pool.id for pool in asked for key in pool.endpoint_keys}
    pool_of |= {one.endpoint_key: pool_of[one.flow] for one in config.endpoints if one.flow is not None}
    return Plan(
        keys=tuple(laid.number_of),
        ways=tuple(laid.ways),
        endpoints=laid.endpoints(pool_of, pools),
        pools=pools,
        pool_of=pool_of,
        lanes_per_worker=config.concurrent_requests,
        duration_ns=round(config.duration_s * 1e9),
        network=laid.network,
        source_addresses=config.source_addresses,
        connections_per_second=config.connections_per_second,
        transport=config.transport,
        redirects=REDIRECTS if config.follow_redirects is True else int(config.follow_redirects),
        kept=config.kept,
        seed=config.seed,
        tables=tables or Tables(),
        attempts=config.max_requests,
        flows=len(config.flows),
    )


def uses_of(config: ResolvedConfig) -> tuple[Use, ...]:
    """What the requests of a run use of its data, to be loaded."""
    return compiled(config, USER_AGENT).uses if config.data else ()


class _Laid:
    """A config's requests compiled and numbered: what all parts of its plan refer to. Flows have the last numbers."""

    def __init__(self, config: ResolvedConfig, replay: PlannedReplay | None) -> None:
        self.config, self.replay = config, replay
        self.network = network = network_of(config.tls, config.proxy, config.resolve)
        self.made = made = compiled(config, USER_AGENT, lambda one: network.way(one.url, one.tls).fields)
        self.ways: dict[Way, int] = {}
        self.dialers = [
            [
                self.ways.setdefault(network.way(call.url, endpoint.tls, self._protocol(endpoint)), len(self.ways))
                for call in calls
            ]
            for endpoint, calls in zip(config.endpoints, made.calls, strict=True)
        ]
        keys = (*(one.endpoint_key for one in config.endpoints), *(flow.endpoint_key for flow in config.flows))
        self.number_of = {key: number for number, key in enumerate(keys)}
        self.flow_of = {flow.endpoint_key: flow for flow in config.flows}
        self.slot_of = {name: source.number for name, source in config.data.items() if isinstance(source, Slot)}
        self.used_once = {
            number for number, use in enumerate(made.uses) if isinstance(use.source, Rows) and use.source.pick == "unique"
        }

    def _protocol(self, endpoint: ResolvedEndpoint) -> Protocol:
        """What is spoken for an endpoint; the second transport speaks HTTP/1.1 alone."""
        return endpoint.protocol if self.config.transport == "wire" else Protocol()

    def pool(self, pool: Pool) -> PlannedPool:
        """A pool without its phase and its workers."""
        config, numbers = self.config, [self.number_of[key] for key in pool.endpoint_keys]
        flow = self.flow_of.get(pool.endpoint_keys[0])
        planned = None if flow is None else self._flow(flow)
        served = numbers if planned is None else planned.steps
        return PlannedPool(
            endpoints=tuple(numbers),
            origins=tuple(dict.fromkeys(dialer for number in served for dialer in self.dialers[number])),
            curve=pool.curve,
            phase=0.0,
            seed=config.seed + pool.id,
            arrival=config.arrival,
            workers=0,
            flow=planned,
            replay=self._replay(numbers) if pool.is_shared else None,
        )

    def _replay(self, numbers: Sequence[int]) -> PlannedReplay | None:
        """The log that the shared pool replays. Raises EngineError where an entry would need rows of several tables."""
        if self.replay is not None:
            for number in numbers:
                sources = {source for one in self.made.renderings[number] for source in one.sources}
                if len(self.made.renderings[number]) != 1 or len(sources) > 1:
                    raise EngineError(
                        f"{self.config.endpoints[number].endpoint_key} is filled from more than the log's own table"
                    )
        return self.replay

    def _flow(self, flow: Flow) -> PlannedFlow:
        return planned_flow(
            self.config,
            flow,
            number_of=self.number_of,
            used=self._used(),
            used_once=self.used_once,
            contexts=self._contexts(),
        )

    def endpoints(self, pool_of: Mapping[str, PoolId], pools: Sequence[PlannedPool]) -> tuple[PlannedEndpoint, ...]:
        """All endpoints in the order of their numbers, flows included."""
        config, made = self.config, self.made
        flows = [pool.flow for pool in pools if pool.flow is not None]
        return (
            *(
                self._endpoint(endpoint, _requests(config, made, number, self.dialers[number], pools[pool_of[key]].origins))
                for number, (key, endpoint) in enumerate(zip(self.number_of, config.endpoints, strict=False))
            ),
            *(flow_endpoint(may_run_out=bool(flow.program.begin_rows or flow.program.rows)) for flow in flows),
        )

    def _used(self) -> dict[str, set[int]]:
        """The sources that each endpoint's requests draw from, by its key."""
        drawn = {number for number, use in enumerate(self.made.uses) if not isinstance(use.source, Slot)}
        return {
            one.endpoint_key: {number for rendering in renderings for number in rendering.sources} & drawn
            for one, renderings in zip(self.config.endpoints, self.made.renderings, strict=True)
        }

    def _contexts(self) -> dict[int, int]:
        """Where each slot is used, as bits, by its number."""
        found: dict[int, int] = {}
        slots = {number: use.source.number for number, use in enumerate(self.made.uses) if isinstance(use.source, Slot)}
        for rendering in (one for renderings in self.made.renderings for one in renderings):
            for part in (*rendering.head, *rendering.body):
                if isinstance(part, Hole) and part.source in slots:
                    found[slots[part.source]] = found.get(slots[part.source], 0) | 1 << part.column
        return found

    def _endpoint(self, endpoint: ResolvedEndpoint, requests: tuple[PlannedRequest, ...]) -> PlannedEndpoint:
        expect, flow = endpoint.expect or Expectation(), self.flow_of.get(endpoint.flow or "")
        used = {number for one in requests for number in one.rendering.sources}
        return PlannedEndpoint(
            requests=requests,
            timeout_ns=round(endpoint.timeout_s * 1e9),
            connect_timeout_ns=None if endpoint.connect_timeout_s is None else round(endpoint.connect_timeout_s * 1e9),
            statuses=expect.status if endpoint.grpc is None else endpoint.grpc.statuses,
            is_grpc=endpoint.grpc is not None,
            body_contains=expect.body_contains,
            tls=endpoint.tls,
            attempts=endpoint.max_requests,
            may_run_out=flow is None and not used.isdisjoint(self.used_once),
            fields=tuple(_field(name, values, self.config.mask_headers) for name, values in expect.headers),
            json=expect.json,
            body_matches=expect.body_matches,
            max_body_bytes=expect.max_body_bytes,
            is_step=flow is not None,
            extracts=()
            if flow is None
            else tuple(planned_extract(one, self.slot_of[one.slot], flow.slot_bytes) for one in endpoint.extracts),
            has_jar=flow is not None and flow.cookies,
            protocol=self._protocol(endpoint),
        )


def _requests(
    config: ResolvedConfig, made: Compiled, number: int, dialers: Sequence[int], origins: Sequence[int]
) -> tuple[PlannedRequest, ...]:
    needs_call = config.transport == "urllib3" or bool(config.follow_redirects)
    with_jar = config.endpoints[number].flow in {flow.endpoint_key for flow in config.flows if flow.cookies}
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
            host=origin_of(call.url).host.lower().encode() if with_jar else None,
            is_secure=origin_of(call.url).is_tls,
        )
        for rendering, call, dialer in zip(made.renderings[number], made.calls[number], dialers, strict=True)
    )


def _field(name: str, values: tuple[str, ...], mask_headers: Sequence[str]) -> PlannedField:
    missing, before, behind = field_words(name, values, is_secret=is_secret_header(name, mask_headers))
    wanted = tuple(value.encode("latin-1") for value in values)
    return PlannedField(name.encode(), wanted, missing.encode(), None if before is None else before.encode(), behind.encode())
