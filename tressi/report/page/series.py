"""The data of the report's charts: columns over time, points by percentile, decisions.

The summary has every number; a chart has as many digits as a screen can show, and in a long run a point for several
seconds. Such a point never averages percentiles: it shows the worst second of those it stands for. What is counted (responses
by status, failures by kind, response times in bands) is added up, and counts are shown per second.

A heat map has fewer columns than a line has points, because each of them has some twenty numbers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from tressi.hdr import decode_histogram
from tressi.report.page.excerpts import clipped
from tressi.report.page.headline import limited_spans
from tressi.run.flow_parts import flows_of, second_of
from tressi.run.tones import bound_of
from tressi.stats.bands import merged_bands
from tressi.text import plain, summary_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Number = float | None
Points = list[tuple[float, float]]

MOST_POINTS: Final = 3_600  # of one line
MOST_CELLS: Final = 90_000  # of all endpoints together; 120 of them for 600 s are 72,600
MOST_HEAT_COLUMNS: Final = 300  # of one heat map
MOST_HEAT_CELLS: Final = 15_000  # columns of all heat maps together
MOST_KINDS: Final = 12  # statuses or kinds of failures in one chart; the rest of them are one
OTHERS: Final = "others"
_STEPS_A_NINE: Final = 10
_TOLD_PERCENTILES: Final = (50.0, 75.0, 95.0)  # beside the even steps, which have 90, 99, 99.9 …


@dataclass(frozen=True, slots=True)
class _Column:
    """A figure of the timeline: times `scale`, to so many digits, several seconds made one by `merge`."""

    name: str
    digits: int
    merge: Callable[[Sequence[float]], float]
    scale: float = 1.0


_COLUMNS: Final = (
    _Column("targetRps", 5, fmean),
    _Column("currentRps", 5, fmean),
    _Column("workerCount", 7, lambda values: values[-1]),
    _Column("utilisation", 3, fmean, 100.0),
    _Column("errorRate", 3, max, 100.0),
    _Column("p50", 4, max),
    _Column("p95", 4, max),
    _Column("p99", 4, max),
    _Column("max", 4, max),
    _Column("serviceP99", 4, max),
    _Column("successP99", 4, max),
    _Column("missed", 5, fmean),
)
_DIGITS: Final = tuple(f".{digits}g" for digits in range(10))


@dataclass(frozen=True, slots=True)
class _Spans:
    """How many rows of the timeline a point of a line and a column of a heat map stand for, and the seconds of a row."""

    point: int
    heat: int
    row_s: int


def chart_data(summary: Mapping[str, Any]) -> dict[str, Any]:
    """All that the charts draw, as JSON values; every text is plain and short. Flows are behind the endpoints."""
    timeline, endpoints, flows = summary["timeline"], summary["endpoints"], flows_of(summary)
    labels = summary_labels(summary)
    places = {key: {"endpoint": index, "endpointKey": clipped(label)} for index, (key, label) in enumerate(labels.items())}
    parts = len(endpoints) + len(flows)
    spans = _Spans(
        seconds_a_point(len(timeline), parts), seconds_a_heat_column(len(timeline), parts), summary["timelineSeconds"]
    )
    whole = [row.get("global") for row in timeline]
    return {
        "t": [round(group[-1]["t"], 1) for group in _grouped(timeline, spans.point)],
        "heatT": [round(group[-1]["t"], 1) for group in _grouped(timeline, spans.heat)],
        "secondsAPoint": spans.point * spans.row_s,
        "saturated": limited_spans(timeline, cost_rate=True),
        **({"warmUp": [[0.0, summary["warmUpSec"]]]} if "warmUpSec" in summary else {}),
        "total": {**_over_time(whole, spans), **_percentiles(summary["global"])},
        "endpoints": [
            {
                "key": places[endpoint["endpointKey"]]["endpointKey"],
                **_over_time([row["endpoints"].get(endpoint["endpointKey"]) for row in timeline], spans),
                **_percentiles(endpoint),
            }
            for endpoint in endpoints
        ]
        + [
            {
                "key": places[flow["endpointKey"]]["endpointKey"],
                "isFlow": True,
                **_over_time([second_of(flow, row) for row in timeline], spans),
                **_durations(flow),
            }
            for flow in flows
        ],
        "began": datetime.fromisoformat(summary["startedAt"]).timestamp() * 1000,
        "limits": _limits(summary, places),
        "decisions": [_happened(one, places) for one in summary["scaling"]],
        "changes": [_happened(one, places) for one in summary["changes"]],
    }


def _limits(summary: Mapping[str, Any], places: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The response times that thresholds allow: of which endpoint (None: all together), how much, and as it was written."""
    found = (bound_of(one["threshold"], one["endpointKey"]) for one in summary["thresholds"])
    return [
        {"endpoint": places.get(one.endpoint_key or "", {}).get("endpoint"), "value": one.limit_ms, "text": clipped(one.text)}
        for one in found
        if one is not None
    ]


def absent_words(summary: Mapping[str, Any]) -> str:
    """Why charts are not there, in a sentence; nothing where all are."""
    rows = [row["global"] for row in summary["timeline"] if row.get("global")]
    if not rows:
        return "The summary has no seconds, so there is nothing to draw over time."
    if any("bands" in row for row in rows):
        return ""
    return (
        "The summary is of an older version: responses by status, failures by kind, p95, the slowest response and the heat map"
        " are not in its seconds."
    )


