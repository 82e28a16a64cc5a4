"""Connections of the second transport: urllib3's, over gevent's sockets, to a target or by way of a proxy.

urllib3 connects, shakes hands, checks certificates, and puts TLS inside TLS where the proxy speaks it. Requests are not sent
by it, nor responses read (see exchange.py): both must be those of the reactor to the byte.
"""

from __future__ import annotations

import errno
import os
import random
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any

import gevent.socket
import gevent.ssl
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from tressi.errors import ConfigError
from tressi.frozen import dataclass
from tressi.load.address import Answers, literal, look_up
from tressi.load.dial import DialError, connected_in_turn, within
from tressi.load.tls import configure, named_in_tls
from tressi.load.tunnel import ask_for_tunnel
from tressi.model import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tressi.load.address import Address
    from tressi.load.dial import Patience
    from tressi.load.tls import Contexts
    from tressi.load.ways import Network, Way
    from tressi.model import TlsConfig

_READ_BYTES = 4096
_UNREAD_PIECES = 256
_YOUNGEST = 0.8  # of the greatest age, after which a connection may end: those made together do not end together
_DEFAULT_READ_BYTES = 2014  # of gevent's SSLSocket.read, which the one here stands in for


@dataclass(frozen=True, slots=True)
class Routes:
    """How the lanes of an engine connect."""

    network: Network
    contexts: Contexts[ssl.SSLContext]
    sources: tuple[Address, ...] = ()
    kept: Kept = field(default_factory=Kept)
    answers: Answers = field(default_factory=Answers)  # of all its lanes' targets


def routes_of(
    network: Network, contexts: Contexts[ssl.SSLContext], sources: Sequence[str] = (), kept: Kept | None = None
) -> Routes:
    """Routes as a config has them."""
    addresses = tuple(address for source in sources for address in literal(source, 0))
    return Routes(network, contexts, addresses, kept or Kept())


