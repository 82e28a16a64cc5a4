"""What an importer hands over: requests, perhaps as the steps of one user, and what it left out. Texts may hold marks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

BodyKind = Literal["payload", "body", "form", "multipart", "bodyFile"]
Wanted = Literal["flow", "requests"]

_URL: Final = re.compile(
    r"(\ud800e:\w+\udbff(?:://[^/?#]*)?|[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL
)


class DocumentError(ConfigError):
    """A document that cannot be imported; `str()` is the sentence for a person."""

    def __init__(self, message: str) -> None:
        super().__init__([ConfigProblem("", message)])


@dataclass(frozen=True, slots=True)
class Body:
    """A body as a config has it, under the property `kind`."""

    kind: BodyKind
    content: Any


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `origin` is scheme and authority, or the mark of a variable that has both; `path` begins with a slash.

    `name` is what the document calls it, "" for nothing. `weight` is its share of the rate beside the others. `status` is
    one that must be expected because it would count as a failure otherwise.
    """

    method: str
    origin: str
    path: str = "/"
    query: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Body | None = None
    name: str = ""
    weight: float = 1.0
    status: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """Path and query."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def header(self, name: str) -> str | None:
        """The first value of a header, None without one."""
        return next((value for own, value in self.headers if own.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Visit:
    """A step of a user: `think_s` seconds of rest, the request, and what is taken from its response, by slot."""

    request: Request
    think_s: float = 0.0
    extract: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a document has.

    `settings` go to the top of the config, `notes` say what is different and what was left out. `longest` is how many bytes
    the longest value had that a flow extracts.
    """

    visits: tuple[Visit, ...]
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    longest: int = 0


def url_parts(url: str) -> tuple[str, str, str | None] | None:
    """Origin, path and query of an absolute URL without its fragment; None where it is not absolute."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    path = match[2]
    return match[1], path if path.startswith("/") else f"/{path}", match[3]
