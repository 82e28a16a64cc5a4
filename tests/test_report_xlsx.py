"""The workbook, as openpyxl reads it: sheets, charts, formats, and Excel's limits."""

import gc
import io
import os
import re
import resource
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice

import pytest
from openpyxl import load_workbook
from summaries import decision, endpoint_snapshot, summary_of, verdict

from tressi.report import report_xlsx, workbook
from tressi.report.report_xlsx import CHARTED_ENDPOINTS
from tressi.report.rows import TIMELINE

pytestmark = pytest.mark.pure

SHEETS = ["Global summary", "Thresholds", "Endpoints", "Failures", "Status codes", "Errors", "Error reasons"]
SHEETS += ["Sampled responses", "Scaling", "Changes", "Timeline", "Config"]


def opened(summary):
    """The workbook of a summary."""
    return load_workbook(io.BytesIO(report_xlsx.render(summary)))


@contextmanager
def few_descriptors(spare):
    """Room for so many more files than are open, and not one more; what is left open is closed in silence."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = (number for number in range(soft) if not os.path.lexists(f"/proc/self/fd/{number}"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (next(islice(free, spare, None)), hard))
    gc.freeze()  # the search for what was left open passes over all that was there before
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            gc.collect()
            gc.unfreeze()


def test_without_file_descriptors_the_system_says_why(tmp_path, monkeypatch):
    """The library needs some for its sheets and one more at its end: whichever fails, it is an error of the system's."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    summary = summary_of()
    for spare in range(len(SHEETS) + 1):
        with few_descriptors(spare), pytest.raises(OSError, match="Too many open files"):
            report_xlsx.render(summary)
    with few_descriptors(len(SHEETS) + 1):
        assert report_xlsx.render(summary)


def test_every_sheet_has_a_header_that_stays_and_a_filter():
    """The header stays in view while scrolling; every row is within the filter."""
    book = opened(summary_of(decisions=[decision("GET http://host/good")], verdicts=[verdict()]))
    assert book.sheetnames == SHEETS
    for sheet in book:
        assert sheet.freeze_panes in {"B2", "C2"}, sheet.title
        assert sheet.auto_filter.ref.startswith("A1:")
        assert sheet["A1"].font.bold


def test_numbers_are_numbers_with_a_format():
    """A share is shown in percent, a latency to the microsecond, a count with its thousands apart."""
    sheet = opened(summary_of())["Endpoints"]
    head = [cell.value for cell in sheet[1]]
    row = dict(zip(head, sheet[2], strict=True))  # the one that failed
    assert (row["errorRate"].value, row["errorRate"].number_format) == (1, "0.00%")
    assert (row["requestsMade"].value, row["requestsMade"].number_format) == (40, "#,##0")
    assert row["rps"].number_format == "#,##0.0"
    assert sheet.cell(3, head.index("serviceTimeMs.p99") + 1).number_format == "#,##0.000"
    assert row["serviceTimeMs.p99"].value is None
    assert row["autoscale"].value is True


def test_a_value_has_the_format_of_its_name():
    """In the sheet of names and values each value is shown as in any other sheet; a threshold's is as it is."""
    book = opened(summary_of(verdicts=[verdict()]))
    formats = {row[0].value: row[1].number_format for row in book["Global summary"].iter_rows(min_row=2)}
    names = ("durationSec", "errorRate", "requestsMade", "rps", "serviceTimeMs.p99")
    assert [formats[name] for name in names] == ["0.000", "0.00%", "#,##0", "#,##0.0", "#,##0.000"]
    assert [cell.number_format for cell in book["Thresholds"][2][3:5]] == ["General", "General"]


def test_the_workbook_is_of_the_runs_time():
    """Not of the time at which it is written: the same summary makes the same bytes whenever it is asked."""
    properties = opened({**summary_of(), "startedAt": "2026-01-01T02:00:00.000+02:00"}).properties
    assert properties.created == properties.modified == datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def lines_of(chart):
    """The ranges that a chart draws, from their first row to their last."""
    return [(line.val.numRef.f, line.cat.numRef.f) for line in chart.series]


@pytest.mark.parametrize("endpoints", [1, 3, CHARTED_ENDPOINTS + 2])
def test_charts_draw_the_seconds_of_their_endpoint(endpoints):
    """Each line is of one column over the rows of one endpoint; of many endpoints the first ones are drawn."""
    keys = [f"GET http://host/{number}" for number in range(endpoints)]
    summary = summary_of(*map(endpoint_snapshot, keys))
    sheet = opened(summary)["Timeline"]
    assert [sheet.cell(2 + 2 * block, 2).value for block in range(1 + endpoints)] == ["global", *keys]
    assert len(sheet._charts) == 7
    drawn = [line for chart in sheet._charts for line in lines_of(chart)]
    assert len(drawn) == 6 + 3 * min(endpoints, CHARTED_ENDPOINTS)
    for values, seconds in drawn:
        column, first, last = re.fullmatch(r"Timeline!\$(\w)\$(\d+):\$\1\$(\d+)", values).groups()
        assert seconds == f"Timeline!$A${first}:$A${last}"
        assert int(last) - int(first) + 1 == 2
        assert len({sheet.cell(row, 2).value for row in range(int(first), int(last) + 1)}) == 1
        assert sheet[f"{column}1"].value in TIMELINE


def test_rows_beyond_excels_last_are_counted(monkeypatch):
    """The rows that fit are there, the last one says how many are not, and no chart draws what is not there."""
    monkeypatch.setattr(workbook, "LAST_ROW", 4)
    monkeypatch.setattr(report_xlsx, "LAST_ROW", 4)
    sheet = opened(summary_of())["Timeline"]  # of 6 rows
    shown = [sheet.cell(row, 2).value for row in range(2, 5)]
    assert shown == ["global", "global", "GET http://host/good"]
    assert sheet["A5"].value == "and 3 more rows"
    assert sheet.max_row == 5
    assert sheet.auto_filter.ref == "A1:S4"
    assert [len(chart.series) for chart in sheet._charts] == [2, 2, 1, 1]


def test_failures_stand_by_kind_with_their_seconds():
    """How often, from when to when, and where; the worst endpoint and a broken threshold stand first."""
    summary = summary_of(verdicts=[verdict("a > 1"), verdict("b > 1", passed=False)])
    for t, row in enumerate(summary["timeline"], start=1):
        row["global"]["failures"] = {"connect": 20}
        row["t"] = float(t)
    book = opened(summary)
    assert [cell.value for cell in book["Failures"][2]][:6] == ["connect", 40, 40 / 140, 1, 2, "GET /bad 40"]
    assert book["Endpoints"]["A2"].value == "GET http://host/bad"
    assert [book["Thresholds"][f"A{row}"].value for row in (2, 3)] == ["b > 1", "a > 1"]


def test_a_second_has_its_tail_and_its_counts():
    """One of an earlier version has neither, and its cells are empty."""
    summary = summary_of()
    del summary["timeline"][1]["global"]["p95"], summary["timeline"][1]["global"]["statusCodes"]
    sheet = opened(summary)["Timeline"]
    head = [cell.value for cell in sheet[1]]
    shown = [[sheet.cell(row, 1 + head.index(name)).value for name in ("p95", "max", "statusCodes")] for row in (2, 3)]
    assert shown == [[1.5, 1.5, "200=50"], [None, 1.5, None]]


def test_a_run_without_a_second_has_no_charts():
    """An engine that failed to start leaves a workbook all the same."""
    summary = {**summary_of(), "timeline": []}
    assert opened(summary)["Timeline"]._charts == []
