"""TLS by the standard library: contexts from the config, and the handshake that a lane's greenlet makes."""

from __future__ import annotations

import errno
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gevent.socket import wait_read, wait_write

from tressi._tls import TlsSession
from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tressi.model import TlsConfig

FIRST_PAUSE_S = 0.01  # between two looks for a session that servers take up: tickets come with the first answers
SERVED_PAUSE_S = 1.0  # once one was taken up, and is no longer
LONGEST_PAUSE_S = 600.0  # where none is taken up
_READ_BYTES = 65536


def make_context(config: TlsConfig) -> ssl.SSLContext:
    """A client's context as the config asks for. Raises ConfigError for files that cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    configure(context, config)
    return context


def configure(context: ssl.SSLContext, config: TlsConfig) -> None:
    """Have a client's context do as the config asks. Raises ConfigError for files that cannot be used."""
    context.set_alpn_protocols(["http/1.1"])
    # Python 3.13's default context has both flags beyond OpenSSL's own, those before and gevent's have none. A chain may
    # end at any certificate that is trusted, as with curl and Go; the checks that OpenSSL calls strict, which
    # these do not make and many a private authority does not meet, are left out.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    if not config.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.ca is not None:
        with _naming("tls.ca", config.ca):
            context.load_verify_locations(config.ca)
    if config.cert is not None:
        files = config.cert if config.key is None else f"{config.cert}, with the key {config.key},"
        with _naming("tls.cert", files):
            context.load_cert_chain(config.cert, config.key, password=_refuse_password)


def _refuse_password() -> str:
    """Called for an encrypted key alone; else OpenSSL asks at the terminal, and the engine's process has none."""
    raise OSError(errno.EACCES, "the key is encrypted, and tressi asks nobody for its password")


@contextmanager
def _naming(place: str, files: str) -> Iterator[None]:
    """Say which file cannot be loaded, and why. Raises ConfigError."""
    try:
        yield
    except ssl.SSLError as failure:
        # OpenSSL's PEM reader gives no reason.
        reason = reason_of(failure) if failure.reason else "a certificate or a private key is missing, or is not PEM"
        raise ConfigError([ConfigProblem(place, f"{files} cannot be loaded: {reason}")]) from None
    except OSError as failure:
        raise ConfigError([ConfigProblem(place, f"{files} cannot be loaded: {failure.strerror}")]) from None


def named_in_tls(host: str) -> str:
    """The name or address that the server is told (RFC 6066 3) and its certificate checked for.

    Without the final dot of a full name, and without the zone of an address, which is of this machine alone (RFC 6874). An
    address, however it is written, is told to no server: OpenSSL sees to that where it knows it for one.
    """
    name = host.partition("%")[0].removesuffix(".")
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return name


class Session:
    """One connection's TLS, made by `handshake`; `driven` is what the reactor drives it by."""

    def __init__(self, context: ssl.SSLContext, server_name: str, resumed: ssl.SSLSession | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name, session=resumed)

    @property
    def driven(self) -> TlsSession:
        """What `Reactor.attach` takes."""
        return TlsSession(self._object, self._incoming, self._outgoing, reason_of)

    @property
    def resumable(self) -> ssl.SSLSession | None:
        """What a later connection may resume; with TLS 1.3 it comes with the first answer."""
        return self._object.session

    @property
    def has_resumed(self) -> bool:
        """Whether the server took up the session that it was offered."""
        return bool(self._object.session_reused)

    def handshake(self, connected: socket.socket) -> None:
        """Shake hands over a connected non-blocking socket, cooperatively. Raises ssl.SSLError, OSError."""
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(connected)
                self._fill(connected)
            else:
                self._flush(connected)
                return

    def _flush(self, connected: socket.socket) -> None:
        waiting = memoryview(self._outgoing.read())
        while waiting:
            try:
                waiting = waiting[connected.send(waiting) :]
            except BlockingIOError:
                wait_write(connected.fileno())

    def _fill(self, connected: socket.socket) -> None:
        while True:
            try:
                data = connected.recv(_READ_BYTES)
            except BlockingIOError:
                wait_read(connected.fileno())
            else:
                break
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()


class Sessions:
    """What the next connection to an origin may resume: read off one of those before, and kept while servers take it up.

    CPython (3.11 to 3.13 do) loses the memory of a session, 5.5 KB, each time that one is read off a connection. So another
    is read only once the one that is offered is not taken up: because it has expired, because another server of the origin
    was asked, or because none ever is, which is looked for ever more seldom. It is read off a connection that is as old as
    the pause since the last look, and not off the newest: with TLS 1.3 a session comes with the first answer.
    """

    def __init__(self) -> None:
        self._candidate: Session | None = None
        self._found: ssl.SSLSession | None = None
        self._is_taken_up = False
        self._next_s = 0.0
        self._pause_s = FIRST_PAUSE_S

    def resumable(self, now_s: float) -> ssl.SSLSession | None:
        """What to offer now, by `time.monotonic`; None before the first connection."""
        if self._candidate is not None and now_s >= self._next_s:
            self._found, self._candidate = self._candidate.resumable, None
            self._next_s = now_s + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return self._found

    def made(self, session: Session, offered: ssl.SSLSession | None) -> None:
        """A connection has shaken hands to which `offered`, of `resumable`, was offered."""
        if offered is not None and offered is self._found:
            self._is_taken_up = session.has_resumed
        if self._is_taken_up:
            self._candidate, self._pause_s = None, SERVED_PAUSE_S
        elif self._candidate is None:
            self._candidate = session


def reason_of(failure: ssl.SSLError) -> str:
    """OpenSSL's own words, as short as they come."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {failure.verify_message}"
    words = failure.reason or str(failure).partition(" (_ssl")[0]
    return words.replace("_", " ").lower()
