"""The second transport, watched: what goes out and what comes back, redirects and repeated requests included.

It speaks HTTP/2 as well (`streams`), where a request asks for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tressi.load.dial import DialError
from tressi.load.second_transport import Attempt, Client
from tressi.trace.intake import Recorded
from tressi.trace.streams import AGAIN, NotProcessedError, RecordedStream, StreamExchange, StreamLink, fields_of, speaks_h2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urllib3.connection import HTTPConnection

    from tressi._extract import Extractor
    from tressi.load.answer import Answer
    from tressi.load.connection import Link, Routes
    from tressi.load.exchange import Exchange
    from tressi.load.ways import Way
    from tressi.model import Protocol as Spoken
    from tressi.request.call import Call
    from tressi.trace.events import Fields


class Watch(Protocol):
    """Who is asked and told while one step is sent."""

    @property
    def extractors(self) -> Sequence[Extractor]:
        """What reads the body."""

    @property
    def protocol(self) -> Spoken:
        """What is to be spoken."""

    def retried(self, why: str | None = None) -> None:
        """The request is sent once more: the server has not processed it, as it says by `why`, or had closed."""

    def next_call(self, call: Call, way: Way) -> Call:
        """The request as it is to go out: one that a redirect leads to may need cookies."""

    def sends(self, call: Call, way: Way, fields: Fields | None = None) -> None:
        """The request goes out now; `fields` is its header list, where it has one."""

    def came(self, call: Call, answer: Recorded, arrived_ns: int) -> None:
        """Its response is whole."""

    def broke(self, call: Call, answer: Recorded) -> None:
        """Its response has begun, and is not whole."""


class WatchedClient(Client):
    """A lane's connections, over which one step after another is sent; `watch` is who watches the next."""

    def __init__(self, routes: Routes, watch: Watch, *, redirects: int, origins: int) -> None:
        super().__init__(routes, None, redirects=redirects, origins=origins)
        self.watch = watch

    def answered(self, call: Call, attempt: Attempt) -> tuple[Answer, Exchange]:
        """Send one request, and tell of its response."""
        call = self.watch.next_call(call, self.way_of(call, attempt))
        attempt.answer = None
        try:
            answer, exchange = super().answered(call, attempt)
        except BaseException:
            if isinstance(attempt.answer, Recorded) and attempt.answer.began:
                self.watch.broke(call, attempt.answer)
            raise
        if isinstance(answer, Recorded):
            self.watch.came(call, answer, exchange.arrived_ns)
        return answer, exchange

    def answer_to(self, call: Call, attempt: Attempt) -> Answer:
        """What reads the response to a request that is sent now."""
        self.watch.sends(call, self.way_of(call, attempt))
        is_head = call.method == "HEAD"
        return Recorded(self._parser, attempt.sought, attempt.breathe, self.watch.extractors, to_head=is_head)

    def way_of(self, call: Call, attempt: Attempt) -> Way:
        """By which way a request goes, and by which protocol."""
        return self._routes.network.way(call.url, attempt.tls, self.watch.protocol)

    def linked(self, made: HTTPConnection, way: Way) -> Link:
        """A connection of the protocol that is spoken over it. Raises DialError where that is not the one asked for."""
        return StreamLink(made) if speaks_h2(made, way) else super().linked(made, way)

    def exchanged(self, link: Link, call: Call, attempt: Attempt, way: Way) -> tuple[Answer, Exchange]:
        """Send one request over `link`; over HTTP/2 again and again where the server says that it was not processed."""
        for _ in range(AGAIN):
            if not isinstance(link, StreamLink):
                return super().exchanged(link, call, attempt, way)
            try:
                return self._streamed(link, call, attempt, way)
            except NotProcessedError as failure:
                self.watch.retried(failure.why)
                if not link.takes:
                    link.close()
                    link = self.opened(way, attempt)
                last = failure
        link.close()
        raise DialError(last.kind, str(last))

    def _streamed(self, link: StreamLink, call: Call, attempt: Attempt, way: Way) -> tuple[Answer, Exchange]:
        self.watch.sends(call, way, fields_of(call))
        is_head = call.method == "HEAD"
        extractors = self.watch.extractors
        answer = RecordedStream(self._parser, attempt.sought, attempt.breathe, extractors, link, to_head=is_head)
        attempt.answer = answer
        exchange = StreamExchange(link, answer, attempt.listener.carried, attempt.breathe)
        attempt.begin()
        try:
            exchange.ask(call)
        except NotProcessedError:
            raise
        except BaseException:
            link.close()
            raise
        link.rests(0.0)
        self.served(way, link, is_reusable=link.takes and not exchange.has_ended)
        return answer, exchange
