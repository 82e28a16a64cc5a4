"""Words that hide their subject: a reader who is no native speaker has to guess what such a sentence is about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent

# The word or phrase, and what to write instead.
PLAIN = {
    "whoever": "name the one who acts: the reader, the caller, an endpoint",
    "for want of": "because no … was free, because … has run out",
    "be it": "whether … or …",
    "of whose": "two sentences, the second with `its` or `their`",
    "at hand": "available, in memory, or leave it out",
    "free of us": "without the generator's own delay",
    "but for us": "if the generator added no delay of its own",
    "but that": "except that",
    "that we come to": "that the reactor serves, that the loop reads",
    "of ours": "of tressi's, of the generator's, of this process",
    "of theirs": "name the owner",
    "what there is": "name the thing: the figures, the document, the rows",
    "what is no": "a value that is not a …",
    "fails of": "fails because of",
    "tells of": "says, describes, reports",
    "in vain": "without success, or say what did not happen",
}
WHERE = (
    "*.md",
    "docs/*.md",
    "tressi/**/*",
    "bench/*",
    "fuzz/**/*",
    "release/*",
    "scripts/*",
    "tests/*",
    "tests/responses/*",
    "examples/**/*",
)
SUFFIXES = {".md", ".py", ".pyi", ".pyx", ".pxd", ".h", ".js", ".html", ".css", ".json", ".lark", ""}
# Inputs that a fuzzer made, and this list itself.
NOT_PROSE = ("fuzz/corpus", "tests/test_words.py")

# A phrase may be broken over two lines of a comment.
_GAP = r"\s+(?:(?:#|//|\*)\s+)?"
HIDDEN = {phrase: re.compile(rf"\b{phrase.replace(' ', _GAP)}\b", re.IGNORECASE) for phrase in PLAIN}


def files() -> list[str]:
    """Every file that a person reads, by its path from the root."""
    found = {path for pattern in WHERE for path in ROOT.glob(pattern) if path.is_file() and path.suffix in SUFFIXES}
    names = sorted(str(path.relative_to(ROOT)) for path in found)
    return [name for name in names if not name.startswith(NOT_PROSE) and "__pycache__" not in name]


def complaints(name: str, text: str) -> list[str]:
    """A sentence for each phrase in a text that hides its subject: where it stands, and what to write instead."""
    lower = text.lower()
    # Most phrases are in no file: a search for their words is faster than one for the expression.
    near = [phrase for phrase in HIDDEN if all(word in lower for word in phrase.split())]
    found = [(match.start(), phrase) for phrase in near for match in HIDDEN[phrase].finditer(text)]
    return [f'{name}:{text.count(chr(10), 0, at) + 1}: "{phrase}": write {PLAIN[phrase]}' for at, phrase in sorted(found)]


def test_no_text_hides_its_subject():
    """Docs, comments, docstrings and messages name who does what."""
    found = [line for name in files() for line in complaints(name, (ROOT / name).read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(
            "missed for want of a lane",
            ['x:1: "for want of": write because no … was free, because … has run out'],
            id="in a line",
        ),
        pytest.param(
            "one\n    # missed for want\n    # of a lane",
            ['x:2: "for want of": write because no … was free, because … has run out'],
            id="over two lines of a comment",
        ),
        pytest.param(
            "Whoever asks", ['x:1: "whoever": write name the one who acts: the reader, the caller, an endpoint'], id="a capital"
        ),
        pytest.param("maybe it is; what is not; for wanting", [], id="other words"),
    ],
)
def test_a_complaint_names_place_and_remedy(text, found):
    """The phrase is found however it is broken, and never within other words."""
    assert complaints("x", text) == found


def test_the_places_that_are_left_out_exist():
    """An entry of a file that is gone would leave out another of that name later."""
    assert [name for name in NOT_PROSE if not (ROOT / name).exists()] == []
