"""Which characters a terminal, a pipe or a log can show: the one place that decides, for all that tressi writes for people.

Lines, bars, arrows and marks beyond ASCII need a stream that encodes them and a locale that has them. Python writes UTF-8 where
the locale is C or POSIX, so the encoding of a stream says too much there: that locale asks for ASCII.
"""

from __future__ import annotations

import os
from typing import IO, Final

_NAMES_OF_ASCII: Final = frozenset({"C", "POSIX"})
_DRAWN: Final = "→…─━│┤▸▲▼↑↓▁▂▃▄▅▆▇█"
# One character each, so that columns stay where they are; only the arrow within a sentence becomes two.
_ASCII: Final = str.maketrans(dict(zip(_DRAWN, ["->", *"~-=|+>^v^v_.:-=+*#"], strict=True)))


def has_more_than_ascii(stream: IO[str] | None) -> bool:
    """Whether what is drawn beyond ASCII can be shown on `stream`."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        _DRAWN.encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return not _is_locale_of_ascii()


def shown(text: str, stream: IO[str] | None) -> str:
    """The text as `stream` can show it: what is drawn beyond ASCII is drawn with ASCII where there is no more."""
    return text if text.isascii() or has_more_than_ascii(stream) else in_ascii(text)


def in_ascii(text: str) -> str:
    """The same with arrows, lines, bars and marks of ASCII; letters of other alphabets stay what they are."""
    return text.translate(_ASCII)


def _is_locale_of_ascii() -> bool:
    """Whether the locale is C or POSIX, and nothing asks for UTF-8 beside it."""
    environment = os.environ
    name = next(filter(None, map(environment.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "C")
    return name in _NAMES_OF_ASCII and not (environment.get("PYTHONUTF8") == "1" or environment.get("PYTHONIOENCODING"))
