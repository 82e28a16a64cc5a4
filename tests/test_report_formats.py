"""The export's files: the same numbers in each, and nothing that anybody would obey."""

import copy
import csv
import errno
import io
import json
import re
import sys

import pytest
from each import each
from summaries import HOSTILE, decision, moment, summary_of

from tressi.errors import OutputError
from tressi.report import endpoints_csv, formats, summary_json, timeline_csv
from tressi.report.csv_table import cell
from tressi.report.formats import FORMATS, write_export
from tressi.report.rows import CONFIDENCE
from tressi.report.timeline_csv import Running
from tressi.stats.summary_rows import row_of

pytestmark = pytest.mark.pure


def rows_of(data):
    """The rows of a CSV as dictionaries."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_the_json_is_the_summary():
    """Reading it back gives what was written."""
    summary = summary_of()
    assert json.loads(summary_json.render(summary)) == summary


def test_the_json_has_a_second_on_a_line():
    """In pieces, so that a day's run is never in memory as text; texts that look like the place of the rows are no trouble."""
    summary = summary_of()
    summary["endDetail"] = '\n  "timeline": []'
    for count in (0, 1, 2):
        document = {**summary, "timeline": summary["timeline"][:count]}
        text = summary_json.render(document)
        assert json.loads(text) == document
        assert sum(line.startswith(b'    {"t":') for line in text.splitlines()) == count
        assert len(list(summary_json.pieces(document))) == count + 2


def second(t):
    """A published second of two endpoints."""
    return moment("GET http://host/a", "GET http://host/b", t=t, saturated_by=("why",))


def test_a_timeline_is_written_as_the_run_goes(tmp_path):
    """After each second it has that second, and at the end it is what the summary would make of the same rows."""
    running = Running(str(tmp_path))
    (tmp_path / "timeline.csv").write_text("of an earlier run")
    for t in (1, 2, 3):
        running.moment(second(t))
        assert len((tmp_path / "timeline.csv").read_bytes().splitlines()) == 1 + 3 * t
    assert running.finish()
    rows = {"timeline": [row_of(second(t)) for t in (1, 2, 3)]}
    assert (tmp_path / "timeline.csv").read_bytes() == timeline_csv.render(rows)


def test_a_run_without_a_second_has_no_timeline_of_its_own(tmp_path):
    """What was there stays until the export is written."""
    (tmp_path / "timeline.csv").write_text("of an earlier run")
    assert not Running(str(tmp_path)).finish()
    assert (tmp_path / "timeline.csv").read_text() == "of an earlier run"


