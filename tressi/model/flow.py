"""Flows: what one user does, request after request, and what is taken from one response for the next.

A flow is a small program. Its steps are values here: `request.program` makes a list of operations of them, which a lane walks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tressi.frozen import dataclass
from tressi.model.curve import Curve, Stage

if TYPE_CHECKING:
    from tressi.model.autoscale import AutoscaleConfig

Pick = Literal["first", "last", "random"]
KEY_BEGIN = "flow "  # of a flow's key; no method is written in small letters
SLOT_BYTES = 4096  # the most that a value may have where a flow names no other number


@dataclass(frozen=True, slots=True)
class FromJson:
    """A value of a JSON body: `steps` are the names and indices that `path` is read as, None is any index.

    Of several values that a path with `[*]` leads to, `pick` says which one is taken.
    """

    path: str
    steps: tuple[str | int | None, ...]
    pick: Pick = "first"

    def __str__(self) -> str:
        return f"json {self.path}"


@dataclass(frozen=True, slots=True)
class FromHeader:
    """The last value of a response header; `name` is in small letters."""

    name: str

    def __str__(self) -> str:
        return f"header {self.name}"


@dataclass(frozen=True, slots=True)
class FromCookie:
    """The value of a cookie that the response sets."""

    name: str

    def __str__(self) -> str:
        return f"cookie {self.name}"


@dataclass(frozen=True, slots=True)
class Between:
    """The text of the body between the first `left` and the `right` after it."""

    left: str
    right: str

    def __str__(self) -> str:
        return f'between "{self.left}" and "{self.right}"'


Origin = FromJson | FromHeader | FromCookie | Between


@dataclass(frozen=True, slots=True)
class Extract:
    """A value that a response must have, kept under the name `slot`. Unless `show`, it is masked like any secret."""

    slot: str
    origin: Origin
    show: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request of an endpoint, and wait for its response."""

    endpoint_key: str


@dataclass(frozen=True, slots=True)
class Think:
    """Pause between two requests, in seconds: always `low_s`, evenly from `low_s` to `high_s`, or exponential.

    With the kind "exponential" `low_s` is the mean.
    """

    kind: Literal["fixed", "uniform", "exponential"]
    low_s: float
    high_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Repeat:
    """Do the steps so many times."""

    times: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Choose:
    """Do one of several lists of steps, each with a probability in proportion to its weight."""

    options: tuple[tuple[float, tuple[Step, ...]], ...]


Step = Send | Think | Repeat | Choose


@dataclass(frozen=True, slots=True)
class Flow:
    """What each user does: `begin` once, then `steps` at each start of the flow, and `end` when he leaves.

    `endpoint_key` names it among the endpoints, `name` is the config's. A worker is one user. With `autoscale` None there are
    always `workers` of them. Starts are `target_rps` a second (None: each user begins again at once), or follow `stages`.
    A failed step ends the flow unless `goes_on`. With `cookies` each user has a jar of his own.
    """

    endpoint_key: str
    name: str
    steps: tuple[Step, ...]
    begin: tuple[Step, ...] = ()
    end: tuple[Step, ...] = ()
    workers: int = 1
    target_rps: float | None = None
    ramp_up_time: float = 0.0
    stages: tuple[Stage, ...] = ()
    autoscale: AutoscaleConfig | None = None
    cookies: bool = False
    goes_on: bool = False
    slot_bytes: int = SLOT_BYTES

    @property
    def curve(self) -> Curve | None:
        """The starts per second over the run's time; None: as fast as users come to an end."""
        if self.stages:
            return Curve.of(self.stages)
        return None if self.target_rps is None else Curve.ramp(self.target_rps, self.ramp_up_time)


def is_flow_key(key: str) -> bool:
    """Whether a key is a flow's and not an endpoint's."""
    return key.startswith(KEY_BEGIN)


def sends_of(steps: tuple[Step, ...]) -> list[str]:
    """The keys of the endpoints of these steps, in the order in which they are written."""
    found: list[str] = []
    for step in steps:
        if isinstance(step, Send):
            found.append(step.endpoint_key)
        elif isinstance(step, Repeat):
            found += sends_of(step.steps)
        elif isinstance(step, Choose):
            found += [key for _, inner in step.options for key in sends_of(inner)]
    return found


def steps_of(flow: Flow) -> list[str]:
    """The keys of all endpoints of a flow, in the order in which a user comes to them."""
    return sends_of((*flow.begin, *flow.steps, *flow.end))
