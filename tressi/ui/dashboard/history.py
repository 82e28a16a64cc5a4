"""A run's past for a page that comes late, in bounded memory however long the run lasts.

The last quarter of an hour is kept second by second, what is older in places of 2, 4, 8 … seconds: whenever the places are
all taken, two become one. Percentiles cannot be averaged, and a mean would hide what one looks for, so a place has no
blended figures but those of a second that was: the one with the highest p99 of those that share it. What can be added up is:
the response times in each band and the failures of each kind are those of all its seconds, and `seconds` says how many.

Bands are added up without being taken apart: all counts of a place are one integer, 32 bits to a band.
"""

from __future__ import annotations

from array import array
from math import inf, isnan, nan
from struct import pack, unpack
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from tressi.stats.summary_rows import flow_as_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# Of a row of the timeline; `saturated` is 1 or 0.
FIGURES: Final = (
    *("targetRps", "currentRps", "workerCount", "utilisation", "errorRate"),
    *("p50", "p95", "p99", "max", "serviceP99", "successP99", "missed"),
)
COLUMNS: Final = ("t", *FIGURES, "saturated", "seconds")
RECENT: Final = 900
PLACES: Final = 600  # with RECENT, 190 KB for each series, and as much for its bands
# Seconds leave the recent ones together, so that they are moved once a minute and not every second.
TOGETHER: Final = 60
_WIDTH: Final = len(COLUMNS)
_P99: Final = COLUMNS.index("p99")
_SECONDS: Final = COLUMNS.index("seconds")
_LANE: Final = 32  # bits; a place of a day has room for 50,000 responses per second in one band
_NONE: Final[Mapping[str, int]] = {}  # one for all seconds without a failure


class Point(NamedTuple):
    """A second, or a place: its `COLUMNS`, NaN where there is no value, the counts of its bands, and its failures by kind."""

    figures: Sequence[float]
    bands: int = 0
    failures: Mapping[str, int] = _NONE


class History:
    """The past of every endpoint and every flow, and of all endpoints together."""

    def __init__(self, endpoint_keys: Iterable[str]) -> None:
        self._total = Series()
        self._endpoints = {key: Series() for key in endpoint_keys}

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep one row of the timeline."""
        self._total.append(point_of(row, row["global"]))
        for key, figures in row["endpoints"].items():
            self._endpoints[key].append(point_of(row, figures))
        for key, figures in row.get("flows", {}).items():
            self._endpoints[key].append(point_of(row, flow_as_endpoint(figures)))

    def columns(self, endpoint_key: str | None = None) -> dict[str, list[Any]]:
        """What is kept of an endpoint, or of all together, by column. Raises KeyError for an endpoint that is none."""
        return (self._total if endpoint_key is None else self._endpoints[endpoint_key]).columns()


class Series:
    """Points in the order of their time."""

    def __init__(self) -> None:
        self._recent, self._leaving, self._older = _Points(), _Points(), _Points()
        self._left = 0  # how many of `_leaving` have a place among the older ones
        self._seconds = 1  # that share a place
        self._open: Point | None = None  # the place that still has room
        self._taken = 0

    def append(self, point: Point) -> None:
        """Keep a second."""
        self._recent.append(point)
        # One leaves for each that comes: to add up the bands of sixty at once would be felt with a hundred endpoints.
        if self._left < len(self._leaving):
            self._age(self._leaving.at(self._left))
            self._left += 1
        if len(self._recent) == RECENT + TOGETHER:
            self._leaving, self._left = self._recent.first(TOGETHER), 0

    def columns(self) -> dict[str, list[Any]]:
        """Everything that is kept, oldest first."""
        points = self._older.copy()
        if self._open is not None:
            points.append(self._open)
        for at in range(self._left, len(self._leaving)):
            points.append(self._leaving.at(at))
        points.extend(self._recent)
        return points.columns()

    def _age(self, point: Point) -> None:
        self._open = point if self._open is None else _together(self._open, point)
        self._taken += 1
        if self._taken == self._seconds:
            self._older.append(self._open)
            self._open, self._taken = None, 0
        if len(self._older) == PLACES:
            self._halve()

    def _halve(self) -> None:
        pairs = self._older
        self._older = _Points()
        for at in range(0, PLACES, 2):
            self._older.append(_together(pairs.at(at), pairs.at(at + 1)))
        self._seconds *= 2


class _Points:
    """Points, their figures in one array."""

    def __init__(
        self, figures: array[float] | None = None, bands: list[int] | None = None, failures: list[Any] | None = None
    ) -> None:
        self._figures = array("d") if figures is None else figures
        self._bands: list[int] = bands or []
        self._failures: list[Mapping[str, int]] = failures or []

    def __len__(self) -> int:
        return len(self._bands)

    def at(self, place: int) -> Point:
        return Point(self._figures[place * _WIDTH : (place + 1) * _WIDTH], self._bands[place], self._failures[place])

    def append(self, point: Point) -> None:
        self._figures.extend(point.figures)
        self._bands.append(point.bands)
        self._failures.append(point.failures)

    def extend(self, other: _Points) -> None:
        self._figures.extend(other._figures)
        self._bands.extend(other._bands)
        self._failures.extend(other._failures)

    def copy(self) -> Self:
        return type(self)(self._figures[:], self._bands[:], self._failures[:])

    def first(self, count: int) -> Self:
        """Take so many of them out at the front."""
        taken = type(self)(self._figures[: count * _WIDTH], self._bands[:count], self._failures[:count])
        del self._figures[: count * _WIDTH], self._bands[:count], self._failures[:count]
        return taken

    def columns(self) -> dict[str, list[Any]]:
        return {
            **{name: self._figures[at::_WIDTH].tolist() for at, name in enumerate(COLUMNS)},
            "bands": [_unpacked(bands) for bands in self._bands],
            "failures": [dict(one) for one in self._failures],
        }


def point_of(row: Mapping[str, Any], figures: Mapping[str, Any]) -> Point:
    """A second of the timeline's `row`, of an endpoint's or of all figures together."""
    values = (nan if figures[name] is None else figures[name] for name in FIGURES)
    return Point((row["t"], *values, row["saturated"], 1.0), _packed(figures["bands"]), figures["failures"] or _NONE)


def _together(one: Point, other: Point) -> Point:
    """Two places as one: the figures of the one with the higher p99, as one without any response has none to show."""
    worse = list((one if _height(one) >= _height(other) else other).figures)
    worse[_SECONDS] = one.figures[_SECONDS] + other.figures[_SECONDS]
    return Point(worse, one.bands + other.bands, _sum(one.failures, other.failures))


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    if not one or not other:
        return one or other
    return {**one, **{name: one.get(name, 0) + count for name, count in other.items()}}


def _packed(bands: Sequence[int]) -> int:
    if not bands:
        return 0
    return int.from_bytes(pack(f"<{len(bands) - 1}I", *bands[1:]), "little") << (bands[0] * _LANE)


def _unpacked(packed: int) -> list[int]:
    if not packed:
        return []
    first = ((packed & -packed).bit_length() - 1) // _LANE  # of the lowest bit that is set
    packed >>= first * _LANE
    count = -(-packed.bit_length() // _LANE)
    return [first, *unpack(f"<{count}I", packed.to_bytes(count * _LANE // 8, "little"))]


def _height(point: Point) -> float:
    p99 = point.figures[_P99]
    return -inf if isnan(p99) else p99
