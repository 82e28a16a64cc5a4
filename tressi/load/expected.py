"""What an endpoint expects of a response, in the words that a failed expectation is told in. No sockets here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.vocabulary import status_name

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# A reason has room for 111 bytes, of which a text of the config's gets the larger part.
_SHOWN: Final = 60
_NAME, _VALUE = 26, 24


def status_words(statuses: Collection[int] | None) -> str:
    """The statuses that are successes: `200, 201 or 204`; None is every status below 400."""
    if statuses is None:
        return "below 400"
    *others, last = _classed(sorted(statuses))
    return f"{', '.join(others)} or {last}" if others else last


def _classed(statuses: Sequence[int]) -> list[str]:
    """The statuses in order, all of a hundred as its class: `2xx`."""
    whole = {hundred for hundred in range(1, 10) if {*range(100 * hundred, 100 * hundred + 100)} <= {*statuses}}
    named = (f"{status // 100}xx" if status // 100 in whole else status_name(status) for status in statuses)
    return list(dict.fromkeys(named))


def field_words(name: str, values: Sequence[str], *, is_secret: bool) -> tuple[str, str | None, str]:
    """Why a response without this field failed, and the words before and behind another value of it.

    Of a field whose value may be a secret the second are None: the third are all that is said.
    """
    header = f"the header {name[:_NAME]}"
    if is_secret:
        return f"{header} is missing", None, f"{header} has another value than it must have"
    shown = repr(values[0] if len(values[0]) <= _VALUE else f"{values[0][: _VALUE - 1]}…")
    more = f" or {len(values) - 1} more" if len(values) > 1 else ""
    return f"{header} is missing, expected {shown}{more}", f"{header} is '", f"', expected {shown}{more}"


def lacking_words(needle: bytes | None) -> str | None:
    """Why a response without `needle` in its body failed; None where nothing is looked for."""
    if needle is None:
        return None
    text = needle.decode("utf-8", "replace")
    return f"the body lacks {text!r}" if len(text) <= _SHOWN else f"the body lacks {text[:_SHOWN]!r}…"
