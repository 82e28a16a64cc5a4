"""The places of a request that hold values, each with its name: one walk for everything that looks for values or changes them.

A value of the path and the query is given decoded, and encoded again where it was changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote, unquote, unquote_plus

from tressi.imports import marks
from tressi.imports.request import Body

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.imports.request import Request

Kind = Literal["segment", "parameter", "header", "member", "field", "part", "text"]


@dataclass(frozen=True, slots=True)
class Spot:
    """A kind of place and the name of the value there: of a parameter, a header, a member of JSON, a field.

    A segment of a path has the name of the one before it.
    """

    kind: Kind
    name: str


_SEGMENT_SAFE: Final = "-._~!$&'()*+,;=:@"


def changed(request: Request, change: Callable[[Spot, Any], Any]) -> Request:
    """A request with `change` made to each value; the members of JSON may be numbers, all others are texts."""
    return replace(
        request,
        path=_path(request.path, change),
        query=None if request.query is None else _query(request.query, change),
        headers=tuple((name, change(Spot("header", name), value)) for name, value in request.headers),
        body=None if request.body is None else _body(request.body, change),
    )


def found(request: Request) -> list[tuple[Spot, Any]]:
    """Every value of a request with its spot."""
    seen: list[tuple[Spot, Any]] = []

    def note(spot: Spot, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        seen.append((spot, value))
        return value

    changed(request, note)
    return seen


def encoded(text: str) -> str:
    """Text as it stands in a URL, marks as they are."""
    return marks.literal(text, lambda piece: quote(piece, safe="-._~"))


def _path(path: str, change: Callable[[Spot, Any], Any]) -> str:
    done, before = [], ""
    for segment in path.split("/"):
        plain = marks.literal(segment, unquote)
        after = change(Spot("segment", before), plain) if segment else plain
        same = after == plain
        done.append(segment if same else marks.literal(after, lambda piece: quote(piece, safe=_SEGMENT_SAFE)))
        before = plain or before
    return "/".join(done)


def _query(query: str, change: Callable[[Spot, Any], Any]) -> str:
    done = []
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        plain = marks.literal(value, unquote_plus)
        after = change(Spot("parameter", unquote_plus(name)), plain) if equals and value else plain
        done.append(pair if after == plain else f"{name}={encoded(after)}")
    return "&".join(done)


def _body(body: Body, change: Callable[[Spot, Any], Any]) -> Body:
    content = body.content
    if body.kind == "payload":
        return Body("payload", leaves(content, "", change))
    if body.kind == "form":
        return Body("form", {name: _field(name, value, change) for name, value in content.items()})
    if body.kind == "multipart":
        return Body(
            "multipart",
            [
                {**part, "value": change(Spot("part", part["name"]), part["value"])} if "value" in part else part
                for part in content
            ],
        )
    return Body("body", change(Spot("text", ""), content)) if body.kind == "body" else body


def leaves(value: Any, name: str, change: Callable[[Spot, Any], Any]) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value with each text and number in it changed."""
    if isinstance(value, dict):
        return {key: leaves(inner, key, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [leaves(inner, name, change) for inner in value]
    return value if value is None or isinstance(value, bool) else change(Spot("member", name), value)


def _field(name: str, value: Any, change: Callable[[Spot, Any], Any]) -> Any:  # noqa: ANN401 - a text, or a list of them
    if isinstance(value, list):
        return [change(Spot("field", name), one) for one in value]
    return change(Spot("field", name), value)
