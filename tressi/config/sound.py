"""Whether a document keeps to the schema, as a yes or a no, without saying why not.

Nearly every config that is read is sound, and jsonschema, which tells what is wrong with one, takes longer to import than all
else of `tressi validate`. So this is asked first. It knows the rules that our schema uses; of any other it says no, and then
jsonschema decides. A test holds it against jsonschema with documents of every kind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.config.schema import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SILENT: Final = frozenset({"$schema", "default", "definitions", "description", "examples", "format"})


def is_sound(value: Any, node: Mapping[str, Any] | None = None) -> bool:  # noqa: ANN401 - any JSON value
    """Whether `value` keeps to `node` of the schema, by default to all of it. True is certain, False asks for jsonschema."""
    node = schema() if node is None else node
    if "$ref" in node:  # draft-07: what stands beside it does not count
        return is_sound(value, schema()["definitions"][node["$ref"].rpartition("/")[2]])
    return all(rule in _SILENT or (rule in _RULES and _RULES[rule](value, asked, node)) for rule, asked in node.items())


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
}


def _is_of_type(value: Any, asked: str | list[str], _: object) -> bool:  # noqa: ANN401 - any JSON value
    names = [asked] if isinstance(asked, str) else asked
    return any(name in _TYPES and _TYPES[name](value) for name in names)


def _has_sound_properties(value: Any, asked: Mapping[str, Any], _: object) -> bool:  # noqa: ANN401 - any JSON value
    return not isinstance(value, dict) or all(is_sound(one, asked[name]) for name, one in value.items() if name in asked)


def _has_sound_others(value: Any, asked: Any, node: Mapping[str, Any]) -> bool:  # noqa: ANN401 - any JSON value
    """`additionalProperties`: a schema, or a boolean."""
    if not isinstance(value, dict) or asked is True:
        return True
    others = [one for name, one in value.items() if name not in node.get("properties", {})]
    return not others if asked is False else all(is_sound(one, asked) for one in others)


# Each takes the value, the rule's argument and the node that it stands in; it speaks of values of one type alone.
_RULES: Final[Mapping[str, Callable[[Any, Any, Mapping[str, Any]], bool]]] = {
    "type": _is_of_type,
    "enum": lambda value, asked, _: isinstance(value, str) and value in asked,
    "minimum": lambda value, least, _: not _is_number(value) or value >= least,
    "maximum": lambda value, most, _: not _is_number(value) or value <= most,
    "exclusiveMinimum": lambda value, bound, _: not _is_number(value) or value > bound,
    "minLength": lambda value, least, _: not isinstance(value, str) or len(value) >= least,
    "pattern": lambda value, asked, _: not isinstance(value, str) or re.search(asked, value) is not None,
    "minItems": lambda value, least, _: not isinstance(value, list) or len(value) >= least,
    "required": lambda value, names, _: not isinstance(value, dict) or all(name in value for name in names),
    "properties": _has_sound_properties,
    "additionalProperties": _has_sound_others,
    "items": lambda value, asked, _: not isinstance(value, list) or all(is_sound(one, asked) for one in value),
    "allOf": lambda value, branches, _: all(is_sound(value, branch) for branch in branches),
    "anyOf": lambda value, branches, _: any(is_sound(value, branch) for branch in branches),
}
