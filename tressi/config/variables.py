"""`${NAME}`, `${NAME:-default}` and `${file:path}` in the texts of a config, filled in before anything else reads it.

What comes from the environment or a file is a secret, and every output hides it, unless it stands in the host or the path of
a URL: these are the identity of an endpoint. Nor is a variable a secret that stands in the name or the labels of the run
alone, unless its name is that of one. So is a default no secret, for it is written in the config. Wherever the config itself
is shown, its texts are shown as they are written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tressi.config.data import DataError, local_file, unreadable
from tressi.config.messages import URL_KEYS, Finding, Place, problem_of, quoted
from tressi.config.schema import Node, items, leaves, properties, schema
from tressi.errors import ConfigError, ConfigProblem
from tressi.masking import Secrets, is_secret_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tressi.config.source import Reading

_REFERENCE: Final = re.compile(
    r"\$\$\{|\$\{(?:file:(?P<file>[^{}]*)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?)\}"
)
_AUTHORITY: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOTES: Final = ("_", "$", "#", "x-", "X-", "//")
_MOST: Final = 1 << 20


@dataclass
class Filled:
    """A document with its references filled in.

    `values` are secrets. `written` has the texts that had references, as they were, by what they have become. `literal` are
    the texts in which `$${` stands for `${`.
    """

    document: Any
    values: frozenset[str] = frozenset()
    written: Mapping[str, str] = field(default_factory=dict)
    literal: frozenset[str] = frozenset()

    @cached_property
    def _secrets(self) -> Secrets:
        return Secrets(self.values)

    def hide(self, text: str) -> str:
        """Write a text with a mask in place of each secret value."""
        return self._secrets.hide(text) if self.values else text

    def hidden(self, error: ConfigError) -> ConfigError:
        """The same error without a secret value in it."""
        return ConfigError([ConfigProblem(problem.path, self.hide(problem.message)) for problem in error.problems])

    def as_written(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Copy a value with the texts as they are written in the config."""
        if not self.written:
            return value
        if isinstance(value, str):
            return self.written.get(value, value)
        if isinstance(value, dict):
            return {name: self.as_written(entry) for name, entry in value.items()}
        return [self.as_written(entry) for entry in value] if isinstance(value, list) else value


def filled(reading: Reading, environment: Mapping[str, str]) -> Filled:
    """Fill in the references of a config. Raises ConfigError with each that cannot be, and its place.

    A config that was fetched has none: its server would learn what is in the environment.
    """
    if reading.folder is None or not reading.has_references:
        return Filled(reading.document)
    return _Filling(environment, reading.folder).done(reading.document)


