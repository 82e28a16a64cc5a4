"""A flow as a list of operations that a lane walks, one after the other: pure, made once before the run.

Operations name one another by their position, endpoints and sources by their numbers in the plan. Each of the flow's three
parts begins at a position of its own and ends with "done".

| operation | what a lane does |
| --- | --- |
| send | sends the request of the endpoint `number`, and goes on when its response has come |
| think | pauses: `low_ns` always, or evenly to `high_ns`, or exponentially with that mean |
| choose | goes on at the target of one of `count` options, from option `number` on |
| jump | goes on at `target` |
| count | sets counter `number` to `count` rounds |
| again | takes one from counter `number`, and goes on at `target` unless it was the last |
| draw | draws from `count` sources, from entry `number` of `drawn` on |
| done | has come to the end of its part |

*When a value is drawn.* A source is drawn from where all steps that use it are together: right before the request where one
uses it; with each round of a `repeat` where all of them are in it; with each start of the flow; or once for each user where
`begin` or `end` uses it as well. So the item that a user looks at is the one that he buys, and the user who logs in is the
one who buys it. Rows that are used once are drawn at the start of the flow at the latest, so that a flow that has no row
left does not begin.

Example: `begin` logs in with `user` (source 0), the steps look at an item with `sku` (source 1), think, and buy it:

    0 draw user   1 send login   2 done      3 draw sku   4 send item   5 think   6 send buy   7 done      8 done
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from typing import TYPE_CHECKING, Final, Literal

from tressi.frozen import dataclass
from tressi.model.flow import Choose, Flow, Repeat, Send, Step, Think

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Kind = Literal["send", "think", "think uniform", "think exponential", "choose", "jump", "count", "again", "draw", "done"]
Place = tuple[int, ...]  # of a block: the section, and the positions that lead to it

_THINKS: Final[Mapping[str, Kind]] = {"fixed": "think", "uniform": "think uniform", "exponential": "think exponential"}
_NS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; see the table above. Of an operation that is not named there a field means nothing."""

    kind: Kind
    number: int = 0
    target: int = 0
    count: int = 0
    low_ns: int = 0
    high_ns: int = 0


@dataclass(frozen=True, slots=True)
class Program:
    """A flow's operations. `options` are (the share of random numbers up to it, where it leads), in the order of shares.

    `begin_rows` and `rows` are the sources with rows that are used once, drawn in `begin` and at each start.
    """

    operations: tuple[Operation, ...]
    options: tuple[tuple[float, int], ...]
    drawn: tuple[int, ...]
    begin: int
    steps: int
    end: int
    counters: int
    begin_rows: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()

    @property
    def has_end(self) -> bool:
        """Whether a user has something left to do when he leaves."""
        return self.operations[self.end].kind != "done"


def program_of(
    flow: Flow,
    number_of: Mapping[str, int],
    used: Mapping[str, Collection[int]],
    used_once: Collection[int] = (),
) -> Program:
    """The program of a flow: `number_of` and `used` have the number and the sources of each endpoint's requests, by key.

    `used_once` are the sources whose rows are used once in the whole run.
    """
    return _Compiling(flow, number_of, drawn_at(flow, used, used_once), used_once).done()


def drawn_at(flow: Flow, used: Mapping[str, Collection[int]], used_once: Collection[int] = ()) -> dict[Place, list[int]]:
    """Which sources are drawn from at the beginning of which block; () is the user, a section's place has its number.

    The place of a step is that of the list around it and its position in that; an option of a choice has -1 - (the choice's
    position) - (its own number) x (the length of the list) in place of a position.
    """
    places: dict[int, list[Place]] = defaultdict(list)
    for number, section in enumerate((flow.begin, flow.steps, flow.end)):
        for place, key in _sends(section, (number,)):
            for source in used.get(key, ()):
                places[source].append(place)
    found: dict[Place, list[int]] = defaultdict(list)
    for source, where in sorted(places.items()):
        common = _common(where)
        found[common[:1] if source in used_once else common].append(source)
    return found


