"""TLS that the reactor does itself, by the OpenSSL that Python's ssl module has loaded: whether it can, and its contexts.

The contexts are made by OpenSSL's own functions and not taken out of Python's, whose layout in memory no one promises. What
Python's would be like is asked of one that is configured alike, so that both accept and offer the same.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any, Final

from tressi._tls import TlsContext, TlsPeer, TlsStream, drive_openssl
from tressi.errors import ConfigError, ConfigProblem
from tressi.load.tls import configure, encoded_name, make_context
from tressi.log import log_warning

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.load.tunnel import Stream
    from tressi.model import TlsConfig

_PARTIAL_WILDCARDS, _COMMON_NAMES = 0x4, 0x20  # X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT
_READ_BYTES: Final = 65536
ENDED_EARLY: Final = "eof occurred in violation of protocol"
_warned: set[str] = set()


def lacking() -> str | None:
    """Why TLS has to go through objects of Python's, or None: the reactor does it itself. What is missing is logged once."""
    if os.environ.get("TRESSI_PYTHON_TLS"):
        # For tests, and where the other way is suspected of something.
        return "TRESSI_PYTHON_TLS asks for Python's"
    import _ssl  # noqa: PLC0415 - only where there is TLS

    reason = drive_openssl(getattr(_ssl, "__file__", None), ssl.OPENSSL_VERSION)
    if reason is not None and reason not in _warned:
        _warned.add(reason)
        log_warning("TLS goes through Python's objects, at more CPU time for each request", library=reason)
    return reason


def make_engine_context(config: TlsConfig, place: str = "tls") -> TlsContext | ssl.SSLContext:
    """An engine's context, of whichever kind can be had. Raises ConfigError for files that cannot be used."""
    return make_driven_context(config, place) if lacking() is None else make_context(config, place)


def make_driven_context(config: TlsConfig, place: str = "tls") -> TlsContext:
    """A client's context as the config asks for at `place`. Raises ConfigError for files that cannot be used."""
    like = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # It also says what is wrong with the files; the system's authorities, which take long, are loaded once.
    configure(like, config, place)
    ciphers = ":".join(cipher["name"] for cipher in like.get_ciphers() if cipher["protocol"] != "TLSv1.3")
    try:
        context = TlsContext(
            options=int(like.options),
            versions=(_number(like.minimum_version), _number(like.maximum_version)),
            ciphers=ciphers.encode(),
            level=like.security_level,
            protocols=b"".join(bytes((len(name),)) + name.encode() for name in config.protocols),
        )
        if config.verify:
            host_flags = _PARTIAL_WILDCARDS | (0 if like.hostname_checks_common_name else _COMMON_NAMES)
            authorities = None if config.ca is None else os.fsencode(config.ca)
            context.verify(flags=int(like.verify_flags), host_flags=host_flags, authorities=authorities)
        if config.cert is not None:
            context.show(os.fsencode(config.cert), os.fsencode(config.key or config.cert))
        if keys := os.environ.get("SSLKEYLOGFILE"):
            context.write_keys(os.fsencode(keys))
    except OSError as failure:
        raise ConfigError([ConfigProblem(place, f"TLS cannot be set up: {failure}")]) from None
    return context


def _number(version: ssl.TLSVersion) -> int:
    """As the protocol counts; 0 for the lowest or highest that there is."""
    return max(0, int(version))


def peer_of(context: TlsContext, config: TlsConfig, host: str) -> TlsPeer:
    """Whom the connections to `host` speak TLS with. Raises ValueError for a name that TLS cannot say."""
    name, is_address = encoded_name(config.server_name or host)
    return TlsPeer(context, name, is_address=is_address, is_checked=config.verify)


class DrivenSession:
    """One connection's TLS over a socket, or inside another's; a stream for what is said inside, see `tunnel.Stream`.

    `driven` is what the reactor drives it by.
    """

    def __init__(self, peer: TlsPeer, below: Stream) -> None:
        outer = below if isinstance(below, DrivenSession) else None
        self.driven: TlsStream = TlsStream(peer, None if outer is None else outer.driven)
        # What goes over the socket are the records of the outer one.
        self._bottom = self.driven if outer is None else outer.driven
        self.socket: Stream = below if outer is None else outer.socket

    @property
    def protocol(self) -> str | None:
        """What was chosen of the protocols that the server was offered; None: it knows nothing of that choice."""
        return self.driven.protocol

    def handshake(self) -> None:
        """Shake hands. Raises OSError."""
        self._wait_for(lambda: True if self.driven.shake() else None)

    def sendall(self, data: bytes) -> None:
        """Send all of it, encrypted. Raises OSError."""
        self.driven.write(data)
        self._flush()

    def recv(self, most: int) -> bytes:
        """Receive some of what is said inside; empty at its end. Raises OSError."""
        found: bytes = self._wait_for(lambda: self.driven.read(most))
        return found

    def _wait_for(self, done: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever `done` returns
        """What `done` returns once that is not None: until then it wants more from the server."""
        try:
            while (found := done()) is None:
                self._flush()
                self._bottom.take(self._received())
        finally:
            # Where TLS fails the server hears why.
            self._flush()
        return found

    def _received(self) -> bytes:
        data = self.socket.recv(_READ_BYTES)
        if not data:
            raise OSError(ENDED_EARLY)
        return data

    def _flush(self) -> None:
        if sealed := self._bottom.sealed():
            self.socket.sendall(sealed)
