"""The vocabulary: everything that a run counts and measures, each with its names, its unit and how it adds up.

This is the one table. What is merged, subtracted, kept, shown in the summary and named by thresholds is made from it, so that
a new quantity is one row here and the place where the engine measures it.

A quantity adds up in two directions. *Over engines*: the endpoint of several engines together. *Over time*: several spans in
a row, or a run's readings. A count that is a sum over time has differences (what happened between two readings); of a gauge
such as the workers of a pool there is only the newest value.

Example: two engines with 3 and 4 workers have 7 together (`sum` over engines); a second with 7 workers and the next with 5
are two seconds with 5 workers in the end (`newest` over time).
"""

from __future__ import annotations

from typing import Final, Literal

from tressi.frozen import dataclass

Engines = Literal["sum", "largest"]
Time = Literal["sum", "newest", "largest"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of an endpoint: `name` in Python, `summary` in the summary and in thresholds (None: they do not have it)."""

    name: str
    unit: str
    summary: str | None = None
    engines: Engines = "sum"
    time: Time = "sum"


@dataclass(frozen=True, slots=True)
class Latency:
    """One latency of an endpoint, a histogram in microseconds: `name` in Python, `summary` in the summary.

    `windowed`: the summary's seconds and the windows of thresholds have it, too.
    """

    name: str
    summary: str
    windowed: bool = True


COUNTS: Final = (
    Quantity("succeeded", "requests", "requestsSucceeded"),
    Quantity("failed", "requests", "requestsFailed"),
    Quantity("missed", "starts", "requestsMissed"),
    Quantity("cut", "requests", "requestsCut"),
    Quantity("abandoned", "users"),
    Quantity("started", "starts"),
    Quantity("bytes_sent", "bytes", "bytesSent"),
    Quantity("bytes_received", "bytes", "bytesReceived"),
    Quantity("connections_opened", "connections", "connectionsOpened"),
    Quantity("retries", "requests", "retries"),
    Quantity("redirects", "requests", "redirects"),
    Quantity("goaways", "connections"),
    Quantity("streams_refused", "requests"),
    Quantity("places_waited", "requests"),
    Quantity("h2_connections", "connections"),
    Quantity("missed_late", "starts"),
    Quantity("worker_count", "workers", time="newest"),
    Quantity("draining", "workers", time="newest"),
    Quantity("peak_worker_count", "workers", time="largest"),
    Quantity("in_flight", "requests", time="newest"),
)
REALS: Final = (
    Quantity("oldest_s", "seconds", engines="largest", time="newest"),
    Quantity("scheduled", "starts"),
    Quantity("scheduled_s", "seconds", engines="largest"),
    Quantity("lane_s", "lane-seconds"),
    Quantity("occupied_lane_s", "lane-seconds"),
)
QUANTITIES: Final = (*COUNTS, *REALS)
LATENCIES: Final = (
    Latency("response", "responseTime"),
    Latency("service", "serviceTime"),
    Latency("success", "successTime"),
    Latency("first_byte", "firstByte"),
    Latency("connect", "connectTime", windowed=False),
    Latency("tls", "tlsTime", windowed=False),
)

# A flow has the books of an endpoint whose attempts are its starts, and other names for what is in them.
FLOW_COUNTS: Final = (
    Quantity("started", "starts", "flowsStarted"),
    Quantity("succeeded", "starts", "flowsCompleted"),
    Quantity("failed", "starts", "flowsAbandoned"),
    Quantity("missed", "starts", "flowsMissed"),
    Quantity("cut", "starts", "flowsCut"),
)
FLOW_LATENCIES: Final = (
    Latency("response", "duration"),  # from the scheduled start to the end of the last step, pauses left out
    Latency("service", "walkTime"),  # the same, from the moment at which a user was free for it
)

# Python's names of the counts that the summary has, by the summary's: requestsMade is their sum, never counted by itself.
SUMMARY_COUNTS: Final = {one.summary: one.name for one in COUNTS if one.summary is not None}
SUMMARY_TIMES: Final = {one.summary: one.name for one in LATENCIES}
FLOW_SUMMARY_COUNTS: Final = {one.summary: one.name for one in FLOW_COUNTS if one.summary is not None}
FLOW_SUMMARY_TIMES: Final = {one.summary: one.name for one in FLOW_LATENCIES}

# The kinds of errors. The arena stores each by its position here.
ERROR_KINDS: Final = ("dns", "connect", "tls", "send", "reset", "closed", "timeout", "protocol", "expectation", "extraction")

# Why an endpoint begins no more attempts while the run goes on; the arena has the position. In words for people beside it.
OVER: Final = (
    None,
    ("attempts", "it has made all the requests that maxRequests allows"),
    ("rows", "each row of its data that may be used once was used"),
)

FAILED_STATUS: Final = 400  # RFC 9110, section 15: from here on the request was not served

# The statuses of gRPC by their numbers. Where statuses are counted, that of a call has its number behind those of HTTP.
GRPC_STATUSES: Final = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
FIRST_GRPC_STATUS: Final = 1000
MET_SHARE: Final = 0.99  # of the starts that were due: a rate of which so many were sent was kept


def status_name(status: int) -> str:
    """A status as it is shown and written: the three digits of HTTP's, the name of gRPC's."""
    return str(status) if status < FIRST_GRPC_STATUS else GRPC_STATUSES[status - FIRST_GRPC_STATUS]


def status_number(name: str) -> int:
    """The status that is shown so. Raises ValueError for what is none."""
    return FIRST_GRPC_STATUS + GRPC_STATUSES.index(name) if name in GRPC_STATUSES else int(name)


def status_written(status: int) -> int | str:
    """A status as a value of its own: HTTP's is a number, gRPC's a name."""
    return status if status < FIRST_GRPC_STATUS else status_name(status)


def is_failed_status(status: int | str) -> bool:
    """Whether a response with this status alone says that the request was not served (RFC 9110 15; gRPC: all but OK)."""
    number = status_number(status) if isinstance(status, str) else status
    return number >= FAILED_STATUS and number != FIRST_GRPC_STATUS


def is_plain_success(name: str) -> bool:
    """Whether a status that is shown so is a success that needs no word: 2xx, or OK."""
    return name.startswith("2") or name == GRPC_STATUSES[0]
