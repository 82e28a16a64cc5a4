"""What a text is that is no JSON, and what to do: JSON with comments, YAML, JavaScript, and the like.

A JSON reader only says where it stopped. Each question here looks at the text around that place; the first that knows the
answer speaks, as the end of a sentence that begins with the file's name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from json import JSONDecodeError

_KEYWORDS: Final = {
    "True": "true", "False": "false", "None": "null", "undefined": "null", "TRUE": "true", "FALSE": "false", "NULL": "null",
}  # fmt: skip
_LINE_COMMENT: Final = re.compile(r"^[ \t]*(?:#|//).*$", re.MULTILINE)
_YAML: Final = re.compile(r"(?:%YAML|---(?:\s|$)|- |[\"']?[\w$.-]+[\"']?:(?:\s|$))")
_TOML: Final = re.compile(r"\[{1,2}[\w.-]+\]{1,2}\s*$|[\w.-]+\s*=\s*\S", re.MULTILINE)
_SCRIPT: Final = re.compile(r"(?:import|export|const|let|var|function|module\.exports|from|def|class)\b")
_NAME: Final = re.compile(r"[A-Za-z_$][\w$-]*")


def no_json_because(text: str, error: JSONDecodeError) -> str | None:
    """Say what `text` is instead of JSON and what to do about it; None where that is unclear."""
    questions: list[Callable[[str, int], str | None]] = [_other_language, _comment, _trailing_comma, _quotes, _bare_word]
    if error.msg == "Extra data":
        questions.append(_second_value)
    return next((answer for question in questions if (answer := question(text, error.pos))), None)


def _other_language(text: str, _: int) -> str | None:
    bare = _LINE_COMMENT.sub("", text).lstrip()
    if bare.startswith("<"):
        return "is XML or HTML, not JSON"
    if bare.startswith("{"):
        return None
    if _YAML.match(bare):
        return "is YAML, not JSON; convert it first, for example with `yq -o=json`"
    if _SCRIPT.match(bare):
        return "is a script, not JSON; a config is one JSON object, and `tressi init` writes one to start from"
    if _TOML.match(bare):
        return "is TOML, not JSON; convert it first, for example with `yq -p=toml -o=json`"
    return None


def _comment(text: str, position: int) -> str | None:
    start = _next_sign(text, position)
    if text.startswith(("//", "/*", "#"), start):
        return f"has a comment at {_place(text, start)}; JSON has none, so remove it"
    return None


def _trailing_comma(text: str, position: int) -> str | None:
    # Python 3.13 stops at the comma, those before it behind it.
    before = text[: position + 1].rstrip() if text[position : position + 1] == "," else text[:position].rstrip()
    if before.endswith(",") and text[_next_sign(text, len(before))] in "}]":
        return f"has a comma too many at {_place(text, len(before) - 1)}: JSON has none behind the last entry, so remove it"
    return None


def _quotes(text: str, position: int) -> str | None:
    start = _next_sign(text, position)
    if text[start] in "'`\u2018\u2019\u201c\u201d":  # typewriter and typographic ones
        return f"has {text[start]} at {_place(text, start)} where JSON has a straight double quote"
    return None


def _bare_word(text: str, position: int) -> str | None:
    start = _next_sign(text, position)
    word = _NAME.match(text, start)
    if not word:
        return None
    if word[0] in _KEYWORDS:
        return f"has {word[0]} at {_place(text, start)}; write {_KEYWORDS[word[0]]}"
    if text[_next_sign(text, word.end())] == ":":
        return f'has a name without quotes at {_place(text, start)}; write "{word[0][:40]}"'
    return None


def _second_value(text: str, position: int) -> str | None:
    start = _next_sign(text, position)
    if text[start] in "{[":
        return f"has a second value at {_place(text, start)}; a config is one JSON object"
    return None


def _next_sign(text: str, position: int) -> int:
    """Where the next character stands that is no space; the last place of the text where there is none."""
    rest = text[position:]
    return min(len(text) - 1, position + len(rest) - len(rest.lstrip()))


def _place(text: str, position: int) -> str:
    return f"line {text.count(chr(10), 0, position) + 1}, column {position - text.rfind(chr(10), 0, position)}"
