"""Writing the config of requests and steps: what all have in common on top, each request once, marks as placeholders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from tressi.config.overrides import headers_of
from tressi.imports import marks
from tressi.imports.names import unlike
from tressi.imports.options import TOTAL_RPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.imports.request import Body, Request, Visit

_DURATION_S: Final = 30
_RAMP_S: Final = 5
_LEAST_WORKERS, _MOST_WORKERS = 20, 10_000
_LONGEST_NAME: Final = 80
# What a flow keeps of a value that it extracts, and the most that it can be told to keep.
_SLOT_BYTES, _MOST_SLOT_BYTES = 4096, 65_536
# How long a request may take while a flow has still a worker for each start.
_PER_REQUEST_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Entry:
    """A request of the config, under its name."""

    name: str
    request: Request


def entries_of(requests: Iterable[Request]) -> tuple[list[Entry], list[int]]:
    """Each different request once, and for each of those that were given the number of its entry."""
    known: dict[str, int] = {}
    entries: list[Entry] = []
    numbers = []
    taken: set[str] = set()
    given = list(requests)
    several = len({request.origin for request in given}) > 1
    for request in given:
        key = repr(replace(request, name="", weight=1.0))
        if key not in known:
            known[key] = len(entries)
            entries.append(Entry(unlike(_label(request, several=several), taken), request))
        numbers.append(known[key])
    return entries, numbers


def _label(request: Request, *, several: bool) -> str:
    if request.name.strip():
        text = request.name.strip()
    else:
        host = request.origin.partition("://")[2] if several else ""
        text = f"{request.method} {marks.shown(f'{host}{request.path}')}"
    text = "".join(sign if sign.isprintable() else " " for sign in marks.shown(text))
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def plain_document(visits: Sequence[Visit], settings: Mapping[str, Any], total_rps: int | None) -> dict[str, Any]:
    """A config of endpoints that share a rate by weight; a request that came several times has so much more of it."""
    entries, numbers = entries_of(visit.request for visit in visits)
    weights = [0.0] * len(entries)
    for visit, number in zip(visits, numbers, strict=True):
        weights[number] += visit.request.weight
    largest = max(weights)
    total = max(TOTAL_RPS if total_rps is None else total_rps, 1)
    shares = [max(0.1, round(weight / largest, 2)) for weight in weights]
    requests = _requests(entries)
    if len(set(shares)) > 1:
        requests = [
            {**request, "autoscale": {"enabled": True, "weight": share}}
            for request, share in zip(requests, shares, strict=True)
        ]
    workers = min(_MOST_WORKERS, max(_LEAST_WORKERS, total, 2 * len(entries)))
    load = {"autoscale": {"enabled": True, "targetRps": total, "maxWorkers": workers}}
    return _whole({"duration": _DURATION_S, "rampUpTime": _RAMP_S, **settings, **load}, entries, requests)


def flow_document(visits: Sequence[Visit], settings: Mapping[str, Any], total_rps: int | None, longest: int) -> dict[str, Any]:
    """A config with one flow, which makes the visits one after the other; `longest` is that of an extracted value, in bytes."""
    entries, numbers = entries_of(visit.request for visit in visits)
    steps = _steps([(entries[number].name, visit) for number, visit in zip(numbers, visits, strict=True)])
    starts = 1 if total_rps is None else max(0.01, round(total_rps / len(visits), 2))
    lasts_s = sum(visit.think_s for visit in visits) + _PER_REQUEST_S * len(visits)
    # Little's law says how many users there are at once; the first starts find that many.
    users = min(_MOST_WORKERS, max(1, ceil(starts * lasts_s)))
    workers = min(_MOST_WORKERS, max(_LEAST_WORKERS, ceil(1.5 * users)))
    flow = {
        "name": "imported",
        "startsPerSecond": starts,
        "autoscale": {"enabled": True, "initialWorkers": users, "maxWorkers": workers},
        "cookies": True,
        **({"slotBytes": min(2 * longest, _MOST_SLOT_BYTES)} if longest > _SLOT_BYTES else {}),
        "steps": steps,
    }
    duration_s = max(_DURATION_S, ceil(2 * lasts_s))
    whole = _whole({"duration": duration_s, "rampUpTime": _RAMP_S, **settings}, entries, _requests(entries))
    return {**whole, "flows": [flow]}


def _steps(visits: list[tuple[str, Visit]]) -> list[dict[str, Any]]:
    """The steps of a flow; the same request several times in a row is a `repeat`, which draws its values in each round."""
    steps: list[dict[str, Any]] = []
    at = 0
    while at < len(visits):
        name, visit = visits[at]
        end = at + 1
        while end < len(visits) and visits[end][0] == name and not visit.extract and not visits[end][1].extract:
            end += 1
        times = end - at
        think_s = round(sum(other.think_s for _, other in visits[at:end]) / times, 1)
        inner = [*([{"think": think_s}] if think_s else []), _step(name, visit)]
        steps += inner if times == 1 else [{"repeat": {"times": times, "steps": inner}}]
        at = end
    return steps


def _step(name: str, visit: Visit) -> dict[str, Any]:
    extract = {slot: _value(dict(how), braces=False) for slot, how in visit.extract.items()}
    return {"request": name, **({"extract": extract} if extract else {})}


def _requests(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The requests as a config has them, relative to the base and without the headers that all have."""
    common = _common([entry.request for entry in entries])
    base = _base([entry.request for entry in entries])
    return [_request(entry, common, base) for entry in entries]


