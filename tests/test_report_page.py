"""docs/output.md names everything that a run gives out."""

import re
from pathlib import Path

import pytest
from summaries import decision, summary_of

from tressi.cli.exits import Exit
from tressi.report import endpoints_csv, scaling_csv, timeline_csv
from tressi.report.formats import FORMATS
from tressi.vocabulary import ERROR_KINDS

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parent.parent / "docs" / "output.md").read_text(encoding="utf-8")
NAMES = set(re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE)))


def names_of(value, *, but):
    """Every key in a document, except in the objects under the keys `but`, which hold names of the user's."""
    if isinstance(value, list):
        return {name for item in value for name in names_of(item, but=but)}
    if not isinstance(value, dict):
        return set()
    inner = {name for key, item in value.items() if key not in but for name in names_of(item, but=but)}
    return set(value) | inner


def test_every_field_of_the_summary_is_explained():
    """The summary has no name that the page has not."""
    summary = summary_of(decisions=[decision("GET http://host/good")])
    rows = [row for moment in summary["timeline"] for row in moment["endpoints"].values()]
    names = names_of({**summary, "timeline": []}, but={"config", "statusCodes", "errors"})
    names |= names_of([*summary["timeline"], *rows], but={"endpoints", "statusCodes"})
    assert len(names) > 60
    assert names - NAMES == set()


@pytest.mark.parametrize("columns", [endpoints_csv.COLUMNS, timeline_csv.COLUMNS, scaling_csv.COLUMNS])
def test_every_column_is_explained(columns):
    """A column is a field of the summary, or nested names joined by a dot."""
    assert {part for column in columns for part in column.split(".")} - NAMES == set()


def test_every_file_error_kind_and_exit_code_is_on_the_page():
    """What a reader may meet is looked up here."""
    assert set(FORMATS) - NAMES == set()
    assert set(ERROR_KINDS) - NAMES == set()
    assert [code.value for code in Exit if not re.search(rf"^\| .*\b{code.value}\b.* \|", PAGE, re.MULTILINE)] == []
