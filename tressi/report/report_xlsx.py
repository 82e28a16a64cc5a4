"""The summary as an Excel workbook: sheets under the names that users of the original tool know, and charts of the run.

The timeline lies endpoint by endpoint and not second by second, because a chart draws rows that follow one another.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from tressi.report.page.failed_kinds import failed_kinds
from tressi.report.page.ranking import ranked
from tressi.report.rows import (
    CHANGES,
    ENDPOINT,
    ERRORS,
    FLOW,
    GLOBAL,
    METRICS,
    REASONS,
    SAMPLES,
    SCALING,
    STATUS_CODES,
    STEPS,
    THRESHOLDS,
    TIMELINE,
    endpoint_row,
    error_rows,
    flow_row,
    http2_columns,
    metrics_row,
    reason_rows,
    second_row,
    status_code_rows,
    step_rows,
    timeline_columns,
)
from tressi.report.workbook import LAST_ROW, NAMED_VALUES, book_in
from tressi.run.flow_parts import flows_of
from tressi.run.judgement import judge_run
from tressi.run.shortfall import verdicts
from tressi.text import summary_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from xlsxwriter.chart import Chart
    from xlsxwriter.worksheet import Worksheet

    from tressi.report.workbook import Book

CHARTED_ENDPOINTS: Final = 10  # more lines than this nobody tells apart

FAILURES: Final = ("kind", "count", "share", "firstAt", "lastAt", "where", "why")
WORST_FIRST: Final = (False, None, True)
_TIMELINE = "Timeline"
# Of all endpoints together: title, unit, and the columns drawn by what they are called there; then of each endpoint.
_WHOLE: Final = (
    ("Rate, all endpoints", "RPS", {"asked": "targetRps", "achieved": "currentRps"}),
    ("Service time, all endpoints", "ms", {"p50": "p50", "p99": "p99"}),
    ("Workers, all endpoints", "workers", {"workers": "workerCount"}),
    ("Starts missed, all endpoints", "in the second", {"missed": "missed"}),
)
_EACH: Final = (
    ("Rate, by endpoint", "RPS", "currentRps"),
    ("Service time p99, by endpoint", "ms", "p99"),
    ("Workers, by endpoint", "workers", "workerCount"),
)
_CHART = {"width": 640, "height": 300}
_CHART_ROWS = 16  # rows of the usual height that a chart covers, and a little more
_CHART_COLUMNS = 11  # likewise
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B", "#7F7F7F", "#BCBD22")


def render(summary: Mapping[str, Any], *, parts_in: Path | None = None) -> bytes:
    """Write the workbook. Raises TressiError where its library is missing.

    Its parts are put together in a folder of their own in `parts_in`, without it in the temporary folder.
    """
    stream = BytesIO()
    with book_in(stream, datetime.fromisoformat(summary["startedAt"]).astimezone(UTC), parts_in) as book:
        _fill(book, summary)
    return stream.getvalue()


def _fill(book: Book, summary: Mapping[str, Any]) -> None:
    book.sheet("Global summary", NAMED_VALUES, _global(summary))
    judged = sorted(summary["thresholds"], key=lambda one: WORST_FIRST.index(one["passed"]))
    book.sheet("Thresholds", THRESHOLDS, _cells(THRESHOLDS, judged))
    said = verdicts(summary)
    endpoints = ({**endpoint_row(row.endpoint), "limit": row.words} for row in ranked(summary))
    columns = (*ENDPOINT, *METRICS, *http2_columns(summary))
    book.sheet("Endpoints", (*columns, "what limited it"), _cells((*columns, "limit"), endpoints))
    if flows_of(summary):
        flows = ({**flow_row(one), "limit": said[one["endpointKey"]]} for one in flows_of(summary))
        book.sheet("Flows", (*FLOW, "what limited it"), _cells((*FLOW, "limit"), flows))
        book.sheet("Flow steps", STEPS, _cells(STEPS, step_rows(summary)), frozen=3)
    book.sheet("Failures", FAILURES, _failures(summary))
    book.sheet("Status codes", STATUS_CODES, _cells(STATUS_CODES, status_code_rows(summary)))
    book.sheet("Errors", ERRORS, _cells(ERRORS, error_rows(summary)))
    book.sheet("Error reasons", REASONS, _cells(REASONS, reason_rows(summary)))
    book.sheet("Sampled responses", SAMPLES, _cells(SAMPLES, summary["samples"]), wrapped=True)
    book.sheet("Scaling", SCALING, _cells(SCALING, summary["scaling"]), frozen=2)
    book.sheet("Changes", CHANGES, _cells(CHANGES, summary["changes"]))
    seconds = timeline_columns(warm_up="warmUpSec" in summary)
    timeline = book.sheet(_TIMELINE, seconds, _cells(seconds, _timeline(summary)), frozen=2)
    _draw(book, timeline, summary)
    config = json.dumps(summary["config"], indent=2, ensure_ascii=False).split("\n")
    book.sheet("Config", ("config",), ([line] for line in config))


def _cells(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[list[object]]:
    return ([row[column] for column in columns] for row in rows)


def _failures(summary: Mapping[str, Any]) -> Iterator[list[object]]:
    """What failed, by kind, with the seconds in which each was first and last seen, and how much of it where."""
    labels = summary_labels(summary)
    for one in failed_kinds(summary):
        where = ", ".join(f"{labels[key]} {count:,}" for key, count in one.endpoints)
        why = "; ".join(f"{reason} ({count:,})" for reason, count in one.reasons)
        yield [one.what, one.count, one.share, one.first_s, one.last_s, where, why]


def _global(summary: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The run, what it can be trusted with, and the metrics of all endpoints together."""
    judgement, generator = judge_run(summary), summary["generator"]
    yield "verdict", judgement.word
    yield from (("reason", reason) for reason in judgement.reasons)
    yield "exitReason", judgement.ending_reason
    yield from (("name", summary["name"]) for _ in range("name" in summary))
    yield from ((f"label.{key}", value) for key, value in summary.get("labels", {}).items())
    names = ("startedAt", "durationSec", "warmUpSec", "endReason", "endDetail", "tressiVersion")
    yield from ((name, summary[name]) for name in names if name in summary)
    yield from metrics_row(summary["global"]).items()
    for name, value in generator.items():
        if isinstance(value, dict):
            yield from ((f"generator.{name}.{inner}", figure) for inner, figure in value.items())
        elif not isinstance(value, list):
            yield f"generator.{name}", value
    yield from ((f"generator.{name}", reason) for name in ("reasons", "lost") for reason in generator[name])


