"""The cards below the verdict: rate, latency, failures, missed starts, workers; each with its state.

A card is red where a threshold on its figure is broken, too. What says nothing of how good a run was (bytes, connections,
decisions) is no card.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tressi.run.flow_parts import flows_of, is_step, lost_words, paced
from tressi.run.judgement import has_many_failures
from tressi.run.shortfall import failures, limits, mean_differs, starts_due
from tressi.run.sure_words import tail_words
from tressi.text import counted, milliseconds, rate, summary_labels
from tressi.threshold.expression import metrics_of
from tressi.threshold.parse import ThresholdError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tressi.run.shortfall import Limit
    from tressi.run.tones import Tone

    Summary = Mapping[str, Any]

_KINDS_TOLD: Final = 3
_SHOWN: Final = ("p50", "p95", "p99")
SIGNS: Final = {"good": "✓", "warn": "!", "bad": "✕", "none": ""}  # beside each colour, for those who do not see it
# How a figure stands, from good to bad.
_STANDINGS: Final = {
    "rate": ("met", "short", "broken"),
    "time": ("holds", "", "broken"),
    "failed": ("none", "some", "failing"),
    "missed": ("none", "some", "broken"),
    "lost": ("none", "some", "some"),
    "workers": ("", "at the cap", ""),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with how it is shown; `label` stands below it where a card has several, and one `is_beside` is smaller."""

    value: float | None
    shown: str
    label: str = ""
    is_beside: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """Figures with their name, their state and what is said below them; `kind` is what its states are called by."""

    name: str
    kind: str
    tone: Tone
    figures: tuple[Figure, ...]
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def standing(self) -> str:
        """Its state as a sign and a word; nothing where it is neither good nor bad."""
        if self.tone == "none":
            return ""
        return f"{SIGNS[self.tone]} {_STANDINGS[self.kind][('good', 'warn', 'bad').index(self.tone)]}"


def cards(summary: Summary) -> list[Card]:
    """All cards of a run, in their order."""
    found, broken = limits(summary), _subjects_of(summary, passed=False)
    flows = flows_of(summary)
    return [
        *([_starts(summary, found)] if flows else []),
        *([] if flows and all(map(is_step, summary["endpoints"])) else [_rate(summary, found, broken)]),
        *map(_durations, flows[:1] if len(flows) == 1 else ()),
        _response(summary, broken, _subjects_of(summary, passed=True)),
        *([_lost(summary)] if flows else []),
        _failed(summary, broken),
        _missed(summary, found, broken),
        _workers(summary, found),
    ]


def _rate(summary: Summary, found: Mapping[str, Limit], broken: Counter[str]) -> Card:
    total = summary["global"]
    asked, got = total["targetRps"], total["rps"]
    tone = _tone(summary, found, broken, "rps")
    if asked is None:
        own = [one for one in summary["endpoints"] if not is_step(one) and one["targetRps"] is None]
        why = "as fast as responses came" if len(own) == len(summary["endpoints"]) else "not every endpoint has a rate"
        return Card("Rate", "rate", "bad" if broken["rps"] else "none", (Figure(got, rate(got)),), "RPS", (why,))
    notes = [f"asked for at the end: {rate(total['askedRps'])}"] if mean_differs(total["askedRps"], asked) else []
    short = sum(found[part["endpointKey"]].is_short for part in paced(summary))
    below = f"{counted(short, 'endpoint')} below the rate asked for"
    words = (below,) if short and not mean_differs(asked, got) else _short_words(got, asked)
    return Card("Rate", "rate", tone, _got_of_asked(got, asked), "RPS", (*words, *notes))


def _starts(summary: Summary, found: Mapping[str, Limit]) -> Card:
    flows = flows_of(summary)
    asked = [flow["targetStartsPerSecond"] for flow in flows]
    got = sum(flow["startsPerSecond"] for flow in flows)
    requests = f"{rate(summary['global']['rps'])} requests per second"
    if None in asked:
        return Card(
            "Starts of users",
            "rate",
            "none",
            (Figure(got, rate(got)),),
            "per second",
            ("as fast as users came through", requests),
        )
    keys = [flow["endpointKey"] for flow in flows]
    tone: Tone = "warn" if any(found[key].is_short for key in keys) else "good"
    return Card(
        "Starts of users",
        "rate",
        tone,
        _got_of_asked(got, sum(asked)),
        "per second",
        (*_short_words(got, sum(asked)), requests),
    )


def _got_of_asked(got: float, asked: float) -> tuple[Figure, ...]:
    return Figure(got, _short_rate(got)), Figure(asked, f"of {_short_rate(asked)}", is_beside=True)


def _short_rate(rps: float) -> str:
    """A rate without a nought behind the point: `420`, `420.5`."""
    return rate(rps).removesuffix(".0")


def _short_words(got: float, asked: float) -> tuple[str, ...]:
    share = got / asked if asked else 1.0
    return (f"{100 * share:.1f} % of what was asked for",) if mean_differs(asked, got) else ("as asked for",)


def _response(summary: Summary, broken: Counter[str], held: Counter[str]) -> Card:
    total = summary["global"]
    of = total["responseTimeMs"]
    notes = [f"service time {_three(total['serviceTimeMs'])} ms"]
    if has_many_failures(total):
        notes.append(f"of successes {_three(total['successTimeMs'])} ms")
    notes += filter(None, [tail_words(total)])
    figures = tuple(Figure(of[name], milliseconds(of[name]), name) for name in _SHOWN)
    tone: Tone = "bad" if broken["time"] else "good" if held["time"] else "none"
    return Card("Response time, ms", "time", tone, figures, "", tuple(notes))


