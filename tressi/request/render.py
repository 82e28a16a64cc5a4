"""A request put together in plain Python: what the reactor does in C, for tests and for people, who want to see one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.request.parts import BODY_LENGTH, COOKIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tressi.request.parts import Part, Rendering


def render(
    rendering: Rendering,
    drawn: Mapping[int, Sequence[bytes]],
    cookies: Callable[[bytes, int], bytes] | None = None,
) -> bytes:
    """The bytes of one request; `drawn` has the cells of what was drawn from each source, by its number.

    `cookies` gives what stands for those of a user, of the bytes before them and the column of their hole; None: nothing.
    """
    body = _filled(rendering.body, drawn)
    return _filled(rendering.head, {**drawn, BODY_LENGTH: (str(len(body)).encode(),)}, cookies) + body


def _filled(
    parts: Iterable[Part], drawn: Mapping[int, Sequence[bytes]], cookies: Callable[[bytes, int], bytes] | None = None
) -> bytes:
    filled = bytearray()
    for part in parts:
        if isinstance(part, bytes):
            filled += part
        elif part.source != COOKIES:
            filled += drawn[part.source][part.column]
        elif cookies is not None:
            filled += cookies(bytes(filled), part.column)
    return bytes(filled)
