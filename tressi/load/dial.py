"""How a lane's greenlet helps its connection along: names are looked up, TLS is shaken. Plain sockets the reactor makes."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import gevent
from gevent import Timeout
from gevent.lock import RLock
from gevent.socket import gaierror, wait_write

from tressi._wire import connect_reason
from tressi.load.address import Address, Answers, known, literal, look_up
from tressi.load.secure import Session, Sessions, named_in_tls, reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi._tls import TlsSession
    from tressi._wire import Reactor
    from tressi.request.call import Origin

LOOK_UP_S = 1.0
_IP_BIND_ADDRESS_NO_PORT = 24  # ip(7); the socket module has it from Python 3.12 on


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a connection may take; `own`: by a limit for connecting, not by that of the request."""

    seconds: float
    own: bool = False

    def over(self, part: str) -> DialError:
        """What a connection fails of whose `part`, a kind of error, has not ended in time."""
        return DialError(part if self.own else "timeout", f"{_PARTS[part]} within {self.seconds:g} s", waited=True)


_PARTS = {"dns": "no address", "connect": "no connection", "tls": "no TLS handshake"}


class DialError(Exception):
    """A connection could not be made: `kind` is one of vocabulary.ERROR_KINDS, `waited` tells that time ran out."""

    def __init__(self, kind: str, reason: str, *, waited: bool = False) -> None:
        self.kind = kind
        self.waited = waited
        super().__init__(reason)


class NoAnswer(Exception):  # noqa: N818 - it ends no attempt
    """An address had its share of the time."""


@dataclass(frozen=True, slots=True)
class Dialed:
    """A connected socket for the reactor, and how long it took to make; `session` for TLS."""

    descriptor: int
    looked_up_ns: int
    connect_ns: int
    tls_ns: int
    session: TlsSession


class Dialer:
    """The way to one origin: its addresses, kept fresh while connections are made, and its TLS."""

    def __init__(
        self,
        origin: Origin,
        reactor: Reactor,
        context: ssl.SSLContext | None = None,
        server_name: str | None = None,
        sources: Sequence[str] = (),
        *,
        ordered: bool = False,
    ) -> None:
        self._origin = origin
        self._reactor = reactor
        self._context = context
        self._server_name = named_in_tls(server_name or origin.host)
        self._sources = [address for source in sources for address in literal(source, 0)] if not origin.is_unix else []
        self._sessions = Sessions()
        self._answers = Answers()
        self._addresses = known(origin)
        self._begun = 0
        self._asked = 0.0
        self._unknown: OSError | None = None
        self._looking_up = RLock()
        self._refresher: gevent.Greenlet | None = None
        self.number = reactor.add_origin(
            ordered=ordered or context is not None, sources=[one.packed() for one in self._sources]
        )
        self._publish(self._addresses)

    @property
    def is_tls(self) -> bool:
        """Whether the lanes' greenlets make its connections; else the reactor does."""
        return self._context is not None

    def resolve(self, patience: Patience) -> None:
        """See to it that the reactor has addresses. Raises DialError."""
        with within(patience):
            self._find()

    def dial(self, patience: Patience) -> Dialed:
        """Look up, connect and shake hands. Raises DialError."""
        with within(patience) as limit:
            asked_ns = time.monotonic_ns()
            self._find()
            limit.part = "connect"
            begun_ns = time.monotonic_ns()
            with self._connect(limit.end_s) as connected:
                connected_ns = time.monotonic_ns()
                limit.part = "tls"
                session = self._shake(connected)
                shaken_ns = time.monotonic_ns()
                spans_ns = (begun_ns - asked_ns, connected_ns - begun_ns, shaken_ns - connected_ns)
                return Dialed(connected.detach(), *spans_ns, session)

    def close(self) -> None:
        """Look nothing up any more."""
        if self._refresher is not None:
            self._refresher.kill(block=False)

    def _find(self) -> None:
        """Have addresses. Raises OSError."""
        with self._looking_up:
            if self._unknown is not None and time.monotonic() - self._asked < LOOK_UP_S:
                raise self._unknown
            if not self._addresses:
                self._publish(self._ask())
                self._refresher = gevent.spawn(self._refresh)

    def _connect(self, end_s: float) -> socket.socket:
        """Connect to the next address, or to one after it: of `localhost`'s two, often only one listens. Raises OSError."""
        nth = self._begun
        try:
            return connected_in_turn(self._addresses, self._answers, self._sources, nth, end_s)
        except OSError as failure:
            if failure.errno != errno.EMFILE or not self._reactor.release():
                raise
            return connected_in_turn(self._addresses, self._answers, self._sources, nth, end_s)
        finally:
            self._begun += 1

    def _shake(self, connected: socket.socket) -> TlsSession:
        if self._context is None:
            raise ValueError(f"{self._origin} has no TLS")
        offered = self._sessions.resumable(time.monotonic())
        session = Session(self._context, self._server_name, offered)
        session.handshake(connected)
        self._sessions.made(session, offered)
        return session.driven

    def _ask(self) -> list[Address]:
        """Look the name up, and remember for a second that it is unknown."""
        self._asked, self._unknown = time.monotonic(), None
        try:
            return look_up(self._origin)
        except OSError as failure:
            self._unknown = failure
            raise

    def _publish(self, addresses: list[Address]) -> None:
        self._addresses = list(dict.fromkeys(addresses))
        self._reactor.set_addresses(self.number, [address.packed() for address in addresses])

    def _refresh(self) -> None:
        """Look the name up again, once a second at most and only while connections are made."""
        seen = self._reactor.dialed(self.number) + self._begun
        while True:
            gevent.sleep(LOOK_UP_S)
            made = self._reactor.dialed(self.number) + self._begun
            if made != seen:
                seen = made
                try:
                    self._publish(look_up(self._origin))
                except OSError:
                    # The addresses of before are better than none.
                    continue


