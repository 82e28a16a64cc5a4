"""Which percentiles of a summary are of too few values to be relied on, for the pages that grey them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.hdr import decode_histogram
from tressi.text import carries

if TYPE_CHECKING:
    from collections.abc import Mapping

_PERCENTS: Final = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}


def count_of(metrics: Mapping[str, Any], time: str) -> int:
    """How many values a latency of these metrics has: `responseTime`, `serviceTime` or `successTime`."""
    if time in metrics["histograms"]:
        return decode_histogram(metrics["histograms"][time]).count
    # Every success has a service time, and the other two have their histograms in each summary.
    return int(metrics["requestsSucceeded"])


def is_thin(metrics: Mapping[str, Any], time: str, name: str) -> bool:
    """Whether the percentile `name` of a latency is of too few values."""
    return not carries(count_of(metrics, time), _PERCENTS[name])
