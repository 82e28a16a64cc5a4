"""What the run's journal costs: runs with it and without it, in pairs.

python -m bench.journal [--pairs 7] [--seconds 4]

nginx is on core 0; the command line with its engine is on core 1. The journal is written by the command line, once a second,
and never by the engine; what it costs is CPU time of the whole command, and room on the disk.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

from bench.measure import Figures, machine, measure, spread
from bench.servers import Nginx, nginx
from tressi.run.journal import NAME

SERVER_CORE, CLIENT_CORE = 0, 1
# Long enough for a command that has one core for both of its processes.
WARM_UP_S = 3.0
LOADS = {"full speed, 1 endpoint": (None, 1), "10,000 RPS, 1 endpoint": (10_000, 1), "10,000 RPS, 100 endpoints": (10_000, 100)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    print(machine())
    print(f"{'with / without the journal':28s}{'requests per second':32s}{'CPU time per request':32s}bytes a second")
    for name, (rps, endpoints) in LOADS.items():
        with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as folder:
            document = {"requests": [{"url": f"{server.url}/{number}"} for number in range(endpoints)], "workers": 64}
            seconds = math.ceil(WARM_UP_S + arguments.seconds + 4)
            config = Path(folder, "config.json")
            config.write_text(json.dumps({**document, "duration": seconds, **({"rps": rps} if rps else {})}), encoding="ascii")
            pairs = [_pair(config, server, arguments.seconds, number) for number in range(arguments.pairs)]
        rates = spread([ours.rps / bare.rps for (ours, bare), _ in pairs])
        costs = spread([ours.cpu_us / bare.cpu_us for (ours, bare), _ in pairs])
        print(f"{name:28s}{rates:32s}{costs:32s}{max(size for _, size in pairs):,.0f}", flush=True)


def _pair(config: Path, server: Nginx, span_s: float, number: int) -> tuple[tuple[Figures, Figures], float]:
    """A run with the journal and one without, each first as often as the other; and how fast the journal grew."""
    kept = config.parent / f"kept-{number}"
    command = [sys.executable, "-m", "tressi", "run", str(config), "--quiet"]
    figures = {}
    for flags in sorted([(), ("--journal", str(kept))], reverse=bool(number % 2)):
        figures[bool(flags)] = measure([*command, *flags], server, span_s, CLIENT_CORE, WARM_UP_S)
    file = kept / NAME
    lasted_s = WARM_UP_S + span_s
    return (figures[True], figures[False]), file.stat().st_size / lasted_s


if __name__ == "__main__":
    main()
