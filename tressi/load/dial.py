"""How a lane's greenlet helps its connection along: it looks up names and makes tunnels. All else the reactor does."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sys
import time
from typing import TYPE_CHECKING, Literal, Self

import gevent
from gevent import Timeout
from gevent.lock import RLock
from gevent.socket import gaierror, wait_write

from tressi._planned import connect_reason
from tressi._tls import TlsContext, TlsPeer
from tressi.errors import ConfigError
from tressi.frozen import dataclass
from tressi.load.address import Address, Answers, known, literal, look_up
from tressi.load.openssl import DrivenSession, peer_of
from tressi.load.tls import Plain, Session, Sessions, named_in_tls, reason_of
from tressi.load.tunnel import ask_for_tunnel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi._tls import TlsSession, TlsStream
    from tressi._wire import Reactor
    from tressi.load.tls import Contexts
    from tressi.load.tunnel import Stream
    from tressi.load.ways import Way
    from tressi.model import Protocol, TlsConfig

LOOK_UP_S = 1.0
_IP_BIND_ADDRESS_NO_PORT = 24  # ip(7); the socket module has it from Python 3.12 on


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a connection may take; `own`: by a limit for connecting, not by that of the request."""

    seconds: float
    own: bool = False

    def over(self, part: str) -> DialError:
        """The error for a connection whose step `part` ("dns", "connect" or "tls") has not ended in time."""
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
    """A connected socket for the reactor, and how long it took to make; `session` for TLS, `tls_ns` is the target's.

    `waited_ns` is what took neither TCP nor the target's TLS: the look-up, and a proxy's TLS and tunnel.
    """

    descriptor: int
    waited_ns: int
    connect_ns: int
    tls_ns: int
    session: TlsSession | TlsStream
    speaks_h2: bool = False


