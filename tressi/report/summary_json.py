"""The summary as JSON: what programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

# What orjson writes; a payload in a config may have any integer, and JSON sets no bound (RFC 8259, section 6).
_SMALLEST, _BEYOND_LARGEST = -(2**63), 2**64


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the summary with two spaces of indentation and one final line end."""
    document = {**summary, "config": _with_any_integer(summary["config"])}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _with_any_integer(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Copy a JSON value, integers that orjson refuses already written out, digit for digit."""
    if isinstance(value, dict):
        return {name: _with_any_integer(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_any_integer(inner) for inner in value]
    if isinstance(value, int) and not _SMALLEST <= value < _BEYOND_LARGEST:
        return orjson.Fragment(str(value))
    return value
