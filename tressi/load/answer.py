"""One response from bytes as they come, for a transport without the reactor: the same parser, and what a body says.

No sockets here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tressi.frozen import dataclass
from tressi.load.coding import JUDGED_BYTES, Body

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi._parser import ResponseParser
    from tressi.load.judge import Judge

_FINAL = 200  # the lowest status that is one (RFC 9110 15.2)

Progress = Literal["more", "done", "broken"]


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for in answers: a text in the body, fields by their names, and what a judge says of the body."""

    needle: bytes | None = None
    names: tuple[bytes, ...] = ()
    judge: Judge | None = None


class Answer:
    """The response to one request; `status` is 0 until its head, after any number of 1xx, has ended.

    `pause` is called while a body is decoded (see `coding.Body`).
    """

    def __init__(self, parser: ResponseParser, sought: Sought, pause: Callable[[], None], *, to_head: bool) -> None:
        self.status = 0
        self.began = False
        self.surplus = False  # bytes follow that no request asked for
        self.body = Body(sought.needle, (), pause)
        self._sought = sought
        self._whole = bytearray()  # as it came, for the judge
        self._pause = pause
        self._parser = parser
        parser.look_for(sought.names)
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
    def continued(self) -> bool:
        """Whether a 100 (Continue) has come."""
        return self._parser.continued

    @property
    def locations(self) -> list[bytes]:
        """The values of all its Location fields, in order; a trailer's are none of them."""
        return self._parser.locations

    @property
    def keeps_s(self) -> float:
        """For how long the server keeps a connection that rests; 0: it did not say."""
        return self._parser.keeps_s

    @property
    def fault(self) -> str:
        """Why it is broken."""
        return self._parser.fault

    def feed(self, data: bytes) -> Progress:
        """Read on."""
        self.began = self.began or bool(data)
        progress, used = self._parser.feed(data)
        if not self.status and self._parser.has_head:
            self.status = self._parser.status
            self.body = Body(self._sought.needle, [self._parser.coding.decode("latin-1")], self._pause)
        if self.status:
            self._take(self._parser.take())
        self.surplus = used < len(data)
        if progress == "done":
            self.body.end()
        return progress

    def _take(self, piece: bytes) -> None:
        """A piece of the body."""
        self.body.feed(piece)
        if self._sought.judge is not None:
            self._whole += piece[: JUDGED_BYTES - len(self._whole)]

    @property
    def fields(self) -> bytes:
        """The fields that are sought, as the parser has them."""
        return self._parser.fields

    @property
    def body_bytes(self) -> int:
        """Of the body as it came."""
        return self._parser.body_bytes

    def verdict(self) -> str | None:
        """Why the judge refuses the body, now that it is whole; None where it does not, or there is none."""
        judge = self._sought.judge
        if judge is None or not self.body.found:
            return None
        return judge(bytes(self._whole), self.body_bytes, self._parser.coding.decode("latin-1"))

    def close(self) -> Progress:
        """The server has ended the connection: `done` where that ends the body."""
        progress = self._parser.close()
        if progress == "done":
            self.body.end()
        return progress

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
