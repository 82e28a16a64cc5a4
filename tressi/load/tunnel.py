"""A tunnel through a proxy: CONNECT and its answer (RFC 9110 9.3.6), over whatever bytes go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from tressi._parser import ResponseParser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.request.call import Origin

_READ_BYTES: Final = 4096
_SUCCESS: Final = range(200, 300)


class Stream(Protocol):
    """Bytes both ways, cooperatively: a socket of gevent's, or what stands for one."""

    def sendall(self, data: bytes, /) -> object:
        """Send all of it. Raises OSError."""

    def recv(self, most: int, /) -> bytes:
        """Receive some; empty at the end. Raises OSError."""


def ask_for_tunnel(stream: Stream, origin: Origin, fields: Sequence[tuple[str, str]]) -> None:
    """Have the proxy at the other end connect to `origin`. Raises OSError."""
    host = origin.host.partition("%")[0]
    authority = f"[{host}]:{origin.port}" if ":" in host else f"{host}:{origin.port}"
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *(f"{name}: {value}" for name, value in fields), "", ""]
    stream.sendall("\r\n".join(lines).encode("latin-1"))
    parser = ResponseParser(0)
    # Like a response to HEAD, one to CONNECT ends with its head, whatever length it names.
    parser.reset(to_head=True)
    progress = "more"
    while progress == "more":
        data = stream.recv(_READ_BYTES)
        if not data:
            raise OSError("the connection ended before the answer to CONNECT")
        progress, _ = parser.feed(data)
    if progress == "broken":
        raise OSError(f"the answer to CONNECT is {parser.fault}")
    if parser.status not in _SUCCESS:
        raise OSError(f"status {parser.status} for CONNECT")
