"""A run over a real Ray cluster, seen from outside: three nodes in network namespaces, one capture on their bridge.

When each node's first start comes, whether the rate is what was asked, what killing a node and pulling its cable cost, when
the last request comes after tressi is killed, and whether the sums are the server's after a partition that heals.
Root on Linux, nginx and tressi[cluster] are needed.

python -m bench.cluster_ray [--only starts,rate,kill,cut,orphans,heal] [--rps 600] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from bench.apart import await_listener
from bench.measure import machine
from bench.servers import start_nginx
from examples.cluster.machines import Machines, below, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NODES = 3
HEAL_S = 10
SETTLE_S = 60
_SO_TIMESTAMPNS = 35
_ETH_P_ALL = 3
_CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    server {{ listen {host}:{port} backlog=4096; location / {{ return 200 "hello\\n"; }} location /status {{ stub_status; }} }}
}}
"""


@dataclass
class Wire:
    """What went over the bridge to one port: when each node's first connection and each request came, by the kernel's clock."""

    first_syn_ns: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[int, str]] = field(default_factory=list)  # when, from where

    def rates(self, begin_ns: int, end_ns: int, width_s: float) -> list[tuple[float, float]]:
        """Requests a second in windows of that width that slide by 50 ms: where each ends, in seconds from the beginning."""
        times = sorted(at for at, _ in self.requests)
        found, first, last = [], 0, 0
        width_ns = round(width_s * 1e9)
        for end in range(begin_ns + width_ns, end_ns, 50_000_000):
            while last < len(times) and times[last] < end:
                last += 1
            while first < len(times) and times[first] < end - width_ns:
                first += 1
            found.append(((end - begin_ns) / 1e9, (last - first) / width_s))
        return found


@contextmanager
def capture(bridge: str, port: int) -> Iterator[Wire]:
    """Take down what goes to the port over the bridge while the block runs."""
    wire, ended = Wire(), threading.Event()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUFFORCE if hasattr(socket, "SO_RCVBUFFORCE") else 33, 1 << 26)
        tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        tap.bind((bridge, 0))

        def take() -> None:
            while not ended.is_set():
                if select.select([tap], [], [], 0.2)[0]:
                    packet, control, _, _ = tap.recvmsg(200, 64)
                    seconds, ns = struct.unpack("qq", control[0][2][:16])
                    _note(wire, packet, port, seconds * 10**9 + ns)

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield wire
        finally:
            ended.set()
            thread.join()


def _note(wire: Wire, packet: bytes, port: int, at_ns: int) -> None:
    if packet[12:14] != b"\x08\x00" or packet[23] != socket.IPPROTO_TCP:
        return
    header = 14 + (packet[14] & 15) * 4
    if int.from_bytes(packet[header + 2 : header + 4], "big") != port:
        return
    source = socket.inet_ntoa(packet[26:30])
    if packet[header + 13] & 2:
        wire.first_syn_ns.setdefault(source, at_ns)
    data = header + (packet[header + 12] >> 4) * 4
    if packet[data : data + 4] == b"GET ":
        wire.requests.append((at_ns, source))


