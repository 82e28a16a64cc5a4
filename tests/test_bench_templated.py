"""The bench of templates holds requests of one size against each other, and says what it found."""

import csv
import io

import pytest

from bench.templated import ASKED, COLUMNS, PICKS, _said, cells, static, templated, write_table
from tressi.config.load import load_config
from tressi.request.compiled import compiled
from tressi.request.render import render
from tressi.request.tables import load, row_of

pytestmark = pytest.mark.pure


def rendered(document, folder, row=0):
    """The request of a config as bytes, with one row of its table, and how many rows that has."""
    made = compiled(load_config({**document, "workers": 1, "duration": 1}), str(folder))
    block = io.BytesIO()
    sources = load(made.uses, block)
    cells_of = {number: row_of(block.getvalue(), source, row) for number, source in enumerate(sources)}
    return render(made.renderings[0][0], cells_of)


@pytest.mark.parametrize("pick", PICKS)
def test_static_and_templated_requests_have_one_size(pick, tmp_path):
    """The first row makes the very bytes of the static request, and every other row as many."""
    table = tmp_path / "users.csv"
    write_table(table, 50)
    plain = rendered(static("http://127.0.0.1:8080"), tmp_path)
    document = templated("http://127.0.0.1:8080", str(table), pick)
    made = [rendered(document, tmp_path, row) for row in range(50)]
    assert made[0] == plain
    assert len(set(made)) == 50
    assert {len(request) for request in made} == {len(plain)}


def test_the_table_has_three_columns_of_one_width_and_weights(tmp_path):
    """A row in the millions is as wide as the first."""
    write_table(tmp_path / "users.csv", 3)
    with (tmp_path / "users.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [tuple(row.values()) for row in rows] == list(cells(3))
    assert {tuple(map(len, list(row.values())[:3])) for row in rows} == {(7, 11, 32)}
    assert all(1 <= int(row["share"]) <= 9 for row in rows)


def test_the_verdict_is_that_of_the_median():
    """One disturbed pair does not decide, and neither side's own figure does."""
    assert _said("full", "zipf", [[10.0, 10.0], [30.0, 10.0], [20.4, 20.0]]).endswith("kept")
    assert _said("full", "zipf", [[10.0, 10.0], [30.0, 10.0], [22.0, 20.0]]).endswith(f"above {ASKED}")
