"""The schema's word on a document: every broken rule, and integers written as `5.0`.

jsonschema names a broken rule; the sentence is ours, and so is the choice among the branches of an `anyOf`: the one that
takes values of the given type speaks, the others would only say that they are others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from tressi.config.gate import sound_document, sound_request
from tressi.config.messages import Finding, Place, listed, shown
from tressi.config.schema import items, leaves, properties, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jsonschema import ValidationError

_NO_FLOATS = frozenset({str, int, bool, type(None)})
_ARTICLES = {"integer": "an integer", "object": "an object", "array": "an array", "null": "null"}


def _no_method(value: str, pattern: str) -> str:
    capitals = value.strip('" ').upper()
    if re.fullmatch(pattern, capitals):
        return f"{value} is no method, because methods are written in capitals; did you mean {capitals}?"
    return f"{value} is no method; RFC 9110 allows capitals, digits and !#$%&'*+-.^_`|~"


def _no_status(value: str) -> str:
    return f'{value} is no status: those are 100 to 999, and classes of them such as "2xx"'


# One sentence per rule of the schema: the shown value and the rule's argument go in, the message comes out.
_SENTENCES: dict[str, Callable[[str, Any], str]] = {
    "type": lambda value, wanted: f"{value} is not {_named(wanted)}",
    "enum": lambda value, wanted: f"{value} is not one of {listed(wanted)}",
    "minimum": lambda value, least: f"{value} is less than the minimum of {least}",
    "maximum": lambda value, most: f"{value} is greater than the maximum of {most}",
    "exclusiveMinimum": lambda value, bound: f"{value} is not greater than {bound}",
    "minLength": lambda value, _: f"{value} is empty",
    "maxLength": lambda value, most: f"{value} is longer than {most:,} characters",
    "maxProperties": lambda _, most: f"has more than {most} entries",
    "pattern": lambda value, pattern: _no_status(value) if pattern.endswith("xx$") else _no_method(value, pattern),
    "minItems": lambda _, least: f"has no entry, but needs at least {least}",
}


def breaches(document: object, mask_headers: Iterable[str] = ()) -> list[Finding]:
    """Return everything in the document that breaks the schema; values that may be secrets are masked."""
    doubtful, places = _doubtful(document)
    if sound_document()(doubtful):
        return []
    from jsonschema import Draft7Validator  # noqa: PLC0415 - it takes longer to import than a sound config to resolve

    masked = tuple(mask_headers)
    errors = Draft7Validator(schema()).iter_errors(doubtful)
    # Once each: every branch of an `allOf` asks for the same type.
    found = dict.fromkeys(finding for error in errors for finding in _findings(error, masked))
    return [(_moved(place, places), message) for place, message in found]


def _doubtful(document: object) -> tuple[object, list[int] | None]:
    """The document without the requests in which certainly nothing is wrong, and where those that are left stood."""
    requests = document.get("requests") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(requests, list) or not requests:
        return document, None
    is_sound = sound_request()
    # One at least: none at all would be a mistake of its own.
    places = [index for index, request in enumerate(requests) if not is_sound(request)] or [0]
    return {**document, "requests": [requests[index] for index in places]}, places


def _moved(place: Place, places: list[int] | None) -> Place:
    if places is None or len(place) < 2 or place[0] != "requests":  # noqa: PLR2004 - and its index
        return place
    return ("requests", places[int(place[1])], *place[2:])


def plain_integers(document: Any, node: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Copy the document with `5.0` made 5 wherever the schema asks for an integer, and only there."""
    node = schema() if node is None else node
    if isinstance(document, dict):
        known = properties(node)
        return {
            name: value if type(value) in _NO_FLOATS else plain_integers(value, known.get(name, {}))
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [plain_integers(value, items(node)) for value in document]
    if isinstance(document, float) and any(leaf.get("type") == "integer" for leaf in leaves(node)):
        return int(document)
    return document


def _findings(error: ValidationError, mask_headers: tuple[str, ...]) -> Iterator[Finding]:
    place: Place = tuple(error.absolute_path)
    rule = str(error.validator)
    if rule == "anyOf":
        yield from _speaking_branch(error, mask_headers)
    elif rule == "required":
        # jsonschema reports each missing name apart, but tells which only in its sentence.
        names: list[str] = list(cast("Iterable[str]", error.validator_value))
        missing = next(name for name in names if error.message.startswith(repr(name)))
        yield (*place, missing), "is missing, but required"
    else:
        yield place, _SENTENCES[rule](shown(error.instance, place, mask_headers), error.validator_value) + _remedy(error)


def _speaking_branch(error: ValidationError, mask_headers: tuple[str, ...]) -> Iterator[Finding]:
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    wanted = []
    for found in branches.values():
        of_type = [inner.validator_value for inner in found if inner.validator == "type" and not inner.path]
        if not of_type:
            for inner in found:
                yield from _findings(inner, mask_headers)
            return
        wanted.append(of_type[0])
    place: Place = tuple(error.absolute_path)
    yield place, _SENTENCES["type"](shown(error.instance, place, mask_headers), wanted)


def _remedy(error: ValidationError) -> str:
    """What to write instead of a text that stands for a number or a boolean."""
    if error.validator != "type" or not isinstance(error.instance, str) or not error.absolute_path:
        return ""
    from tressi.config.units import remedy  # noqa: PLC0415 - only a mistake needs it

    types: Any = error.validator_value
    return remedy(str(error.absolute_path[-1]), error.instance, [types] if isinstance(types, str) else types)


def _named(types: str | list[str]) -> str:
    names = [types] if isinstance(types, str) else types
    return listed(_ARTICLES.get(name, f"a {name}") for name in names)
