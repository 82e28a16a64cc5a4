"""A day's run of 50 endpoints: the memory that keeping it takes, and what its exports take at the end.

    python -m bench.day_run [ENDPOINTS] [SECONDS]

Sixty seconds of made-up latencies are kept over and over, through everything that a run does with a second after it has been
measured, as fast as they can be. Figures of the exports are of the process that has kept the run, its own memory included.
"""

import random
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tressi._core import Histogram
from tressi.model import (
    AutoscaleConfig,
    Delta,
    EndpointCounts,
    EndpointSnapshot,
    EngineSnapshot,
    GeneratorSnapshot,
    ResolvedConfig,
    ResolvedEndpoint,
)
from tressi.report.csv_table import header, lines
from tressi.report.formats import write_export
from tressi.report.latency_hlog import second_by_second
from tressi.report.rows import second_rows
from tressi.report.timeline_csv import COLUMNS
from tressi.run.kept import Kept, Place
from tressi.run.summary import RunRecord, summarise

RPS = 100
DISTINCT_S = 60


def peak_mb():
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def a_second(chance, keys):
    """One second of every endpoint: `RPS` successes, their latencies spread as real ones are."""
    parts = []
    for number, key in enumerate(keys):
        times = Histogram()
        for _ in range(RPS):
            times.record(int(1000 * (1.5 + number % 7) * chance.lognormvariate(0, 0.5)))
        rates = {"target_rps": float(RPS), "scheduled": float(RPS), "scheduled_s": 1.0, "lane_s": 4.0, "worker_count": 4}
        busy_s = chance.uniform(0.5, 1.5)
        parts.append(
            EndpointCounts(key, succeeded=RPS, **rates, occupied_lane_s=busy_s, service=times, response=times, success=times)
        )
    return Delta(0.0, 1.0, tuple(parts))


def config_of(endpoints, seconds):
    """So many endpoints, each at its rate."""
    urls = [f"http://shop.example:8080/api/v2/catalogue/{number}" for number in range(endpoints)]
    scaled = AutoscaleConfig(float(RPS), 1, 40)
    each = tuple(ResolvedEndpoint(f"GET {url}", "GET", url, url, autoscale=scaled) for url in urls)
    return ResolvedConfig(each, None, 40 * endpoints, duration_s=float(seconds))


def record_of(config, kept, second):
    """All that the summary is made of; each endpoint's totals are those of one second, repeated."""
    times, seconds = int(config.duration_s), {}
    for one in second.endpoints:
        counts = {"succeeded": RPS * times, "status_codes": {200: RPS * times}, "scheduled": float(RPS * times)}
        latencies = {"service": one.service, "response": one.response, "success": one.success}
        seconds[one.endpoint_key] = EndpointSnapshot(one.endpoint_key, **counts, **latencies, worker_count=4)
    reading = EngineSnapshot(config.duration_s, seconds, GeneratorSnapshot())
    rows, row_s = list(kept.rows()), kept.seconds
    return RunRecord(
        config, "2026-01-01T00:00:00.000+00:00", config.duration_s, "duration", None, reading, reading, rows=rows, row_s=row_s
    )


def keep(kept, distinct, seconds, timeline):
    """Keep so many seconds, and write the full timeline, as a run does."""
    timeline.write(header(COLUMNS))
    for number in range(seconds):
        place = Place(replace(distinct[number % DISTINCT_S], t=number + 1.001))
        row = place.row(())
        kept.add(place, row)
        timeline.write(lines(COLUMNS, second_rows(row)))
    kept.close(replace(distinct[0], t=seconds + 1.0))


def main(endpoints=50, seconds=86_400):
    """Keep a run, make its exports, and print what both took."""
    config, chance = config_of(endpoints, seconds), random.Random(1)
    keys = [endpoint.endpoint_key for endpoint in config.endpoints]
    kept, distinct = Kept(keys, (), seconds), [a_second(chance, keys) for _ in range(DISTINCT_S)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        with Path(folder, "timeline.csv").open("wb") as timeline:
            keep(kept, distinct, seconds, timeline)
        took = time.monotonic() - began
        del distinct[1:]  # no run has them
        print(f"kept {seconds} s of {endpoints} endpoints: {1e3 * took / seconds:.1f} ms a second, peak {peak_mb():.0f} MB")
        print(f"temporary files: {kept.size / 1e6:.0f} MB at the end; a row for {kept.seconds} s")
        began = time.monotonic()
        summary = summarise(record_of(config, kept, distinct[0]))
        print(f"summary: {time.monotonic() - began:.1f} s, {len(summary['timeline'])} rows, peak {peak_mb():.0f} MB")
        export(summary, kept, Path(folder))


def export(summary, kept, folder):
    """Write every file but the timeline, which is there, and say what that took."""
    began, began_cpu = time.monotonic(), time.process_time()
    made = write_export(summary, folder, second_by_second(summary, kept.intervals()), there=("timeline.csv",))
    made.check()
    took, took_cpu = time.monotonic() - began, time.process_time() - began_cpu
    for path in made.written:
        print(f"{path.name:13} {path.stat().st_size / 1e6:8.2f} MB")
    print(f"exports: {took:.1f} s ({took_cpu:.1f} s of CPU), peak {peak_mb():.0f} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
