"""Two runs beside each other as one HTML file that works offline, under the policy and in the look of the report."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tressi.page.assets import asset, charts_script, environment, one_file, plotly_script
from tressi.report.config_differences import differences
from tressi.report.page.excerpts import clipped
from tressi.report.page.series import chart_data
from tressi.report.side_by_side import STATEMENT, cards, facts_of, rows, run_of, thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Environment

    from tressi.report.side_by_side import Row

NAME: Final = "side-by-side.html"
DIFFERENCES_SHOWN: Final = 100
_ROOM: Final = "tressi.report.page"
_COLUMNS: Final = ("currentRps", "p99")
_TONES: Final = {True: "good", False: "bad", None: "none"}


def render(before: Mapping[str, Any], after: Mapping[str, Any]) -> bytes:
    """Write the page. Raises TressiError where the extra `report` is missing."""
    style = "".join((asset("style.css"), asset("report.css", _ROOM), asset("side_by_side.css", _ROOM)))
    scripts = (asset("tables.js", _ROOM), plotly_script(), charts_script(), asset("side_by_side.js", _ROOM))
    found, changed = rows(before, after), differences(before["config"], after["config"])
    runs = run_of(before), run_of(after)
    return one_file(
        _environment(),
        "side_by_side.html",
        style=style,
        scripts=scripts,
        data=_charts(before, after, found),
        statement=STATEMENT,
        runs=dict(zip("AB", runs, strict=True)),
        facts=facts_of(*runs),
        cards=cards(before, after),
        thresholds=thresholds(before, after),
        rows=found,
        columns=[(figure.name, figure.unit) for figure in found[0].figures] if found else [],
        differences=changed[:DIFFERENCES_SHOWN],
        differences_left_out=max(0, len(changed) - DIFFERENCES_SHOWN),
    )


def _charts(before: Mapping[str, Any], after: Mapping[str, Any], found: Sequence[Row]) -> list[dict[str, Any]]:
    """What each choice draws: all endpoints together, then each row of the table that both runs have."""
    both = chart_data(before), chart_data(after)
    pairs = [(side["total"] for side in both)]
    pairs += [(side["endpoints"][place] for side, place in zip(both, row.places, strict=True)) for row in _shared(found)]
    return [{"runs": [_drawn(side["t"], part) for side, part in zip(both, pair, strict=True)]} for pair in pairs]


def _shared(found: Sequence[Row]) -> list[Row]:
    return [row for row in found if not row.only]


def _drawn(seconds: Sequence[float], part: Mapping[str, Any]) -> dict[str, Any]:
    return {"t": seconds, **{name: part[name] for name in _COLUMNS}, "responseTime": part["responseTime"]}


@cache
def _environment() -> Environment:
    made = environment(_ROOM)
    made.filters.update(clipped=clipped, tone=_TONES.get)
    return made
