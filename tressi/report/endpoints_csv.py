"""One row an endpoint: what was asked, what came, how fast, what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.report.csv_table import render_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = (
    "endpointKey", "method", "url", "autoscale", "weight", "priority", "minWorkers", "maxWorkers", "workerCount",
    "peakWorkerCount", "requestsMade", "requestsSucceeded", "requestsFailed", "requestsMissed", "targetRps", "rps", "errorRate",
    "bytesSent", "bytesReceived", "connectionsOpened", "retries",
)  # fmt: skip
_TIMES = ("serviceTimeMs", "responseTimeMs", "connectTimeMs", "tlsTimeMs")
_FIGURES = ("min", "mean", "stdev", "p50", "p90", "p95", "p99", "p999", "max")
_COUNTED = ("statusCodes", "errors")


def columns() -> list[str]:
    """The header: the summary's names, nested ones joined by a dot."""
    return [*_PLAIN, *(f"{time}.{figure}" for time in _TIMES for figure in _FIGURES), *_COUNTED]


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the endpoints of a summary as CSV."""
    return render_rows(columns(), (_row(endpoint) for endpoint in summary["endpoints"]))


def _row(endpoint: Mapping[str, Any]) -> dict[str, object]:
    row: dict[str, object] = {name: endpoint[name] for name in _PLAIN}
    row.update({f"{time}.{figure}": endpoint[time][figure] for time in _TIMES for figure in _FIGURES})
    # With a colon, a spreadsheet would read "200:30" as a time of day.
    row.update({name: " ".join(f"{key}={count}" for key, count in endpoint[name].items()) for name in _COUNTED})
    return row
