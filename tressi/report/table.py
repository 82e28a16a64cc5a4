"""The final table: what a person reads at the end of a run.

One line an endpoint, all together in one more, and words only where there is a reason for them: a target that was not met, a
status that is no 2xx, an error. Latencies are response times; a percentile that so few requests cannot carry is a dash.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from tressi.report.grid import GAP, Cell, Column, Row, laid_out
from tressi.run.flow_parts import flows_of, is_step, lost_words
from tressi.run.judgement import has_many_failures, judge_run, status_words
from tressi.run.shortfall import limits, mean_differs
from tressi.run.sure_words import interval_words
from tressi.run.warm_up import came_words, measured_s
from tressi.stats.nodes_words import nodes_words
from tressi.text import (
    SHORTEST_S,
    carries,
    common_origin,
    counted,
    plain,
    run_words,
    summary_labels,
    three_digits,
)
from tressi.vocabulary import is_plain_success

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from tressi.report.grid import Piece
    from tressi.run.judgement import Judgement
    from tressi.run.shortfall import Limit

# In the order in which they are shown; what matters least goes first where there is no room.
COLUMNS: Final = (
    Column("asked", 9),
    Column("got", 11),
    Column("requests", 10),
    Column("failed", 12),
    Column("missed", 8),
    Column("p50", 4, yields=True),
    Column("p95", 3, yields=True),
    Column("p99", 13),
    Column("max", 5, yields=True),
    Column("svc p99", 2, yields=True),
    Column("workers", 1, yields=True),
)
FLOW_COLUMNS: Final = (
    Column("asked", 7),
    Column("got", 9),
    Column("starts", 8),
    Column("abandoned", 12),
    Column("missed", 6),
    Column("p50", 4, yields=True),
    Column("p95", 2, yields=True),
    Column("p99", 11),
    Column("max", 5, yields=True),
    Column("completed", 3, yields=True),
    Column("users", 1, yields=True),
)
_PERCENTILES: Final = (("p50", 50), ("p95", 95), ("p99", 99))
_OF_SUCCESSES: Final = (("p50", 50), ("p99", 99))
_THRESHOLDS_SHOWN = 20
_STYLES: Final = {"good": "bold green", "warn": "bold yellow", "bad": "bold red"}
# What limited a part that had all that was asked for: there is no reason to give.
_MET: Final = frozenset({"target met", "as fast as responses came", "as fast as users came to the end"})


def summary_table(summary: Mapping[str, Any]) -> RenderableType:
    """Each endpoint's figures, what limited it where it was limited, all together, and the run in a few lines."""
    origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])
    heading = counted(len(summary["endpoints"]), "endpoint") + (f" of {plain(origin)}" if origin else "")
    called = run_words(summary.get("name"), summary.get("labels", {}))
    found = limits(summary)
    return Group(
        *([Text(called, style="bold")] if called else []),
        *_flows(summary, found),
        Text(f"{heading}: rates per second, response times in ms"),
        GridTable("endpoint", COLUMNS, _endpoint_rows(summary, found)),
        *_thresholds(summary["thresholds"], summary_labels(summary)),
        *[Text(line) for line in _closing_lines(summary)],
    )


class VerdictLines:
    """The last lines of a run: further reasons for its verdict, and at last the verdict with the exit code and its reason.

    The gravest reason stands in the last line, and of a run that has passed as many others as the window is wide. `why` is
    another reason for the exit code than the judgement's.
    """

    def __init__(self, judgement: Judgement, code: int, why: str | None = None) -> None:
        self._judgement, self._code, self._why = judgement, code, why

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        begin = self._begin()
        first, *others = map(plain, self._judgement.reasons)
        while others and self._judgement.word == "PASSED":
            longer = f"{first}; {others[0]}"
            if not options.no_wrap and len(self._judgement.word) + cell_len(begin + longer) > options.max_width:
                break
            first = longer
            others.pop(0)
        yield from (Text(f"also: {reason}") for reason in others)
        # In a pipe one line however long it is, because a program that reads the output takes its last line.
        yield Text().append(self._judgement.word, _STYLES[self._judgement.tone]).append(f"{begin}{first}")

    def _begin(self) -> str:
        """The exit code, with its reason where the verdict's is another one."""
        judgement, why = self._judgement, self._why
        is_said = judgement.word == "PASSED" or judgement.ending in {"failed", "broken"}
        if why is None and is_said:
            return f", exit code {self._code}: "
        return f", exit code {self._code} ({plain(why or judgement.ending_reason)}): "


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


def _endpoint_rows(summary: Mapping[str, Any], found: Mapping[str, Limit]) -> list[Row]:
    """A row for each endpoint, and one for all together where there are several."""
    shown, lasted_s = summary_labels(summary), measured_s(summary)
    rows = [
        Row(shown[one["endpointKey"]], _figures(one, limit, lasted_s), _words(one, limit))
        for one in summary["endpoints"]
        for limit in [found[one["endpointKey"]]]
    ]
    if len(rows) > 1:
        rows.append(Row(f"all {len(rows):,}", _total_figures(summary, lasted_s), style="bold"))
    return rows


