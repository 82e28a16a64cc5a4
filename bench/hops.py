"""What redirects and a proxy cost: CPU of the engine for each attempt, beside two plain requests, against the same nginx.

python -m bench.hops [--rounds 5] [--seconds 3] [--workers 16]

An attempt that is redirected once is two requests over one connection; one through a plain proxy is one request, whose line
names the whole URL. nginx stands for the proxy: what the engine does does not depend on what a proxy does with the request.
Of each round the plain run comes first, then the others; the ratio is that of one attempt to two plain requests.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.measure import machine, request_cpu_us, spread, summary_of
from bench.servers import nginx

SERVER_CORE = 0


def main() -> None:
    """Run the rounds and print the ratios, with the figures that they are of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=16)
    arguments = parser.parse_args()
    print(machine())
    with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as name:
        shared = {"workers": arguments.workers, "duration": arguments.seconds}
        kinds: dict[str, dict[str, Any]] = {
            "plain": {"requests": [{"url": server.url}]},
            "redirects not met": {"requests": [{"url": server.url}], "followRedirects": True},
            "one redirect": {"requests": [{"url": server.url + "/moved"}], "followRedirects": True},
            "through a proxy": {"requests": [{"url": "http://target.invalid/"}], "proxy": server.url},
        }
        found: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(arguments.rounds):
            for kind, document in kinds.items():
                found[kind].append(_microseconds(Path(name, "config.json"), {**document, **shared}))
        for kind, times in found.items():
            ratios = [time / (2 * plain) for time, plain in zip(times, found["plain"], strict=True)]
            print(f"{kind:18} µs of CPU an attempt {spread(times)}, to two plain requests {spread(ratios)}", flush=True)


def _microseconds(config: Path, document: dict[str, Any]) -> float:
    """CPU of the engine for each attempt of one run; where it was to be redirected, every attempt must have been."""
    summary = summary_of(config, document)
    made, redirects = summary["global"]["requestsMade"], summary["global"]["redirects"]
    if document["requests"][0]["url"].endswith("moved") and redirects != made:
        sys.exit(f"{redirects} redirects of {made} attempts")
    return request_cpu_us(summary)


if __name__ == "__main__":
    main()
