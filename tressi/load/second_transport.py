"""The second transport: for what the reactor does not do (proxies, redirects), and for systems without epoll.

Cooperative without monkey-patching: connections are urllib3's over gevent's sockets (connection.py). A lane's greenlet does
the whole attempt and reports the response to the reactor, which keeps the same books and gives out the same tokens.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from gevent import Timeout

from tressi._parser import ResponseParser
from tressi.frozen import dataclass
from tressi.load.answer import Answer, Sought
from tressi.load.connection import Link, Rotation, opened
from tressi.load.dial import DialError
from tressi.load.exchange import PIECE_BYTES, Breath, Exchange
from tressi.load.redirect import Refused, redirected
from tressi.request.call import IDEMPOTENT_METHODS

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

    from tressi.load.connection import Routes
    from tressi.load.dial import Patience
    from tressi.load.permits import Permits
    from tressi.load.ways import Way
    from tressi.model import TlsConfig
    from tressi.request.call import Call

_LINKS = 16  # kept at most to places that only redirects lead to


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response: times on CLOCK_MONOTONIC, the first put off by what connecting took after it.

    `body` is its beginning, `found` tells whether all of it has what it must, or `reason` why that cannot be told.
    `first_ns` is when it began to come; 0: with its end. `fields` are those that are sought, `body_bytes` those of the body as
    it came; `refused`: the judge of the body says so, for `reason`.
    """

    status: int
    body: bytes
    found: bool
    reason: str | None
    sent_ns: int
    first_ns: int
    arrived_ns: int
    fields: bytes = b""
    body_bytes: int = 0
    refused: bool = False


class Listener(Protocol):
    """Who hears of what happens on the way to a response."""

    def connected(self, connect_ns: int, tls_ns: int, waited_ns: int) -> None:
        """A connection was made; all but TCP and TLS took `waited_ns`. `tls_ns` is negative without a handshake."""

    def retried(self) -> None:
        """The request is sent once more."""

    def redirected(self) -> None:
        """A redirect is followed."""

    def carried(self, sent_bytes: int, received_bytes: int) -> None:
        """So much of heads and bodies went to the target, and came from it."""


class Attempt:
    """One attempt's time: it stands still while connections are made, which are as many as redirects ask for."""

    def __init__(self, tls: TlsConfig | None, timeout_s: float, patience: Patience, sought: Sought, listener: Listener) -> None:
        self.tls = tls
        self.patience = patience
        self.sought = sought
        self.listener = listener
        self.answer: Answer | None = None  # being waited for, or read
        self.breathe = Breath()
        self._timeout_s = timeout_s
        self._has_sent = False
        self.sent_ns = time.monotonic_ns()
        self.go_on()

    def begin(self) -> None:
        """A request is about to be sent; only the first counts."""
        if not self._has_sent:
            self._has_sent = True
            self.sent_ns = time.monotonic_ns()

    def stand_still(self) -> int:
        """Stop the time; `go_on` with the moment that this returns."""
        self.timeout.close()
        return time.monotonic_ns()

    def go_on(self, since_ns: int | None = None) -> None:
        """Let the time go on, without what has gone by since it was stopped."""
        now_ns = time.monotonic_ns()
        self.sent_ns += 0 if since_ns is None else now_ns - since_ns
        self.timeout = Timeout(max(0.0, self._timeout_s - (now_ns - self.sent_ns) / 1e9))
        self.timeout.start()

    def overdue(self) -> DialError:
        """Its time is over."""
        words = f"no response after {self._timeout_s:g} s"
        return DialError("timeout", self.answer.overdue(self._timeout_s) if self.answer else words, waited=True)


