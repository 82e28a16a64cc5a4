"""What a comparison says, as values, and as the JSON document that programs read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Design = Literal["interleaved", "runs", "one-against-one"]
Word = Literal["slower", "faster", "same", "cannot-tell", "differ", "no-difference-shown"]
MetricWord = Literal[
    "slower", "faster", "same", "cannot-tell", "differ", "no-difference-shown", "more-failures", "fewer-failures"
]

FAILURES: Final = "failureShare"
PERCENTS: Final = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
METRICS: Final = (*PERCENTS, FAILURES)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was measured of one metric on both sides, and how sure the change is.

    Of a percentile `before` and `after` are milliseconds, and `low` to `high` is the 95 % interval of the ratio after / before.
    Of the failure share they are shares from 0 to 1, and the interval is of the difference after - before. Without an
    interval `reason` says why. `spread` is how much one pair, or one run, varies (on the log scale for a percentile), and
    `units` how many there are.
    `values` are those of each run, before and after, where there are several.
    """

    endpoint_key: str | None
    metric: str
    before: float | None = None
    after: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    reason: str | None = None
    spread: float | None = None
    units: int = 0
    values: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def ratio(self) -> float | None:
        """After by before; None of failure shares, and where one of both is not known."""
        if self.metric == FAILURES or not self.before or self.after is None:
            return None
        return self.after / self.before


@dataclass(frozen=True, slots=True)
class Judged:
    """An estimate with its verdict. `adjusted_p` is by Holm over the primary metrics; that of another is its own."""

    estimate: Estimate
    shown: str
    is_primary: bool
    verdict: MetricWord
    adjusted_p: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer, with what it rests on. `units` are pairs or runs a side, `needed` how many of them would decide.

    `changed` names the primary metrics that decided. `blocked` says why no answer can be given, whatever the figures say.
    """

    design: Design
    verdict: Word
    margin: float
    warnings: tuple[str, ...]
    metrics: tuple[Judged, ...]
    sides: tuple[str, str]
    units: tuple[int, int]
    needed: int | None = None
    blocked: tuple[str, ...] = ()

    @property
    def is_worse(self) -> bool:
        """Whether the side after is slower, or fails more."""
        return self.verdict == "slower"

    @property
    def changed(self) -> Sequence[Judged]:
        """The primary metrics that differ."""
        words = {"slower", "faster", "more-failures", "fewer-failures", "differ"}
        return [one for one in self.metrics if one.is_primary and one.verdict in words]


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON. Of the failure share `ratio` is null, and `low` and `high` are of the difference."""
    units: dict[str, Any] = (
        {"pairs": comparison.units[0]}
        if comparison.design == "interleaved"
        else {"runs": {"before": comparison.units[0], "after": comparison.units[1]}}
    )
    return {
        "design": comparison.design,
        "verdict": comparison.verdict,
        "marginPercent": comparison.margin * 100,
        "warnings": [*comparison.blocked, *comparison.warnings],
        "metrics": [_metric(one) for one in comparison.metrics],
        **units,
        "neededPairs": comparison.needed,
    }


def _metric(judged: Judged) -> dict[str, Any]:
    estimate = judged.estimate
    return {
        "endpointKey": estimate.endpoint_key,
        "metric": estimate.metric,
        "primary": judged.is_primary,
        "before": estimate.before,
        "after": estimate.after,
        "ratio": estimate.ratio,
        "low": estimate.low,
        "high": estimate.high,
        "pValue": judged.adjusted_p,
        "verdict": judged.verdict,
    }
