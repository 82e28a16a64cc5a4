"""Regular expressions of `expect.bodyMatches`, by RE2: the time of a search grows with the body alone, whatever the expression.

Python's own `re` tries alternatives one after the other. An expression such as `(a+)+b` takes it minutes over a body of 40
bytes, and the engine would stand still for all its endpoints meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class PatternError(ValueError):
    """Why an expression cannot be used, in words that go on behind it."""


def searching(pattern: str) -> Callable[[bytes], Any]:
    """What finds a match in a body, or None. Raises PatternError."""
    try:
        import re2  # noqa: PLC0415 - most configs have no expression, and it is an extra
    except ImportError:
        raise PatternError("needs the library google-re2, which comes with the extra tressi[checks]") from None
    options = re2.Options()
    options.log_errors = False
    try:
        search: Callable[[bytes], Any] = re2.compile(pattern.encode(), options).search
    except re2.error as error:
        raise PatternError(f"is no regular expression of RE2: {_words(error)}") from None
    return search


def _words(error: Exception) -> str:
    """RE2's own sentence, which it says as bytes where the expression was bytes."""
    said = error.args[0] if error.args else "it does not say why"
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
