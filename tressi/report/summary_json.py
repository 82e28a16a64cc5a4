"""The summary as JSON: what programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the summary with two spaces of indentation and one final line end."""
    return orjson.dumps(dict(summary), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
