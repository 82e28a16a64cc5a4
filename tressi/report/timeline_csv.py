"""One row a second for all endpoints together, and one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.report.csv_table import render_rows
from tressi.report.rows import TIMELINE, second_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = TIMELINE


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the timeline of a summary as CSV."""
    return render_rows(COLUMNS, (row for moment in summary["timeline"] for row in second_rows(moment)))
