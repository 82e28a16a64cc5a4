"""HTTP/2 without TLS: tressi against h2load where the client is the limit, and what nginx's GOAWAYs cost each of them.

python -m bench.http2 [--rounds 3] [--seconds 4] [--away 30]

The server is on core 0, one client at a time on core 1. The first table is of connections and streams with nghttpd, which
answers faster than nginx and says no count: each tool counts for itself, and both its count and the CPU time of its whole
process tree are differences of two runs of different length, so that neither its start nor its end is in them. Then 10 x 10
against an nginx that ends each connection after 1,000 requests, as it does unless it is told otherwise, and fixed rates.
`bench.compare` has more tools, with nginx. h2load and nghttpd are in Debian's nghttp2; without h2load tressi runs alone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Figures, machine, per_cpu_second, shown, spread, summary_of
from bench.peers_h2 import tressi_document
from bench.servers import free_port, nginx

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SERVER_CORE, CLIENT_CORE = 0, 1
SHAPES = ((1, 1), (10, 10), (10, 100), (100, 10))
RATES = (1_000, 10_000)
SHORT_S = 2
_DONE = re.compile(r"^requests: .* (\d+) succeeded", re.MULTILINE)


@contextmanager
def nghttpd() -> Iterator[str]:
    """A server of one thread with a file of 12 bytes; the address of that file."""
    program = shutil.which("nghttpd")
    if program is None:
        sys.exit("nghttpd is missing: apt-get install nghttp2-server")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "index.html").write_bytes(b"hello world\n")
        port = free_port()
        command = ["taskset", "-c", str(SERVER_CORE), program, "--no-tls", "-n1", "-a127.0.0.1", f"-d{folder}", str(port)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(10)


def cpu_of(command: Sequence[str], lasts: float) -> tuple[str, float]:
    """What a tool prints, and the CPU seconds of it and of all that it has waited for."""
    pinned = ["taskset", "-c", str(CLIENT_CORE), *command]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(pinned, stdout=said, stderr=subprocess.DEVNULL)
        until = time.monotonic() + lasts + 60
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > until:
                process.kill()
            time.sleep(0.02)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        said.seek(0)
        return said.read(), ended[2].ru_utime + ended[2].ru_stime


def ours(url: str, connections: int, streams: int, seconds: int, folder: Path) -> tuple[int, float]:
    """Requests that tressi made in a run of so many seconds, and the CPU seconds of all its processes."""
    config = folder / "shape.json"
    config.write_text(json.dumps(tressi_document(url, connections, streams, seconds, protocol="h2c")), encoding="ascii")
    said, cpu_s = cpu_of([sys.executable, "-m", "tressi", "run", str(config), "--quiet", "--json", "-"], seconds)
    whole = json.loads(said)["global"]
    if whole["requestsFailed"]:
        sys.exit(f"{whole['requestsFailed']} requests failed: {whole['errors']}")
    return whole["requestsMade"], cpu_s


def theirs(program: str, url: str, connections: int, streams: int, seconds: int) -> tuple[int, float]:
    """Likewise of h2load."""
    said, cpu_s = cpu_of([program, "-t1", f"-c{connections}", f"-m{streams}", f"-D{seconds}", url], seconds)
    found = _DONE.search(said)
    if found is None:
        sys.exit(f"h2load said no count:\n{said}")
    return int(found[1]), cpu_s


def between(short: tuple[int, float], long: tuple[int, float], seconds: float) -> Figures:
    """What the longer of two runs did more, in the seconds that it was longer."""
    requests = long[0] - short[0]
    return Figures(requests / seconds, (long[1] - short[1]) * 1e6 / max(1, requests))


def shapes(url: str, rounds: int, seconds: int, folder: Path) -> None:
    """Throughput and CPU for each request, by connections and streams."""
    peer = shutil.which("h2load")
    print(f"\n{'connections x streams':22s} {'tressi':>26s} {'h2load':>26s}   per CPU second, and throughput, tressi / h2load")
    for connections, streams in SHAPES:
        found: tuple[list[Figures], list[Figures]] = ([], [])
        for _ in range(rounds):
            lengths = (SHORT_S, SHORT_S + seconds)
            found[0].append(between(*(ours(url, connections, streams, length, folder) for length in lengths), seconds))
            if peer:
                found[1].append(between(*(theirs(peer, url, connections, streams, length) for length in lengths), seconds))
        faster = [own.rps / other.rps for own, other in zip(*found, strict=False)]
        columns = (
            f"{shown(found[0]):>26s} {shown(found[1]):>26s}   {per_cpu_second(*found)}   {spread(faster) if faster else '-'}"
        )
        print(f"{connections:>10d} x {streams:<9d} {columns}", flush=True)


def away(url: str, seconds: float, folder: Path) -> None:
    """Failures where the server ends connections, 10 x 10."""
    document = tressi_document(url, 10, 10, math.ceil(seconds), protocol="h2c")
    summary = summary_of(folder / "away.json", document, core=CLIENT_CORE)
    whole, (one,) = summary["global"], summary["endpoints"]
    print(
        f"\nnginx's keepalive_requests, {seconds:g} s, 10 x 10\n"
        f"tressi: {whole['requestsMade']:,} requests, {whole['requestsFailed']:,} failed,"
        f" {one['goaways']:,} GOAWAYs, {whole['retries']:,} sent again, {whole['connectionsOpened']:,} connections"
    )
    if peer := shutil.which("h2load"):
        command = ["taskset", "-c", str(CLIENT_CORE), peer, "-t1", "-c10", "-m10", f"-D{math.ceil(seconds)}", url]
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60).stdout
        print("h2load:", next((line for line in said.splitlines() if line.startswith("requests:")), said))


def rates(url: str, seconds: int, folder: Path) -> None:
    """Starts that were due, and requests that were made."""
    print("\nfixed rates, 64 lanes, 10 streams a connection")
    for rate in RATES:
        document = tressi_document(url, 7, 10, seconds, protocol="h2c", rps=rate) | {"workers": 64}
        summary = summary_of(folder / "rate.json", document, core=CLIENT_CORE)
        whole = summary["global"]
        print(
            f"{rate:>7,} RPS for {seconds} s: {whole['requestsMade']:,} made, {whole['requestsMissed']:,} missed,"
            f" {whole['requestsFailed']:,} failed; service p50 {whole['serviceTimeMs']['p50']:.3f} ms,"
            f" late sends p99 {summary['generator']['lateSendsMs']['p99']:.3f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="by which the longer run is longer")
    parser.add_argument("--away", type=float, default=30.0, help="seconds against a server that ends connections")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with nghttpd() as url:
            shapes(url, arguments.rounds, arguments.seconds, folder)
        with nginx(SERVER_CORE, secure=True, http2=True) as server:
            away(server.places["ends_h2c"], arguments.away, folder)
            rates(server.places["h2c"], 5, folder)


if __name__ == "__main__":
    main()