class within:  # noqa: N801 - reads as a statement
    """A time limit, and one kind of error out of the many that connecting can raise.

    `part` is what is under way, `end_s` when the limit is reached, by `time.monotonic`.
    """

    def __init__(self, patience: Patience) -> None:
        self.part = "dns"
        self.end_s = 0.0
        self._patience = patience
        self._timeout = Timeout(patience.seconds)

    def __enter__(self) -> Self:
        self._timeout.start()
        self.end_s = time.monotonic() + self._patience.seconds
        return self

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        self._timeout.close()
        if failure is self._timeout:
            raise self._patience.over(self.part) from None
        if isinstance(failure, gaierror):
            raise DialError("dns", failure.strerror or str(failure)) from None
        if isinstance(failure, ssl.SSLError):
            raise DialError("tls", reason_of(failure)) from None
        if isinstance(failure, OSError):
            kind = "tls" if self.part == "tls" else "connect"
            raise DialError(kind, reason_of_connecting(failure)) from None


def reason_of_connecting(failure: OSError) -> str:
    """Why it failed, in words; where the system's own do not help, with what to do."""
    return connect_reason(failure.errno) if failure.errno else str(failure)


def _source_for(address: Address, sources: Sequence[Address], nth: int) -> Address | None:
    """The next of our addresses of the same family. Raises OSError where all are of another."""
    alike = [source for source in sources if source.family == address.family]
    if sources and not alike:
        raise OSError("no source address is of the target's family")
    return alike[nth % len(alike)] if alike else None


def connected_in_turn(
    addresses: Sequence[Address], answers: Answers, sources: Sequence[Address], nth: int, end_s: float
) -> socket.socket:
    """A socket connected to the nth address, counted round, or to one after it, until `end_s`. Raises OSError."""
    left, unanswered = answers.order(addresses, nth, time.monotonic()), []
    while left:
        address, begun_s = left.pop(0), time.monotonic()
        answers.begun(address, begun_s)
        try:
            wait_s = answers.wait_s(end_s - begun_s, len(left)) if left else None
            made = connected_to(address, sources, nth // len(addresses), wait_s)
        except NoAnswer:
            answers.silent(address, time.monotonic())
            unanswered.append(address)
        except Timeout:
            answers.silent(address, time.monotonic())
            raise
        except OSError:
            answers.refused(address)
            # Behind the last refusal those that had not answered in their share.
            left, unanswered = (left, unanswered) if left else (unanswered, [])
            if not left:
                raise
        else:
            answers.taken(address, time.monotonic() - begun_s)
            return made
    raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))


def connected_to(address: Address, sources: Sequence[Address] = (), nth: int = 0, wait_s: float | None = None) -> socket.socket:
    """A non-blocking socket, connected without blocking the hub from the next of `sources`.

    Raises NoAnswer without one in `wait_s`, and OSError.
    """
    source = _source_for(address, sources, nth)
    connecting = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connecting.settimeout(0)
        if address.family != socket.AF_UNIX:
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            if sys.platform == "linux":
                # Else a port is taken for all destinations.
                connecting.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            connecting.bind(source.where)
        failure = connecting.connect_ex(address.where)
        if failure == errno.EINPROGRESS:
            wait_write(connecting.fileno(), wait_s, NoAnswer())
            failure = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            raise OSError(failure, os.strerror(failure))  # noqa: TRY301 - what follows closes the socket
    except BaseException:
        connecting.close()
        raise
    return connecting
