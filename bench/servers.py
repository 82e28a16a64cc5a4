"""nginx as the target: one worker pinned to a core, a small answer, and its own count of requests."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from bench import job

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_rlimit_nofile {descriptors};
events {{ worker_connections 65000; }}
http {{
    access_log off;
    limit_req_zone $server_port zone=held:1m rate={held}r/s;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=8192;
        {secure}
        {http2}
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
        location /moved {{ return 302 /; }}
        location /status {{ stub_status; }}
        location /large {{ default_type text/plain; alias {folder}/large; }}
        location /users/ {{ default_type application/json; return 200 '{order}'; }}
        location /held {{ limit_req zone=held burst=60000; default_type text/plain; alias {folder}/small; }}
    }}
    {logged}
    {ending}
}}
"""

# The same answers, with a line in the log for each request: nginx reads a body only to hand it on.
_LOGGED = """
    log_format job escape=json '{format}';
    upstream target {{ server 127.0.0.1:{target}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{port} backlog=8192;
        access_log {log} job;
        client_body_in_single_buffer on;
        location / {{ proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
"""

_SECURE = """
        listen 127.0.0.1:{port} ssl backlog=8192;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/certificate.key;
"""

_HTTP2 = """
        listen 127.0.0.1:{h2c} http2 backlog=8192;
        listen 127.0.0.1:{h2} ssl http2 backlog=8192;
"""

# As nginx comes: after so many requests it ends a connection, over HTTP/2 by a GOAWAY.
_ENDING = """
    server {{
        listen 127.0.0.1:{ends} backlog=8192;
        listen 127.0.0.1:{ends_h2c} http2 backlog=8192;
        keepalive_requests 1000;
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
    }}
"""


# Answers a second under /held, however many ask: each waits its turn, so that all connections are in use below full speed.
HELD_RPS = 5000
# More than any bench asks for; the system's limit where it is lower, for an nginx that may not have what it asks for keeps
# the soft limit.
_DESCRIPTORS = 70_000


@dataclass(frozen=True)
class Status:
    """nginx's own counts since its start, the questions for them left out."""

    accepted: int  # connections
    requests: int
    active: int  # connections open at this moment


class Nginx:
    """A running nginx; `requests()` is its own count, the question itself left out."""

    def __init__(
        self,
        port: int,
        secure_port: int | None = None,
        log: tuple[int, Path] | None = None,
        spoken: dict[str, int] | None = None,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        # Where it speaks HTTP/2 and where it ends connections: "h2c", "h2", "ends", "ends_h2c".
        self.places = {name: f"{'https' if name == 'h2' else 'http'}://127.0.0.1:{one}" for name, one in (spoken or {}).items()}
        self.secure_url = f"https://127.0.0.1:{secure_port}"
        logged_port, self._log = log or (None, None)
        self.logged_url = f"http://127.0.0.1:{logged_port}"
        self._asked = 0

    def status(self) -> Status:
        """Connections and requests that nginx has taken since its start, by its stub_status."""
        self._asked += 1
        with urlopen(f"{self.url}/status", timeout=30) as answer:
            words = answer.read().split()
        return Status(int(words[7]) - self._asked, int(words[9]) - self._asked, int(words[2]) - 1)

    def logged(self) -> list[str]:
        """The lines that the log has got since it was asked last."""
        if self._log is None:
            return []
        lines = self._log.read_text(encoding="utf-8").splitlines()
        os.truncate(self._log, 0)  # nginx appends to it
        return lines

    def requests(self) -> int:
        """Requests that nginx has taken since its start."""
        return self.status().requests


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(core: int, *, secure: bool = False, logged: bool = False, http2: bool = False) -> Iterator[Nginx]:
    """Run nginx on `core` until the block ends.

    `secure` adds an HTTPS listener with a certificate of its own, `logged` one whose requests are written into a log, `http2`
    those of HTTP/2 (without TLS and with it, which needs `secure`) and two that end a connection after 1,000 requests.
    """
    with tempfile.TemporaryDirectory(prefix="tressi-bench-") as folder:
        port, secure_port = free_port(), free_port() if secure else None
        listen = _secure_listener(folder, secure_port) if secure_port else ""
        written = (free_port(), Path(folder, "job.log")) if logged else None
        log = _LOGGED.format(format=job.LOG, port=written[0], log=written[1], target=port) if written else ""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        descriptors = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
        spoken = {name: free_port() for name in ("h2c", "h2", "ends", "ends_h2c")} if http2 else {}
        more = (_HTTP2.format(**spoken), _ENDING.format(**spoken)) if http2 else ("", "")
        given = {"secure": listen, "logged": log, "order": job.ANSWER.decode(), "held": HELD_RPS}
        given |= {"http2": more[0], "ending": more[1]}
        text = _CONFIG.format(folder=folder, port=port, descriptors=descriptors, **given)
        Path(folder, "small").write_bytes(b"hello world\n")
        Path(folder, "large").write_bytes(b"x" * 65536)
        process = start_nginx(folder, text, core)
        try:
            server = Nginx(port, secure_port, written, spoken)
            _await(server)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def start_nginx(folder: str, config: str, core: int | None = None) -> subprocess.Popen[bytes]:
    """Start an nginx in `folder` with this config, on `core` alone where one is named; the program that calls this ends it."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    Path(folder, "nginx.conf").write_text(config, encoding="ascii")
    Path(folder).chmod(0o755)  # the worker of an nginx that root starts is somebody else
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    return subprocess.Popen([*pinned, binary, "-c", f"{folder}/nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)


def make_certificate(folder: str, name: str, *addresses: str) -> None:
    """Write `NAME.pem` and `NAME.key`: a certificate of two days for these IP addresses that has signed itself."""
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]
    command += ["-subj", f"/CN={addresses[0] if addresses else name}"]
    if addresses:
        command += ["-addext", "subjectAltName=" + ",".join(f"IP:{address}" for address in addresses)]
    command += ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"]
    subprocess.run(command, check=True, capture_output=True)


def _secure_listener(folder: str, port: int) -> str:
    make_certificate(folder, "certificate", "127.0.0.1")
    return _SECURE.format(folder=folder, port=port).strip()


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
