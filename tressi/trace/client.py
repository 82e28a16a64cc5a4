"""The second transport, watched: what goes out and what comes back, redirects and repeated requests included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tressi.load.second_transport import Attempt, Client
from tressi.trace.intake import Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi._extract import Extractor
    from tressi.load.answer import Answer
    from tressi.load.connection import Routes
    from tressi.load.exchange import Exchange
    from tressi.load.ways import Way
    from tressi.request.call import Call


class Watch(Protocol):
    """Who is asked and told while one step is sent."""

    @property
    def extractors(self) -> Sequence[Extractor]:
        """What reads the body."""

    def next_call(self, call: Call, way: Way) -> Call:
        """The request as it is to go out: one that a redirect leads to may need cookies."""

    def sends(self, call: Call, way: Way) -> None:
        """The request goes out now."""

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
        call = self.watch.next_call(call, self._routes.network.way(call.url, attempt.tls))
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
        self.watch.sends(call, self._routes.network.way(call.url, attempt.tls))
        is_head = call.method == "HEAD"
        return Recorded(self._parser, attempt.sought, attempt.breathe, self.watch.extractors, to_head=is_head)
