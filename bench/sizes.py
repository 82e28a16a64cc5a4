"""How large the runs of `bench.scale` are, what each is held against, and its figures as a table. No I/O.

Three loads, because no single one shows it all. At full speed every connection always has a request in flight: the most
that many connections can cost. Held is the same below full speed: the target lets a fixed number of answers go each second,
so that all connections are in use and neither side is at its limit. Paced is tressi's own rate, the same in all, with a
pool for each endpoint.

A thousand endpoints are asked for twice. Sharing 64 connections at full speed they differ from one endpoint in nothing but
their number, so that ratio is their price. With a pool each they need a thousand connections as well; the total rate is
that of the one endpoint, so that the ratio holds what is done for each pool each second, too.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bench.table import middle, ratios

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PACED_RPS = 10_000
# A source address has some 28,000 ports for one target by default.
CONNECTIONS_PER_SOURCE = 10_000
# What nginx and tressi have open besides connections, generously.
_SPARE_DESCRIPTORS = 100
_SECONDS = 600  # every run is ended before


@dataclass(frozen=True)
class Size:
    """One situation. `base` is the size that it is held against, its own for the first of a load."""

    load: Literal["full", "held", "paced"]
    endpoints: int
    connections: int
    base: tuple[int, int] = (1, 64)

    @property
    def name(self) -> str:
        """As a row is called."""
        noun = "connections" if self.load != "paced" else "workers"
        return f"{self.endpoints:,} endpoint{'s' * (self.endpoints > 1)}, {self.connections:,} {noun}"

    @property
    def opened(self) -> int:
        """Connections that are open at least once the run is under way; idle workers open none."""
        return self.endpoints if self.load == "paced" else self.connections

    @property
    def sources(self) -> list[str]:
        """Source addresses for so many connections; none where the ports of one are enough."""
        count = -(-self.connections // CONNECTIONS_PER_SOURCE)
        return [f"127.0.1.{number + 1}" for number in range(count)] if count > 1 else []

    def is_base(self) -> bool:
        """Whether it is what others are held against."""
        return (self.endpoints, self.connections) == self.base

    def document(self, url: str) -> dict[str, Any]:
        """Its config."""
        path = "/held" if self.load == "held" else "/"
        requests = [{"url": f"{url}{path}?{number}"} for number in range(self.endpoints)]
        document: dict[str, Any] = {"requests": requests, "workers": self.connections, "duration": _SECONDS}
        if self.load == "paced":
            least = self.connections // self.endpoints
            document["autoscale"] = {"enabled": True, "targetRps": PACED_RPS, "minWorkers": least}
        return document


SIZES = (
    Size("full", 1, 64),
    Size("full", 1000, 64),
    Size("full", 1, 1000),
    Size("full", 1, 10_000),
    Size("full", 1, 30_000),
    Size("held", 1, 64),
    Size("held", 1, 1000),
    Size("held", 1, 10_000),
    Size("held", 1, 30_000),
    Size("paced", 1, 64),
    Size("paced", 1000, 1000),
    Size("paced", 1, 10_000),
)
LOADS = {
    "full": "Full speed",
    "held": "Held: the target lets {held:,} answers go each second",
    "paced": "Paced: tressi keeps {paced:,} requests a second",
}
_COLUMNS = (
    "size",
    "open",
    "all open after s",
    "requests/s",
    "CPU µs per request",
    "to the first",
    "engine alone, µs",
    "own delay p99, ms",
    "engine MiB",
    "all MiB",
    "KiB each",
)
Run = dict[str, float]


def obstacle(size: Size, descriptors: int) -> str:
    """Why a size cannot be run where a process may have so many file descriptors; nothing where it can."""
    wanted = size.connections + _SPARE_DESCRIPTORS
    if wanted <= descriptors:
        return ""
    return f"left out: a process may have {descriptors:,} file descriptors here, it needs {wanted:,} (ulimit -Hn {wanted})"


def added_kib(size: Size, run: Run, base: Run) -> float:
    """Resident memory of the engine for each endpoint, or else connection or idle worker, that it has more than its base."""
    endpoints, connections = size.base
    more = size.endpoints - endpoints if size.endpoints > endpoints else size.connections - connections
    return (run["engine_mib"] - base["engine_mib"]) * 1024 / more


def row(size: Size, runs: Sequence[Run], bases: Sequence[Run]) -> list[str]:
    """The cells of one size: medians over its rounds, in brackets lowest and highest."""
    column = {key: [run[key] for run in runs] for key in runs[0]}
    cells = [size.name, f"{statistics.median(column['open']):,.0f}", middle(column["opened_s"], 1), middle(column["rps"], 0)]
    cells.append(middle(column["cpu_us"], 2))
    cells.append("" if size.is_base() else middle(ratios(column["cpu_us"], [base["cpu_us"] for base in bases]), 2))
    cells += [middle(column["engine_us"], 2), middle(column["own_delay_ms"], 2)]
    cells += [f"{statistics.median(column[key]):.1f}" for key in ("engine_mib", "tree_mib")]
    pairs = zip(runs, bases, strict=False)
    each = [added_kib(size, run, base) for run, base in pairs] if not size.is_base() else []
    return [*cells, f"{statistics.median(each):.1f}" if each else ""]


def render(runs: Mapping[Size, Sequence[Run]], missing: Mapping[Size, str], held: int) -> str:
    """All tables, one for each load, and what was left out with the reason."""
    by_load: dict[str, list[list[str]]] = defaultdict(list)
    for size, figures in runs.items():
        by_load[size.load].append(row(size, figures, runs[Size(size.load, *size.base)]))
    for size, reason in missing.items():
        by_load[size.load].append([size.name, reason, *[""] * (len(_COLUMNS) - 2)])
    parts = []
    for load, title in LOADS.items():
        lines = [_COLUMNS, ["---"] * len(_COLUMNS), *by_load[load]]
        parts += [title.format(held=held, paced=PACED_RPS), "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join(parts)
