"""An hour's run in little: what 200 million recorded attempts do to memory. No network.

Run as: python -m bench.memory [--millions 200]
"""

from __future__ import annotations

import argparse
import random

from bench.measure import machine, resident_kib
from tressi._core import Arena

ENDPOINTS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=int, default=200)
    millions = parser.parse_args().millions
    print(machine())
    start = resident_kib()
    arena, draw = Arena(ENDPOINTS), random.Random(1)
    # The usual spread of a service: log-normal around 5 ms.
    times = [round(draw.lognormvariate(8.5, 0.5)) for _ in range(1_000_000)]
    attempt = arena.attempt
    for million in range(millions):
        place = million % ENDPOINTS
        for service_us in times:
            attempt(place, 200, service_us, service_us)
        if million in {ENDPOINTS - 1, millions // 2, millions - 1}:
            print(f"after {million + 1:4d} million: {resident_kib() / 1024:.1f} MiB (at start {start / 1024:.1f})", flush=True)
    made = sum(arena.counters(place)["succeeded"] for place in range(ENDPOINTS))
    print(f"recorded {made}")


if __name__ == "__main__":
    main()
