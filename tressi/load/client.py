"""The second transport: urllib3 on gevent's sockets, for what the reactor does not speak (proxies, redirects).

Cooperative without monkey-patching: the connection classes make their sockets from gevent. A lane's greenlet does the
whole request and reports the response to the reactor, which keeps the same books and gives out the same tokens.
"""

from __future__ import annotations

import time
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

from tressi.load.dial import DialError

if TYPE_CHECKING:
    from urllib3._base_connection import BaseHTTPConnection

    from tressi.load.transport import Call
    from tressi.model import TlsConfig

REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response: times on CLOCK_MONOTONIC; `connect_ns` is negative where a kept connection served it."""

    status: int
    body: bytes
    sent_ns: int
    arrived_ns: int
    connect_ns: int
    bytes_sent: int
    bytes_received: int


class _Gevent:
    """Makes a connection's socket from gevent, and remembers how long that took."""

    def _new_conn(self) -> Any:  # noqa: ANN401 - urllib3 calls it a socket
        begun_ns = time.monotonic_ns()
        try:
            made = gevent.socket.create_connection((self._dns_host, self.port), source_address=self.source_address)  # type: ignore[attr-defined]
        except gevent.socket.gaierror as failure:
            raise NameResolutionError(self.host, self, failure) from failure  # type: ignore[attr-defined,arg-type]
        except OSError as failure:
            raise NewConnectionError(self, failure.strerror or str(failure)) from failure  # type: ignore[arg-type]
        made.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        self.connect_ns = time.monotonic_ns() - begun_ns
        return made


class _PlainConnection(_Gevent, HTTPConnection):
    pass


class _SecureConnection(_Gevent, HTTPSConnection):
    pass


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

    def __init__(self, tls: TlsConfig, proxy: str | None, source: str | None, *, follow_redirects: bool) -> None:
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

    def send(self, call: Call, timeout_s: float) -> Reply:
        """Send one request and read its answer whole, within `timeout_s`. Raises DialError with the kind of failure."""
        timeout = Timeout(timeout_s)
        timeout.start()
        begun_ns = time.monotonic_ns()
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
            return _reply(response, call, begun_ns)
        except Timeout as reached:
            if reached is not timeout:
                raise
            raise DialError("timeout", "no response in time", waited=True) from None
        except (HTTPError, OSError) as failure:
            raise _failure(failure) from None
        finally:
            timeout.close()

    def close(self) -> None:
        """Close the connections."""
        self._manager.clear()


def _reply(response: urllib3.BaseHTTPResponse, call: Call, begun_ns: int) -> Reply:
    # A connection that was made for this request says how long that took, once.
    connection = response.connection
    connect_ns = -1 if connection is None else getattr(connection, "connect_ns", -1)
    if connection is not None:
        connection.connect_ns = -1  # type: ignore[attr-defined]
    body = response.read(decode_content=False)
    arrived_ns = time.monotonic_ns()
    response.release_conn()
    heads = sum(len(name) + len(value) + 4 for name, value in response.headers.items())
    sent = len(call.method) + len(call.url) + sum(len(name) + len(value) + 4 for name, value in call.headers)
    return Reply(
        response.status,
        body,
        begun_ns + max(0, connect_ns),
        arrived_ns,
        connect_ns,
        sent + len(call.body or b""),
        heads + len(body),
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
    context = gevent.ssl.create_default_context(cafile=tls.ca)
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = gevent.ssl.CERT_NONE
    if tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context
