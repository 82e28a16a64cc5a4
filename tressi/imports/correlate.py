"""Auto-correlation: values that a server gave and that a later request gives back, as `extract` and placeholder.

A value counts where it has eight characters or more, stands by itself in an earlier response (a leaf of JSON, a header, a
cookie, a hidden field) and in a later request, and was in no request before that response: what the browser knew already is
no answer of the server's.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tressi.imports import marks
from tressi.imports.answers import Answer, answers_of
from tressi.imports.request import Visit
from tressi.imports.spots import Spot, changed, found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi.imports.names import Names
    from tressi.imports.request import Request

LEAST: Final = 8
# What flows can keep of a value that is extracted, in bytes, and of how many headers of one response.
LONGEST: Final = 65_536
_MOST_HEADERS: Final = 16
# A value is looked for in a text by its pieces: what stands between these.
_PIECES: Final = re.compile(r"[^\s/?&=;,\"'<>(){}\[\]#|\\]+")
# Headers that a browser makes by itself, whose values are no answer to anything.
_OWN: Final = frozenset({
    "accept", "accept-encoding", "accept-language", "cache-control", "content-type", "dnt", "origin", "pragma", "priority",
    "range", "upgrade-insecure-requests", "user-agent",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what was answered: the time in seconds, headers and body of the response."""

    request: Request
    begin_s: float
    end_s: float
    headers: tuple[tuple[str, str], ...] = ()
    content: str = ""


@dataclass(slots=True)
class _Source:
    """Where a value came from first, and the slot that it has once it is used."""

    index: int
    answer: Answer
    slot: str | None = None


def correlated(exchanges: Sequence[Exchange], names: Names) -> tuple[list[Visit], list[str], int]:
    """The visits of exchanges, with what is extracted of each and used in later ones; sentences about it; the most bytes."""
    sources: dict[str, _Source] = {}
    known: set[str] = set()
    requests: list[Request] = []
    for index, exchange in enumerate(exchanges):
        requests.append(_filled(exchange.request, sources, names))
        known |= set(_values(exchange.request))
        for answer in answers_of(exchange.headers, exchange.content):
            is_long = len(answer.value) >= LEAST and len(answer.value.encode("utf-8", "replace")) <= LONGEST
            if is_long and answer.value not in known and answer.value not in sources:
                sources[answer.value] = _Source(index, answer)
    extracts: list[dict[str, Mapping[str, Any]]] = [{} for _ in exchanges]
    notes: list[str] = []
    used = [source for source in sources.values() if source.slot is not None]
    for source in used:
        extracts[source.index][source.slot or ""] = source.answer.how
        label = f"{exchanges[source.index].request.method} {exchanges[source.index].request.path}"
        notes.append(f"{{{{{source.slot}}}}} is taken from the response to {label}: {source.answer.words}")
    visits = [Visit(request, extract=extract) for request, extract in zip(requests, extracts, strict=True)]
    return visits, notes, max((len(source.answer.value.encode("utf-8", "replace")) for source in used), default=0)


def _values(request: Request) -> Iterator[str]:
    """Every value of a request that could be one of a response, whole and in pieces."""
    yield from _PIECES.findall(request.origin)
    for _, value in found(request):
        text = value if isinstance(value, str) else json.dumps(value)
        yield text
        yield from _PIECES.findall(text)


def _filled(request: Request, sources: Mapping[str, _Source], names: Names) -> Request:
    """A request with placeholders for the values that earlier responses gave."""
    if not sources:
        return request

    def slot_of(value: str) -> str | None:
        source = sources.get(value) if len(value) >= LEAST else None
        if source is not None and source.slot is None and _is_takeable(source, sources):
            source.slot = names.free(source.answer.name)
        return None if source is None else source.slot

    def change(spot: Spot, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if spot.kind == "header" and (spot.name.lower() in _OWN or spot.name.lower().startswith("sec-")):
            return value
        if not isinstance(value, str):
            slot = slot_of(json.dumps(value))
            return value if slot is None else marks.bare(slot)
        whole = slot_of(value)
        if whole is not None:
            return marks.value(whole)

        def piece(match: re.Match[str]) -> str:
            slot = slot_of(match[0])
            return match[0] if slot is None else marks.value(slot)

        return marks.literal(value, lambda literal: _PIECES.sub(piece, literal))

    return replace(changed(request, change), name=request.name)


def _is_takeable(source: _Source, sources: Mapping[str, _Source]) -> bool:
    """Whether a flow can take one more value of the response: the headers that it looks at are few."""
    if "header" not in source.answer.how:
        return True
    others = (one for one in sources.values() if one.index == source.index and one.slot is not None)
    return sum("header" in one.answer.how for one in others) < _MOST_HEADERS
