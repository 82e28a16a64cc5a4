"""The rows of a table's file: every format, however its pieces fall, and every mistake with its line."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi import rows
from tressi.rows import RowsError, chunks_of_file, chunks_of_values, head_of, line_of

pytestmark = pytest.mark.pure

DENSE = st.text('",\t\n\r a\x01\x04', max_size=5)
PIECES = ['"', '""', ",", "\n", "\r\n", "a", '",', ',"', '"\n"', '\n"']
CELL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8) | DENSE


def cells(path, form, *columns):
    """All cells of some columns, by column."""
    found = [[] for _ in columns]
    for chunk in chunks_of_file(str(path), form, [(name, False) for name in columns]):
        for column, more in zip(found, chunk.columns, strict=True):
            column.extend(more)
    return [[cell.decode() for cell in column] for column in found]


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=30), st.sampled_from([",", "\t"]), st.integers(20, 400))
def test_what_a_csv_writer_wrote_is_read(tmp_path_factory, table, separator, piece):
    """Quotes, separators and line ends in cells, and pieces of any size: Python's writer and this reader agree."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerow(["a", "b", "c"])
    writer.writerows(table)
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(text.getvalue().encode())
    before = rows._PIECE_BYTES
    rows._PIECE_BYTES = piece
    try:
        found = cells(path, "csv" if separator == "," else "tsv", "c", "a")
    finally:
        rows._PIECE_BYTES = before
    assert found == [[row[2] for row in table], [row[0] for row in table]]


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "a", '",', ',"', '"\n"', '\n"']), max_size=20), st.integers(1, 30)
)
def test_any_text_is_read_as_the_csv_reader_of_python_reads_it(tmp_path_factory, pieces, size):
    """Or refused, where that refuses it or its rows differ in length."""
    text = "h,i\n" + "".join(pieces)
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(text.encode())
    try:
        wanted = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row][1:]
        wanted = wanted if all(len(row) == 2 for row in wanted) else None
    except csv.Error:
        wanted = None
    before = rows._PIECE_BYTES
    rows._PIECE_BYTES = size
    try:
        found = cells(path, "csv", "h", "i")
    except RowsError:
        found = None
    finally:
        rows._PIECE_BYTES = before
    assert found == (None if wanted is None else [[row[0] for row in wanted], [row[1] for row in wanted]])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_empty_lines_and_a_byte_order_mark_are_no_values(tmp_path, end, last, mark):
    """Files of Windows, files without a last line end and files with an empty last line have the same rows."""
    path = tmp_path / "t.csv"
    path.write_bytes((mark + end.join(["a,b", "1,2", "3,4"]) + last.replace("\n", end)).encode())
    assert head_of(str(path), "csv").columns == ("a", "b")
    assert cells(path, "csv", "a", "b") == [["1", "3"], ["2", "4"]]


def test_lines_are_values(tmp_path):
    """One value a line, quotes and commas included; empty lines are none."""
    path = tmp_path / "t.txt"
    path.write_bytes(b'a,"b\n\nc\r\nd')
    assert head_of(str(path), "lines").columns == ()
    assert cells(path, "lines", None) == [['a,"b', "c", "d"]]


def test_members_of_json_lines_are_texts_or_values(tmp_path):
    """A text stands as it is where text is wanted, everything else as JSON; large numbers keep their digits."""
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": "x\\"y", "b": [1, {"c": null}]}\n\n{"b": 123456789012345678901234567890, "a": true}\n')
    assert head_of(str(path), "jsonl").columns == ("a", "b")
    (chunk,) = chunks_of_file(str(path), "jsonl", [("a", False), ("a", True), ("b", True), (None, True)])
    assert chunk.columns[0] == [b'x"y', b"true"]
    assert chunk.columns[1] == [b'"x\\"y"', b"true"]
    assert chunk.columns[2] == [b'[1,{"c":null}]', b"123456789012345678901234567890"]
    assert json.loads(chunk.columns[3][1]) == {"b": 123456789012345678901234567890, "a": True}


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("csv", b"a,b\n1,2\n3\n", "line 3 has 1 cell, and the first line names 2 columns"),
        ("csv", b'a,b\n1,"x\ny"\n3,4,5\n', "line 4 has 3 cells, and the first line names 2 columns"),
        ("csv", b"a,b\n1,2,3\n4\n", "line 2 has 3 cells, and the first line names 2 columns"),
        ("csv", b'a,b\n1,"x\n', "line 2: unexpected end of data"),
        ("csv", b"a,b\n1,\xff\n", "line 2 is not UTF-8"),
        ("csv", b'a,b\n"1",\xff\n', "line 2 is not UTF-8"),
        ("csv", b"a,b\n1,2\n3,\x004\n", "line 3 has a NUL, which no cell can have"),
        ("csv", b"a,a\n", "line 1: names the column 'a' twice"),
        ("csv", b"", "is empty; its first line must name the columns"),
        ("lines", b"x\n\xff\n", "line 2 is not UTF-8"),
        ("jsonl", b'{"a": 1}\n{"a": \n', "line 2 is not JSON: unexpected end of data"),
        ("jsonl", b'{"a": 1}\n{"b": 1}\n', "line 2 has no 'a', which the first row has"),
        ("jsonl", b'{"a": 1}\n7\n', "line 2 has no 'a', which the first row has"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, form, content, message):
    """The line, and what is wrong with it."""
    path = tmp_path / "table"
    path.write_bytes(content)
    with pytest.raises(RowsError) as caught:
        for _ in chunks_of_file(
            str(path), form, [(name, False) for name in head_of(str(path), form).columns] or [(None, False)]
        ):
            pass
    assert str(caught.value) == message


def test_values_of_a_config_are_rows_too():
    """With their JSON types; a mistake names the value."""
    (chunk,) = chunks_of_values([{"a": 1}, {"a": "x"}], [("a", True), ("a", False)])
    assert chunk.columns == [[b"1", b'"x"'], [b"1", b"x"]]
    with pytest.raises(RowsError, match="value 1 has no 'a', which the first row has"):
        list(chunks_of_values([{"a": 1}, {}], [("a", True)]))


def test_the_line_of_a_row_is_found(tmp_path):
    """Line ends within cells and empty lines count as lines, and as no rows."""
    path = tmp_path / "t.csv"
    path.write_text('a\n\n1\n"x\ny"\n3\n')
    assert [line_of(str(path), "csv", number) for number in range(3)] == [3, 5, 6]


def test_a_pipe_is_refused(tmp_path):
    """A table is read more than once."""
    with pytest.raises(RowsError, match="is no regular file"):
        head_of(str(tmp_path), "csv")
