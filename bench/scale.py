"""Scale on one machine: what a request costs, and a connection, from 64 to 30,000 connections and from 1 to 1,000 endpoints.

python -m bench.scale [--rounds 3] [--seconds 3] [--load full] [--most 10000] [--json FILE]

nginx is on core 0, the command line with its engine on core 1. Connections are those that nginx has open, requests those
that it has counted; CPU time is that of all processes of the command. Every size is run in each round, and held against the
run of its base in the same round. `sizes.py` says what the sizes are and why.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure import machine, own_cpu_ns, resident_kib, tree
from bench.servers import HELD_RPS, nginx
from bench.sizes import LOADS, SIZES, Run, Size, obstacle, render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.servers import Nginx

SERVER_CORE, CLIENT_CORE = 0, 1
OPEN_WITHIN_S = 120.0
# From all connections open to the first look: retransmitted handshakes end, pools find their size.
SETTLE_S = 2.0


@dataclass(frozen=True)
class Look:
    """A run at one moment: the server's count, and CPU time of the engine and of all processes."""

    at: float
    requests: int
    engine_ns: int
    tree_ns: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="read in the middle of each run")
    parser.add_argument("--load", choices=LOADS, action="append", help="only these; may be given several times")
    parser.add_argument("--most", type=int, default=30_000, help="leave out sizes of more connections")
    parser.add_argument("--json", metavar="FILE", help="write every run")
    arguments = parser.parse_args()
    descriptors = _descriptors()
    sizes = [one for one in SIZES if one.load in (arguments.load or LOADS) and one.connections <= arguments.most]
    missing = {size: reason for size in sizes if (reason := obstacle(size, descriptors))}
    runs: dict[Size, list[Run]] = {size: [] for size in sizes if size not in missing}
    print(f"{machine()}, {descriptors:,} file descriptors a process\n", flush=True)
    with nginx(SERVER_CORE) as server:
        for number in range(arguments.rounds):
            for size, done in runs.items():
                done.append(_run(size, server, arguments.seconds))
                print(f"round {number + 1}, {size.load:5}, {size.name}: {_line(done[-1])}", flush=True)
    print(f"\n{render(runs, missing, HELD_RPS)}")
    if arguments.json:
        document = {"machine": machine(), "runs": [{**asdict(size), "runs": done} for size, done in runs.items()]}
        document["missing"] = [{**asdict(size), "reason": reason} for size, reason in missing.items()]
        Path(arguments.json).write_text(json.dumps(document, indent=1), encoding="utf-8")


def _descriptors() -> int:
    """File descriptors that a process may have: tressi raises its limit to the hard one at its start, and so does nginx."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _run(size: Size, server: Nginx, span_s: float) -> Run:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = _start(size, server.url, folder)
        try:
            opened_s = _await_open(process, server, size.opened)
            time.sleep(SETTLE_S)
            before = _look(process.pid, server)
            time.sleep(span_s)
            after, memory = _look(process.pid, server), _memory(process.pid)
            active = server.status().active
            _check(process, folder)
        finally:
            process.terminate()
            process.wait(60)
        _await_closed(server)
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return {"open": active, "opened_s": opened_s, **_rates(before, after), **memory, **_told(summary)}


def _start(size: Size, url: str, folder: Path) -> subprocess.Popen:
    config = folder / "config.json"
    config.write_text(json.dumps(size.document(url)), encoding="ascii")
    command = [sys.executable, "-m", "tressi", "run", str(config), "--quiet", "--json", str(folder / "summary.json")]
    command += [f"--source-address={address}" for address in size.sources]
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(
            ["taskset", "-c", str(CLIENT_CORE), *command], stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )


def _await_open(process: subprocess.Popen, server: Nginx, wanted: int) -> float:
    """Seconds from the first connection until the server has so many open; all that it may take, where it never has."""
    begun = time.monotonic()
    limit, active = begun + OPEN_WITHIN_S, 0
    while process.poll() is None and active < wanted and time.monotonic() < limit:
        if active == 0:
            begun = time.monotonic()
        time.sleep(0.02)
        with suppress(OSError):  # the question found no room among so many connections
            active = server.status().active
    return time.monotonic() - begun


def _await_closed(server: Nginx) -> None:
    """Until the server has noticed that the connections are gone: the next run's must not be taken for open before they are."""
    while server.status().active > 0:
        time.sleep(0.05)


def _look(pid: int, server: Nginx) -> Look:
    # In the same order both times: a server with much to do answers late, and that must not shorten one of the spans.
    shares = {one: own_cpu_ns(one) for one in tree(pid)}
    at = time.monotonic()
    return Look(at, server.requests(), shares[_engine(shares)], sum(shares.values()))


def _engine(pids: Iterable[int]) -> int:
    """The process of the engine among those of a run."""
    return next(pid for pid in pids if b"tressi.load.child" in Path(f"/proc/{pid}/cmdline").read_bytes())


def _memory(pid: int) -> Run:
    """Resident MiB of the engine, and of all processes; pages that they share count in each."""
    pids = tree(pid)
    return {"engine_mib": resident_kib(_engine(pids)) / 1024, "tree_mib": sum(map(resident_kib, pids)) / 1024}


def _check(process: subprocess.Popen, folder: Path) -> None:
    if process.poll() is not None:
        said = (folder / "said").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"tressi ended early, with exit status {process.returncode}: {said}")


def _rates(before: Look, after: Look) -> Run:
    count = max(1, after.requests - before.requests)
    return {
        "rps": count / (after.at - before.at),
        "cpu_us": (after.tree_ns - before.tree_ns) / 1e3 / count,
        "engine_us": (after.engine_ns - before.engine_ns) / 1e3 / count,
    }


def _told(summary: dict[str, Any]) -> Run:
    """What tressi says of itself, of the whole run; requests that the bench cut short by ending it are no failures."""
    errors = sum(count for kind, count in summary["global"]["errors"].items() if kind != "cut")
    bad = sum(count for status, count in summary["global"]["statusCodes"].items() if status != "200")
    missed = summary["global"]["requestsMissed"]
    return {"own_delay_ms": summary["generator"]["ownDelayMs"]["p99"], "failed": errors + bad, "missed": missed}


def _line(run: Run) -> str:
    text = "{open:,.0f} open after {opened_s:.1f} s, {rps:,.0f}/s, {cpu_us:.2f} µs (engine {engine_us:.2f}), own delay p99"
    text += " {own_delay_ms:.2f} ms, {engine_mib:.1f} of {tree_mib:.1f} MiB, {failed:.0f} failed, {missed:,.0f} missed"
    return text.format(**run)


if __name__ == "__main__":
    main()
