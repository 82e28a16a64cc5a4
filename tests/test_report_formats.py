"""The export's files: the same numbers in each, and nothing that anybody would obey."""

import csv
import io
import json

import pytest
from summaries import HOSTILE, summary_of

from tressi.errors import OutputError
from tressi.report import endpoints_csv, summary_json, timeline_csv
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
    """The timeline in the CSV is the summary's."""
    summary = summary_of()
    rows = rows_of(timeline_csv.render(summary))
    expected = [(moment["t"], key) for moment in summary["timeline"] for key in moment["endpoints"]]
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
    written = write_export(summary_of(), tmp_path / "new" / "folder")
    assert {path.name for path in written} == set(FORMATS)
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == set(FORMATS)
    assert all(path.stat().st_mode & 0o044 for path in written)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    """What stands in the way is told with its path, and costs no other file, before it or after."""
    (tmp_path / "endpoints.csv").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*endpoints\.csv"):
        write_export(summary_of(), tmp_path)
    assert json.loads((tmp_path / "summary.json").read_bytes())["schemaVersion"] == 1
    assert rows_of((tmp_path / "timeline.csv").read_bytes())
    assert not list(tmp_path.glob(".*"))


def test_a_directory_that_no_system_can_have_is_an_output_error(tmp_path):
    """A NUL in the name is told like anything else that cannot be written."""
    with pytest.raises(OutputError, match="null byte"):
        write_export(summary_of(), tmp_path / "a\0b")


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """A write that breaks off leaves what was there, and no half file."""
    (tmp_path / "summary.json").write_text("old")
    broken = summary_of()
    broken["config"] = {"unserialisable": object()}
    with pytest.raises(TypeError):
        write_export(broken, tmp_path)
    assert (tmp_path / "summary.json").read_text() == "old"
