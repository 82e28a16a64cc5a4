"""The page for contributors names files and what stands in them: both have to be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
STEPS = re.findall(r"^\d+\. .*$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
ROOMS = ("tressi/", "tests/", "scripts/", "docs/")
LEAST_STEPS = 25


def text_of(place: Path) -> str:
    """A file, or all modules of a folder."""
    files = place.glob("*.py") if place.is_dir() else (place,)
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def wrong_in(step: str) -> list[str]:
    """The places of a step that are not there, and the names that the place before them lacks."""
    found, text = [], ""
    for quoted in re.findall(r"`([^`]+)`", step):
        if not quoted.startswith(ROOMS):
            found += [] if quoted in text else [f"{quoted} is not where this says: {step}"]
        elif (ROOT / quoted).exists():
            text = text_of(ROOT / quoted)
        else:
            found.append(f"{quoted} does not exist: {step}")
    return found


def test_every_step_names_what_is_there():
    """A change that renames a table or moves a file mends the page, too."""
    assert len(STEPS) >= LEAST_STEPS
    assert [line for step in STEPS for line in wrong_in(step)] == []


def test_a_step_that_is_wrong_is_noticed():
    """A file that has gone, and a name that stands elsewhere."""
    assert len(wrong_in("1. `tressi/gone.py`: its row")) == 1
    assert len(wrong_in("1. `tressi/vocabulary.py`: `COUNTS`, `FORMATS`")) == 1
