"""Minutes or hours of load over a hundred endpoints, a fault each minute: whether the counts stay true and nothing grows.

python -m bench.soak [--minutes 10] [--rps 20000] [--processes 1] [--transport wire] [--slice-seconds 60] [--json FILE]

The command line runs with the autoscaler against an nginx that logs each answer, and a small server that can tear its answers
(`soak_target.py`). A sixth into each minute comes a fault, in turn: nginx reloads, stands still, is restarted, its worker is
killed; one endpoint answers 500, one closes in mid-body; the engine stands still, the command does. The second half of each
minute is calm. Each minute's line says

  MiB          resident memory of the command, and of its engines
  descriptors  of the command, and of its engines (a socket for each connection)
  late         p99 of how late starts were sent, in the whole minute and in its calm half, out of Prometheus buckets
  read         responses that the run has read since its start
  answered     what the servers had answered by then, between the last look before and the first after the run's reading
  lost         attempts cut, repeated, or failed after their request was sent: the server may have answered those too
  missed       starts given up since the run's start, and those that were the generator's own fault

and these rules decide the exit code, 1 where one is broken:

  each minute  read <= answered, and answered <= read + lost + in flight; both within what starts in 0.2 s
  at the end   for each endpoint and each status read <= answered, and in all answered <= read + lost: to the request
  torn         as many failures `closed` as answers were torn
  descriptors  the command has no more than in the first minute, but for up to four files without a name in which it keeps
               the run's seconds; the engines have a socket for each lane at most, and of
               everything else no more than in the first minute
  memory       after the first fifth, the engines' (heap and stacks) is flat or grows by less than 1 MiB; the command's, which
               keeps the run's seconds, grows by less than 32 KiB each second
  lateness     calm p99 in the last third of the minutes is no more than 5 ms, or three times that of the first third
  end          the run lasts to its end, with exit code 0

Whether a rate can be held is another bench's question (`rate_kept`): give what the machine can do together with its nginx.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.request import urlopen

from bench.measure import machine
from bench.servers import free_port
from bench.slope import Slope, slope_of
from bench.soak_rules import (
    Counts,
    broken_counts,
    broken_ends,
    broken_lateness,
    broken_memory,
    broken_torn,
    counts_of,
    late_p99_s,
)
from bench.soak_target import ENDPOINTS, FAULTS, TEARING, Place, target
from bench.soak_watch import Memory, Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.soak_target import Fault, Nginx, TearingServer

MOST_WORKERS: Final = 8  # of an endpoint
COMMAND_BYTES_S: Final = 32 * 1024
BEGIN_WITHIN_S: Final = 120.0
END_WITHIN_S: Final = 120.0
SHOWN_POINTS: Final = 60  # as many as a slope is taken through
WARM_UP: Final = 0.2
SHOWN_REASONS: Final = 10
SHOWN_FIELDS: Final = ("endpointKey", "requestsMade", "requestsMissed", "retries", "statusCodes", "errors", "errorReasons")


@dataclass(frozen=True)
class Minute:
    """What one slice of the run was found to be."""

    fault: str
    counts: Counts
    fewest: int  # what the servers had answered just before the run's reading
    most: int  # and just after it
    memory: Memory
    late_s: float
    calm_late_s: float
    broken: str


def main() -> None:
    arguments = _arguments()
    print(
        f"{machine()}, {arguments.rps:g} RPS over {ENDPOINTS} endpoints, {arguments.processes} engine(s)\n{_HEAD}", flush=True
    )
    with target() as (nginx, tearing), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = free_port()
        process = _start(arguments, nginx, tearing, folder, port)
        watch = Watch(process.pid, lambda: nginx.requests + tearing.whole)
        try:
            minutes = _minutes(arguments, Place(nginx, tearing, process.pid), watch, port)
            code = _await_end(process, port)
        finally:
            watch.close()
            if process.poll() is None:
                process.terminate()
                process.wait(END_WITHIN_S)
        said = (folder / "said").read_text(encoding="utf-8", errors="replace").strip()
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        broken = _broken_end(summary, nginx, tearing)
        if not arguments.counts_alone:
            broken += [one.broken for one in minutes if one.broken] + _broken_run(minutes, watch, arguments)
        if code != 0 or summary["endReason"] != "duration":
            broken.append(f"the run ended by {summary['endReason']} with exit code {code}: {said}")
    kept = [f"BROKEN: {one}" for one in broken] or ["every rule is kept"]
    print("\n".join(["", *_ending(summary, watch), *kept]))
    if arguments.json:
        document = {"machine": machine(), "minutes": [asdict(one) for one in minutes], "broken": broken}
        document["endpoints"] = [{name: one[name] for name in SHOWN_FIELDS} for one in summary["endpoints"]]
        Path(arguments.json).write_text(json.dumps(document, indent=1), encoding="utf-8")
    sys.exit(bool(broken))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10, help="slices of the run, with a fault each (default: 10)")
    parser.add_argument("--rps", type=float, default=20_000.0, help="of all endpoints together (default: 20000)")
    parser.add_argument("--processes", type=int, default=1, help="engines (default: 1)")
    parser.add_argument("--transport", choices=("wire", "urllib3"), default="wire")
    parser.add_argument("--slice-seconds", type=float, default=60.0, help="how long a slice is (default: 60)")
    parser.add_argument("--counts-alone", action="store_true", help="hold it to the counts at the end alone, as a test does")
    parser.add_argument("--json", metavar="FILE", help="write every minute")
    arguments = parser.parse_args()
    if not (1 <= arguments.minutes <= 24 * 60 and 4.0 <= arguments.slice_seconds <= 600.0):
        parser.error("--minutes: 1 to 1440; --slice-seconds: 4 to 600")
    return arguments


def _start(arguments: argparse.Namespace, nginx: Nginx, tearing: TearingServer, folder: Path, port: int) -> subprocess.Popen:
    rate = {"enabled": True, "targetRps": arguments.rps / ENDPOINTS, "minWorkers": 1, "maxWorkers": MOST_WORKERS}
    requests = [{"url": url, "autoscale": rate} for url in Place(nginx, tearing, 0).urls]
    duration = arguments.minutes * arguments.slice_seconds + 2
    document = {"requests": requests, "workers": ENDPOINTS * MOST_WORKERS, "duration": duration}
    (folder / "config.json").write_text(json.dumps(document), encoding="ascii")
    command = [sys.executable, "-m", "tressi", "run", str(folder / "config.json"), "--quiet"]
    command += ["--json", str(folder / "summary.json"), "--prometheus", f"127.0.0.1:{port}"]
    command += ["--processes", str(arguments.processes), "--transport", arguments.transport]
    with (folder / "said").open("wb") as out:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=out, start_new_session=True)


# ---------------------------------------------------------------------------------------------------------- the minutes


def _minutes(arguments: argparse.Namespace, place: Place, watch: Watch, port: int) -> list[Minute]:
    before = _await_begin(port)
    begun_s, length_s, minutes = before.started_s, arguments.slice_seconds, []
    for number in range(arguments.minutes):
        at_s, fault = begun_s + number * length_s, FAULTS[number % len(FAULTS)]
        _sleep_until(at_s + length_s / 6)
        _inflict(fault, place, length_s / 6)
        _sleep_until(at_s + length_s / 2)
        middle = counts_of(_scrape(port))
        _sleep_until(at_s + length_s)
        after = counts_of(_scrape(port))
        fewest, most = watch.answered_at(after.started_s + after.t)
        broken = broken_counts(after, fewest, most, arguments.rps)
        late_s, calm_late_s = late_p99_s(before, after), late_p99_s(middle, after)
        minutes.append(Minute(fault.name, after, fewest, most, watch.latest(), late_s, calm_late_s, broken))
        print(_row(number + 1, minutes[-1]), flush=True)
        before = after
    return minutes


def _inflict(fault: Fault, place: Place, most_s: float) -> None:
    fault.begin(place)
    try:
        time.sleep(min(fault.seconds, most_s))
    finally:
        fault.end(place)


def _await_begin(port: int) -> Counts:
    """The first scrape of the run, once it has counted a second."""
    limit = time.monotonic() + BEGIN_WITHIN_S
    while time.monotonic() < limit:
        try:
            counts = counts_of(_scrape(port))
        except (OSError, KeyError):
            time.sleep(0.1)
        else:
            if counts.t > 0:
                return counts
            time.sleep(0.1)
    raise RuntimeError(f"the run has not begun within {BEGIN_WITHIN_S:g} s")


def _await_end(process: subprocess.Popen, port: int) -> int:
    """Scrape until the run has ended, which waits for that; returns its exit code."""
    limit = time.monotonic() + END_WITHIN_S
    while process.poll() is None and time.monotonic() < limit:
        try:
            _scrape(port)
            time.sleep(1.0)
        except OSError:
            time.sleep(0.1)
    return process.wait(1.0)


def _scrape(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return answer.read().decode()


def _sleep_until(at_s: float) -> None:
    """Until a moment in Unix time."""
    time.sleep(max(0.0, at_s - time.time()))


# ------------------------------------------------------------------------------------------------------------- the end


def _broken_end(summary: dict[str, Any], nginx: Nginx, tearing: TearingServer) -> list[str]:
    """What of the final counts is not as the servers have it."""
    answered: list[dict[int, int]] = [{} for _ in range(ENDPOINTS)]
    for (number, status), count in nginx.by_answer().items():
        answered[number][status] = count
    answered[TEARING] = {200: tearing.whole}
    found = broken_ends(summary["endpoints"], answered)
    return found + broken_torn(summary["endpoints"][TEARING], tearing.torn)


def _broken_run(minutes: Sequence[Minute], watch: Watch, arguments: argparse.Namespace) -> list[str]:
    """What grew over the minutes."""
    found = watch.broken_descriptors(arguments.slice_seconds, lanes=ENDPOINTS * MOST_WORKERS)
    found += broken_lateness([one.calm_late_s for one in minutes])
    engine, command, seconds = _slopes(watch.memory)
    return found + broken_memory(engine, command, seconds, COMMAND_BYTES_S)


def _slopes(samples: Sequence[Memory]) -> tuple[Slope, Slope, float]:
    """Of the engines' and of the command's memory in bytes a second, and over how many seconds."""
    steady = samples[round(WARM_UP * len(samples)) :]
    steady = steady[:: max(1, len(steady) // SHOWN_POINTS)]
    xs = [one.at_s for one in steady]
    engine = slope_of(xs, [1024 * one.engine_anonymous_kib for one in steady])
    return engine, slope_of(xs, [1024 * one.command_anonymous_kib for one in steady]), xs[-1] - xs[0]


_HEAD: Final = """
| minute | fault | MiB | descriptors | late p99, calm, ms | read | answered | lost | missed, by us |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def _row(number: int, one: Minute) -> str:
    memory, counts = one.memory, one.counts
    cells = [
        str(number),
        one.fault,
        f"{memory.command_kib / 1024:.1f} + {memory.engine_kib / 1024:.1f}",
        f"{memory.command_descriptors} + {memory.engine_descriptors}",
        f"{1e3 * one.late_s:.2f}, {1e3 * one.calm_late_s:.2f}",
        f"{counts.responses:,}",
        f"{one.fewest:,} to {one.most:,}",
        f"{counts.lost:,}",
        f"{counts.missed:,}, {counts.missed_late:,}",
    ]
    return f"| {' | '.join(cells)} |" + (f" BROKEN: {one.broken}" if one.broken else "")


def _ending(summary: dict[str, Any], watch: Watch) -> list[str]:
    engine, command, seconds = _slopes(watch.memory)
    whole, late = summary["global"], summary["generator"]["lateSendsMs"]
    missed_late = sum(one["missedLate"] for one in summary["endpoints"])
    reasons = Counter()
    for endpoint in summary["endpoints"]:
        reasons.update({f"{one['kind']}: {one['reason']}": one["count"] for one in endpoint["errorReasons"]})
    return [
        f"{whole['requestsMade']:,} attempts in {summary['durationSec']:.0f} s ({whole['rps']:,.0f} RPS)",
        f"{whole['requestsFailed']:,} failed, {whole['retries']:,} sent again, {whole['requestsCut']:,} cut",
        *(f"  {count:,} {reason}" for reason, count in reasons.most_common(SHOWN_REASONS)),
        f"{whole['requestsMissed']:,} starts missed, {missed_late:,} of them by us; late p99 {late['p99']:.2f} ms",
        f"memory over the last {seconds:.0f} s, KiB a minute: engine {_shown(engine)}, command {_shown(command)}",
    ]


def _shown(slope: Slope) -> str:
    value, low, high = (60 * part / 1024 for part in (slope.value, slope.low, slope.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