def _timeline(summary: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All seconds of all endpoints together, then those of each endpoint, then those of each flow."""
    for key in (GLOBAL, *(one["endpointKey"] for one in (*summary["endpoints"], *flows_of(summary)))):
        yield from (second_row(moment, key) for moment in summary["timeline"])


# ------------------------------------------------------------------------------------------------------------- the charts


def _draw(book: Book, sheet: Worksheet, summary: Mapping[str, Any]) -> None:
    """Charts beside the timeline: on the left of all endpoints together, on the right of each."""
    beside = len(timeline_columns(warm_up="warmUpSec" in summary)) + 1
    seconds = len(summary["timeline"])
    if not 0 < seconds < LAST_ROW:
        return
    for place, (title, unit, lines) in enumerate(_WHOLE):
        row_s = summary["timelineSeconds"]
        chart = _chart(book, title, unit if row_s == 1 else unit.replace("the second", f"{row_s} s"), seconds)
        for name, column in lines.items():
            _add_line(chart, name, 0, column, seconds)
        sheet.insert_chart(1 + place * _CHART_ROWS, beside, chart)
    # Of many endpoints only those whose seconds are all in the sheet.
    drawn = min(CHARTED_ENDPOINTS, len(summary["endpoints"]), (LAST_ROW - 1) // seconds - 1)
    for place, (title, unit, column) in enumerate(_EACH if drawn else ()):
        chart = _chart(book, title, unit, seconds)
        for block in range(1, 1 + drawn):
            _add_line(chart, [_TIMELINE, 1 + block * seconds, TIMELINE.index("endpointKey")], block, column, seconds)
        sheet.insert_chart(1 + place * _CHART_ROWS, beside + _CHART_COLUMNS, chart)


def _chart(book: Book, title: str, unit: str, seconds: int) -> Chart:
    chart = book.book.add_chart({"type": "line"})
    chart.set_title({"name": title, "overlay": False, "name_font": {"size": 12}})
    chart.set_x_axis({"name": "seconds", "interval_unit": max(1, seconds // 10), "num_format": "0"})
    chart.set_y_axis({"name": unit, "min": 0, "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}})
    chart.set_legend({"position": "bottom"})
    chart.set_size(_CHART)
    return chart


def _add_line(chart: Chart, name: str | list[object], block: int, column: str, seconds: int) -> None:
    """Draw one column over the seconds of an endpoint, whose rows are the `block`th of the sheet."""
    first, last = 1 + block * seconds, (1 + block) * seconds
    number = TIMELINE.index(column)
    chart.add_series(
        {
            "name": name,
            "categories": [_TIMELINE, first, 0, last, 0],
            "values": [_TIMELINE, first, number, last, number],
            "line": {"width": 1.5, "color": _COLOURS[len(chart.series) % len(_COLOURS)]},
        }
    )