class Client:
    """One lane's connections, over which it sends one request at a time."""

    def __init__(
        self,
        routes: Routes,
        permits: Permits | None = None,
        *,
        redirects: int = 0,
        begun: int = 0,
        origins: int = 1,
    ) -> None:
        self._routes = routes
        self._permits = permits
        self._redirects = redirects
        self._rotation = Rotation(begun)
        self._most = origins + (_LINKS if redirects else 0)
        self._links: dict[Way, Link] = {}  # the one that was used last is the last
        self._parser = ResponseParser(PIECE_BYTES)

    def send(  # noqa: PLR0917 - what an attempt is
        self, call: Call, tls: TlsConfig | None, timeout_s: float, patience: Patience, sought: Sought, listener: Listener
    ) -> Reply:
        """Make one attempt: send a request and read its answer whole, within `timeout_s` from the first byte on.

        Each connection that has to be made for it gets `patience`, and `tls` where it is not the config's. Raises DialError
        with the kind of failure.
        """
        attempt = Attempt(tls, timeout_s, patience, sought, listener)
        try:
            return self._followed(call, attempt)
        except Timeout as reached:
            if reached is not attempt.timeout:
                raise
            raise attempt.overdue() from None
        finally:
            attempt.timeout.close()

    def close(self) -> None:
        """Close the connections."""
        while self._links:
            self._links.popitem()[1].close()

    def _followed(self, call: Call, attempt: Attempt) -> Reply:
        """Send, and follow where the answer leads."""
        followed = 0
        while True:
            answer, exchange = self.answered(call, attempt)
            then = None
            if self._redirects:
                then = redirected(call, answer.status, answer.locations, followed, self._redirects)
            if isinstance(then, Refused):
                raise DialError("protocol", then.reason)
            if then is None:
                first_ns = 0 if exchange.first_ns == exchange.arrived_ns else exchange.first_ns
                return _reply(answer, attempt.sent_ns, first_ns, exchange.arrived_ns)
            call, followed = then, followed + 1
            attempt.listener.redirected()

    def answered(self, call: Call, attempt: Attempt) -> tuple[Answer, Exchange]:
        """Send one request, once more where a kept connection turns out closed and sending twice is as good as once."""
        way = self.way_of(call, attempt)
        link = self._links.pop(way, None)
        repeatable = call.method in IDEMPOTENT_METHODS
        if link is not None and (link.is_stale(self._routes.kept, repeatable=repeatable) or not link.is_alive()):
            link.close()
            link = None
        if link is None:
            link = self.opened(way, attempt)
        try:
            return self.exchanged(link, call, attempt, way)
        except DialError as failure:
            unheard = attempt.answer is None or not attempt.answer.began
            was_ended = link.served > 0 and unheard and failure.kind in {"closed", "reset"}
            if not was_ended or not repeatable:
                raise
        attempt.listener.retried()
        return self.exchanged(self.opened(way, attempt), call, attempt, way)

    def way_of(self, call: Call, attempt: Attempt) -> Way:
        """By which way a request goes."""
        return self._routes.network.way(call.url, attempt.tls)

    def linked(self, made: HTTPConnection, way: Way) -> Link:  # noqa: ARG002 - for those who speak something else
        """What a connection that stands is. Raises DialError."""
        return Link(made)

    def answer_to(self, call: Call, attempt: Attempt) -> Answer:
        """What reads the response to a request that is sent now."""
        return Answer(self._parser, attempt.sought, attempt.breathe, to_head=call.method == "HEAD")

    def exchanged(self, link: Link, call: Call, attempt: Attempt, way: Way) -> tuple[Answer, Exchange]:
        """Send one request over `link`, and keep that or close it. Raises DialError."""
        answer = attempt.answer = self.answer_to(call, attempt)
        exchange = Exchange(link.socket, answer, attempt.listener.carried, attempt.breathe)
        head = call.head(way.fields)
        attempt.begin()
        try:
            exchange.run(head, call.body or b"", awaits_continue=call.awaits_continue)
        except BaseException:
            link.close()
            raise
        link.rests(answer.keeps_s)
        is_reusable = answer.is_reusable and exchange.is_sent and not exchange.has_ended and not call.closes
        self.served(way, link, is_reusable=is_reusable)
        return answer, exchange

    def served(self, way: Way, link: Link, *, is_reusable: bool) -> None:
        """The link has served one more request: keep it for the next, or close it."""
        link.served += 1
        if is_reusable and not link.is_spent(self._routes.kept):
            self._keep(way, link)
        else:
            link.close()

    def _keep(self, way: Way, link: Link) -> None:
        self._links[way] = link
        if len(self._links) > self._most:
            self._links.pop(next(iter(self._links))).close()

    def opened(self, way: Way, attempt: Attempt) -> Link:
        """Connect, with a permit where one is needed. Raises DialError."""
        asked_ns = attempt.stand_still()
        if self._permits:
            self._permits.wait()
        link, connect_ns, tls_ns = opened(way, attempt.patience, self._routes, self._rotation, self.linked)
        attempt.go_on(asked_ns)
        waited_ns = time.monotonic_ns() - asked_ns - connect_ns - max(0, tls_ns)
        attempt.listener.connected(connect_ns, tls_ns, waited_ns)
        return link


def _reply(answer: Answer, sent_ns: int, first_ns: int, arrived_ns: int) -> Reply:
    body, verdict = answer.body, answer.verdict()
    return Reply(
        answer.status,
        body.beginning,
        body.found,
        body.reason if verdict is None else verdict,
        sent_ns,
        first_ns,
        arrived_ns,
        answer.fields,
        answer.body_bytes,
        refused=verdict is not None,
    )
