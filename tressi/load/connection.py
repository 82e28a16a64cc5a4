"""Connections of the second transport: urllib3's, over gevent's sockets, to a target or by way of a proxy.

urllib3 connects, shakes hands, checks certificates, and puts TLS inside TLS where the proxy speaks it. Requests are not sent
by it, nor responses read (see exchange.py): both must be those of the reactor to the byte.
"""

from __future__ import annotations

import errno
import os
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gevent.socket
import gevent.ssl
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from tressi._parser import ResponseParser
from tressi.errors import ConfigError
from tressi.load.address import Answers, literal, look_up
from tressi.load.dial import DialError, connected_in_turn, within
from tressi.load.secure import configure, named_in_tls
from tressi.request.call import basic_credentials, origin_of, without_user_info

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tressi.load.address import Address
    from tressi.load.dial import Patience
    from tressi.model import TlsConfig
    from tressi.request.call import Origin

_SUCCESS = range(200, 300)
_READ_BYTES = 4096
_UNREAD_PIECES = 256
_DEFAULT_READ_BYTES = 2014  # of gevent's SSLSocket.read, which the one here stands in for


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy that every request goes through, and what it is told with each (RFC 9110 11.7.2)."""

    url: str
    origin: Origin
    fields: tuple[tuple[str, str], ...]


def proxy_of(url: str | None) -> Proxy | None:
    """The proxy at `url`, whose user info becomes credentials."""
    if url is None:
        return None
    credentials = basic_credentials(url)
    fields = () if credentials is None else (("Proxy-Authorization", credentials),)
    return Proxy(without_user_info(url), origin_of(url), fields)


@dataclass(frozen=True, slots=True)
class Routes:
    """How the lanes of an engine connect. `context` makes the TLS context at its first call, and gives the same ever after."""

    context: Callable[[], ssl.SSLContext]
    server_name: str | None = None
    proxy: Proxy | None = None
    sources: tuple[Address, ...] = ()
    answers: Answers = field(default_factory=Answers)  # of all its lanes' targets

    def first_hop(self, origin: Origin) -> Origin:
        """Where a connection for requests to `origin` leads that others may share: a proxy passes plain requests on."""
        return origin if self.proxy is None or origin.is_tls else self.proxy.origin


def routes_of(
    tls: TlsConfig, context: Callable[[], ssl.SSLContext], proxy: str | None = None, sources: Sequence[str] = ()
) -> Routes:
    """Routes as a config has them."""
    addresses = tuple(address for source in sources for address in literal(source, 0))
    return Routes(context, tls.server_name, proxy_of(proxy), addresses)


def client_context(tls: TlsConfig) -> ssl.SSLContext:
    """The TLS context of an engine's connections, all of which share it. Raises ConfigError."""
    # Gevent's create_default_context makes the standard library's, whose sockets would block the hub.
    context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _SecureSocket
    context.load_default_certs()
    configure(context, tls)
    return context  # type: ignore[no-any-return] # gevent has no types


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
    origin: Origin  # at the other end
    rotation: Rotation
    hop: Origin = field(init=False)  # at the end of the TCP connection
    is_there: bool = False  # beyond the proxy, if there is one
    connect_ns: int = 0
    shaken_ns: int = 0  # since when a handshake with the target is under way

    def __post_init__(self) -> None:
        self.hop = self.origin if self.routes.proxy is None else self.routes.proxy.origin

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
        addresses = look_up(opening.hop)
        opening.limit.part = "connect"
        begun_ns = time.monotonic_ns()
        made = opening.rotation.connected(addresses, opening.routes, opening.limit.end_s)
        opening.connect_ns = time.monotonic_ns() - begun_ns
        if opening.routes.proxy is None:
            opening.arrive()
        elif opening.hop.is_tls:
            opening.limit.part = "tls"
        return made

    def _tunnel(self) -> None:
        opening = self.opening
        proxy = opening.routes.proxy
        if proxy is None:
            raise ValueError(f"{opening.origin} is reached without a proxy")
        opening.limit.part = "connect"
        _ask_for_tunnel(self.sock, opening.origin, proxy.fields)  # type: ignore[attr-defined] # of the class beside it
        opening.arrive()


