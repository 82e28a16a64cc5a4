"""The same load made in another way: what two engines cost beside one, and a pool that scales itself beside the shared one.

python -m bench.variants [--pairs 5] [--seconds 3]

nginx is on core 0; the command line and all its engines are on core 1, one variant at a time, in turn.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.measure import WARM_UP_S, Figures, machine, measure, spread
from bench.servers import nginx

if TYPE_CHECKING:
    from bench.servers import Nginx

SERVER_CORE, CLIENT_CORE = 0, 1
CONNECTIONS = 64
FIXED_RPS = (5_000, 20_000)


@dataclass(frozen=True)
class Variant:
    """A way to make a load: what its config has besides the URL, and the options of the command line."""

    name: str
    document: dict[str, Any]
    options: tuple[str, ...] = ()

    def command(self, url: str, folder: Path, duration_s: int) -> list[str]:
        """A run of it, which lasts so long."""
        document = {"workers": CONNECTIONS, "duration": duration_s, **self.document}
        document["requests"] = [{"url": url, **request} for request in document.pop("requests", [{}])]
        config = folder / "config.json"
        config.write_text(json.dumps(document), encoding="ascii")
        return [sys.executable, "-m", "tressi", "run", str(config), "--quiet", *self.options]


def pairs() -> list[tuple[Variant, Variant]]:
    """What is held against what."""
    two = ("--processes", "2")
    loads = {"full speed": {}, **{f"{rps:,} RPS in all": {"rps": rps} for rps in FIXED_RPS}}
    engines = [(Variant(f"two engines, {name}", load, two), Variant("one engine", load)) for name, load in loads.items()]
    pools = [(Variant(f"scaled pool, {rps:,} RPS", _scaled(rps)), Variant("shared pool", {"rps": rps})) for rps in FIXED_RPS]
    return engines + pools


def _scaled(rps: int) -> dict[str, Any]:
    pool = {"enabled": True, "targetRps": rps, "maxWorkers": CONNECTIONS}
    return {"requests": [{"autoscale": pool}], "autoscale": {"enabled": True, "cooldownPeriod": 1}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    print(machine())
    with nginx(SERVER_CORE) as server, tempfile.TemporaryDirectory() as folder:
        for this, that in pairs():
            once = partial(_run, server=server, folder=Path(folder), span_s=arguments.seconds)
            runs = [(once(this), once(that)) for _ in range(arguments.pairs)]
            print(f"{this.name} / {that.name}")
            print(f"  requests per second {spread([mine.rps / other.rps for mine, other in runs])}")
            print(f"  CPU per request     {spread([mine.cpu_us / other.cpu_us for mine, other in runs])}", end="")
            mine_us, other_us = (median(run.cpu_us for run in side) for side in zip(*runs, strict=True))
            print(f"   {mine_us:.2f} and {other_us:.2f} µs", flush=True)


def _run(variant: Variant, server: Nginx, folder: Path, span_s: float) -> Figures:
    duration_s = math.ceil(WARM_UP_S + span_s + 3)
    return measure(variant.command(server.url + "/", folder, duration_s), server, span_s, CLIENT_CORE)


if __name__ == "__main__":
    main()
