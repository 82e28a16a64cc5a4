"""The final table: what a person reads at the end of a run.

Two lines an endpoint, because a sentence needs more room than a column of 80 leaves: the figures, and below them what
limited it. A key that is too long for its column has a line of its own. Latencies are response times; a percentile that so
few requests cannot carry is a dash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rich.cells import cell_len
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from tressi.run.flow_parts import as_endpoint, flows_of, is_step, lost_words
from tressi.run.judgement import has_many_failures, judge_run, missed_words, status_words
from tressi.run.shortfall import mean_differs, verdicts
from tressi.run.warm_up import came_words, measured_s
from tressi.text import SHORTEST_S, common_origin, counted, milliseconds, percentile_ms, plain, rate, run_words, summary_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from tressi.run.judgement import Judgement

_FIGURES = ("asked", "got", "n", "workers", "p50", "p99", "svc p99", "missed", "failed")
_FLOW_FIGURES = ("asked", "got", "n", "users", "p50", "p99", "max", "missed", "completed", "abandoned")
_GAP = 2
_THRESHOLDS_SHOWN = 20
_STYLES: Final = {"good": "bold green", "warn": "bold yellow", "bad": "bold red"}


def summary_table(summary: Mapping[str, Any]) -> RenderableType:
    """Each endpoint's figures and what limited it, then the run in a few lines."""
    origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])
    heading = counted(len(summary["endpoints"]), "endpoint") + (f" of {plain(origin)}" if origin else "")
    called = run_words(summary.get("name"), summary.get("labels", {}))
    return Group(
        *([Text(called, style="bold")] if called else []),
        *_flows(summary),
        Text(f"{heading}: RPS, n requests, response times in ms"),
        _Rows(_endpoint_rows(summary)),
        *_thresholds(summary["thresholds"], summary_labels(summary)),
        *[Text(line) for line in run_lines(summary)],
    )


def verdict_lines(judgement: Judgement, code: int, why: str | None = None) -> RenderableType:
    """The last lines of a run: further reasons for its verdict, and at last the verdict with the gravest one.

    The exit code stands behind it with its reason, `why` being another one than the judgement's.
    """
    first, *others = map(plain, judgement.reasons)
    if judgement.word == "PASSED":
        first, others = "; ".join((first, *others)), []
    # One line whatever the width, because a program that reads the output takes its last line.
    last = Text(no_wrap=True, overflow="ignore")
    last.append(judgement.word, _STYLES[judgement.tone])
    last.append(f": {first} (exit code {code}: {plain(why or judgement.ending_reason)})")
    return Group(*[Text(f"also: {reason}") for reason in others], last)


