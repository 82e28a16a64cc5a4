"""From resolved endpoints to renderings: every request of a run as constant bytes and holes, and the sources of the holes.

A request's head is put together as text, by the same function as a request without placeholders, with a mark in place of
each placeholder; then it is cut at the marks. So both have the same fields in the same order.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tressi.frozen import dataclass
from tressi.model.data import Filled, Integer, Placeholder, Rows, Sequence, Slot, Text, Time, Uuid, pieces_of
from tressi.request.call import Call, Origin, call_of, origin_of
from tressi.request.parts import BODY_LENGTH, CONTEXTS, COOKIES, Hole, Rendering
from tressi.request.tables import Use, column_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Sequence as Sequenced

    from tressi.model import ResolvedConfig, ResolvedEndpoint
    from tressi.model.data import Context, DataSource, Generator, Piece
    from tressi.request.parts import Part
    from tressi.request.tables import Column

    ProxyFields = Sequenced[tuple[str, str]] | None
    MakeCall = Callable[[ResolvedEndpoint], Call]
    FieldsOf = Callable[[ResolvedEndpoint], ProxyFields]

# No URL and no header has a NUL.
_MARK: Final = re.compile(rb"\x00(\d+)\x00")
_COOKIE: Final = re.compile(rb"\r\nCookie:", re.IGNORECASE)
_TIME_DIGITS: Final = {"s": 10, "ms": 13, "us": 16, "ns": 19, "iso": 24}  # until the year 2286


def no_proxy(_: ResolvedEndpoint) -> None:
    """Have a request go to its target itself."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The requests of a run: for each endpoint its renderings and, in the same order, where they go; and their sources.

    `uses` has the sources by the numbers that the holes give them; those that no request uses are not there.
    """

    renderings: tuple[tuple[Rendering, ...], ...]
    origins: tuple[tuple[Origin, ...], ...]
    calls: tuple[tuple[Call, ...], ...]
    uses: tuple[Use, ...]


class Sources:
    """The sources of a run, numbered in the order of their first use, and the columns of their tables likewise."""

    def __init__(self, declared: Mapping[str, DataSource]) -> None:
        self._declared = declared
        self._columns: dict[str, list[Column]] = {}

    def whole(self, body: Filled) -> tuple[Part, ...]:
        """The hole for a body that a row is made into as a whole."""
        number, columns = self._numbered(body.source)
        columns.append(body)
        return (Hole(number, len(columns) - 1),)

    def _numbered(self, name: str) -> tuple[int, list[Column]]:
        """The number of a source, and the columns of it that are used so far."""
        numbers = list(self._columns)
        number = numbers.index(name) if name in self._columns else len(numbers)
        return number, self._columns.setdefault(name, [])

    def parts(self, placeholder: Placeholder, context: Context) -> tuple[Part, ...]:
        """What stands in a request for a placeholder: a hole, within quotes where a JSON string is to be."""
        source = self._declared[placeholder.source]
        number, columns = self._numbered(placeholder.source)
        if isinstance(source, Slot):
            return (Hole(number, CONTEXTS.index(context)),)
        if not isinstance(source, Rows):
            hole = Hole(number)
            return (b'"', hole, b'"') if context == "value" and not is_number(source) else (hole,)
        column = (column_of(source, placeholder.column), context)
        if column not in columns:
            columns.append(column)
        return (Hole(number, columns.index(column)),)

    def size(self, parts: Iterable[Part]) -> int | None:
        """How many bytes the parts always are together; None where that differs from one request to the next."""
        sources = [self._declared[name] for name in self._columns]
        sizes = [len(part) if isinstance(part, bytes) else width_of(sources[part.source]) for part in parts]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    def uses(self) -> tuple[Use, ...]:
        """All that were used, by number."""
        return tuple(Use(name, self._declared[name], tuple(columns)) for name, columns in self._columns.items())


def compiled(config: ResolvedConfig, user_agent: str, fields_of: FieldsOf = no_proxy) -> Compiled:
    """Compile the requests of every endpoint; `fields_of` says of a request what it tells a proxy that passes it on."""
    sources = Sources(config.data)
    with_jar = {flow.endpoint_key for flow in config.flows if flow.cookies}
    make_call = partial(call_of, user_agent=user_agent, keep_alive=config.keep_alive)
    made = [
        [_request(one, weight, sources, make_call, fields_of(one)) for one, weight in requests_of(endpoint)]
        for endpoint in config.endpoints
    ]
    return Compiled(
        tuple(
            tuple(with_cookies(rendering) if endpoint.flow in with_jar else rendering for rendering, _ in requests)
            for endpoint, requests in zip(config.endpoints, made, strict=True)
        ),
        tuple(tuple(origin_of(one.url) for one, _ in requests_of(endpoint)) for endpoint in config.endpoints),
        tuple(tuple(call for _, call in requests) for requests in made),
        sources.uses(),
    )


def requests_of(endpoint: ResolvedEndpoint) -> list[tuple[ResolvedEndpoint, float]]:
    """What an endpoint sends, as an endpoint for each variant, with its weight; one without variants is what it sends."""
    if not endpoint.variants:
        return [(endpoint, 1.0)]
    return [
        (
            replace(
                endpoint,
                url=variant.url,
                masked_url=variant.masked_url,
                headers=variant.headers,
                body=variant.body,
                template=variant.template,
                left_out=variant.left_out,
                variants=(),
            ),
            variant.weight,
        )
        for variant in endpoint.variants
    ]


def is_number(source: Generator) -> bool:
    """Whether what a generator gives is a number where JSON stands, and not a string."""
    return isinstance(source, (Integer, Sequence)) or (isinstance(source, Time) and source.unit != "iso")


def width_of(source: DataSource) -> int | None:
    """How many bytes each value of a source has; None where that differs, or is known only when a table is read."""
    match source:
        case Uuid():
            return 36
        case Text(length=length):
            return length
        case Time(unit=unit):
            return _TIME_DIGITS[unit]
        case Integer(low=low, high=high):
            return len(str(low)) if len(str(low)) == len(str(high)) and (low < 0) == (high < 0) else None
    return None


def _request(
    endpoint: ResolvedEndpoint,
    weight: float,
    sources: Sources,
    make_call: Callable[[ResolvedEndpoint], Call],
    fields: ProxyFields,
) -> tuple[Rendering, Call]:
    """One request, and the same as a call, in which the placeholders stand as they were written."""
    call = make_call(endpoint)
    if not sources._declared or not is_templated(endpoint):  # noqa: SLF001 - a neighbour
        return Rendering((call.head(fields),), () if not call.body else (call.body,), weight), call
    marks = _Marks(sources)
    where = replace(
        endpoint,
        url=marks.text(endpoint.url, "percent", "url"),
        headers=tuple((name, marks.text(value, "header", "header")) for name, value in endpoint.headers),
    )
    body = joined(part for piece in endpoint.template for part in _parts(piece, sources))
    head = make_call(where)
    if body:
        size = sources.size(body)
        length = ("Content-Length", marks.put((Hole(BODY_LENGTH),) if size is None else (str(size).encode(),)))
        head = replace(
            head, headers=tuple(length if name == "Content-Length" else (name, value) for name, value in head.headers)
        )
    elif call.body:
        body = (call.body,)
    return Rendering(cut(head.head(fields), marks.parts.__getitem__), body, weight), call


def _parts(piece: Piece, sources: Sources) -> tuple[Part, ...]:
    if isinstance(piece, bytes):
        return (piece,)
    return sources.whole(piece) if isinstance(piece, Filled) else sources.parts(*piece)


class _Marks:
    """Text in which numbered marks stand for `parts`, until the head that is made of it is cut at them."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.parts: list[tuple[Part, ...]] = []

    def put(self, parts: tuple[Part, ...]) -> str:
        """A mark that stands for these."""
        self.parts.append(parts)
        return f"\0{len(self.parts) - 1}\0"

    def text(self, text: str, context: Context, raw: Context) -> str:
        """A text with a mark in place of each placeholder, whose value is written as `context` asks, or `raw`."""
        return "".join(
            self.put(self._sources.parts(piece, raw if piece.raw else context)) if isinstance(piece, Placeholder) else piece
            for piece in pieces_of(text)
        )


