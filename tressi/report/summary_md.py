"""The summary as Markdown, for a comment or a job's summary: the verdict first, what explains it next, the rest folded.

The parts are those of the report, in its order. Figures are rounded as in the table on the terminal. A comment on GitHub may
have 65,536 characters. So the worst comes first everywhere, and rows without room are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tressi.report.fitting import Section, fitted
from tressi.report.markdown import code, inert, sentence, table
from tressi.report.page.cards import cards
from tressi.report.page.failed_kinds import failed_kinds
from tressi.report.page.ranking import ranked
from tressi.report.rows import GLOBAL, step_rows
from tressi.report.summary_md_folds import folds, samples
from tressi.run.flow_parts import flows_of, is_step
from tressi.run.judgement import exit_code, judge_run
from tressi.run.shortfall import verdicts
from tressi.run.sure_words import interval_words
from tressi.run.warm_up import came_words
from tressi.text import common_origin, milliseconds, rate, run_words, summary_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tressi.report.page.cards import Card
    from tressi.run.judgement import Judgement

LONGEST: Final = 65_000  # bytes, which are never fewer than characters

_MARKS: Final = {"good": "✅", "warn": "⚠️", "bad": "❌"}
# What a person reads first is how long a start has waited for its answer; the target's own time stands beside it.
_ENDPOINT_TIMES: Final = {
    **{name: ("responseTimeMs", name) for name in ("p50", "p95", "p99")},
    "svc p99": ("serviceTimeMs", "p99"),
}
_FLOW_COUNTS: Final = {
    "started": "flowsStarted",
    "completed": "flowsCompleted",
    "abandoned": "flowsAbandoned",
    "missed": "flowsMissed",
    "cut": "flowsCut",
}
_FLOW_TIMES: Final = ("p50", "p95", "p99", "max")
_THRESHOLD_WORDS: Final = {True: "passed", False: "**failed**", None: "not judged"}
_WORST_FIRST: Final = (False, None, True)
_PLACES_TOLD: Final = 3


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the summary as Markdown, in fewer bytes than a comment may have characters."""
    keys = Keys(summary)
    sections = [
        _verdict(summary),
        Section("\n".join(_about(summary))),
        Section(f"### Figures\n\n{table(('figure', 'value', 'more'), map(_card, cards(summary)))}"),
        *_thresholds(summary["thresholds"], keys),
        *_flows(summary, keys),
        _endpoints(summary, keys),
        *_failures(summary, keys),
        *samples(summary["samples"], keys.shown),
        *folds(summary, keys.shown),
    ]
    return (fitted(sections, LONGEST) + "\n").encode()


class Keys:
    """How endpoints are shown: inert, by their names or by their keys without the origin where all have the same."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        self.origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])
        self._labels = summary_labels(summary)

    def shown(self, key: str | None) -> str:
        """One of them by its key; None and `global` are all endpoints together."""
        return "all" if key in {None, GLOBAL} else inert(self._labels.get(str(key), str(key)))


def _verdict(summary: Mapping[str, Any]) -> Section:
    """The verdict with its causes, and what the exit code was for."""
    judgement = judge_run(summary)
    name = f" {inert(summary['name'])}" if "name" in summary else ""
    causes = [f"- {sentence(reason)}" for reason in judgement.reasons]
    foot = f"Exit code {exit_code(judgement, summary)}: {sentence(judgement.ending_reason)}."
    return Section(f"## {mark_of(judgement, summary)} tressi{name}: {judgement.word}\n", causes, foot, 0.1, "reason")


def mark_of(judgement: Judgement, summary: Mapping[str, Any]) -> str:
    """The sign of the verdict; never that of a success where anything failed or was missed."""
    parts = (summary["global"], *flows_of(summary))
    lost = ("requestsFailed", "requestsMissed", "flowsAbandoned", "flowsMissed")
    is_flawed = any(part.get(name) for part in parts for name in lost)
    return _MARKS["warn" if judgement.tone == "good" and is_flawed else judgement.tone]


def _about(summary: Mapping[str, Any]) -> Iterator[str]:
    """When and how long, and what the run is found by."""
    began = inert(summary["startedAt"][:19].replace("T", " "))
    yield f"{came_words(summary)}; started {began} UTC, ended by {inert(summary['endReason'])}."
    labels = run_words(None, summary.get("labels", {}))
    if labels:
        yield f"\n{sentence(labels)}"


def _card(card: Card) -> Sequence[str]:
    figures = card.figures
    if any(one.label.startswith("p") for one in figures):
        shown = ", ".join(f"{one.label} {one.shown}" for one in figures)
    else:
        shown = (", " if figures[0].label else " ").join(f"{one.shown} {one.label}".strip() for one in figures)
    return f"**{card.name}**", sentence(f"{shown} {card.unit}".strip()), sentence("; ".join(card.notes))


def _thresholds(verdicts: Sequence[Mapping[str, Any]], keys: Keys) -> Iterator[Section]:
    """Those that are broken first; the value and the limit are in one sentence, with their units."""
    if not verdicts:
        return
    rows = (
        (_THRESHOLD_WORDS[one["passed"]], code(one["threshold"]), sentence(_came_to(one)), keys.shown(one["endpointKey"]))
        for one in sorted(verdicts, key=lambda one: _WORST_FIRST.index(one["passed"]))
    )
    opened = _table("### Thresholds", ("verdict", "threshold", "value and limit", "endpoint"), rows)
    yield Section(*opened, share=0.15, noun="threshold")


def _came_to(verdict: Mapping[str, Any]) -> str:
    since = "" if verdict["failedAt"] is None else f"; first broken at {verdict['failedAt']:.1f} s"
    return f"{verdict['detail']}{since}"


def _flows(summary: Mapping[str, Any], keys: Keys) -> Iterator[Section]:
    """Each flow's figures, and the steps of each in order with how many users were lost at them."""
    flows, said = flows_of(summary), verdicts(summary)
    if not flows:
        return
    columns = ("flow", "asked", "got", "users", "peak", *_FLOW_COUNTS, *_FLOW_TIMES, "what limited it")
    rows = (
        (
            inert(one["name"]),
            *(rate(one[name]) for name in ("askedStartsPerSecond", "startsPerSecond")),
            *(str(one[name]) for name in ("workerCount", "peakWorkerCount", *_FLOW_COUNTS.values())),
            *(milliseconds(one["durationMs"][name]) for name in _FLOW_TIMES),
            sentence(said[one["endpointKey"]]),
        )
        for one in flows
    )
    opening = "### Flows\n\nStarts per second, and durations in ms without the time that users think:"
    yield Section(*_table(opening, columns, rows, columns[1:-1]), share=0.1, noun="flow", elsewhere="flows.csv")
    names = ("flow", "part", "step", "requests", "failed", "users lost")
    steps = (
        (
            *(inert(str(row[name])) for name in ("flow", "part")),
            keys.shown(row["endpointKey"]),
            *(str(row[name]) for name in ("requestsMade", "requestsFailed", "abandoned")),
        )
        for row in step_rows(summary)
    )
    opening = "### Steps of flows\n\nIn the order in which a user comes to them:"
    yield Section(*_table(opening, names, steps, names[3:]), share=0.1, noun="step", elsewhere="flows.csv")


