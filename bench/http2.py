"""HTTP/2 without TLS: tressi against h2load, and what nginx's GOAWAYs cost each of them.

python -m bench.http2 [--rounds 3] [--seconds 3] [--away 30]

nginx is on core 0 and counts the requests, one client at a time is on core 1. The first table is of connections and streams,
with a nginx that ends no connection; the second is 10 x 10 against one that ends each after 1,000 requests, as it does unless
it is told otherwise; the last is of fixed rates. h2load is in Debian's nghttp2-client; without it tressi runs alone.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from bench.measure import WARM_UP_S, machine, measure, per_cpu_second, shown, summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER_CORE, CLIENT_CORE = 0, 1
SHAPES = ((1, 1), (10, 10), (10, 100), (100, 10))
RATES = (1_000, 10_000)

_CONFIG = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{status}; location / {{ stub_status; }} }}
    server {{
        listen 127.0.0.1:{kept} http2 backlog=4096;
        keepalive_requests 1000000000;
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
    }}
    server {{
        listen 127.0.0.1:{away} http2 backlog=4096;
        location / {{ default_type text/plain; return 200 "hello world\\n"; }}
    }}
}}
"""


@dataclass(frozen=True)
class Server:
    """An nginx with a port that keeps connections, one that ends them after 1,000 requests, and one that counts."""

    kept: str
    away: str
    status: str

    def requests(self) -> int:
        """Requests so far, the questions for them left out."""
        with urlopen(self.status) as answer:
            return int(re.findall(rb"^ \d+ \d+ (\d+)", answer.read(), re.MULTILINE)[0])


@contextmanager
def nginx() -> Iterator[Server]:
    """It is ready when the block is entered."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        sys.exit("nginx is missing: apt-get install nginx-light")
    with tempfile.TemporaryDirectory() as folder:
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        status, kept, away = (listener.getsockname()[1] for listener in listeners)
        for listener in listeners:
            listener.close()
        config = Path(folder, "nginx.conf")
        config.write_text(_CONFIG.format(folder=folder, status=status, kept=kept, away=away), encoding="ascii")
        command = ["taskset", "-c", str(SERVER_CORE), program, "-c", str(config), "-p", folder]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        server = Server(*(f"http://127.0.0.1:{port}/" for port in (kept, away, status)))
        try:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                try:
                    server.requests()
                    break
                except OSError:
                    time.sleep(0.05)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def document(url: str, connections: int, streams: int, seconds: float, **more: Any) -> dict[str, Any]:
    """A config with as many lanes as there are places."""
    return {
        "protocol": "h2c",
        "http2": {"streams": streams, "connections": connections},
        "requests": [{"url": url}],
        "workers": connections * streams,
        "duration": math.ceil(seconds),
        **more,
    }


def shapes(server: Server, rounds: int, seconds: float, folder: Path) -> None:
    """CPU for each request, by connections and streams."""
    peer = shutil.which("h2load")
    lasts = math.ceil(WARM_UP_S + seconds + 3)
    print(f"\n{'connections x streams':22s} {'tressi':>26s} {'h2load':>26s}   requests per CPU second, tressi / h2load")
    for connections, streams in SHAPES:
        config = folder / f"{connections}x{streams}.json"
        config.write_text(json.dumps(document(server.kept, connections, streams, lasts)), encoding="ascii")
        ours, theirs = [], []
        for _ in range(rounds):
            command = [sys.executable, "-m", "tressi", "run", str(config), "--quiet"]
            ours.append(measure(command, server, seconds, CLIENT_CORE))  # type: ignore[arg-type] # it counts as an Nginx does
            if peer:
                command = [peer, "-t1", f"-c{connections}", f"-m{streams}", f"-D{lasts}", server.kept]
                theirs.append(measure(command, server, seconds, CLIENT_CORE))  # type: ignore[arg-type] # likewise
        columns = f"{shown(ours):>26s} {shown(theirs):>26s}   {per_cpu_second(ours, theirs)}"
        print(f"{connections:>10d} x {streams:<9d} {columns}", flush=True)


def away(server: Server, seconds: float, folder: Path) -> None:
    """Failures where the server ends connections, 10 x 10."""
    summary = summary_of(folder / "away.json", document(server.away, 10, 10, seconds), core=CLIENT_CORE)
    whole, (one,) = summary["global"], summary["endpoints"]
    print(
        f"\nnginx's keepalive_requests, {seconds:g} s, 10 x 10\n"
        f"tressi: {whole['requestsMade']:,} requests, {whole['requestsFailed']:,} failed,"
        f" {one['goaways']:,} GOAWAYs, {whole['retries']:,} sent again, {whole['connectionsOpened']:,} connections"
    )
    if peer := shutil.which("h2load"):
        command = ["taskset", "-c", str(CLIENT_CORE), peer, "-t1", "-c10", "-m10", f"-D{math.ceil(seconds)}", server.away]
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60).stdout
        print("h2load:", next((line for line in said.splitlines() if line.startswith("requests:")), said))


def rates(server: Server, seconds: float, folder: Path) -> None:
    """Starts that were due, and requests that were made."""
    print("\nfixed rates, 64 lanes, 10 streams a connection")
    for rate in RATES:
        asked = document(server.kept, 7, 10, seconds, rps=rate, workers=64)
        summary = summary_of(folder / "rate.json", asked, core=CLIENT_CORE)
        whole = summary["global"]
        print(
            f"{rate:>7,} RPS for {asked['duration']} s: {whole['requestsMade']:,} made, {whole['requestsMissed']:,} missed,"
            f" {whole['requestsFailed']:,} failed; service p50 {whole['serviceTimeMs']['p50']:.3f} ms,"
            f" late sends p99 {summary['generator']['lateSendsMs']['p99']:.3f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--away", type=float, default=30.0, help="seconds against a server that ends connections")
    arguments = parser.parse_args()
    print(machine())
    with nginx() as server, tempfile.TemporaryDirectory() as folder:
        shapes(server, arguments.rounds, arguments.seconds, Path(folder))
        away(server, arguments.away, Path(folder))
        rates(server, 5, Path(folder))


if __name__ == "__main__":
    main()