def _figures(endpoint: Mapping[str, Any], limit: Limit, lasted_s: float) -> tuple[Cell, ...]:
    made, answered = endpoint["requestsMade"], sum(endpoint["statusCodes"].values())
    workers, peak = endpoint["workerCount"], endpoint["peakWorkerCount"]
    service_p99 = endpoint["serviceTimeMs"]["p99"]
    # The rate and the workers of a step are its flow's.
    is_own = not is_step(endpoint)
    return (
        Cell(_asked(endpoint["askedRps"]) if is_own else "-"),
        _got(endpoint["rps"], lasted_s, is_short=limit.is_short),
        Cell(f"{made:,}"),
        _bad(endpoint["requestsFailed"], "red"),
        _bad(endpoint["requestsMissed"], "yellow") if is_own else Cell("-"),
        *_times(endpoint["responseTimeMs"], made, endpoint),
        Cell(three_digits(service_p99 if carries(answered, 99) else None)),
        Cell(f"{workers:,}", f"(peak {peak:,})" if peak != workers else "") if is_own else Cell("-"),
    )


def _total_figures(summary: Mapping[str, Any], lasted_s: float) -> tuple[Cell, ...]:
    """All endpoints together. Nothing was asked of all of them where some are steps, which come as their flow comes to them."""
    total, endpoints = summary["global"], summary["endpoints"]
    answered, has_steps = sum(total["statusCodes"].values()), any(map(is_step, endpoints))
    workers = sum(one["workerCount"] for one in (*endpoints, *flows_of(summary)) if not is_step(one))
    service_p99 = total["serviceTimeMs"]["p99"]
    return (
        Cell("-" if has_steps else _asked(total["askedRps"])),
        _got(total["rps"], lasted_s),
        Cell(f"{total['requestsMade']:,}"),
        _bad(total["requestsFailed"], "red"),
        _bad(total["requestsMissed"], "yellow"),
        *_times(total["responseTimeMs"], total["requestsMade"], total),
        Cell(three_digits(service_p99 if carries(answered, 99) else None)),
        Cell(f"{workers:,}"),
    )


def _asked(rps: float | None) -> str:
    """A rate asked for; None is "max": nothing limits it."""
    return "max" if rps is None else three_digits(rps)


def _got(rps: float, lasted_s: float, *, is_short: bool = False) -> Cell:
    return Cell(three_digits(rps) if lasted_s >= SHORTEST_S else "-", style="yellow" if is_short else "")


def _bad(count: int, style: str) -> Cell:
    """A count that should be nothing."""
    return Cell(f"{count:,}", style=style if count else "")


def _times(times: Mapping[str, float | None], count: int, metrics: Mapping[str, Any]) -> Iterable[Cell]:
    """Three percentiles of so many values, each with its interval, and the largest value."""
    for name, percent in _PERCENTILES:
        is_carried, interval = carries(count, percent), interval_words(metrics, name)
        yield Cell(three_digits(times[name] if is_carried else None), f"({interval})" if interval and is_carried else "")
    yield Cell(three_digits(times["max"]))


def _flows(summary: Mapping[str, Any], found: Mapping[str, Limit]) -> list[RenderableType]:
    """Each flow in a table of its own columns; nothing where there is none."""
    flows, lasted_s = flows_of(summary), measured_s(summary)
    if not flows:
        return []
    rows = [
        Row(plain(one["name"]), _flow_figures(one, limit, lasted_s), _flow_words(one, limit.words, summary))
        for one in flows
        for limit in [found[one["endpointKey"]]]
    ]
    heading = f"{counted(len(flows), 'flow')}: starts per second, durations in ms without thinking"
    return [Text(heading), GridTable("flow", FLOW_COLUMNS, rows)]


def _flow_figures(flow: Mapping[str, Any], limit: Limit, lasted_s: float) -> tuple[Cell, ...]:
    completed, users, peak = flow["flowsCompleted"], flow["workerCount"], flow["peakWorkerCount"]
    return (
        Cell(_asked(flow["askedStartsPerSecond"])),
        _got(flow["startsPerSecond"], lasted_s, is_short=limit.is_short),
        Cell(f"{flow['flowsStarted']:,}"),
        _bad(flow["flowsAbandoned"], "red"),
        _bad(flow["flowsMissed"], "yellow"),
        *_times(flow["durationMs"], completed, flow),
        Cell(f"{completed:,}"),
        Cell(f"{users:,}", f"(peak {peak:,})" if peak != users else ""),
    )


