"""TLS by the standard library: contexts from the config, and the handshake that a lane's greenlet makes."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from gevent.socket import wait_read, wait_write

from tressi._tls import TlsSession
from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tressi.load.tunnel import Stream
    from tressi.model import TlsConfig

FIRST_PAUSE_S = 0.01  # between two looks for a session that servers take up: tickets come with the first answers
SERVED_PAUSE_S = 1.0  # once one was taken up, and is no longer
LONGEST_PAUSE_S = 600.0  # where none is taken up
_READ_BYTES = 65536
Made = TypeVar("Made")
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def make_context(config: TlsConfig, place: str = "tls") -> ssl.SSLContext:
    """A client's context as the config asks for at `place`. Raises ConfigError for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if config.verify:  # reading the system's authorities takes 60 ms, and only verifying needs them
        context.load_default_certs()
    if keys := os.environ.get("SSLKEYLOGFILE"):
        context.keylog_filename = keys
    configure(context, config, place)
    return context


def configure(context: ssl.SSLContext, config: TlsConfig, place: str = "tls") -> None:
    """Have a client's context do as the config asks at `place`. Raises ConfigError for files that cannot be used."""
    context.set_alpn_protocols(config.protocols)
    # Python 3.13's default context has both flags beyond OpenSSL's own, those before and gevent's have none. A chain may
    # end at any certificate that is trusted, as with curl and Go; the checks that OpenSSL calls strict, which
    # these do not make and many a private authority does not meet, are left out.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    if not config.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.ca is not None:
        with _naming(f"{place}.ca", config.ca):
            context.load_verify_locations(config.ca)
    if config.cert is not None:
        files = config.cert if config.key is None else f"{config.cert}, with the key {config.key},"
        with _naming(f"{place}.cert", files):
            context.load_cert_chain(config.cert, config.key, password=_refuse_password)
    if config.min_version is not None:
        context.minimum_version = _VERSIONS[config.min_version]
    if config.max_version is not None:
        context.maximum_version = _VERSIONS[config.max_version]
    if config.ciphers is not None:
        with _naming(f"{place}.ciphers", config.ciphers):
            context.set_ciphers(config.ciphers)


class Contexts(Generic[Made]):
    """The TLS contexts of an engine, one for each way in which targets are spoken to; `make` is called once for each.

    `shared` is the config's own, whose place in it errors name; every other is that of requests.
    """

    def __init__(self, shared: TlsConfig, make: Callable[[TlsConfig, str], Made]) -> None:
        self._shared = shared
        self._make = make
        self._made: dict[TlsConfig, Made] = {}

    def of(self, config: TlsConfig) -> Made:
        """The context for `config`, whatever name it asks for. Raises ConfigError for files that cannot be used."""
        key = replace(config, server_name=None)
        if key not in self._made:
            is_shared = key == replace(self._shared, server_name=None, protocols=key.protocols)
            self._made[key] = self._make(key, "tls" if is_shared else "requests[].tls")
        return self._made[key]


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


def encoded_name(host: str) -> tuple[bytes, bool]:
    """That name as it goes into a handshake (RFC 5890 2.3.2.1), and whether it is an address. Raises ValueError for none."""
    name = named_in_tls(host)
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, name)
            return name.encode(), True
    encoded = name.encode("idna")
    if not encoded or encoded.startswith(b"."):
        raise ValueError(f"{host!r} is no name of a server")
    return encoded, False


