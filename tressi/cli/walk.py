"""One user's way through a flow, on paper: each step in order, what is sent, where its values come from, when they are drawn.

When a source is drawn from is asked of `request.program`, which decides it for the run as well. The way is made as JSON values;
the text for people is made of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tressi.model.data import Rows, Slot
from tressi.model.flow import Repeat, Send, Think, steps_of
from tressi.request.program import drawn_at
from tressi.text import counted, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi.model import ResolvedConfig, ResolvedEndpoint
    from tressi.model.flow import Flow, Step
    from tressi.request.compiled import Compiled
    from tressi.request.program import Place

    Way = dict[str, Any]

PARTS: Final = ("begin", "steps", "end")
_PART_WORDS: Final = {
    "begin": "begin, once by each user",
    "steps": "steps, at each start",
    "end": "end, once when a user leaves",
}
_INDENT: Final = "    "


def ways(config: ResolvedConfig, made: Compiled, requests: Mapping[str, Sequence[str]]) -> tuple[Way, ...]:
    """The way of a user through each flow; `requests` are the texts of each endpoint's requests, safe to show."""
    return tuple(_Walker(config, made, requests, flow).way() for flow in config.flows)


def source_names(made: Compiled, endpoint_place: int) -> list[str]:
    """The names of the sources that an endpoint's requests are filled from, slots included."""
    numbers = sorted({number for rendering in made.renderings[endpoint_place] for number in rendering.sources})
    return [made.uses[number].name for number in numbers]


@dataclass
class _Walker:
    """One flow being walked."""

    config: ResolvedConfig
    made: Compiled
    requests: Mapping[str, Sequence[str]]
    flow: Flow

    def __post_init__(self) -> None:
        self._place_of = {one.endpoint_key: place for place, one in enumerate(self.config.endpoints)}
        uses = self.made.uses
        is_drawn = [not isinstance(use.source, Slot) for use in uses]
        once = {number for number, use in enumerate(uses) if isinstance(use.source, Rows) and use.source.pick == "unique"}
        used = {
            key: {n for rendering in self.made.renderings[self._place_of[key]] for n in rendering.sources if is_drawn[n]}
            for key in steps_of(self.flow)
        }
        self._drawn = drawn_at(self.flow, used, once)
        self._takes = {(key, extract.slot): extract for key in steps_of(self.flow) for extract in self._endpoint(key).extracts}

    def way(self) -> Way:
        """The flow, its users and its rate, and its three parts."""
        flow, settings = self.flow, self.flow.autoscale
        return {
            "endpointKey": flow.endpoint_key,
            "name": flow.name,
            "startsPerSecond": flow.target_rps,
            "stages": [{"duration": one.duration_s, "startsPerSecond": one.target_rps} for one in flow.stages],
            "rampUpTime": flow.ramp_up_time,
            "autoscale": settings is not None,
            "minWorkers": settings.min_workers if settings else flow.workers,
            "maxWorkers": settings.max_workers if settings else flow.workers,
            "initialWorkers": (settings.initial_workers or settings.min_workers) if settings else flow.workers,
            "cookies": flow.cookies,
            "onFailure": "continue" if flow.goes_on else "abandon",
            "drawnOncePerUser": self._names(()),
            **{
                part: {"draws": self._names((number,)), "steps": list(self._steps(getattr(flow, part), (number,)))}
                for number, part in enumerate(PARTS)
            },
        }

    def _steps(self, steps: Sequence[Step], within: Place) -> Iterator[Way]:
        """The steps of a list, each with what is drawn for it; the places are those of `request.program`."""
        for index, step in enumerate(steps):
            place = (*within, index)
            if isinstance(step, Send):
                yield {"draws": self._names(place), **self._request(step.endpoint_key)}
            elif isinstance(step, Think):
                yield {"think": _think(step)}
            elif isinstance(step, Repeat):
                inner = list(self._steps(step.steps, place))
                yield {"repeat": {"times": step.times, "draws": self._names(place), "steps": inner}}
            else:
                total = sum(weight for weight, _ in step.options)
                yield {
                    "choose": [
                        {
                            "share": weight / total,
                            "steps": list(self._steps(inner, (*within, -1 - index - option * len(steps)))),
                        }
                        for option, (weight, inner) in enumerate(step.options)
                    ]
                }

    def _request(self, key: str) -> Way:
        endpoint = self._endpoint(key)
        return {
            "request": endpoint.name,
            "endpointKey": key,
            "variants": list(self.requests[key]),
            "slots": {name: self._origins(name) for name in self._slots(key)},
            "extracts": {one.slot: str(one.origin) for one in endpoint.extracts},
            "shown": [one.slot for one in endpoint.extracts if one.show],
        }

    def _origins(self, slot: str) -> list[str]:
        """Which steps a value comes from, each with what it is there."""
        taken = ((key, extract) for (key, name), extract in self._takes.items() if name == slot)
        return [f"{self._endpoint(key).name}: {extract.origin}" for key, extract in taken]

    def _slots(self, key: str) -> list[str]:
        names = source_names(self.made, self._place_of[key])
        return [name for name in names if isinstance(self.config.data[name], Slot)]

    def _names(self, place: Place) -> list[str]:
        return [self.made.uses[number].name for number in self._drawn.get(place, ())]

    def _endpoint(self, key: str) -> ResolvedEndpoint:
        return self.config.endpoints[self._place_of[key]]


