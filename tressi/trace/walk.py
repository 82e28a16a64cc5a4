"""One user walks one start of a flow: begin, steps and end, as a lane does (`wire/walk.pxd`); or sends each request once."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final

import gevent

from tressi.load.calls import Calls
from tressi.load.plan import make_plan, uses_of
from tressi.load.tables import load_tables
from tressi.model import pools_of
from tressi.model.flow import Choose, Repeat, Send
from tressi.trace.chance import Chance, seeded
from tressi.trace.client import WatchedClient
from tressi.trace.events import Chosen, FlowBegan, FlowEnded, PartBegan, Paused, Place, StepBegan
from tressi.trace.step import Step
from tressi.trace.user import User

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tressi.load.plan import Plan
    from tressi.load.planned import PlannedFlow
    from tressi.model import ResolvedConfig
    from tressi.model.flow import Flow
    from tressi.model.flow import Step as FlowStep
    from tressi.request.program import Operation
    from tressi.trace.events import Part, StepEnded, Tell

_NS: Final = 10**9
Counters = tuple[tuple[int, int], ...]  # of the repeats around a step: (number of the counter, rounds)


def walk(config: ResolvedConfig, flow: Flow | None, tell: Tell, *, thinks: bool) -> bool:
    """Have one user walk through `flow`, or send each request of a config without flows once; tells whether all went well.

    Pauses are waited for if `thinks`. Raises ConfigError for a table that cannot be used.
    """
    workers = {pool.id: 1 for pool in pools_of(config)}
    uses = uses_of(config)
    plan = make_plan(replace(config, transport="urllib3"), workers, load_tables(uses))
    planned = None if flow is None else plan.pools[plan.pool_of[flow.endpoint_key]].flow
    user = User(plan, uses, has_jar=planned is not None and planned.has_jar)
    walking = _Walk(config, plan, planned, user, tell, thinks=thinks)
    tell(FlowBegan(None if flow is None else flow.name, config.seed))
    try:
        completed = walking.each_once() if flow is None else walking.through(flow)
    finally:
        walking.close()
    tell(FlowEnded(completed, walking.requests, walking.failed, walking.stopped_at))
    return completed


class _Walk:
    """A user on his way. `requests` and `failed` count steps, `stopped_at` is where he was lost, and why."""

    def __init__(
        self, config: ResolvedConfig, plan: Plan, flow: PlannedFlow | None, user: User, tell: Tell, *, thinks: bool
    ) -> None:
        self._config, self._plan, self._flow, self._user, self._tell = config, plan, flow, user, tell
        self._thinks = thinks
        self._chance = Chance(seeded(seeded(config.seed if flow is None else flow.seed)))
        self._variants = [Chance(seeded(number)) for number in range(len(plan.endpoints))]
        self._rounds: dict[int, int] = {}
        self._client: WatchedClient | None = None
        self._calls = Calls(plan)
        self.requests = self.failed = 0
        self.stopped_at: str | None = None

    def close(self) -> None:
        """Close his connections."""
        if self._client is not None:
            self._client.close()

    def each_once(self) -> bool:
        """Send each request once; whether all succeeded."""
        for number, endpoint in enumerate(self._config.endpoints):
            place = self._variant(number)
            sources = self._plan.endpoints[number].requests[place].rendering.sources
            for drawn in self._user.draw(sorted(sources)):
                self._tell(drawn)
            if not self._send(number, place, Place("request", (number + 1,))).succeeded:
                self.stopped_at = self.stopped_at or endpoint.endpoint_key
        return self.failed == 0

    def through(self, flow: Flow) -> bool:
        """Walk the flow's parts; whether each came to its end. A user who has begun does `end` before he leaves."""
        if self._flow is None:
            raise ValueError(f"{flow.name} is no flow of the plan")
        program = self._flow.program
        sends = [place for place, one in enumerate(program.operations) if one.kind == "send"]
        self._places = dict(zip(sends, places_of(flow), strict=True))
        if not self._part("begin", program.begin):
            return False
        completed = self._part("steps", program.steps)
        has_ended = not program.has_end or self._part("end", program.end)
        return completed and has_ended

    def _part(self, part: Part, at: int) -> bool:
        """Walk one part; whether its end was reached."""
        if self._flow is None or self._flow.program.operations[at].kind == "done":
            return True
        self._tell(PartBegan(part))
        operations = self._flow.program.operations
        while operations[at].kind != "done":
            then = self._operate(operations[at], at, self._flow)
            if then is None:
                return False
            at = then
        return True

    def _operate(self, operation: Operation, at: int, flow: PlannedFlow) -> int | None:
        """Do the operation at that position; returns the position of the next, or None where the user is lost."""
        program = flow.program
        if operation.kind == "send":
            return at + 1 if self._step(operation.number, at).succeeded or flow.goes_on else None
        if operation.kind == "choose":
            return self._choose(program.options[operation.number : operation.number + operation.count])
        if operation.kind == "jump":
            return operation.target
        if operation.kind == "count":
            self._rounds[operation.number] = operation.count
        elif operation.kind == "again":
            self._rounds[operation.number] -= 1
            return operation.target if self._rounds[operation.number] > 0 else at + 1
        elif operation.kind == "draw":
            for drawn in self._user.draw(program.drawn[operation.number : operation.number + operation.count]):
                self._tell(drawn)
        else:
            self._pause(self._chance.pause_ns(operation) / _NS)
        return at + 1

    def _pause(self, seconds: float) -> None:
        self._tell(Paused(seconds, self._thinks))
        if self._thinks:
            gevent.sleep(seconds)

    def _choose(self, options: Sequence[tuple[float, int]]) -> int:
        """Where the chosen option leads."""
        shares = [share for share, _ in options]
        chosen = self._chance.option(shares)
        before = shares[chosen - 1] if chosen else 0.0
        self._tell(Chosen("option", chosen + 1, len(options), shares[chosen] - before))
        return options[chosen][1]

    def _step(self, number: int, at: int) -> StepEnded:
        """Send the request of the operation at that position."""
        place, counters = self._places[at]
        rounds = tuple((times - self._rounds[counter] + 1, times) for counter, times in counters)
        ended = self._send(number, self._variant(number), replace(place, rounds=rounds))
        if not ended.succeeded and self.stopped_at is None:
            self.stopped_at = str(ended.place)
        return ended

    def _variant(self, number: int) -> int:
        """Which of its endpoint's requests is sent, by chance."""
        weights = [request.rendering.weight for request in self._plan.endpoints[number].requests]
        if len(weights) == 1:
            return 0
        shares = [sum(weights[: place + 1]) / sum(weights) for place in range(len(weights) - 1)] + [1.0]
        chosen = self._variants[number].option(shares)
        self._tell(Chosen("variant", chosen + 1, len(weights), weights[chosen] / sum(weights)))
        return chosen

    def _send(self, number: int, which: int, place: Place) -> StepEnded:
        endpoint, planned = self._config.endpoints[number], self._plan.endpoints[number]
        self._tell(StepBegan(place, endpoint.name, endpoint.endpoint_key))
        # Not drawn from the stream of the choices: those would not be a lane's any more.
        seed = seeded(self._config.seed + self.requests)
        step = Step(endpoint, planned, self._flow, self._user, self._tell, seed=seed)
        request = planned.requests[which]
        if request.call is None:
            raise ValueError(f"{endpoint.endpoint_key} has no call")
        sent = self._user.request(request.rendering, request.host, is_secure=request.is_secure)
        call = (
            request.call if request.rendering.is_static else request.call.filled(sent, self._plan.ways[request.dialer].fields)
        )
        if self._client is None:
            self._client = WatchedClient(self._calls.routes, step, redirects=self._plan.redirects, origins=len(self._plan.ways))
        ended = step.send(self._client, call, place)
        self.requests += 1
        self.failed += not ended.succeeded
        self._tell(ended)
        return ended


def places_of(flow: Flow) -> list[tuple[Place, Counters]]:
    """Where each request stands that a user may come to, in the order of a program's operations, and the repeats around it."""
    counters = count()
    parts: tuple[tuple[Part, tuple[FlowStep, ...]], ...] = (("begin", flow.begin), ("steps", flow.steps), ("end", flow.end))
    return [(Place(part, path), around) for part, steps in parts for path, around in _sends(steps, (), (), counters)]


def _sends(
    steps: Sequence[FlowStep], path: tuple[int, ...], around: Counters, counters: Iterator[int]
) -> Iterator[tuple[tuple[int, ...], Counters]]:
    for number, step in enumerate(steps, 1):
        if isinstance(step, Send):
            yield (*path, number), around
        elif isinstance(step, Repeat):
            counter = next(counters)
            yield from _sends(step.steps, (*path, number), (*around, (counter, step.times)), counters)
        elif isinstance(step, Choose):
            for option, (weight, inner) in enumerate(step.options, 1):
                if weight > 0:
                    yield from _sends(inner, (*path, number, option), around, counters)
