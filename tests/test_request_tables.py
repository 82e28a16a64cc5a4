"""Tables in the block that engines share, read back by a reader of this test's own."""

import csv
import io
import random
import struct
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.errors import ConfigError
from tressi.model.data import Rows, Uuid
from tressi.request.aliases import aliases
from tressi.request.parts import Table
from tressi.request.tables import Use, load, row_of

pytestmark = pytest.mark.pure

CELL = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


def read(block, table):
    """All rows of a table, and its weights as the aliases say them, read as docs in `request.block` describe it."""
    at = table.offset
    assert at % 8 == 0
    rows, columns, width, place, has_aliases, size = struct.unpack_from("=QIIIIQ", block, at)
    assert (rows, columns) == (table.rows, table.columns)
    at += 32
    places = struct.unpack_from(f"={rows}{'I' if place == 4 else 'Q'}", block, at)
    at += rows * place
    at += -at % 8
    shares = None
    if has_aliases:
        stays = struct.unpack_from(f"={rows}d", block, at)
        others = struct.unpack_from(f"={rows}I", block, at + 8 * rows)
        at += 12 * rows
        at += -at % 8
        shares = [0.0] * rows
        for row in range(rows):
            assert 0 <= stays[row] <= 1
            shares[row] += stays[row] / rows
            shares[others[row]] += (1 - stays[row]) / rows
    assert at + size <= len(block)
    found = []
    for begin in places:
        sizes = struct.unpack_from(f"={columns}{ {1: 'B', 2: 'H', 4: 'I'}[width] }", block, at + begin)
        cell, row = at + begin + columns * width, []
        for length in sizes:
            row.append(block[cell : cell + length])
            cell += length
        found.append(tuple(row))
    return found, shares


