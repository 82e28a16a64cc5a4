"""An HTTP server for pages and metrics: gevent's, in the thread of the one who starts it, with limits.

The port is taken before the run, so that one in use is told before anything is sent. gevent's server knows no limits of its
own but for a number of connections, at which it accepts no further one. Here each connection has a place (`places` says who
loses one), and these limits:

    REQUEST_S      for a whole request, from its first byte to the last of its body; for a new connection also to the first
    idle_s         between two requests of a connection
    SEND_S         for the reader of an answer to make room for its next 256 KiB
    REQUEST_BYTES  of a request, head and body

An answer is sent in one write, since the second of two small ones would wait for the acknowledgement of the first, which a
reader sends 40 ms later.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from gevent import socket
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from tressi.errors import ConfigError, ConfigProblem
from tressi.site.places import Places

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import WSGIApplication, WSGIEnvironment

BACKLOG: Final = 128
IDLE_S: Final = 30.0
REQUEST_S: Final = 10.0
SEND_S: Final = 30.0
REQUEST_BYTES: Final = 1 << 17
# In a request's environ: a function to call when it has shown that it may be here; False says that there is no room.
TRUST: Final = "tressi.trust"
_PIECE_BYTES: Final = 1 << 18
_STOP_S: Final = 0.5
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class RequestReader(RawIOBase):
    """The bytes of one connection's requests; a TimeoutError ends one that takes too long or is too long."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._ends_s, self._has_begun, self._room_bytes = 0.0, False, 0

    def begin(self, wait_s: float) -> None:
        """Expect a request to begin within `wait_s`."""
        self._ends_s, self._has_begun, self._room_bytes = monotonic() + wait_s, False, REQUEST_BYTES

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer has no type in Python 3.11
        """Read what has come."""
        left_s = self._ends_s - monotonic()
        if left_s <= 0 or self._room_bytes <= 0:
            raise TimeoutError("the request is too slow or too long")
        self._connection.settimeout(left_s)
        size: int = self._connection.recv_into(buffer)
        if not self._has_begun:
            self._ends_s, self._has_begun = monotonic() + REQUEST_S, True
        self._room_bytes -= size
        return size


class Handler(WSGIHandler):  # type: ignore[misc] # gevent has no types
    """One connection."""

    def __init__(self, connection: socket.socket, address: Any, server: Server) -> None:  # noqa: ANN401 - gevent hands it over
        super().__init__(connection, address, server)
        reader = RequestReader(connection)
        self.rfile.close()
        self.rfile: BufferedReader = BufferedReader(reader)
        self._reader = reader
        self._wait_s = REQUEST_S
        self._held: bytearray | None = None

    def handle(self) -> None:
        """Serve it to its end, which the other side may bring about in the middle of an answer."""
        with suppress(OSError):
            super().handle()

    def read_requestline(self) -> str:
        """Wait for the next request."""
        self.server.places.asks(self.socket)
        self._reader.begin(self._wait_s)
        self._wait_s = self.server.idle_s
        line: str = super().read_requestline()
        return line

    def get_environ(self) -> WSGIEnvironment:
        """The WSGI environment of a request whose head has come whole."""
        self.server.places.is_answered(self.socket)
        environ: WSGIEnvironment = super().get_environ()
        environ[TRUST] = partial(self.server.places.trust, self.socket)
        return environ

    def handle_error(self, kind: type[BaseException], failure: BaseException, trace: TracebackType) -> None:
        """Report a mistake in tressi: not a connection that has gone, nor what follows a request that is answered."""
        # gevent has no error of its own for a chunk without a size.
        is_bad_chunk = isinstance(failure, ValueError) and self.wsgi_input.chunked_input and self.response_length > 0
        if isinstance(failure, OSError) or is_bad_chunk:
            self.close_connection = True
        else:
            super().handle_error(kind, failure, trace)

    def _handle_client_error(self, failure: Exception) -> tuple[str, bytes] | None:
        """What is said to a request that is none. gevent would write the traceback of some of them to standard error."""
        self.close_connection = True
        return None if isinstance(failure, OSError) else ("400", _BAD_REQUEST)

    def _write_with_headers(self, data: bytes) -> None:
        self._held = bytearray()
        super()._write_with_headers(data)
        held, self._held = self._held, None
        self._sendall(held)

    def _sendall(self, data: bytes | bytearray) -> None:
        if self._held is not None:
            self._held += data
            return
        view = memoryview(data)
        for at in range(0, len(view), _PIECE_BYTES):
            self.socket.settimeout(SEND_S)
            super()._sendall(view[at : at + _PIECE_BYTES])
            self.server.places.is_answered(self.socket)


class Server(WSGIServer):  # type: ignore[misc] # gevent has no types
    """gevent's server, its connections in places. Nothing is logged: a path may hold a token."""

    max_accept = 16

    def __init__(self, listener: socket.socket, app: WSGIApplication, idle_s: float) -> None:
        self.places: Places[socket.socket] = Places()
        self.idle_s = idle_s
        environ = {"SERVER_NAME": listener.getsockname()[0]}  # else gevent asks the resolver
        super().__init__(listener, app, log=None, error_log=None, handler_class=Handler, spawn=Pool(), environ=environ)

    def do_handle(self, connection: socket.socket, address: Any) -> None:  # noqa: ANN401 - gevent hands it over
        """Take a connection on. The one that loses its place for it is told by the end of its stream."""
        displaced = self.places.enter(connection, address[0])
        if displaced is not None:
            with suppress(OSError):
                displaced.shutdown(socket.SHUT_RDWR)
        super().do_handle(connection, address)

    def do_close(self, connection: socket.socket, *rest: Any) -> None:  # noqa: ANN401 - gevent hands it over
        """Let it go."""
        self.places.leave(connection)
        super().do_close(connection, *rest)


class Listener:
    """A port that is taken. Raises ConfigError, which names `flag`, where it cannot be."""

    def __init__(self, host: str, port: int, flag: str) -> None:
        self._socket = _open(host, port, flag)
        self._server: Server | None = None
        self.host, self.port = self._socket.getsockname()[:2]
        self.place = address_of(self.host, self.port)

    def serve(self, app: WSGIApplication, *, idle_s: float = IDLE_S) -> None:
        """Begin to answer."""
        self._server = Server(self._socket, app, idle_s)
        self._server.start()

    def close(self, wait_s: float = _STOP_S) -> None:
        """Let go of the port and of every connection, those that are being answered after `wait_s`."""
        if self._server is not None:
            self._server.stop(wait_s)
        self._socket.close()


def address_of(host: str, port: int) -> str:
    """Host and port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _open(host: str, port: int, flag: str) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Else the port stays taken for a minute after the last run.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The connections inherit it: the second part of an answer does not wait for the first to be acknowledged.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as failure:
        listener.close()
        problem = ConfigProblem(flag, f"cannot listen on {address_of(host, port)}: {failure.strerror}")
        raise ConfigError([problem]) from None
    return listener
