"""The summary as Markdown, to paste into a pull request: the verdict with its reasons first, bodies last and folded.

Figures are rounded as in the table on the terminal. A comment on GitHub may have 65,536 characters. So the worst comes first
everywhere, and rows without room are counted; the timeline and the scaling decisions have files of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.report.fitting import Section, fitted
from tressi.report.markdown import block, code, inert, table
from tressi.report.rows import (
    COUNTS,
    ERRORS,
    FIGURES,
    GLOBAL,
    PLAIN,
    REASONS,
    STATUS_CODES,
    TIMES,
    error_rows,
    reason_rows,
    status_code_rows,
    step_rows,
)
from tressi.run.flow_parts import flows_of, is_step
from tressi.run.judgement import judge_run
from tressi.run.shortfall import verdicts
from tressi.run.warm_up import came_words
from tressi.text import common_origin, milliseconds, rate, run_words, summary_labels
from tressi.vocabulary import FAILED_STATUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

LONGEST: Final = 65_000  # bytes, which are never fewer than characters
SAMPLES_SHOWN: Final = 10
LONGEST_BODY: Final = 2_000  # characters

_ENDPOINT_FIGURES: Final = {
    "asked": "askedRps",
    "got": "rps",
    "workers": "workerCount",
    "peak": "peakWorkerCount",
    **dict(zip(("made", "succeeded", "failed", "missed", "cut"), COUNTS, strict=True)),
    "errorRate": "errorRate",
}
# What a person reads first is how long a start has waited for its answer; the target's own time stands beside it.
_ENDPOINT_TIMES: Final = {
    **{name: ("responseTimeMs", name) for name in ("p50", "p90", "p99", "max")},
    "svc p99": ("serviceTimeMs", "p99"),
}
_OF_A_POOL: Final = ("askedRps", "workerCount", "peakWorkerCount", "requestsMissed")  # which a step of a flow has not
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
_WORD_START: Final = re.compile("(?<=[a-z])(?=[A-Z])")


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the summary as Markdown, in fewer bytes than a comment may have characters."""
    keys = Keys(summary)
    changed = (_change(one, keys) for one in summary["changes"])
    sections = [
        _verdict(summary),
        Section("", _remarks(summary), share=0.05, noun="remark"),
        *_thresholds(summary["thresholds"], keys),
        Section("\n\n".join(_global(summary))),
        *_flows(summary, keys),
        _endpoints(summary, keys),
        *_counts("Status codes", ("endpoint", "status", "count"), _texts(keys, STATUS_CODES, _statuses(summary)), 0.08),
        *_counts("Errors", ("endpoint", "kind", "count"), _texts(keys, ERRORS, _most(error_rows(summary))), 0.08),
        *_counts("Reasons", ("endpoint", "kind", "reason", "count"), _texts(keys, REASONS, _most(reason_rows(summary))), 0.15),
        *_counts("Changed by hand", ("at", "action", "endpoint", "target RPS"), changed, 0.05, "change"),
        *_samples(summary["samples"], keys),
    ]
    return (fitted(sections, LONGEST) + "\n").encode()


def label(name: str) -> str:
    """A name of the summary in words: `requestsMade` is requests made."""
    words = _WORD_START.sub(" ", name).lower()
    return re.sub(r"\b(rps|tls)\b", lambda found: found[0].upper(), words).removesuffix(" ms")


def figure(name: str, value: float | None) -> str:
    """A figure under its name in the summary, rounded for a person."""
    if name.endswith("Rate"):
        return f"{value:.2%}"
    if name.endswith(("Rps", "rps")):
        return rate(value)
    return str(value)


