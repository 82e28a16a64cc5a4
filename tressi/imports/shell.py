"""A shell's quoting, as far as copied commands have it: words, lines that go on, `$'…'`, and `$NAME` as a variable.

`shlex` knows neither `$'…'`, in which browsers write what has quotes and line ends, nor variables. What a shell would have to
run first, such as `$(date)`, cannot be known and is an error.
"""

from __future__ import annotations

import re
from typing import Final

from tressi.imports import marks
from tressi.imports.request import DocumentError

_VARIABLE: Final = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_ESCAPES: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_NUMBERED: Final = re.compile(r"x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})")
_SPACES: Final = " \t\r"


def commands_of(text: str) -> list[list[str]]:
    """The commands of a text, each as its words; variables are marks. Raises DocumentError."""
    return _Words(text).commands()


class _Words:
    """One reading of a text, from its begin to its end."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._commands: list[list[str]] = [[]]
        self._word: list[str] | None = None

    def commands(self) -> list[list[str]]:
        """Read all of it."""
        while self._at < len(self._text):
            sign = self._text[self._at]
            if sign in _SPACES:
                self._end_word()
                self._at += 1
            elif sign in "\n;&|":
                self._operator(sign)
            elif sign == "#" and self._word is None:
                self._at = self._line_end()
            else:
                self._piece(sign)
        self._end_command()
        return [command for command in self._commands if command]

    def _operator(self, sign: str) -> None:
        self._end_command()
        if sign == "|" and not self._text.startswith("||", self._at):
            # What reads the response is no part of the request.
            end = self._line_end()
            self._at = end
            return
        self._at += 1

    def _piece(self, sign: str) -> None:
        self._word = self._word if self._word is not None else []
        readers = {"'": self._single, '"': self._double, "\\": self._escaped, "$": self._dollar, "`": self._command}
        if sign in "<>":
            raise self._problem("a redirection of the shell's (< or >), whose file cannot be known")
        reader = readers.get(sign)
        if reader is None:
            self._word.append(sign)
            self._at += 1
        else:
            self._word.append(reader())

    def _single(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise self._problem("a single quote that is never closed")
        found = self._text[self._at + 1 : end]
        self._at = end + 1
        return found

    def _double(self) -> str:
        opened, done = self._at, ""
        self._at += 1
        while self._at < len(self._text):
            sign = self._text[self._at]
            if sign == '"':
                self._at += 1
                return done
            if sign == "\\" and self._text[self._at + 1 : self._at + 2] in set('"\\$`\n'):
                following = self._text[self._at + 1]
                done += "" if following == "\n" else following
                self._at += 2
            elif sign == "$":
                done += self._dollar(quoted=True)
            elif sign == "`":
                done += self._command()
            else:
                done += sign
                self._at += 1
        self._at = opened
        raise self._problem("a double quote that is never closed")

    def _escaped(self) -> str:
        if self._text.startswith("\\\r\n", self._at):
            self._at += 3
            return ""
        following = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        return "" if following == "\n" else following

    def _dollar(self, *, quoted: bool = False) -> str:
        if not quoted and self._text.startswith("$'", self._at):
            return self._ansi()
        if not quoted and self._text.startswith('$"', self._at):
            self._at += 1
            return self._double()
        match = _VARIABLE.match(self._text, self._at)
        if match:
            self._at = match.end()
            return marks.variable(match[1] or match[2])
        if self._text.startswith(("$(", "${"), self._at):
            raise self._problem("something that the shell would compute first ($(…) or ${…}), which cannot be known")
        self._at += 1
        return "$"

    def _command(self) -> str:
        raise self._problem("a command in backquotes, whose output cannot be known")

    def _ansi(self) -> str:
        """`$'…'`, with the escapes of C."""
        opened, done = self._at, ""
        self._at += 2
        while self._at < len(self._text):
            sign = self._text[self._at]
            self._at += 1
            if sign == "'":
                return done
            done += self._ansi_escape() if sign == "\\" else sign
        self._at = opened
        raise self._problem("a quote $' that is never closed")

    def _ansi_escape(self) -> str:
        numbered = _NUMBERED.match(self._text, self._at)
        if numbered:
            self._at = numbered.end()
            digits = numbered[1] or numbered[2] or numbered[3]
            code = int(digits, 16) if digits else int(numbered[4], 8) & 0xFF
            is_character = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF  # noqa: PLR2004 - the last one of Unicode
            return chr(code) if is_character else "\ufffd"
        sign = self._text[self._at : self._at + 1]
        self._at += 1
        return _ESCAPES.get(sign, f"\\{sign}")

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _end_word(self) -> None:
        if self._word is not None:
            # A line that goes on makes a word of nothing, which a shell does not see.
            text = "".join(self._word)
            if text or self._text[max(0, self._at - 1) : self._at] in {"'", '"'}:
                self._commands[-1].append(text)
        self._word = None

    def _end_command(self) -> None:
        self._end_word()
        if self._commands[-1]:
            self._commands.append([])

    def _problem(self, what: str) -> DocumentError:
        line = self._text.count("\n", 0, self._at) + 1
        return DocumentError(f"line {line} has {what}")
