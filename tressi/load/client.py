"""The second transport: urllib3 on gevent's sockets, for what the reactor does not speak (proxies, redirects).

Cooperative without monkey-patching: the connection classes make their sockets from gevent. A lane's greenlet does the
whole request and reports the response to the reactor, which keeps the same books and gives out the same tokens.
"""

from __future__ import annotations

import errno
import os
import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any, Protocol

import gevent.socket
import gevent.ssl
import urllib3
from gevent import Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError
from urllib3.util import Retry

from tressi.load.address import literal, look_up
from tressi.load.dial import DialError, connected_to, reason_of_connecting, within
from tressi.load.failures import failure_of, was_ended
from tressi.load.secure import configure
from tressi.load.transport import IDEMPOTENT_METHODS, Origin, basic_credentials, without_user_info

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urllib3._base_connection import BaseHTTPConnection

    from tressi.load.address import Address
    from tressi.load.dial import Patience
    from tressi.load.permits import Permits
    from tressi.load.transport import Call
    from tressi.model import TlsConfig

REDIRECTS = 10
_PIECE_BYTES = 64 * 1024
_INTERIM = 100  # responses before the final one; the reactor allows 64 KiB of them
_KEPT_BYTES = 4096  # a little more than a sample has room for, so that it knows of being cut


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response: times on CLOCK_MONOTONIC, the first put off by what connecting took after it.

    `body` is its beginning, `found` tells whether all of it has what it must.
    """

    status: int
    body: bytes
    found: bool
    sent_ns: int
    arrived_ns: int


class Listener(Protocol):
    """Who hears of what happens on the way to a response."""

    def connected(self, connect_ns: int, tls_ns: int, waited_ns: int) -> None:
        """A connection was made, `waited_ns` after it was asked for; `tls_ns` is negative without a handshake."""

    def retried(self) -> None:
        """The request is sent once more."""

    def carried(self, sent_bytes: int, received_bytes: int) -> None:
        """So much of heads and bodies went to the target, and came from it."""


class _Attempt:
    """One request's time: it stands still while connections are made, which are as many as redirects ask for."""

    def __init__(self, timeout_s: float, patience: Patience, permits: Permits | None, ways: _Ways, listener: Listener) -> None:
        self.ways = ways
        self.connections = 0
        self.connect_ns = 0  # of the connection being made
        self.listener = listener
        self._patience = patience
        self._permits = permits
        self._timeout_s = timeout_s
        self.sent_ns = time.monotonic_ns()
        self._go_on()

    def connect(self, connect: Callable[[], None]) -> None:
        """Wait for a permit, if one is needed, and time `connect`. Raises what it raises, and DialError."""
        self.timeout.close()
        asked_ns = time.monotonic_ns()
        waited_ns = self._permits.wait() if self._permits else 0
        with within(self._patience) as self.limit:
            begun_ns = time.monotonic_ns()
            connect()
        made_ns = time.monotonic_ns()
        self.sent_ns += made_ns - asked_ns
        self._go_on()
        tls_ns = made_ns - begun_ns - self.connect_ns if self.limit.part == "tls" else -1
        self.connections += 1
        self.listener.connected(self.connect_ns, tls_ns, waited_ns)

    def _go_on(self) -> None:
        self.timeout = Timeout(max(0.0, self._timeout_s - (time.monotonic_ns() - self.sent_ns) / 1e9))
        self.timeout.start()


class _Ways:
    """From our addresses to the target's, each of both in turn."""

    def __init__(self, sources: Sequence[Address], turn: int) -> None:
        self._sources = sources
        self._turn = turn

    def connected(self, addresses: Sequence[Address]) -> gevent.socket.socket:
        """A socket connected to the next address, or to the first after it that takes it. Raises OSError."""
        for left in range(len(addresses), 0, -1):
            self._turn += 1
            address = addresses[self._turn % len(addresses)]
            try:
                made = connected_to(address, self._sources, self._turn // len(addresses))
            except OSError:
                if left == 1:
                    raise
            else:
                return _PlainSocket(fileno=made.detach())
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))


