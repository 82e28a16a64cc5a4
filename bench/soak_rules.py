"""What the soak holds a run to: its counts, read from its Prometheus metrics, and the rules that they keep. Pure functions."""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.slope import Slope

_SAMPLE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
LATE: Final = "tressi_generator_late_send_seconds_bucket"
# The run's clock begins up to so long before the start time that it tells, and its metrics are read one after another.
SKEW_S: Final = 0.2
LATE_LIMIT_S: Final = 0.005
LATE_GROWTH: Final = 3.0
MIB: Final = 2**20


@dataclass(frozen=True)
class Counts:
    """What the run has counted up to `t` seconds after its start, all endpoints together."""

    t: float
    started_s: float  # Unix time
    responses: int
    failures: int
    lost: int  # attempts whose request the server may have answered although no response was read
    missed: int
    missed_late: int
    in_flight: int
    late: Mapping[float, float] = field(default_factory=dict)  # sends that were no later than so many seconds


def counts_of(metrics: str) -> Counts:
    """Read a scrape. Raises KeyError where a metric is missing that a run always has."""
    sums: defaultdict[str, float] = defaultdict(float)
    late, kinds = {}, Counter()
    for name, labels, value in _SAMPLE.findall(metrics):
        sums[name] += float(value)
        told = dict(_LABEL.findall(labels))
        if name == LATE:
            late[float(told["le"])] = float(value)
        elif name == "tressi_errors_total":
            kinds[told["kind"]] += int(float(value))
        elif name == "tressi_requests_total" and told["outcome"] == "failure":
            sums["failures"] += float(value)
    if "tressi_run_elapsed_seconds" not in sums:
        raise KeyError("tressi_run_elapsed_seconds")
    return Counts(
        t=sums["tressi_run_elapsed_seconds"],
        started_s=sums["tressi_run_start_time_seconds"],
        responses=int(sums["tressi_responses_total"]),
        failures=int(sums["failures"]),
        lost=int(sums["tressi_retries_total"] + sums["tressi_cut_requests_total"]) + answered_unread(kinds),
        missed=int(sums["tressi_missed_starts_total"]),
        missed_late=int(sums["tressi_generator_missed_starts_total"]),
        in_flight=int(sums["tressi_requests_in_flight"]),
        late=late,
    )


def answered_unread(errors: Mapping[str, int]) -> int:
    """Attempts that failed after their request was sent: the server may have counted it. Refused ones it has not seen."""
    return sum(errors.get(kind, 0) for kind in ("send", "reset", "closed", "timeout", "protocol"))


def late_p99_s(before: Counts, after: Counts) -> float:
    """p99 of how late the sends between two scrapes were, interpolated within a bucket."""
    edges = sorted(after.late)
    found = [after.late[edge] - before.late.get(edge, 0.0) for edge in edges]
    if not found or found[-1] <= 0:
        return 0.0
    rank, low, below = 0.99 * found[-1], 0.0, 0.0
    for edge, upto in zip(edges, found, strict=True):
        if upto >= rank:
            return low if edge == float("inf") else low + (edge - low) * (rank - below) / max(1.0, upto - below)
        low, below = edge, upto
    return low


# ----------------------------------------------------------------------------------------------------------- the rules


def broken_counts(counts: Counts, fewest: int, most: int, rps: float) -> str:
    """Why a moment's counts disagree with the server's, of `fewest` and `most` just before and after it; else empty.

    The server has answered what was read as a response, and at most what was in flight or lost besides. Both are read while
    the load goes on, so what may start within SKEW_S is allowed for on either side.
    """
    slack = rps * SKEW_S
    if counts.responses > most + slack:
        return f"{counts.responses:,} responses were read, and the server had answered {most:,}"
    if fewest > counts.responses + counts.lost + counts.in_flight + slack:
        return f"the server had answered {fewest:,}, and {counts.responses:,} + {counts.lost:,} lost were counted"
    return ""


def broken_ends(endpoints: Iterable[Mapping[str, Any]], answered: Sequence[Mapping[int, int]]) -> list[str]:
    """What of the final counts disagrees with the server's, endpoint by endpoint and status by status, to the request.

    `answered` has the server's count of each status, in the order of the endpoints. For each status the server has answered
    at least what was read. What it has answered beyond that is at most the attempts cut, repeated, or failed unread.
    """
    found = []
    for endpoint, theirs in zip(endpoints, answered, strict=True):
        ours = {int(status): count for status, count in endpoint["statusCodes"].items()}
        key, unread = endpoint["endpointKey"], answered_unread(endpoint["errors"])
        lost = endpoint["requestsCut"] + endpoint["retries"] + unread
        found += [
            f"{key}: {count:,} responses {status} were read, and the server sent {theirs.get(status, 0):,}"
            for status, count in ours.items()
            if count > theirs.get(status, 0)
        ]
        beyond = sum(theirs.values()) - sum(ours.values())
        if beyond > lost:
            found.append(f"{key}: the server answered {beyond:,} more than were read, and {lost:,} were lost")
        made = endpoint["requestsMade"]
        failed = sum(endpoint["errors"].get(kind, 0) for kind in endpoint["errors"] if kind != "expectation")
        if made != sum(ours.values()) + failed:
            found.append(f"{key}: {made:,} attempts are not {sum(ours.values()):,} responses and {failed:,} errors")
    return found


def broken_torn(endpoint: Mapping[str, Any], torn: int) -> list[str]:
    """Each answer that the server has torn is a failure of kind `closed`, but for those cut at the end."""
    closed = endpoint["errors"].get("closed", 0) + endpoint["errors"].get("reset", 0)
    if torn - endpoint["requestsCut"] <= closed <= torn + endpoint["retries"]:
        return []
    return [f"{endpoint['endpointKey']}: {torn:,} answers were torn, and {closed:,} are counted as closed"]


def broken_lateness(p99s: Sequence[float]) -> list[str]:
    """The sends of the last third of the minutes are no later than those of the first, but for noise."""
    third = max(1, len(p99s) // 3)
    first, last = statistics.median(p99s[:third]), statistics.median(p99s[-third:])
    if last <= max(LATE_LIMIT_S, LATE_GROWTH * first):
        return []
    return [f"p99 of the late sends rose from {1e3 * first:.2f} to {1e3 * last:.2f} ms"]


def broken_memory(engine: Slope, command: Slope, seconds: float, command_limit: float) -> list[str]:
    """Memory, with slopes in bytes a second over `seconds`: the engine's stays, the command's has a bound.

    The engine's may grow by 1 MiB over the readings. The command keeps the run's seconds, up to 64 MiB (docs/output.md), so
    its slope is held against `command_limit`, the most in bytes that a second of so many endpoints may take.
    """
    found = []
    if not engine.is_flat and engine.low * seconds > MIB:
        found.append(f"the engine's memory grows by {engine.value * seconds / MIB:.1f} MiB in {seconds:.0f} s")
    if not command.is_flat and command.low > command_limit:
        found.append(f"the command's memory grows by {command.value / 1024:.1f} KiB a second")
    return found