def _whole(settings: Mapping[str, Any], entries: Sequence[Entry], requests: list[dict[str, Any]]) -> dict[str, Any]:
    given = [entry.request for entry in entries]
    base, common = _base(given), _common(given)
    top = {"baseUrl": marks.written(base)} if base else {}
    headers = {"headers": {name: _value(value) for name, value in common.items()}} if common else {}
    return {**top, **_value(dict(settings), braces=False), **headers, "requests": requests}


def _base(requests: Sequence[Request]) -> str:
    """The origin of all requests, "" where they have several, or where the path of one would be taken for an authority."""
    origins = {request.origin for request in requests}
    return origins.pop() if len(origins) == 1 and not any(request.path.startswith("//") for request in requests) else ""


def _common(requests: Sequence[Request]) -> dict[str, Any]:
    """The headers that all of several requests have, with the same values."""
    if len(requests) < 2:  # noqa: PLR2004 - one request has its headers itself
        return {}
    tables = [headers_of(request.headers) for request in requests]
    folded = [{name.lower(): value for name, value in table.items()} for table in tables]
    absent = object()
    return {
        name: value for name, value in tables[0].items() if all(table.get(name.lower(), absent) == value for table in folded)
    }


def _request(entry: Entry, common: Mapping[str, Any], base: str) -> dict[str, Any]:
    request = entry.request
    target = marks.literal(request.target, lambda piece: piece)
    known = {name.lower() for name in common}
    headers = {name: _value(value) for name, value in headers_of(request.headers).items() if name.lower() not in known}
    return {
        "name": entry.name,
        "url": marks.written(target if base else f"{request.origin}{target}"),
        **({} if request.method == "GET" else {"method": request.method}),
        **({"headers": headers} if headers else {}),
        **({} if request.body is None else {request.body.kind: _content(request.body)}),
        **({} if request.status is None else {"expect": {"status": request.status}}),
        **request.settings,
    }


def _content(body: Body) -> Any:  # noqa: ANN401 - whatever a config has under that name
    if body.kind == "form":
        return {name: _value(value) for name, value in body.content.items()}
    if body.kind == "multipart":
        return [{**part, "value": marks.written(part["value"])} if "value" in part else part for part in body.content]
    return body.content if body.kind == "bodyFile" else _value(body.content)


def _value(value: Any, *, braces: bool = True) -> Any:  # noqa: ANN401 - any JSON value
    """A value as a config has it; without `braces` in a place in which no placeholder is filled."""
    if isinstance(value, str):
        return marks.written(value, braces=braces)
    if isinstance(value, dict):
        return {marks.written_name(name) if braces else name: _value(inner, braces=braces) for name, inner in value.items()}
    return [_value(inner, braces=braces) for inner in value] if isinstance(value, list) else value
