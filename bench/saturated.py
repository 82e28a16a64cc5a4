"""Whether an engine slowed by two busy neighbours on its core says so, and whether its service times are still true.

Run as: python -m bench.saturated [--rate 2000] [--seconds 5]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.capture import capture, service_times_us
from bench.measure import machine, percentile, run_tressi
from bench.servers import nginx

SERVER_CORE, CLIENT_CORE = 0, 1
NEIGHBOURS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    print(machine())
    with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as folder:
        port, file = int(server.url.rpartition(":")[2]), Path(folder, "wire.pcap")
        busy = ["taskset", "-c", str(CLIENT_CORE), sys.executable, "-c", "while True: pass"]
        neighbours = [subprocess.Popen(busy) for _ in range(NEIGHBOURS)]
        document = {"requests": [{"url": server.url + "/"}], "workers": 16, "rps": arguments.rate}
        try:
            with capture(port, file, SERVER_CORE):
                summary = run_tressi({**document, "duration": arguments.seconds}, CLIENT_CORE)
        finally:
            for neighbour in neighbours:
                neighbour.kill()
                neighbour.wait()
        wire = service_times_us(file, port)
    ours = summary["endpoints"][0]["serviceTimeMs"]
    for percent in (50.0, 95.0, 99.0):
        print(f"p{percent:g}: wire {percentile(wire, percent):8.1f} µs, tressi {1000 * ours[f'p{percent:g}']:8.1f} µs")
    print(f"limited: {summary['generator']['saturated']}")
    print("\n".join(summary["generator"]["reasons"]))


if __name__ == "__main__":
    main()
