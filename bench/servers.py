"""nginx as the target: one worker pinned to a core, a small answer, and its own count of requests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_rlimit_nofile 70000;
events {{ worker_connections 65000; }}
http {{
    access_log off;
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
        location /status {{ stub_status; }}
        location /large {{ default_type text/plain; alias {folder}/large; }}
    }}
}}
"""


class Nginx:
    """A running nginx; `requests()` is its own count, the question itself left out."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._asked = 0

    def requests(self) -> int:
        """Requests that nginx has taken since its start, by its stub_status."""
        self._asked += 1
        with urlopen(f"{self.url}/status", timeout=5) as answer:
            return int(answer.read().split()[9]) - self._asked


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(core: int) -> Iterator[Nginx]:
    """Run nginx on `core` until the block ends."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    with tempfile.TemporaryDirectory(prefix="tressi-bench-") as folder:
        port = free_port()
        Path(folder, "nginx.conf").write_text(_CONFIG.format(folder=folder, port=port), encoding="ascii")
        Path(folder, "large").write_bytes(b"x" * 65536)
        command = ["taskset", "-c", str(core), binary, "-c", f"{folder}/nginx.conf", "-p", folder]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            server = Nginx(port)
            _await(server)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def _await(server: Nginx) -> None:
    for _ in range(200):
        try:
            server.requests()
        except URLError:
            server._asked -= 1  # noqa: SLF001 - the question did not arrive
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("nginx does not answer")
