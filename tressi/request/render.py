"""A request put together in plain Python: what the reactor does in C, for tests and for people, who want to see one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.request.parts import BODY_LENGTH, COOKIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.request.parts import Part, Rendering


def render(rendering: Rendering, drawn: Mapping[int, Sequence[bytes]]) -> bytes:
    """The bytes of one request; `drawn` has the cells of what was drawn from each source, by its number. It has no cookies."""
    body = _filled(rendering.body, drawn)
    return _filled(rendering.head, {**drawn, BODY_LENGTH: (str(len(body)).encode(),)}) + body


def _filled(parts: Iterable[Part], drawn: Mapping[int, Sequence[bytes]]) -> bytes:
    return b"".join(
        part if isinstance(part, bytes) else b"" if part.source == COOKIES else drawn[part.source][part.column]
        for part in parts
    )
