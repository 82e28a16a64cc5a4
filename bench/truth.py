"""tressi's service times against a packet capture of the same run, at fixed rates.

python -m bench.truth [--seconds 5] [--scenario CONNECTIONS:RATE ...]

"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.capture import capture, percentile, service_times_us
from bench.measure import machine, run_tressi
from bench.servers import nginx

SERVER_CORE, CLIENT_CORE = 0, 1
SCENARIOS = ["1:100", "1:1000", "1:5000", "16:1000", "16:10000", "64:1000", "64:20000"]
PERCENTS = (50.0, 95.0, 99.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--scenario", action="append", metavar="CONNECTIONS:RATE")
    arguments = parser.parse_args()
    print(machine())
    print("connections    RPS       " + "   ".join(f"p{percent:g} wire / tressi (µs)" for percent in PERCENTS) + "   requests")
    with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as folder:
        for scenario in arguments.scenario or SCENARIOS:
            connections, rate = map(int, scenario.split(":"))
            _row(server.url, Path(folder), connections, rate, arguments.seconds)


def _row(url: str, folder: Path, connections: int, rate: int, seconds: int) -> None:
    port, file = int(url.rpartition(":")[2]), folder / "wire.pcap"
    with capture(port, file, SERVER_CORE):
        document = {"requests": [{"url": url + "/"}], "workers": connections, "rps": rate, "duration": seconds}
        summary = run_tressi(document, CLIENT_CORE)
    wire = service_times_us(file, port)
    # As many decimals as the summary has: milliseconds with three.
    ours = summary["endpoints"][0]["serviceTimeMs"]
    cells = [f"{percentile(wire, p):9.1f} /{ours[f'p{p:g}'] * 1000:9.1f}    " for p in PERCENTS]
    print(f"{connections:11d} {rate:6d} {'  '.join(cells)} {len(wire)} / {summary['endpoints'][0]['requestsMade']}", flush=True)


if __name__ == "__main__":
    main()
