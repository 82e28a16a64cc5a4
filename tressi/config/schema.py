"""The JSON Schema of a config, and the few questions that the other modules ask of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Node = dict[str, Any]


@cache
def schema_text() -> str:
    """Return the schema file as it is shipped."""
    return Path(__file__).with_name("schema.json").read_text(encoding="utf-8")


@cache
def schema() -> Node:
    """Return the parsed schema; shared, so do not change it."""
    parsed: Node = json.loads(schema_text())
    return parsed


def leaves(node: Mapping[str, Any]) -> Iterator[Node]:
    """Yield every part that speaks of a value at `node`: `$ref`, `allOf` and `anyOf` are followed, in that order."""
    if "$ref" in node:
        yield from leaves(schema()["definitions"][node["$ref"].rpartition("/")[2]])
        return
    yield dict(node)
    for branch in (*node.get("allOf", ()), *node.get("anyOf", ())):
        yield from leaves(branch)


def properties(node: Mapping[str, Any]) -> dict[str, Node]:
    """Return the named properties of an object at `node`; empty where any name is free. Shared, so do not change it."""
    return _remembered(_PROPERTIES, node, _properties) if node else {}


def items(node: Mapping[str, Any]) -> Node:
    """Return what an array at `node` says of its items; empty where it says nothing. Shared, so do not change it."""
    return _remembered(_ITEMS, node, _items) if node else {}


def members(node: Mapping[str, Any]) -> Node:
    """Return what an object at `node` says of its members, whatever their names; empty where it says nothing."""
    return next((leaf["additionalProperties"] for leaf in leaves(node) if leaf.get("additionalProperties")), {}) if node else {}


# By the node's identity, and with the node: a config asks of each of its requests what the schema says once.
_Known = dict[int, tuple["Mapping[str, Any]", dict[str, Any]]]
_PROPERTIES: _Known = {}
_ITEMS: _Known = {}


def _remembered(known: _Known, node: Mapping[str, Any], find: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    found = known.get(id(node))
    if found is None or found[0] is not node:
        found = known[id(node)] = (node, find(node))
    return found[1]


def _properties(node: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for leaf in leaves(node) for name, part in leaf.get("properties", {}).items()}


def _items(node: Mapping[str, Any]) -> dict[str, Any]:
    return next((leaf["items"] for leaf in leaves(node) if "items" in leaf), {})
