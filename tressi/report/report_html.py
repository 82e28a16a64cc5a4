"""The report: one HTML file that works offline, for people who did not watch the run.

The tables are in the document and need no JavaScript; each figure is a `<data>` element whose value is the summary's own
number. Charts need their script, and their data is deflated. The policy in the document allows the scripts and styles that
are in it, by hash, and nothing else: no request, no other script, whatever a target's text tries.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tressi.page.assets import asset, charts_script, environment, one_file, plotly_script
from tressi.page.thin import is_thin
from tressi.report.page.cards import SIGNS, cards
from tressi.report.page.excerpts import clipped, excerpts
from tressi.report.page.failed_kinds import failed_kinds
from tressi.report.page.headline import headline
from tressi.report.page.ranking import ranked
from tressi.report.page.series import absent_words, chart_data
from tressi.run.flow_parts import flows_of, is_step
from tressi.run.judgement import has_many_failures
from tressi.run.shortfall import mean_differs, verdicts
from tressi.run.sure_words import interval_words, steady_words, takes_words, unsure_words
from tressi.run.tones import tone_of_words
from tressi.text import common_origin, short_key, summary_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Environment
    from jinja2.runtime import Context

_ROOM: Final = "tressi.report.page"
_THRESHOLDS: Final = (False, None, True)  # broken ones first
_MOST_DECISIONS: Final = 1_000  # in the table; a day has tens of thousands


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the report of a summary. Raises TressiError where the extra `report` is missing."""
    style = asset("style.css") + asset("report.css", _ROOM)
    scripts = (asset("tables.js", _ROOM), plotly_script(), charts_script(), asset("report.js", _ROOM))
    data = chart_data(summary)
    later = data.pop("endpoints")
    shown = {"summary": summary, **_parts(summary)}
    return one_file(_environment(), "report.html", style=style, scripts=scripts, data=data, later=later, **shown)


def _parts(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the templates show, beside the summary itself."""
    bodies, bodies_left_out = excerpts(summary)
    kinds = failed_kinds(summary, bodies)
    under_kinds = {body for kind in kinds for body in kind.bodies}
    return {
        "flows": flows_of(summary),
        "origin": common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"]),
        "labels": summary_labels(summary),
        "run_name": summary.get("name"),
        "run_labels": summary.get("labels") or {},
        "headline": headline(summary),
        "cards": cards(summary),
        "signs": SIGNS,
        "thresholds": sorted(summary["thresholds"], key=lambda one: _THRESHOLDS.index(one["passed"])),
        "verdicts": verdicts(summary),
        "ranked": ranked(summary),
        "absent": absent_words(summary),
        "kinds": kinds,
        "other_bodies": [body for body in bodies if body not in under_kinds],
        "bodies_left_out": bodies_left_out,
        "most_decisions": _MOST_DECISIONS,
        "config": json.dumps(summary["config"], indent=2, ensure_ascii=False),
    }


@cache
def _environment() -> Environment:
    """The templates, with what they call; it is one for all reports, so the labels of keys are found in the context."""
    from jinja2 import pass_context  # noqa: PLC0415 - an extra, whose absence `environment` has told

    def short(context: Context, key: str) -> str:
        return clipped(short_key(key, context["origin"]))

    def label(context: Context, key: str) -> str:
        return clipped(context["labels"].get(key) or short_key(key, context["origin"]))

    made = environment(_ROOM)
    made.filters.update(short=pass_context(short), label=pass_context(label), clipped=clipped, tone=tone_of_words)
    made.filters.update(interval=interval_words, unsure=unsure_words, takes=takes_words, steady=steady_words)
    made.tests.update(thin=is_thin, failing=has_many_failures, step=is_step)
    made.tests.update(of_another_mean=lambda metrics: mean_differs(metrics["askedRps"], metrics["targetRps"]))
    made.tests.update(of_another_pace=lambda flow: mean_differs(flow["askedStartsPerSecond"], flow["targetStartsPerSecond"]))
    return made