def _think(step: Think) -> Way:
    if step.kind == "exponential":
        return {"exponential": step.low_s}
    return {"uniform": [step.low_s, step.high_s]} if step.kind == "uniform" else {"seconds": step.low_s}


# ---------------------------------------------------------------------------------------------------------- for people


def way_lines(way: Way) -> list[str]:
    """A way as lines of text."""
    lines = ["", f"{plain(way['endpointKey'])}: {users_words(way)}"]
    lines += _drawn(way["drawnOncePerUser"], "once for each user", _INDENT)
    for part in PARTS:
        if not way[part]["steps"]:
            continue
        lines.append(f"{_INDENT}{_PART_WORDS[part]}:")
        when = {"begin": "once for each user", "steps": "with each start", "end": "when the user leaves"}[part]
        lines += _drawn(way[part]["draws"], when, 2 * _INDENT)
        lines += _step_lines(way[part]["steps"], 2 * _INDENT)
    return lines


def users_words(way: Way) -> str:
    """How many users there are, and how often they start."""
    rate = way["startsPerSecond"]
    starts = "each user begins again at once" if rate is None else f"{rate:g} starts per second"
    if way["stages"]:
        starts = f"up to {rate:g} starts per second, in {counted(len(way['stages']), 'stage')}"
    least, most, first = way["minWorkers"], way["maxWorkers"], way["initialWorkers"]
    users = f"{least} to {most} users, {first} at start" if way["autoscale"] else counted(most, "user")
    cookies = ", with cookies" if way["cookies"] else ""
    failed = ", goes on after a step that fails" if way["onFailure"] == "continue" else ""
    return f"{starts}, {users}{cookies}{failed}"


def _drawn(names: Sequence[str], when: str, indent: str) -> list[str]:
    return [f"{indent}draws {', '.join(map(plain, names))} {when}"] if names else []


def _step_lines(steps: Sequence[Way], indent: str) -> list[str]:
    lines = []
    for step in steps:
        if "think" in step:
            lines.append(f"{indent}think: {_think_words(step['think'])}")
        elif "repeat" in step:
            lines.append(f"{indent}repeat {counted(step['repeat']['times'], 'time')}:")
            lines += _drawn(step["repeat"]["draws"], "with each round", f"{indent}{_INDENT}")
            lines += _step_lines(step["repeat"]["steps"], f"{indent}{_INDENT}")
        elif "choose" in step:
            lines.append(f"{indent}choose:")
            for option in step["choose"]:
                lines.append(f"{indent}{_INDENT}{100 * option['share']:.3g} % of the time:")
                inner = _step_lines(option["steps"], f"{indent}{2 * _INDENT}")
                lines += inner or [f"{indent}{2 * _INDENT}nothing"]
        else:
            lines += _request_lines(step, indent)
    return lines


def _request_lines(step: Way, indent: str) -> list[str]:
    lines = [*_drawn(step["draws"], "for this request", indent), f"{indent}{plain(step['request'])}:"]
    for number, text in enumerate(step["variants"], 1):
        if len(step["variants"]) > 1:
            lines.append(f"{indent}{_INDENT}variant {number} of {len(step['variants'])}")
        lines += [f"{indent}{_INDENT}{line}".rstrip() for line in text.split("\n")]
    for slot, origins in step["slots"].items():
        lines.append(f"{indent}{_INDENT}where {{{{{plain(slot)}}}}} is from {' or from '.join(map(plain, origins))}")
    for slot, origin in step["extracts"].items():
        masked = "" if slot in step["shown"] else ", masked in every output"
        lines.append(f"{indent}{_INDENT}takes {plain(slot)}: {plain(origin)}{masked}")
    return lines


def _think_words(think: Way) -> str:
    if "exponential" in think:
        return f"{think['exponential']:g} s in the mean, exponential"
    return f"{think['uniform'][0]:g} to {think['uniform'][1]:g} s" if "uniform" in think else f"{think['seconds']:g} s"
