"""What a step takes from its response, by the matchers of the reactor; and a response that is kept to be shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tressi._extract import OUTCOMES, BetweenExtractor, Extractor, JsonExtractor, cookie_of, encoded
from tressi._parser import ResponseParser
from tressi.load.answer import Answer, Sought
from tressi.request.parts import CONTEXTS
from tressi.trace.user import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tressi.load.answer import Progress
    from tressi.load.planned import PlannedExtract
    from tressi.trace.events import Fields

FOUND, NOT_FOUND, TOO_LONG, UNFIT = 0, 1, 2, 6  # the places of `PlannedExtract.words`
_NAMES_AT_ONCE: Final = 16  # that a parser looks for
_FIRST_MARK: Final = 32
_EMPTY_LINE: Final = re.compile(rb"\r?\n\r?\n")
_LINE: Final = re.compile(rb"\r?\n(?![ \t])")
_INTERIM: Final = re.compile(rb"HTTP/\d\.\d 1\d\d")


def extractor_of(extract: PlannedExtract, limit: int, seed: int) -> Extractor | None:
    """What looks for a value of the body; None: the value is no part of it."""
    if extract.kind == "json":
        return JsonExtractor(extract.steps, extract.pick, limit=limit, seed=seed)
    return BetweenExtractor(extract.left, extract.right, limit=limit) if extract.kind == "between" else None


class Recorded(Answer):
    """A response that is kept as it came up to the end of its head, and whose body is read by `extractors` as well."""

    def __init__(
        self,
        parser: ResponseParser,
        sought: Sought,
        pause: Callable[[], None],
        extractors: Sequence[Extractor],
        *,
        to_head: bool,
    ) -> None:
        super().__init__(parser, sought, pause, to_head=to_head)
        self.head = b""
        self.said_bytes = 0  # of the body, decoded
        self._extractors = extractors
        self._to_head = to_head
        self._has_begun = False

    def feed(self, data: bytes) -> Progress:
        """Read on."""
        if not self.status:
            self.head += data
        return super().feed(data)

    def _take(self, piece: bytes) -> None:
        if not self._has_begun:
            self._has_begun = True
            self.body.hand_over()
            for extractor in self._extractors:
                extractor.begin()
        super()._take(piece)
        for part in self.body.taken():
            self.said_bytes += len(part)
            for extractor in self._extractors:
                extractor.feed(part)

    def fields_of(self, names: Iterable[bytes]) -> dict[bytes, list[bytes]]:
        """The values of the fields of these names, in small letters, in the order in which they came."""
        wanted, found = list(dict.fromkeys(names)), dict[bytes, list[bytes]]()
        for first in range(0, len(wanted), _NAMES_AT_ONCE):
            some = wanted[first : first + _NAMES_AT_ONCE]
            parser = ResponseParser(len(self.head) + 1)
            parser.look_for(some)
            parser.reset(self._to_head)
            parser.feed(self.head)
            for line in parser.fields.split(b"\n")[:-1]:
                found.setdefault(some[line[0] - _FIRST_MARK], []).append(line[1:])
        return found

    def shown(self) -> tuple[str | None, Fields]:
        """The status line and the fields, as they came; None: they came without that line."""
        rest = self.head
        while (end := _EMPTY_LINE.search(rest)) and _INTERIM.match(rest):
            rest = rest[end.end() :]
        line, *fields = _LINE.split(rest[: end.start()] if end else rest)
        named = (field.decode("utf-8", "replace").partition(":") for field in fields)
        return line.decode("utf-8", "replace"), tuple((name, value.strip()) for name, _, value in named)


def taken_field(extract: PlannedExtract, fields: Mapping[bytes, Sequence[bytes]], limit: int) -> tuple[int, Value | None]:
    """What a header or a cookie gives: the place of its words, and the value; of several the last one counts."""
    if extract.kind == "header":
        values = fields.get(extract.name, ())
        if not values:
            return NOT_FOUND, None
        return (FOUND, Value(values[-1])) if len(values[-1]) <= limit else (TOO_LONG, None)
    outcome, value = NOT_FOUND, None
    for line in fields.get(b"set-cookie", ()):
        word, text = cookie_of(line, extract.name, limit)
        if word == "found":
            outcome, value = FOUND, Value(text or b"")
        elif word != "other":
            outcome, value = TOO_LONG, None
    return outcome, value


def taken_of_body(extractor: Extractor) -> tuple[int, Value | None]:
    """What a search in the body gives, now that it is over."""
    word, text, is_literal = extractor.end()
    return OUTCOMES.index(word), None if text is None else Value(text, is_literal)


def is_fit(value: Value, contexts: int) -> bool:
    """Whether a value may stand wherever it is used; `contexts` are bits."""
    used = (context for place, context in enumerate(CONTEXTS) if contexts >> place & 1)
    return all(encoded(value.bytes, context, is_literal=value.is_literal) is not None for context in used)
