"""What is wrong with the flows of a config, beyond what the schema says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.config.flows import (
    KINDS,
    ORIGINS,
    SECTIONS,
    Sent,
    flows_of,
    in_flows,
    is_in_flow,
    sent_of,
    slots_of,
    walk_steps,
)
from tressi.config.jsonpath import PathError, steps_to_values
from tressi.config.messages import TOKEN, Finding, Place, listed, quoted
from tressi.config.stray import nearest
from tressi.config.templates import texts_of
from tressi.model.data import NAME, placeholders_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Document = Mapping[str, Any]

MOST_REPEATS: Final = 2**31 - 1
YEAR_S: Final = 31_536_000
HEARD_FIELDS: Final = 16  # of a step's response, those of `expect` included


def flow_mistakes(document: Document) -> Iterator[Finding]:
    """Every mistake of a document's flows; its values have the right types."""
    if not any(True for _ in flows_of(document)):
        return
    yield from _names(document)
    for index, flow in flows_of(document):
        place: Place = ("flows", index)
        yield from _rate(flow, place)
        if "steps" in flow and not any("request" in step for _, step in walk_steps(flow["steps"], place)):
            yield (*place, "steps"), "send no request at all"
        for section in SECTIONS:
            for there, step in walk_steps(flow.get(section), (*place, section)):
                yield from _step(step, there)
    yield from _requests(document)
    yield from _slots(document)
    yield from _unfit(document)


def _names(document: Document) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, flow in flows_of(document):
        name = flow.get("name")
        if isinstance(name, str) and seen.setdefault(name, index) != index:
            yield ("flows", index, "name"), f"{quoted(name)} is the name of flows[{seen[name]}], too; each flow has its own"


def _rate(flow: Document, place: Place) -> Iterator[Finding]:
    section = flow["autoscale"] if isinstance(flow.get("autoscale"), dict) else {}
    if "stages" in flow and "startsPerSecond" in flow:
        yield (*place, "startsPerSecond"), "stands beside stages, which say what rate is asked for when; leave one of them out"
    if isinstance(flow.get("stages"), list) and not any(
        one.get("startsPerSecond") for one in flow["stages"] if isinstance(one, dict)
    ):
        yield (*place, "stages"), "ask for no start at all: no startsPerSecond is above 0"
    if not section.get("enabled"):
        return
    if "workers" in flow:
        yield (*place, "workers"), "stands beside autoscale, which decides how many users there are; maxWorkers limits them"
    if "startsPerSecond" not in flow and "stages" not in flow:
        yield (*place, "startsPerSecond"), "is missing; without it, or stages, nothing says how far to scale"
    if "maxWorkers" not in section:
        yield (*place, "autoscale", "maxWorkers"), "is missing; it says how many users there may be at once"
    least, most = section.get("minWorkers", 1), section.get("maxWorkers")
    if most is not None and least > most:
        yield (*place, "autoscale", "minWorkers"), f"{least} is greater than maxWorkers, {most}"
    elif most is not None and not least <= section.get("initialWorkers", least) <= most:
        where = (*place, "autoscale", "initialWorkers")
        yield where, f"{section['initialWorkers']} is not within minWorkers {least} and maxWorkers {most}"


def _step(step: Document, place: Place) -> Iterator[Finding]:
    kinds = [kind for kind in KINDS if kind in step]
    if len(kinds) != 1:
        what = f"has {' and '.join(kinds)}" if kinds else "says nothing of what is done"
        yield place, f"{what}; a step is one of {listed(KINDS)}"
        return
    for name in ("extract", "expect"):
        if name in step and kinds != ["request"]:
            yield (*place, name), f"is of no use with {kinds[0]}; only a request has a response"
    yield from _think(step.get("think"), (*place, "think"))
    if isinstance(step.get("repeat"), dict) and step["repeat"].get("times", 1) > MOST_REPEATS:
        rule = f"is greater than {MOST_REPEATS:,}, the most that can be held"
        yield (*place, "repeat", "times"), f"{step['repeat']['times']} {rule}"
    options = step.get("choose")
    if isinstance(options, list) and not any(one.get("weight") for one in options if isinstance(one, dict)):
        yield (*place, "choose"), "chooses nothing: no weight is above 0"
    if isinstance(step.get("extract"), dict):
        yield from _extracts(step, place)


def _think(value: object, place: Place) -> Iterator[Finding]:
    if isinstance(value, (int, float)) and value > YEAR_S:
        yield place, f"{value} is greater than {YEAR_S:,}, the most that can be held"
    if not isinstance(value, dict):
        return
    given = [name for name in ("uniform", "exponential") if name in value]
    if len(given) != 1:
        yield place, "needs uniform or exponential, one of both, or is a number of seconds"
        return
    if "exponential" in value and value["exponential"] > YEAR_S:
        yield (*place, "exponential"), f"{value['exponential']} is greater than {YEAR_S:,}, the most that can be held"
    span = value.get("uniform")
    if isinstance(span, list) and (len(span) != 2 or not span[0] <= span[1] <= YEAR_S):  # noqa: PLR2004 - from and to
        yield (*place, "uniform"), f"is no span of seconds from the shorter to the longer, {YEAR_S:,} at most"


