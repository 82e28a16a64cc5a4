"""Why a value could not be taken from a response, in words for people: what was looked for, and what was there instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.model.flow import Between, FromCookie, FromHeader, FromJson
from tressi.text import plain

if TYPE_CHECKING:
    from tressi.model.flow import Origin

_SHOWN = 40  # characters of a text of the config


def extraction_words(origin: Origin, room: int) -> tuple[bytes, ...]:
    """The sentence for each outcome of a search, in the order of `wire/match_state.h`; that of a value found is empty.

    >>> extraction_words(FromHeader("location"), 4096)[1].decode()
    'the response has no header location'
    """
    what = _named(origin)
    missing = {
        FromHeader: f"the response has no {what}",
        FromCookie: f"the response sets no {what}",
        FromJson: f"the body has no {what}",
        Between: f"the body has no {what}",
    }[type(origin)]
    sentences = (
        missing,
        f"the {what} has more than {room:,} bytes",
        f"the body is not JSON, so it has no {what}",
        f"more than 512 lists and objects are within one another, so the {what} was not found",
        f"no memory was left for the {what}",
        f"the {what} cannot stand where it is used, in a header or in JSON",
    )
    return (b"", *(sentence.encode() for sentence in sentences))


def _named(origin: Origin) -> str:
    if isinstance(origin, FromJson):
        return f"value at {_short(origin.path)}"
    if isinstance(origin, Between):
        return f'text between "{_short(origin.left)}" and "{_short(origin.right)}"'
    return f"{'header' if isinstance(origin, FromHeader) else 'cookie'} {_short(origin.name)}"


def _short(text: str) -> str:
    text = plain(text)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
