"""What the soak sends its load to, and the faults: an nginx that logs each request it has answered, and a server that tears.

The log has a line of nine bytes for each request, `/042 200`: its length is the count of requests at any moment, and its
lines say which endpoint had which status how often. It is written without a buffer, so a killed nginx loses no line of it.
It takes all connections that wait at once: by itself it takes one in each round of its loop, so that on a busy machine, after
a fault that closes all of them, the last are taken only when their requests have timed out.
"""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.measure import engines, tree
from bench.servers import free_port, start_nginx

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

ENDPOINTS: Final = 100
SICK: Final = 98  # the endpoint that answers 500 while it is told to
TEARING: Final = 99  # the one of the server that can close in mid-body
LINE_BYTES: Final = 9
STILL_S: Final = 1.0  # how long a process stands still
ILL_S: Final = 5.0  # how long an endpoint is ill
NGINX_WITHIN_S: Final = 10.0

_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; multi_accept on; }}
http {{
    log_format counted "$uri $status";
    access_log {folder}/counted counted;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=8192;
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
        location = /{sick:03d} {{
            default_type text/plain;
            if (-f {folder}/sick) {{ return 500; }}
            return 200 "hello world\\n";
        }}
    }}
}}
"""


class Nginx:
    """An nginx that counts what it answers, and can be told to fail."""

    def __init__(self, folder: str) -> None:
        self.port = free_port()
        self._folder = Path(folder)
        self._config = _CONFIG.format(folder=folder, port=self.port, sick=SICK)
        self._counted = self._folder / "counted"
        self._offset = 0
        self._by_answer: Counter[tuple[int, int]] = Counter()
        self._process = self._start()

    @property
    def requests(self) -> int:
        """Requests that have been answered up to now."""
        return self._counted.stat().st_size // LINE_BYTES

    def by_answer(self) -> Counter[tuple[int, int]]:
        """How often each endpoint, by its number, was answered with each status. Reads on where it was before."""
        with self._counted.open("rb") as log:
            log.seek(self._offset)
            lines = Counter(log.read().splitlines())
            self._offset = log.tell()
        for line, count in lines.items():
            endpoint, status = line[1:].split()
            self._by_answer[int(endpoint), int(status)] += count
        return self._by_answer

    def reload(self) -> None:
        """Have new workers take over; the old ones close their connections as they come to rest."""
        self._process.send_signal(signal.SIGHUP)

    def stand_still(self) -> None:
        """Stop master and workers, until `go_on`."""
        send(signal.SIGSTOP, tree(self._process.pid))

    def go_on(self) -> None:
        """Go on where it stood."""
        send(signal.SIGCONT, tree(self._process.pid))

    def kill_worker(self) -> None:
        """Kill the worker; the master starts another."""
        send(signal.SIGKILL, tree(self._process.pid)[1:])

    def restart(self) -> None:
        """End it at once, with its connections, and start another."""
        self.close()
        self._process = self._start()

    def set_sick(self, *, sick: bool) -> None:
        """Have one endpoint answer 500, or no longer."""
        if sick:
            (self._folder / "sick").touch()
        else:
            (self._folder / "sick").unlink()

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(NGINX_WITHIN_S)

    def _start(self) -> subprocess.Popen[bytes]:
        process = start_nginx(str(self._folder), self._config)
        limit = time.monotonic() + NGINX_WITHIN_S
        while time.monotonic() < limit and process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return process
            time.sleep(0.01)
        raise RuntimeError("nginx does not listen")


class TearingServer:
    """A server of one small answer that can break it off in the middle of the body. Counts both."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.tearing = threading.Event()
        self._lock = threading.Lock()
        self.whole = 0
        self.torn = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            waiting = b""
            while data := connection.recv(4096):
                waiting += data
                while b"\r\n\r\n" in waiting:
                    _, _, waiting = waiting.partition(b"\r\n\r\n")
                    if self._answer(connection):
                        return

    def _answer(self, connection: socket.socket) -> bool:
        """Answer one request; whether the answer was torn, and the connection with it is to be closed."""
        torn = self.tearing.is_set()
        with self._lock:
            self.torn += torn
            self.whole += not torn
        length = 100 if torn else 12
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nhello world\n" % length)
        return torn


@dataclass(frozen=True)
class Place:
    """All that a fault can be done to."""

    nginx: Nginx
    tearing: TearingServer
    command: int  # the process of `tressi run`

    @property
    def urls(self) -> list[str]:
        """Of all endpoints, in their order."""
        numbered = [f"http://127.0.0.1:{self.nginx.port}/{number:03d}" for number in range(TEARING)]
        return [*numbered, f"http://127.0.0.1:{self.tearing.port}/{TEARING:03d}"]


@dataclass(frozen=True)
class Fault:
    """What is done to the target or to the load, and how it is undone after so many seconds."""

    name: str
    begin: Callable[[Place], object]
    end: Callable[[Place], object] = lambda _: None
    seconds: float = 0.0


FAULTS: Final = (
    Fault("nginx reloads", lambda place: place.nginx.reload()),
    Fault("nginx stands still for 1 s", lambda place: place.nginx.stand_still(), lambda place: place.nginx.go_on(), STILL_S),
    Fault("nginx is restarted", lambda place: place.nginx.restart()),
    Fault(
        "an endpoint answers 500 for 5 s",
        lambda place: place.nginx.set_sick(sick=True),
        lambda place: place.nginx.set_sick(sick=False),
        ILL_S,
    ),
    Fault(
        "an endpoint closes in mid-body for 5 s",
        lambda place: place.tearing.tearing.set(),
        lambda place: place.tearing.tearing.clear(),
        ILL_S,
    ),
    Fault(
        "the engine stands still for 1 s",
        lambda place: send(signal.SIGSTOP, engines(place.command)),
        lambda place: send(signal.SIGCONT, engines(place.command)),
        STILL_S,
    ),
    Fault("nginx's worker is killed", lambda place: place.nginx.kill_worker()),
    Fault(
        "the command stands still for 1 s",
        lambda place: send(signal.SIGSTOP, [place.command]),
        lambda place: send(signal.SIGCONT, [place.command]),
        STILL_S,
    ),
)


def send(number: int, pids: list[int]) -> None:
    """Send a signal to processes, of which one may have ended meanwhile."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def target() -> Iterator[tuple[Nginx, TearingServer]]:
    """Both servers, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="tressi-bench-") as folder:
        nginx = Nginx(folder)
        tearing = TearingServer()
        try:
            yield nginx, tearing
        finally:
            tearing.close()
            nginx.close()
