"""A comparison as one HTML page that works offline: the answer, the ratio of each percentile, both distributions.

The ratios are pictures in the document and need no script. Policy, escaping and assets are those of the report.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from tressi.compare.result import FAILURES
from tressi.compare.table import told, verdict_words
from tressi.compare.words import change, change_parts, design_words, headline, metric_name, p_words, percent, tone, value
from tressi.page.assets import asset, charts_script, environment, one_file, plotly_script
from tressi.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi._core import Histogram
    from tressi.compare.result import Comparison, Judged

    Distributions = Mapping[str | None, tuple[Histogram, Histogram]]

_ROOM: Final = "tressi.compare.page"
MOST_PICTURES: Final = 12
_LEFT, _RIGHT, _ROW = 90.0, 430.0, 24
_TICKS: Final = (0.25, 0.5, 0.67, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0, 4.0)
_FARTHEST: Final = 4.0


def render(comparison: Comparison, distributions: Distributions) -> bytes:
    """Write the page; `distributions` are the response times of both sides. Raises TressiError without the extra `report`."""
    style = asset("style.css") + asset("compare.css", _ROOM)
    scripts = (plotly_script(), charts_script(), asset("compare.js", _ROOM))
    shown = {one.estimate.endpoint_key: one.shown for one in comparison.metrics}
    curves = [{"name": shown[key], "before": points(a), "after": points(b)} for key, (a, b) in distributions.items()]
    parts = _pictures(comparison)
    more = f"{counted(len(parts) - MOST_PICTURES, 'more endpoint')}: see the table." if len(parts) > MOST_PICTURES else ""
    return one_file(
        environment(_ROOM),
        "compare.html",
        style=style,
        scripts=scripts,
        data=curves,
        headline=headline(comparison),
        tone=tone(comparison),
        told=told(comparison),
        sides=comparison.sides,
        design=design_words(comparison),
        margin=percent(comparison.margin),
        pictures=parts[:MOST_PICTURES],
        left_out=more,
        names=[one["name"] for one in curves],
        metrics=[_row(one, comparison) for one in comparison.metrics],
    )


def points(histogram: Histogram) -> list[tuple[float, float]]:
    """(percentile, milliseconds), closer the nearer to 100, as far as a value lies beyond each."""
    if not histogram.count:
        return []
    shares = [10 ** (-step / 12) for step in range(12 * 8) if 10 ** (-step / 12) * histogram.count >= 1]
    percents = [100 * (1 - share) for share in shares]
    return [(round(p, 6), us / 1e3) for p, us in zip(percents, histogram.percentiles(percents), strict=True)]


def _row(one: Judged, comparison: Comparison) -> dict[str, Any]:
    moved, interval = change_parts(one.estimate)
    return {
        "shown": one.shown,
        "metric": metric_name(one.estimate.metric),
        "is_primary": one.is_primary,
        "before": value(one.estimate, one.estimate.before),
        "after": value(one.estimate, one.estimate.after),
        "change": moved,
        "interval": interval,
        "p": p_words(one.adjusted_p),
        "verdict": verdict_words(one, comparison),
        "reason": one.estimate.reason,
    }


# ------------------------------------------------------------------------------------------------------------ the pictures


def _pictures(comparison: Comparison) -> list[dict[str, Any]]:
    """One for each endpoint: its percentiles, each with its interval on a log scale; those that changed come first."""
    parts: dict[str, list[Judged]] = {}
    for one in comparison.metrics:
        if one.estimate.metric != FAILURES and one.estimate.ratio is not None:
            parts.setdefault(one.shown, []).append(one)
    changed = {one.shown for one in comparison.changed}
    return [_picture(name, parts[name], comparison.margin) for name in sorted(parts, key=lambda name: name not in changed)]


def _picture(name: str, metrics: Sequence[Judged], margin: float) -> dict[str, Any]:
    ends = [end for one in metrics for end in (one.estimate.low, one.estimate.high, one.estimate.ratio) if end]
    reach = min(math.log(_FARTHEST), max(math.log1p(2 * margin), *(abs(math.log(end)) for end in ends)) * 1.05)
    left, right = _x(1 / (1 + margin), reach), _x(1 + margin, reach)
    return {
        "name": name,
        "height": _ROW * len(metrics) + 30,
        "margin": (left, round(right - left, 1)),
        "ticks": [{"x": _x(t, reach), "text": f"{t:g}", "is_one": t == 1} for t in _ticks(reach)],
        "rows": [_picture_row(one, place, reach) for place, one in enumerate(metrics)],
        "words": "; ".join(f"{one.estimate.metric} {change(one.estimate)}" for one in metrics),
    }


def _picture_row(one: Judged, place: int, reach: float) -> dict[str, Any]:
    estimate = one.estimate
    direction = "worse" if (estimate.ratio or 1) > 1 else "better"
    kind = direction if one.verdict in {"slower", "faster", "differ"} else ""
    return {
        "name": estimate.metric,
        "y": _ROW * place + 14,
        "x": None if estimate.ratio is None else _x(estimate.ratio, reach),
        "low": None if estimate.low is None else _x(estimate.low, reach),
        "high": None if estimate.high is None else _x(estimate.high, reach),
        "text": change(estimate),
        "kind": kind,
    }


def _ticks(reach: float) -> list[float]:
    """Few enough that their figures have room."""
    inside = [tick for tick in _TICKS if abs(math.log(tick)) <= reach]
    found: list[float] = []
    for tick in sorted(inside, key=lambda one: (one != 1, -abs(math.log(one)))):
        if all(abs(_x(tick, reach) - _x(other, reach)) >= 34 for other in found):  # noqa: PLR2004 - px of a figure
            found.append(tick)
    return sorted(found)


def _x(ratio: float, reach: float) -> float:
    """Where a ratio stands, at the edge where it is beyond."""
    share = max(-1.0, min(1.0, math.log(ratio) / reach))
    return round(_LEFT + (_RIGHT - _LEFT) * (1 + share) / 2, 1)
