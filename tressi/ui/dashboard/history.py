"""A run's past for a page that comes late, in bounded memory however long the run lasts.

The last quarter of an hour is kept second by second, what is older in places of 2, 4, 8 … seconds: whenever the places are
all taken, two become one. Percentiles cannot be averaged, and a mean would hide what one looks for, so a place has no
blended figures but those of a second that was: the one with the highest p99 of those that share it.
"""

from __future__ import annotations

from array import array
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any, Final

from tressi.stats.summary_rows import flow_as_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Of a row of the timeline; `saturated` is 1 or 0.
FIGURES: Final = (
    *("targetRps", "currentRps", "workerCount", "utilisation", "errorRate"),
    *("p50", "p99", "serviceP99", "successP99", "missed"),
)
COLUMNS: Final = ("t", *FIGURES, "saturated")
RECENT: Final = 900
PLACES: Final = 600  # with RECENT, 150 KB for each series
# Seconds leave the recent ones together, so that they are moved once a minute and not every second.
TOGETHER: Final = 60
_WIDTH: Final = len(COLUMNS)
_P99: Final = COLUMNS.index("p99")


class History:
    """The past of every endpoint and every flow, and of all endpoints together."""

    def __init__(self, endpoint_keys: Iterable[str]) -> None:
        self._total = Series()
        self._endpoints = {key: Series() for key in endpoint_keys}

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep one row of the timeline."""
        self._total.append(_point(row, row["global"]))
        for key, figures in row["endpoints"].items():
            self._endpoints[key].append(_point(row, figures))
        for key, figures in row.get("flows", {}).items():
            self._endpoints[key].append(_point(row, flow_as_endpoint(figures)))

    def columns(self, endpoint_key: str | None = None) -> dict[str, list[float]]:
        """What is kept of an endpoint, or of all together, by column. Raises KeyError for an endpoint that is none."""
        return (self._total if endpoint_key is None else self._endpoints[endpoint_key]).columns()


class Series:
    """Points of `COLUMNS` in the order of their time, NaN where there is no value."""

    def __init__(self) -> None:
        self._recent, self._older = array("d"), array("d")
        self._seconds = 1  # that share a place
        self._open: Sequence[float] | None = None  # the place that still has room
        self._taken = 0

    def append(self, point: Sequence[float]) -> None:
        """Keep a second."""
        self._recent.extend(point)
        if len(self._recent) == (RECENT + TOGETHER) * _WIDTH:
            leaving, self._recent = self._recent[: TOGETHER * _WIDTH], self._recent[TOGETHER * _WIDTH :]
            for at in range(0, len(leaving), _WIDTH):
                self._age(leaving[at : at + _WIDTH])

    def columns(self) -> dict[str, list[float]]:
        """Everything that is kept, oldest first."""
        points = self._older + array("d", self._open or ()) + self._recent
        return {name: points[at::_WIDTH].tolist() for at, name in enumerate(COLUMNS)}

    def _age(self, point: Sequence[float]) -> None:
        self._open = point if self._open is None else _worse(self._open, point)
        self._taken += 1
        if self._taken == self._seconds:
            self._older.extend(self._open)
            self._open, self._taken = None, 0
        if len(self._older) == PLACES * _WIDTH:
            self._halve()

    def _halve(self) -> None:
        pairs, width = self._older, 2 * _WIDTH
        self._older = array("d")
        for at in range(0, len(pairs), width):
            self._older.extend(_worse(pairs[at : at + _WIDTH], pairs[at + _WIDTH : at + width]))
        self._seconds *= 2


def _point(row: Mapping[str, Any], figures: Mapping[str, Any]) -> list[float]:
    values = (nan if figures[name] is None else figures[name] for name in FIGURES)
    return [row["t"], *values, row["saturated"]]


def _worse(one: Sequence[float], other: Sequence[float]) -> Sequence[float]:
    """The second with the higher p99; one without any response has none to show."""
    return one if _height(one) >= _height(other) else other


def _height(point: Sequence[float]) -> float:
    return point[_P99] if not isnan(point[_P99]) else -inf
