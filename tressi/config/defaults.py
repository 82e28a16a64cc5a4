"""The value of each setting that a config leaves out: the schema's defaults, and those that the schema leaves open."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tressi.config.schema import properties, schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECTION = {"minWorkers": 1, "scaleDownThreshold": 1.1}

OPEN_DEFAULTS: dict[str, dict[str, Any]] = {
    "TressiConfigSchema": {"workers": 10, "concurrentRequests": 1, "duration": 10, "rampUpTime": 0},
    "EndpointAutoscaleConfig": _SECTION,
    "GlobalAutoscaleConfig": _SECTION,
}


@cache
def defaults(definition: str) -> Mapping[str, Any]:
    """Return the defaults of one definition of the schema, such as `GlobalAutoscaleConfig`, by property."""
    known = properties(schema()["definitions"][definition])
    open_ones = OPEN_DEFAULTS.get(definition, {})
    values = {name: open_ones.get(name, node.get("default")) for name, node in known.items()}
    return MappingProxyType({name: value for name, value in values.items() if value is not None})