class Keys:
    """How endpoints are shown: inert, by their names or by their keys without the origin where all have the same."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        self.origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])
        self._labels = summary_labels(summary)

    def shown(self, key: str | None) -> str:
        """One of them by its key; None and `global` are all endpoints together."""
        return "all" if key in {None, GLOBAL} else inert(self._labels.get(str(key), str(key)))


def _verdict(summary: Mapping[str, Any]) -> Section:
    """The verdict with its reasons."""
    judgement = judge_run(summary)
    return Section(f"## tressi: {judgement.word}\n", [f"- {inert(reason)}" for reason in judgement.reasons], "", 0.1, "reason")


def _remarks(summary: Mapping[str, Any]) -> list[str]:
    """The run in a few lines."""
    total, generator = summary["global"], summary["generator"]
    own, late = (milliseconds(generator[name]["p99"]) for name in ("ownDelayMs", "lateSendsMs"))
    used = f"generator: {generator['cpuPercent']:.0f} % CPU, {inert(generator['clock'])} clock"
    called = run_words(summary.get("name"), summary.get("labels", {}))
    lines = [
        *([inert(called)] if called else []),
        f"{came_words(summary)}, {total['requestsFailed']} failed, {total['requestsMissed']} missed",
        f"started at {inert(summary['startedAt'])}, ended by {inert(summary['endReason'])}",
        f"{len(summary['scaling'])} scaling decisions",
        f"{used}, own delay p99 {own} ms, late p99 {late} ms",
        *([f"late: {inert(generator['late'])}"] if generator["late"] else []),
    ]
    return [f"- {line}" for line in lines]


def _thresholds(verdicts: Sequence[Mapping[str, Any]], keys: Keys) -> Iterator[Section]:
    """Those that failed first."""
    rows = (
        (_THRESHOLD_WORDS[one["passed"]], keys.shown(one["endpointKey"]), code(one["threshold"]), inert(one["detail"]))
        for one in sorted(verdicts, key=lambda one: _WORST_FIRST.index(one["passed"]))
    )
    return _counts("Thresholds", ("verdict", "endpoint", "threshold", "why"), rows, 0.15, "threshold")


def _global(summary: Mapping[str, Any]) -> Iterator[str]:
    total = summary["global"]
    # How many requests a start of a flow makes is in no rate, so of all together none is asked for, and not the highest.
    unasked = {name for name in ("askedRps", "targetRps") if total[name] is None and flows_of(summary)}
    yield "### Global summary"
    rows = ((label(name), "-" if name in unasked else figure(name, total[name])) for name in PLAIN)
    yield table(("figure", "value"), rows, ["value"])
    latencies = ((label(time), *(milliseconds(total[time][name]) for name in FIGURES)) for time in TIMES)
    yield table(("in ms", *FIGURES), latencies, FIGURES)


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
            inert(said[one["endpointKey"]]),
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
    said = verdicts(summary)
    columns = ("endpoint", *map(label, _ENDPOINT_FIGURES), *_ENDPOINT_TIMES, "what limited it")
    rows = (
        (
            keys.shown(one["endpointKey"]),
            *("-" if is_step(one) and name in _OF_A_POOL else figure(name, one[name]) for name in _ENDPOINT_FIGURES.values()),
            *(milliseconds(one[time][name]) for time, name in _ENDPOINT_TIMES.values()),
            inert(said[one["endpointKey"]]),
        )
        for one in sorted(summary["endpoints"], key=badness, reverse=True)
    )
    of = f" of {inert(keys.origin)}" if keys.origin else ""
    opening = f"### Endpoints\n\nRPS and response times in ms{of}, the worst first:"
    parts = _table(opening, columns, rows, columns[1:-1])
    return Section(*parts, share=0.4, noun="endpoint", elsewhere="endpoints.csv")


def badness(endpoint: Mapping[str, Any]) -> tuple[float, ...]:
    """What makes an endpoint worse than another: no success, then failures, missed starts, and how long responses took."""
    made, missed = endpoint["requestsMade"], endpoint["requestsMissed"]
    due = made + missed
    slowest_ms = endpoint["responseTimeMs"]["p99"]
    return (
        not endpoint["requestsSucceeded"],
        endpoint["requestsFailed"] / made if made else 0.0,
        missed / due if due else 0.0,
        slowest_ms or 0.0,
    )


def _statuses(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those of all endpoints first, then those that failed, then the most frequent."""

    def order(row: Mapping[str, Any]) -> tuple[bool, bool, int]:
        return row["endpointKey"] != GLOBAL, row["status"] < FAILED_STATUS, -row["count"]

    return sorted(status_code_rows(summary), key=order)


def _most(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of all endpoints first, then the most frequent."""
    return sorted(rows, key=lambda row: (row["endpointKey"] != GLOBAL, -row["count"]))


def _texts(keys: Keys, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    """Rows that begin with an endpointKey as cells."""
    return ((keys.shown(row["endpointKey"]), *(inert(str(row[name])) for name in names[1:])) for row in rows)


def _change(change: Mapping[str, Any], keys: Keys) -> Sequence[str]:
    target = "" if change["targetRps"] is None else rate(change["targetRps"])
    return (f"{change['t']:.1f} s", inert(change["action"]), keys.shown(change["endpointKey"]), target)


def _samples(samples: Sequence[Mapping[str, Any]], keys: Keys) -> Iterator[Section]:
    """The first response of each endpoint and status, those that failed first, folded away."""
    first: dict[tuple[str, int], Mapping[str, Any]] = {}
    for sample in samples:
        first.setdefault((sample["endpointKey"], sample["status"]), sample)
    chosen = sorted(first.values(), key=lambda one: one["status"] < FAILED_STATUS)[:SAMPLES_SHOWN]
    if not chosen:
        return
    rows = []
    for sample in chosen:
        cut = ", its beginning" if sample["truncated"] or len(sample["body"]) > LONGEST_BODY else ""
        rows.append(f"{keys.shown(sample['endpointKey'])}: {sample['status']}{cut}\n\n{block(sample['body'][:LONGEST_BODY])}")
    head = f"### Sampled responses\n\n<details><summary>of the {len(samples)} in summary.json</summary>"
    yield Section(head, rows, "</details>", 0.1, "sampled response", apart=True)


def _counts(
    heading: str, columns: Sequence[str], rows: Iterable[Sequence[str]], share: float, noun: str = "row"
) -> Iterator[Section]:
    """A section with a table, numbers to the right; nothing where there are no rows."""
    found = list(rows)
    if found:
        yield Section(*_table(f"### {heading}", columns, found, ("count", "target RPS")), share=share, noun=noun)


def _table(
    opening: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str]
) -> tuple[str, Sequence[str]]:
    """What stands above the rows of a table, and its rows as lines."""
    head, rule, *lines = table(columns, rows, numbers).split("\n")
    return f"{opening}\n\n{head}\n{rule}", lines