def _endpoints(summary: Mapping[str, Any], keys: Keys) -> Section:
    """Each endpoint's figures, the worst first; rates are RPS, latencies response times in milliseconds."""
    columns = ("endpoint", "got", "asked", *_ENDPOINT_TIMES, "failed", "missed", "workers", "what limited it")
    rows = (
        (
            keys.shown(one["endpointKey"]),
            rate(one["rps"]),
            "-" if is_step(one) else rate(one["askedRps"]),
            *(_percentile(one, time, name) for time, name in _ENDPOINT_TIMES.values()),
            _failed(one),
            *("-" if is_step(one) else str(one[name]) for name in ("requestsMissed", "workerCount")),
            sentence(row.words),
        )
        for row in ranked(summary)
        for one in [row.endpoint]
    )
    of = f" of {inert(keys.origin)}" if keys.origin else ""
    opening = f"### Endpoints\n\nRPS and response times in ms{of}, the worst first:"
    parts = _table(opening, columns, rows, columns[1:-1])
    return Section(*parts, share=0.4, noun="endpoint", elsewhere="endpoints.csv")


def _percentile(endpoint: Mapping[str, Any], time: str, name: str) -> str:
    """A percentile; the tail of the response times with its interval."""
    interval = interval_words(endpoint, name) if (time, name) == ("responseTimeMs", "p99") else ""
    return f"{milliseconds(endpoint[time][name])}{f' ({interval})' if interval else ''}"


def _failed(endpoint: Mapping[str, Any]) -> str:
    count = endpoint["requestsFailed"]
    return f"{count} ({endpoint['errorRate']:.1%})" if count else "0"


def _failures(summary: Mapping[str, Any], keys: Keys) -> Iterator[Section]:
    """What failed, by kind: how often, from when to when, where most of it, and the reasons that were given."""
    found = failed_kinds(summary)
    if not found:
        return
    columns = ("kind", "count", "first", "last", "where", "why")
    rows = (
        (
            inert(one.what),
            str(one.count),
            _at(one.first_s),
            _at(one.last_s),
            _most((keys.shown(key), count) for key, count in one.endpoints),
            _most((inert(reason), count) for reason, count in one.reasons),
        )
        for one in found
    )
    opening = "### Failures\n\nBy kind, with the second in which each was first and last seen:"
    yield Section(*_table(opening, columns, rows, columns[1:4]), share=0.15, noun="kind")


def _at(t: float | None) -> str:
    return "-" if t is None else f"{t:.0f} s"


def _most(found: Iterable[tuple[str, int]]) -> str:
    """A few of many, each with its count; of a single one its count is said already."""
    several = list(found)
    if len(several) == 1:
        return several[0][0]
    told = ", ".join(f"{shown} {count}" for shown, count in several[:_PLACES_TOLD])
    more = len(several) - _PLACES_TOLD
    return f"{told} and {more} more" if more > 0 else told


def _table(
    opening: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str] = ()
) -> tuple[str, Sequence[str]]:
    """What stands above the rows of a table, and its rows as lines."""
    head, rule, *lines = table(columns, rows, numbers).split("\n")
    return f"{opening}\n\n{head}\n{rule}", lines
