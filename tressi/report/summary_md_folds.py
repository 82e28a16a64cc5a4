"""What of a run is folded away in Markdown: bodies, latencies, statuses, scaling, the generator, the run itself, its config."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from tressi.report.fitting import Section
from tressi.report.markdown import block, fence_of, folded, inert, sentence, table
from tressi.report.rows import FIGURES, GLOBAL, HTTP_2, PLAIN, STATUS_CODES, TIMES, status_code_rows
from tressi.run.flow_parts import flows_of
from tressi.text import counted, milliseconds, plain, rate
from tressi.vocabulary import is_failed_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Shown = Callable[[str | None], str]

SAMPLES_SHOWN: Final = 10
LONGEST_BODY: Final = 2_000  # characters
CONFIG_LINES: Final = 200
CONFIG_COLUMNS: Final = 200  # of one line
DECISIONS_SHOWN: Final = 40

_WORD_START: Final = re.compile("(?<=[a-z])(?=[A-Z])")
_SIGNS: Final = {"scale-up": "+", "scale-down": "-"}


def samples(found: Sequence[Mapping[str, Any]], shown: Shown) -> Iterator[Section]:
    """The first response of each endpoint and status, those that failed first."""
    first: dict[tuple[str, int], Mapping[str, Any]] = {}
    for sample in found:
        first.setdefault((sample["endpointKey"], sample["status"]), sample)
    chosen = sorted(first.values(), key=lambda one: not is_failed_status(one["status"]))[:SAMPLES_SHOWN]
    if not chosen:
        return
    rows = []
    for sample in chosen:
        cut = ", its beginning" if sample["truncated"] or len(sample["body"]) > LONGEST_BODY else ""
        rows.append(f"{shown(sample['endpointKey'])}: {sample['status']}{cut}\n\n{block(sample['body'][:LONGEST_BODY])}")
    head = f"<details><summary>Sampled responses, of the {len(found)} in summary.json</summary>"
    yield Section(head, rows, "</details>", 0.1, "sampled response", apart=True)


def folds(summary: Mapping[str, Any], shown: Shown) -> Iterator[Section]:
    """Everything else, in the order of the report."""
    yield _latencies(summary["global"])
    yield from _statuses(summary, shown)
    yield from _http2(summary["endpoints"], shown)
    yield from _scaling(summary["scaling"], shown)
    yield from _changes(summary["changes"], shown)
    yield _generator(summary["generator"])
    yield from _nodes(summary.get("nodes", ()))
    yield _run(summary)
    yield _config(summary["config"])


def label(name: str) -> str:
    """A name of the summary in words: `requestsMade` is requests made."""
    words = _WORD_START.sub(" ", name).lower()
    return re.sub(r"\b(rps|tls)\b", lambda found: found[0].upper(), words).removesuffix(" ms")


def _fold(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str], **room: Any) -> Section:  # noqa: ANN401 - the section's own
    head, rule, *lines = table(columns, rows, numbers).split("\n")
    opened, closed = folded(title, f"{head}\n{rule}")
    return Section(opened, lines, closed, **room)


def _latencies(total: Mapping[str, Any]) -> Section:
    rows = ((label(time), *(milliseconds(total[time][name]) for name in FIGURES)) for time in TIMES)
    return _fold("Latencies of all endpoints together, in ms", ("of", *FIGURES), rows, FIGURES, share=0.05)


def _statuses(summary: Mapping[str, Any], shown: Shown) -> Iterator[Section]:
    """Those of all endpoints first, then those that failed, then the most frequent."""

    def order(row: Mapping[str, Any]) -> tuple[bool, bool, int]:
        return row["endpointKey"] != GLOBAL, not is_failed_status(row["status"]), -row["count"]

    found = sorted(status_code_rows(summary), key=order)
    rows = ((shown(row["endpointKey"]), *(str(row[name]) for name in STATUS_CODES[1:])) for row in found)
    if found:
        yield _fold("Status codes", ("endpoint", "status", "count"), rows, ("count",), share=0.05, elsewhere="endpoints.csv")


def _http2(endpoints: Sequence[Mapping[str, Any]], shown: Shown) -> Iterator[Section]:
    """What the connections of HTTP/2 did, where it was asked for."""
    found = [one for one in endpoints if "protocol" in one]
    rows = ((shown(one["endpointKey"]), inert(one["protocol"]), *(str(one[name]) for name in HTTP_2[1:])) for one in found)
    columns = ("endpoint", "protocol", "streams a connection", "GOAWAYs", "streams refused", "places waited")
    if found:
        yield _fold("HTTP/2", columns, rows, columns[2:], share=0.05, noun="endpoint", elsewhere="endpoints.csv")


def _scaling(decisions: Sequence[Mapping[str, Any]], shown: Shown) -> Iterator[Section]:
    rows = (
        (
            f"{one['timestamp']:.1f} s",
            shown(one["endpointKey"]),
            f"{_SIGNS.get(one['action'], '')}{one['workers']}",
            str(one["workerCount"]),
            sentence(one["reason"]),
        )
        for one in decisions
    )
    columns = ("at", "endpoint", "change", "workers then", "why")
    room: dict[str, Any] = {"share": 0.05, "noun": "decision", "elsewhere": "scaling.csv", "most": DECISIONS_SHOWN}
    if decisions:
        yield _fold(counted(len(decisions), "scaling decision"), columns, rows, columns[2:4], **room)


def _changes(changes: Sequence[Mapping[str, Any]], shown: Shown) -> Iterator[Section]:
    rows = (
        (
            f"{one['t']:.1f} s",
            inert(one["action"]),
            shown(one["endpointKey"]),
            "" if one["targetRps"] is None else rate(one["targetRps"]),
        )
        for one in changes
    )
    columns = ("at", "action", "endpoint", "target RPS")
    if changes:
        yield _fold("Changed while the run lasted", columns, rows, columns[3:], share=0.05, noun="change")


def _generator(generator: Mapping[str, Any]) -> Section:
    own, late = (milliseconds(generator[name]["p99"]) for name in ("ownDelayMs", "lateSendsMs"))
    shared = generator.get("sharedArrivalMs")
    rows = [
        ("limited", "yes" if generator["saturated"] else "no"),
        *(("why", sentence(reason)) for reason in (*generator["reasons"], *generator["lost"])),
        ("CPU", f"{generator['cpuPercent']:.0f} % of a core"),
        ("processes", str(generator["processes"])),
        ("clock", inert(generator["clock"])),
        ("own delay p99", f"{own} ms"),
        ("late sends p99", f"{late} ms"),
        *([("shared arrivals p99", f"{milliseconds(shared['p99'])} ms")] if shared else []),
        *([("late", sentence(generator["late"]))] if generator["late"] else []),
    ]
    return _fold("The generator", ("figure", "value"), rows, (), share=0.05)


def _nodes(nodes: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """The machines of a run over several."""
    rows = (
        (
            inert(one["name"]),
            inert(one["address"]),
            str(one["engines"]),
            f"{one['requestsMade']:,}",
            f"{one['share']:.1%}",
            f"{one['clockOffsetMs']:.2f} ± {one['clockBoundMs']:.2f} ms",
            "" if one["lostAt"] is None else f"{one['lostAt']:.1f} s",
            "?" if one["uncountedAtMost"] is None else f"{one['uncountedAtMost']:,}",
        )
        for one in nodes
    )
    columns = ("node", "address", "engines", "requests", "share", "clock ahead", "lost at", "uncounted at most")
    if nodes:
        yield _fold(counted(len(nodes), "node"), columns, rows, columns[2:], share=0.05, noun="node")


def _run(summary: Mapping[str, Any]) -> Section:
    total = summary["global"]
    # How many requests a start of a flow makes is in no rate, so of all together none is asked for, and not the highest.
    unasked = {name for name in ("askedRps", "targetRps") if total[name] is None and flows_of(summary)}
    rows = [
        *([("name", inert(summary["name"]))] if "name" in summary else []),
        *((inert(f"label {key}"), inert(value)) for key, value in summary.get("labels", {}).items()),
        ("tressi version", inert(summary["tressiVersion"])),
        ("started at", inert(summary["startedAt"])),
        ("duration", f"{summary['durationSec']:.1f} s"),
        *([("warm-up", f"{summary['warmUpSec']:.1f} s")] if "warmUpSec" in summary else []),
        ("ended by", inert(summary["endReason"])),
        *([("end detail", sentence(summary["endDetail"]))] if summary["endDetail"] else []),
        *((label(name), "-" if name in unasked else _figure(name, total[name])) for name in PLAIN),
    ]
    return _fold("The run in numbers", ("what", "value"), rows, (), share=0.05)


def _figure(name: str, value: float | None) -> str:
    """A figure under its name in the summary, rounded for a person."""
    if name.endswith("Rate"):
        return f"{value:.2%}"
    return rate(value) if name.endswith(("Rps", "rps")) else str(value)


def _config(config: Mapping[str, Any]) -> Section:
    """The config line by line, so that its beginning is shown where there is no room for all."""
    lines = [plain(line) for line in json.dumps(config, indent=2, ensure_ascii=False).split("\n")]
    rows = [line if len(line) <= CONFIG_COLUMNS else f"{line[: CONFIG_COLUMNS - 1]}…" for line in lines]
    fence = fence_of("\n".join(rows))
    opened, closed = folded("The config", f"{fence}json")
    return Section(opened, rows, f"{fence}\n\n{closed}", 0.1, "line", most=CONFIG_LINES)
