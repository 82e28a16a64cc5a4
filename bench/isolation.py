"""A fast endpoint alone, and beside a slow, a silent and a refusing one: whether it loses rate or latency.

Run as: python -m bench.isolation [--rounds 5] [--seconds 4]
"""

from __future__ import annotations

import argparse
import socket
import statistics
from contextlib import closing

from bench.measure import machine, run_tressi, spread
from bench.servers import free_port, nginx
from tressi.testing.target import Target

SERVER_CORE, CLIENT_CORE = 0, 1
FAST_RPS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    arguments = parser.parse_args()
    print(machine())
    silent = socket.create_server(("127.0.0.1", 0), backlog=64)
    with nginx(SERVER_CORE) as server, Target() as slow, closing(silent):
        fast = _endpoint(server.url + "/", FAST_RPS, 8)
        others = [
            _endpoint(f"{slow}/slow", 100, 20),
            {**_endpoint(f"http://127.0.0.1:{silent.getsockname()[1]}/", 100, 20), "timeout": 0.5},
            _endpoint(f"http://127.0.0.1:{free_port()}/", 100, 20),
        ]
        rounds = []
        for number in range(arguments.rounds):
            alone = _run([fast], arguments.seconds)
            beside = _run([fast, *others], arguments.seconds)
            rounds.append((alone, beside))
            print(f"round {number + 1}: alone {_row(alone)}   beside the others {_row(beside)}", flush=True)
    print(f"rate, beside / alone: {spread([b['requestsMade'] / a['requestsMade'] for a, b in rounds])}")
    for percentile in ("p50", "p99"):
        ratios = [b["serviceTimeMs"][percentile] / a["serviceTimeMs"][percentile] for a, b in rounds]
        print(f"{percentile}, beside / alone:  {spread(ratios)}")
    print(f"median p99 alone {statistics.median(a['serviceTimeMs']['p99'] for a, _ in rounds):.3f} ms")


def _endpoint(url: str, rate: int, workers: int) -> dict:
    return {"url": url, "autoscale": {"enabled": True, "targetRps": rate, "maxWorkers": workers}}


def _run(requests: list[dict], seconds: int) -> dict:
    return run_tressi({"requests": requests, "workers": 100, "duration": seconds}, CLIENT_CORE)["endpoints"][0]


def _row(endpoint: dict) -> str:
    times = endpoint["serviceTimeMs"]
    return f"{endpoint['requestsMade']} requests, p50 {times['p50']:.3f}, p99 {times['p99']:.3f} ms"


if __name__ == "__main__":
    main()
