"""Marks: where an imported text will have a placeholder or a variable, while everything else in it is still literal.

A mark is a name between two halves of surrogate pairs, which no text of a document has (`sound.py` sees to that). `written`
makes the text of a config of it: marks become `{{name}}` and `${NAME}`, and braces of the document are escaped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# `{{brace}}` is this source of `data`, whose one value is an opening brace: tressi has no other way to write two of them.
BRACE: Final = "brace"
_BEGIN, _END = "\ud800", "\udbff"
_MARK: Final = re.compile(f"{_BEGIN}([vwe]):([A-Za-z_][A-Za-z0-9_-]*){_END}")
_PLACEHOLDER_KINDS: Final = ("v", "w")


def value(name: str) -> str:
    """Mark the value of a slot or of a source of `data`, encoded for where it stands: `{{name}}`."""
    return f"{_BEGIN}v:{name}{_END}"


def bare(name: str) -> str:
    """Mark the same without its quotes, for a number in JSON: `{{{name}}}`."""
    return f"{_BEGIN}w:{name}{_END}"


def variable(name: str) -> str:
    """Mark a variable of the environment: `${NAME}`."""
    return f"{_BEGIN}e:{name}{_END}"


def has_mark(text: str) -> bool:
    """Whether a text has a mark in it."""
    return _BEGIN in text


def marks_in(text: str) -> frozenset[str]:
    """The marks of a text."""
    return frozenset(match[0] for match in _MARK.finditer(text))


def values_in(text: str) -> list[str]:
    """The names of the slots and sources of a text, in order."""
    return [match[2] for match in _MARK.finditer(text) if match[1] in _PLACEHOLDER_KINDS]


def literal(text: str, change: Callable[[str], str]) -> str:
    """A text with each piece between its marks changed."""
    done, at = "", 0
    for match in _MARK.finditer(text):
        done += change(text[at : match.start()]) + match[0]
        at = match.end()
    return done + change(text[at:])


def shown(text: str) -> str:
    """A text as a label has it: a mark is its name in single braces."""
    return _MARK.sub(lambda match: f"{{{match[2]}}}", text)


def plain(text: str) -> str:
    """A text with a word in the place of each mark, where only the rest of it is asked about."""
    return _MARK.sub("x", text)


def written(text: str, *, braces: bool = True) -> str:
    """The text as a config has it; without `braces` for a place in which no placeholder is filled."""
    done, at = "", 0
    for match in _MARK.finditer(text):
        done += _escaped(text[at : match.start()], match[1], braces=braces)
        done += (
            f"${{{match[2]}}}" if match[1] == "e" else f"{{{{{match[2]}}}}}" if match[1] == "v" else f"{{{{{{{match[2]}}}}}}}"
        )
        at = match.end()
    return done + _escaped(text[at:], "", braces=braces)


def written_name(text: str) -> str:
    """The name of a member of a payload as a config has it: placeholders are filled in there, variables are not."""
    return re.sub(r"\{(?=\{)", f"{{{{{BRACE}}}}}", text)


def _escaped(text: str, follows: str, *, braces: bool) -> str:
    """Literal text; `follows` is the kind of the mark behind it, "" at the end."""
    end = text[-1:]
    if end == "{" and braces and follows in _PLACEHOLDER_KINDS:
        # `{` and `{{name}}` would be read as `{{{name}}}`.
        return f"{_escaped(text[:-1], 'v', braces=braces)}{{{{{BRACE}}}}}"
    if end == "$" and follows == "e":
        # `$` and `${NAME}` would be read as the escape of `${`.
        return f"{_escaped(text[:-1], 'e', braces=braces)}${{DOLLAR:-$}}"
    text = re.sub(r"\{(?=\{)", f"{{{{{BRACE}}}}}", text) if braces else text
    # Before a placeholder a dollar stands in front of a brace too.
    return text.replace("${", "$${") + ("$" if end == "$" and follows in _PLACEHOLDER_KINDS else "")
