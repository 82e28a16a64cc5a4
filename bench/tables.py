"""How long a table takes from its file into the block that engines share, and how much memory it takes there and meanwhile.

python -m bench.tables [--rows 1000000] [--rounds 3]

CPU time, because the machine may be busy; each load in a process of its own, so that its peak of memory is its own. The
bounds are two seconds for a million plain rows of three columns, and a block of one and a half times the file.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.measure import machine
from tressi.model.data import Rows
from tressi.request.tables import Use, load
from tressi.rows import head_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.model.data import Context

COLUMNS = ("id", "name", "password")
JSON: tuple[Context, ...] = ("percent", "json", "json")
PERCENT: tuple[Context, ...] = ("percent", "percent", "header")
_SECONDS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
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
