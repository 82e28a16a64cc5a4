"""A value for a schema of OpenAPI: what the document gives as an example, else a small one by type and format.

References are followed within the document. A schema may refer to itself: such a member is left out, and where it cannot be,
the value ends there and the check by jsonschema says so.
"""

from __future__ import annotations

import re
from typing import Any, Final

from tressi.imports.peek import number, obj
from tressi.imports.request import DocumentError

_MOST_DEPTH: Final = 8
_MOST_STEPS: Final = 20_000
ABSENT: Final = object()
# By format; a UUID of version 4, times of RFC 3339, addresses and names that are reserved for examples.
_FORMATS: Final = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "host.example.com",
    "idn-hostname": "host.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "/example",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "byte": "dHJlc3Np",
    "regex": "^a$",
    "json-pointer": "/a",
    "password": "password",
}
# Texts that meet most of the patterns that descriptions of APIs have.
_TRIES: Final = (
    "string", "a", "A", "AB", "ABC", "EUR", "1", "12", "1234", "12345678", "a1", "A1", "abc-123", "en-GB", "#ffffff", "1.0.0",
    "+4930123456", "2026-01-31", "12:00", "https://example.com/", "user@example.com", "/a", "a_b", "a.b",
)  # fmt: skip


class Schemas:
    """The schemas of one document. `notes` gets what could not be done."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._steps = 0

    def resolved(self, node: Any) -> dict[str, Any]:  # noqa: ANN401 - any value of a document
        """An object with the reference that it may be followed. Raises DocumentError for one that leads nowhere."""
        seen: set[str] = set()
        found = obj(node)
        while isinstance(found.get("$ref"), str):
            reference = found["$ref"]
            if reference in seen:
                raise DocumentError(f"the reference {reference[:80]!r} leads to itself")
            seen.add(reference)
            beside = {name: value for name, value in found.items() if name != "$ref"}
            found = {**obj(self._at(reference)), **beside}
        return found

    def _at(self, reference: str) -> Any:  # noqa: ANN401 - any value of a document
        if not reference.startswith("#"):
            raise DocumentError(f"the reference {reference[:80]!r} is to another document; bundle them into one first")
        found: Any = self._document
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
            if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                raise DocumentError(f"the reference {reference[:80]!r} leads nowhere")
        return found

    def value(self, schema: Any, *, only_required: bool = False) -> Any:  # noqa: ANN401 - any JSON value
        """A value that a request can have. Raises DocumentError."""
        self._steps = 0
        return self._value(schema, (), only_required=only_required)

    def _value(self, schema: Any, above: tuple[str, ...], *, only_required: bool) -> Any:  # noqa: ANN401 - any JSON value
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise DocumentError("a schema has more members than an example could show")
        reference = obj(schema).get("$ref")
        if isinstance(reference, str):
            if reference in above:
                return ABSENT
            above = (*above, reference)
        found = self.merged(schema)
        given = example_in(found)
        if given is not ABSENT:
            return given
        for name in ("oneOf", "anyOf"):
            if isinstance(found.get(name), list) and found[name]:
                return self._alternative(found, name, above, only_required=only_required)
        kind = _type_of(found)
        if kind == "object":
            return self._object(found, above, only_required=only_required)
        if kind == "array":
            return self._array(found, above, only_required=only_required)
        return _scalar(kind, found)

    def merged(self, schema: Any, depth: int = 0) -> dict[str, Any]:  # noqa: ANN401 - any value of a document
        """A schema with those of its `allOf` in one."""
        found = self.resolved(schema)
        parts = found.get("allOf")
        if not isinstance(parts, list) or depth > _MOST_DEPTH:
            return found
        whole: dict[str, Any] = {}
        for part in [*parts, {name: value for name, value in found.items() if name != "allOf"}]:
            one = self.merged(part, depth + 1)
            properties = {**obj(whole, "properties"), **obj(one, "properties")}
            required = [*_list(whole.get("required")), *_list(one.get("required"))]
            whole = {**whole, **one}
            whole |= {"properties": properties} if properties else {}
            whole |= {"required": required} if required else {}
        return whole

    def _alternative(self, found: dict[str, Any], name: str, above: tuple[str, ...], *, only_required: bool) -> Any:  # noqa: ANN401 - any JSON value
        """The first of several schemas that is not null, together with what stands beside them."""
        beside = {key: value for key, value in found.items() if key not in {"oneOf", "anyOf", "discriminator"}}
        choices = [choice for choice in found[name] if obj(choice).get("type") != "null"] or found[name]
        value: Any = ABSENT
        for choice in choices:
            if obj(choice).get("$ref") not in above:
                value = self._value(choice, above, only_required=only_required)
                break
        if isinstance(value, dict):
            own = self._object(beside, above, only_required=only_required) if "properties" in beside else {}
            value = {**own, **value, **self._discriminated(found, choice)}
        return value

    def _discriminated(self, found: dict[str, Any], choice: Any) -> dict[str, Any]:  # noqa: ANN401 - any value of a document
        """The member that says which of the alternatives an object is."""
        name = obj(found, "discriminator").get("propertyName")
        reference = obj(choice).get("$ref")
        if not isinstance(name, str) or not isinstance(reference, str):
            return {}
        mapping = obj(found, "discriminator", "mapping")
        word = next((key for key, target in mapping.items() if target == reference), reference.rpartition("/")[2])
        return {name: word}

    def _object(self, found: dict[str, Any], above: tuple[str, ...], *, only_required: bool) -> dict[str, Any]:
        required = {name for name in _list(found.get("required")) if isinstance(name, str)}
        value: dict[str, Any] = {}
        for name, schema in obj(found, "properties").items():
            if name not in required and (only_required or len(above) > _MOST_DEPTH):
                continue
            if self._is_of_responses(schema) and name not in required:
                continue
            one = self._value(schema, above, only_required=only_required)
            if one is not ABSENT:
                value[name] = one
        more, least = found.get("additionalProperties"), int(number(found, "minProperties") or 0)
        for index in range(len(value), min(least, 20)):
            one = self._value(more if isinstance(more, dict) else {"type": "string"}, above, only_required=only_required)
            value[f"name{index + 1}"] = None if one is ABSENT else one
        return value

    def _is_of_responses(self, schema: Any) -> bool:  # noqa: ANN401 - any value of a document
        return self.resolved(schema).get("readOnly") is True

    def _array(self, found: dict[str, Any], above: tuple[str, ...], *, only_required: bool) -> list[Any]:
        count = max(1, int(number(found, "minItems") or 0))
        most = number(found, "maxItems")
        count = min(count, 20 if most is None else int(most))
        one = self._value(found.get("items", {"type": "string"}), above, only_required=only_required) if count > 0 else ABSENT
        if one is ABSENT:
            return []
        if found.get("uniqueItems") is True and count > 1:
            values = _list(obj(found, "items").get("enum"))
            return values[:count] if len(values) >= count else [_other(one, index) for index in range(count)]
        return [one] * count


def example_in(found: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON value, or ABSENT
    """What a schema, a parameter or a media type gives as an example."""
    if "example" in found:
        return found["example"]
    examples = found.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    for name in ("default", "const"):
        if name in found:
            return found[name]
    values = [one for one in _list(found.get("enum")) if one is not None]
    return values[0] if values else ABSENT


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, list) else []


def _other(value: Any, index: int) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value if index == 0 else f"{value}{index + 1}"
    return value + index if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _type_of(found: dict[str, Any]) -> str:
    given = found.get("type")
    if isinstance(given, list):
        given = next((one for one in given if one != "null"), "null")
    if isinstance(given, str):
        return given
    if "properties" in found or "additionalProperties" in found or "required" in found:
        return "object"
    if "items" in found:
        return "array"
    if any(name in found for name in ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")):
        return "number"
    return "string"


def _scalar(kind: str, found: dict[str, Any]) -> Any:  # noqa: ANN401 - a text, a number, a boolean or null
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    if kind in {"integer", "number"}:
        return _number(kind, found)
    return _text(found)


def _number(kind: str, found: dict[str, Any]) -> int | float:
    low, high = number(found, "minimum"), number(found, "maximum")
    step = number(found, "multipleOf") or (1.0 if kind == "integer" else 0.0)
    above, below = found.get("exclusiveMinimum"), found.get("exclusiveMaximum")
    # In 3.0 they are booleans beside the bounds, in 3.1 bounds themselves.
    low = _bound(low, above, step or 0.5)
    high = _bound(high, below, -(step or 0.5))
    value = 1.0 if low is None else low
    if low is None and high is not None and high < value:
        value = high
    if step > 0:
        value = -(-value // step) * step if low is not None or value >= step else step if high is None or high >= step else 0.0
        value = value if high is None or value <= high else high // step * step
    return int(value) if kind == "integer" or value == int(value) else value


def _bound(bound: float | None, exclusive: Any, inward: float) -> float | None:  # noqa: ANN401 - a boolean or a number
    if exclusive is True and bound is not None:
        return bound + inward
    if isinstance(exclusive, (int, float)) and not isinstance(exclusive, bool):
        return float(exclusive) + inward
    return bound


def _text(found: dict[str, Any]) -> str:
    least, most = int(number(found, "minLength") or 0), number(found, "maxLength")
    pattern = found.get("pattern")
    if isinstance(pattern, str):
        return _matching(pattern, least, most)
    known = found.get("format")
    text = _FORMATS.get(known, "string") if isinstance(known, str) else "string"
    text = text.ljust(min(least, 10_000), "x")
    return text if most is None or len(text) <= most else text[: int(most)]


def _matching(pattern: str, least: int, most: float | None) -> str:
    """A text that a pattern matches, if one of a few does; the check says so where none does."""
    try:
        # A pattern with repetitions of repetitions could take for ever; the texts are short, but not that short.
        expression = re.compile(pattern if len(pattern) < 200 else "(?!)")  # noqa: PLR2004 - longer than people write them
    except (re.error, OverflowError, RecursionError):
        return "string"
    longer = [text * (min(least, 1000) // len(text) + 1) for text in _TRIES]
    for text in (*_TRIES, *longer, *(one[:least] for one in longer)):
        if least <= len(text) and (most is None or len(text) <= most) and expression.search(text):
            return text
    return "string"