def written(path, table, head):
    """A CSV file, as Python writes it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(head)
        writer.writerows(table)
    return str(path)


def loaded(*uses):
    """The sources, and the block."""
    block = io.BytesIO()
    sources = load(uses, block)
    return sources, block.getvalue()


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=40), st.integers(0, 300))
def test_every_cell_is_in_the_block(tmp_path_factory, table, length):
    """Rows in their order, columns in the order of their uses, and cells of every size."""
    table = [*table, ("x" * length, "last")]
    file = written(tmp_path_factory.mktemp("t") / "t.csv", table, ["a", "b"])
    use = Use("t", Rows("data.t.file", ("a", "b"), file, "csv"), (("b", "raw"), ("a", "json")))
    lines = Use("v", Rows("data.v.values", values=tuple(range(5))), ((None, "value"),))
    (first, generator, second), block = loaded(use, Use("u", Uuid()), lines)

    assert generator == Uuid()
    found, shares = read(block, first)
    assert shares is None
    assert [(row[1].decode(), row[0].decode()) for row in found] == [
        (a.translate({ord(sign): escape for sign, escape in ESCAPES.items()}), b) for a, b in table
    ]
    assert [row_of(block, first, number) for number in range(first.rows)] == found
    assert read(block, second)[0] == [(str(number).encode(),) for number in range(5)]


ESCAPES = {chr(code): f"\\u{code:04x}" for code in range(32)} | {
    "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\",
}  # fmt: skip


@pytest.mark.parametrize(("longest", "width"), [(255, 1), (256, 2), (65_535, 2), (65_536, 4)])
def test_the_size_of_a_cell_takes_as_few_bytes_as_it_can(tmp_path, longest, width):
    """One cell that is too long makes the table be written again."""
    (tmp_path / "t.txt").write_text("\n".join(["a", "b" * longest, "c"]))
    (table,), block = loaded(Use("t", Rows("data.t.file", (), str(tmp_path / "t.txt"), "lines"), ((None, "raw"),)))
    assert struct.unpack_from("=I", block, 12) == (width,)
    assert read(block, table)[0] == [(b"a",), (b"b" * longest,), (b"c",)]


def test_a_table_with_empty_lines_has_no_gap(tmp_path):
    """Room is made for as many rows as there are lines, and given back."""
    (tmp_path / "t.csv").write_text("a\n" + "\n" * 5_000 + "1\n" + "\n" * 5_000 + "2\n")
    (table,), block = loaded(Use("t", Rows("data.t.file", ("a",), str(tmp_path / "t.csv"), "csv"), (("a", "raw"),)))
    assert read(block, table)[0] == [(b"1",), (b"2",)]
    assert len(block) == 32 + 8 + 4


@given(st.lists(st.integers(0, 1000) | st.floats(0, 1e6), min_size=1, max_size=50).filter(any))
def test_aliases_say_the_weights(weights):
    """Each row is drawn with a probability in proportion to its weight."""
    from array import array

    stays, others = aliases(array("d", weights))
    shares = [0.0] * len(weights)
    for row in range(len(weights)):
        shares[row] += stays[row] / len(weights)
        shares[others[row]] += (1 - stays[row]) / len(weights)
    assert shares == pytest.approx([weight / sum(weights) for weight in weights], abs=1e-9)
    assert all(not shares[row] for row, weight in enumerate(weights) if weight == 0)


def test_weights_come_from_their_column(tmp_path):
    """Chi-square of draws by the aliases in the block: within five standard deviations."""
    weights = [1, 0, 2.5, 10, 0.5]
    file = written(tmp_path / "t.csv", [(f"r{row}", weight) for row, weight in enumerate(weights)], ["name", "w"])
    rows = Rows("data.t.file", ("name", "w"), file, "csv", pick="weight", weight="w")
    (table,), block = loaded(Use("t", rows, (("name", "raw"),)))
    assert table == Table(5, 1, 0, "weight", 0.0)
    _, shares = read(block, table)
    assert shares == pytest.approx([weight / 14 for weight in weights])
    draws = Counter(random.Random(7).choices(range(5), shares, k=10_000))
    square = sum((draws[row] - 10_000 * share) ** 2 / (10_000 * share) for row, share in enumerate(shares) if share)
    assert square < 3 + 5 * 6**0.5


@pytest.mark.parametrize(
    ("content", "options", "context", "message"),
    [
        ("name,w\na,1\nb,x\n", {"pick": "weight", "weight": "w"}, "raw", "line 3: the w 'x' is no number from 0 on"),
        ("name,w\na,1\nb,-1\n", {"pick": "weight", "weight": "w"}, "raw", "line 3: the w '-1' is no number from 0 on"),
        ("name,w\na,1\nb,nan\n", {"pick": "weight", "weight": "w"}, "raw", "line 3: the w 'nan' is no number from 0 on"),
        ("name,w\na,0\nb,0\n", {"pick": "weight", "weight": "w"}, "raw", "has no row whose w is above 0"),
        ("name,w\n", {}, "raw", "has no row"),
        ("name,w\na\n", {}, "raw", "line 2 has 1 cell, and the first line names 2 columns"),
        (
            'name,w\na,1\n\n"b\nc",1\n',
            {},
            "header",
            "line 5: the name has U+000A, which is a control character, and which no header can carry",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, content, options, context, message):
    """With the place in the config, the file, the line and the rule."""
    (tmp_path / "t.csv").write_text(content)
    rows = Rows("data.t.file", ("name", "w"), str(tmp_path / "t.csv"), "csv", **options)
    with pytest.raises(ConfigError) as caught:
        loaded(Use("t", rows, (("name", context),)))
    assert str(caught.value) == f"data.t.file: {tmp_path}/t.csv {message}"


def test_a_file_that_is_gone_is_named(tmp_path):
    """It was there when the config was read."""
    rows = Rows("data.t.file", ("a",), str(tmp_path / "gone.csv"), "csv")
    with pytest.raises(ConfigError, match=r"data\.t\.file: .*gone\.csv cannot be read: No such file"):
        loaded(Use("t", rows, (("a", "raw"),)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_may_be_those_of_any_system(tmp_path, end):
    """Also a carriage return alone, after the first line: the room for the places of rows is counted by line ends."""
    rows = Rows("data.t.file", ("a", "b"), str(tmp_path / "t.csv"), "csv")
    (tmp_path / "t.csv").write_bytes(("a,b\n" + end.join(f"{number},{number}" for number in range(50))).encode())
    (table,), block = loaded(Use("t", rows, (("a", "raw"),)))
    assert [row_of(block, table, number) for number in range(table.rows)] == [(b"%d" % number,) for number in range(50)]


def test_a_file_that_changes_after_the_config_was_read_is_refused(tmp_path, monkeypatch):
    """Its columns, its rows while it is read, and a file in the place of which a folder is."""
    path = tmp_path / "t.csv"
    rows = Rows("data.t.file", ("a",), str(path), "csv")
    use = Use("t", rows, (("a", "raw"),))
    path.write_text("b\n1\n")
    with pytest.raises(ConfigError, match=r"t\.csv has no column 'a' any more: it changed after the config was read"):
        loaded(use)
    path.write_text("")
    with pytest.raises(ConfigError, match=r"t\.csv is empty"):
        loaded(use)
    path.write_text("a\n" + "1\n" * 9)
    monkeypatch.setattr("tressi.request.tables._bounds", lambda _: (5, 10))
    with pytest.raises(ConfigError, match=r"t\.csv grew while it was read"):
        loaded(use)
    monkeypatch.undo()
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match=r"t\.csv (cannot be read|is no regular file)"):
        loaded(use)
