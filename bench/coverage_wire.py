"""The same proof over the wire: runs of tressi against queues behind HTTP (`bench.queues`), for `bench.coverage --wire`.

One run of tressi has 20 endpoints, each with a queue of its own, so it gives 20 runs of one endpoint. The queues are slower
than those in virtual time, 50 requests a second at most, so that what the machine adds to a response is small beside its time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.coverage_table import PERCENTS
from tressi.hdr import decode_histogram
from tressi.stats.interval import Interval, interval_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_RPS = 50.0
LOADS = (0.5, 0.8)
SECONDS = 30
AT_ONCE = 20
_WORKERS = 60  # more than are ever busy: a start that waits for a worker would not be in the queue


def summaries(load: float, seconds: int, runs: int, seed: int) -> Iterator[Mapping[str, Any]]:
    """So many endpoints' summaries, each of a queue at that load."""
    for place in range(0, runs, AT_ONCE):
        yield from _run(load, seconds, min(AT_ONCE, runs - place), seed + place)


def interval_told(endpoint: Mapping[str, Any], percent: float) -> Interval:
    """The interval that tressi gave."""
    name = f"p{percent:g}".replace(".", "")
    return Interval(0.0, *(endpoint["confidence"][f"{name}{side}"] for side in ("Low", "High")))


def naive_interval(endpoint: Mapping[str, Any], percent: float) -> Interval:
    """The interval of requests that are taken for independent."""
    whole = decode_histogram(endpoint["histograms"]["responseTime"])
    return interval_of(whole, percent, float(whole.count))


def _run(load: float, seconds: int, endpoints: int, seed: int) -> list[Mapping[str, Any]]:
    """One run of tressi; raises RuntimeError where it is not what was asked for."""
    served = [sys.executable, "-m", "bench.queues", str(MOST_RPS), str(load), str(seed)]
    with TemporaryDirectory() as folder, subprocess.Popen(served, stdin=-1, stdout=-1, text=True) as queues:
        address = queues.stdout.readline().strip()
        scaled = {"enabled": True, "targetRps": load * MOST_RPS, "minWorkers": _WORKERS, "maxWorkers": _WORKERS}
        requests = [{"url": f"{address}/{place}", "autoscale": scaled} for place in range(endpoints)]
        options = {"duration": seconds, "arrival": "poisson", "seed": seed, "workers": _WORKERS * endpoints}
        config, written = Path(folder, "config.json"), Path(folder, "summary.json")
        config.write_text(json.dumps({"requests": requests, **options}), encoding="utf-8")
        command = [sys.executable, "-m", "tressi", str(config), "--json", str(written), "--quiet"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=10 * seconds + 60)
        queues.stdin.close()
        print(f"answers left {float(queues.stdout.read()):.1f} ms late in the mean: that is the machine's", file=sys.stderr)
        summary = json.loads(written.read_text(encoding="utf-8"))
    if summary["global"]["requestsMissed"] or summary["global"]["requestsFailed"]:
        print(f"{summary['verdict']['word']}: {'; '.join(summary['verdict']['reasons'])}", file=sys.stderr)
    if summary["endReason"] != "duration":
        raise RuntimeError(f"the run was ended: {summary['endReason']}")
    return summary["endpoints"]


def cells(runs: int, seed: int, counted: Any) -> Iterator[list[dict[str, Any]]]:
    """The rows of each load; `counted` makes what counts, by load, length, percentile, runs and rate."""
    for load in LOADS:
        found = {percent: counted(load, SECONDS, percent, runs, MOST_RPS) for percent in PERCENTS}
        for endpoint in summaries(load, SECONDS, runs, seed):
            for percent, counts in found.items():
                unsteady = endpoint["confidence"]["unsteady"]
                counts.add(interval_told(endpoint, percent), naive_interval(endpoint, percent), unsteady)
        yield [counts.row() for counts in found.values()]
