"""The rate asked for against the server's own count, for one endpoint at many rates and for many endpoints at once.

Beside it how late the starts were sent, and how many were missed.

python -m bench.rate_kept [--seconds 5]
"""

from __future__ import annotations

import argparse

from bench.measure import machine, run_tressi
from bench.servers import Nginx, nginx

SERVER_CORE, CLIENT_CORE = 0, 1
RATES = (10, 100, 1000, 5000, 10_000, 20_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    seconds = parser.parse_args().seconds
    print(machine())
    with nginx(SERVER_CORE) as server:
        for rate in RATES:
            _row(f"1 endpoint at {rate} RPS", server, [rate], seconds)
        _row("3 endpoints at 200, 500, 1000 RPS", server, [200, 500, 1000], seconds)
        _row("100 endpoints at 100 RPS", server, [100] * 100, seconds)


def _row(name: str, server: Nginx, rates: list[int], seconds: int) -> None:
    requests = [
        {"url": f"{server.url}/{number}", "autoscale": {"enabled": True, "targetRps": rate, "maxWorkers": 64}}
        for number, rate in enumerate(rates)
    ]
    before = server.requests()
    summary = run_tressi({"requests": requests, "workers": 64 * len(rates), "duration": seconds}, CLIENT_CORE)
    counted = server.requests() - before
    asked = sum(rates) * seconds
    pairs = zip(summary["endpoints"], rates, strict=True)
    worst = max(abs(endpoint["requestsMade"] / (rate * seconds) - 1) for endpoint, rate in pairs)
    off = counted / asked - 1
    late_ms, missed = summary["generator"]["lateSendsMs"]["p99"], summary["global"]["requestsMissed"]
    print(
        f"{name:36s} asked {asked:7d}  counted {counted:7d}  {off:+.3%}  worst endpoint {worst:.3%}"
        f"  sent late p99 {late_ms:.3f} ms  missed {missed}",
        flush=True,
    )


if __name__ == "__main__":
    main()
