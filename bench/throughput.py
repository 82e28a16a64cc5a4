"""tressi against wrk: 64 connections, as fast as nginx answers, alternating on one core.

python -m bench.throughput [--pairs 7] [--seconds 4] [--connections 64]
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measure import WARM_UP_S, Figures, machine, measure, spread
from bench.servers import nginx

SERVER_CORE, CLIENT_CORE = 0, 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=64)
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    print(machine())
    version = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split("\n", 1)[0]
    print(f"{version}\nnginx on core {SERVER_CORE}, one client at a time on core {CLIENT_CORE}")
    with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "full-speed.json")
        seconds = math.ceil(WARM_UP_S + arguments.seconds + 3)
        document = {"requests": [{"url": server.url + "/"}], "workers": arguments.connections, "duration": seconds}
        config.write_text(json.dumps(document), encoding="ascii")
        tressi = [sys.executable, "-m", "tressi", "run", str(config), "--quiet"]
        wrk = ["wrk", "-t1", f"-c{arguments.connections}", f"-d{seconds}", server.url + "/"]
        pairs = []
        for number in range(arguments.pairs):
            ours = measure(tressi, server, arguments.seconds, CLIENT_CORE)
            theirs = measure(wrk, server, arguments.seconds, CLIENT_CORE)
            pairs.append((ours, theirs))
            print(f"pair {number + 1}: {_row('tressi', ours)}   {_row('wrk', theirs)}", flush=True)
    print(f"throughput, tressi / wrk:      {spread([ours.rps / theirs.rps for ours, theirs in pairs])}")
    print(f"CPU per request, tressi / wrk: {spread([ours.cpu_us / theirs.cpu_us for ours, theirs in pairs])}")


def _row(name: str, figures: Figures) -> str:
    return f"{name} {figures.rps:9.0f} RPS {figures.cpu_us:6.2f} µs"


if __name__ == "__main__":
    main()
