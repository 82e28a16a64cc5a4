"""Rows as CSV (RFC 4180), every cell harmless."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


# A cell that begins with one of these is a formula to a spreadsheet (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def render_rows(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Write a header and the rows, in the order of `columns`; a missing value is an empty cell."""
    return header(columns) + lines(columns, rows)


def header(columns: Sequence[str]) -> bytes:
    """The line of the columns' names."""
    return _written([columns])


def lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """The rows alone."""
    return _written([cell(row.get(column)) for column in columns] for row in rows)


def _written(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def cell(value: object) -> object:
    """A cell: numbers as they are, text so that no spreadsheet computes it, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    shown = plain(value)
    return f"'{shown}" if value.startswith(_FORMULA_STARTS) else shown
