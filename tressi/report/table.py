"""The final table: what a person reads at the end of a run.

Two lines an endpoint, because a sentence needs more room than a column of 80 leaves: the figures, and below them what
limited it. A key that is too long for its column has a line of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from tressi.report.outcome import doubts
from tressi.report.verdict import failures, verdicts
from tressi.text import common_origin, milliseconds, plain, rate, short_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_FIGURES = ("asked", "got", "workers", "peak", "p50", "p99", "missed", "failed")
_GAP = 2
_THRESHOLDS_SHOWN = 20


def summary_table(summary: Mapping[str, Any]) -> RenderableType:
    """Each endpoint's figures and what limited it, then the run in a few lines."""
    origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])
    count = len(summary["endpoints"])
    heading = f"{count} endpoint{'s' * (count != 1)}" + (f" of {plain(origin)}" if origin else "")
    return Group(
        Text(f"{heading}: RPS, service times in ms, what limited it"),
        _Endpoints(summary, origin),
        *_thresholds(summary["thresholds"], origin),
        *[Text(line) for line in run_lines(summary)],
    )


def _thresholds(verdicts: Sequence[Mapping[str, Any]], origin: str) -> list[Text]:
    """A line each; of many only those that failed, and how many others there are."""
    shown = verdicts if len(verdicts) <= _THRESHOLDS_SHOWN else [one for one in verdicts if not one["passed"]]
    lines = [_threshold(verdict, origin) for verdict in shown]
    hidden = len(verdicts) - len(shown)
    return lines if not hidden else [*lines, Text(f"passed  {hidden} other thresholds")]


def _threshold(verdict: Mapping[str, Any], origin: str) -> Text:
    """One threshold in a line: its verdict, what it is about, and why."""
    word, style = ("passed", "green") if verdict["passed"] else ("FAILED", "bold red")
    of = "" if verdict["endpointKey"] is None else f"{short_key(verdict['endpointKey'], origin)}: "
    return Text.assemble((f"{word}  ", style), f"{of}{plain(verdict['threshold'])}", (f"  ({plain(verdict['detail'])})", "dim"))


class _Endpoints:
    """The endpoints' lines, laid out for the width at hand."""

    def __init__(self, summary: Mapping[str, Any], origin: str) -> None:
        said = verdicts(summary)
        self._labels = ["endpoint", *(short_key(endpoint["endpointKey"], origin) for endpoint in summary["endpoints"])]
        self._rows = [_FIGURES, *(_figures(endpoint) for endpoint in summary["endpoints"])]
        self._said = ["", *(said[one["endpointKey"]] + _failed(one) for one in summary["endpoints"])]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        figures = _aligned(self._rows)
        room = max(1, options.max_width - len(figures[0]) - _GAP)
        fitting = [cell_len(label) for label in self._labels if cell_len(label) <= room]
        width = max(fitting, default=0)
        for label, line, words in zip(self._labels, figures, self._said, strict=True):
            length = cell_len(label)
            if length > room:
                yield Text(label)
                label, length = "", 0  # noqa: PLW2901 - the rest of its line is empty
            yield Text(f"{label}{' ' * (width - length + _GAP)}{line}", style="" if words else "bold")
            if words and options.no_wrap:
                yield Text(f"{' ' * _GAP}{words}", style="dim")
            elif words:
                yield Padding(Text(words, style="dim"), (0, 0, 0, _GAP), expand=False)


def _figures(endpoint: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        rate(endpoint["targetRps"]),
        rate(endpoint["rps"]),
        str(endpoint["workerCount"]),
        str(endpoint["peakWorkerCount"]),
        milliseconds(endpoint["serviceTimeMs"]["p50"]),
        milliseconds(endpoint["serviceTimeMs"]["p99"]),
        str(endpoint["requestsMissed"]),
        str(endpoint["requestsFailed"]),
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Each row in a line, its cells to the right of their columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [(" " * _GAP).join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _failed(endpoint: Mapping[str, Any]) -> str:
    """Errors by kind with their first reason, and the statuses that failed, where there are any."""
    reasons = {one["kind"]: f" ({plain(one['reason'])})" for one in reversed(endpoint["errorReasons"])}
    kinds = [f"{count} {plain(kind)}{reasons.get(kind, '')}" for kind, count in failures(endpoint).most_common()]
    return f"; failed: {', '.join(kinds)}" if kinds else ""


def run_lines(summary: Mapping[str, Any]) -> list[str]:
    """The run in words: what came, how it ended, and whether its figures can be trusted."""
    total, generator = summary["global"], summary["generator"]
    came = f"{total['requestsMade']} requests in {summary['durationSec']:.1f} s ({rate(total['rps'])} RPS)"
    went = f"{total['requestsFailed']} failed, {total['requestsMissed']} missed"
    detail = f": {plain(summary['endDetail'])}" if summary["endDetail"] else ""
    own = milliseconds(generator["ownDelayMs"]["p99"])
    late = milliseconds(generator["lateSendsMs"]["p99"])
    return [
        f"{came}, {went}",
        f"ended by {summary['endReason']}{detail}; {len(summary['scaling'])} scaling decisions",
        f"generator: {generator['cpuPercent']:.0f} % CPU, {generator['clock']} clock, own delay p99 {own}, late p99 {late}",
        *[f"{word.upper()}: {plain(reason)}" for word, reason in doubts(summary)],
    ]
