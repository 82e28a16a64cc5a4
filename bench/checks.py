"""What expectations cost: CPU of the engine for each request, in turn without and with each kind, against the same nginx.

python -m bench.checks [--rounds 5] [--seconds 3] [--rate 5000] [--workers 16]

The answer is a JSON object of about a kilobyte, which is what an API sends. At full speed and at a rate.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.measure import machine, request_cpu_us, spread, summary_of
from bench.servers import free_port, start_nginx

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER_CORE = 0
ITEMS: Final = [{"id": number, "name": f"item {number}", "price": 9.5, "tags": ["a", "b"]} for number in range(16)]
BODY: Final = json.dumps({"ok": True, "items": ITEMS})
CHECKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "nothing": {},
    "status": {"status": 200},
    "headers": {"headers": {"content-type": "application/json"}},
    "bodyContains": {"bodyContains": '"id": 15'},
    "json": {"json": {"$.ok": True}},
    "json, 3 places": {"json": {"$.ok": True, "$.items[0].id": 0, "$.items[-1].name": "item 15"}},
    "bodyMatches": {"bodyMatches": '"id": 15[^0-9]'},
}
NGINX: Final = """daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; types {{ }} default_type application/json;
server {{ listen 127.0.0.1:{port}; root {folder}; }} }}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=16)
    arguments = parser.parse_args()
    print(machine())
    print(f"a body of {len(BODY)} bytes")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        Path(folder, "answer").write_text(BODY, encoding="ascii")
        process = start_nginx(folder, NGINX.format(folder=folder, port=port), SERVER_CORE)
        try:
            for rate in (None, arguments.rate):
                _compare(Path(folder, "config.json"), f"http://127.0.0.1:{port}/answer", rate, arguments)
        finally:
            process.terminate()
            process.wait(10)


def _compare(file: Path, url: str, rate: int | None, arguments: argparse.Namespace) -> None:
    print(f"{rate} RPS" if rate else "full speed")
    load = {"workers": arguments.workers, "duration": arguments.seconds, **({"rps": rate} if rate else {})}
    costs: dict[str, list[float]] = {name: [] for name in CHECKS}
    for _ in range(arguments.rounds):
        for name, expect in CHECKS.items():
            costs[name].append(_microseconds(file, {**load, "requests": [{"url": url, "expect": expect}]}))
    for name, found in costs.items():
        ratios = [one / bare for one, bare in zip(found, costs["nothing"], strict=True)]
        print(f"  {name:16} µs of CPU {spread(found)}, / nothing {spread(ratios)}", flush=True)


def _microseconds(config: Path, document: dict[str, Any]) -> float:
    """CPU of the engine for each request of one run, every one of which must have succeeded."""
    summary = summary_of(config, document)
    if summary["global"]["requestsSucceeded"] != summary["global"]["requestsMade"]:
        sys.exit(f"not every response was a success: {summary['global']}")
    return request_cpu_us(summary)


if __name__ == "__main__":
    main()
