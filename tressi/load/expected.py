"""What an endpoint expects of a response, in the words that a failed expectation is told in. No sockets here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

# A reason has room for 111 bytes, of which a text of the config's gets the larger part.
_SHOWN: Final = 60


def status_words(statuses: Collection[int] | None) -> str:
    """The statuses that are successes: `200, 201 or 204`; None is every status below 400."""
    if statuses is None:
        return "below 400"
    *others, last = map(str, sorted(statuses))
    return f"{', '.join(others)} or {last}" if others else last


def lacking_words(needle: bytes | None) -> str | None:
    """Why a response without `needle` in its body failed; None where nothing is looked for."""
    if needle is None:
        return None
    text = needle.decode("utf-8", "replace")
    return f"the body lacks {text!r}" if len(text) <= _SHOWN else f"the body lacks {text[:_SHOWN]!r}…"
