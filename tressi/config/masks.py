"""`mask` and `--mask`: what else is a secret, beside what is one by its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from tressi.config.messages import Finding, Place, quoted
from tressi.errors import ConfigError, ConfigProblem
from tressi.masking import Masks, parameters_of
from tressi.model.data import pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_RULE: Final = "is no mask; write query:NAME, header:NAME, or body:/path of a value in JSON"


def masks_of(document: object, flags: Iterable[str]) -> Masks:
    """The masks of a document and of flags. One of the document that is none is passed over here, and told by `mask_mistakes`.

    Raises ConfigError for a flag that is none.
    """
    given = document.get("mask") if isinstance(document, dict) else None
    texts = [text for text in given if isinstance(text, str)] if isinstance(given, list) else []
    found: dict[str, list[str]] = {"header": [], "query": [], "body": []}
    for text in flags:
        if _parsed(text) is None:
            raise ConfigError([ConfigProblem("--mask", f"{quoted(text)} {_RULE}")])
    for parsed in map(_parsed, (*texts, *flags)):
        if parsed is not None:
            found[parsed[0]].append(parsed[1])
    return Masks(tuple(found["header"]), tuple(found["query"]), tuple(found["body"]))


def mask_mistakes(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Say which entries of a document's `mask` are none."""
    for index, text in enumerate(document.get("mask", ())):
        if isinstance(text, str) and _parsed(text) is None:
            yield ("mask", index), f"{quoted(text)} {_RULE}"


def _parsed(text: str) -> tuple[str, str] | None:
    kind, colon, name = text.partition(":")
    is_one = bool(colon and name) and (kind in {"header", "query"} or (kind == "body" and name.startswith("/")))
    return (kind, name) if is_one else None


def masked_values(document: object, masks: Masks) -> Iterator[str]:
    """The values in a document that its masks name, whatever the document is otherwise."""
    requests = document.get("requests") if isinstance(document, dict) and (masks.parameters or masks.pointers) else None
    for request in requests if isinstance(requests, list) else ():
        if isinstance(request, dict):
            variants = request.get("variants")
            for one in (request, *(variants if isinstance(variants, list) else ())):
                if isinstance(one, dict):
                    yield from _values_of(one, masks)


def _values_of(request: Mapping[str, Any], masks: Masks) -> Iterator[str]:
    found = [value for name, value in parameters_of(str(request.get("url", ""))) if masks.names(name)]
    bodies = (request.get("payload"), request.get("form"), _read(request.get("body"))) if masks.pointers else ()
    found += [text for body in bodies for pointer in masks.pointers for text in _texts(_at(body, pointer_keys(pointer)))]
    # Of a value with placeholders, what is written out.
    for piece in (piece for text in found for piece in pieces_of(text) if isinstance(piece, str)):
        yield from (piece, unquote(piece))


def pointer_keys(pointer: str) -> tuple[str, ...]:
    """The names on the way that a JSON pointer describes (RFC 6901)."""
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:])


def _read(body: object) -> object:
    try:
        return json.loads(body) if isinstance(body, str) else None
    except (ValueError, RecursionError):
        return None


def _at(value: object, keys: tuple[str, ...]) -> object:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _texts(value: object) -> Iterator[str]:
    """Every text and number within a value, as it may be sent back."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, (int, float)) and not isinstance(one, bool):
            yield json.dumps(one)
        waiting += list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []


def without(value: Any, place: Place, mask: str) -> Any:  # noqa: ANN401 - any JSON value
    """Copy a value with a mask at a place; the same where it has no such place, or only placeholders there."""
    if not place:
        is_filled = isinstance(value, str) and value and not any(isinstance(piece, str) for piece in pieces_of(value))
        return value if is_filled else mask
    key, *rest = place
    if isinstance(value, dict) and key in value:
        return {**value, key: without(value[key], tuple(rest), mask)}
    if isinstance(value, list) and str(key).isdecimal() and int(key) < len(value):
        return [without(one, tuple(rest), mask) if index == int(key) else one for index, one in enumerate(value)]
    return value
