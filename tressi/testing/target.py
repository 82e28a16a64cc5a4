"""The embedded target: a small HTTP server on loopback whose endpoints behave in known ways.

`/fast` answers at once, `/slow` after 50 ms, `/flaky` with 503 every tenth time on average, and `/tide` after a latency that
rises from 20 ms to 60 ms and falls again. Beside these it has a small shop to log in to, see `testing.shop`.
`python -m tressi.testing.target --port 0` prints its address and serves.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import signal
import stat
import subprocess
import time
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from gevent.fileobject import FileObject
from gevent.server import StreamServer

from tressi.errors import TressiError
from tressi.isolation import command_of, environment
from tressi.testing.shop import BODY_LIMIT, TOKEN_SECONDS, Answer, Asked, Shop, is_of_the_shop

if TYPE_CHECKING:
    from types import TracebackType

    from gevent.socket import socket

SLOW_S = 0.050
FLAKY_SHARE = 0.1
TIDE_LOW_S, TIDE_HIGH_S = 0.020, 0.060
HEAD_END = b"\r\n\r\n"
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
    """Serves `behaviour`, and a shop, on a port, of loopback unless `host` says otherwise; 0 lets the system choose one."""

    def __init__(self, behaviour: Behaviour, port: int = 0, host: str = "127.0.0.1", shop: Shop | None = None) -> None:
        self._behaviour = behaviour
        self._shop = shop or Shop()
        self._host = f"[{host}]" if ":" in host else host
        self._server = StreamServer((host, port), self._serve, backlog=4096)

    def start(self) -> str:
        """Listen; returns the base URL. Raises OSError."""
        self._server.start()
        return f"http://{self._host}:{self._server.address[1]}"

    def stop(self) -> None:
        """Close the listener and every connection."""
        self._server.stop()

    def _serve(self, connection: socket, _address: object) -> None:
        # A client may leave at any moment, in the middle of a request too.
        with suppress(OSError):
            reader = _Reader(connection)
            while (head := reader.head()) is not None and self._answer(connection, head, reader.body):
                pass

    def _answer(self, connection: socket, head: bytes, body: bytes) -> bool:
        """Answer one request; says whether the connection goes on."""
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0].decode("latin-1")
        status, latency_s = self._behaviour.answer(target, time.monotonic())
        if latency_s > 0:
            gevent.sleep(latency_s)
        closes = b"\r\nconnection: close" in head.lower()
        if status == _NOT_FOUND and is_of_the_shop(target):
            answer = self._shop.answer(Asked(method.decode("latin-1"), target, _fields(head), body), time.monotonic())
            connection.sendall(_written(answer, with_body=method != b"HEAD", closes=closes))
        else:
            connection.sendall(_response(status, with_body=method != b"HEAD", closes=closes))
        return not closes


class _Reader:
    """The requests of one connection, pipelined ones too. Bodies need a Content-Length; all but those to the shop are skipped.

    `body` is that of the last request, where it was kept: of one that is too long a byte more than the shop takes.
    """

    def __init__(self, connection: socket) -> None:
        self._connection = connection
        self._waiting = b""
        self.body = b""

    def head(self) -> bytes | None:
        """Read one request and return its head; None where the connection has ended, or the head never does."""
        while (end := self._waiting.find(HEAD_END)) < 0:
            if len(self._waiting) > HEAD_LIMIT or not self._receive():
                return None
        head, self._waiting = self._waiting[:end], self._waiting[end + len(HEAD_END) :]
        self.body = b""
        body_bytes = _content_length(head)
        if body_bytes and head.startswith(_WITH_BODY):
            kept_bytes = min(body_bytes, BODY_LIMIT + 1)
            if not self._keep(kept_bytes):
                return None
            body_bytes -= kept_bytes
        return head if self._skip(body_bytes) else None

    def _keep(self, body_bytes: int) -> bool:
        while len(self._waiting) < body_bytes:
            if not self._receive():
                return False
        self.body, self._waiting = self._waiting[:body_bytes], self._waiting[body_bytes:]
        return True

    def _skip(self, body_bytes: int) -> bool:
        while len(self._waiting) < body_bytes:
            body_bytes -= len(self._waiting)
            self._waiting = b""
            if not self._receive():
                return False
        self._waiting = self._waiting[body_bytes:]
        return True

    def _receive(self) -> bool:
        data = self._connection.recv(READ_BYTES)
        self._waiting += data
        return bool(data)


_NOT_FOUND = 404
_WITH_BODY = (b"POST /login", b"POST /cart", b"POST /form")  # requests to the shop that say something in it
_REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}


@cache
def _response(status: int, *, with_body: bool, closes: bool) -> bytes:
    body = f'{{"status": {status}}}\n'.encode("ascii")
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += ["Connection: close"] if closes else []
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (body if with_body else b"")


def _written(answer: Answer, *, with_body: bool, closes: bool) -> bytes:
    """An answer of the shop as it is sent; one without content has no length (RFC 9110 8.6)."""
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        *(f"{name}: {value}" for name, value in answer.fields),
    ]
    lines += [f"Content-Length: {len(answer.body)}"] if answer.status != HTTPStatus.NO_CONTENT else []
    lines += ["Connection: close"] if closes else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (answer.body if with_body else b"")


def _fields(head: bytes) -> dict[str, str]:
    """The fields of a head, names in small letters."""
    named = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in named}


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


class Target:
    """The embedded target in a process of its own, for as long as the block lasts; the block gets its base URL.

    `period_s` is the period of the tide. Raises TressiError where it cannot be started.
    """

    def __init__(self, period_s: float = 20.0) -> None:
        self._command = command_of("tressi.testing.target", "--port", "0", "--period", str(period_s))

    def __enter__(self) -> str:
        # It serves until its standard input ends: with us at the latest.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=environment(),
        )
        base_url = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not base_url:
            self._end()
            raise TressiError(f"the embedded target did not start (exit status {self._process.returncode})")
        return base_url

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        self._process.communicate()


def _is_lifeline(descriptor: int) -> bool:
    """Whether the other end is someone whose end we would see; a terminal, a file and /dev/null tell nothing."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _end_with(descriptor: int, ended: Event) -> None:
    FileObject(descriptor, "rb", closefd=False).read()
    ended.set()


def main() -> None:
    """Serve until a signal comes or, where standard input is a pipe, until that ends."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--period", type=float, default=20.0, metavar="S", help="seconds from one low tide to the next")
    parser.add_argument("--token-requests", type=int, metavar="N", help="requests that a token of the shop is good for")
    parser.add_argument("--token-seconds", type=float, default=TOKEN_SECONDS, metavar="S", help="seconds that it is good for")
    arguments = parser.parse_args()
    shop = Shop(arguments.token_requests, arguments.token_seconds)
    server, ended = Server(Behaviour(arguments.period), arguments.port, shop=shop), Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, ended.set)
    print(server.start(), flush=True)  # noqa: T201 - the address is the result
    if _is_lifeline(0):
        gevent.spawn(_end_with, 0, ended)
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main()
