"""How often tressi's intervals hold the true percentile: a queue whose percentiles are known, in virtual time.

python -m bench.coverage [--runs 400] [--seed 1] [--json FILE] [--page docs/confidence.md] [--wire 40]

The target is one exponential server, first come, first served, with Poisson arrivals (M/M/1). It serves 1,000 requests a
second at most. In its steady state response times are exponential with the rate of what it could serve beyond its load, so each
percentile is known. A run begins in the steady state. The naive interval beside it takes the requests for independent.
400 runs take about two minutes. `--wire` does some more over loopback, with tressi
itself, 20 at a time of half a minute; the machine must be idle, because what it adds to a response is not the queue's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from bench.coverage_table import LOADS, PERCENTS, SECONDS, fill, table
from bench.coverage_wire import cells as over_the_wire
from tressi._core import Histogram
from tressi._histogram import Packed
from tressi.stats.interval import interval_of
from tressi.stats.sureness import percentiles_with_confidence

MOST_RPS = 1000.0


def main() -> None:
    arguments = _arguments()
    rows = [] if arguments.runs else json.loads(Path(arguments.json).read_text(encoding="utf-8"))["rows"]
    for load in LOADS if arguments.runs else ():
        for seconds in SECONDS:
            rows += cell(load, seconds, arguments.runs, arguments.seed)
            print(table(rows[-len(PERCENTS) :], head=len(rows) == len(PERCENTS)), flush=True)
    document = {"runs": rows[0]["runs"], "seed": arguments.seed, "rows": rows}
    if arguments.wire:
        document["wire"] = [row for found in over_the_wire(arguments.wire, arguments.seed, Counts) for row in found]
        print(f"\nover the wire:\n\n{table(document['wire'], head=True)}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if arguments.page:
        fill(Path(arguments.page), document)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400, help="0: take those that the file of --json has")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wire", type=int, default=0, metavar="RUNS", help="do so many more of each load over loopback")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--page", metavar="FILE", help="the page whose table and picture are written anew")
    return parser.parse_args()


def cell(load: float, seconds: int, runs: int, seed: int) -> list[dict]:
    """The counts of each percentile at one load and length: runs with an interval, and intervals that miss."""
    draw = np.random.default_rng([seed, round(100 * load), seconds])
    found = {percent: Counts(load, seconds, percent, runs) for percent in PERCENTS}
    for _ in range(runs):
        run = queue(draw, load, seconds)
        merged = Histogram()
        for second in run:
            merged.merge(second)
        by_second = [(end + 1.0, Packed(second.zigzag())) for end, second in enumerate(run)]
        sure = percentiles_with_confidence(by_second, None, 0.0, PERCENTS)
        for percent, counts in found.items():
            counts.add(sure.percentiles[percent], interval_of(merged, percent, float(merged.count)), sure.unsteady)
    return [counts.row() for counts in found.values()]


def queue(draw: np.random.Generator, load: float, seconds: int) -> list[Histogram]:
    """The response times of one run, by the second in which they ended, by Lindley's recursion."""
    count = draw.poisson(load * MOST_RPS * seconds)
    arrivals = np.sort(draw.random(count)) * seconds
    services = draw.exponential(1 / MOST_RPS, count)
    # Who arrives first in the steady state meets a queue: its response time has the distribution of all.
    services[0] = draw.exponential(1 / (MOST_RPS * (1 - load)))
    steps = np.concatenate(([0.0], np.cumsum(services[:-1] - np.diff(arrivals))))
    responses_s = steps - np.minimum.accumulate(steps) + services
    ends = np.minimum((arrivals + responses_s).astype(int), seconds - 1)
    values_us = np.rint(responses_s * 1e6).astype(int).tolist()
    found = [Histogram() for _ in range(seconds)]
    for end, value_us in zip(ends.tolist(), values_us, strict=True):
        found[end].record(value_us)
    return found


class Counts:
    """How often the intervals of one percentile were given, and missed what is true."""

    def __init__(self, load: float, seconds: int, percent: float, runs: int, most_rps: float = MOST_RPS) -> None:
        self.truth_ms = -np.log(1 - percent / 100) / (most_rps * (1 - load)) * 1e3
        self._row = {"load": load, "seconds": seconds, "percent": percent, "runs": runs}
        self._row |= {"given": 0, "missed": 0, "naive_given": 0, "naive_missed": 0, "unsteady": 0}
        self._widths = []

    def add(self, sure, naive, unsteady) -> None:
        """Count one run's intervals, tressi's and the naive one."""
        self._row["unsteady"] += unsteady is not None
        for one, name in ((sure, ""), (naive, "naive_")):
            if one.low_ms is not None:
                self._row[f"{name}given"] += 1
                self._row[f"{name}missed"] += not one.low_ms <= self.truth_ms <= one.high_ms
        if sure.low_ms is not None:
            self._widths.append((sure.high_ms - sure.low_ms) / self.truth_ms)

    def row(self) -> dict:
        """The counts, and the median width as a share of the true value."""
        return self._row | {"width": float(np.median(self._widths)) if self._widths else None}


if __name__ == "__main__":
    main()
