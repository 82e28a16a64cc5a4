"""The JSON Schema of a config, and the few questions that the other modules ask of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    """Return the named properties of an object at `node`; empty where any name is free."""
    return {name: part for leaf in leaves(node) for name, part in leaf.get("properties", {}).items()}


def items(node: Mapping[str, Any]) -> Node:
    """Return what an array at `node` says of its items; empty where it says nothing."""
    return next((leaf["items"] for leaf in leaves(node) if "items" in leaf), {})
