"""What a run is asked to do, resolved: nothing inherited is left open. Times are seconds."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, Literal

from tressi.frozen import dataclass
from tressi.masking import Masks
from tressi.model.curve import Curve, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model.autoscale import AutoscaleConfig
    from tressi.model.data import DataSource, Piece
    from tressi.model.flow import Extract, Flow
    from tressi.model.replay import Replay
    from tressi.threshold.expression import Comparison

Arrival = Literal["uniform", "poisson"]
Strategy = Literal["proportional", "equal", "priority-based"]
TlsVersion = Literal["1.2", "1.3"]
Transport = Literal["wire", "urllib3"]
ProtocolName = Literal["auto", "http/1.1", "h2", "h2c"]

REDIRECTS: Final = 20  # that are followed in one attempt where a config names no number, as the Fetch standard has it


@dataclass(frozen=True, slots=True)
class JsonCondition:
    """A value that a JSON body must have at a place: `steps` are the names and indices that the `path` is read as.

    `value` is JSON text.
    """

    path: str
    steps: tuple[str | int, ...]
    value: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a response must be to count as a success. `status` None: below 400; `body_contains` None: any body.

    `headers` are names in small letters with the values of which one is enough. `json` None: the body need not be JSON.
    `body_matches` is a regular expression of RE2, `max_body_bytes` counts the body as it comes.
    """

    status: tuple[int, ...] | None = None
    body_contains: bytes | None = None
    headers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    json: tuple[JsonCondition, ...] | None = None
    body_matches: str | None = None
    max_body_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class GrpcCall:
    """Which method of gRPC an endpoint calls, as `package.Service/Method`; `descriptors` is the FileDescriptorSet it is in.

    `statuses` are those with which a call has succeeded, by the numbers of `vocabulary.status_number`; None: OK alone.
    """

    method: str
    descriptors: bytes = field(repr=False)
    statuses: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """How `https` targets are spoken to. `ca`, `cert` and `key` are files; `server_name` overrides the host of the URL.

    `ciphers` are those of TLS 1.2, in OpenSSL's words; None of the last three leaves the choice to OpenSSL and Python.
    """

    verify: bool = True
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None
    ciphers: str | None = None
    protocols: tuple[str, ...] = ("http/1.1",)  # that the server is offered, by their names in ALPN (RFC 7301)


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is spoken to a server. "auto": what the TLS handshake chooses; "h2c": HTTP/2 without TLS, by prior knowledge.

    Over HTTP/2 `streams` is how many lanes may share a connection, and `connections` how many of these a pool may have (None:
    as many as its lanes need).
    """

    name: ProtocolName = "http/1.1"
    streams: int = 1
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class Proxies:
    """Which proxy a request goes through: that of its URL's scheme, unless `bypass` names its host. URLs with user info.

    `bypass` is a list of hosts and domains as NO_PROXY has them; `*` is every host.
    """

    http: str | None = None
    https: str | None = None
    bypass: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a connection is used: for so many requests, so many seconds, and after a rest of so many. None: no limit."""

    requests: int | None = None
    age_s: float | None = None
    idle_s: float | None = None


@dataclass(frozen=True, slots=True)
class ResolvedVariant:
    """One of the requests that an endpoint sends, chosen with a probability in proportion to its `weight`.

    The other fields are those of `ResolvedEndpoint`; what the config leaves out of a variant is the endpoint's.
    """

    url: str
    masked_url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    template: tuple[Piece, ...] = ()
    weight: float = 1.0
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ResolvedEndpoint:
    """One entry of `requests`, ready to be sent. `url` is absolute and in its wire form (IDNA host, percent-encoded path).

    Placeholders for the values of `data` stand in `url`, `headers` and `body` as they are written in the config. `template`
    is the body in pieces where it has any, each placeholder with how it is encoded there. With `variants` the endpoint
    sends these, and its own url, headers and body are only what they leave out.

    `endpoint_key` and `masked_url` are safe to show: they hide user info. `headers` are in sending order, without those
    that the transport adds by itself (Content-Length, Connection; Host too, unless the config sets one). `autoscale` None
    means the shared pool. `name` is a label for people, None without one; the identity stays `endpoint_key`. `left_out` are
    the names, in small letters, of headers that would be added and are not to be (`"User-Agent": null`).
    """

    endpoint_key: str
    method: str
    url: str
    masked_url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout_s: float = 30.0  # from the first send on
    connect_timeout_s: float | None = None  # None: as long, and then it counts as a timeout of the request
    expect: Expectation | None = None
    autoscale: AutoscaleConfig | None = None
    name: str | None = None
    left_out: frozenset[str] = frozenset()
    template: tuple[Piece, ...] = ()
    variants: tuple[ResolvedVariant, ...] = ()
    tls: TlsConfig | None = None  # None: as the config's
    max_requests: int | None = None  # attempts, after which it ends
    flow: str | None = None  # the key of the flow that it is a step of; such an endpoint has no rate of its own
    extracts: tuple[Extract, ...] = ()  # what the step takes from its response
    grpc: GrpcCall | None = None
    protocol: Protocol = field(default_factory=Protocol)


