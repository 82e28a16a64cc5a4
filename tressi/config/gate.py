"""A quick yes to what is sound: a part of the schema as one function, for the hundreds of thousands of requests of a config.

jsonschema names what is wrong and where, and takes tens of microseconds for a request in which nothing is. The functions
here only say that nothing is; of a rule that they do not know they never say so, and jsonschema has the word.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tressi.config.schema import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[Any], bool]

# What says something to people and tools alone; `format` is not judged by the validator either.
_REMARKS: Final = frozenset({"description", "default", "examples", "title", "format", "$comment", "$schema", "definitions"})
# JSON's types as Python's. An integer may be written as 5.0, which is left to jsonschema; a boolean is no number.
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


@cache
def sound_document() -> Check:
    """Whether a config certainly breaks no rule of the schema: then jsonschema need not be imported, which takes longer."""
    return sound(schema())


@cache
def sound_request() -> Check:
    """Whether an entry of `requests` certainly breaks no rule of the schema."""
    return sound(schema()["definitions"]["RequestConfigSchema"])


def sound(node: Mapping[str, Any]) -> Check:
    """A function that says True only of values that break no rule of this part of the schema."""
    if "$ref" in node:  # in draft 7 nothing beside it counts
        return _defined(node["$ref"].rpartition("/")[2])
    unknown = node.keys() - _RULES.keys() - _REMARKS - {"additionalProperties"}
    if unknown:
        return lambda _: False
    checks = [_RULES[name](rule, node) for name, rule in node.items() if name in _RULES]
    if "additionalProperties" in node and "properties" not in node:
        checks.append(_properties({}, node))
    if len(checks) == 1:
        return checks[0]
    return lambda value: all(check(value) for check in checks)


def _defined(name: str) -> Check:
    """The function of a definition, which may name itself: it is made when it is first needed."""
    made: list[Check] = []

    def check(value: Any) -> bool:  # noqa: ANN401 - any JSON value
        if not made:
            made.append(sound(schema()["definitions"][name]))
        return made[0](value)

    return check


def _type(rule: str | list[str], _: Mapping[str, Any]) -> Check:
    # By identity: True is an instance of int.
    types = frozenset(kind for name in ([rule] if isinstance(rule, str) else rule) for kind in _TYPES[name])
    return lambda value: type(value) in types


def _properties(rule: Mapping[str, Any], node: Mapping[str, Any]) -> Check:
    known = {name: sound(part) for name, part in rule.items()}
    others = node.get("additionalProperties", True)
    other = None if others is True else (lambda _: False) if others is False else sound(others)

    def check(value: Any) -> bool:  # noqa: ANN401 - any JSON value
        if type(value) is not dict:
            return not isinstance(value, dict)
        for name, entry in value.items():
            judge = known.get(name, other)
            if judge is not None and not judge(entry):
                return False
        return True

    return check


def _required(rule: list[str], _: Mapping[str, Any]) -> Check:
    wanted = frozenset(rule)
    return lambda value: not isinstance(value, dict) or wanted <= value.keys()


def _items(rule: Mapping[str, Any], _: Mapping[str, Any]) -> Check:
    one = sound(rule)
    return lambda value: not isinstance(value, list) or all(map(one, value))


def _all_of(rule: list[Mapping[str, Any]], _: Mapping[str, Any]) -> Check:
    branches = [sound(branch) for branch in rule]
    return lambda value: all(branch(value) for branch in branches)


def _any_of(rule: list[Mapping[str, Any]], _: Mapping[str, Any]) -> Check:
    branches = [sound(branch) for branch in rule]
    return lambda value: any(branch(value) for branch in branches)


def _pattern(rule: str, _: Mapping[str, Any]) -> Check:
    search = re.compile(rule).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _number(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Mapping[str, Any]], Check]:
    return lambda bound, _: lambda value: isinstance(value, bool) or not isinstance(value, (int, float)) or holds(value, bound)


_RULES: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Check]]] = {
    "type": _type,
    "properties": _properties,
    "required": _required,
    "items": _items,
    "allOf": _all_of,
    "anyOf": _any_of,
    "pattern": _pattern,
    # 1 == True in Python, not in JSON: only texts and integers are looked up here.
    "enum": lambda rule, _: lambda value: type(value) in (str, int) and value in rule,
    "minLength": lambda rule, _: lambda value: not isinstance(value, str) or len(value) >= rule,
    "maxLength": lambda rule, _: lambda value: not isinstance(value, str) or len(value) <= rule,
    "maxProperties": lambda rule, _: lambda value: not isinstance(value, dict) or len(value) <= rule,
    "minItems": lambda rule, _: lambda value: not isinstance(value, list) or len(value) >= rule,
    "minimum": _number(lambda value, bound: bool(value >= bound)),
    "maximum": _number(lambda value, bound: bool(value <= bound)),
    "exclusiveMinimum": _number(lambda value, bound: bool(value > bound)),
}
