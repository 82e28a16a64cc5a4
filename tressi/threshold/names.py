"""Every metric that a threshold may name: the summary's, by their names there. The one table."""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tressi.frozen import dataclass
from tressi.vocabulary import (
    FLOW_SUMMARY_COUNTS,
    FLOW_SUMMARY_TIMES,
    GRPC_STATUSES,
    LATENCIES,
    SUMMARY_COUNTS,
    SUMMARY_TIMES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTS: Final = ("requestsMade", *SUMMARY_COUNTS)
RATES: Final = ("rps", "targetRps", "errorRate")
COUNTED: Final = ("statusCodes", "errors")
SATURATED: Final = "saturated"

# Of a flow. Those in the table of shares have a short name as well: `completed` is `completedRate`.
FLOW_COUNTS: Final = tuple(FLOW_SUMMARY_COUNTS)
FLOW_RATES: Final = ("startsPerSecond", "targetStartsPerSecond")
FLOW_SHARES: Final = {"completed": "completedRate", "abandoned": "abandonedRate", "missed": "missedRate"}
FLOW_TIMES: Final = tuple(FLOW_SUMMARY_TIMES)
# What is asked of a flow where a metric of endpoints was written.
_IN_FLOWS: Final = {
    "requestsMade": "flowsStarted",
    "requestsSucceeded": "flowsCompleted",
    "requestsFailed": "flowsAbandoned",
    "requestsMissed": "flowsMissed",
    "requestsCut": "flowsCut",
    "rps": "startsPerSecond",
    "targetRps": "targetStartsPerSecond",
    "errorRate": "abandoned",
    "responseTime": "duration",
    "serviceTime": "walkTime",
    "successTime": "duration",
}

SHARES: Final = frozenset({"errorRate", *FLOW_SHARES.values()})

TIMES: Final = tuple(SUMMARY_TIMES)
# Of these the seconds of a run are not kept apart.
UNWINDOWED_TIMES: Final = tuple(time.summary for time in LATENCIES if not time.windowed)
STATISTICS: Final = ("min", "mean", "stdev", "p50", "p90", "p95", "p99", "p999", "max")
PERCENTILE: Final = "p"
SHORT_TIME: Final = "responseTime"  # what `p99` alone means: free of coordinated omission

_LOWEST_STATUS, _HIGHEST_STATUS = 100, 999
_WHOLE = 100.0


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it was understood: `full` is the summary's; what may stand behind it in parentheses must."""

    full: str
    time: int = 0
    takes_argument: bool = False


@cache
def names() -> Mapping[str, Name]:
    """Every name that may be written: `responseTime.p99` is also `response.p99`, and `p99` alone."""
    known = {name: Name(name) for name in (*COUNTS, *RATES, SATURATED)}
    known |= {name: Name(name, takes_argument=True) for name in COUNTED}
    for time in TIMES:
        known |= _of_time(time)
    return MappingProxyType(known | flow_names())


def flow_names() -> dict[str, Name]:
    """Every name that may be written of a flow, beside `saturated`."""
    known = {name: Name(name) for name in (*FLOW_COUNTS, *FLOW_RATES, *FLOW_SHARES.values())}
    known |= {short: Name(full) for short, full in FLOW_SHARES.items()}
    for time in FLOW_TIMES:
        known |= _of_time(time)
    return known


def is_of_flows(metric: str) -> bool:
    """Whether a metric, by its name in the summary, is one of flows."""
    return metric.partition(".")[0] in {*FLOW_COUNTS, *FLOW_RATES, *FLOW_SHARES.values(), *FLOW_TIMES}


def in_flows(metric: str) -> str | None:
    """What a flow has instead of a metric of endpoints; None where it has nothing of the kind."""
    time, dot, statistic = metric.partition(".")
    found = _IN_FLOWS.get(time)
    return None if found is None else f"{found}{dot}{statistic}"


def _of_time(time: str) -> dict[str, Name]:
    known = {}
    for statistic in (*STATISTICS, PERCENTILE):
        name = Name(f"{time}.{statistic}", 1, takes_argument=statistic == PERCENTILE)
        known[name.full] = known[f"{_short(time)}.{statistic}"] = name
        if time == SHORT_TIME:
            known[statistic] = name
    return known


def _short(time: str) -> str:
    return time.removesuffix("Time")


def nearest(name: str) -> str:
    """A remedy for a name that is none: `; did you mean p99?`, or where all of them are told."""
    time, _, percentile = name.rpartition(".")
    digits = re.fullmatch(r"p([0-9]{2})([0-9]*)", percentile)
    if digits and time in {"", *TIMES, *FLOW_TIMES, *map(_short, (*TIMES, *FLOW_TIMES))}:
        return f"; write {name.removesuffix(percentile)}p({digits[1]}{'.' * bool(digits[2])}{digits[2]})"
    folded = {other.lower(): other for other in names()}
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    near = get_close_matches(name.lower().replace("ms.", "."), folded, n=1, cutoff=0.6)
    return (
        f"; did you mean {folded[near[0]]}?" if near else "; the metrics are those of the summary, such as p99, errorRate, rps"
    )


def argument_mistake(name: Name, argument: str | None) -> str | None:
    """What is wrong with what stands in parentheses behind `name`, or with its absence."""
    if not name.takes_argument:
        return None if argument is None else f"{name.full} takes nothing in parentheses"
    if name.full == "errors":
        return None if argument and argument.isalpha() else "errors takes a kind, as in errors(timeout)"
    number = float(argument) if argument and argument[0].isdigit() else -1.0
    if name.full == "statusCodes":
        is_status = argument in GRPC_STATUSES or (number.is_integer() and _LOWEST_STATUS <= number <= _HIGHEST_STATUS)
        said = (
            "statusCodes takes a status from 100 to 999, as in statusCodes(503), or one of gRPC, as in statusCodes(UNAVAILABLE)"
        )
        return None if is_status else said
    return None if 0 < number <= _WHOLE else f"{name.full} takes a percentile above 0 and up to 100, as in p(99.95)"
