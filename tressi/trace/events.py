"""What a user of a flow does and meets, as values in the order of time. They hold secrets; `shown` has what may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Part = Literal["begin", "steps", "end", "request"]
Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands: in which part of the flow, and by which numbers from 1, from outside in.

    `rounds` are those of the repeats around it: (the round, of how many), from outside in.
    """

    part: Part
    path: tuple[int, ...]
    rounds: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        rounds = "".join(f", round {number} of {count}" for number, count in self.rounds)
        return f"{self.part} {'.'.join(map(str, self.path))}{rounds}"


@dataclass(frozen=True, slots=True)
class FlowBegan:
    """A user begins; `flow` is its name, None: each request is sent once."""

    flow: str | None
    seed: int


@dataclass(frozen=True, slots=True)
class PartBegan:
    """The user comes to `begin`, `steps` or `end`."""

    part: Part


@dataclass(frozen=True, slots=True)
class Drawn:
    """A value was drawn: a row of a table, counted from 1, or what a generator gave."""

    source: str
    row: int | None
    value: str | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """One of several was chosen by chance: what it is, its number from 1 among those that can be chosen, its probability."""

    what: Literal["option", "variant"]
    number: int
    of: int
    probability: float


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause, waited for or not."""

    seconds: float
    waited: bool


@dataclass(frozen=True, slots=True)
class StepBegan:
    """A request is next: where it stands, its name in the config, its endpoint."""

    place: Place
    name: str | None
    endpoint_key: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection was made; `tls_ms` None: plain."""

    connect_ms: float
    tls_ms: float | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A request goes out, to `url`; `hop` counts the redirects before it, `head` and `body` are its bytes.

    `fields`: over HTTP/2, its header list, of which `head` is the same as HTTP/1.1 has it. `message`: what the body says as
    JSON, where that is none.
    """

    url: str
    head: bytes
    body: bytes
    hop: int
    fields: Fields | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Retried:
    """The request is sent once more: the server has not processed it, as it says by `reason`.

    None: it had closed the connection, and a new one is made.
    """

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A response, `ms` after its request was sent; whole, unless the step fails for another reason.

    `body` is the beginning of what it says, decoded; `is_cut`: there is more. `body_bytes` came. `reason`: why it was not
    decoded. `secrets` are values that were taken from it and are not to be shown. `trailers` are the fields behind the body.
    Over HTTP/2 there is no `status_line`: the status is one of the fields.
    """

    status_line: str | None
    fields: Fields
    body: bytes
    body_bytes: int
    ms: float
    is_cut: bool = False
    reason: str | None = None
    secrets: tuple[bytes, ...] = ()
    trailers: Fields = ()


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A gRPC call has this status, by its name or, where a proxy has answered, HTTP's; `message` is what the server says."""

    status: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Garbled:
    """What came is no response, or none yet: `beginning` of it, so many milliseconds after the request was sent."""

    beginning: bytes
    ms: float


@dataclass(frozen=True, slots=True)
class CookieSeen:
    """A cookie that a response sets, and what became of it (`_extract.STORED`)."""

    line: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Extracted:
    """A value was looked for: what it is called, and where it comes from; it is there, or `reason` says why not."""

    name: str
    origin: str
    value: bytes | None
    hidden: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a response must be, and whether it is; `words` say what was asked for, or why it does not hold."""

    check: str
    holds: bool
    words: str


@dataclass(frozen=True, slots=True)
class StepEnded:
    """The step's verdict, as a run has it: `kind` of vocabulary.ERROR_KINDS, None of a status alone, and why it failed."""

    place: Place
    succeeded: bool
    kind: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FlowEnded:
    """The user is through; `completed`: he came to the end of every part. `failed` steps did not stop him, or the last did."""

    completed: bool
    requests: int
    failed: int
    stopped_at: str | None = None


Event = (
    FlowBegan
    | PartBegan
    | Drawn
    | Chosen
    | Paused
    | StepBegan
    | Connected
    | Sent
    | Retried
    | Received
    | CallEnded
    | Garbled
    | CookieSeen
    | Extracted
    | Checked
    | StepEnded
    | FlowEnded
)

if TYPE_CHECKING:
    Tell = Callable[[Event], None]