_attempt: ContextVar[_Attempt] = ContextVar("attempt")


class _Gevent:
    """Makes a connection's socket from gevent, and tells the attempt that it is for what is done and how long it took."""

    def connect(self) -> None:
        _attempt.get().connect(super().connect)  # type: ignore[misc] # of the class beside it

    def _new_conn(self) -> Any:  # noqa: ANN401 - urllib3 calls it a socket
        attempt = _attempt.get()
        begun_ns = time.monotonic_ns()
        try:
            addresses = look_up(Origin("http", self._dns_host, self.port))  # type: ignore[attr-defined]
            attempt.limit.part = "connect"
            made = attempt.ways.connected(addresses)
        except gevent.socket.gaierror as failure:
            raise NameResolutionError(self.host, self, failure) from failure  # type: ignore[attr-defined,arg-type]
        except OSError as failure:
            raise NewConnectionError(self, reason_of_connecting(failure)) from failure  # type: ignore[arg-type]
        attempt.connect_ns = time.monotonic_ns() - begun_ns
        return made


class _FinalResponse(HTTPResponse):
    """Passes over all 1xx (RFC 9110 15.2), where http.client knows 100 alone; an unasked-for 101 is none that could be."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc] # of http.client's own
            if not 100 <= status < 200:  # noqa: PLR2004 - the class of 1xx
                return version, status, reason
            if status == 101:  # noqa: PLR2004 - Switching Protocols
                raise HTTPException("an unasked-for 101 Switching Protocols")
            parse_headers(self.fp)
        raise HTTPException(f"more than {_INTERIM} responses before the final one")


class _PlainConnection(_Gevent, HTTPConnection):
    response_class = _FinalResponse


class _SecureConnection(_Gevent, HTTPSConnection):
    response_class = _FinalResponse


class _Counting:
    """Tells the attempt what a socket carries; all that urllib3 does with one comes down to these two."""

    def send(self, *arguments: Any, **options: Any) -> int:  # noqa: ANN401 - gevent's own
        sent: int = super().send(*arguments, **options)  # type: ignore[misc] # of the class beside it
        _attempt.get().listener.carried(sent, 0)
        return sent

    def recv_into(self, *arguments: Any, **options: Any) -> int:  # noqa: ANN401 - gevent's own
        received: int = super().recv_into(*arguments, **options)  # type: ignore[misc] # of the class beside it
        _attempt.get().listener.carried(0, received)
        return received


class _PlainSocket(_Counting, gevent.socket.socket):  # type: ignore[misc] # gevent has no types
    pass


class _SecureSocket(_Counting, gevent.ssl.SSLSocket):  # type: ignore[misc] # gevent has no types
    def do_handshake(self) -> None:
        _attempt.get().limit.part = "tls"
        try:
            super().do_handshake()
        except BaseException:
            # Nobody else knows of the socket yet.
            self.close()
            raise
        self.suppress_ragged_eofs = False

    def read(self, nbytes: int = 2014, buffer: bytearray | None = None) -> bytes | int:
        try:
            return super().read(nbytes, buffer)  # type: ignore[no-any-return] # gevent has no types
        except ssl.SSLEOFError as failure:
            # OpenSSL 3 gives an end a reason. Without one it was a reset, which Python before 3.12.4 calls an end too.
            if failure.reason is None and ssl.OPENSSL_VERSION_INFO >= (3,):
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from None
            # No failure of TLS, but nobody knows whether there was more (RFC 9112 9.8).
            raise OSError("cut short") from None


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection

    def _validate_conn(self, conn: BaseHTTPConnection) -> None:
        # urllib3's own warns at every request that is not verified; whoever switched that off knows.
        if conn.is_closed:
            conn.connect()


class Client:
    """One lane's connections, over which it sends one request at a time."""

    def __init__(
        self,
        tls: TlsConfig,
        proxy: str | None = None,
        sources: Sequence[str] = (),
        permits: Permits | None = None,
        *,
        follow_redirects: bool = False,
        turn: int = 0,
    ) -> None:
        options: dict[str, Any] = {"maxsize": 1, "num_pools": 4, "ssl_context": _context(tls)}
        if tls.server_name is not None:
            options["server_hostname"] = tls.server_name
        self._manager = urllib3.PoolManager(**options) if proxy is None else _through(proxy, options)
        self._manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        redirects = REDIRECTS if follow_redirects else 0
        self._retries = Retry(total=redirects, connect=0, read=0, redirect=redirects, status=0, other=0)
        self._follow = follow_redirects
        self._permits = permits
        self._ways = _Ways([address for source in sources for address in literal(source, 0)], turn)

    def send(self, call: Call, timeout_s: float, patience: Patience, needle: bytes | None, listener: Listener) -> Reply:
        """Send one request and read its answer whole, within `timeout_s` from the first byte on, looking for `needle`.

        Each connection that has to be made for it gets `patience`. Raises DialError with the kind of failure.
        """
        attempt = _Attempt(timeout_s, patience, self._permits, self._ways, listener)
        _attempt.set(attempt)
        try:
            reply = _reply(self._answered(call, attempt), attempt, needle)
            if call.closes:
                # The server is asked to, and may not.
                self.close()
        except Timeout as reached:
            if reached is not attempt.timeout:
                raise
            raise DialError("timeout", "no response in time", waited=True) from None
        except (HTTPError, OSError, ValueError) as failure:
            # A ValueError is a redirect to what is no URL.
            raise failure_of(failure) from None
        else:
            return reply
        finally:
            attempt.timeout.close()

    def _answered(self, call: Call, attempt: _Attempt) -> urllib3.BaseHTTPResponse:
        """Send, once more where a kept connection turns out closed and sending twice is as good as once."""
        try:
            return self._request(call)
        except HTTPError as failure:
            if attempt.connections > 0 or call.method not in IDEMPOTENT_METHODS or not was_ended(failure):
                raise
        attempt.listener.retried()
        return self._request(call)

    def _request(self, call: Call) -> urllib3.BaseHTTPResponse:
        return self._manager.request(
            call.method,
            call.url,
            body=call.body,
            headers=urllib3.HTTPHeaderDict(call.headers),
            retries=self._retries if self._follow else False,
            redirect=self._follow,
            preload_content=False,
        )

    def close(self) -> None:
        """Close the connections."""
        # To forget the pools alone closes no connection that something still refers to, as a failure's traceback may.
        for key in self._manager.pools.keys():  # noqa: SIM118 - it is no dict, and cannot be iterated over
            self._manager.pools[key].close()
        self._manager.clear()