def seconds_a_point(seconds: int, endpoints: int) -> int:
    """How many rows a point stands for, each of them mostly a second, so that the page opens however long the run was."""
    return max(1, -(-seconds // MOST_POINTS), -(-seconds * (endpoints + 1) // MOST_CELLS))


def seconds_a_heat_column(seconds: int, endpoints: int) -> int:
    """The same of a column of a heat map."""
    return max(1, -(-seconds // MOST_HEAT_COLUMNS), -(-seconds * (endpoints + 1) // MOST_HEAT_CELLS))


def percentile_points(encoded: str, max_ms: Number) -> Points:
    """A histogram as (percentile, milliseconds), ten steps for each nine up to its last value, which is the maximum."""
    histogram = decode_histogram(encoded)
    if not histogram.count or max_ms is None:
        return []
    # A share of 1 - 10 ** -nines lies below; beyond 1 - 1 / count there is no value left.
    steps = (10 ** (step / _STEPS_A_NINE) for step in range(16 * _STEPS_A_NINE))
    percents = sorted({*(100 * (1 - 1 / step) for step in steps if step < histogram.count), *_TOLD_PERCENTILES})
    last = 100 * (1 - 1 / histogram.count)
    shown = [percent for percent in percents if percent < last]
    values = histogram.percentiles(shown) if shown else []
    points = [(round(percent, 9), _rounded(min(us / 1e3, max_ms), 4)) for percent, us in zip(shown, values, strict=True)]
    return [*points, (round(last, 9), _rounded(max_ms, 4))]


def _happened(one: Mapping[str, Any], places: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A decision or a change, with the place and the short key of its endpoint; one of the whole run has none."""
    texts = {name: clipped(plain(value)) for name, value in one.items() if isinstance(value, str)}
    return {**one, **texts, **places.get(one["endpointKey"], {"endpoint": None, "endpointKey": None})}


def _percentiles(metrics: Mapping[str, Any]) -> dict[str, Points]:
    names = ("serviceTime", "responseTime")
    return {name: percentile_points(metrics["histograms"][name], metrics[f"{name}Ms"]["max"]) for name in names}


def _durations(flow: Mapping[str, Any]) -> dict[str, Points]:
    """A flow's durations where an endpoint has its response times, and its walk times where that has service times."""
    names = {"responseTime": "duration", "serviceTime": "walkTime"}
    return {name: percentile_points(flow["histograms"][own], flow[f"{own}Ms"]["max"]) for name, own in names.items()}


def _over_time(rows: Sequence[Mapping[str, Any] | None], spans: _Spans) -> dict[str, Any]:
    """A part of a run over time. What older summaries lack, such as responses by status, is absent."""
    made: dict[str, Any] = _columns(rows, spans.point, spans.row_s)
    known = [row for row in rows if row]
    for name in ("statusCodes", "failures"):
        if any(name in row for row in known):
            made[name] = _counts([row and row.get(name) for row in rows], spans)
    if any("bands" in row for row in known):
        bands = ([row["bands"] for row in group if row and row.get("bands")] for group in _grouped(rows, spans.heat))
        made["bands"] = [merged_bands(group) for group in bands]
    return made


def _columns(rows: Sequence[Mapping[str, Any] | None], span: int, row_s: int) -> dict[str, list[Number]]:
    columns = {
        column.name: _merged([row.get(column.name) if row else None for row in rows], column, span) for column in _COLUMNS
    }
    if row_s > 1:
        # Of a count a row has the sum of its seconds.
        columns["missed"] = [None if missed is None else _rounded(missed / row_s, 5) for missed in columns["missed"]]
    return columns


def _counts(rows: Sequence[Mapping[str, int] | None], spans: _Spans) -> dict[str, list[Number]]:
    """Counts by name as columns per second, the most frequent name first; what is rare is put together."""
    sums = Counter[str]()
    for row in filter(None, rows):
        sums.update(row)
    ranked = [name for name, count in sums.most_common() if count]
    named, others = ranked[:MOST_KINDS], ranked[MOST_KINDS:]
    groups = {clipped(plain(name)): (name,) for name in named} | ({OTHERS: tuple(others)} if others else {})
    return {shown: _rates(rows, names, spans) for shown, names in groups.items()}


def _rates(rows: Sequence[Mapping[str, int] | None], names: Sequence[str], spans: _Spans) -> list[Number]:
    found = []
    for group in _grouped(rows, spans.point):
        present = [row for row in group if row is not None]
        count = sum(row.get(name, 0) for row in present if row for name in names)
        found.append(_rounded(count / (len(present) * spans.row_s), 5) if present else None)
    return found


def _merged(values: Sequence[Number], column: _Column, span: int) -> list[Number]:
    if span > 1:
        present = ([value for value in group if value is not None] for group in _grouped(values, span))
        values = [column.merge(group) if group else None for group in present]
    return [None if value is None else _rounded(value * column.scale, column.digits) for value in values]


def _rounded(value: float, digits: int) -> float:
    if not value:
        return 0  # which most of what failed and was missed is
    shown = float(format(value, _DIGITS[digits]))
    return _one(int(shown) if shown.is_integer() else shown)


@lru_cache(maxsize=1 << 16)
def _one(value: float) -> float:
    """The same number, as one object: a long run has a million of few digits, and most are alike."""
    return value


def _grouped(items: Sequence[Any], span: int) -> Iterable[Sequence[Any]]:
    return (items[start : start + span] for start in range(0, len(items), span))
