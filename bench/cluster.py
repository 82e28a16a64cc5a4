"""What a run over several machines costs and keeps, with outposts of this machine in their place.

- `cpu`: CPU of the whole process tree for each request, over one node with one engine beside the same engine without a
  node, in pairs. Asked for is a ratio of 1.03 at most.
- `driver`: CPU and memory of the machine that runs tressi, for 100 nodes with 100 endpoints. The frames are made
  beforehand. Asked for are 0.3 core and 400 MB at most.
- `killed`: a node of three is killed. Asked for is 99 % of the rate again after 2.0 s, and no second above 101 %.
- `orphans`: the driver of three nodes is killed. Asked for is a last request 1.5 s later at most.

python -m bench.cluster [cpu driver killed orphans] [--pairs 5] [--seconds 3] [--rps 3000]

nginx is on core 0, all else on core 1, but for `driver`, which needs no server.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from statistics import median
from typing import TYPE_CHECKING

from bench.measure import Figures, cpu_ns, machine, resident_kib, spread
from bench.servers import nginx

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.servers import Nginx
    from tressi._core import Histogram
    from tressi.model import EngineSnapshot

SERVER_CORE, CLIENT_CORE = 0, 1
LOOK_S = 0.02
NODES, ENDPOINTS = 100, 100
KILL_AT_S, RUN_S = 3.0, 9.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["cpu", "driver", "killed", "orphans", []], default=[])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rps", type=int, default=3000)
    # A run of the bench's own, which another process measures: nodes, engines of each, URL, rate (0: none), seconds.
    parser.add_argument("--drive", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drive:
        nodes, engines, url, rps, seconds = arguments.drive
        _drive(int(nodes), int(engines), url, int(rps), float(seconds))
        return
    print(machine(), flush=True)
    for part in arguments.parts or ["cpu", "driver", "killed", "orphans"]:
        PARTS[part](arguments)


def _drive(nodes: int, engines: int, url: str, rps: int, seconds: float) -> None:
    """A run; with `nodes` 0 the engines have no node around them. Its processes are printed once it has begun."""
    from tressi.load.cluster import Cluster  # noqa: PLC0415 - only here
    from tressi.load.process import ProcessEngine  # noqa: PLC0415
    from tressi.nodes.far import FarCluster  # noqa: PLC0415
    from tressi.nodes.loopback import Loopback  # noqa: PLC0415
    from tressi.run.runner import EndpointRunner  # noqa: PLC0415

    carrier = Loopback(nodes)
    engine = FarCluster(carrier, processes=engines) if nodes else Cluster([ProcessEngine() for _ in range(engines)])
    document = {"requests": [{"url": url}], "workers": 48, "duration": seconds, **({"rps": rps} if rps else {})}
    runner = EndpointRunner(document, engine=engine)
    runner.start()
    print(*(one.process.pid for one in carrier.hosted), flush=True)
    runner.wait()


def _command(nodes: int, engines: int, url: str, rps: int, seconds: float) -> list[str]:
    return [sys.executable, "-m", "bench.cluster", "--drive", *map(str, (nodes, engines, url, rps, seconds))]


# ----------------------------------------------------------------------------------------------------------------- cpu


def _cpu(arguments: argparse.Namespace) -> None:
    with nginx(SERVER_CORE) as server:
        for rps in (0, arguments.rps):
            ratios, over, beside = [], [], []
            for _ in range(arguments.pairs):
                for nodes, found in ((1, over), (0, beside)):
                    found.append(_measured(nodes, server, rps, arguments.seconds))
                ratios.append(over[-1].cpu_us / beside[-1].cpu_us)
            name = f"{rps:,} RPS" if rps else "full speed"
            print(
                f"cpu, {name}: {spread(ratios)} of a run without a node; {median(one.cpu_us for one in over):.1f} beside "
                f"{median(one.cpu_us for one in beside):.1f} us a request at {median(one.rps for one in over):,.0f} and "
                f"{median(one.rps for one in beside):,.0f} RPS; asked for is 1.03",
                flush=True,
            )


def _measured(nodes: int, server: Nginx, rps: int, seconds: float) -> Figures:
    """A run with one engine, looked at from a second after its beginning on: an outpost starts later than an engine."""
    process, _ = _begun(server, rps, seconds + 30, (nodes, 1))
    with process:
        time.sleep(1.0)
        before, cpu_before, begun = server.requests(), cpu_ns(process.pid), time.monotonic()
        time.sleep(seconds)
        cpu_after, after, ended = cpu_ns(process.pid), server.requests(), time.monotonic()
        process.terminate()
    return Figures((after - before) / (ended - begun), (cpu_after - cpu_before) / 1e3 / max(1, after - before))


# -------------------------------------------------------------------------------------------------------------- driver


def _driver(arguments: argparse.Namespace) -> None:
    for quarterly in (25, 250):
        _driven(arguments, quarterly)


def _driven(arguments: argparse.Namespace, quarterly: int) -> None:
    """The ledger's cost where each node has so many responses of each endpoint in a quarter of a second."""
    from tressi.nodes.ledger import Ledger  # noqa: PLC0415 - its memory is measured

    seconds = max(2, round(arguments.seconds))
    keys = tuple(f"GET http://host/{number}" for number in range(ENDPOINTS))
    frames = _frames(keys, seconds, quarterly)
    before_kib = resident_kib()
    ledger = Ledger(keys, 0, [f"node-{number}" for number in range(NODES)])
    begun_s, last = time.process_time(), None
    for quarter, frame in enumerate(frames):
        for node in range(NODES):
            if not ledger.take(node, frame):
                sys.exit(f"frame {quarter} was not taken in")
        ledger.read("counters")
        if quarter % 4 == 3:
            # What was read the second before is held until it is subtracted.
            last = ledger.read()
    cores = (time.process_time() - begun_s) / seconds
    made = 0 if last is None else sum(one.service.count for one in last.endpoints.values())
    size = sum(map(len, frames)) / seconds * NODES / 1e6
    print(
        f"driver, {NODES} nodes, {ENDPOINTS} endpoints: {cores:.3f} core, {resident_kib() / 1024:.0f} MB in all, "
        f"{(resident_kib() - before_kib) / 1024:.0f} MB of it the ledger's; {size:.1f} MB/s of frames, "
        f"{made / seconds:,.0f} responses a second; asked for are 0.3 core and 400 MB",
        flush=True,
    )


