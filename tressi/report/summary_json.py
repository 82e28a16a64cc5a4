"""The summary as JSON: what programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tressi.text import harmless_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What orjson writes; a payload in a config may have any integer, and JSON sets no bound (RFC 8259, section 6).
_SMALLEST, _BEYOND_LARGEST = -(2**63), 2**64
_NO_ROWS = b'\n  "timeline": []'


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the summary with two spaces of indentation and one final line end."""
    return b"".join(pieces(summary))


def pieces(summary: Mapping[str, Any]) -> Iterator[bytes]:
    """The same in pieces: a row of the timeline is a line, and never are all of them in memory as text."""
    text = harmless_json(_written({**summary, "timeline": []}, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    # A line end is none inside of a text, so that this stands nowhere else at this depth.
    before, _, after = text.partition(_NO_ROWS)
    yield before + _NO_ROWS[:-1]
    between = b"\n    "
    for row in summary["timeline"]:
        yield between + harmless_json(_written(row))
        between = b",\n    "
    yield (b"\n  ]" if summary["timeline"] else b"]") + after


def _written(value: Any, options: int = 0) -> bytes:  # noqa: ANN401 - any JSON value
    try:
        return orjson.dumps(value, option=options)
    except TypeError:
        # A config has an integer that orjson refuses, or a summary of others has one where no reader looks.
        return orjson.dumps(_with_any_integer(value), option=options)


def _with_any_integer(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Copy a JSON value, integers that orjson refuses already written out, digit for digit."""
    if isinstance(value, dict):
        return {name: _with_any_integer(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_any_integer(inner) for inner in value]
    if isinstance(value, int) and not _SMALLEST <= value < _BEYOND_LARGEST:
        return orjson.Fragment(str(value))
    return value
