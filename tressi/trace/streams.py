"""Requests of one user over a connection of HTTP/2, one after the other, by the reactor's own reader of the protocol.

What comes is handed on to the reader of HTTP/1.1 in that form, its body in chunks: so a response is searched, judged and
followed by the same code, whatever carried it. It is shown as it came.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tressi._h2 import Connection, FieldDecoder, block_of
from tressi.load.connection import Link
from tressi.load.dial import DialError
from tressi.load.exchange import PIECE_BYTES, Exchange
from tressi.trace.frames import Frames
from tressi.trace.intake import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from urllib3.connection import HTTPConnection

    from tressi._extract import Extractor
    from tressi._parser import ResponseParser
    from tressi.load.answer import Progress, Sought
    from tressi.load.exchange import Breath
    from tressi.load.ways import Way
    from tressi.request.call import Call
    from tressi.trace.events import Fields
    from tressi.trace.frames import FieldLines

AGAIN: Final = 16  # times that a request is sent which no server has processed, as by the reactor
_FINAL: Final = b"200"  # the lowest status that is one
_FRAMING: Final = b"transfer-encoding"  # of the form in which responses are handed on


class NotProcessedError(DialError):
    """The server has not processed the request, as it says."""

    def __init__(self, why: str) -> None:
        super().__init__("reset", f"{why}, again and again")
        self.why = why


def fields_of(call: Call) -> Fields:
    """The header list of a request, in the order in which it is sent."""
    block = block_of(call.head(), call.url.startswith("https:"))
    decoded = FieldDecoder().decode(block or b"") or []
    return _as_text(decoded)


def speaks_h2(made: HTTPConnection, way: Way) -> bool:
    """Whether HTTP/2 is spoken over a connection that stands. Raises DialError where it must be and is not."""
    if way.tls is None or way.protocol.name in {"http/1.1", "h2c"}:
        return way.protocol.name == "h2c"
    chosen: Any = made.sock
    found: bool = chosen.selected_alpn_protocol() == "h2"
    if way.protocol.name == "h2" and not found:
        raise DialError("tls", "the server does not speak HTTP/2, by ALPN")
    return found


class StreamLink(Link):
    """One open connection of HTTP/2."""

    def __init__(self, made: HTTPConnection) -> None:
        super().__init__(made)
        self.session = Connection(1, 1)
        self.frames = Frames()
        self.is_cut = False  # a frame was not sent to its end

    @property
    def takes(self) -> bool:
        """Whether it may carry one more request."""
        return self.session.takes and not self.is_cut

    def is_alive(self) -> bool:
        """Take in what the server has said of the connection since; whether it may carry one more request."""
        try:
            self.socket.settimeout(0)
            while data := self.socket.recv(PIECE_BYTES):
                if any(event[0] == "broken" for event in self.session.feed(data)):
                    return False
                self.frames.heard(data)
        except (BlockingIOError, ssl.SSLWantReadError):
            self.socket.settimeout(None)
            with suppress(OSError):
                self.socket.sendall(self.session.take())
                return self.takes
        except (OSError, ValueError):
            # A ValueError is a TLS socket that is closed.
            return False
        return False


class RecordedStream(Recorded):
    """A response that comes on a stream; `trailers` are the fields behind its body."""

    def __init__(
        self,
        parser: ResponseParser,
        sought: Sought,
        pause: Callable[[], None],
        extractors: Sequence[Extractor],
        link: StreamLink,
        *,
        to_head: bool,
    ) -> None:
        super().__init__(parser, sought, pause, extractors, to_head=to_head)
        self.stream = 0  # None is open yet
        self.trailers: Fields = ()
        self._link = link
        self._fields: Fields = ()
        self._progress: Progress = "more"
        self._fault = ""

    def feed(self, data: bytes) -> Progress:
        """Read what the connection has brought. Raises DialError where that ends the stream and is no response."""
        events = self._link.session.feed(data)
        if not any(event[0] == "broken" for event in events):
            for said in self._link.frames.heard(data):
                if said.stream == self.stream != 0:
                    self._take_frame(said.fields, said.piece)
        for event in events:
            self._hear(*event)
        return self._progress

    @property
    def fault(self) -> str:
        """Why it is broken."""
        return self._fault or super().fault

    def close(self) -> Progress:
        """The server has ended the connection, and no response with it."""
        return "broken"

    def fields_of(self, names: Iterable[bytes]) -> dict[bytes, list[bytes]]:
        """As of any response."""
        return super().fields_of(name for name in names if name != _FRAMING)

    def shown(self) -> tuple[str | None, Fields]:
        """The header list of the response, as it came."""
        return None, self._fields

    def _take_frame(self, fields: FieldLines | None, piece: bytes) -> None:
        if fields is None:
            self._hand_on(b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b"")
        elif self.status:
            self.trailers = _as_text(fields)
        else:
            self._take_head(fields)

    def _take_head(self, fields: FieldLines) -> None:
        """A head, of which one with a status of 1xx may come before that of the response."""
        self._fields = _as_text(fields)
        status = dict(fields).get(b":status", b"")
        lines = [b"HTTP/1.1 %b " % status, *(b"%b: %b" % pair for pair in fields if not pair[0].startswith(b":"))]
        if status >= _FINAL:
            lines.append(_FRAMING + b": chunked")
        self._hand_on(b"\r\n".join([*lines, b"", b""]))

    def _hand_on(self, data: bytes) -> None:
        if data and self._progress == "more":
            self._progress = super().feed(data)

    def _hear(self, event: str, number: int | str, why: str = "") -> None:
        if event == "broken":
            raise DialError("protocol", f"{number}: {why}")
        if event == "away" and self.stream and isinstance(number, int) and self.stream > number:
            raise NotProcessedError("GOAWAY")
        if number != self.stream or event == "away":
            return
        if event == "end":
            # A response without a body had ended for its reader before.
            self._hand_on(b"0\r\n\r\n")
        elif event == "malformed":
            self._progress, self._fault = "broken", why
        elif event == "reset":
            raise NotProcessedError(why) if why == "REFUSED_STREAM" else DialError("reset", why)


class StreamExchange(Exchange):
    """One request on its way over a stream, and the answer to it."""

    def __init__(self, link: StreamLink, answer: RecordedStream, carried: Callable[[int, int], None], breathe: Breath) -> None:
        super().__init__(link.socket, answer, carried, breathe)
        self._link = link
        self._recorded = answer

    def ask(self, call: Call) -> None:
        """Send the request, and read its answer whole. Raises DialError."""
        try:
            self._open(call)
            while self._progress == "more":
                self._flush()
                if self._progress == "more":
                    self._receive()
            self._flush()
        except OSError as failure:
            raise self._failed(failure) from None
        if self._progress == "broken":
            raise DialError("protocol", self._recorded.fault)

    def _open(self, call: Call) -> None:
        """Begin the stream once the server takes one; a body that waits for an answer goes on with it."""
        session, holds = self._link.session, call.awaits_continue
        is_secure = call.url.startswith("https:")
        while (stream := self._asked(call, holds=holds, is_secure=is_secure)) is None:
            if not session.takes:
                raise NotProcessedError("GOAWAY")
            self._flush()
            self._receive()
        self._recorded.stream = stream
        if holds:
            self._flush()
            self._await_continue()
            session.go_on(stream)

    def _asked(self, call: Call, *, holds: bool, is_secure: bool) -> int | None:
        to_head = call.method == "HEAD"
        session = self._link.session
        return session.request(call.head(), call.body or b"", to_head=to_head, holds=holds, trailers=True, is_secure=is_secure)

    def _flush(self) -> None:
        """Send what the request and the protocol have to say, as far as the server takes it."""
        session = self._link.session
        while self._progress == "more" and (data := session.take()):
            self._link.is_cut = not self._send(data) or self._link.is_cut
            session.feed(b"")
        if not self._link.is_cut and self._progress != "more" and (data := session.take()):
            self._socket.sendall(data)


def _as_text(fields: FieldLines) -> Fields:
    return tuple((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in fields)