def _frames(keys: Sequence[str], seconds: int, quarterly: int) -> list[bytes]:
    """What one node says in so many seconds, with latencies as they usually are."""
    import random  # noqa: PLC0415 - the memory of what is imported is measured

    from tressi._core import Histogram  # noqa: PLC0415 - likewise
    from tressi.nodes.frames import Second, Teller  # noqa: PLC0415 - likewise

    chance, teller, frames, second = random.Random(7), Teller(keys), [], None
    times = {name: Histogram() for name in ("service", "response", "success", "first_byte", "connect")}
    for quarter in range(1, 4 * seconds + 1):
        for _ in range(quarterly):
            took_us = round(chance.lognormvariate(8.5, 0.4))
            for name in ("service", "response", "success"):
                times[name].record(took_us)
            times["first_byte"].record(took_us - 40)
        reading = _reading(keys, quarterly * quarter, quarter / 4, times)
        second = Second(quarter // 4, reading) if quarter % 4 == 0 else second
        frames.append(teller.frame(quarter - 1, reading, second))
    return frames


def _reading(keys: Sequence[str], made: int, time_s: float, times: dict[str, Histogram]) -> EngineSnapshot:
    """What an engine of such a node has counted after so many requests of each endpoint."""
    from dataclasses import replace  # noqa: PLC0415 - the memory of what is imported is measured

    from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Window  # noqa: PLC0415 - likewise

    one = EndpointSnapshot(
        "",
        succeeded=made,
        bytes_sent=90 * made,
        bytes_received=300 * made,
        status_codes={200: made},
        worker_count=10,
        in_flight=5,
        target_rps=1000.0,
        scheduled=1000 * time_s,
        scheduled_s=time_s,
        lane_s=10 * time_s,
        occupied_lane_s=5 * time_s,
        window=Window(1.0, full=True, attempts=1000, starts_due=1000.0, occupied_s=5.0, service_s=5.0, lane_s=10.0),
        **{name: histogram.copy() for name, histogram in times.items()},
    )
    endpoints = {key: replace(one, endpoint_key=key) for key in keys}
    generator = GeneratorSnapshot(time_s / 2, 0.0, times["service"].copy(), times["service"].copy(), made, busy_s=(time_s,) * 4)
    return EngineSnapshot(time_s, endpoints, generator)


# -------------------------------------------------------------------------------------------------- killed and orphans


def _begun(
    server: Nginx, rps: int, seconds: float, engines: tuple[int, int] = (3, 2)
) -> tuple[subprocess.Popen[str], list[int]]:
    """A run over so many nodes with so many engines each that has begun, and its outposts."""
    command = ["taskset", "-c", str(CLIENT_CORE), *_command(*engines, server.url, rps, seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if process.stdout is None:
        raise RuntimeError("no standard output")
    return process, [int(pid) for pid in process.stdout.readline().split()]


def _watched(server: Nginx, seconds: float, at_s: float, action: Callable[[], None]) -> tuple[list[float], list[int], float]:
    """The server's count as often as may be, with its times; and when `action` was done, `at_s` after the beginning."""
    begun, times, counts, done = time.monotonic(), [], [], 0.0
    while (now := time.monotonic() - begun) < seconds:
        if not done and now >= at_s:
            action()
            done = time.monotonic() - begun
        counts.append(server.requests())
        # The server counted somewhere between the question and the answer.
        times.append((now + time.monotonic() - begun) / 2)
        time.sleep(LOOK_S)
    return times, counts, done


def _killed(arguments: argparse.Namespace) -> None:
    with nginx(SERVER_CORE) as server:
        process, outposts = _begun(server, arguments.rps, RUN_S + 2)
        with process:
            times, counts, killed = _watched(server, RUN_S, KILL_AT_S, lambda: os.kill(outposts[1], signal.SIGKILL))
            process.terminate()
    rates = [(end, _rate(times, counts, end, 0.5)) for end in times if end >= killed + 0.5]
    again = next((end - killed - 0.5 for end, rate in rates if rate >= 0.99 * arguments.rps), None)
    most = max(_rate(times, counts, end, 1.0) for end in times if end >= 2.0)
    lowest = min(rate for _, rate in rates)
    when = "never" if again is None else f"{again:.2f} s after the kill"
    low, high = 100 * lowest / arguments.rps, 100 * most / arguments.rps
    print(
        f"killed, {arguments.rps:,} RPS over 3 x 2: 99 % of the rate again {when}, down to {low:.0f} %; most in a second "
        f"{high:.1f} %; asked for are 2.0 s and 101 %",
        flush=True,
    )


def _rate(times: Sequence[float], counts: Sequence[int], end: float, span_s: float) -> float:
    """Requests per second in the `span_s` seconds before a look at `end`."""
    last, first = bisect_left(times, end), bisect_left(times, end - span_s)
    return (counts[last] - counts[first]) / (times[last] - times[first]) if last > first else 0.0


def _orphans(arguments: argparse.Namespace) -> None:
    with nginx(SERVER_CORE) as server:
        process, _ = _begun(server, arguments.rps, 60)
        with process:
            times, counts, killed = _watched(server, KILL_AT_S + 3, KILL_AT_S, process.kill)
    last = times[bisect_left(counts, counts[-1])]
    print(
        f"orphans: the last request {max(0.0, last - killed):.2f} s after the driver was killed; asked for is 1.5 s", flush=True
    )


PARTS = {"cpu": _cpu, "driver": _driver, "killed": _killed, "orphans": _orphans}

if __name__ == "__main__":
    main()
