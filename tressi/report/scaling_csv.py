"""One row for each change of a pool, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.report.csv_table import render_rows
from tressi.report.rows import SCALING

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = SCALING


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the scaling decisions of a summary as CSV."""
    return render_rows(COLUMNS, summary["scaling"])