class Dialer:
    """Connects by one way: its hop's addresses, kept fresh while connections are made, its tunnel and its TLS.

    `is_reactors`: the reactor makes its connections, once it has addresses; else the lanes' greenlets do.
    """

    def __init__(
        self,
        way: Way,
        reactor: Reactor,
        contexts: Contexts[TlsContext | ssl.SSLContext],
        sources: Sequence[str] = (),
        *,
        ordered: bool = False,
    ) -> None:
        self._way = way
        self._reactor = reactor
        self._contexts = contexts
        self._sources = [address for source in sources for address in literal(source, 0)] if not way.hop.is_unix else []
        self._sessions = Sessions()
        self._proxy_sessions = Sessions()
        self._answers = Answers()
        self._addresses = known(way.hop)
        self._begun = 0
        self._asked = 0.0
        self._unknown: OSError | None = None
        self._looking_up = RLock()
        self._refresher: gevent.Greenlet | None = None
        self._peers: dict[tuple[TlsConfig, str], TlsPeer] = {}
        peer = None if ordered or way.is_tunnel else self._peer_at_once()
        self.is_reactors = way.is_plain or peer is not None
        self.number = reactor.add_origin(
            ordered=ordered or not self.is_reactors,
            sources=[one.packed() for one in self._sources],
            by_proxy=way.proxy is not None,
            tls=peer,
            is_secure=way.origin.is_tls,
            protocol=_shared_by(way.protocol),
        )
        self._publish(self._addresses)

    def resolve(self, patience: Patience) -> None:
        """See to it that the reactor has addresses. Raises DialError."""
        with by_proxy(self._way), within(patience):
            self._find()

    def dial(self, patience: Patience) -> Dialed:
        """Look up, connect, have a tunnel made where there is one, and shake hands. Raises DialError."""
        with by_proxy(self._way) as stage, within(patience) as limit:
            asked_ns = time.monotonic_ns()
            self._find()
            limit.part = "connect"
            begun_ns = time.monotonic_ns()
            with self._connect(limit.end_s) as connected:
                connected_ns = time.monotonic_ns()
                limit.part = "tls"
                stream: Stream = Plain(connected)
                if self._way.is_tunnel:
                    stream = self._tunnel(stream, limit)
                    limit.part, stage.is_there = "tls", True
                arrived_ns = time.monotonic_ns()
                session = self._shaken(stream, self._way.tls, self._way.origin.host, self._sessions)
                shaken_ns = time.monotonic_ns()
                if self._way.protocol.name == "h2" and session.protocol != "h2":
                    raise DialError("tls", "the server does not speak HTTP/2, by ALPN")
                return Dialed(
                    connected.detach(),
                    waited_ns=begun_ns - asked_ns + arrived_ns - connected_ns,
                    connect_ns=connected_ns - begun_ns,
                    tls_ns=shaken_ns - arrived_ns if stage.is_there else -1,
                    session=session.driven,
                    speaks_h2=session.protocol == "h2",
                )

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

    def _tunnel(self, stream: Stream, limit: within) -> Stream:
        """What goes through the proxy to the target. Raises OSError."""
        way = self._way
        if way.proxy is None:
            raise ValueError(f"{way.origin} is reached without a proxy")
        if way.proxy_tls is not None:
            stream = self._shaken(stream, way.proxy_tls, way.proxy.origin.host, self._proxy_sessions)
        limit.part = "connect"
        ask_for_tunnel(stream, way.origin, way.proxy.fields)
        return stream

    def _peer_at_once(self) -> TlsPeer | None:
        """Whom the reactor speaks TLS with by itself. None: with no one, or a greenlet comes to it and says why it fails."""
        tls = self._way.tls
        if tls is None:
            return None
        try:
            context = self._contexts.of(tls)
            return self._peer(context, tls, self._way.origin.host) if isinstance(context, TlsContext) else None
        except (ConfigError, ValueError):
            return None

    def _peer(self, context: TlsContext, tls: TlsConfig, host: str) -> TlsPeer:
        """Whom connections speak TLS with: one for all of them, whose sessions they resume. Raises ValueError."""
        if (tls, host) not in self._peers:
            self._peers[tls, host] = peer_of(context, tls, host)
        return self._peers[tls, host]

    def _shaken(self, stream: Stream, tls: TlsConfig | None, host: str, sessions: Sessions) -> Session | DrivenSession:
        """TLS over `stream`, its handshake done. Raises OSError, DialError."""
        if tls is None:
            raise ValueError(f"{host} has no TLS")
        try:
            context = self._contexts.of(tls)
            if isinstance(context, TlsContext):
                driven = DrivenSession(self._peer(context, tls, host), stream)
                driven.handshake()
                return driven
        except (ConfigError, ValueError) as failure:
            # Of a redirect: the contexts of a config's own requests are made before the run.
            raise DialError("tls", str(failure)) from None
        offered = sessions.resumable(time.monotonic())
        session = Session(context, named_in_tls(tls.server_name or host), offered, stream)
        session.handshake()
        sessions.made(session, offered)
        return session

    def _ask(self) -> list[Address]:
        """Look the name up, and remember for a second that it is unknown."""
        self._asked, self._unknown = time.monotonic(), None
        try:
            return look_up(self._way.hop)
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
                    self._publish(look_up(self._way.hop))
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


class by_proxy:  # noqa: N801 - reads as a statement
    """Names the proxy where connecting fails before the target is reached: an error of kind connect, unless time ran out.

    `is_there`: what follows is between us and the target.
    """

    def __init__(self, way: Way) -> None:
        self.is_there = way.proxy is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        if isinstance(failure, DialError) and not self.is_there and failure.kind != "timeout":
            raise DialError("connect", f"proxy: {failure}", waited=failure.waited) from None


def reason_of_connecting(failure: OSError) -> str:
    """Why it failed, in words; where the system's own do not help, with what to do."""
    return connect_reason(failure.errno) if failure.errno else str(failure)


def _shared_by(protocol: Protocol) -> tuple[Literal["h2c", "h2", "auto"], int, int] | None:
    """How lanes share the connections of a way, as `Reactor.add_origin` takes it; None: each has its own."""
    return None if protocol.name == "http/1.1" else (protocol.name, protocol.streams, protocol.connections or 0)


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
            left = answers.behind_silence(left, address.family, time.monotonic())
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
