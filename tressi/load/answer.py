"""One response from bytes as they come, for a transport without the reactor: the same parser, and what a body says.

The parser of `wire/` knows only the fields that frame a message, so the head is kept here until it ends, to look the others
up. No sockets here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from tressi.load.coding import Body

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi._wire import ResponseParser

# The first empty line; bare LF ends a line, as for the parser (RFC 9112 2.2).
_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS = slice(9, 12)  # of "HTTP/1.1 200"
_CONTINUE = 100
_FINAL = 200  # the lowest status that is one (RFC 9110 15.2)

Progress = Literal["more", "done", "broken"]


class Answer:
    """The response to one request; `status` is 0 until its head, after any number of 1xx, has ended.

    `needle` is looked for in the body, and `pause` called while a body is decoded (see `coding.Body`).
    """

    def __init__(self, parser: ResponseParser, needle: bytes | None, pause: Callable[[], None], *, to_head: bool) -> None:
        self.status = 0
        self.began = False
        self.continued = False  # a 100 (Continue) has come
        self.surplus = False  # bytes follow that no request asked for
        self.body = Body(needle, (), pause)
        self._needle = needle
        self._pause = pause
        self._head = bytearray()
        self._fields = b""
        self._parser = parser
        parser.reset(to_head)

    @property
    def is_reusable(self) -> bool:
        """Once it is done: the connection may carry another request."""
        return self._parser.reusable and not self.surplus

    @property
    def is_final(self) -> bool:
        """Whether it is not, or no more, a 1xx, by the status line alone."""
        return self._parser.status >= _FINAL

    @property
    def fault(self) -> str:
        """Why it is broken."""
        return self._parser.fault

    def feed(self, data: bytes) -> Progress:
        """Read on."""
        self.began = self.began or bool(data)
        progress: Progress = "more"
        while data and progress == "more":
            progress, used = self._parser.feed(data) if self.status else self._feed_head(data)
            if self.status:
                self.body.feed(self._parser.take())
            data = data[used:]
        self.surplus = bool(data)
        if progress == "done":
            self.body.end()
        return progress

    def close(self) -> Progress:
        """The server has ended the connection: `done` where that ends the body."""
        progress = self._parser.close()
        if progress == "done":
            self.body.end()
        return progress

    def values(self, name: str) -> list[bytes]:
        """The values of all fields of that name, in order."""
        wanted = name.lower().encode("ascii")
        fields = (line.partition(b":") for line in _unfolded(self._fields))
        return [value.strip(b" \t") for field, _, value in fields if field.lower() == wanted]

    def overdue(self, limit_s: float) -> str:
        """How far it had come when its time was over."""
        if not self.began:
            return f"no response after {limit_s:g} s"
        if not self.status:
            return f"the head of the response had not ended after {limit_s:g} s"
        return f"status {self.status}, but the body had not ended after {limit_s:g} s"

    def cut(self) -> str:
        """How far it had come when its connection ended."""
        if not self.began:
            return "the connection ended before the response"
        if not self.status:
            return "the connection ended within the head of the response"
        return f"status {self.status}, but the connection ended before the body"

    def _feed_head(self, data: bytes) -> tuple[Progress, int]:
        """Feed the parser as far as the head goes, and not beyond."""
        before = len(self._head)
        self._head += data
        end = _HEAD_END.search(self._head, max(0, before - 2))
        size = len(data) if end is None else end.end() - before
        progress, _ = self._parser.feed(data[:size])
        if end is not None and progress != "broken":
            self._head_ended(bytes(self._head[: end.end()]))
        return progress, size

    def _head_ended(self, head: bytes) -> None:
        status = int(head[_STATUS])
        self._head.clear()
        if status < _FINAL:
            self.continued = self.continued or status == _CONTINUE
            return
        self.status = status
        self._fields = head
        codings = [value.decode("latin-1") for value in self.values("Content-Encoding")]
        self.body = Body(self._needle, codings, self._pause)


def _unfolded(head: bytes) -> list[bytes]:
    """The lines of a head, a folded one put together again (RFC 9112 5.2)."""
    lines: list[bytes] = []
    for line in head.replace(b"\r\n", b"\n").split(b"\n"):
        if line[:1] in {b" ", b"\t"} and lines:
            lines[-1] += b" " + line.strip(b" \t")
        else:
            lines.append(line)
    return lines[1:]
