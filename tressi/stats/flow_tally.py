"""The figures of a flow: what its books have counted, by the names that the summary has for them.

An attempt of a flow is one start of it. A share is of what it is asked about: of the starts that ended how many were completed
or abandoned, of those that were due how many were missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.frozen import dataclass
from tressi.stats.latency import statistic_ms
from tressi.stats.tally import Figures, Tally
from tressi.threshold.names import SATURATED
from tressi.vocabulary import FLOW_SUMMARY_COUNTS, FLOW_SUMMARY_TIMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tressi.model import EndpointCounts
    from tressi.threshold.expression import Figure, Metric


@dataclass(frozen=True, slots=True)
class FlowTally(Tally):
    """What a flow has counted. `scheduled` are the starts that were due, None where each user begins again at once."""

    @property
    def made(self) -> int:
        """Starts that ended."""
        return self.counts["flowsCompleted"] + self.counts["flowsAbandoned"]

    @property
    def error_rate(self) -> float:
        """Starts that were abandoned as a share of those that ended, 0 to 1."""
        return self.counts["flowsAbandoned"] / self.made if self.made else 0.0

    def over(self, span_s: float, *, saturated: bool) -> FlowFigures:
        """The figures of what was counted in so many seconds."""
        target_rps = None if self.scheduled is None else self.scheduled / span_s if span_s > 0 else 0.0
        return FlowFigures(self, self.counts["flowsStarted"] / span_s if span_s > 0 else 0.0, target_rps, saturated)


def flow_tally(flow: EndpointCounts, times: Iterable[str] = tuple(FLOW_SUMMARY_TIMES)) -> FlowTally:
    """What a flow counted; of its times only `times`."""
    return FlowTally(
        counts={name: getattr(flow, field) for name, field in FLOW_SUMMARY_COUNTS.items()},
        status_codes={},
        errors={},
        scheduled=None if flow.target_rps is None else flow.scheduled,
        histograms={name: getattr(flow, FLOW_SUMMARY_TIMES[name]) for name in times},
    )


@dataclass(frozen=True, slots=True)
class FlowFigures(Figures):
    """A flow's tally with the rates that come with it: `rps` are starts that users took, per second."""

    @property
    def completed_rate(self) -> float | None:
        """Starts that were completed as a share of those that ended, 0 to 1; None where none has."""
        return self.tally.counts["flowsCompleted"] / self.tally.made if self.tally.made else None

    @property
    def abandoned_rate(self) -> float | None:
        """Starts that were abandoned as a share of those that ended, 0 to 1; None where none has."""
        return self.tally.error_rate if self.tally.made else None

    @property
    def missed_rate(self) -> float | None:
        """Starts that were missed as a share of those that users took or missed, 0 to 1; None where there was none."""
        missed = self.tally.counts["flowsMissed"]
        due = self.tally.counts["flowsStarted"] + missed
        return missed / due if due and self.target_rps is not None else None

    def of(self, metric: Metric) -> Figure:
        """What a threshold's metric is here; None where it has no value."""
        own: dict[str, Figure] = {
            **self.tally.counts,
            "startsPerSecond": self.rps,
            "targetStartsPerSecond": self.target_rps,
            "completedRate": self.completed_rate,
            "abandonedRate": self.abandoned_rate,
            "missedRate": self.missed_rate,
            SATURATED: self.saturated,
        }
        if metric.name in own:
            return own[metric.name]
        time, _, statistic = metric.name.partition(".")
        return statistic_ms(self.tally.histograms[time], statistic, metric.argument)
