"""The figures of a summary: what endpoints counted, one of them or several together, and what follows from that.

A run as a whole, a second of it and a window of a threshold are all tallies, so a figure is the same number wherever it is
shown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tressi.frozen import dataclass
from tressi.model.delta import added, counted
from tressi.stats.latency import statistic_ms
from tressi.threshold.names import SATURATED
from tressi.vocabulary import SUMMARY_COUNTS, SUMMARY_TIMES, status_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi._core import Histogram
    from tressi.model import EndpointCounts
    from tressi.threshold.expression import Figure, Metric


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted from the start to a reading, or between two readings. Names are the summary's.

    `scheduled` is the integral of the target rate, None where nothing limits it; histograms are in microseconds.
    """

    counts: Mapping[str, int]
    status_codes: Mapping[int, int]
    errors: Mapping[str, int]
    scheduled: float | None
    histograms: Mapping[str, Histogram]

    @property
    def made(self) -> int:
        """Attempts that ended, in a response or in an error."""
        return self.counts["requestsSucceeded"] + self.counts["requestsFailed"]

    @property
    def error_rate(self) -> float:
        """Failures as a share of attempts, 0 to 1."""
        return self.counts["requestsFailed"] / self.made if self.made else 0.0

    def since(self, earlier: Tally) -> Tally:
        """What was counted after `earlier`, an earlier tally of the same endpoints."""
        unlimited = self.scheduled is None or earlier.scheduled is None
        return replace(
            self,
            counts={name: count - earlier.counts[name] for name, count in self.counts.items()},
            status_codes={code: count - earlier.status_codes.get(code, 0) for code, count in self.status_codes.items()},
            errors={kind: count - earlier.errors.get(kind, 0) for kind, count in self.errors.items()},
            scheduled=None if unlimited else (self.scheduled or 0.0) - (earlier.scheduled or 0.0),
            histograms={name: one.since(earlier.histograms[name]) for name, one in self.histograms.items()},
        )

    def over(self, span_s: float, *, saturated: bool) -> Figures:
        """The figures of what was counted in so many seconds."""
        target_rps = None if self.scheduled is None else self.scheduled / span_s if span_s > 0 else 0.0
        return Figures(self, self.made / span_s if span_s > 0 else 0.0, target_rps, saturated)


def tally(parts: Sequence[EndpointCounts], times: Iterable[str] = tuple(SUMMARY_TIMES)) -> Tally:
    """Add up what endpoints counted; of their latencies only `times`."""
    if len(parts) == 1:
        return _tally_of(parts[0], times)
    counts = {name: sum(getattr(part, field) for part in parts) for name, field in SUMMARY_COUNTS.items()}
    unlimited = any(part.target_rps is None for part in parts)
    return Tally(
        counts,
        counted(part.status_codes for part in parts),
        counted(part.errors for part in parts),
        None if unlimited else sum(part.scheduled for part in parts),
        {name: added(getattr(part, SUMMARY_TIMES[name]) for part in parts) for name in times},
    )


def _tally_of(part: EndpointCounts, times: Iterable[str]) -> Tally:
    """The same of one endpoint, of which nothing need be added up: a run may have thousands."""
    return Tally(
        {name: getattr(part, field) for name, field in SUMMARY_COUNTS.items()},
        {code: count for code, count in part.status_codes.items() if count},
        {kind: count for kind, count in part.errors.items() if count},
        None if part.target_rps is None else part.scheduled,
        {name: getattr(part, SUMMARY_TIMES[name]) for name in times},
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """A tally with the rates that come with it, and whether the generator was the bottleneck meanwhile."""

    tally: Tally
    rps: float
    target_rps: float | None
    saturated: bool = False

    def of(self, metric: Metric) -> Figure:
        """What a threshold's metric is here; None where it has no value."""
        own: dict[str, Figure] = {
            **self.tally.counts,
            "requestsMade": self.tally.made,
            "rps": self.rps,
            "targetRps": self.target_rps,
            # A share of nothing is no share: that not one attempt ended keeps no promise about failures.
            "errorRate": self.tally.error_rate if self.tally.made else None,
            SATURATED: self.saturated,
        }
        if metric.name in own:
            return own[metric.name]
        if metric.name == "statusCodes":
            return self.tally.status_codes.get(status_number(metric.argument or "0"), 0)
        if metric.name == "errors":
            return self.tally.errors.get(metric.argument or "", 0)
        time, _, statistic = metric.name.partition(".")
        return statistic_ms(self.tally.histograms[time], statistic, metric.argument)
