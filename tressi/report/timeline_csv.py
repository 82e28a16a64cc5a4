"""One row a second and endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.report.csv_table import render_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = (
    "t", "endpointKey", "targetRps", "currentRps", "workerCount", "utilisation", "errorRate", "p50", "p99", "missed",
    "saturated",
)  # fmt: skip


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the timeline of a summary as CSV."""
    return render_rows(COLUMNS, _rows(summary))


def _rows(summary: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    for moment in summary["timeline"]:
        for key, endpoint in moment["endpoints"].items():
            yield {"t": moment["t"], "endpointKey": key, "saturated": moment["saturated"], **endpoint}
