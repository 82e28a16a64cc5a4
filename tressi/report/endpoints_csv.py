"""One row an endpoint: what was asked, what came, how fast, what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.report.csv_table import render_rows
from tressi.report.rows import ENDPOINT, METRICS, Row, counted_text, endpoint_row, http2_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTED = ("statusCodes", "errors")
COLUMNS: Final = (*ENDPOINT, *METRICS, *_COUNTED)


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the endpoints of a summary as CSV."""
    return render_rows((*COLUMNS, *http2_columns(summary)), (_row(endpoint) for endpoint in summary["endpoints"]))


def _row(endpoint: Mapping[str, Any]) -> Row:
    return endpoint_row(endpoint) | {name: counted_text(endpoint[name]) for name in _COUNTED}
