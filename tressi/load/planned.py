"""The parts of a plan: endpoints, their requests, pools and flows, as the reactor takes them. Values alone."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from tressi.frozen import dataclass
from tressi.model import Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from tressi.model import Arrival, Curve, JsonCondition, TlsConfig
    from tressi.request.call import Call
    from tressi.request.parts import Rendering
    from tressi.request.program import Program


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
    host: bytes | None = None  # of its URL, where a user's cookies go along
    is_secure: bool = False


@dataclass(frozen=True, slots=True)
class PlannedExtract:
    """What a step takes from its response, into the slot of that number. `words` say for each outcome why it failed.

    `steps` and `pick` are those of a value of JSON, `left` and `right` those of a text between them, `name` is that of a header
    (in small letters) or of a cookie.
    """

    kind: Literal["json", "header", "cookie", "between"]
    slot: int
    words: tuple[bytes, ...]
    steps: tuple[str | int | None, ...] = ()
    pick: str = "first"
    left: bytes = b""
    right: bytes = b""
    name: bytes = b""


@dataclass(frozen=True, slots=True)
class PlannedFlow:
    """A flow as the reactor takes it. `hidden` has a byte for each slot, 1 where its value is a secret.

    `contexts` has one for each slot as well: the bits of the places (`request.parts.CONTEXTS`) where its value is used.

    `matches` is how many values are looked for in one body at most.
    """

    program: Program
    steps: tuple[int, ...]  # the numbers of its steps' endpoints, also of those that no user comes to
    hidden: bytes
    contexts: bytes
    slot_bytes: int
    matches: int
    seed: int
    has_jar: bool = False
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class PlannedReplay:
    """A log in the block that all engines share: at `offset`, a multiple of 8, the times of all entries, then their numbers.

    See `model.replay.Replay`; `firsts` are in the order of the pool's endpoints.
    """

    offset: int
    entries: int
    period_ns: int
    firsts: tuple[int, ...]


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
    is_step: bool = False  # of a flow
    extracts: tuple[PlannedExtract, ...] = ()
    has_jar: bool = False  # the user keeps the cookies that it sets
    is_grpc: bool = False  # its statuses are those of gRPC, which come behind the body
    protocol: Protocol = field(default_factory=Protocol)  # that was asked for

    @property
    def takes(self) -> bool:
        """Whether a user takes something from its responses."""
        return bool(self.extracts) or self.has_jar

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
    flow: PlannedFlow | None = None  # that its workers walk; its own books are the pool's only endpoint
    replay: PlannedReplay | None = None  # whose entries are its starts; the curve is then only told of
