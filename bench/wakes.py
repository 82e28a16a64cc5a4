"""What an answer costs nginx, and how often the kernel wakes the client for it: wrk and tressi in turn.

    python -m bench.wakes [--rounds 5] [--path /large] [--connections 64]

Where nginx's core is full, its throughput is what an answer costs nginx. A client that has read all there is sleeps, and the
core that sends the next segment pays for waking it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import WARM_UP_S, cpu_ns, machine, own_cpu_ns, spread, tree
from bench.servers import nginx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.servers import Nginx

SERVER_CORE, CLIENT_CORE = 0, 1
SPAN_S = 3.0
WORDS = {
    "rps": "requests per second",
    "server_us": "CPU µs of nginx for an answer",
    "client_us": "CPU µs of the client for an answer",
    "server_busy": "share of its core that nginx took",
    "sleeps": "times that the client slept for an answer",
}


@dataclass(frozen=True)
class Answer:
    """What one run says of an answer."""

    rps: float
    server_us: float
    client_us: float
    server_busy: float
    sleeps: float


def worker() -> int:
    """The process of nginx that answers."""
    return next(one for one in tree(os.getpid()) if Path(f"/proc/{one}/cmdline").read_bytes().startswith(b"nginx: worker"))


def sleeps(pid: int) -> int:
    """How often the threads of a process and its descendants have gone to sleep of themselves."""
    lines = (
        line
        for one in tree(pid)
        for task in Path(f"/proc/{one}/task").iterdir()
        for line in (task / "status").read_text().splitlines()
    )
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def answered(command: Sequence[str], server: Nginx) -> Answer:
    """Run a client on its core, and read both sides twice in the middle."""
    process = subprocess.Popen(
        ["taskset", "-c", str(CLIENT_CORE), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(WARM_UP_S)
        before = (server.requests(), own_cpu_ns(worker()), cpu_ns(process.pid), sleeps(process.pid), time.monotonic())
        time.sleep(SPAN_S)
        after = (server.requests(), own_cpu_ns(worker()), cpu_ns(process.pid), sleeps(process.pid), time.monotonic())
    finally:
        process.terminate()
        process.wait(30)
    count, server_ns, client_ns, slept, span_s = (one - other for one, other in zip(after, before, strict=True))
    return Answer(count / span_s, server_ns / 1e3 / count, client_ns / 1e3 / count, server_ns / 1e9 / span_s, slept / count)


def main() -> None:
    """Both clients in turn, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--path", default="/large", help="/large is an answer of 64 KiB, / one of 12 bytes")
    parser.add_argument("--connections", type=int, default=64)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    print(machine())
    seconds = round(WARM_UP_S + SPAN_S + 3)
    with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as folder:
        url = server.url + arguments.path
        config = Path(folder, "full-speed.json")
        document = {"requests": [{"url": url}], "workers": arguments.connections, "duration": seconds}
        config.write_text(json.dumps(document), encoding="ascii")
        clients = {
            "tressi": [sys.executable, "-m", "tressi", "run", str(config), "--quiet"],
            "wrk": ["wrk", "-t1", f"-c{arguments.connections}", f"-d{seconds}", url],
        }
        found: dict[str, list[Answer]] = {name: [] for name in clients}
        for _ in range(arguments.rounds):
            for name, command in clients.items():
                found[name].append(answered(command, server))
    print(f"{'medians':42s} {'tressi':>10s} {'wrk':>10s}   tressi / wrk of each round")
    for field in fields(Answer):
        ours, theirs = ([getattr(one, field.name) for one in runs] for runs in found.values())
        ratios = spread([one / other for one, other in zip(ours, theirs, strict=True) if other])
        print(f"{WORDS[field.name]:42s} {statistics.median(ours):10,.2f} {statistics.median(theirs):10,.2f}   {ratios}")


if __name__ == "__main__":
    main()
