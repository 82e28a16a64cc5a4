"""Where the pages are served: a listener that is open before the run, so that a port in use is told before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import gevent.socket
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from tressi.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import WSGIApplication

BACKLOG: Final = 64
CONNECTIONS: Final = 100  # at once; a browser has six at most
# Whoever neither sends nor reads for so long has gone without saying so: a laptop that was closed, a cable.
PATIENCE_S: Final = 30.0
_STOP_S: Final = 0.5


class Handler(WSGIHandler):  # type: ignore[misc] # gevent has no types
    """One connection, given up where nothing moves on it."""

    def handle(self) -> None:
        """Serve it to its end."""
        self.socket.settimeout(PATIENCE_S)
        super().handle()

    def handle_error(self, kind: type[BaseException], failure: BaseException, trace: TracebackType) -> None:
        """Report what is ours; a connection that has gone is not."""
        if isinstance(failure, OSError):
            self.close_connection = True
        else:
            super().handle_error(kind, failure, trace)


class Listener:
    """A port that is taken. Raises ConfigError, which names `flag`, where it cannot be."""

    def __init__(self, host: str, port: int, flag: str) -> None:
        self._socket = _open(host, port, flag)
        self._server: WSGIServer | None = None
        self.host, self.port = self._socket.getsockname()[:2]

    def serve(self, app: WSGIApplication) -> None:
        """Begin to answer. Nothing is logged: every path holds the token."""
        environ = {"SERVER_NAME": self.host}  # else gevent asks the resolver
        self._server = WSGIServer(
            self._socket, app, log=None, error_log=None, handler_class=Handler, spawn=Pool(CONNECTIONS), environ=environ
        )
        self._server.start()

    def close(self) -> None:
        """Let go of the port and of every connection, those that are being answered after a moment."""
        if self._server is not None:
            self._server.stop(_STOP_S)
        self._socket.close()


def address_of(host: str, port: int) -> str:
    """Host and port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _open(host: str, port: int, flag: str) -> gevent.socket.socket:
    family = gevent.socket.AF_INET6 if ":" in host else gevent.socket.AF_INET
    listener = gevent.socket.socket(family, gevent.socket.SOCK_STREAM)
    try:
        # Else the port stays taken for a minute after the last run.
        listener.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as failure:
        listener.close()
        place = address_of(host, port)
        raise ConfigError([ConfigProblem(flag, f"{place!r} cannot be listened at: {failure.strerror}")]) from None
    return listener