def _through(proxy: str, options: dict[str, Any]) -> urllib3.ProxyManager:
    """Send by way of `proxy`, with the credentials that its URL has (RFC 9110 11.7.2)."""
    credentials = basic_credentials(proxy)
    headers = None if credentials is None else {"Proxy-Authorization": credentials}
    return urllib3.ProxyManager(without_user_info(proxy), proxy_headers=headers, **options)


def _body(response: urllib3.BaseHTTPResponse, needle: bytes | None) -> tuple[bytes, bool]:
    """Read a body in pieces; its beginning, and whether `needle` is in it (None: it is)."""
    beginning, found, seam = b"", needle is None, b""
    while piece := response.read(_PIECE_BYTES, decode_content=False):
        beginning += piece[: _KEPT_BYTES - len(beginning)]
        if needle is not None and not found:
            found = needle in seam + piece
            seam = (seam + piece)[max(0, len(seam + piece) - len(needle) + 1) :]
    return beginning, found


def _reply(response: urllib3.BaseHTTPResponse, attempt: _Attempt, needle: bytes | None) -> Reply:
    body, found = _body(response, needle)
    arrived_ns = time.monotonic_ns()
    response.release_conn()
    return Reply(response.status, body, found, attempt.sent_ns, arrived_ns)


def _context(tls: TlsConfig) -> gevent.ssl.SSLContext:
    # Gevent's create_default_context makes the standard library's, whose sockets would block the hub.
    context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _SecureSocket
    context.load_default_certs()
    configure(context, tls)
    return context
