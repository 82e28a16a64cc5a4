"""The comparison's figures as tables: medians with their spread, and ratios of runs that were neighbours in time."""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OURS = "tressi"
TELLING = ("full-64", "rate-10000", "close-64", "job-64")  # scenarios whose commands are shown
Result = dict[str, Any]  # one tool in one scenario, as the bench writes it


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours / theirs for each round that has both."""
    return [our / their for our, their in zip(ours, theirs, strict=False) if their > 0]


def busy_s(stat: str, core: int) -> float:
    """CPU seconds that a core has been busy for since the start of the system, from the text of /proc/stat."""
    ticks = next(line.split()[1:9] for line in stat.splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _wait, interrupt, soft_interrupt, steal = map(int, ticks)
    return (user + nice + system + interrupt + soft_interrupt + steal) / os.sysconf("SC_CLK_TCK")


def disturbed(run: dict[str, float]) -> bool:
    """Whether others took more than a tenth of the tool's core."""
    return run["others"] > 0.1


def did_it(run: dict[str, float], *, keep_alive: bool) -> bool:
    """Whether the server saw what the scenario says: one connection for each request, or hardly any new ones."""
    opened = run["accepted_per_request"]
    return opened < 0.05 if keep_alive else opened > 0.95


def column(result: Result, key: str) -> list[float]:
    """One figure of all its runs."""
    return [run[key] for run in result["runs"]]


def middle(values: Sequence[float], decimals: int) -> str:
    """Median, and lowest to highest, to be read by people."""
    shown = [f"{value:,.{decimals}f}" for value in (statistics.median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def rows(results: Sequence[Result], scenario: str) -> list[list[str]]:
    """The cells of one scenario's table, most requests per second first, what could not be measured last."""
    chosen = [result for result in results if result["scenario"] == scenario]
    ours = next((result for result in chosen if result["peer"] == OURS and result["runs"]), None)
    measured = sorted((result for result in chosen if result["runs"]), key=_order)
    cells = [_row(result, ours) for result in measured]
    return cells + [[result["peer"], result["note"], "", "", "", ""] for result in chosen if not result["runs"]]


def _order(result: Result) -> float:
    """At full speed the fastest is first; at a fixed rate the one with the least CPU time per request."""
    return statistics.median(column(result, "cpu_us")) if result["rate"] else -statistics.median(column(result, "rps"))


def _row(result: Result, ours: Result | None) -> list[str]:
    name = f"**{result['peer']}**" if result["peer"] == OURS else result["peer"]
    figures = [middle(column(result, "rps"), 0), middle(column(result, "cpu_us"), 2)]
    return [name, *figures, *_against(result, ours), _note(result)]


def _note(result: Result) -> str:
    """What is to be known about its runs."""
    count = sum(map(disturbed, result["runs"]))
    beside = f"{count} of {len(result['runs'])} runs disturbed" if count else ""
    return ", ".join(filter(None, [result["note"], beside]))


def _against(result: Result, ours: Result | None) -> list[str]:
    if ours is None or ours is result:
        return ["", ""]
    pairs = [ratios(column(ours, key), column(result, key)) for key in ("rps", "cpu_us")]
    return [middle(values, 2) if values else "" for values in pairs]


def render(documents: Sequence[dict[str, Any]]) -> str:
    """All tables of result files, one file after the other, as Markdown; versions and commands of all of them at the end."""
    parts = [part for document in documents for part in _tables(document)]
    results = [result for document in documents for result in document["results"]]
    parts += ["## Versions", "\n".join(_versions(documents)), "## Commands", _commands(results)]
    return "\n\n".join(parts) + "\n"


def _tables(document: dict[str, Any]) -> Iterator[str]:
    """Where the figures of one file come from, and a table for each scenario."""
    yield document["machine"] + "."
    yield (
        f"{document['rounds']} rounds, {document['seconds']:g} s read in each run."
        " Cells are medians, and in brackets the lowest and highest round."
    )
    for name, title in document["scenarios"].items():
        yield f"## {title[0].upper()}{title[1:]}"
        if name in document.get("about", {}):
            yield document["about"][name]
        yield f"![{title}](comparison-{name}.svg)"
        yield _markdown(document["results"], name)


def _versions(documents: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each tool: its versions, or how it is installed where no file has a figure of it."""
    versions: dict[str, list[str]] = {}
    for document in documents:
        for name, version in document["versions"].items():
            said = versions.setdefault(name, [])
            said += [] if version in said else [version]
    missing = {name: how for document in documents for name, how in document["missing"].items() if name not in versions}
    lines = [f"- {name}: {', '.join(filter(None, said)) or 'says none'}" for name, said in versions.items()]
    return lines + [f"- {name}: not measured, install it with `{how}`" for name, how in missing.items()]


def _markdown(results: Sequence[Result], scenario: str) -> str:
    head = ["tool", "requests per second", "CPU µs per request", "tressi's throughput / its", "tressi's CPU / its", "note"]
    lines = [head, ["---"] * len(head), *rows(results, scenario)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _commands(results: Sequence[Result]) -> str:
    """The commands of scenarios that differ in more than a number; the result file has them all."""
    lines = []
    for result in results:
        if not result["command"] or result["scenario"] not in TELLING:
            continue
        lines.append(f"# {result['peer']}, {result['scenario']}\n{result['command']}")
        lines += [f"#   {name}: {line}" for name, text in result["files"].items() for line in text.splitlines() if line.strip()]
    return "```sh\n" + "\n".join(lines) + "\n```"