def _durations(flow: Mapping[str, Any]) -> Card:
    figures = tuple(Figure(flow["durationMs"][name], milliseconds(flow["durationMs"][name]), name) for name in _SHOWN)
    notes = ("without the time that users think", *filter(None, [tail_words(flow)]))
    return Card("Duration of a flow, ms", "time", "none", figures, "", notes)


def _three(of: Mapping[str, float | None]) -> str:
    return " / ".join(milliseconds(of[name]) for name in _SHOWN)


def _lost(summary: Summary) -> Card:
    flows = flows_of(summary)
    lost = sum(flow["flowsAbandoned"] for flow in flows)
    ended = lost + sum(flow["flowsCompleted"] for flow in flows)
    where = [words for flow in flows if (words := lost_words(flow, summary, most=1))]
    share = f"{100 * lost / ended:.3g} % of {counted(ended, 'user')}" if ended else "no user came to the end"
    tone: Tone = "bad" if lost else "good" if ended else "none"
    return Card("Users lost", "lost", tone, (Figure(lost, f"{lost:,}"),), "", (share, *where[:1]))


def _failed(summary: Summary, broken: Counter[str]) -> Card:
    total = summary["global"]
    count = total["requestsFailed"]
    kinds = Counter[str]()
    for endpoint in summary["endpoints"]:
        kinds.update(failures(endpoint))
    told = [f"{number:,} {kind}" for kind, number in kinds.most_common(_KINDS_TOLD)]
    if len(kinds) > _KINDS_TOLD:
        told.append(f"{counted(len(kinds) - _KINDS_TOLD, 'more kind')}")
    share = f"{100 * total['errorRate']:.3g} % of {counted(total['requestsMade'], 'request')}"
    tone: Tone = "good" if total["requestsMade"] else "none"
    if count or broken["errorRate"]:
        tone = "bad" if broken["errorRate"] or has_many_failures(total) else "warn"
    return Card("Failed", "failed", tone, (Figure(count, f"{count:,}"),), "", (share, *([", ".join(told)] if told else [])))


def _missed(summary: Summary, found: Mapping[str, Limit], broken: Counter[str]) -> Card:
    parts = paced(summary)
    missed = sum(part["requestsMissed"] for part in parts)
    due = sum(starts_due(part, summary) for part in parts)
    if not due:
        return Card("Missed starts", "missed", "none", (Figure(missed, f"{missed:,}"),), "", ("no start was due at a time",))
    notes = [f"{100 * missed / due:.3g} % of {counted(due, 'start')}"]
    if missed:
        worst = max(parts, key=lambda part: part["requestsMissed"])
        where = f"{summary_labels(summary)[worst['endpointKey']]}: " if len(parts) > 1 else ""
        notes.append(f"{where}{found[worst['endpointKey']].words}")
    tone: Tone = "bad" if broken["requestsMissed"] else "warn" if missed else "good"
    return Card("Missed starts", "missed", tone, (Figure(missed, f"{missed:,}"),), "", tuple(notes))


def _workers(summary: Summary, found: Mapping[str, Limit]) -> Card:
    parts = paced(summary)
    pools = [part for part in parts if part["autoscale"]] + [part for part in parts if not part["autoscale"]][:1]
    workers = _of_all(summary, pools)
    capped = sum("cap" in found[part["endpointKey"]].words.split(":")[0] for part in parts)
    decisions = len(summary["scaling"])
    notes = [f"{counted(decisions, 'scaling decision')}" if decisions else "no pool was changed"]
    if capped:
        notes.insert(0, f"{counted(capped, 'pool')} at the cap")
    return Card("Users" if flows_of(summary) else "Workers", "workers", "warn" if capped else "none", workers, "", tuple(notes))


def _of_all(summary: Summary, pools: Sequence[Mapping[str, Any]]) -> tuple[Figure, ...]:
    """The workers at the end and the most of any second; endpoints of the shared pool have them together."""
    totals = [row["global"]["workerCount"] for row in summary["timeline"] if row.get("global")]
    last = totals[-1] if totals else sum(pool["workerCount"] for pool in pools)
    peak = max([last, *totals])
    return Figure(last, f"{last:,}", "at the end"), Figure(peak, f"{peak:,}", "at most")


def _tone(summary: Summary, found: Mapping[str, Limit], broken: Counter[str], name: str) -> Tone:
    if broken[name]:
        return "bad"
    return "warn" if any(found[part["endpointKey"]].is_short for part in paced(summary)) else "good"


def _subjects_of(summary: Summary, *, passed: bool) -> Counter[str]:
    """How many thresholds that held, or were broken, are of which figure; latencies of any kind are `time`."""
    found = Counter[str]()
    for one in summary["thresholds"]:
        if one["passed"] is passed:
            found.update(_subjects(one["threshold"]))
    return found


def _subjects(threshold: str) -> Iterator[str]:
    """What a condition is of: names of the summary, and `time`. A summary may hold any text, which then is of nothing."""
    try:
        names = {metric.name for metric in metrics_of(parse(threshold))}
    except ThresholdError:
        return
    groups = {"missedRate": "requestsMissed", "requestsFailed": "errorRate", "successRate": "errorRate", "errors": "errorRate"}
    for name in names:
        yield "time" if "." in name else groups.get(name, name)
