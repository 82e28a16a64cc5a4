"""Placeholders where they stand: whether what they name is declared, and whether its values can stand there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tressi.config.data import unknown_column, walk
from tressi.config.messages import Finding, Place, listed, quoted
from tressi.config.stray import nearest
from tressi.model.data import Placeholder, Rows, Text, pieces_of, placeholders_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tressi.config.data import Declared
    from tressi.model.data import DataSource

    Document = Mapping[str, Any]

# What a text without any of it is the same as once encoded, and what that is in words.
_RULES: Final[Mapping[str, tuple[Callable[[str], str], str]]] = {
    "url": (lambda text: quote(text, safe="~"), "a URL"),
    "form": (lambda text: quote(text, safe="~"), "a form"),
    "payload": (lambda text: json.dumps(text)[1:-1], "a JSON string"),
}


def template_mistakes(document: Document, data: Declared) -> list[Finding]:
    """Return what is wrong with the placeholders of a document whose values have the right types."""
    if not data.names:
        return []
    return [
        (place, message)
        for place, text in texts_of(document)
        for placeholder in placeholders_of(text)
        if (message := _mistake(placeholder, _kind(place), data)) is not None
    ]


def unused(document: Document) -> list[str]:
    """The names that are declared, and that no request uses."""
    if not document.get("data"):
        return []
    used = {placeholder.source for _, text in texts_of(document) for placeholder in placeholders_of(text)}
    return [name for name in document["data"] if name not in used]


def not_filled_in(place: Place, text: str) -> str:
    """What is left of a text of a config with data: what stands between placeholders, or all of it where none is replaced."""
    kind = _kind(place)
    if not kind or (kind == "multipart" and place[-1] != "value"):
        return text
    return " ".join(piece for piece in pieces_of(text) if isinstance(piece, str))


def texts_of(document: Document) -> Iterator[tuple[Place, str]]:
    """Every text in which placeholders are replaced."""
    yield from walk(document.get("baseUrl"), ("baseUrl",))
    yield from walk(document.get("headers"), ("headers",))
    for index, request in enumerate(document.get("requests", ())):
        if isinstance(request, dict):
            place: Place = ("requests", index)
            yield from _texts_of(request, place)
            for number, variant in enumerate(request.get("variants", ())):
                if isinstance(variant, dict):
                    yield from _texts_of(variant, (*place, "variants", number))


def _texts_of(request: Document, place: Place) -> Iterator[tuple[Place, str]]:
    for key in ("url", "headers", "payload", "body", "form"):
        yield from walk(request.get(key), (*place, key))
    yield from _names(request.get("payload"), (*place, "payload"))
    for index, part in enumerate(request.get("multipart", ())):
        if isinstance(part, dict):
            yield from walk(part.get("value"), (*place, "multipart", index, "value"))


def _names(value: object, place: Place) -> Iterator[tuple[Place, str]]:
    """The names of members in a payload, which are filled in too."""
    waiting = [(place, value)]
    while waiting:
        there, one = waiting.pop()
        if isinstance(one, dict):
            yield from (((*there, name), name) for name in one if "{{" in name)
        inner = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        waiting += [((*there, key), item) for key, item in inner]


def _kind(place: Place) -> str:
    """The property that a text belongs to, which tells how its values are encoded."""
    known = ("url", "baseUrl", "headers", "payload", "body", "form", "multipart")
    kind = next((str(key) for key in place if key in known), "")
    return "url" if kind == "baseUrl" else kind


def _mistake(placeholder: Placeholder, kind: str, data: Declared) -> str | None:
    name = placeholder.source
    if name not in data.names:
        near = nearest(name, data.names)
        remedy = f"did you mean {quoted(near)}?" if near else f"it has {listed(map(quoted, sorted(data.names)[:10]))}"
        return f"{placeholder} is not declared in data; {remedy}"
    source = data.sources.get(name)
    return None if source is None else _unfit(placeholder, source, kind)  # one that is broken has its own message


def _unfit(placeholder: Placeholder, source: DataSource, kind: str) -> str | None:
    column = placeholder.column
    if not isinstance(source, Rows):
        if column is not None:
            return f"{placeholder}: {quoted(placeholder.source)} has no columns; write {{{{{placeholder.source}}}}}"
        return _unsendable(placeholder, source, kind) if isinstance(source, Text) and not placeholder.raw else None
    if column is not None:
        return None if column in source.columns else f"{placeholder}: {unknown_column(column, source.columns)}"
    if len(source.columns) > 1 and not source.is_json:
        return (
            f"{placeholder} names no column of the table; write {{{{{placeholder.source}.{source.columns[0]}}}}}, for example"
        )
    return None


def _unsendable(placeholder: Placeholder, source: Text, kind: str) -> str | None:
    encode, where = _RULES.get(kind, (str, ""))
    text = source.alphabet.decode()
    odd = next((sign for sign in text if encode(sign) != sign), None)
    if odd is None:
        return None
    return f"{placeholder}: its alphabet has {quoted(odd)}, which cannot stand in {where} as it is"
