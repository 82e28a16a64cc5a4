"""One row an endpoint: what was asked, what came, how fast, what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.report.csv_table import render_rows
from tressi.report.rows import ENDPOINT, METRICS, Row, endpoint_row

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNTED = ("statusCodes", "errors")
COLUMNS: Final = (*ENDPOINT, *METRICS, *_COUNTED)


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the endpoints of a summary as CSV."""
    return render_rows(COLUMNS, (_row(endpoint) for endpoint in summary["endpoints"]))


def _row(endpoint: Mapping[str, Any]) -> Row:
    # With a colon, a spreadsheet would read "200:30" as a time of day.
    counted = {name: " ".join(f"{key}={count}" for key, count in endpoint[name].items()) for name in _COUNTED}
    return endpoint_row(endpoint) | counted
