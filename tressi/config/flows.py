"""Flows as a config has them: which requests they send, what is wrong with them, and what they are.

A request that a flow names is sent by flows alone: each step that sends it is an endpoint of its own, with the name and the
address of the request, and has no rate but the flow's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.config.defaults import defaults
from tressi.config.jsonpath import steps_to_values
from tressi.frozen import dataclass
from tressi.model import AutoscaleConfig, Stage
from tressi.model.data import Slot
from tressi.model.flow import KEY_BEGIN, Between, Choose, Extract, Flow, FromCookie, FromHeader, FromJson, Repeat, Send, Think

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tressi.config.messages import Place
    from tressi.model.flow import Origin, Step

    Document = Mapping[str, Any]

SECTIONS: Final = ("begin", "steps", "end")
KINDS: Final = ("request", "think", "repeat", "choose")
ORIGINS: Final = ("json", "header", "cookie", "between")


@dataclass(frozen=True, slots=True)
class Sent:
    """A step of a document that sends a request: where it stands, in which flow, and what the flow's slots are by then."""

    place: Place
    flow: int
    step: Document


def flows_of(document: Document) -> Iterator[tuple[int, Document]]:
    """The flows that are objects, with their index."""
    flows = document.get("flows")
    for index, flow in enumerate(flows if isinstance(flows, list) else ()):
        if isinstance(flow, dict):
            yield index, flow


def walk_steps(steps: object, place: Place) -> Iterator[tuple[Place, Document]]:
    """Every step of a list and of the lists within it, in the order in which they are written."""
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(step, dict):
            continue
        there: Place = (*place, index)
        yield there, step
        if isinstance(step.get("repeat"), dict):
            yield from walk_steps(step["repeat"].get("steps"), (*there, "repeat", "steps"))
        for number, option in enumerate(step["choose"] if isinstance(step.get("choose"), list) else ()):
            if isinstance(option, dict):
                yield from walk_steps(option.get("steps"), (*there, "choose", number, "steps"))


def sent_of(document: Document) -> Iterator[Sent]:
    """Every step of all flows that sends a request, in the order in which a user comes to them."""
    for index, flow in flows_of(document):
        for section in SECTIONS:
            for place, step in walk_steps(flow.get(section), ("flows", index, section)):
                if isinstance(step.get("request"), str):
                    yield Sent(place, index, step)


def in_flows(document: Document) -> frozenset[str]:
    """The names of the requests that flows send."""
    return frozenset(sent.step["request"] for sent in sent_of(document))


def is_in_flow(request: Document, names: frozenset[str]) -> bool:
    """Whether a request is sent by flows alone."""
    return bool(names) and request.get("name") in names


def slots_of(document: Document) -> dict[str, Slot]:
    """What all flows extract, by name, in the order of their first mention: a user has one place for each."""
    extracts = (sent.step.get("extract") for sent in sent_of(document))
    names = dict.fromkeys(name for extract in extracts if isinstance(extract, dict) for name in extract)
    return {name: Slot(number) for number, name in enumerate(names)}


def is_templated(document: Document) -> bool:
    """Whether texts of requests may name values."""
    return bool(document.get("data")) or any(sent.step.get("extract") for sent in sent_of(document))


# ---------------------------------------------------------------------------------------------------------------- as values


def resolved_flows(document: Document, keys: Sequence[str], taken: Counter[str]) -> tuple[Flow, ...]:
    """The flows of a sound document. `keys` are those of the endpoints of their steps, in the order of `sent_of`."""
    left = iter(keys)
    return tuple(_flow(document, flow, lambda: next(left), taken) for _, flow in flows_of(document))


def _flow(document: Document, flow: Document, key: Callable[[], str], taken: Counter[str]) -> Flow:
    parts = {section: _steps(flow.get(section, ()), key) for section in SECTIONS}
    name = f"{KEY_BEGIN}{flow['name']}"
    taken[name] += 1
    stages = tuple(
        Stage(float(one["duration"]), float(one["startsPerSecond"]), is_step=one.get("shape") == "step")
        for one in flow.get("stages", ())
    )
    known = defaults("FlowConfigSchema")
    ramp = 0 if stages else flow.get("rampUpTime", document.get("rampUpTime", 0))
    rate = max((one.target_rps for one in stages), default=None) if stages else flow.get("startsPerSecond")
    return Flow(
        endpoint_key=name if taken[name] == 1 else f"{name} #{taken[name]}",
        name=flow["name"],
        workers=flow.get("workers", 1),
        target_rps=None if rate is None else float(rate),
        ramp_up_time=float(ramp),
        stages=stages,
        autoscale=_autoscale(flow, float(rate or 0), float(ramp), stages),
        cookies=flow.get("cookies", known["cookies"]),
        goes_on=flow.get("onFailure", known["onFailure"]) == "continue",
        slot_bytes=flow.get("slotBytes", known["slotBytes"]),
        **parts,
    )


def _autoscale(flow: Document, rate: float, ramp: float, stages: tuple[Stage, ...]) -> AutoscaleConfig | None:
    section = flow.get("autoscale")
    if not section or not section["enabled"]:
        return None
    values = {**defaults("EndpointAutoscaleConfig"), **section}
    return AutoscaleConfig(
        target_rps=rate,
        min_workers=values["minWorkers"],
        max_workers=values["maxWorkers"],
        ramp_up_time=ramp,
        stages=stages,
        scale_up_threshold=float(values["scaleUpThreshold"]),
        scale_down_threshold=float(values["scaleDownThreshold"]),
        scale_up_factor=float(values["scaleUpFactor"]),
        scale_down_factor=float(values["scaleDownFactor"]),
        cooldown_period=float(values["cooldownPeriod"]),
        initial_workers=values.get("initialWorkers"),
    )


def _steps(steps: Sequence[Document], key: Callable[[], str]) -> tuple[Step, ...]:
    return tuple(_step(step, key) for step in steps)


def _step(step: Document, key: Callable[[], str]) -> Step:
    if "request" in step:
        return Send(key())
    if "repeat" in step:
        return Repeat(step["repeat"]["times"], _steps(step["repeat"]["steps"], key))
    if "choose" in step:
        return Choose(tuple((float(one["weight"]), _steps(one["steps"], key)) for one in step["choose"]))
    return _think(step["think"])


def _think(value: float | Document) -> Think:
    if isinstance(value, (int, float)):
        return Think("fixed", float(value))
    if "uniform" in value:
        return Think("uniform", float(value["uniform"][0]), float(value["uniform"][1]))
    return Think("exponential", float(value["exponential"]))


def extracts_of(step: Document) -> tuple[Extract, ...]:
    """What a sound step takes from its response."""
    return tuple(Extract(name, origin_of(one), one.get("show", False)) for name, one in step.get("extract", {}).items())


def origin_of(one: Document) -> Origin:
    """Where a value comes from. Raises PathError for a path that cannot be read."""
    if "json" in one:
        return FromJson(one["json"], steps_to_values(one["json"]), one.get("pick", "first"))
    if "header" in one:
        return FromHeader(one["header"].lower())
    if "cookie" in one:
        return FromCookie(one["cookie"])
    return Between(*one["between"])