class Bench:
    """The cluster and the server, and runs over them."""

    def __init__(self, machines: Machines, port: int, rps: int) -> None:
        self.machines, self.port, self.rps = machines, port, rps
        self.folder = Path(tempfile.mkdtemp(prefix="tressi-bench-"))
        self._asked = 0

    def served(self) -> int:
        """How many requests nginx has taken, without those for this count."""
        self._asked += 1
        with urlopen(f"http://{self.machines.host}:{self.port}/status", timeout=30) as answer:
            return int(answer.read().split()[9]) - self._asked

    def settle(self) -> None:
        """Wait until nginx has no connection except that of the question.

        What a node had sent into a cable that was pulled comes once it is back, though the node has ended: the kernel sends
        it again, up to some thirteen seconds later, and it would count for the next run.
        """
        for _ in range(SETTLE_S * 4):
            self._asked += 1
            with urlopen(f"http://{self.machines.host}:{self.port}/status", timeout=30) as answer:
                if int(answer.read().split()[2]) == 1:
                    return
            time.sleep(0.25)
        raise RuntimeError("connections of a run that is over have not ended")

    def start(self, seconds: int, *, rps: int | None = None, processes: int = 1, **config: Any) -> subprocess.Popen[str]:
        """Start a run; `moments` reads what it says."""
        own = {"enabled": True, "targetRps": rps or self.rps, "maxWorkers": 60, "minWorkers": 30}
        url = f"http://{self.machines.host}:{self.port}/"
        document = {"duration": seconds, "workers": 60, "requests": [{"url": url, "autoscale": own}], **config}
        file = self.folder / "config.json"
        file.write_text(json.dumps(document))
        command = [sys.executable, "-m", "tressi", "run", str(file), "--cluster", self.machines.address, "--nodes", str(NODES)]
        command += ["--processes", str(processes), "--json", str(self.folder / "summary.json"), "--stream", "-", "--quiet"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, env=self.machines.environment, text=True)

    def summary(self, running: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for the end of a run, and return its summary."""
        running.communicate(timeout=180)
        return json.loads((self.folder / "summary.json").read_text())


def second(running: subprocess.Popen[str], number: int) -> None:
    """Wait for a second of a run to be over."""
    for line in running.stdout or ():
        said = json.loads(line)
        if said["type"] == "moment" and said["t"] >= number - 0.5:
            return
    raise RuntimeError("the run ended before that")


def starts(bench: Bench) -> dict[str, Any]:
    """How far apart the nodes' beginnings are: of each its first SYN, less the place of its first start in the gap."""
    gap_s = 1 / bench.rps
    spreads, bounds = [], []
    for _ in range(5):
        with capture(bench.machines.bridge, bench.port) as wire:
            summary = bench.summary(bench.start(2))
        # One engine a node: the k-th has its first start k gaps after the first one's.
        at = [wire.first_syn_ns[node["address"]] / 1e6 - number * gap_s * 1e3 for number, node in enumerate(summary["nodes"])]
        spreads.append(round(max(at) - min(at), 3))
        bounds.append(max(node["clockBoundMs"] for node in summary["nodes"]))
    return {"spread ms": sorted(spreads), "bound reported ms": sorted(bounds), "held": sorted(spreads)[2] <= 2}


def rate(bench: Bench) -> dict[str, Any]:
    """What the server counted against what was asked, three nodes with two engines each."""
    found: dict[str, Any] = {}
    for arrival in ("uniform", "poisson"):
        before = bench.served()
        made = bench.summary(bench.start(10, processes=2, arrival=arrival))["global"]
        counted = bench.served() - before
        found[arrival] = (
            f"asked {bench.rps * 10}, made {made['requestsMade']}, counted {counted}, missed {made['requestsMissed']}"
        )
        is_exact = counted == made["requestsMade"]
        found[f"held, {arrival}"] = is_exact and (arrival == "poisson" or counted + made["requestsMissed"] == bench.rps * 10)
    return found


def _losing(bench: Bench, lose: Callable[[], None], again: Callable[[], None]) -> dict[str, Any]:
    with capture(bench.machines.bridge, bench.port) as wire:
        running = bench.start(12)
        second(running, 4)
        at_ns = time.time_ns()
        lose()
        summary = bench.summary(running)
    again()
    begin_ns = min(at for at, _ in wire.requests)
    end_ns = begin_ns + 12 * 10**9
    after = [(end - 1, found) for end, found in wire.rates(at_ns, end_ns, 1.0)]
    back_s = next((begin for begin, found in after if begin > 0.1 and found >= 0.99 * bench.rps), 99.0)
    later = [found for begin, found in after if begin >= 2.0]
    seconds = wire.rates(begin_ns, end_ns, 1.0)
    # The machine's own noise: how far a second is off while nothing is lost.
    calm = [found for end, found in seconds if end < (at_ns - begin_ns) / 1e9]
    highest = max(found for _, found in seconds) / bench.rps
    made = summary["global"]
    return {
        "99 % of a second from": f"{back_s:.2f} s after it on",
        "from 2 s on, mean": f"{sum(later) / len(later) / bench.rps:.2%}",
        "highest second": f"{highest:.2%}",
        "before it": f"{min(calm) / bench.rps:.2%} to {max(calm) / bench.rps:.2%} a second",
        "made": made["requestsMade"],
        "on the wire": len(wire.requests),
        "missed": made["requestsMissed"],
        "uncounted at most": [node["uncountedAtMost"] for node in summary["nodes"]],
        "lost": [node["lost"] for node in summary["nodes"] if node["lost"]],
        "held": back_s <= 2.0 and highest <= max(1.01, max(calm) / bench.rps),
    }


def kill(bench: Bench) -> dict[str, Any]:
    """A node is switched off."""
    last = bench.machines.nodes[-1]
    return _losing(bench, last.kill, lambda: bench.machines.replace(last))


def cut(bench: Bench) -> dict[str, Any]:
    """A node's cable is pulled, and put back after the run."""
    node = bench.machines.nodes[0]
    return _losing(bench, node.cut, node.heal)


def orphans(bench: Bench) -> dict[str, Any]:
    """The command line and its relay are killed: when the last request comes, and what is left after 5 s."""
    with capture(bench.machines.bridge, bench.port) as wire:
        running = bench.start(60)
        second(running, 3)
        tree = below(running.pid)
        outposts = _named("tressi.nodes.outpost", "tressi.load.child")
        at_ns = time.time_ns()
        for pid in (running.pid, *tree):
            os.kill(pid, signal.SIGKILL)
        running.communicate()
        time.sleep(5)
        left = [pid for pid in outposts if _is_running(pid)]
    last_s = (max(at for at, _ in wire.requests) - at_ns) / 1e9
    return {"last request after s": round(last_s, 3), "left after 5 s": len(left), "held": last_s <= 1.5 and not left}


def heal(bench: Bench) -> dict[str, Any]:
    """A node is cut off for ten seconds, and then heard of again: its books come in, and the sums are the server's."""
    node, before = bench.machines.nodes[0], bench.served()
    running = bench.start(30)
    second(running, 4)
    node.cut()
    time.sleep(HEAL_S)
    node.heal()
    summary = bench.summary(running)
    made, counted = summary["global"], bench.served() - before
    return {
        "made": made["requestsMade"],
        "failed": made["requestsFailed"],
        "cut": made["requestsCut"],
        "counted": counted,
        "ended": f"{summary['endReason']}, {summary.get('endDetail')}",
        "missed": made["requestsMissed"],
        "asked": bench.rps * 30,
        "uncounted at most": [one["uncountedAtMost"] for one in summary["nodes"]],
        # What was cut had been sent, or had not.
        "held": made["requestsMade"] <= counted <= made["requestsMade"] + made["requestsCut"],
    }


def _is_running(pid: int) -> bool:
    """Whether it has not ended; what has, and nobody has asked for its exit code, is still listed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _named(*modules: str) -> list[int]:
    said = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = (line.split(None, 1) for line in said.splitlines())
    ours = below(os.getpid())
    return [int(pid) for pid, arguments in found if int(pid) in ours and Counter(arguments.split()) & Counter(modules)]


PARTS = {"starts": starts, "rate": rate, "cut": cut, "heal": heal, "orphans": orphans, "kill": kill}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--rps", type=int, default=600)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    print(machine())
    results: dict[str, Any] = {}
    with Machines(NODES, 2, isolated=True, name="trb", network="10.76.0") as machines, tempfile.TemporaryDirectory() as folder:
        port = free_port(machines.host)
        nginx = start_nginx(folder, _CONFIG.format(folder=folder, host=machines.host, port=port))
        try:
            await_listener(port, machines.host)
            bench = Bench(machines, port, arguments.rps)
            for name in arguments.only.split(","):
                load = os.getloadavg()[0]
                try:
                    results[name] = PARTS[name](bench)
                except (RuntimeError, KeyError, ValueError, subprocess.TimeoutExpired) as failure:
                    results[name] = {"failed": repr(failure)}
                bench.settle()
                results[name]["load before"] = round(load, 1)
                print(f"{name}: {PARTS[name].__doc__}")
                for key, value in results[name].items():
                    print(f"    {key:24s} {value}", flush=True)
        finally:
            nginx.terminate()
            nginx.wait()
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
