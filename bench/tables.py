"""How long a table takes from its file into the block that engines share, and how much memory it takes there and meanwhile.

python -m bench.tables [--rows 1000000] [--rounds 3]
python -m bench.tables --engines 3 [--lanes 2000] [--rows 4000000]

CPU time, because the machine may be busy; each load in a process of its own, so that its peak of memory is its own. The
bounds are two seconds for a million plain rows of three columns, and a block of one and a half times the file.

With `--engines` a run uses the table on so many engines, each in a process, and the memory of all of them is read: Pss in
/proc/PID/smaps_rollup counts a page that n processes share as one n-th in each, so that the sum has it once, but only where
one of them has touched it; Shmem in /proc/meminfo has the whole block, and what others on the machine do meanwhile. The same
run with a table of one row is what all else takes. The bound is one block and a tenth of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import gevent

from bench.measure import machine
from tressi.load.cluster import Cluster
from tressi.load.process import ProcessEngine
from tressi.model.data import Rows
from tressi.request.tables import Use, load
from tressi.rows import head_of
from tressi.run.runner import EndpointRunner
from tressi.testing.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.model.data import Context

COLUMNS = ("id", "name", "password")
JSON: tuple[Context, ...] = ("percent", "json", "json")
PERCENT: tuple[Context, ...] = ("percent", "percent", "header")
_SECONDS = 300
_RUN_S = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--engines", type=int, default=0, help="how many engines share the table in a run")
    parser.add_argument("--lanes", type=int, default=2_000)
    parser.add_argument("--shared", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.shared:
        path, engines, lanes = arguments.shared
        sys.stdout.write(json.dumps(shared(path, int(engines), int(lanes))))
        return
    if arguments.engines:
        print(machine())
        with tempfile.TemporaryDirectory() as folder:
            print_shared(Path(folder), arguments.rows, arguments.engines, arguments.lanes)
        return
    if arguments.one:
        path, form, *contexts = arguments.one
        sys.stdout.write(json.dumps(measured(path, form, contexts)))
        return
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        for name, write in FILES.items():
            path = Path(folder, name)
            write(path, arguments.rows)
            for contexts in (JSON, PERCENT):
                _print(path, contexts, [_apart(path, contexts) for _ in range(arguments.rounds)])


def measured(path: str, form: str, contexts: list[Any]) -> dict[str, float]:
    """Load a table once, and tell what it took."""
    rows = Rows("data.t.file", head_of(path, form).columns, path, form)  # type: ignore[arg-type] - of the files below
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryFile() as block:
        begun = time.process_time()
        load([Use("t", rows, tuple(zip(COLUMNS, contexts, strict=True)))], block)
        took = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        return {"seconds": took, "block": block.seek(0, 2), "peak": peak * 1024}


def shared(path: str, engines: int, lanes: int) -> dict[str, float]:
    """Run engines on a table until each lane may have sent something, and tell what memory all of them take, in bytes."""
    members = [ProcessEngine() for _ in range(engines)]
    before = _kib("/proc/meminfo")["Shmem"]
    with Target() as url:
        config = {
            "data": {"t": {"file": path, "pick": "random"}},
            "requests": [{"url": f"{url}/{{{{t.id}}}}", "headers": {"X-Name": "{{t.name}}", "X-Word": "{{t.password}}"}}],
            "workers": lanes,
            "rps": 2_000,
            "duration": _RUN_S + 30,
        }
        runner = EndpointRunner(config, engine=Cluster(members))
        runner.start()
        gevent.sleep(_RUN_S)
        pids = [os.getpid(), *(member._process.pid for member in members)]  # noqa: SLF001 - whose memory it is
        found = [_kib(f"/proc/{pid}/smaps_rollup") for pid in pids]
        system = _kib("/proc/meminfo")["Shmem"] - before
        runner.stop()
        made = runner.summary()["global"]["requestsMade"]
    block = runner._tables.block  # noqa: SLF001 - its size
    return {
        "block": 0 if block is None else block.size,
        "made": made,
        "pss": sum(one["Pss"] for one in found),
        "rss": sum(one["Rss"] for one in found),
        "private": sum(one["Private_Clean"] + one["Private_Dirty"] for one in found),
        "shmem of the machine": system,
    }


def print_shared(folder: Path, rows: int, engines: int, lanes: int) -> None:
    """The memory of a run with the whole table beside that of one with a table of one row."""
    found = []
    for count in (1, rows):
        path = folder / f"{count}.csv"
        _plain(path, count)
        command = [sys.executable, "-m", "bench.tables", "--shared", str(path), str(engines), str(lanes)]
        done = subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
        found.append(json.loads(done.stdout))
        words = ", ".join(f"{name} {value / 1e6:.0f} MB" for name, value in found[-1].items() if name != "made")
        size, made = path.stat().st_size / 1e6, found[-1]["made"]
        print(f"{size:.1f} MB of CSV, {engines} engines, {lanes} lanes, {made} requests: {words}")
    small, large = found
    for name in ("pss", "private", "shmem of the machine"):
        print(f"{name}: the table takes {(large[name] - small[name]) / large['block']:.2f} of its block")


def _kib(path: str) -> dict[str, int]:
    """What a file of /proc says in kB, in bytes."""
    lines = (line.partition(":") for line in Path(path).read_text(encoding="ascii").splitlines() if line.endswith(" kB"))
    return {name: int(rest.split()[0]) * 1024 for name, _, rest in lines}


def _apart(path: Path, contexts: tuple[Context, ...]) -> dict[str, float]:
    form = path.suffix[1:]
    command = [sys.executable, "-m", "bench.tables", "--one", str(path), form, *contexts]
    done = subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    read: dict[str, float] = json.loads(done.stdout)
    return read


def _print(path: Path, contexts: tuple[Context, ...], runs: list[dict[str, float]]) -> None:
    size = path.stat().st_size
    seconds = [run["seconds"] for run in runs]
    peak = max(run["peak"] for run in runs)
    print(
        f"{path.name:12} {size / 1e6:5.1f} MB  {'+'.join(contexts):24}"
        f"  {median(seconds):5.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
        f"  block {runs[0]['block'] / size:.2f} of the file, peak of memory {peak / 1e6:.0f} MB"
    )


def _plain(path: Path, rows: int) -> None:
    draw = random.Random(1)
    lines = (f"{row},user{row}@example.test,{draw.getrandbits(64):x}\n" for row in range(1, rows + 1))
    _write(path, "id,name,password\n", lines)


def _quoted(path: Path, rows: int) -> None:
    draw = random.Random(1)
    lines = (f'{row},"user, {row}@example.test",{draw.getrandbits(64):x}\n' for row in range(1, rows + 1))
    _write(path, "id,name,password\n", lines)


def _jsonl(path: Path, rows: int) -> None:
    draw = random.Random(1)
    lines = (
        f'{{"id": {row}, "name": "user{row}@example.test", "password": "{draw.getrandbits(64):x}"}}\n'
        for row in range(1, rows + 1)
    )
    _write(path, "", lines)


def _write(path: Path, head: str, lines: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        file.writelines(lines)


FILES: dict[str, Callable[[Path, int], None]] = {
    "plain.csv": _plain,
    "quoted.csv": _quoted,
    "rows.jsonl": _jsonl,
}


if __name__ == "__main__":
    main()
