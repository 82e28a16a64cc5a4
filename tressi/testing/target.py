"""The embedded target: a small HTTP server on loopback whose endpoints behave in known ways.

`/fast` answers at once, `/slow` after 50 ms, `/flaky` with 503 every tenth time on average, and `/tide` after a latency that
rises from 20 ms to 60 ms and falls again. `python -m tressi.testing.target --port 0` prints its address and serves.
"""

from __future__ import annotations

import argparse
import math
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import gevent
from gevent.fileobject import FileObject
from gevent.server import StreamServer

if TYPE_CHECKING:
    from types import TracebackType

    from gevent.socket import socket

SLOW_S = 0.050
FLAKY_SHARE = 0.1
TIDE_LOW_S, TIDE_HIGH_S = 0.020, 0.060
HEAD_LIMIT = 65536
READ_BYTES = 65536


def tide_s(elapsed_s: float, period_s: float) -> float:
    """The latency of `/tide`: it rises and falls in the first two fifths of each period, and is low in the rest."""
    high_water_s = 0.4 * period_s
    elapsed_s %= period_s
    rise = 0.5 - 0.5 * math.cos(2 * math.pi * elapsed_s / high_water_s) if elapsed_s < high_water_s else 0.0
    return TIDE_LOW_S + (TIDE_HIGH_S - TIDE_LOW_S) * rise


class Behaviour:
    """What a path is answered with, and when. Seeded, so that a run can be repeated."""

    def __init__(self, period_s: float = 20.0, seed: int = 0) -> None:
        self._period_s = period_s
        self._random = random.Random(seed)  # noqa: S311 - no secret depends on it
        self._tide_began: float | None = None

    def answer(self, path: str, now: float) -> tuple[int, float]:
        """Status, and latency in seconds, of a request for `path` at `now`; the tide begins with its first request."""
        place = path.partition("?")[0]
        if place == "/slow":
            return 200, SLOW_S
        if place == "/flaky":
            return (503 if self._random.random() < FLAKY_SHARE else 200), 0.0
        if place == "/tide":
            self._tide_began = now if self._tide_began is None else self._tide_began
            return 200, tide_s(now - self._tide_began, self._period_s)
        return (200 if place in {"/", "/fast"} else 404), 0.0


class Server:
    """Serves `behaviour` on a loopback port; 0 lets the system choose one."""

    def __init__(self, behaviour: Behaviour, port: int = 0) -> None:
        self._behaviour = behaviour
        self._server = StreamServer(("127.0.0.1", port), self._serve, backlog=4096)

    def start(self) -> str:
        """Listen; returns the base URL."""
        self._server.start()
        return f"http://127.0.0.1:{self._server.address[1]}"

    def stop(self) -> None:
        """Close the listener and every connection."""
        self._server.stop()

    def _serve(self, connection: socket, _address: object) -> None:
        waiting = b""
        while True:
            head, found, waiting = waiting.partition(b"\r\n\r\n")
            if not found:
                try:
                    data = connection.recv(READ_BYTES)
                except OSError:
                    return
                if not data or len(head) > HEAD_LIMIT:
                    return
                waiting = head + data
                continue
            body_bytes = _content_length(head)
            while len(waiting) < body_bytes:
                data = connection.recv(READ_BYTES)
                if not data:
                    return
                waiting += data
            waiting = waiting[body_bytes:]
            if not self._answer(connection, head):
                return

    def _answer(self, connection: socket, head: bytes) -> bool:
        """Answer one request; False: the connection has ended."""
        method, _, rest = head.partition(b" ")
        status, latency_s = self._behaviour.answer(rest.partition(b" ")[0].decode("latin-1"), time.monotonic())
        if latency_s > 0:
            gevent.sleep(latency_s)
        closes = b"\r\nconnection: close" in head.lower()
        try:
            connection.sendall(_response(status, with_body=method != b"HEAD", closes=closes))
        except OSError:
            return False
        return not closes


_REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}


def _response(status: int, *, with_body: bool, closes: bool) -> bytes:
    body = f'{{"status": {status}}}\n'.encode("ascii")
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += ["Connection: close"] if closes else []
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (body if with_body else b"")


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


class Target:
    """The embedded target in a process of its own, for as long as the block lasts; the block gets its base URL."""

    def __init__(self, period_s: float = 20.0) -> None:
        self._command = [sys.executable, "-m", "tressi.testing.target", "--port", "0", "--period", str(period_s)]

    def __enter__(self) -> str:
        # It serves until its standard input ends: with us at the latest.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        if self._process.stdout is None:
            raise RuntimeError("the target has no standard output")
        return self._process.stdout.readline().strip()

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.communicate()


def main() -> None:
    """Serve until standard input ends, or a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--period", type=float, default=20.0, metavar="S", help="seconds from one low tide to the next")
    arguments = parser.parse_args()
    server = Server(Behaviour(arguments.period), arguments.port)
    print(server.start(), flush=True)  # noqa: T201 - the address is the result
    if sys.stdin is None or sys.stdin.isatty():
        gevent.wait()
    FileObject(sys.stdin.buffer if sys.stdin else None, "rb", closefd=False).read()


if __name__ == "__main__":
    main()