def client_context(tls: TlsConfig, place: str = "tls") -> ssl.SSLContext:
    """A TLS context for an engine's connections, which share it. Raises ConfigError."""
    # Gevent's create_default_context makes the standard library's, whose sockets would block the hub.
    context = _Context(gevent.ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _SecureSocket
    if tls.verify:  # see `tls.make_context`
        context.load_default_certs()
    configure(context, tls, place)
    return context


class Rotation:
    """The addresses of a lane's targets, and its own, each in turn."""

    def __init__(self, begun: int) -> None:
        self._begun = begun

    def connected(self, addresses: Sequence[Address], routes: Routes, end_s: float) -> gevent.socket.socket:
        """A socket connected to the next address, or to one after it. Raises OSError."""
        self._begun += 1
        made = connected_in_turn(addresses, routes.answers, routes.sources, self._begun, end_s)
        return gevent.socket.socket(fileno=made.detach())


@dataclass(slots=True)
class Opening:
    """One connection being made: what is under way, and how long the parts took that are counted apart."""

    limit: within
    routes: Routes
    way: Way
    rotation: Rotation
    is_there: bool = False  # beyond the proxy, if there is one
    connect_ns: int = 0
    shaken_ns: int = 0  # since when a handshake with the target is under way

    def arrive(self) -> None:
        """What follows is between us and the target, and is TLS."""
        self.is_there = True
        self.limit.part = "tls"
        self.shaken_ns = time.monotonic_ns()


class _Gevent:
    """Makes a connection's socket from gevent, and its tunnel through a proxy."""

    opening: Opening

    def _new_conn(self) -> gevent.socket.socket:
        opening = self.opening
        addresses = look_up(opening.way.hop)
        opening.limit.part = "connect"
        begun_ns = time.monotonic_ns()
        made = opening.rotation.connected(addresses, opening.routes, opening.limit.end_s)
        opening.connect_ns = time.monotonic_ns() - begun_ns
        if opening.way.proxy is None:
            opening.arrive()
        elif opening.way.proxy_tls is not None:
            opening.limit.part = "tls"
        return made

    def _tunnel(self) -> None:
        opening = self.opening
        proxy = opening.way.proxy
        if proxy is None:
            raise ValueError(f"{opening.way.origin} is reached without a proxy")
        opening.limit.part = "connect"
        ask_for_tunnel(self.sock, opening.way.origin, proxy.fields)  # type: ignore[attr-defined] # of the class beside it
        opening.arrive()


class _PlainConnection(_Gevent, HTTPConnection):
    pass


class _SecureConnection(_Gevent, HTTPSConnection):
    pass


class _Context(gevent.ssl.SSLContext):  # type: ignore[misc] # gevent has no types
    """Offers the protocols that it was first told: urllib3 tells it HTTP/1.1 before each handshake."""

    _is_told = False

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        if not self._is_told:
            self._is_told = True
            super().set_alpn_protocols(alpn_protocols)


class _SecureSocket(gevent.ssl.SSLSocket):  # type: ignore[misc] # gevent has no types
    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except BaseException:
            # No other object refers to the socket yet.
            self.close()
            raise
        self.suppress_ragged_eofs = False

    def read(self, nbytes: int = _DEFAULT_READ_BYTES, buffer: bytearray | None = None) -> bytes | int:
        try:
            return super().read(nbytes, buffer)  # type: ignore[no-any-return] # gevent has no types
        except ssl.SSLEOFError as failure:
            # OpenSSL 3 gives an end a reason. Without one it was a reset, which Python before 3.12.4 calls an end too.
            if failure.reason is None and ssl.OPENSSL_VERSION_INFO >= (3,):
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from None
            # The connection ended, but not TLS, so there may have been more (RFC 9112 9.8).
            raise OSError("cut short") from None


class Link:
    """One open connection."""

    def __init__(self, made: HTTPConnection) -> None:
        self._made = made
        self.served = 0  # requests
        self.made_s = time.monotonic()
        self.rested_s = 0.0  # since when it rests
        self.keeps_s = 0.0  # for how long the server keeps it then; 0: it did not say
        self.age_s: float | None = None  # that it may have
        self.socket: Any = made.sock

    def is_alive(self) -> bool:
        """Whether nothing has come since the last response: neither an end, nor data that no request asked for.

        TLS has records of its own (tickets, new keys), which end nothing.
        """
        try:
            self.socket.settimeout(0)
            self.socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            self.socket.settimeout(None)
            return True
        except (OSError, ValueError):
            # A ValueError is a TLS socket that is closed.
            return False
        return False

    def rests(self, keeps_s: float) -> None:
        """Its last answer has come; for `keeps_s` the server keeps it, 0: it did not say."""
        self.rested_s = time.monotonic()
        self.keeps_s = keeps_s or self.keeps_s

    def is_spent(self, kept: Kept) -> bool:
        """Whether it has served its last request."""
        if self.age_s is None and kept.age_s is not None:
            self.age_s = kept.age_s * random.uniform(_YOUNGEST, 1.0)  # noqa: S311 - no secret
        is_old = self.age_s is not None and time.monotonic() - self.made_s >= self.age_s
        return is_old or (kept.requests is not None and self.served >= kept.requests)

    def is_stale(self, kept: Kept, *, repeatable: bool) -> bool:
        """Whether it has rested too long, or is too old, to carry a request: the rules of `wire/kept.pxd`."""
        rest_s = time.monotonic() - self.rested_s
        if self.is_spent(kept) or (kept.idle_s is not None and rest_s > kept.idle_s):
            return True
        return not repeatable and self.keeps_s > 0 and rest_s >= max(self.keeps_s / 2, self.keeps_s - 1)

    def close(self) -> None:
        """End it, inside TLS with a goodbye (RFC 8446 6.1), without waiting for the server's."""
        with suppress(OSError, ValueError, AttributeError):
            self.socket.settimeout(0)
            if hasattr(self.socket, "unwrap"):
                self.socket.unwrap()
        with suppress(OSError, ValueError, AttributeError):
            # First of all, for what the server still sends may arrive after it was last read for: the close is a reset then.
            self.socket.shutdown(socket.SHUT_WR)
        with suppress(OSError, ValueError, AttributeError):
            # A close with unread data is a reset (RFC 2525 2.17). Of one that goes on speaking only so much is read.
            for _ in range(_UNREAD_PIECES):
                if not os.read(self.socket.fileno(), _READ_BYTES):
                    break
        self._made.close()


def opened(
    way: Way, patience: Patience, routes: Routes, rotation: Rotation, linked: Callable[[HTTPConnection, Way], Link]
) -> tuple[Link, int, int]:
    """Connect: the link, how long TCP took, and how long the target's TLS did (negative without). Raises DialError.

    `linked` makes the link of a connection that stands.
    """
    opening = None
    try:
        with within(patience) as limit:
            opening = Opening(limit, routes, way, rotation)
            link = _opened(opening, linked)
            made_ns = time.monotonic_ns()
    except DialError as failure:
        if way.proxy is None or (opening is not None and opening.is_there) or failure.kind == "timeout":
            raise
        raise DialError("connect", f"proxy: {failure}", waited=failure.waited) from None
    return link, opening.connect_ns, made_ns - opening.shaken_ns if opening.is_there and way.tls is not None else -1


def _opened(opening: Opening, linked: Callable[[HTTPConnection, Way], Link]) -> Link:
    made = _connection(opening)
    made.opening = opening
    try:
        made.connect()
        return linked(made, opening.way)
    except (HTTPError, UnicodeError) as failure:
        made.close()
        raise DialError(opening.limit.part, str(failure)) from None
    except BaseException:
        made.close()
        raise


def _connection(opening: Opening) -> _PlainConnection | _SecureConnection:
    """A connection that is not made yet."""
    way = opening.way
    first = way.origin if way.proxy is None else way.proxy.origin
    if way.is_plain or way.tls is None:
        return _PlainConnection(first.host, first.port)
    try:
        context = opening.routes.contexts.of(way.tls)
        proxy_context = context if way.proxy_tls is None else opening.routes.contexts.of(way.proxy_tls)
    except ConfigError as failure:
        raise DialError("tls", str(failure)) from None
    name = named_in_tls(way.tls.server_name or way.origin.host)
    if way.proxy is None or not way.is_tunnel:
        return _SecureConnection(first.host, first.port, ssl_context=context, server_hostname=name)
    config = ProxyConfig(proxy_context, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None)
    made = _SecureConnection(
        first.host,
        first.port,
        ssl_context=context,
        server_hostname=name,
        proxy=parse_url(way.proxy.url),
        proxy_config=config,
    )
    made.set_tunnel(way.origin.host, way.origin.port, scheme=first.scheme)
    return made
