"""The second transport: urllib3 on gevent's sockets, for what the reactor does not speak (proxies, redirects).

Cooperative without monkey-patching: the connection classes make their sockets from gevent. A lane's greenlet does the
whole request and reports the response to the reactor, which keeps the same books and gives out the same tokens.
"""

from __future__ import annotations

import errno
import os
import time
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import IncompleteRead
from typing import TYPE_CHECKING, Any

import gevent.socket
import gevent.ssl
import urllib3
from gevent import Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidChunkLength,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Retry

from tressi.load.address import literal, look_up
from tressi.load.dial import DialError, connected_to, within
from tressi.load.transport import Origin

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
_KEPT_BYTES = 4096  # a little more than a sample has room for, so that it knows of being cut


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response: times on CLOCK_MONOTONIC.

    `body` is its beginning, `found` tells whether all of it has what it must. `connect_ns` is negative where a kept
    connection served it, `tls_ns` where no handshake was made; `waited_ns` went by before it might connect.
    """

    status: int
    body: bytes
    found: bool
    sent_ns: int
    arrived_ns: int
    connect_ns: int
    tls_ns: int
    waited_ns: int
    bytes_sent: int
    bytes_received: int


class _Attempt:
    """One request's time: its limit, which stands still while a connection is made, and how long that took."""

    def __init__(self, timeout_s: float, patience: Patience, permits: Permits | None) -> None:
        self.connect_ns = self.tls_ns = -1
        self.waited_ns = 0
        self._patience = patience
        self._permits = permits
        self._left_s = timeout_s
        self._go_on()

    def connect(self, connect: Callable[[], None]) -> None:
        """Wait for a permit, if one is needed, and time `connect`. Raises what it raises, and DialError."""
        self.timeout.close()
        self._left_s -= (time.monotonic_ns() - self.sent_ns) / 1e9
        self.waited_ns += self._permits.wait() if self._permits else 0
        with within(self._patience) as self.limit:
            begun_ns = time.monotonic_ns()
            connect()
        self._go_on()
        if self.limit.part == "tls":
            self.tls_ns = self.sent_ns - begun_ns - self.connect_ns

    def _go_on(self) -> None:
        self.sent_ns = time.monotonic_ns()
        self.timeout = Timeout(self._left_s)
        self.timeout.start()


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
            made = _first(addresses, self.source_address)  # type: ignore[attr-defined]
        except gevent.socket.gaierror as failure:
            raise NameResolutionError(self.host, self, failure) from failure  # type: ignore[attr-defined,arg-type]
        except OSError as failure:
            raise NewConnectionError(self, failure.strerror or str(failure)) from failure  # type: ignore[arg-type]
        attempt.connect_ns = time.monotonic_ns() - begun_ns
        return made


def _first(addresses: Sequence[Address], source: tuple[str, int] | None) -> gevent.socket.socket:
    """A socket connected to the first address that takes it. Raises OSError."""
    sources = literal(*source) if source is not None else [None]
    for place, address in enumerate(addresses):
        try:
            made = connected_to(address, sources[0])
        except OSError:
            if place == len(addresses) - 1:
                raise
        else:
            return gevent.socket.socket(fileno=made.detach())
    raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))


class _PlainConnection(_Gevent, HTTPConnection):
    pass


class _SecureConnection(_Gevent, HTTPSConnection):
    def _new_conn(self) -> Any:  # noqa: ANN401 - urllib3 calls it a socket
        made = super()._new_conn()
        _attempt.get().limit.part = "tls"
        return made


