"""Text and tables in GitHub's Markdown, in which nothing from outside means anything.

An escaped character is not enough: GitHub makes links of addresses, of @names and of #numbers after Markdown is done. In a
code span and in a fenced block it makes nothing of anything. So whatever is not obviously harmless goes into one of them,
with a fence that is longer than every run of backticks inside.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from tressi.text import plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_TEXT: Final = 300  # characters of one cell: a comment on GitHub may have 65,536 in all
LONGEST_SENTENCE: Final = 600

# Words, numbers and their punctuation; a colon only before a space, where it begins no address and no emoji. What could
# begin a list or an address is not among them.
_HARMLESS = re.compile(r"(?:(?!\d+[.)](?:\s|$))(?!.*www\.)[A-Za-z0-9](?:[A-Za-z0-9 ,;.%()='-]|: )*)?", re.IGNORECASE)
# A word of a sentence: none that a number sign, an address or markup could make something of.
_WORD = re.compile(r"(?!.*www\.)\(*[A-Za-z0-9][A-Za-z0-9,;.%()='-]*:?|[%/\u00d7][,;]?", re.IGNORECASE)
_SIGNS = frozenset("/%\u00d7")
_NUMBERING = re.compile(r"\d+[.)]")
_BACKTICKS = re.compile("`+")
_BEFORE_PIPE = re.compile(r"\\+(?=\|)")


def inert(text: str) -> str:
    """Text in a line: as it is where it can mean nothing, else as a code span; cut where it is too long to read."""
    return text if len(text) <= LONGEST_TEXT and _HARMLESS.fullmatch(text) else code(text)


def sentence(text: str) -> str:
    """A sentence of tressi that may have words from outside in it: those are code spans, and the rest is as it is."""
    words = (text if len(text) <= LONGEST_SENTENCE else f"{text[: LONGEST_SENTENCE - 1]}…").split(" ")
    harmless = [_is_harmless(words, place) for place in range(len(words))]
    shown = []
    for is_harmless, found in groupby(zip(words, harmless, strict=True), key=lambda one: one[1]):
        part = " ".join(word for word, _ in found)
        if is_harmless:
            shown.append(part)
        else:
            # What ends a part of the sentence stands outside the code span.
            kept = part.rstrip(",;:") if part.isprintable() else part
            shown.append(code(kept) + part[len(kept) :] if kept else code(part))
    return " ".join(shown)


def _is_harmless(words: Sequence[str], place: int) -> bool:
    """Whether a word of a sentence can mean nothing where it stands: a method goes with the path behind it."""
    word, following = words[place], words[place + 1] if place + 1 < len(words) else ""
    is_method = word.isupper() and following not in _SIGNS and ("://" in following or following.startswith("/"))
    if is_method or (place == 0 and _NUMBERING.fullmatch(word)):
        return False
    return bool(_WORD.fullmatch(word))


def folded(title: str, inner: str) -> tuple[str, str]:
    """What stands before and behind rows that are folded away under a title; `inner` opens them."""
    return f"<details><summary>{title}</summary>\n\n{inner}", "</details>"


def code(text: str) -> str:
    """Text in a line as a code span; cut where it is too long to read."""
    shown = plain(text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…")
    fence = "`" * (_longest_run(shown) + 1)
    # One space on either side is taken off again, and keeps a backtick of the text apart from the fence.
    padding = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) or not shown else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def block(text: str) -> str:
    """Text of several lines as a fenced block."""
    shown = plain_lines(text).removesuffix("\n")
    fence = fence_of(shown)
    return f"{fence}text\n{shown}\n{fence}"


def fence_of(text: str) -> str:
    """What a fenced block of this text opens and closes with."""
    return "`" * max(3, _longest_run(text) + 1)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str] = ()) -> str:
    """A table; the columns in `numbers` are aligned to the right. Cells must be inert."""
    aligned = set(numbers)
    rules = ["---:" if column in aligned else "---" for column in columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rules, *(map(_cell, row) for row in rows)))


def _cell(text: str) -> str:
    # A table is split at its pipes before anything else is read, and readers differ on a backslash in front of \|.
    return _BEFORE_PIPE.sub(lambda found: r"\x5c" * len(found[0]), text).replace("|", r"\|")


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
