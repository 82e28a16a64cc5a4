"""Throughput and CPU of any load generator, seen from outside: the server's count and the kernel's accounting.

Both are read twice in the middle of the run, so that neither a tool's start-up nor its report counts.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Counts(Protocol):
        """A server that says how many requests it has had since its start."""

        def requests(self) -> int:
            """Requests since its start."""


WARM_UP_S = 1.5
RUN_S = 300  # after which a run is given up


class EndedEarlyError(RuntimeError):
    """A tool that was to be read in the middle of its run had ended by then."""


@dataclass(frozen=True)
class Figures:
    """One run: requests per second by the server's count, and CPU microseconds per request of the whole process tree."""

    rps: float
    cpu_us: float


def tree(pid: int) -> list[int]:
    """A process and all its descendants, the process first."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def engines(pid: int) -> list[int]:
    """The processes of engines among a process and its descendants."""
    return [one for one in tree(pid) if b"tressi.load.child" in Path(f"/proc/{one}/cmdline").read_bytes()]


def own_cpu_ns(pid: int) -> int:
    """CPU time of one process, by the scheduler's statistics; threads that have ended are left out."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def cpu_ns(pid: int) -> int:
    """CPU time of a process and all its descendants."""
    return sum(map(own_cpu_ns, tree(pid)))


def resident_kib(process: int | str = "self") -> int:
    """Resident memory of a process, what it shares with others included."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def anonymous_kib(process: int | str = "self") -> int:
    """Resident memory that is no file's and no other process's: its heap and its stacks."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def descriptors(process: int | str = "self") -> int:
    """How many file descriptors a process has open."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def measure(command: Sequence[str], server: Counts, span_s: float, core: int, warm_up_s: float = WARM_UP_S) -> Figures:
    """Run `command` on `core` (it must last at least warm_up_s + span_s) and read it in the middle."""
    process = subprocess.Popen(["taskset", "-c", str(core), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(warm_up_s)
        before, cpu_before, begun = server.requests(), cpu_ns(process.pid), time.monotonic()
        time.sleep(span_s)
        cpu_after, after, ended = cpu_ns(process.pid), server.requests(), time.monotonic()
        if process.poll() is not None:
            raise EndedEarlyError(f"{command} ended early, with exit status {process.returncode}")
    finally:
        process.terminate()
        process.wait(30)
    return Figures((after - before) / (ended - begun), (cpu_after - cpu_before) / 1e3 / max(1, after - before))


def shown(figures: Sequence[Figures]) -> str:
    """Throughput and CPU time of a request, as medians of several runs."""
    if not figures:
        return "-"
    rps, cpu_us = (statistics.median(getattr(one, name) for one in figures) for name in ("rps", "cpu_us"))
    return f"{rps:,.0f} RPS {cpu_us:.2f} µs"


def per_cpu_second(ours: Sequence[Figures], theirs: Sequence[Figures]) -> str:
    """How many requests tressi sends in a CPU second for each that the other tool sends, over the pairs of runs."""
    ratios = [other.cpu_us / own.cpu_us for own, other in zip(ours, theirs, strict=False)]
    return spread(ratios) if ratios else "-"


def spread(values: Sequence[float]) -> str:
    """Median, and lowest to highest."""
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def percentile(ascending: list[float], percent: float) -> float:
    """The value that `percent` % do not exceed."""
    rank = math.ceil(percent * len(ascending) / 100)  # multiplied first: 0.99 is not 99 / 100 in binary
    return ascending[max(0, rank - 1)]


def machine() -> str:
    """One line about where the figures come from."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "processor not named")
    kernel = platform.release().partition("-")[0]
    return f"{model}, {os.cpu_count()} cores, Linux {kernel}, Python {platform.python_version()}"


def run_tressi(document: dict, core: int) -> dict:
    """Run a config with the command line, as a user does, on `core`; returns its summary."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
        json.dump(document, config)
        config.flush()
        command = [sys.executable, "-m", "tressi", "run", config.name, "--quiet", "--json", "-"]
        done = subprocess.run(["taskset", "-c", str(core), *command], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def summary_of(config: Path, document: dict | None = None, *flags: str, core: int | None = None) -> dict:
    """The summary of a run of `config`, into which `document` is written first; anything but a result ends the program."""
    if document is not None:
        config.write_text(json.dumps(document), encoding="ascii")
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    command = [*pinned, sys.executable, "-m", "tressi", str(config), "--quiet", "--json", "-", *flags]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=RUN_S)
    if ended.returncode != 0:
        sys.exit(f"tressi ended with {ended.returncode}: {ended.stderr.decode()}")
    return json.loads(ended.stdout)


def request_cpu_us(summary: dict) -> float:
    """CPU of the engine for each request of a run, in microseconds; a run with another status than 200 ends the program."""
    made = summary["global"]["requestsMade"]
    if summary["global"]["statusCodes"] != {"200": made}:
        sys.exit(f"not every response was a 200: {summary['global']['statusCodes']}, {summary['global']['errors']}")
    return float(summary["generator"]["cpuPercent"] / 100 * summary["durationSec"] / made * 1e6)
