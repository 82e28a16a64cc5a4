"""What a target that stands still for two seconds does to the response times, against theory, with three kinds of pools.

200 RPS for 10 s, and nginx is stopped (SIGSTOP) from about the fifth second to two seconds later: the 400 starts of that
time wait 0 to 2 s, evenly, whatever the number of workers.

python -m bench.stall
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from bench.measure import machine, tree
from bench.servers import Nginx, nginx

SERVER_CORE, CLIENT_CORE = 0, 1
RATE, DURATION_S, STALL_S = 200, 10, 2.0
# A fifth of the starts waits from 0 to 2 s.
THEORY = {"mean": 200.0, "p90": 1000.0, "p95": 1500.0, "p99": 1900.0, "max": 2000.0}
SHARED = {"rps": RATE}
POOLS = {
    "10 workers": {**SHARED, "workers": 10},
    "500 workers": {**SHARED, "workers": 500},
    "autoscaled": {
        "workers": 500,
        "autoscale": {"enabled": True, "targetRps": RATE, "initialWorkers": 5, "maxWorkers": 500, "cooldownPeriod": 1},
    },
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(machine())
    print(_row("", list(THEORY)), "starts missed", sep="  ")
    print(_row("theory", [f"{value:.0f}" for value in THEORY.values()]))
    for name, pool in POOLS.items():
        with nginx(SERVER_CORE) as server:
            summary = _run({**pool, "duration": DURATION_S, "requests": [{"url": f"{server.url}/"}]}, server)
        found = summary["global"]["responseTimeMs"]
        cells = [f"{found[figure]:.0f} ({found[figure] / expected - 1:+.1%})" for figure, expected in THEORY.items()]
        print(_row(name, cells), summary["global"]["requestsMissed"], sep="  ", flush=True)


def _row(name: str, cells: list[str]) -> str:
    return "  ".join([f"{name:12s}", *(f"{cell:>14s}" for cell in cells)])


def _run(document: dict, server: Nginx) -> dict:
    """Run the config, and stop nginx for a while in the middle of it."""
    with tempfile.TemporaryDirectory() as folder:
        config, summary = Path(folder, "config.json"), Path(folder, "summary.json")
        config.write_text(json.dumps(document))
        command = [sys.executable, "-m", "tressi", "run", str(config), "--quiet", "--json", str(summary)]
        running = subprocess.Popen(["taskset", "-c", str(CLIENT_CORE), *command], stdout=subprocess.DEVNULL)
        while server.requests() < 1 and running.poll() is None:
            time.sleep(0.01)
        time.sleep((DURATION_S - STALL_S) / 2 + 1)
        stopped = _nginx_processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(STALL_S)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        if running.wait(60):
            raise RuntimeError(f"the run ended with exit status {running.returncode}")
        return json.loads(summary.read_text())


def _nginx_processes() -> list[int]:
    """The nginx that this bench has started, and its worker."""
    found = []
    for pid in tree(os.getpid()):
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "nginx":
                found.append(pid)
    return found


if __name__ == "__main__":
    main()
