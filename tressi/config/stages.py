"""`stages`: a rate that changes over the run, in place of one rate. What they mean together with all other rates.

A section with stages has the highest of their rates as its target, and the budget of the run is divided by that. Endpoints
and a shared pool that share a total with stages follow its shape: each has its share of the highest rate, and at any time the
same share of the rate that the stages ask for then.

Example: a total of 0 to 300 RPS within 60 s, and two endpoints of the weights 1 and 2. They climb to 100 and 200 RPS; after
30 s they are asked for 50 and 100.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.config.messages import path_of
from tressi.model import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi.config.messages import Finding, Place

    Document = Mapping[str, Any]

_PARTNERS: Final = ("rampUpTime", "targetRps", "rps")


def peak(stages: Sequence[Document]) -> float:
    """The highest rate of all stages."""
    return max((stage["targetRps"] for stage in stages), default=0)


def parsed(stages: Sequence[Document] | None, factor: float = 1.0) -> tuple[Stage, ...]:
    """The stages as values, at `factor` times their rates."""
    return tuple(
        Stage(float(stage["duration"]), stage["targetRps"] * factor, is_step=stage.get("shape") == "step")
        for stage in stages or ()
    )


def with_targets(document: Document) -> dict[str, Any]:
    """The document with the highest rate of its stages as the target where they stand."""
    new = _with_target(document, "rps")
    if isinstance(document.get("autoscale"), dict):
        new["autoscale"] = _with_target(document["autoscale"], "targetRps")
    new["requests"] = [
        {**request, "autoscale": _with_target(request["autoscale"], "targetRps")} if "autoscale" in request else request
        for request in document["requests"]
    ]
    return new


def with_length(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the duration of its longest stages where it has none of its own."""
    lengths = [sum(stage.get("duration", 0) for stage in stages) for _, _, stages in _sections(document)]
    return document if "duration" in document or not lengths else {**document, "duration": max(lengths)}


def stage_mistakes(document: Document) -> Iterator[Finding]:
    """What stands beside stages and contradicts them, and stages that ask for nothing."""
    for place, section, stages in _sections(document):
        for partner in _PARTNERS:
            if partner in section:
                yield (*place, partner), "stands beside stages, which say what rate is asked for when; leave one of them out"
        if not peak([stage for stage in stages if "targetRps" in stage]):
            yield (*place, "stages"), "ask for no request at all: no targetRps is above 0"
    if isinstance(document.get("autoscale"), bool) and "stages" in document:
        yield ("stages",), "stand beside autoscale: true, the legacy form; put them into an autoscale section"


def stage_doubts(document: Document) -> Iterator[str]:
    """Stages of which the run's time does not reach the last."""
    for place, _, stages in _sections(document):
        length = sum(stage["duration"] for stage in stages)
        if length > document.get("duration", length):
            where = path_of((*place, "stages"))
            yield f"{where}: take {length:g} s and the run {document['duration']:g} s, so the last of them are not reached"


def _with_target(section: Document, name: str) -> dict[str, Any]:
    return {**section, name: peak(section["stages"])} if section.get("stages") else dict(section)


def _sections(document: Document) -> Iterator[tuple[Place, Document, Sequence[Document]]]:
    """Each section that has stages: its place, itself, and those of its stages that are objects."""
    sections: list[tuple[Place, Any]] = [((), document), (("autoscale",), document.get("autoscale"))]
    sections += [
        (("requests", index, "autoscale"), request.get("autoscale"))
        for index, request in enumerate(document.get("requests", ()))
        if isinstance(request, dict)
    ]
    for place, section in sections:
        if isinstance(section, dict) and isinstance(section.get("stages"), list):
            yield place, section, [stage for stage in section["stages"] if isinstance(stage, dict)]
