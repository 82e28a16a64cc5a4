"""The statistics of a latency's histogram, in milliseconds; None without any value, because a latency of 0 would be a claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tressi.threshold.names import PERCENTILE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tressi._core import Histogram

PERCENTILES: Final[Mapping[str, float]] = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}


def statistic_ms(histogram: Histogram, statistic: str, argument: str | None = None) -> float | None:
    """One statistic of a latency by its name in the summary, or the percentile `argument`; None without any value."""
    if histogram.count == 0:
        return None
    if statistic == PERCENTILE:
        return percentiles_ms(histogram, (float(argument or 0),))[0]
    if statistic in PERCENTILES:
        return percentiles_ms(histogram, (PERCENTILES[statistic],))[0]
    microseconds: float = getattr(histogram, f"{statistic}_us")
    return microseconds / 1e3


def percentiles_ms(histogram: Histogram, percents: Collection[float]) -> list[float | None]:
    """Several percentiles, `percents` ascending; None each without any value."""
    if histogram.count == 0:
        return [None] * len(percents)
    # A percentile is the highest value that its counter stands for, which may lie beyond the exact maximum.
    most_us = histogram.max_us
    return [min(value, most_us) / 1e3 for value in histogram.percentiles(percents)]


def latency_ms(histogram: Histogram) -> dict[str, float | None]:
    """Every statistic of a latency."""
    spread = {name: statistic_ms(histogram, name) for name in ("min", "mean", "stdev")}
    percentiles = dict(zip(PERCENTILES, percentiles_ms(histogram, PERCENTILES.values()), strict=True))
    return {**spread, **percentiles, "max": statistic_ms(histogram, "max")}


def latencies_ms(histograms: Mapping[str, Histogram]) -> dict[str, dict[str, float | None]]:
    """Every statistic of several latencies by their names. Mostly successes, for one, are all responses: the same histogram."""
    found: dict[int, dict[str, float | None]] = {}
    for one in histograms.values():
        if id(one) not in found:
            found[id(one)] = latency_ms(one)
    return {name: dict(found[id(one)]) for name, one in histograms.items()}
