"""Places and values in the words of an error message: JSON paths, and values shown without giving a secret away.

A message may end in a CI log that anyone can read, so a value is shown only as far as it helps: long text is cut, an object
is "an object", user info in a URL and the values of secret headers are hidden. A broken URL cannot be trusted to have its
user info where it belongs; there everything up to the last @ is hidden.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tressi.errors import ConfigError, ConfigProblem
from tressi.log import MASK, is_secret_header, mask_url

if TYPE_CHECKING:
    from collections.abc import Iterable

Place = tuple[str | int, ...]
Finding = tuple[Place, str]

SHOWN_CHARACTERS = 80
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
URL_KEYS = frozenset({"url", "baseUrl", "proxy"})

_PLAIN_KEY = re.compile(r"[A-Za-z_$-][A-Za-z0-9_$-]*")
_BROKEN_USER_INFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/*(?=.*@)|/*).*@", re.DOTALL)


def path_of(place: Place) -> str:
    """Write a place as a JSON path: `requests[2].headers["X Y"]`."""
    path = ""
    for depth, key in enumerate(place):
        if isinstance(key, int):
            path += f"[{key}]"
        elif _PLAIN_KEY.fullmatch(key):
            path += f".{key}" if path else key
        else:
            path += f"[{quoted(_short_name(key) if _within_headers(place[:depth]) else key)}]"
    return path


def problem_of(finding: Finding) -> ConfigProblem:
    """Turn a place and a message into what a person reads."""
    place, message = finding
    return ConfigProblem(path_of(place), message)


def in_document_order(findings: Iterable[Finding], document: object) -> list[Finding]:
    """Sort findings by where they stand in the document; what is missing stands after its siblings."""
    return sorted(findings, key=lambda finding: _position(finding[0], document))


def refusal(message: str) -> ConfigError:
    """Make the error of a config that cannot be looked into at all."""
    return ConfigError([ConfigProblem("", message)])


def no_json(label: str, error: json.JSONDecodeError) -> ConfigError:
    """Make the error of text that is no JSON: what is wrong with it, and where."""
    what = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
    return refusal(f"{label} is not JSON: {what} at line {error.lineno}, column {error.colno}")


def shown(value: object, place: Place = (), mask_headers: Iterable[str] = ()) -> str:
    """Write a value as in JSON, short, and masked where the place may hold a secret."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    name = place[:-1] if place and isinstance(place[-1], int) else place  # one of several lines of a header
    if _within_headers(name[:-1]) and is_secret_header(str(name[-1]), mask_headers):
        return MASK
    if isinstance(value, str):
        return quoted(mask_url(value))
    return _cut(json.dumps(value))


def broken_url(text: str) -> str:
    """Hide whatever may be user info in a URL that cannot be parsed, and its secret parameters."""
    return _BROKEN_USER_INFO.sub(lambda match: f"{match[1]}{MASK}@", mask_url(text))


def quoted(text: str) -> str:
    """Write text between double quotes, cut to a readable length, with nothing in it that could steer a terminal."""
    cut = _cut(text)
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def printable(text: str) -> str:
    """Write text whole and without quotes, with nothing in it that could steer a terminal."""
    return text if text.isprintable() else json.dumps(text)[1:-1]


def listed(values: Iterable[Any]) -> str:
    """Join values for a sentence: `GET, POST or PUT`."""
    *most, last = map(str, values)
    return f"{', '.join(most)} or {last}" if most else last


def _position(place: Place, document: Any) -> list[int]:  # noqa: ANN401 - any JSON value
    position = []
    for key in place:
        names: list[Any] = list(document) if isinstance(document, dict) else []
        absent = isinstance(key, str) and key not in names
        position.append(len(names) if absent else key if isinstance(key, int) else names.index(key))
        document = None if absent else document[key]
    return position


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def _within_headers(place: Place) -> bool:
    return bool(place) and place[-1] == "headers" and (len(place) == 1 or place[0] in {"requests", "options"})


def _short_name(name: str) -> str:
    # A config that has the whole header line as the name has put its value there too.
    match = TOKEN.match(name)
    return f"{match[0] if match else ''}…"
