"""The summary as Markdown, to paste into a pull request: the verdict first, bodies last and folded.

Figures are rounded as in the table on the terminal. It stays below what a comment on GitHub may hold in usual runs: the
timeline and the scaling decisions have files of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.report.markdown import block, code, inert, table
from tressi.report.outcome import doubts, outcome
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
)
from tressi.report.verdict import verdicts
from tressi.text import common_origin, milliseconds, rate, short_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SAMPLES_SHOWN: Final = 10

_ENDPOINT_FIGURES: Final = {
    "asked": "targetRps",
    "got": "rps",
    "workers": "workerCount",
    "peak": "peakWorkerCount",
    **dict(zip(("made", "succeeded", "failed", "missed", "cut"), COUNTS, strict=True)),
    "errorRate": "errorRate",
}
_ENDPOINT_TIMES: Final = ("p50", "p90", "p99", "max")
_THRESHOLD_WORDS: Final = {True: "passed", False: "**failed**", None: "not judged"}
_WORD_START: Final = re.compile("(?<=[a-z])(?=[A-Z])")


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the summary as Markdown."""
    keys = Keys(summary)
    sections = (
        _opening(summary),
        _thresholds(summary["thresholds"], keys),
        _global(summary["global"]),
        _endpoints(summary, keys),
        _table("Status codes", ("endpoint", "status", "count"), _texts(keys, STATUS_CODES, status_code_rows(summary))),
        _table("Errors", ("endpoint", "kind", "count"), _texts(keys, ERRORS, error_rows(summary))),
        _table("Reasons", ("endpoint", "kind", "reason", "count"), _texts(keys, REASONS, reason_rows(summary))),
        _table(
            "Changed by hand", ("at", "action", "endpoint", "target RPS"), (_change(one, keys) for one in summary["changes"])
        ),
        _samples(summary["samples"], keys),
    )
    return ("\n\n".join(part for section in sections for part in section) + "\n").encode()


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
    """How endpoint keys are shown: inert, and without the origin where all have the same."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        self.origin = common_origin(endpoint["endpointKey"] for endpoint in summary["endpoints"])

    def shown(self, key: str | None) -> str:
        """One key; None and `global` are all endpoints together."""
        return "all" if key in {None, GLOBAL} else inert(short_key(str(key), self.origin))


def _opening(summary: Mapping[str, Any]) -> Iterator[str]:
    """The verdict, and the run in a few lines."""
    total, generator, came_out = summary["global"], summary["generator"], outcome(summary)
    yield f"## tressi: {came_out.word}"
    yield "; ".join(inert(reason) for reason in came_out.reasons)
    came = f"{total['requestsMade']} requests in {summary['durationSec']:.1f} s ({rate(total['rps'])} RPS)"
    own, late = (milliseconds(generator[name]["p99"]) for name in ("ownDelayMs", "lateSendsMs"))
    used = f"generator: {generator['cpuPercent']:.0f} % CPU, {inert(generator['clock'])} clock"
    lines = [
        f"{came}, {total['requestsFailed']} failed, {total['requestsMissed']} missed",
        f"started at {inert(summary['startedAt'])}, ended by {inert(summary['endReason'])}",
        f"{len(summary['scaling'])} scaling decisions",
        f"{used}, own delay p99 {own} ms, late p99 {late} ms",
        *(f"**{word}**: {inert(reason)}" for word, reason in doubts(summary)),
    ]
    yield "\n".join(f"- {line}" for line in lines)


def _thresholds(verdicts: Sequence[Mapping[str, Any]], keys: Keys) -> Iterator[str]:
    rows = (
        (_THRESHOLD_WORDS[one["passed"]], keys.shown(one["endpointKey"]), code(one["threshold"]), inert(one["detail"]))
        for one in verdicts
    )
    return _table("Thresholds", ("verdict", "endpoint", "threshold", "why"), rows)


def _global(total: Mapping[str, Any]) -> Iterator[str]:
    yield from _table("Global summary", ("figure", "value"), ((label(name), figure(name, total[name])) for name in PLAIN))
    latencies = ((label(time), *(milliseconds(total[time][name]) for name in FIGURES)) for time in TIMES)
    yield table(("in ms", *FIGURES), latencies, FIGURES)


def _endpoints(summary: Mapping[str, Any], keys: Keys) -> Iterator[str]:
    """Each endpoint's figures; rates are RPS, latencies service times in milliseconds."""
    said = verdicts(summary)
    columns = ("endpoint", *map(label, _ENDPOINT_FIGURES), *_ENDPOINT_TIMES, "what limited it")
    rows = (
        (
            keys.shown(one["endpointKey"]),
            *(figure(name, one[name]) for name in _ENDPOINT_FIGURES.values()),
            *(milliseconds(one["serviceTimeMs"][name]) for name in _ENDPOINT_TIMES),
            inert(said[one["endpointKey"]]),
        )
        for one in summary["endpoints"]
    )
    of = f" of {inert(keys.origin)}" if keys.origin else ""
    yield "### Endpoints"
    yield f"RPS and service times in ms{of}:"
    yield table(columns, rows, columns[1:-1])


def _texts(keys: Keys, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    """Rows that begin with an endpointKey as cells."""
    return ((keys.shown(row["endpointKey"]), *(inert(str(row[name])) for name in names[1:])) for row in rows)


def _change(change: Mapping[str, Any], keys: Keys) -> Sequence[str]:
    target = "" if change["targetRps"] is None else rate(change["targetRps"])
    return (f"{change['t']:.1f} s", inert(change["action"]), keys.shown(change["endpointKey"]), target)


def _samples(samples: Sequence[Mapping[str, Any]], keys: Keys) -> Iterator[str]:
    """The first response of each endpoint and status, folded away."""
    first = {(one["endpointKey"], one["status"]): one for one in reversed(samples)}
    shown = list(reversed(first.values()))[:SAMPLES_SHOWN]
    if not shown:
        return
    yield "### Sampled responses"
    yield f"<details><summary>{len(shown)} of the {len(samples)} in summary.json</summary>"
    for sample in shown:
        cut = ", its beginning" if sample["truncated"] else ""
        yield f"{keys.shown(sample['endpointKey'])}: {sample['status']}{cut}"
        yield block(sample["body"])
    yield "</details>"


def _table(heading: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A section with a table, numbers to the right; nothing where there are no rows."""
    found = list(rows)
    if found:
        yield f"### {heading}"
        yield table(columns, found, {"count", "value", "target RPS"})