def environment_of(files: Iterable[str], environment: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of files in the form of `.env`, a later file over an earlier one, and the environment over both.

    Raises ConfigError.
    """
    found: dict[str, str] = {}
    for name in files:
        from dotenv.parser import parse_stream  # noqa: PLC0415 - only --env-file needs it

        for binding in parse_stream(StringIO(_env_file(name))):
            if binding.error:
                message = f"{quoted(name)} has something else than NAME=value on line {binding.original.line}"
                raise ConfigError([ConfigProblem("--env-file", message)])
            if binding.key is not None and binding.value is not None:
                found[binding.key] = binding.value
    return {**found, **environment}


def _env_file(name: str) -> str:
    try:
        return _text_of_file(name)
    except DataError as error:
        raise ConfigError([ConfigProblem("--env-file", str(error))]) from None


class _Filling:
    """One document being filled in."""

    def __init__(self, environment: Mapping[str, str], folder: str) -> None:
        self._environment, self._folder = environment, folder
        self._findings: list[Finding] = []
        self._written: dict[str, str] = {}
        self._literal: set[str] = set()
        # By reference: one that stands in a host or a path anywhere is shown there, and hidden nowhere.
        self._values: dict[str, str] = {}
        self._shown: set[str] = set()

    def done(self, document: Any) -> Filled:  # noqa: ANN401 - any JSON value
        document = self._value(document, (), schema())
        if self._findings:
            raise ConfigError([problem_of(finding) for finding in self._findings])
        values = frozenset(value for reference, value in self._values.items() if reference not in self._shown)
        return Filled(document, values, self._written, frozenset(self._literal))

    def _value(self, value: Any, place: Place, node: Node) -> Any:  # noqa: ANN401 - any JSON value
        """Copy a value with its references filled in; `node` is what the schema says of it, empty where it says nothing."""
        if isinstance(value, str):
            return self._number(value, place, node) if "${" in value else value
        if isinstance(value, list):
            return [self._value(entry, (*place, index), items(node)) for index, entry in enumerate(value)]
        if isinstance(value, dict):
            known = properties(node)
            return {
                name: entry if _is_note(name, place) else self._value(entry, (*place, name), known.get(name, {}))
                for name, entry in value.items()
            }
        return value

    def _number(self, text: str, place: Place, node: Node) -> Any:  # noqa: ANN401 - a text, a number or a boolean
        """What a text becomes; where a property takes no text, one that is a reference alone becomes a number or a boolean."""
        types = {leaf.get("type") for leaf in leaves(node)} if node else set()
        match = _REFERENCE.fullmatch(text)
        if "string" in types or types.isdisjoint({"integer", "number", "boolean"}) or match is None or match[0] == "$${":
            return self._text(text, place)
        told = len(self._findings)
        value, _ = self._looked_up(match, place)
        if len(self._findings) > told:
            return None
        try:
            meant = json.loads(value)
        except ValueError:
            meant = None
        # It says how the run is done, which every output shows.
        return meant if isinstance(meant, (int, float)) else self._text(text, place)

    def _text(self, text: str, place: Place) -> str:
        done, at, spans = "", 0, list[tuple[str, int, int]]()
        for match in _REFERENCE.finditer(text):
            done += text[at : match.start()]
            at = match.end()
            begin = len(done)
            if match[0] == "$${":
                done += "${"
                continue
            value, is_secret = self._looked_up(match, place)
            is_secret = is_secret and not _is_to_be_shown(match, place)
            done += value
            if is_secret:
                self._values[match[0]] = value
                spans.append((match[0], begin, len(done)))
        done += text[at:]
        if place and place[-1] in URL_KEYS:
            self._shown |= {reference for reference, begin, end in spans if _is_shown(done, begin, end)}
        if done != text:
            self._written[done] = text
        if "$${" in text:
            self._literal.add(done)
        return done

    def _looked_up(self, match: re.Match[str], place: Place) -> tuple[str, bool]:
        """What a reference stands for, and whether that is a secret; "" where it cannot be told."""
        try:
            return self._value_of(match)
        except DataError as error:
            self._findings.append((place, str(error)))
            return "", False

    def _value_of(self, match: re.Match[str]) -> tuple[str, bool]:
        if match["file"] is not None:
            return _text_of_file(local_file(match["file"], self._folder)).rstrip("\r\n"), True
        value = self._environment.get(match["name"])
        if match["default"] is not None and not value:
            return match["default"], False
        if value is None:
            remedy = f"--env-file reads some from a file, and ${{{match['name']}:-text}} says what to take without it"
            raise DataError(f"the variable {match['name']} is not set; {remedy}")
        if _SURROGATE.search(value):
            raise DataError(f"the variable {match['name']} is not UTF-8")
        return value, True


def _is_note(name: str, place: Place) -> bool:
    """Whether a member is a note to people: at the top level, or in a request."""
    is_section = not place or (len(place) == 2 and place[0] == "requests")  # noqa: PLR2004 - and its index
    return is_section and name.startswith(_NOTES)


def _is_to_be_shown(match: re.Match[str], place: Place) -> bool:
    """Whether a reference stands in the name or a label of the run, which are there to be shown, and names no secret."""
    name: str | None = match["name"]
    return place[:1] in {("name",), ("labels",)} and name is not None and not is_secret_parameter(name)


def _is_shown(url: str, begin: int, end: int) -> bool:
    """Whether a part of a URL stands in its host or path, and not in its user info, its query or its fragment."""
    if "?" in url[:begin] or "#" in url[:begin]:
        return False
    authority = _AUTHORITY.match(url)
    return authority is None or begin < authority.start(1) or end > authority.start(1) + authority[1].rfind("@")


def _text_of_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        raise DataError(
            unreadable(path, error) if isinstance(error, OSError) else f"cannot read {quoted(path)}: {error}"
        ) from None
    if len(data) > _MOST:
        raise DataError(f"{quoted(path)} is larger than {_MOST // 1024} KiB, the most that a value may have")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{quoted(path)} is not UTF-8") from None
