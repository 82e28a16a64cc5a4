"""What requests are filled with: the sources of a config's `data`, and the placeholders that name them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Format = Literal["csv", "tsv", "jsonl", "lines"]
Pick = Literal["sequential", "random", "shuffle", "unique", "perLane", "zipf", "weight"]
Unit = Literal["s", "ms", "us", "ns", "iso"]
# How a value is written where it stands: "percent" leaves the unreserved characters of RFC 3986 alone; "url" encodes what
# may stand nowhere in a URL, and nothing else; "json" is within the quotes of a JSON string, "value" a whole JSON value;
# "header" is Latin-1 without control characters; "raw" is UTF-8 as it stands.
Context = Literal["percent", "url", "json", "value", "header", "raw"]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: rows of a file, or of the config itself (`values`). `place` is where the config declares it, for messages.

    `columns` are the names in the order of the file; none where a row is one value without a name. With the format "jsonl",
    and with `values`, they are those of the first row, and the cells keep their JSON types. `exponent` is that of the pick
    "zipf", `weight` the column that "weight" takes.
    """

    place: str
    columns: tuple[str, ...] = ()
    file: str | None = None
    format: Format = "jsonl"
    values: tuple[Any, ...] = ()
    pick: Pick = "sequential"
    exponent: float = 0.0
    weight: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether its cells are JSON values, and not only texts."""
        return self.format == "jsonl"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number drawn evenly from `low` to `high`, both included, in decimal digits."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """`first`, `first + step`, and so on: each number once in the whole run, over all its engines."""

    first: int = 1
    step: int = 1


@dataclass(frozen=True, slots=True)
class Uuid:
    """A UUID of version 4 (random) or 7 (time and random) of RFC 9562, in lower case with hyphens."""

    version: Literal[4, 7] = 4


@dataclass(frozen=True, slots=True)
class Time:
    """The time at which the request is put together: whole units since 1970, or RFC 3339 in UTC with milliseconds ("iso")."""

    unit: Unit = "ms"


@dataclass(frozen=True, slots=True)
class Text:
    """`length` random characters of `alphabet`, which has 1 to 256 bytes."""

    length: int
    alphabet: bytes = b"abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Slot:
    """What a flow has extracted from an earlier response; a user has one place for each, by `number`."""

    number: int


Generator = Integer | Sequence | Uuid | Time | Text
DataSource = Rows | Generator | Slot


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place in a request that is filled from a source of the config's `data`, such as `{{user.name}}`.

    `column` is None where the config names none. `raw` says that it has three braces, and is filled with the value as it is.
    """

    source: str
    column: str | None = None
    raw: bool = False

    def __str__(self) -> str:
        name = self.source if self.column is None else f"{self.source}.{self.column}"
        return f"{{{{{{{name}}}}}}}" if self.raw else f"{{{{{name}}}}}"


@dataclass(frozen=True, slots=True)
class Filled:
    """A body that is made of a row of a table as a whole, once, before the run: `encode` takes the row's cells by column.

    `columns` are those that it is made of, None for the one without a name. `encode` raises ValueError.
    """

    source: str
    columns: tuple[str | None, ...]
    encode: Callable[[Mapping[str | None, Any]], bytes]


# A piece of a body: bytes that are sent as they stand, a placeholder and how it is encoded there, or all of the body.
Piece = bytes | tuple[Placeholder, Context] | Filled

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_INNER: Final = r"\s*([A-Za-z_][A-Za-z0-9_-]*)(?:\.([^{}\x00-\x1f]*[^{}\x00-\x20]))?\s*"
_PLACEHOLDER: Final = re.compile(rf"\{{\{{\{{{_INNER}\}}\}}\}}|\{{\{{{_INNER}\}}\}}")


def pieces_of(text: str) -> Iterator[str | Placeholder]:
    """Take a text apart into what stands between placeholders and the placeholders; empty texts are left out.

    Whether a name is declared is not asked: `{{ other }}` is a placeholder too, and `{{#if x}}` is text.
    """
    place = 0
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > place:
            yield text[place : match.start()]
        raw = match[1] is not None
        yield Placeholder(match[1], match[2], raw=True) if raw else Placeholder(match[3], match[4])
        place = match.end()
    if place < len(text):
        yield text[place:]


def placeholders_of(text: str) -> list[Placeholder]:
    """The placeholders of a text, in order."""
    return [piece for piece in pieces_of(text) if isinstance(piece, Placeholder)] if "{{" in text else []
