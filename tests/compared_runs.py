"""Runs as `tressi compare` has them, made of numbers that a seed draws, and their exports."""

import json
import math
import random
from dataclasses import replace

from summaries import endpoint_snapshot, summary_of

from tressi._core import Histogram
from tressi._histogram import Packed
from tressi.compare.sides import Run
from tressi.hdr import encode_histogram, together
from tressi.report.latency_hlog import second_by_second
from tressi.run.kept import Interval

KEYS = ("GET http://host/a", "GET http://host/b")


def drawn(rng, count, median_ms=10.0, level=0.0):
    """So many log-normal response times."""
    histogram = Histogram()
    for _ in range(count):
        histogram.record(int(median_ms * 1e3 * math.exp(level + rng.gauss(0, 0.3))))
    return histogram


def run_of(label="run", *, seed=0, seconds=30, each=60, factor=1.0, spread=0.0, keys=KEYS, failed=0, **of_summary):
    """A run whose response times are `factor` times those of another, and `spread` from run to run."""
    rng = random.Random(f"{label}{seed}")
    own = rng.gauss(0, spread) + math.log(factor)
    lines = {key: [(t + 1.0, Packed(drawn(rng, each, level=own).zigzag())) for t in range(seconds)] for key in keys}
    whole = {key: together(second for _, second in lines[key]) for key in keys}
    snapshots = [
        replace(endpoint_snapshot(key, succeeded=whole[key].count - failed, failed=failed), response=whole[key]) for key in keys
    ]
    return Run(label, summary_of(*snapshots, **of_summary), whole, lines)


def exported(run, directory, *, with_log=True):
    """Write the export of a run: its summary and its log. Returns where."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "summary.json").write_text(json.dumps(run.summary), encoding="utf-8")
    if with_log:
        intervals = [
            Interval(key, time, end - 1, 1.0, second.max_us, encode_histogram(second))
            for key, lines in run.seconds.items()
            for end, second in ((end, Histogram.from_zigzag(one.payload)) for end, one in lines)
            for time in ("response", "service")
        ]
        (directory / "latency.hlog").write_bytes(b"".join(second_by_second(run.summary, intervals)))
    return str(directory)
