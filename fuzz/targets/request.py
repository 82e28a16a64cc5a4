"""Requests to dashboard and Prometheus endpoint: any bytes on a connection are answered, or end it, without a 5xx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent
from dashboards import Steered
from gevent import socket
from summaries import resolved

from fuzz.target import Target
from tressi.ui.dashboard.watcher import Dashboard
from tressi.ui.prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Hashable

_KEY = "GET http://host/a"
_BOUND_S = 20.0
_PATH = b"/TOKEN/"
_servers: list[tuple[int, bytes]] = []

_JSON = b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
_JSON += b"Origin: http://127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n"
_SEEDS = [
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text;version=1.0.0;q=0.5\r\n\r\n",
    b"GET /TOKEN/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /TOKEN/past HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"GET /TOKEN/assets/style.css HTTP/1.1\r\nHost: [::1]\r\nRange: bytes=0-1\r\nIf-None-Match: x\r\n\r\n",
    b"GET /TOKEN/past/0?a=b HTTP/1.0\r\nHost: 127.0.0.1\r\nCookie: a=b; c\r\n\r\n",
    b"POST /TOKEN/target HTTP/1.1\r\nHost: h\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /TOKEN/target" + _JSON + b'Content-Length: 54\r\n\r\n{"endpointKey": "GET http://host/a", "targetRps": 1.5}',
    b"POST /TOKEN/pause" + _JSON + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
    b"GET /TOKEN/report HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nUpgrade: websocket\r\n\r\n",
]
_WORDS = (b"\r\n|\n| |:|GET |HEAD |POST |OPTIONS * |HTTP/1.1|HTTP/0.9|Host: localhost\r\n").split(b"|")
_WORDS += [
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: keep-alive\r\n",
    b"Expect: 100-continue\r\n",
]
_WORDS += (b"Origin: http://[\r\n|%00|%ff|%2f|\x00|\xff|0\r\n\r\n|/TOKEN/|../|//|?").split(b"|")
_WORDS += [b"9" * 5000]


def check(data: bytes) -> Hashable:
    """Send it to both, then nothing more, and read what comes."""
    if b"/events" in data:
        return "a stream does not end"
    return tuple(_statuses(port, data.replace(_PATH, path)) for port, path in _serving())


def _serving() -> list[tuple[int, bytes]]:
    if not _servers:
        dashboard, metrics = Dashboard(resolved(_KEY), Steered()), Prometheus("127.0.0.1", 0, print)
        dashboard.start(resolved(_KEY))
        metrics.start(resolved(_KEY))
        path = b"/" + dashboard.url.rsplit("/", 2)[1].encode() + b"/"
        _servers.extend([(dashboard._listener.port, path), (metrics._listener.port, _PATH)])  # noqa: SLF001 - no other way in
    return _servers


def _statuses(port: int, data: bytes) -> tuple[bytes, ...]:
    answer = b""
    with gevent.Timeout(_BOUND_S), socket.create_connection(("127.0.0.1", port)) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                answer += piece
        except ConnectionError:
            pass  # it has said no before all was sent
    statuses = tuple(line[9:12] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 "))
    assert not any(status.startswith(b"5") for status in statuses), answer
    return statuses[:3]


TARGET = Target("request", check, _SEEDS, _WORDS)