def test_a_disk_that_fills_up_gives_its_room_back(tmp_path, monkeypatch):
    """The summary is worth more than a part of the timeline; the failure is kept, and nothing more is tried."""
    running = Running(str(tmp_path))
    running.moment(second(1))

    def full(_file, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(timeline_csv, "_write_all", full)
    running.moment(second(2))
    assert not (tmp_path / "timeline.csv").exists()
    monkeypatch.undo()
    running.moment(second(3))
    assert not running.finish()
    assert not (tmp_path / "timeline.csv").exists()
    assert running.failure.errno == errno.ENOSPC


def test_a_timeline_belongs_to_the_run_that_ends_with_it():
    """The same columns, the same last moment, and whole."""
    summary = {"timeline": [row_of(second(t)) for t in (1, 2)]}
    lines = timeline_csv.render(summary).splitlines(keepends=True)
    other = {"timeline": [row_of(second(t)) for t in (1, 2.5)]}
    cases = [
        ("its own", lines, summary, True),
        ("with more rows", [*lines[:1], *lines[1:4], *lines[1:4], *lines[4:]], summary, True),
        ("of another run", lines, other, False),
        ("broken off", [*lines[:-1], lines[-1][:-2]], summary, False),
        ("without its last second", lines[:4], summary, False),
        ("with seconds that the summary lacks", lines, {"timeline": summary["timeline"][:1]}, True),
        ("of other columns", [b"t,p50\r\n", *lines[1:]], summary, False),
        ("of nothing", [], summary, False),
        ("beside no rows", lines, {"timeline": []}, False),
    ]
    for what, log, of, is_its_own in cases:
        assert timeline_csv.belongs(log, of) is is_its_own, what


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
    sure = {"steadyFrom": 2.0, "effectiveSamples": 812.5, "p99Low": 1.25, "p99High": None}
    summary["endpoints"][0]["confidence"] = sure
    for row, endpoint in zip(rows_of(endpoints_csv.render(summary)), summary["endpoints"], strict=True):
        for column, shown in row.items():
            value = endpoint
            if column in CONFIDENCE:
                value = dict.fromkeys(CONFIDENCE) | endpoint.get("confidence", {})
            for name in column.split("."):
                # Only the step of a flow says which it is, and how many users were lost at it.
                value = value.get(name) if column in {"flow", "abandoned"} else value[name]
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


@each("text", HOSTILE)
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
    with pytest.raises(OutputError, match="embedded null"):
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


def test_what_is_there_already_is_left_alone(tmp_path):
    """A timeline that the run has written itself is counted among the files, in its place."""
    (tmp_path / "timeline.csv").write_text("written as the run went")
    export = write_export(summary_of(), tmp_path, there=("timeline.csv",))
    export.check()
    assert [path.name for path in export.written] == list(FORMATS)
    assert (tmp_path / "timeline.csv").read_text() == "written as the run went"


def test_what_is_there_gives_way_to_what_is_worth_more(tmp_path, monkeypatch):
    """A timeline that took all of the disk is removed for the summary, and made again from it where it still fits."""
    (tmp_path / "timeline.csv").write_text("written as the run went")
    write = formats._write_beside

    def filling(path, pieces):
        if path.name == "summary.json" and (tmp_path / "timeline.csv").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, pieces)

    monkeypatch.setattr(formats, "_write_beside", filling)
    summary = summary_of()
    export = write_export(summary, tmp_path, there=("timeline.csv",))
    export.check()
    assert [path.name for path in export.written] == list(FORMATS)
    assert (tmp_path / "timeline.csv").read_bytes() == timeline_csv.render(summary)


@pytest.mark.parametrize(("name", "number"), [("summary.json", errno.EACCES), ("report.html", errno.ENOSPC)])
def test_it_gives_way_to_nothing_else(tmp_path, monkeypatch, name, number):
    """Not where there is another reason, and not for what is worth less."""
    (tmp_path / "timeline.csv").write_text("written as the run went")
    write = formats._write_beside

    def failing(path, pieces):
        if path.name == name:
            raise OSError(number, "no")
        write(path, pieces)

    monkeypatch.setattr(formats, "_write_beside", failing)
    export = write_export(summary_of(), tmp_path, there=("timeline.csv",))
    assert len(export.failures) == 1
    assert (tmp_path / "timeline.csv").read_text() == "written as the run went"


def test_a_workbook_needs_no_temporary_folder(tmp_path, monkeypatch):
    """Its parts lie beside it, where there is room for it anyway, and are gone afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    folder = tmp_path / "results"
    export = write_export(summary_of(), folder)
    export.check()
    assert {path.name for path in folder.iterdir()} == set(FORMATS)


def test_without_its_library_a_file_is_left_out(tmp_path, monkeypatch):
    """The others are written, nothing has failed, and it is said which file is missing and how to get it."""
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    export = write_export(summary_of(), tmp_path)
    export.check()
    (sentence,) = export.left_out
    assert str(tmp_path / "report.xlsx") in sentence
    assert "the extra tressi[report]" in sentence
    assert {path.name for path in tmp_path.iterdir()} == set(FORMATS) - {"report.xlsx"}


@each("name", FORMATS)
def test_a_format_is_a_pure_function(name):
    """The same summary makes the same bytes, and is not touched."""
    summary = summary_of(decisions=[decision("GET http://host/good")])
    before = copy.deepcopy(summary)
    once = FORMATS[name](summary)
    assert FORMATS[name](summary) == once
    assert summary == before
