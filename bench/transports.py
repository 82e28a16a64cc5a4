"""What the second transport costs beside the first: CPU of the engine for each request, in turn, against the same nginx.

python -m bench.transports [--rounds 5] [--seconds 5] [--rate 1000] [--workers 16]

At full speed and at a rate: there both engines wake up for each request, so they are nearer to one another.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.measure import machine, request_cpu_us, spread, summary_of
from bench.servers import nginx

SERVER_CORE = 0
FIRST, SECOND = "wire", "urllib3"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=16)
    arguments = parser.parse_args()
    print(machine())
    with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as name:
        config = Path(name, "config.json")
        for rate in (None, arguments.rate):
            document = {"requests": [{"url": server.url}], "workers": arguments.workers, "duration": arguments.seconds}
            document |= {"rps": rate} if rate else {}
            pairs = [
                [request_cpu_us(summary_of(config, document, "--transport", one)) for one in (FIRST, SECOND)]
                for _ in range(arguments.rounds)
            ]
            ratios = [second / first for first, second in pairs]
            print(f"{f'{rate} RPS' if rate else 'full speed':12} second / first {spread(ratios)}")
            print(f"{'':12} first, µs of CPU  {spread([first for first, _ in pairs])}")
            print(f"{'':12} second, µs of CPU {spread([second for _, second in pairs])}", flush=True)


if __name__ == "__main__":
    main()