@dataclass(frozen=True, slots=True)
class SharedPool:
    """The pool of all endpoints without autoscale. `target_rps` None: as fast as responses come back."""

    workers: int
    target_rps: float | None
    ramp_up_time: float = 0.0
    stages: tuple[Stage, ...] = ()

    @property
    def curve(self) -> Curve | None:
        """The rate over the run's time."""
        if self.stages:
            return Curve.of(self.stages)
        return None if self.target_rps is None else Curve.ramp(self.target_rps, self.ramp_up_time)


@dataclass(frozen=True, slots=True)
class EarlyExit:
    """An armed early exit. With none of the three set, the first failure ends the run."""

    error_rate_threshold: float | None = None
    error_count_threshold: int | None = None
    error_status_codes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition on the results that decides whether the test has passed: `comparison` must hold.

    `text` is it as it was written, `endpoint_key` None where it is about the whole run. `aborts`: the run ends as soon as it
    is broken, from `abort_delay_s` seconds after the start on.
    """

    text: str
    comparison: Comparison
    endpoint_key: str | None = None
    aborts: bool = False
    abort_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A whole run as it will be done. `document` is the config that was read, defaults filled in and secrets masked.

    `name` and `labels` are for people, with secrets masked. `data` are the sources that placeholders name. `secrets` are
    values that no output may show wherever they stand: those that came from the environment or a file, and those that `masks`
    names.
    """

    endpoints: tuple[ResolvedEndpoint, ...]
    shared_pool: SharedPool | None
    worker_limit: int  # of all autoscaled workers together
    strategy: Strategy = "proportional"
    duration_s: float = 10.0
    warm_up_s: float = 0.0  # of the duration, at its beginning: in no figure and no verdict
    concurrent_requests: int = 1
    arrival: Arrival = "uniform"
    keep_alive: bool = True
    connections_per_second: float | None = None  # of all engines together; None: no limit
    graceful_stop_s: float = 30.0  # how long requests in flight at the end are waited for
    tls: TlsConfig = field(default_factory=TlsConfig)
    transport: Transport = "wire"
    proxy: str | Proxies | None = None  # one URL: for every request
    follow_redirects: bool | int = False  # a number: so many of an attempt at most; True: REDIRECTS
    resolve: Mapping[str, str] = field(default_factory=dict)  # host:port that connections go to, by that of the URL
    kept: Kept = field(default_factory=Kept)
    max_requests: int | None = None  # attempts of all endpoints together, after which the run ends
    source_addresses: tuple[str, ...] = ()  # of our side of a connection, used in turn
    seed: int = 0
    early_exit: EarlyExit | None = None
    thresholds: tuple[Threshold, ...] = ()
    export: str | None = None
    mask_headers: tuple[str, ...] = ()  # names of headers that are secret, beside those that are known for it
    data: Mapping[str, DataSource] = field(default_factory=dict)
    flows: tuple[Flow, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    masks: Masks = field(default_factory=Masks)
    replay: Replay | None = field(default=None, repr=False)  # whose entries are the starts of the shared pool
    document: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def is_filled_in(self) -> bool:
        """Whether what is sent is not what stands in the config, or stands there in an order of its own."""
        return bool(self.data or self.flows) or any(one.variants or one.grpc is not None for one in self.endpoints)

    @property
    def autoscaled(self) -> tuple[ResolvedEndpoint, ...]:
        """The endpoints with a pool of their own, in config order."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.autoscale is not None)