class _SecureSocket(gevent.ssl.SSLSocket):  # type: ignore[misc] # gevent has no types
    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except BaseException:
            # Nobody else knows of the socket yet.
            self.close()
            raise


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
        source: str | None = None,
        permits: Permits | None = None,
        *,
        follow_redirects: bool = False,
    ) -> None:
        options: dict[str, Any] = {"maxsize": 1, "num_pools": 4, "ssl_context": _context(tls)}
        if source is not None:
            options["source_address"] = (source, 0)
        if tls.server_name is not None:
            options["server_hostname"] = tls.server_name
        self._manager = urllib3.PoolManager(**options) if proxy is None else urllib3.ProxyManager(proxy, **options)
        self._manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        redirects = REDIRECTS if follow_redirects else 0
        self._retries = Retry(total=redirects, connect=0, read=0, redirect=redirects, status=0, other=0)
        self._follow = follow_redirects
        self._permits = permits

    def send(self, call: Call, timeout_s: float, patience: Patience, needle: bytes | None = None) -> Reply:
        """Send one request and read its answer whole, within `timeout_s` from the first byte on, looking for `needle`.

        A connection that has to be made for it gets `patience`. Raises DialError with the kind of failure.
        """
        attempt = _Attempt(timeout_s, patience, self._permits)
        _attempt.set(attempt)
        try:
            response = self._manager.request(
                call.method,
                call.url,
                body=call.body,
                headers=urllib3.HTTPHeaderDict(call.headers),
                retries=self._retries if self._follow else False,
                redirect=self._follow,
                preload_content=False,
            )
            return _reply(response, call, attempt, needle)
        except Timeout as reached:
            if reached is not attempt.timeout:
                raise
            raise DialError("timeout", "no response in time", waited=True) from None
        except (HTTPError, OSError) as failure:
            raise _failure(failure) from None
        finally:
            attempt.timeout.close()

    def close(self) -> None:
        """Close the connections."""
        self._manager.clear()


def _body(response: urllib3.BaseHTTPResponse, needle: bytes | None) -> tuple[bytes, int, bool]:
    """Read a body in pieces; its beginning, its size, and whether `needle` is in it (None: it is)."""
    beginning, size, found, seam = b"", 0, needle is None, b""
    while piece := response.read(_PIECE_BYTES, decode_content=False):
        size += len(piece)
        beginning += piece[: _KEPT_BYTES - len(beginning)]
        if needle is not None and not found:
            found = needle in seam + piece
            seam = (seam + piece)[max(0, len(seam + piece) - len(needle) + 1) :]
    return beginning, size, found


def _reply(response: urllib3.BaseHTTPResponse, call: Call, attempt: _Attempt, needle: bytes | None) -> Reply:
    body, body_bytes, found = _body(response, needle)
    arrived_ns = time.monotonic_ns()
    response.release_conn()
    heads = sum(len(name) + len(value) + 4 for name, value in response.headers.items())
    sent = len(call.method) + len(call.url) + sum(len(name) + len(value) + 4 for name, value in call.headers)
    return Reply(
        response.status,
        body,
        found,
        attempt.sent_ns,
        arrived_ns,
        attempt.connect_ns,
        attempt.tls_ns,
        attempt.waited_ns,
        sent + len(call.body or b""),
        heads + body_bytes,
    )


def _failure(failure: Exception) -> DialError:
    """Which kind of error an exception of urllib3 is, innermost first."""
    if isinstance(failure, MaxRetryError) and failure.reason is not None:
        return _failure(failure.reason)
    if isinstance(failure, ProxyError):
        return DialError("connect", f"proxy: {failure.original_error}")
    kinds: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
        # Each class is a subclass of the one after it, so the order tells.
        (NameResolutionError, "dns"),
        (NewConnectionError, "connect"),
        ((ConnectTimeoutError, ReadTimeoutError), "timeout"),
        (SSLError, "tls"),
        (ConnectionResetError, "reset"),
    )
    for classes, kind in kinds:
        if isinstance(failure, classes):
            return DialError(kind, str(failure).rpartition(": ")[2], waited=kind == "timeout")
    inner = failure.args[1] if isinstance(failure, ProtocolError) and len(failure.args) > 1 else None
    if isinstance(inner, OSError):
        # http.client calls a close before the first byte a reset; the system calls only an RST one.
        return DialError("reset" if inner.errno else "closed", str(inner))
    if isinstance(inner, (IncompleteRead, InvalidChunkLength)):
        return DialError("closed", "cut short")
    return DialError("protocol", str(failure))


def _context(tls: TlsConfig) -> gevent.ssl.SSLContext:
    # Gevent's create_default_context makes the standard library's, whose sockets would block the hub.
    context = gevent.ssl.SSLContext(gevent.ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _SecureSocket
    if tls.ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(tls.ca)
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = gevent.ssl.CERT_NONE
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context