def _sends(steps: Sequence[Step], within: Place) -> list[tuple[Place, str]]:
    """Each request of a list of steps with its place: that of the blocks around it, and its own behind them."""
    found: list[tuple[Place, str]] = []
    for index, step in enumerate(steps):
        if isinstance(step, Send):
            found.append(((*within, index), step.endpoint_key))
        elif isinstance(step, Repeat):
            found += _sends(step.steps, (*within, index))
        elif isinstance(step, Choose):
            # An option is no block of its own: what is chosen was drawn before, as if it were written there.
            for option, (_, inner) in enumerate(step.options):
                found += _sends(inner, (*within, -1 - index - option * len(steps)))
    return found


def _common(places: Sequence[Place]) -> Place:
    """The innermost block around all of the places. A choice is none, so its part of a place is left out at the end."""
    common = places[0]
    for place in places[1:]:
        length = 0
        while length < min(len(common), len(place)) and common[length] == place[length]:
            length += 1
        common = common[:length]
    if len(places) > 1:
        while common and common[-1] < 0:
            common = common[:-1]
    return common


@dataclass
class _Compiling:
    """One flow being compiled."""

    flow: Flow
    number_of: Mapping[str, int]
    drawn_at: Mapping[Place, list[int]]
    used_once: Collection[int]
    operations: list[Operation] = field(default_factory=list)
    options: list[tuple[float, int]] = field(default_factory=list)
    drawn: list[int] = field(default_factory=list)
    counters: int = 0

    def done(self) -> Program:
        begin = self._section(0, self.flow.begin)
        steps = self._section(1, self.flow.steps)
        end = self._section(2, self.flow.end)
        once = set(self.used_once)
        return Program(
            tuple(self.operations),
            tuple(self.options),
            tuple(self.drawn),
            begin,
            steps,
            end,
            self.counters,
            tuple(one for place in ((), (0,)) for one in self.drawn_at.get(place, ()) if one in once),
            tuple(one for one in self.drawn_at.get((1,), ()) if one in once),
        )

    def _section(self, number: int, steps: Sequence[Step]) -> int:
        start = len(self.operations)
        if number == 0:
            self._draw(())
        self._draw((number,))
        self._steps(steps, (number,))
        self._add(Operation("done"))
        return start

    def _steps(self, steps: Sequence[Step], within: Place) -> None:
        for index, step in enumerate(steps):
            if isinstance(step, Send):
                self._draw((*within, index))
                self._add(Operation("send", number=self.number_of[step.endpoint_key]))
            elif isinstance(step, Think):
                self._add(Operation(_THINKS[step.kind], low_ns=round(step.low_s * _NS), high_ns=round(step.high_s * _NS)))
            elif isinstance(step, Repeat):
                self._repeat(step, (*within, index))
            else:
                self._choose(step, within, index, len(steps))

    def _repeat(self, step: Repeat, place: Place) -> None:
        counter, self.counters = self.counters, self.counters + 1
        self._add(Operation("count", number=counter, count=step.times))
        first = len(self.operations)
        self._draw(place)
        self._steps(step.steps, place)
        self._add(Operation("again", number=counter, target=first))

    def _choose(self, step: Choose, within: Place, index: int, count: int) -> None:
        options = [(number, weight, steps) for number, (weight, steps) in enumerate(step.options) if weight > 0]
        total, passed = sum(weight for _, weight, _ in options), 0.0
        first = len(self.options)
        self._add(Operation("choose", number=first, count=len(options)))
        self.options += [(0.0, 0)] * len(options)
        jumps: list[int] = []
        for place, (number, weight, steps) in enumerate(options):
            passed += weight
            self.options[first + place] = (passed / total, len(self.operations))
            self._steps(steps, (*within, -1 - index - number * count))
            jumps.append(len(self.operations))
            self._add(Operation("jump"))
        self.options[first + len(options) - 1] = (1.0, self.options[first + len(options) - 1][1])
        for jump in jumps:
            self.operations[jump] = Operation("jump", target=len(self.operations))

    def _draw(self, place: Place) -> None:
        sources = self.drawn_at.get(place, [])
        if sources:
            self._add(Operation("draw", number=len(self.drawn), count=len(sources)))
            self.drawn += sources

    def _add(self, operation: Operation) -> None:
        self.operations.append(operation)
