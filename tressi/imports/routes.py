"""Paths that differ in an id alone, as one route: the ids become the rows of a source of `data`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tressi.imports import marks
from tressi.imports.spots import Spot, changed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.imports.names import Names
    from tressi.imports.request import Request

_NUMBER: Final = re.compile(r"\d+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX: Final = re.compile(r"(?=[^\d]*\d)[0-9a-fA-F]{8,}")
# An id is looked for in bodies and parameters too where it is long enough not to be an amount.
_TELLING: Final = 4

Prefix = tuple[str, ...]


def folded(requests: Sequence[Request], names: Names) -> tuple[list[Request], dict[str, Any], list[str]]:
    """The requests with placeholders for ids of which a route has several, the sources of these, and a sentence for each."""
    ids = {prefix: list(values) for prefix, values in _ids(requests).items() if len(values) > 1}
    sources = {prefix: names.free(_singular(prefix[-1] if len(prefix) > 1 else "")) for prefix in ids}
    by_value = {one: sources[prefix] for prefix, values in ids.items() for one in values if len(one) >= _TELLING}
    changed_requests = [_with_values(_with_routes(request, sources), by_value) for request in requests]
    data = {sources[prefix]: {"values": values} for prefix, values in ids.items()}
    notes = [
        f"{_shown(prefix)}/… was asked for with {len(values)} ids: they are the rows of data.{sources[prefix]}"
        for prefix, values in ids.items()
    ]
    return changed_requests, data, notes


def is_id(segment: str) -> bool:
    """Whether a segment of a path is an id: a number, a UUID, or hexadecimal digits."""
    return any(pattern.fullmatch(segment) for pattern in (_NUMBER, _UUID, _HEX))


def _ids(requests: Sequence[Request]) -> Mapping[Prefix, dict[str, None]]:
    """Every id by what stands before it: the origin and the segments, ids among them as `{}`."""
    found: dict[Prefix, dict[str, None]] = {}
    for request in requests:
        if request.status is not None:
            continue  # its id is what the server has no answer for
        prefix: Prefix = (request.origin,)
        for segment in request.path.split("/")[1:]:
            if is_id(segment):
                found.setdefault(prefix, {})[segment] = None
            prefix = (*prefix, "{}" if is_id(segment) or marks.has_mark(segment) else segment)
    return found


def _with_routes(request: Request, sources: Mapping[Prefix, str]) -> Request:
    if request.status is not None:
        return request
    prefix: Prefix = (request.origin,)
    done = [""]
    for segment in request.path.split("/")[1:]:
        name = sources.get(prefix) if is_id(segment) else None
        done.append(segment if name is None else marks.value(name))
        prefix = (*prefix, "{}" if is_id(segment) or marks.has_mark(segment) else segment)
    return replace(request, path="/".join(done))


def _with_values(request: Request, by_value: Mapping[str, str]) -> Request:
    """The same ids in the query and the body: who looks at an item buys that one."""

    def change(spot: Spot, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        name = by_value.get(str(value)) if spot.kind in {"parameter", "member", "field", "part"} else None
        if name is None:
            return value
        return marks.value(name) if isinstance(value, str) else marks.bare(name)

    return changed(request, change) if by_value else request


def _singular(word: str) -> str:
    word = re.sub(r"[^A-Za-z0-9]+", "_", marks.plain(word)).strip("_")
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004 - "ties", "pies"
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 1 else word or "id"


def _shown(prefix: Prefix) -> str:
    return marks.shown("/".join(("", *prefix[1:])))
