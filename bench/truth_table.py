"""What the tools said beside what the wire saw, as tables: pure functions of what `bench.truth` wrote."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PERCENTS = ("50", "95", "99")  # as JSON has them
Row = dict[str, Any]


def scenarios(document: dict[str, Any]) -> dict[str, list[Row]]:
    """The rows of each scenario by its title, in the order in which they were measured."""
    found: dict[str, list[Row]] = {}
    for row in document["rows"]:
        found.setdefault(_title(row), []).append(row)
    return found


def _title(row: Row) -> str:
    connections = f"{row['connections']} connection{'s' * (row['connections'] != 1)}"
    over = "" if row.get("protocol", "http/1.1") == "http/1.1" else ", HTTP/2 without TLS, one request at a time"
    return f"{connections}, {row['rate']:,} requests per second{over}" if row["rate"] else f"{connections}, full speed{over}"


def by_tool(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rounds of each tool, the one nearest to the wire's median first."""
    tools: dict[str, list[Row]] = {}
    for row in rows:
        tools.setdefault(row["peer"], []).append(row)
    return dict(sorted(tools.items(), key=lambda item: abs(off_us(item[1], "50") or 0.0)))


def off_us(rounds: Sequence[Row], percent: str) -> float | None:
    """How far off the tool was in the middle round, in µs; None where it does not give this percentile."""
    found = [row["said"][percent] - row["wire"][percent] for row in rounds if percent in row["said"]]
    return statistics.median(found) if found else None


def ratio(rounds: Sequence[Row], percent: str) -> float | None:
    """What the tool said by what the wire saw, in the middle round; None where it does not give this percentile."""
    found = [row["said"][percent] / row["wire"][percent] for row in rounds if percent in row["said"]]
    return statistics.median(found) if found else None


def render(document: dict[str, Any]) -> str:
    """All tables of a result file, as Markdown."""
    rounds = 1 + max(row["round"] for row in document["rows"])
    parts = [
        f"{document['machine']}. {document['seconds']} s a run, {rounds} round{'s' * (rounds != 1)}, medians of the rounds."
    ]
    for title, rows in scenarios(document).items():
        head = ["tool", *(f"p{percent}: wire, said, off" for percent in PERCENTS)]
        lines = [head, ["---"] * len(head), *([_name(peer), *_cells(found)] for peer, found in by_tool(rows).items())]
        parts += [f"## {title[0].upper()}{title[1:]}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join(parts) + "\n"


def _name(peer: str) -> str:
    return f"**{peer}**" if peer == "tressi" else peer


def _cells(rounds: Sequence[Row]) -> list[str]:
    cells = []
    for percent in PERCENTS:
        off, times = off_us(rounds, percent), ratio(rounds, percent)
        wire = statistics.median(row["wire"][percent] for row in rounds)
        if off is None or times is None:
            cells.append(f"{wire:,.0f}, not said")
        else:
            said = statistics.median(row["said"][percent] for row in rounds if percent in row["said"])
            cells.append(f"{wire:,.0f}, {said:,.0f}, {off:+,.0f} µs ({100 * (times - 1):+,.0f} %)")
    return cells
