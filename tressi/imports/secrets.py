"""Secrets of imported traffic: each becomes a variable of the environment, wherever it stands."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus, unquote

from tressi.imports import marks
from tressi.imports.spots import Spot, changed
from tressi.masking import is_secret_header, is_secret_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tressi.imports.request import Request

# A value of so many characters is looked for within all texts; a shorter one is replaced where it is the whole value.
LONG: Final = 8
SHORT: Final = 4
PAIR: Final = "`name:password` in base64, as `printf name:password | base64` writes it"
_NO_SECRETS: Final = frozenset({"", "true", "false", "null", "none", "yes", "no", "on", "off"})
_SCHEMES: Final = {"bearer": "BEARER_TOKEN", "basic": "BASIC_CREDENTIALS"}
# Within longer texts: members of JSON and arguments of GraphQL, elements of XML, parts of multipart bodies, fields of forms and
# parameters of URLs. The first group is the name, the second the value.
_WITHIN: Final = (
    re.compile(r"""["']?([A-Za-z_][\w.-]{0,60})["']?\s*[:=]\s*"((?:[^"\\]|\\.)*)\""""),
    re.compile(r"""["']([A-Za-z_][\w.-]{0,60})["']\s*:\s*(-?\d[\d.]*)"""),
    re.compile(r"<([A-Za-z_][\w:.-]{0,60})(?:\s[^<>]*)?>([^<>]+)</"),
    re.compile(r"""name="([^"\r\n]{1,60})"[^\r\n]*\r?\n(?:[^\r\n]{1,500}\r?\n){0,5}\r?\n([^\r\n]+)"""),
    re.compile(r"(?:^|[?&#;])([A-Za-z0-9_.~%+\[\]-]{1,60})=([^&#;\s\"'<>]+)"),
    re.compile(r"(://)([^/?#\s@\"']+)@"),
)
_ODD: Final = re.compile(r"[^A-Za-z0-9]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable to set, and what it stands for, as the end of a sentence."""

    name: str
    meaning: str


class Vault:
    """The secrets that were found: each value once, under the name of the first place where it stood."""

    def __init__(self, taken: Sequence[str] = ()) -> None:
        self._names: dict[str, Variable] = {}
        self._parts: dict[str, Variable] = {}
        self._declared: dict[str, Variable] = {}
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def declare(self, name: str, meaning: str) -> str:
        """The mark of a variable whose value the document does not have."""
        self._taken.add(name)
        self._declared.setdefault(name, Variable(name, meaning))
        return marks.variable(name)

    @property
    def variables(self) -> list[Variable]:
        """What is to be set, in the order in which it was found."""
        return [*self._declared.values(), *self._names.values()]

    @property
    def values(self) -> list[str]:
        """The secret values, the longest first."""
        return sorted({**self._parts, **self._names}, key=lambda value: (-len(value), value))

    def mark(self, value: str, hint: str, meaning: str) -> str:
        """The mark of the variable of a secret value, which is made where there is none yet."""
        known = self._names.get(value)
        if known is None:
            name = self._free(env_name(hint))
            known = self._names[value] = Variable(name, meaning)
            self._taken.add(name)
        return marks.variable(known.name)

    def known(self, value: str) -> str | None:
        """The mark of a value that is known to be a secret."""
        part = self._parts.get(value)
        if part is not None and value not in self._names:
            return self.mark(value, part.name, part.meaning)
        found = self._names.get(value)
        return None if found is None else marks.variable(found.name)

    def part(self, value: str, hint: str, meaning: str) -> None:
        """Note a part of a secret, which gets a variable of its own only where it stands by itself."""
        if len(value) >= LONG:
            self._parts.setdefault(value, Variable(hint, meaning))

    def _free(self, name: str) -> str:
        number, free = self._numbers.get(name, 1), name
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._numbers[name] = number
        return free


def env_name(text: str) -> str:
    """The name of a variable, made of words: `apiKey` is `API_KEY`."""
    name = _ODD.sub("_", _HUMP.sub("_", text)).strip("_").upper()
    return name if name and not name[0].isdigit() else f"SECRET_{name}".rstrip("_")


def without_secrets(requests: Sequence[Request], vault: Vault) -> list[Request]:
    """The requests with variables in the place of secrets, which `vault` then has."""
    named = [_named(_without_user_info(request, vault), vault) for request in requests]
    finder = Finder(vault.values)
    return [_swept(request, vault, finder) for request in named]


class Finder:
    """Finds long secrets within texts, in the ways in which they may be written there.

    A recording may have a secret for each of thousands of requests: a text is looked at once for all of them, by the
    characters with which they begin.
    """

    def __init__(self, values: Sequence[str]) -> None:
        self._by_begin: dict[str, list[tuple[str, str]]] = {}
        for value in values:
            for form in _forms(value) if len(value) >= LONG else ():
                self._by_begin.setdefault(form[:LONG], []).append((form, value))
        for forms in self._by_begin.values():
            forms.sort(key=lambda one: -len(one[0]))

    def found(self, text: str) -> bool:
        """Whether a secret stands in a text."""
        return self.replaced(text, lambda _: "") != text

    def replaced(self, text: str, change: Callable[[str], str]) -> str:
        """A text with `change(value)` in the place of each secret, the longest first."""
        if not self._by_begin or len(text) < LONG:
            return text
        done, at, place = "", 0, 0
        while place <= len(text) - LONG:
            forms = self._by_begin.get(text[place : place + LONG])
            form, value = next((one for one in forms if text.startswith(one[0], place)), ("", "")) if forms else ("", "")
            if form:
                done += text[at:place] + change(value)
                at = place = place + len(form)
            else:
                place += 1
        return done + text[at:]


def _without_user_info(request: Request, vault: Vault) -> Request:
    scheme, separator, authority = request.origin.partition("://")
    user_info, at, host = authority.rpartition("@")
    if not at:
        return request
    clean = replace(request, origin=f"{scheme}{separator}{host}")
    if marks.has_mark(user_info) or request.header("authorization") is not None:
        return clean if not marks.has_mark(user_info) else request
    return replace(clean, headers=(*clean.headers, basic(unquote(user_info), vault)))


def basic(pair: str, vault: Vault) -> tuple[str, str]:
    """The header for `name:password`, whose value is a variable."""
    pair = pair if ":" in pair else f"{pair}:"
    credentials = b64encode(pair.encode("utf-8", "replace")).decode()
    name = pair.partition(":")[0]
    mark = vault.mark(credentials, "BASIC_CREDENTIALS", PAIR)
    vault.part(pair[len(name) + 1 :], "PASSWORD", "the password of the same pair, which stands elsewhere too")
    return "Authorization", f"Basic {mark}"


def _named(request: Request, vault: Vault) -> Request:
    """Replace what is a secret by its name."""

    def change(spot: Spot, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        text = value if isinstance(value, str) else json.dumps(value)
        if text.strip().lower() in _NO_SECRETS:
            return value
        if marks.has_mark(text):
            return _in_text(text, vault) if isinstance(value, str) and spot.kind != "segment" else value
        if spot.kind == "header":
            return _header(spot.name, text, vault) if is_secret_header(spot.name) else _in_text(text, vault)
        if spot.kind in {"segment", "text"} or not is_secret_parameter(spot.name):
            return _in_text(text, vault) if isinstance(value, str) and spot.kind != "segment" else value
        return vault.mark(text, spot.name, f"the value of {spot.name} in {_where(spot)}")

    return changed(request, change)


def _in_text(text: str, vault: Vault) -> str:
    """A longer text with the secrets in it replaced that are told by a name beside them."""

    def change(match: re.Match[str]) -> str:
        name, value = match[1], match[2]
        if value.strip().lower() in _NO_SECRETS or not (name == "://" or is_secret_parameter(name)):
            return match[0]
        mark = vault.mark(value, "CREDENTIALS" if name == "://" else name, f"a value that stands beside {name} in a text")
        start, end = match.start(2) - match.start(), match.end(2) - match.start()
        return f"{match[0][:start]}{mark}{match[0][end:]}"

    for pattern in _WITHIN:
        text = marks.literal(text, lambda piece, pattern=pattern: pattern.sub(change, piece))  # type: ignore[misc]
    return text


def _where(spot: Spot) -> str:
    words = {"parameter": "a URL", "member": "a JSON body", "field": "a form", "part": "a multipart body"}
    return words[spot.kind]


def _header(name: str, text: str, vault: Vault) -> str:
    scheme, space, rest = text.strip().partition(" ")
    if name.lower() in {"authorization", "proxy-authorization"} and space and scheme.isalpha() and rest.strip():
        hint = _SCHEMES.get(scheme.lower(), "AUTHORIZATION")
        return f"{scheme} {vault.mark(rest.strip(), hint, f'what stands behind {scheme} in the header {name}')}"
    for cookie in text.split(";") if name.lower() == "cookie" else ():
        key, _, value = cookie.strip().partition("=")
        vault.part(value, f"COOKIE_{key}", f"the value of the cookie {key}, which stands elsewhere too")
    return vault.mark(text.strip(), name, f"the value of the header {name}")


def _swept(request: Request, vault: Vault, finder: Finder) -> Request:
    """Replace secrets that stand in other places than those that are named for them."""

    def change(spot: Spot, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) >= SHORT and (mark := vault.known(text)) is not None and spot.kind != "segment":
            return mark
        after = marks.literal(text, lambda piece: finder.replaced(piece, lambda secret: vault.known(secret) or ""))
        return value if after == text else after

    return changed(request, change)


def _forms(value: str) -> list[str]:
    """The ways in which a secret is written within a text."""
    return sorted({value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]}, key=len, reverse=True)