def is_templated(endpoint: ResolvedEndpoint) -> bool:
    """Whether a request has a placeholder."""
    return bool(endpoint.template) or "{{" in endpoint.url or any("{{" in value for _, value in endpoint.headers)


def with_cookies(rendering: Rendering) -> Rendering:
    """The request with a hole for the cookies of its user: behind the value of a Cookie field of its own, if it has one."""
    own = _cookie_field(rendering.head)
    if own is not None:
        return replace(rendering, head=_with_hole(rendering.head, *own, Hole(COOKIES, 1)))
    left = 2  # behind the first field, which is Host
    for place, part in enumerate(rendering.head):
        for end in re.finditer(rb"\r\n", part) if isinstance(part, bytes) else ():
            left -= 1
            if left == 0:
                return replace(rendering, head=_with_hole(rendering.head, place, end.end(), Hole(COOKIES)))
    raise ValueError("a request has no field")


def _cookie_field(head: tuple[Part, ...]) -> tuple[int, int] | None:
    """Where the value of the Cookie field ends, of which some parts may be holes: the part and the byte in it; or None."""
    found = False
    for place, part in enumerate(head):
        begin = 0
        if isinstance(part, bytes) and not found:
            match = _COOKIE.search(part)
            found, begin = match is not None, 0 if match is None else match.end()
        end = part.find(b"\r\n", begin) if found and isinstance(part, bytes) else -1
        if end >= 0:
            return place, end
    return None


def _with_hole(head: tuple[Part, ...], place: int, at: int, hole: Hole) -> tuple[Part, ...]:
    part = head[place]
    if not isinstance(part, bytes):
        raise TypeError(f"part {place} is a hole")
    return joined([*head[:place], part[:at], hole, part[at:], *head[place + 1 :]])


def cut(head: bytes, parts: Callable[[int], Iterable[Part]]) -> tuple[Part, ...]:
    """Cut a head at its marks, and put in the parts that they stand for."""
    pieces = _MARK.split(head)
    return joined(part for place, piece in enumerate(pieces) for part in (parts(int(piece)) if place % 2 else (piece,)))


def joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The same parts with neighbouring bytes made one, and none that are empty."""
    done: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) and done and isinstance(done[-1], bytes):
            done[-1] += part
        elif part != b"":
            done.append(part)
    return tuple(done)
