"""The final table: what a person reads at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tressi.report.verdict import verdicts
from tressi.text import common_origin, milliseconds, plain, rate, short_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

_COLUMNS = ("asked", "got", "workers", "peak", "p50", "p99", "missed")


def summary_table(summary: Mapping[str, Any]) -> RenderableType:
    """An endpoint a row, and the run in a few lines."""
    origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])
    heading = f"{len(summary['endpoints'])} endpoints" + (f" of {plain(origin)}" if origin else "")
    return Group(
        Text(f"{heading}; rates in requests per second, service times in ms"),
        _endpoints(summary, origin),
        *[Text(line) for line in run_lines(summary)],
    )


def _endpoints(summary: Mapping[str, Any], origin: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    table.add_column("endpoint", overflow="fold", ratio=2)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what limited it", overflow="fold", ratio=3)
    said = verdicts(summary)
    for endpoint in summary["endpoints"]:
        key = endpoint["endpointKey"]
        table.add_row(
            Text(short_key(key, origin)),
            rate(endpoint["targetRps"]),
            rate(endpoint["rps"]),
            str(endpoint["workerCount"]),
            str(endpoint["peakWorkerCount"]),
            milliseconds(endpoint["serviceTimeMs"]["p50"]),
            milliseconds(endpoint["serviceTimeMs"]["p99"]),
            str(endpoint["requestsMissed"]),
            Text(f"{said[key]}{_failures(endpoint)}"),
        )
    return table


def _failures(endpoint: Mapping[str, Any]) -> str:
    """Errors by kind, and the statuses that failed, where there are any."""
    kinds = [f"{count} {kind}" for kind, count in endpoint["errors"].items()]
    kinds += [f"{count} status {code}" for code, count in endpoint["statusCodes"].items() if int(code) >= 400]  # noqa: PLR2004 - RFC 9110 15
    return f"; failed: {plain(', '.join(kinds))}" if kinds else ""


def run_lines(summary: Mapping[str, Any]) -> list[str]:
    """The run in words: what came, how it ended, and whether its figures can be trusted."""
    total, generator = summary["global"], summary["generator"]
    came = f"{total['requestsMade']} requests in {summary['durationSec']:.1f} s ({rate(total['rps'])} RPS)"
    went = f"{total['requestsFailed']} failed, {total['requestsMissed']} missed"
    ended = f"ended by {summary['endReason']}" + (f": {plain(summary['endDetail'])}" if summary["endDetail"] else "")
    own = milliseconds(generator["ownDelayMs"]["p99"])
    late = milliseconds(generator["lateSendsMs"]["p99"])
    return [
        f"{came}, {went}; {len(summary['scaling'])} scaling decisions; {ended}",
        f"generator: {generator['cpuPercent']:.0f} % CPU, {generator['clock']} clock, own delay p99 {own}, late p99 {late}",
        *[f"SATURATED: {plain(reason)}" for reason in generator["reasons"]],
    ]
