"""What one user keeps: the values that he has extracted and drawn, and his cookies; and the request that they make."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tressi._extract import Jar, encoded
from tressi._values import Drawer, Values
from tressi.model.data import Slot
from tressi.request.parts import CONTEXTS, Table
from tressi.request.render import render
from tressi.request.tables import row_of
from tressi.trace.events import Drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tressi.load.plan import Plan
    from tressi.request.parts import Rendering
    from tressi.request.tables import Use

# The path in a request line, in origin-form or absolute-form (RFC 9112 3.2), as `wire/user.pxd` takes it.
_PATH: Final = re.compile(rb"[^ ]* (?:[^/ ][^ ]*?://[^/? ]*)?([^?# ]*)")
_RUNS: Final = re.compile(rb"[\x00-\x7f]+|[\x80-\xff]+")


@dataclass(frozen=True, slots=True)
class Value:
    """What a slot holds; a literal of JSON keeps its type where it stands alone."""

    bytes: bytes
    is_literal: bool = False


class User:
    """One user of a plan: `uses` are its sources, by number. With `has_jar` he keeps cookies."""

    def __init__(self, plan: Plan, uses: Sequence[Use], *, has_jar: bool) -> None:
        block = plan.tables.block
        self._memory = memoryview(b"") if block is None else block.memory
        self._sources = plan.tables.sources
        self._uses = uses
        self._drawer = Drawer(Values(self._sources, self._memory, seed=plan.seed))
        self._cells: dict[int, tuple[bytes, ...]] = {}
        self._slots = {use.source.number: number for number, use in enumerate(uses) if isinstance(use.source, Slot)}
        self.slots: dict[int, Value] = {}
        self.jar = Jar() if has_jar else None
        for number in self._slots:
            self.keep(number, None)

    def draw(self, numbers: Iterable[int]) -> list[Drawn]:
        """Draw from these sources; what was drawn stays until they are drawn from again."""
        return [self._draw(number) for number in numbers if not isinstance(self._uses[number].source, Slot)]

    def _draw(self, number: int) -> Drawn:
        found, source = self._drawer.draw(number), self._sources[number]
        if found is None:
            raise ValueError(f"no row of {self._uses[number].name} is left")
        if isinstance(source, Table) and isinstance(found, int):
            self._cells[number] = row_of(self._memory, source, found)
            return Drawn(self._uses[number].name, found + 1, None)
        if not isinstance(found, bytes):
            raise TypeError(f"{self._uses[number].name} is no generator")
        self._cells[number] = (found,)
        return Drawn(self._uses[number].name, None, found.decode("utf-8", "replace"))

    def keep(self, slot: int, value: Value | None) -> None:
        """Have a value in a slot from now on, or none."""
        self.slots.pop(slot, None)
        if value is not None:
            self.slots[slot] = value
        if slot in self._slots:
            self._cells[self._slots[slot]] = tuple(written(value, context) for context in CONTEXTS)

    def request(self, rendering: Rendering, host: bytes | None, *, is_secure: bool) -> bytes:
        """The bytes of a request now, with his cookies where `host`, that of its URL, is given."""
        return render(rendering, self._cells, None if host is None else self._cookies(host, is_secure=is_secure))

    def _cookies(self, host: bytes, *, is_secure: bool) -> Callable[[bytes, int], bytes]:
        def filled(before: bytes, column: int) -> bytes:
            if self.jar is None:
                return b""
            found = self.jar.write(host, path_of(before), is_secure=is_secure, now_s=int(time.time()))
            return b"" if not found else b"; " + found if column else b"Cookie: " + found + b"\r\n"

        return filled

    def store(self, line: bytes, head: bytes, host: bytes, *, is_secure: bool) -> str:
        """Take in a Set-Cookie of the response to a request with this head; returns what became of it."""
        if self.jar is None:
            raise ValueError("a user without a jar keeps no cookies")
        return self.jar.store(host, path_of(head), line, is_secure=is_secure, now_s=int(time.time()))


def path_of(head: bytes) -> bytes:
    """The path of a request, without its query; `head` begins with the request line."""
    found = _PATH.match(head)
    return found[1] if found else b""


def written(value: Value | None, context: str) -> bytes:
    """A value as it stands in a request; one that may not stand there does as in the reactor, which refuses it before."""
    if value is None:
        return b""
    text = encoded(value.bytes, context, is_literal=value.is_literal)
    if text is not None:
        return text
    if context == "header":
        return b""
    if value.is_literal and context == "value":
        return value.bytes
    inner = b"".join((encoded(run, "json") or b"") if run[0] < 0x80 else run for run in _RUNS.findall(value.bytes))  # noqa: PLR2004 - ASCII
    return b'"%s"' % inner if context == "value" else inner