def _ask_for_tunnel(connected: Any, origin: Origin, fields: Sequence[tuple[str, str]]) -> None:  # noqa: ANN401 - one of three kinds of sockets
    """Have a proxy connect to `origin` (RFC 9110 9.3.6). Raises OSError."""
    host = origin.host.partition("%")[0]
    authority = f"[{host}]:{origin.port}" if ":" in host else f"{host}:{origin.port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *(f"{name}: {value}" for name, value in fields), "", ""]
    connected.sendall("\r\n".join(lines).encode("latin-1"))
    parser = ResponseParser(0)
    # Like a response to HEAD, one to CONNECT ends with its head, whatever length it names.
    parser.reset(to_head=True)
    progress = "more"
    while progress == "more":
        data = connected.recv(_READ_BYTES)
        if not data:
            raise OSError("the connection ended before the answer to CONNECT")
        progress, _ = parser.feed(data)
    if progress == "broken":
        raise OSError(f"the answer to CONNECT is {parser.fault}")
    if parser.status not in _SUCCESS:
        raise OSError(f"status {parser.status} for CONNECT")


class _PlainConnection(_Gevent, HTTPConnection):
    pass


class _SecureConnection(_Gevent, HTTPSConnection):
    pass


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

    def close(self) -> None:
        """End it, inside TLS with a goodbye (RFC 8446 6.1), without waiting for the server's."""
        with suppress(OSError, ValueError, AttributeError):
            self.socket.settimeout(0)
            if hasattr(self.socket, "unwrap"):
                self.socket.unwrap()
        with suppress(OSError, ValueError, AttributeError):
            # A close with unread data is a reset (RFC 2525 2.17). Of one that goes on speaking only so much is read.
            for _ in range(_UNREAD_PIECES):
                if not os.read(self.socket.fileno(), _READ_BYTES):
                    break
        self._made.close()


def opened(origin: Origin, patience: Patience, routes: Routes, rotation: Rotation) -> tuple[Link, int, int]:
    """Connect: the link, how long TCP took, and how long TLS did (negative without). Raises DialError."""
    proxy = routes.proxy
    opening = None
    try:
        with within(patience) as limit:
            opening = Opening(limit, routes, origin, rotation)
            link = _opened(opening)
            made_ns = time.monotonic_ns()
    except DialError as failure:
        if proxy is None or (opening is not None and opening.is_there) or failure.kind == "timeout":
            raise
        raise DialError("connect", f"proxy: {failure}", waited=failure.waited) from None
    return link, opening.connect_ns, made_ns - opening.shaken_ns if origin.is_tls else -1


def _opened(opening: Opening) -> Link:
    made = _connection(opening)
    made.opening = opening
    try:
        made.connect()
    except (HTTPError, UnicodeError) as failure:
        made.close()
        raise DialError(opening.limit.part, str(failure)) from None
    except BaseException:
        made.close()
        raise
    return Link(made)


def _connection(opening: Opening) -> _PlainConnection | _SecureConnection:
    """A connection that is not made yet."""
    routes, hop = opening.routes, opening.hop
    if not (opening.origin.is_tls or hop.is_tls):
        return _PlainConnection(hop.host, hop.port)
    try:
        context = routes.context()
    except ConfigError as failure:
        raise DialError("tls", str(failure)) from None
    if not opening.origin.is_tls:
        return _SecureConnection(hop.host, hop.port, ssl_context=context)
    name = named_in_tls(routes.server_name or opening.origin.host)
    if routes.proxy is None:
        return _SecureConnection(hop.host, hop.port, ssl_context=context, server_hostname=name)
    made = _SecureConnection(
        hop.host,
        hop.port,
        ssl_context=context,
        server_hostname=name,
        proxy=parse_url(routes.proxy.url),
        proxy_config=ProxyConfig(context, use_forwarding_for_https=False, assert_hostname=None, assert_fingerprint=None),
    )
    made.set_tunnel(opening.origin.host, opening.origin.port, scheme=hop.scheme)
    return made