def _extracts(step: Document, place: Place) -> Iterator[Finding]:
    extract = step["extract"]
    for name, one in extract.items():
        there: Place = (*place, "extract", name)
        if not NAME.fullmatch(name):
            yield there, "is no name; letters, digits, - and _ make one, and the first is a letter or _"
        if isinstance(one, dict):
            yield from _extract(one, there)
    heard = {one["header"].lower() for one in extract.values() if isinstance(one, dict) and "header" in one}
    heard |= {name.lower() for name in step.get("expect", {}).get("headers", ())}
    if len(heard) > HEARD_FIELDS:
        yield (*place, "extract"), f"looks at {len(heard)} headers of one response, and no more than {HEARD_FIELDS} can be"


def _extract(one: Document, place: Place) -> Iterator[Finding]:
    given = [name for name in ORIGINS if name in one]
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "does not say where the value stands"
        yield place, f"{what}; a value comes from one of {listed(ORIGINS)}"
    if "pick" in one and "json" not in one:
        yield (*place, "pick"), "is of no use without json"
    if isinstance(one.get("json"), str):
        try:
            steps_to_values(one["json"])
        except PathError as error:
            yield (*place, "json"), f"{quoted(one['json'])} {error}"
    if isinstance(one.get("header"), str) and not TOKEN.fullmatch(one["header"]):
        yield (*place, "header"), f"{quoted(one['header'])} is no header name"
    if isinstance(one.get("between"), list) and len(one["between"]) > 2:  # noqa: PLR2004 - left and right
        yield (*place, "between"), f"has {len(one['between'])} texts; a value stands between two"


def _requests(document: Document) -> Iterator[Finding]:
    """Names of requests: each must be that of one entry, and that entry is good for flows alone."""
    named: dict[str, list[int]] = {}
    for index, request in enumerate(document.get("requests", ())):
        if isinstance(request, dict) and isinstance(request.get("name"), str):
            named.setdefault(request["name"], []).append(index)
    for sent in sent_of(document):
        name = sent.step["request"]
        if name not in named:
            near = nearest(name, named)
            remedy = f"did you mean {quoted(near)}?" if near else "a step names an entry of requests by its name"
            yield (*sent.place, "request"), f"{quoted(name)} is the name of no request; {remedy}"
        elif len(named[name]) > 1:
            entries = " and ".join(f"requests[{index}]" for index in named[name])
            yield (*sent.place, "request"), f"{quoted(name)} is the name of {entries}; a step needs one"
    names = in_flows(document)
    for index, request in enumerate(document.get("requests", ())):
        if isinstance(request, dict) and is_in_flow(request, names):
            for rule in ("autoscale", "maxRequests"):
                if rule in request:
                    yield ("requests", index, rule), "is of no use: flows send this request, and only they have a rate"


def _slots(document: Document) -> Iterator[Finding]:
    """Names that are declared twice, or used where nothing can have been extracted for them yet."""
    slots, data = slots_of(document), document.get("data", {})
    for sent in sent_of(document):
        for name in sent.step.get("extract", {}):
            if name in data:
                yield (*sent.place, "extract", name), f"{quoted(name)} is declared in data, too; each name means one thing"
    requests = {one.get("name"): one for one in document.get("requests", ()) if isinstance(one, dict)}
    there: dict[int, set[str]] = {}
    told = set[tuple[Place, str]]()
    for sent in sent_of(document):
        known = there.setdefault(sent.flow, set())
        for name in _used(document, requests.get(sent.step["request"], {})) & slots.keys() - known:
            if (sent.place, name) not in told:
                told.add((sent.place, name))
                yield (*sent.place, "request"), _too_early(document, sent, name)
        known.update(sent.step.get("extract", {}))
    names = in_flows(document)
    for index, request in enumerate(document.get("requests", ())):
        if isinstance(request, dict) and not is_in_flow(request, names):
            for name in sorted(_used(document, request) & slots.keys()):
                what = f"uses {{{{{name}}}}}, which a flow extracts"
                yield ("requests", index), f"{what}; a request outside of flows has no such value"


def _used(document: Document, request: Document) -> set[str]:
    """The names that the placeholders of a request use, in its own texts and in those for all requests."""
    texts = [text for _, text in texts_of({**document, "requests": [request]})]
    return {placeholder.source for text in texts for placeholder in placeholders_of(text)}


def _too_early(document: Document, sent: Sent, name: str) -> str:
    of_flow = (other for other in sent_of(document) if other.flow == sent.flow)
    later = next((other for other in of_flow if name in other.step.get("extract", {})), None)
    what = f"{quoted(sent.step['request'])} uses {{{{{name}}}}} before it is extracted"
    if later is None:
        return f"{what}; no step of this flow extracts it"
    return f"{what}, which is done by {quoted(later.step['request'])}, a later step or this one"


def _unfit(document: Document) -> Iterator[Finding]:
    """Properties that cannot stand beside flows."""
    if document.get("concurrentRequests", 1) != 1:
        rule = "a worker of a flow is one user, who sends one request at a time"
        yield ("concurrentRequests",), f"{document['concurrentRequests']} cannot stand beside flows: {rule}"
    if "maxRequests" in document:
        yield ("maxRequests",), "cannot stand beside flows yet; the duration ends the run"