def _flow_words(flow: Mapping[str, Any], limit: str, summary: Mapping[str, Any]) -> str:
    """What limited a flow, and where it lost users."""
    lost, cut, under_way = lost_words(flow, summary), flow["flowsCut"], flow["flowsUnderWay"]
    words = (
        _mean_words(flow["askedStartsPerSecond"], flow["targetStartsPerSecond"]),
        "" if limit in _MET else limit,
        lost if lost not in limit else "",
        f"{counted(cut, 'start')} still under way at the end {'was' if cut == 1 else 'were'} cut" if cut else "",
        f"no end was seen of {counted(under_way, 'start')}" if under_way else "",
    )
    return "; ".join(filter(None, words))


class GridTable:
    """A table, laid out for the console's width; where there is no terminal nothing of it is cut."""

    def __init__(self, heading: str, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        self._heading, self._columns, self._rows = heading, columns, rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = None if options.no_wrap else options.max_width
        for pieces, below in laid_out(self._heading, self._columns, self._rows, room):
            # Pieces in one style are one piece: rich takes its time for each, and a table may have a thousand rows.
            joined = [("".join(one.text for one in alike), style) for style, alike in groupby(pieces, key=_style_of)]
            yield Text.assemble(*joined, no_wrap=True, overflow="ignore" if room is None else "crop")
            if below:
                yield Padding(Text(below, style="dim"), (0, 0, 0, GAP), expand=False)


def _style_of(piece: Piece) -> str:
    return piece.style


def _words(endpoint: Mapping[str, Any], limit: Limit) -> str:
    """Why an endpoint has not got what was asked for, and what its figures alone would hide."""
    lost = endpoint.get("abandoned", 0)
    is_plain = limit.words in _MET or (is_step(endpoint) and not lost and not endpoint["requestsFailed"])
    parts = (
        _mean_words(endpoint["askedRps"], endpoint["targetRps"]),
        "" if is_plain else limit.words,
        f"statuses: {status_words(endpoint)}" if _has_other_statuses(endpoint) else "",
        _error_words(endpoint),
        _success_words(endpoint),
    )
    return "; ".join(filter(None, parts))


def _mean_words(asked_rps: float | None, mean_rps: float | None) -> str:
    """The mean of the rate asked for, where ramp, changes or a pause make it another one."""
    return f"asked: mean {three_digits(mean_rps)}" if mean_differs(asked_rps, mean_rps) else ""


def _has_other_statuses(endpoint: Mapping[str, Any]) -> bool:
    """Whether some answer was no 2xx."""
    return not all(map(is_plain_success, endpoint["statusCodes"]))


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
    told = [f"svc {name} {three_digits(success[name])}" for name, percent in _OF_SUCCESSES if carries(count, percent)]
    return f"of the successes alone {', '.join(told)}" if told else ""


def _closing_lines(summary: Mapping[str, Any]) -> list[str]:
    """The run in words below a table that has its counts already."""
    cut = summary["global"]["requestsCut"]
    return [
        f"{came_words(summary)}; {_end_words(summary)}",
        *([f"{counted(cut, 'request')} still in flight at the end {'was' if cut == 1 else 'were'} cut"] if cut else []),
        *_generator_lines(summary),
    ]


def run_lines(summary: Mapping[str, Any]) -> list[str]:
    """The run in words: what came, how it ended, and whether its figures can be trusted."""
    total = summary["global"]
    went = f"{total['requestsFailed']:,} failed, {total['requestsMissed']:,} missed"
    return [f"{came_words(summary)}, {went}", _end_words(summary), *_generator_lines(summary)]


def _end_words(summary: Mapping[str, Any]) -> str:
    detail = f": {plain(summary['endDetail'])}" if summary["endDetail"] else ""
    return f"ended by {summary['endReason']}{detail}; {counted(len(summary['scaling']), 'scaling decision')}"


def _generator_lines(summary: Mapping[str, Any]) -> list[str]:
    generator = summary["generator"]
    own, late = (_p99_words(generator[name]) for name in ("ownDelayMs", "lateSendsMs"))
    cpu, clock = f"{generator['cpuPercent']:.0f} % CPU", f"{generator['clock']} clock"
    said = f"generator: {cpu}, {clock}, own delay p99 {own}, late p99 {late}"
    if "sharedArrivalMs" in generator:
        said += f", shared arrivals p99 {_p99_words(generator['sharedArrivalMs'])}"
    nodes = [nodes_words(summary["nodes"])] if summary.get("nodes") else []
    return [said, *([f"late: {plain(generator['late'])}"] if generator["late"] else []), *nodes]


def _p99_words(times: Mapping[str, float | None]) -> str:
    return "-" if times["p99"] is None else f"{three_digits(times['p99'])} ms"


def verdict_words(summary: Mapping[str, Any]) -> str:
    """The verdict with all its reasons, in one line of plain text."""
    judgement = judge_run(summary)
    return f"{judgement.word}: {'; '.join(map(plain, judgement.reasons))}"
