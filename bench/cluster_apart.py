"""What a run over machines of its own does when they are lost: nodes in network namespaces, without Ray.

- `pulled`: a node's cable is pulled. Asked for is 99 % of the rate again after 2.0 s, and no second above 101 %.
- `switched`: the same with a node that is switched off.
- `heal`: a cable is pulled for ten seconds and put back. Asked for are the target's sums.
- `minutes`: three nodes with two engines each, something of which is killed at even intervals. Asked for are books that add
  up in every second: over the nodes, over the seconds, and against what went over the wire.

python -m bench.cluster_apart [pulled switched heal minutes] [--rps 600] [--trials 3] [--minutes 10] [--every 120]

Root on Linux and the programs `ip` and `nginx` are needed.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import signal
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.apart import BRIDGE, Apart, Target, bridged, cable
from bench.cluster_ray import capture
from bench.measure import machine
from examples.cluster.machines import below

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tressi.model import Moment

NODES, ENGINES = 3, 2
LOST_AT_S, RUN_S = 4.0, 12.0
HEAL_S = 10.0
# A reading is no earlier than its second, by a clock that all share here; a packet is stamped a moment after it was sent.
_EARLY_NS, _LATE_NS = 2_000_000, 20_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--rps", type=int, default=600)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=120.0, help="seconds between two kills")
    parser.add_argument("--drive", nargs=3, help=argparse.SUPPRESS)  # URL, rate, seconds: the run itself
    arguments = parser.parse_args()
    if arguments.drive:
        url, rps, seconds = arguments.drive
        _drive(url, int(rps), float(seconds))
        return
    print(machine(), flush=True)
    with bridged() as target:
        for part in arguments.parts or list(PARTS):
            PARTS[part](target, arguments)


# ---------------------------------------------------------------------------------------------------- the run, and its words


def _drive(url: str, rps: int, seconds: float) -> None:
    """A run over nodes apart; what it knows each second goes to standard output, line by line."""
    from tressi.nodes.far import SETTLES_NS, FarCluster  # noqa: PLC0415 - only here
    from tressi.run.runner import EndpointRunner  # noqa: PLC0415

    class Noted(FarCluster):
        begin_ns = 0

        def go(self, at_ns: int | None = None) -> int:
            # The run's own clock begins half a second after the nodes'.
            own_ns = super().go(at_ns)
            self.begin_ns = own_ns - SETTLES_NS
            return own_ns

    carrier = Apart(NODES)
    engine = Noted(carrier, processes=ENGINES)
    runner = EndpointRunner({"requests": [{"url": url}], "workers": 60, "rps": rps, "duration": seconds}, engine=engine)
    runner.on("snapshot", lambda moment: _say(_second_of(moment)))
    runner.start()
    begun_ns = time.time_ns() + engine.begin_ns - time.monotonic_ns()
    _say({"begin_ns": begun_ns, "outposts": [one.pid for one in carrier.processes]})
    runner.wait()
    _say({"summary": runner.summary()})


def _second_of(moment: Moment) -> dict[str, Any]:
    reading = moment.reading
    return {
        "t": moment.t,
        "time_s": reading.time_s,
        "made": moment.total.requests_made,
        "rps": moment.total.current_rps,
        "in_flight": sum(one.in_flight for one in reading.endpoints.values()),
        "cut": sum(one.cut for one in reading.endpoints.values()),
        "nodes": [one.requests_made for one in reading.nodes],
        "uncounted": [one.uncounted_at_most for one in reading.nodes],
    }


def _say(values: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


@dataclass
class Run:
    """A run that another process makes: what it says of itself."""

    process: subprocess.Popen[str]
    begin_ns: int
    outposts: list[int]
    seconds: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    def until(self, run_s: float) -> None:
        """Listen up to that time of the run."""
        while time.time_ns() < self.begin_ns + run_s * 1e9 and self._listen():
            pass

    def end(self) -> None:
        """Listen to its end."""
        while self._listen():
            pass
        self.process.wait()

    def _listen(self) -> bool:
        line = self.process.stdout.readline() if self.process.stdout else ""
        said = json.loads(line) if line.startswith("{") else {}  # the log comes the same way
        if "summary" in said:
            self.summary = said["summary"]
        elif said:
            self.seconds.append(said)
        return bool(line)


def begun(target: Target, rps: int, seconds: float) -> Run:
    """Start a run."""
    command = [sys.executable, "-m", "bench.cluster_apart", "--drive", target.url, str(rps), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    atexit.register(process.kill)  # where the bench itself fails
    said = json.loads(process.stdout.readline()) if process.stdout else {}
    return Run(process, said["begin_ns"], said["outposts"])


# ------------------------------------------------------------------------------------------------------- a node that is lost


def _pulled(target: Target, arguments: argparse.Namespace) -> None:
    for _ in range(arguments.trials):
        _losing("pulled", target, arguments.rps, lambda _: cable(0, is_up=False))


def _switched(target: Target, arguments: argparse.Namespace) -> None:
    for _ in range(arguments.trials):
        _losing("switched", target, arguments.rps, lambda run: _kill(run.outposts[0]))


def _losing(name: str, target: Target, rps: int, lose: Callable[[Run], None]) -> None:
    with capture(BRIDGE, target.port) as wire:
        run = begun(target, rps, RUN_S)
        run.until(LOST_AT_S)
        at_ns = time.time_ns()
        lose(run)
        run.end()
    # The networks of its nodes are gone with the run: nothing comes later.
    end_ns = run.begin_ns + round(RUN_S * 1e9)
    after = [(end - 1, rate) for end, rate in wire.rates(at_ns, end_ns, 1.0)]
    back_s = next((begin for begin, rate in after if begin > 0.1 and rate >= 0.99 * rps), 99.0)
    before = [rate for _, rate in wire.rates(run.begin_ns, at_ns, 1.0)]
    highest = max(rate for _, rate in after)
    later = [rate for begin, rate in after if begin >= 2.0]
    print(
        f"{name}, {rps} RPS over {NODES} x {ENGINES}: 99 % of the rate in the second from {back_s:.2f} s after it on; from 2 s "
        f"on {sum(later) / len(later) / rps:.2%}; highest second after it {highest / rps:.2%}, before it "
        f"{min(before) / rps:.2%} to {max(before) / rps:.2%}; asked for are 2.0 s and 101 %",
        flush=True,
    )


def _heal(target: Target, arguments: argparse.Namespace) -> None:
    for _ in range(arguments.trials):
        before = target.served()
        run = begun(target, arguments.rps, LOST_AT_S + HEAL_S + 8)
        run.until(LOST_AT_S)
        cable(0, is_up=False)
        run.until(LOST_AT_S + HEAL_S)
        cable(0, is_up=True)
        run.end()
        total, served = run.summary["global"], target.served() - before
        uncounted = [one["uncountedAtMost"] for one in run.summary["nodes"]]
        print(
            f"heal: {total['requestsMade']:,} made, {total['requestsCut']} cut, {served:,} counted by the target, "
            f"uncounted at most {uncounted}; asked for are equal sums",
            flush=True,
        )


# ----------------------------------------------------------------------------------------------- minutes, and what is killed


def victims(nodes: int, kills: int) -> list[tuple[int, bool]]:
    """What is killed one after the other: the number of a node, and whether all of it goes, or an engine.

    A node is left. Where there are more kills than nodes that may go, an engine of some goes first.

    >>> victims(5, 4)
    [(4, True), (3, True), (2, True), (1, True)]
    >>> victims(3, 4)
    [(2, False), (2, True), (1, False), (1, True)]
    """
    chosen: list[tuple[int, bool]] = []
    spare = max(0, kills - (nodes - 1))
    for node in range(nodes - 1, 0, -1):
        chosen += [(node, False)] * (spare > 0) + [(node, True)]
        spare -= 1
    return chosen[:kills]


def _minutes(target: Target, arguments: argparse.Namespace) -> None:
    seconds = arguments.minutes * 60
    times = [at for number in range(1, 100) if (at := number * arguments.every) < seconds]
    before = target.served()
    with capture(BRIDGE, target.port) as wire:
        run = begun(target, arguments.rps, seconds)
        for at_s, (node, is_whole) in zip(times, victims(NODES, len(times)), strict=False):
            run.until(at_s)
            engines = sorted(below(run.outposts[node]))
            if is_whole:
                _kill(run.outposts[node])
            else:
                os.kill(engines[0], signal.SIGKILL)
            print(f"minutes: {at_s:g} s: {'node' if is_whole else 'an engine of node'}-{node + 1} killed", flush=True)
        run.end()
    served, total = target.served() - before, run.summary["global"]
    faults = faults_of(run.seconds, sorted(at for at, _ in wire.requests), run.begin_ns)
    uncounted = [one["uncountedAtMost"] for one in run.summary["nodes"]]
    least, most = total["requestsMade"], total["requestsMade"] + total["requestsCut"] + sum(uncounted)
    if not least <= served <= most:
        faults.append(f"the target counted {served}, not {least} to {most}")
    if sum(one["requestsMade"] for one in run.summary["nodes"]) != total["requestsMade"]:
        faults.append("the nodes' sum at the end is not the whole")
    print("\n".join(faults[:20]))
    print(
        f"minutes: {len(run.seconds)} seconds at {arguments.rps} RPS, {len(faults)} faults; {total['requestsMade']:,} made, "
        f"{total['requestsCut']} cut, {total['requestsMissed']:,} missed, {served:,} counted by the target, "
        f"{len(wire.requests):,} on the wire, uncounted at most {uncounted}; {run.summary['endReason']}",
        flush=True,
    )


def faults_of(seconds: Sequence[dict[str, Any]], wire_ns: Sequence[int], begin_ns: int) -> list[str]:
    """Where the books of a second do not add up, in words; `wire_ns` are the times of all requests on the wire, in order."""
    faults, made_before, t_before, summed = [], 0, 0.0, 0.0
    for one in seconds:
        time_s, made = one["time_s"], one["made"]
        summed += one["rps"] * (one["t"] - t_before)
        if round(summed) != made:
            faults.append(f"{time_s:.3f} s: the seconds' sum is {summed:.1f}, the whole {made}")
        if sum(one["nodes"]) != made:
            faults.append(f"{time_s:.3f} s: the nodes made {one['nodes']}, the whole is {made}")
        if made < made_before:
            faults.append(f"{time_s:.3f} s: {made} made, and {made_before} before")
        whole_ns = begin_ns + int(time_s) * 10**9
        sent = bisect_right(wire_ns, begin_ns + round(time_s * 1e9) + _LATE_NS)
        surely_sent = bisect_left(wire_ns, whole_ns - _EARLY_NS)
        most = made + one["in_flight"] + one["cut"] + sum(one["uncounted"])
        if not made <= sent:
            faults.append(f"{time_s:.3f} s: {made} made, {sent} on the wire")
        if not surely_sent <= most:
            faults.append(f"{time_s:.3f} s: {surely_sent} on the wire, at most {most} in the books")
        made_before, t_before = made, one["t"]
    return faults


def _kill(outpost: int) -> None:
    """Switch a node off: all its processes end at once."""
    for pid in (*below(outpost), outpost):
        os.kill(pid, signal.SIGKILL)


PARTS: dict[str, Callable[[Target, argparse.Namespace], None]] = {
    "pulled": _pulled,
    "switched": _switched,
    "heal": _heal,
    "minutes": _minutes,
}

if __name__ == "__main__":
    main()
