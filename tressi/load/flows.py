"""Flows as the reactor takes them: the program, the slots of its users, and what each step takes. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tressi.load.extraction import extraction_words
from tressi.load.planned import PlannedEndpoint, PlannedExtract, PlannedFlow
from tressi.model.data import Slot
from tressi.model.flow import Between, FromHeader, FromJson, steps_of
from tressi.request.program import program_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tressi.model import ResolvedConfig
    from tressi.model.flow import Extract, Flow


def planned_extract(extract: Extract, slot: int, slot_bytes: int) -> PlannedExtract:
    """What a step takes, with the words for each way in which it may fail."""
    origin, words = extract.origin, extraction_words(extract.origin, slot_bytes)
    if isinstance(origin, FromJson):
        return PlannedExtract("json", slot, words, steps=origin.steps, pick=origin.pick)
    if isinstance(origin, Between):
        return PlannedExtract("between", slot, words, left=origin.left.encode(), right=origin.right.encode())
    kind: Literal["header", "cookie"] = "header" if isinstance(origin, FromHeader) else "cookie"
    return PlannedExtract(kind, slot, words, name=origin.name.encode())


def planned_flow(
    config: ResolvedConfig,
    flow: Flow,
    *,
    number_of: Mapping[str, int],
    used: Mapping[str, Collection[int]],
    used_once: Collection[int],
    contexts: Mapping[int, int],
) -> PlannedFlow:
    """A flow of a config: `number_of` has the numbers of all endpoints, `used` the sources that each of them uses.

    `contexts` are those of each slot, by its number, as bits.
    """
    steps = {one.endpoint_key: one for one in config.endpoints if one.flow == flow.endpoint_key}
    slots = sorted(source.number for source in config.data.values() if isinstance(source, Slot))
    names = {source.number: name for name, source in config.data.items() if isinstance(source, Slot)}
    shown = {extract.slot for one in config.endpoints for extract in one.extracts if extract.show}
    searched = [sum(isinstance(one.origin, (FromJson, Between)) for one in steps[key].extracts) for key in steps_of(flow)]
    return PlannedFlow(
        program=program_of(flow, number_of, used, used_once),
        steps=tuple(number_of[key] for key in steps_of(flow)),
        hidden=bytes(names[slot] not in shown for slot in slots),
        contexts=bytes(contexts.get(slot, 0) for slot in slots),
        slot_bytes=flow.slot_bytes,
        matches=max(searched, default=0),
        seed=config.seed + number_of[flow.endpoint_key],
        has_jar=flow.cookies,
        goes_on=flow.goes_on,
    )


def flow_endpoint(*, may_run_out: bool) -> PlannedEndpoint:
    """The books of a flow itself: it sends nothing."""
    return PlannedEndpoint((), 0, None, None, None, may_run_out=may_run_out)