class Plain:
    """A connected non-blocking socket as a stream that waits cooperatively; see `tunnel.Stream`."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def sendall(self, data: bytes) -> None:
        """Send all of it. Raises OSError."""
        waiting = memoryview(data)
        while waiting:
            try:
                waiting = waiting[self._socket.send(waiting) :]
            except BlockingIOError:
                wait_write(self._socket.fileno())

    def recv(self, most: int) -> bytes:
        """Receive some; empty at the end. Raises OSError."""
        while True:
            try:
                return self._socket.recv(most)
            except BlockingIOError:
                wait_read(self._socket.fileno())


class Session:
    """One connection's TLS over a stream, made by `handshake`; then a stream itself, for what is said inside.

    `driven` is what the reactor drives it by.
    """

    def __init__(self, context: ssl.SSLContext, server_name: str, resumed: ssl.SSLSession | None, below: Stream) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname=server_name, session=resumed)
        self._below = below

    @property
    def driven(self) -> TlsSession:
        """What `Reactor.attach` takes; once, for it may be another each time."""
        if isinstance(self._below, Session):
            inside = Inside(self._below, self)
            return TlsSession(inside, RecordsIn(inside), RecordsOut(inside), reason_of)
        return TlsSession(self.object, self.incoming, self.outgoing, reason_of)

    @property
    def resumable(self) -> ssl.SSLSession | None:
        """What a later connection may resume; with TLS 1.3 it comes with the first answer."""
        return self.object.session

    @property
    def protocol(self) -> str | None:
        """What was chosen of the protocols that the server was offered; None: it knows nothing of that choice."""
        return self.object.selected_alpn_protocol()

    @property
    def has_resumed(self) -> bool:
        """Whether the server took up the session that it was offered."""
        return bool(self.object.session_reused)

    def handshake(self) -> None:
        """Shake hands. Raises ssl.SSLError, OSError."""
        self._wait_for(self.object.do_handshake)
        self._flush()

    def sendall(self, data: bytes) -> None:
        """Send all of it, encrypted. Raises OSError."""
        self.object.write(data)
        self._flush()

    def recv(self, most: int) -> bytes:
        """Receive some of what is said inside; empty at its end. Raises OSError."""
        try:
            found: bytes = self._wait_for(lambda: self.object.read(most))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        return found

    def _wait_for(self, done: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever `done` returns
        while True:
            try:
                return done()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()

    def _flush(self) -> None:
        if self.outgoing.pending:
            self._below.sendall(self.outgoing.read())

    def _fill(self) -> None:
        data = self._below.recv(_READ_BYTES)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()


class Inside:
    """A TLS session inside that of a proxy, as the reactor drives one: what goes in and out are the proxy's records."""

    def __init__(self, outer: Session, inner: Session) -> None:
        self.outer = outer
        self.inner = inner
        self.write = inner.object.write
        self.pending = inner.object.pending
        self._failure: OSError | None = None

    def opened(self, sealed: bytes) -> None:
        """Take records of the proxy's, and pass on what they say; what fails does so at the next read."""
        self.outer.incoming.write(sealed)
        try:
            while data := self.outer.object.read(_READ_BYTES):
                self.inner.incoming.write(data)
            self.inner.incoming.write_eof()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.inner.incoming.write_eof()
        except OSError as failure:
            self._failure = failure

    def read(self, *arguments: Any) -> Any:  # noqa: ANN401 - as `ssl.SSLObject.read`
        """What the target says. Raises OSError, also where the proxy's TLS has failed."""
        if self._failure is not None:
            raise self._failure
        return self.inner.object.read(*arguments)

    def sealed(self) -> bytes:
        """What is to be sent now: records of the proxy's."""
        data = self.inner.outgoing.read()
        if data:
            self.outer.object.write(data)
        return self.outer.outgoing.read()

    def unwrap(self) -> None:
        """Say that nothing more comes, in both."""
        for session in (self.inner, self.outer):
            with suppress(OSError):
                session.object.unwrap()
            if session is self.inner and session.outgoing.pending:
                self.outer.object.write(session.outgoing.read())


class RecordsIn:
    """Where the reactor puts records of the proxy's."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def write(self, sealed: bytes) -> None:
        """Take what came."""
        self._inside.opened(sealed)

    @property
    def pending(self) -> int:
        """What of the target's TLS waits to be read."""
        return self._inside.inner.incoming.pending


class RecordsOut:
    """Where the reactor takes them."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def read(self) -> bytes:
        """What is to be sent now."""
        return self._inside.sealed()

    @property
    def pending(self) -> int:
        """What waits to be sent."""
        return self._inside.inner.outgoing.pending + self._inside.outer.outgoing.pending


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
