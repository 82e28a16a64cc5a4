"""The table's layout: which columns there is room for, what stands beside figures, and where a label is cut."""

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tressi.report.grid import Cell, Column, Row, laid_out
from tressi.report.table import COLUMNS
from tressi.text import three_digits

pytestmark = pytest.mark.pure

FEW = (Column("got", 3), Column("p50", 1, yields=True), Column("p99", 2))
LONG = "GET /api/v1/items/42/positions"


def text(columns, rows, room):
    """The lines of a table."""
    return ["".join(piece.text for piece in line.pieces) for line in laid_out("endpoint", columns, rows, room)]


def row(label, *texts, words=""):
    """A row of figures."""
    return Row(label, tuple(Cell(one) for one in texts), words)


def test_a_column_goes_before_a_name_is_cut():
    """First those that yield to names; then the name is cut in its middle, down to what still tells it, and then others go."""
    rows = [row(LONG, "100", "1.50", "20.0")]
    assert text(FEW, rows, 47)[1] == f"{LONG}  100  1.50  20.0"
    assert text(FEW, rows, 46)[1] == f"{LONG}  100  20.0"
    assert text(FEW, rows, 40)[1] == "GET /api/…/items/42/positions  100  20.0"
    assert text(FEW, rows, 22)[0].split() == ["endpoint", "got"]
    assert text(FEW, rows, None)[1] == f"{LONG}  100  1.50  20.0"


def test_what_stands_beside_a_figure_is_there_where_all_of_it_has_room():
    """Figures still end at one place, and what is said beside them begins at one."""
    cells = (Cell("12.4", "(11.9 to 13.1)"), Cell("7"))
    rows = [Row("a", cells), Row("b", (Cell("9.12"), Cell("10")))]
    columns = (Column("p99", 2), Column("n", 1))
    wide = 33
    assert text(columns, rows, wide) == [
        "endpoint   p99                  n",
        "a         12.4 (11.9 to 13.1)   7",
        "b         9.12                 10",
    ]
    assert text(columns, rows, wide - 1)[1:] == ["a         12.4   7", "b         9.12  10"]
    assert text(columns, rows, None) == text(columns, rows, wide)


def test_words_stand_at_the_end_of_their_row_or_below_it():
    """Beside where those of every row have room, else below."""
    rows = [row("a", "1", "2", "3", words="short of workers"), row("b", "4", "5", "6")]
    line = "a           1    2    3"
    beside, below = (laid_out("endpoint", FEW, rows, room)[1] for room in (41, 40))
    assert ("".join(piece.text for piece in beside.pieces), beside.below) == (f"{line}  short of workers", "")
    assert ("".join(piece.text for piece in below.pieces), below.below) == (line, "short of workers")


@given(st.lists(st.text("ab/漢", min_size=1, max_size=60), min_size=1, max_size=4), st.integers(20, 140))
def test_no_line_is_wider_than_the_window(labels, room):
    """Whatever the labels; and no figure is ever cut."""
    rows = [row(label, *["1,234"] * len(COLUMNS)) for label in labels]
    for line in text(COLUMNS, rows, room)[1:]:
        assert cell_len(line) <= room
        assert line.endswith("  1,234")
        assert line.count("1") == line.count("1,234")


@each(
    ("value", "shown"),
    [
        (None, "-"),
        (0, "0"),
        (0.034, "0.034"),
        (0.9996, "1.00"),
        (9.996, "10.0"),
        (50, "50.0"),
        (99.96, "100"),
        (1234.5, "1,234"),
    ],
)
def test_figures_are_rounded_alike(value, shown):
    """Three digits, all of those before the point, and none finer than a thousandth."""
    assert three_digits(value) == shown


@given(st.floats(0.1, 1e9))
def test_no_figure_is_wrong_by_more_than_a_two_hundredth(value):
    """Three digits are as good as that."""
    assert float(three_digits(value).replace(",", "")) == pytest.approx(value, rel=0.005)
