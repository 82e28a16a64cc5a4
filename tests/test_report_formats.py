"""The export's files: the same numbers in each, and nothing that anybody would obey."""

import copy
import csv
import errno
import io
import json
import re
import sys

import pytest
from summaries import HOSTILE, decision, summary_of

from tressi.errors import OutputError
from tressi.report import endpoints_csv, formats, summary_json, timeline_csv
from tressi.report.csv_table import cell
from tressi.report.formats import FORMATS, write_export


def rows_of(data):
    """The rows of a CSV as dictionaries."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_the_json_is_the_summary():
    """Reading it back gives what was written."""
    summary = summary_of()
    assert json.loads(summary_json.render(summary)) == summary


@pytest.mark.parametrize(
    "number", [2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, pytest.param(10**3000, id="of 3001 digits")]
)
def test_an_integer_of_any_size_is_written_digit_for_digit(number):
    """A payload may have numbers beyond 64 bits, at any depth; they cost neither the run's results nor a digit."""
    summary = summary_of()
    summary["config"] = {"requests": [{"payload": {"id": number, "ids": [number, True, 1.5, None]}}]}
    assert json.loads(summary_json.render(summary)) == summary


def test_every_column_is_the_summarys_value():
    """Read back, each cell of each endpoint is what the summary has under the column's name, to the last digit."""
    summary = summary_of()
    for row, endpoint in zip(rows_of(endpoints_csv.render(summary)), summary["endpoints"], strict=True):
        for column, shown in row.items():
            value = endpoint
            for name in column.split("."):
                value = value[name]
            if isinstance(value, dict):
                value = " ".join(f"{name}={count}" for name, count in value.items())
            assert shown == ("" if value is None else str(value).lower() if isinstance(value, bool) else str(value)), column


def test_every_endpoint_has_its_row():
    """The figures in the CSV are those of the summary, to the last digit."""
    summary = summary_of()
    rows = rows_of(endpoints_csv.render(summary))
    assert [row["endpointKey"] for row in rows] == [endpoint["endpointKey"] for endpoint in summary["endpoints"]]
    for row, endpoint in zip(rows, summary["endpoints"], strict=True):
        assert int(row["requestsMade"]) == endpoint["requestsMade"]
        assert float(row["rps"]) == endpoint["rps"]
        assert row["serviceTimeMs.p99"] == (
            "" if endpoint["serviceTimeMs"]["p99"] is None else str(endpoint["serviceTimeMs"]["p99"])
        )
        assert row["statusCodes"] == " ".join(f"{code}={count}" for code, count in endpoint["statusCodes"].items())


def test_every_second_and_endpoint_has_its_row():
    """The timeline in the CSV is the summary's: each second of all endpoints together, then of each."""
    summary = summary_of()
    rows = rows_of(timeline_csv.render(summary))
    expected = [(moment["t"], key) for moment in summary["timeline"] for key in ("global", *moment["endpoints"])]
    assert [(float(row["t"]), row["endpointKey"]) for row in rows] == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula_or_an_escape(text):
    """Text from outside reaches a spreadsheet or a terminal as text."""
    shown = cell(text)
    assert shown[0] not in "=+-@\t\r"
    assert shown.isprintable()


@pytest.mark.parametrize(("value", "shown"), [(None, ""), (True, "true"), (-3, -3), (0.5, 0.5), ("GET /a", "GET /a")])
def test_numbers_stay_numbers(value, shown):
    """A negative number is no formula, and nothing is an empty cell."""
    assert cell(value) == shown


def test_an_export_has_every_format(tmp_path):
    """One file a format, nothing else beside them, readable like any other file."""
    export = write_export(summary_of(), tmp_path / "new" / "folder")
    export.check()
    assert export.left_out == []
    assert {path.name for path in export.written} == set(FORMATS)
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == set(FORMATS)
    assert all(path.stat().st_mode & 0o044 for path in export.written)


def test_the_summary_and_the_test_suite_come_first():
    """A disk that fills up halfway leaves what programs and CI systems ask for."""
    assert list(FORMATS)[:2] == ["summary.json", "junit.xml"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_cannot_be_written_is_named(tmp_path, name):
    """What stands in the way is told with its path, and costs no other file, before it or after."""
    (tmp_path / name).mkdir()
    export = write_export(summary_of(), tmp_path)
    with pytest.raises(OutputError, match=rf"cannot write .*{re.escape(name)}"):
        export.check()
    assert [path.name for path in export.written] == [other for other in FORMATS if other != name]
    assert all(path.stat().st_size for path in export.written)
    assert not list(tmp_path.glob(".*"))


def test_a_directory_that_no_system_can_have_is_an_output_error(tmp_path):
    """A NUL in the name is told like anything else that cannot be written."""
    export = write_export(summary_of(), tmp_path / "a\0b")
    assert (export.written, len(export.failures)) == ([], len(FORMATS))
    with pytest.raises(OutputError, match="null byte"):
        export.check()


@pytest.mark.parametrize("name", FORMATS)
def test_a_renderer_that_raises_costs_no_other_file(tmp_path, monkeypatch, name):
    """A mistake in one format leaves what was there before, and every other file is whole."""

    def broken(_summary):
        raise ZeroDivisionError("a mistake")

    (tmp_path / name).write_text("old")
    monkeypatch.setattr(formats, "FORMATS", {**FORMATS, name: broken})
    export = write_export(summary_of(), tmp_path)
    assert (tmp_path / name).read_text() == "old"
    assert [path.name for path in export.written] == [other for other in FORMATS if other != name]
    with pytest.raises(ZeroDivisionError, match="a mistake"):
        export.check()


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """A write that breaks off leaves what was there, and no half file."""

    def filling():
        yield b"half a file"
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "latency.hlog").write_text("old")
    export = write_export(summary_of(), tmp_path, filling())
    with pytest.raises(OutputError, match=r"latency\.hlog: No space left on device"):
        export.check()
    assert (tmp_path / "latency.hlog").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == set(FORMATS)


def test_without_its_library_a_file_is_left_out(tmp_path, monkeypatch):
    """The others are written, nothing has failed, and it is said which file is missing and how to get it."""
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    export = write_export(summary_of(), tmp_path)
    export.check()
    (sentence,) = export.left_out
    assert str(tmp_path / "report.xlsx") in sentence
    assert "pip install 'tressi[report]'" in sentence
    assert {path.name for path in tmp_path.iterdir()} == set(FORMATS) - {"report.xlsx"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_a_pure_function(name):
    """The same summary makes the same bytes, and is not touched."""
    summary = summary_of(decisions=[decision("GET http://host/good")])
    before = copy.deepcopy(summary)
    once = FORMATS[name](summary)
    assert FORMATS[name](summary) == once
    assert summary == before
