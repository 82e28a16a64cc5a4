"""The glossary explains every word that a user meets, with its unit and an example in numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from each import each

from tressi.model import EndReason
from tressi.report.table import COLUMNS as FINAL_COLUMNS
from tressi.report.table import FLOW_COLUMNS
from tressi.run.judgement import Word
from tressi.stats.selfcheck import Rule
from tressi.ui.live.columns import COLUMNS
from tressi.vocabulary import COUNTS, ERROR_KINDS, FLOW_COUNTS, FLOW_LATENCIES, LATENCIES

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

EXPECTED = {
    "columns of the live picture": [column.name for column in COLUMNS],
    "columns of the final table": ["endpoint", *(column.name for column in FINAL_COLUMNS)],
    "columns of the table of flows": ["flow", *(column.name for column in FLOW_COLUMNS)],
    "kinds of errors": ERROR_KINDS,
    "latencies": [one.summary for one in LATENCIES],
    "times of flows": [f"{FLOW_LATENCIES[0].summary}Ms", FLOW_LATENCIES[1].summary],
    "counts of flows": [one.summary for one in FLOW_COUNTS],
    "counts of the summary": ["requestsMade", *(one.summary for one in COUNTS if one.summary)],
    "rules of the self-check": get_args(Rule),
    "verdicts": get_args(Word),
    "ends of a run": get_args(EndReason),
}


def rows() -> list[list[str]]:
    """The cells of each row of the tables, without their heads."""
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line.startswith("| ")]
    return [cells for cells in found if cells[0] not in {"word", "---"}]


# A row may have a word of prose and the same as a name of the summary.
WORDS = [word for cells in rows() for word in {word.strip("`") for word in cells[0].split(", ")}]


@each("what", EXPECTED)
def test_what_a_user_meets_is_explained(what):
    """A new column, kind, latency or verdict has an entry."""
    assert [word for word in EXPECTED[what] if word not in WORDS] == []


def test_every_entry_has_meaning_unit_and_example():
    """Four cells each, none empty, and the example has a number in it."""
    wrong = [cells for cells in rows() if len(cells) != 4 or not all(cells) or not re.search(r"\d", cells[3])]
    assert wrong == []


def test_no_word_is_explained_twice():
    """One word, one meaning."""
    assert sorted(word for word in set(WORDS) if WORDS.count(word) > 1) == []


def test_the_pages_that_use_the_words_link_to_the_glossary():
    """A reader of any of them finds what a word means."""
    pages = ["README.md", *(f"docs/{name}.md" for name in ("output", "terminal", "autoscaling", "architecture", "dashboard"))]
    assert [page for page in pages if not re.search(r"\((docs/)?glossary\.md\)", (ROOT / page).read_text("utf-8"))] == []
