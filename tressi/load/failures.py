"""What the exceptions of urllib3 mean: the kind of error that the reactor would count, and why, in words."""

from __future__ import annotations

import ssl
from http.client import BadStatusLine, IncompleteRead

import gevent.socket
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

from tressi.load.dial import DialError, reason_of_connecting
from tressi.load.secure import reason_of


def failure_of(failure: Exception) -> DialError:
    """Which kind of error an exception of urllib3 is, innermost first."""
    if isinstance(failure, MaxRetryError) and failure.reason is not None:
        return failure_of(failure.reason)
    if isinstance(failure, ProxyError):
        return DialError("connect", f"proxy: {failure_of(failure.original_error)}")
    cause = failure.args[0] if failure.args else None
    if isinstance(failure, SSLError) and isinstance(cause, ssl.SSLError):
        return DialError("tls", reason_of(cause))
    if isinstance(failure, ProtocolError):
        return _broken(failure)
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
            return DialError(kind, _words(failure), waited=kind == "timeout")
    return DialError("protocol", str(failure))


def _words(failure: Exception) -> str:
    """Why, without the classes and addresses that urllib3 puts in front."""
    cause = failure.__cause__ if isinstance(failure, NewConnectionError) else None
    if isinstance(cause, gevent.socket.gaierror):
        return cause.strerror or str(cause)
    if isinstance(cause, OSError):
        return reason_of_connecting(cause)
    return str(failure).rpartition(": ")[2]


def _broken(failure: ProtocolError) -> DialError:
    """What it is that urllib3 has wrapped."""
    inner = failure.args[1] if len(failure.args) > 1 else None
    if isinstance(inner, OSError):
        # http.client calls a close before the first byte a reset; the system calls only an RST one.
        return DialError("reset" if inner.errno else "closed", inner.strerror or str(inner))
    if isinstance(inner, (IncompleteRead, InvalidChunkLength)):
        return DialError("closed", "cut short")
    if isinstance(inner, BadStatusLine):
        return DialError("protocol", "not an HTTP/1.x status line")
    return DialError("protocol", str(inner or failure))


def was_ended(failure: HTTPError) -> bool:
    """Whether the connection was closed or reset, and not that what came over it is no HTTP."""
    return failure_of(failure).kind in {"closed", "reset"}
