"""Whether ordinary runs are left in peace on an idle and on a busy machine, and a starved engine is named every time.

Run as: python -m bench.limited [--runs 20] [--seconds 4] [--rates 50,500,5000] [--machine idle,busy,stopped,crowded]

On `idle` and `busy` the rates must be exact by the server's count, and no run may be called limited; where something else
takes the engine its core for longer than 100 ms, both say so, and the run proves nothing. On a `busy` machine a
neighbour takes half of each core, in slices of 10 ms. On a `stopped` one the engine's process is stopped for 0.4 s of every
second, on a `crowded` one it alone shares its core with busy processes of higher priority: there each run in which more than
0.5 % of the starts did not come to the server must be called limited, and say how many did not.
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
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import machine, tree
from bench.servers import nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.servers import Nginx

SERVER_CORE, CLIENT_CORE = 0, 1
STARVED = ("stopped", "crowded")
WORKERS = 64  # a server that gets its core in slices is not to be short of lanes
STOPPED_S = 0.4
NOT_SENT_SHARE = 0.005
CROWD = 4
_HALF = "import time\nwhile 1:\n end = time.monotonic() + 0.01\n while time.monotonic() < end: pass\n time.sleep(0.01)"
_WHOLE = "while True: pass"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rates", default="50,500,5000")
    parser.add_argument("--machine", default="idle,busy,stopped,crowded")
    arguments = parser.parse_args()
    print(machine())
    print("machine   rate  run  verdict            asked  counted  missed  not sent  late p99 ms  own p99 ms  svc p99 ms")
    found: dict[tuple[str, int], list[tuple[bool, bool]]] = defaultdict(list)
    for kind in arguments.machine.split(","):
        for rate in map(int, arguments.rates.split(",")):
            for number in range(arguments.runs):
                with nginx(SERVER_CORE) as server:
                    summary, counted = one_run(server, kind, rate, arguments.seconds)
                show(f"{kind:8} {rate:5}  {number:3}", summary, counted, rate * arguments.seconds)
                is_starved = counted < (1 - NOT_SENT_SHARE) * rate * arguments.seconds
                found[kind, rate].append((is_starved, summary["generator"]["saturated"]))
    for (kind, rate), runs in found.items():
        starved, limited = (sum(column) for column in zip(*runs, strict=True))
        wrong = sum(is_starved != is_limited for is_starved, is_limited in runs)
        judged = f"{limited} of {len(runs)} runs limited, {starved} starved by the server's count; {wrong} wrong"
        print(f"{kind} at {rate} RPS: {judged}")


def show(label: str, summary: dict, counted: int, asked: int) -> None:
    """One run in a line, and what it says about the generator."""
    (endpoint,), generator = summary["endpoints"], summary["generator"]
    late, own, service = generator["lateSendsMs"]["p99"], generator["ownDelayMs"]["p99"], endpoint["serviceTimeMs"]["p99"]
    print(
        f"{label}  {summary['verdict']['word']:17} {asked:6} {counted:8} {endpoint['requestsMissed']:7}"
        f" {endpoint['missedLate']:9} {late:12.3g} {own:11.3g} {service:11.3g}"
    )
    for reason in (*generator["reasons"], *filter(None, [generator["late"]])):
        print(f"    {reason}")


def one_run(server: Nginx, kind: str, rate: int, seconds: int) -> tuple[dict, int]:
    """A run on such a machine; returns its summary and the server's count of requests."""
    document = {"requests": [{"url": server.url + "/"}], "workers": WORKERS, "rps": rate, "duration": seconds}
    command = [sys.executable, "-m", "tressi", "run", "--quiet", "--json", "-"]
    before = server.requests()
    with ExitStack() as neighbours, tempfile.NamedTemporaryFile("w", suffix=".json") as config:
        json.dump(document, config)
        config.flush()
        if kind == "busy":
            for core in (SERVER_CORE, CLIENT_CORE):
                neighbours.enter_context(busy(core, _HALF))
        run = subprocess.Popen(["taskset", "-c", str(CLIENT_CORE), *command, config.name], stdout=subprocess.PIPE)
        try:
            if kind in STARVED:
                starve(run, kind, neighbours)
            output, _ = run.communicate(timeout=seconds + 60)
        finally:
            run.kill()
            run.wait()
    return json.loads(output), server.requests() - before


def starve(run: subprocess.Popen, kind: str, neighbours: ExitStack) -> None:
    """Take the engine of a run its core, once it runs, until the run has ended."""
    engine = engine_of(run)
    for thread in Path(f"/proc/{run.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {SERVER_CORE})  # the command line itself is to find out, not to starve
    if kind == "crowded":
        # What else runs here is pushed to the server's core, and the server is not to starve for it.
        for process in tree(os.getpid()):
            if Path(f"/proc/{process}/comm").read_text() == "nginx\n":
                os.setpriority(os.PRIO_PROCESS, process, -15)
        for _ in range(CROWD):
            neighbours.enter_context(busy(CLIENT_CORE, _WHOLE, niceness=-10))
        return
    while run.poll() is None:
        try:
            os.kill(engine, signal.SIGSTOP)
            time.sleep(STOPPED_S)
            os.kill(engine, signal.SIGCONT)
        except ProcessLookupError:
            return
        time.sleep(1 - STOPPED_S)


def engine_of(run: subprocess.Popen) -> int:
    """The process of the one engine of a run, once there is one."""
    while len(found := tree(run.pid)) < 2:
        time.sleep(0.01)
    return found[1]


@contextmanager
def busy(core: int, program: str, niceness: int = 0) -> Iterator[None]:
    """A process that runs this program on `core` until the block ends; a negative niceness needs root."""
    command = ["taskset", "-c", str(core), "nice", "-n", str(niceness), sys.executable, "-c", program]
    neighbour = subprocess.Popen(command)
    try:
        yield
    finally:
        neighbour.kill()
        neighbour.wait()


if __name__ == "__main__":
    main()