def _thresholds(verdicts: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> list[Text]:
    """A line each; of many only those that failed, and how many others there are."""
    shown = verdicts if len(verdicts) <= _THRESHOLDS_SHOWN else [one for one in verdicts if not one["passed"]]
    lines = [_threshold(verdict, labels) for verdict in shown]
    hidden = len(verdicts) - len(shown)
    return lines if not hidden else [*lines, Text(f"passed  {hidden} other thresholds")]


def _threshold(verdict: Mapping[str, Any], labels: Mapping[str, str]) -> Text:
    """One threshold in a line: its verdict, what it is about, and why."""
    word, style = ("passed", "green") if verdict["passed"] else ("FAILED", "bold red")
    of = "" if verdict["endpointKey"] is None else f"{labels.get(verdict['endpointKey'], plain(verdict['endpointKey']))}: "
    return Text.assemble((f"{word}  ", style), f"{of}{plain(verdict['threshold'])}", (f"  ({plain(verdict['detail'])})", "dim"))


class _Row(NamedTuple):
    """A line of a table and the words below it; the one without words is the heading."""

    label: str
    figures: tuple[str, ...]
    words: str = ""


def _endpoint_rows(summary: Mapping[str, Any]) -> list[_Row]:
    said, shown, lasted_s = verdicts(summary), summary_labels(summary), measured_s(summary)
    rows = [
        _Row(shown[key], _figures(one, lasted_s), _words(one, said[key], summary))
        for one in summary["endpoints"]
        for key in [one["endpointKey"]]
    ]
    return [_Row("endpoint", _FIGURES), *rows]


def _flows(summary: Mapping[str, Any]) -> list[RenderableType]:
    """Each flow in a table of its own columns; nothing where there is none."""
    flows, said, lasted_s = flows_of(summary), verdicts(summary), measured_s(summary)
    if not flows:
        return []
    rows = [
        _Row(plain(one["name"]), _flow_figures(one, lasted_s), _flow_words(one, said[one["endpointKey"]], summary))
        for one in flows
    ]
    heading = f"{counted(len(flows), 'flow')}: starts per second, n starts, durations in ms without thinking"
    return [Text(heading), _Rows([_Row("flow", _FLOW_FIGURES), *rows])]


def _flow_figures(flow: Mapping[str, Any], lasted_s: float) -> tuple[str, ...]:
    duration, completed = flow["durationMs"], flow["flowsCompleted"]
    return (
        rate(flow["askedStartsPerSecond"]),
        rate(flow["startsPerSecond"]) if lasted_s >= SHORTEST_S else "-",
        str(flow["flowsStarted"]),
        str(flow["workerCount"]),
        *(percentile_ms(duration[name], completed, percent) for name, percent in (("p50", 50), ("p99", 99))),
        milliseconds(duration["max"]),
        str(flow["flowsMissed"]),
        str(completed),
        str(flow["flowsAbandoned"]),
    )


def _flow_words(flow: Mapping[str, Any], limit: str, summary: Mapping[str, Any]) -> str:
    """What limited a flow, and where it lost users."""
    part, lost = as_endpoint(flow), lost_words(flow, summary)
    cut, under_way, peak = flow["flowsCut"], flow["flowsUnderWay"], flow["peakWorkerCount"]
    words = (
        _mean_words(part),
        limit,
        f"at most {counted(peak, 'user')}" if peak != flow["workerCount"] else "",
        missed_words(part, summary),
        lost if lost not in limit else "",
        f"{counted(cut, 'start')} still under way at the end {'was' if cut == 1 else 'were'} cut" if cut else "",
        f"no end was seen of {counted(under_way, 'start')}" if under_way else "",
    )
    return "; ".join(filter(None, words))


class _Rows:
    """The lines of a table, laid out for the console's width."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        figures = _aligned([row.figures for row in self._rows])
        room = max(1, options.max_width - len(figures[0]) - _GAP)
        fitting = [cell_len(row.label) for row in self._rows if cell_len(row.label) <= room]
        width = max(fitting, default=0)
        for (label, _, words), line in zip(self._rows, figures, strict=True):
            length = cell_len(label)
            if length > room:
                yield Text(label)
                label, length = "", 0  # noqa: PLW2901 - the rest of its line is empty
            # Where only the figures have room there is no column of labels.
            yield Text(f"{label}{' ' * (width - length + _GAP * bool(width))}{line}", style="" if words else "bold")
            if words and options.no_wrap:
                yield Text(f"{' ' * _GAP}{words}", style="dim")
            elif words:
                yield Padding(Text(words, style="dim"), (0, 0, 0, _GAP), expand=False)


def _figures(endpoint: Mapping[str, Any], lasted_s: float) -> tuple[str, ...]:
    made, answered = endpoint["requestsMade"], sum(endpoint["statusCodes"].values())
    response, service = endpoint["responseTimeMs"], endpoint["serviceTimeMs"]
    # The rate and the workers of a step are its flow's.
    is_own = not is_step(endpoint)
    return (
        rate(endpoint["askedRps"]) if is_own else "-",
        rate(endpoint["rps"]) if lasted_s >= SHORTEST_S else "-",
        str(made),
        str(endpoint["workerCount"]) if is_own else "-",
        percentile_ms(response["p50"], made, 50),
        percentile_ms(response["p99"], made, 99),
        percentile_ms(service["p99"], answered, 99),
        str(endpoint["requestsMissed"]) if is_own else "-",
        str(endpoint["requestsFailed"]),
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Each row in a line, its cells to the right of their columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [(" " * _GAP).join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _words(endpoint: Mapping[str, Any], limit: str, summary: Mapping[str, Any]) -> str:
    """What limited an endpoint, and what its figures alone would hide."""
    cut = endpoint["requestsCut"]
    peak = endpoint["peakWorkerCount"]
    parts = (
        _mean_words(endpoint),
        limit,
        f"at most {counted(peak, 'worker')}" if peak != endpoint["workerCount"] else "",
        missed_words(endpoint, summary),
        f"{counted(cut, 'request')} still in flight at the end {'was' if cut == 1 else 'were'} cut" if cut else "",
        f"statuses: {status_words(endpoint)}" if _has_other_statuses(endpoint) else "",
        _error_words(endpoint),
        _success_words(endpoint),
    )
    return "; ".join(filter(None, parts))


def _mean_words(endpoint: Mapping[str, Any]) -> str:
    """The mean of the rate asked for, where ramp, changes or a pause make it another one."""
    mean_rps = endpoint["targetRps"]
    return f"asked: mean {rate(mean_rps)}" if mean_differs(endpoint["askedRps"], mean_rps) else ""


def _has_other_statuses(endpoint: Mapping[str, Any]) -> bool:
    """Whether some answer was no 2xx."""
    return not all(code.startswith("2") for code in endpoint["statusCodes"])


def _error_words(endpoint: Mapping[str, Any]) -> str:
    """Errors by kind, each with its first reason; statuses that failed are told apart."""
    reasons = {one["kind"]: f" ({plain(one['reason'])})" for one in reversed(endpoint["errorReasons"])}
    ranked = sorted(endpoint["errors"].items(), key=lambda item: -item[1])
    kinds = ", ".join(f"{count:,} {plain(kind)}{reasons.get(kind, '')}" for kind, count in ranked)
    return f"errors: {kinds}" if kinds else ""


def _success_words(endpoint: Mapping[str, Any]) -> str:
    """Service times of the successes, where fast or slow failures would hide them."""
    success, count = endpoint["successTimeMs"], endpoint["requestsSucceeded"]
    if not success or not count or not has_many_failures(endpoint):
        return ""
    p50, p99 = percentile_ms(success["p50"], count, 50), percentile_ms(success["p99"], count, 99)
    return f"of the successes alone svc p50 {p50}, svc p99 {p99}"


def run_lines(summary: Mapping[str, Any]) -> list[str]:
    """The run in words: what came, how it ended, and whether its figures can be trusted."""
    total, generator = summary["global"], summary["generator"]
    went = f"{total['requestsFailed']} failed, {total['requestsMissed']} missed"
    detail = f": {plain(summary['endDetail'])}" if summary["endDetail"] else ""
    own = milliseconds(generator["ownDelayMs"]["p99"])
    late = milliseconds(generator["lateSendsMs"]["p99"])
    return [
        f"{came_words(summary)}, {went}",
        f"ended by {summary['endReason']}{detail}; {len(summary['scaling'])} scaling decisions",
        f"generator: {generator['cpuPercent']:.0f} % CPU, {generator['clock']} clock, own delay p99 {own}, late p99 {late}",
        *([f"late: {plain(generator['late'])}"] if generator["late"] else []),
    ]


def verdict_words(summary: Mapping[str, Any]) -> str:
    """The verdict with all its reasons, in one line of plain text."""
    judgement = judge_run(summary)
    return f"{judgement.word}: {'; '.join(map(plain, judgement.reasons))}"
