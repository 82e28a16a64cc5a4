"""What a body must say, judged once it is whole: conditions on its JSON, and a regular expression. No sockets here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import orjson

from tressi.config.pattern import searching
from tressi.load.coding import JUDGED_BYTES, decoded
from tressi.load.decoding import CodingError
from tressi.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import JsonCondition

# A reason has room for 111 bytes: so many characters of a path, of an expected value, and of what was found.
_PATH, _WANTED, _FOUND = 36, 24, 24
_PATTERN = 60
_MARK = b"\xef\xbb\xbf"
_MISSING: Final = object()


class Judge:
    """Judges bodies by the conditions on their JSON (None: a body need not be JSON) and by a regular expression."""

    def __init__(self, conditions: Sequence[JsonCondition] | None, pattern: str | None) -> None:
        self._conditions = None if conditions is None else tuple((one.steps, json.loads(one.value), one) for one in conditions)
        self._pattern = pattern
        self._search = None if pattern is None else searching(pattern)

    def __call__(self, body: bytes, body_bytes: int, codings: str) -> str | None:
        """Say None of a body that is what it must be, or why it is not.

        `body` is as it came, in `codings`; where it is not all of the `body_bytes`, it was too large to be gathered.
        """
        if len(body) < body_bytes:
            return f"the body has more than {JUDGED_BYTES >> 20} MiB, and is not looked at"
        if codings:
            try:
                body = decoded(body, codings, JUDGED_BYTES)
            except CodingError as failure:
                return f"the body cannot be read: {failure}"
        if self._search is not None and self._search(body) is None:
            return f"the body has no match of {_cut(repr(self._pattern), _PATTERN)}"
        return None if self._conditions is None else self._unmet(body)

    def _unmet(self, body: bytes) -> str | None:
        """The first condition that the body does not meet, in words."""
        try:
            document = orjson.loads(body.removeprefix(_MARK))
        except orjson.JSONDecodeError as error:
            return (
                "the body is empty, and not JSON"
                if not body
                else f"the body is not JSON, at line {error.lineno}, column {error.colno}"
            )
        for steps, wanted, condition in self._conditions or ():
            found = _at(document, steps)
            if not _is_same(found, wanted):
                return _words(condition, found)
        return None


def _at(value: Any, steps: Sequence[str | int]) -> Any:  # noqa: ANN401 - any JSON value, or _MISSING
    for step in steps:
        if type(step) is str:
            if type(value) is not dict or step not in value:
                return _MISSING
            value = value[step]
        else:
            if type(value) is not list or not -len(value) <= int(step) < len(value):
                return _MISSING
            value = value[int(step)]
    return value


def _is_same(found: Any, wanted: Any) -> bool:  # noqa: ANN401 - any JSON values
    """Whether both are one JSON value: 1 is 1.0, and neither is true."""
    if type(found) is not type(wanted):
        numbers = {type(found), type(wanted)}
        return numbers == {int, float} and bool(found == wanted)
    if type(found) is dict:
        return found.keys() == wanted.keys() and all(_is_same(found[name], wanted[name]) for name in found)
    if type(found) is list:
        return len(found) == len(wanted) and all(map(_is_same, found, wanted))
    return bool(found == wanted)


def _words(condition: JsonCondition, found: object) -> str:
    what = f"the body has no {_cut(plain(condition.path), _PATH)} {_cut(plain(condition.value), _WANTED)}"
    return f"{what}: it has no such place" if found is _MISSING else f"{what}: it is {_cut(_json(found), _FOUND)}"


def _json(value: object) -> str:
    return plain(orjson.dumps(value).decode())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
