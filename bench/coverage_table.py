"""What `bench.coverage` counted, as a table and a picture: pure functions of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LOADS = (0.5, 0.8, 0.9, 0.95)
SECONDS = (10, 30, 120)
PERCENTS = (50.0, 90.0, 99.0, 99.9)
BEGIN, END = "<!-- Written by python -m bench.coverage. -->\n", "<!-- Until here. -->\n"
HEAD = (
    *("load", "run", "", "an interval in", "of those, it holds the truth", "a wrong interval in", "its width"),
    "naive: holds the truth",
)
ON_THE_WIRE = (
    "Over the wire: runs of tressi against queues behind HTTP on loopback, which serve 50 requests a second at most"
    " (`--wire {runs}`)."
)
OURS_COLOUR, NAIVE_COLOUR, GREY = "#c2410c", "#64748b", "#94a3b8"
Row = dict[str, Any]


def table(rows: Iterable[Row], *, head: bool) -> str:
    """The rows in Markdown."""
    lines = [[*HEAD], ["---"] * len(HEAD)] if head else []
    lines += [_cells(row) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> list[str]:
    """The cells of one percentile at one load and length."""
    given = row["given"]
    return [
        f"{row['load']:.0%}".replace("%", " %"),
        f"{row['seconds']} s",
        f"p{row['percent']:g}",
        f"{given} of {row['runs']}",
        share(given - row["missed"], given),
        share(row["missed"], row["runs"]),
        "" if row.get("width") is None else f"{100 * row['width']:.0f} %",
        share(row["naive_given"] - row["naive_missed"], row["naive_given"]),
    ]


def share(part: int, whole: int) -> str:
    """A share in percent; nothing of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else ""


def fill(page: Path, document: dict[str, Any]) -> None:
    """Write the tables between the marks of a page, and the picture beside it."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    written = f"{document['runs']} runs for each line, seed {document['seed']}.\n\n{table(document['rows'], head=True)}\n"
    if wire := document.get("wire"):
        written += f"\n{ON_THE_WIRE.format(runs=wire[0]['runs'])}\n\n{table(wire, head=True)}\n"
    page.write_text(f"{before}{BEGIN}\n{written}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    page.with_suffix(".svg").write_text(picture(document["rows"]), encoding="utf-8")


def picture(rows: Sequence[Row]) -> str:
    """How often intervals hold the truth: tressi's and the naive ones, for each load, runs of 120 s."""
    longest = [row for row in rows if row["seconds"] == SECONDS[-1]]
    parts = [_text(20, 24, "How often the interval holds the true value (runs of 120 s)", size=14)]
    for percent in (0, 50, 95, 100):
        x = _x(percent)
        parts.append(f'<line x1="{x}" y1="40" x2="{x}" y2="{_y(len(longest))}" stroke="{GREY}" stroke-width="0.5"/>')
        # The name of the right edge would run into that of 95 %.
        label = "" if percent == 100 else f"{percent} %"
        parts.append(_text(x, _y(len(longest)) + 14, label, anchor="middle"))
    for place, row in enumerate(longest):
        parts += _bars(row, _y(place))
    height = _y(len(longest)) + 44
    for x, colour, name in ((150, OURS_COLOUR, "tressi"), (260, NAIVE_COLOUR, "requests taken for independent")):
        parts.append(f'<rect x="{x}" y="{height - 20}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 15, height - 11, name))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" font-family="sans-serif" font-size="11">\n'
        f'<rect width="760" height="{height}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _bars(row: Row, y: float) -> list[str]:
    """The two bars of a line, and its name; words where tressi gave no interval in most runs."""
    load = f"{row['load']:.0%}".replace("%", " %")
    parts = [_text(142, y + 14, f"{load} occupied, p{row['percent']:g}", anchor="end")]
    naive = 100 * (1 - row["naive_missed"] / row["naive_given"]) if row["naive_given"] else 0.0
    if row["given"] * 2 >= row["runs"]:
        holds = 100 * (1 - row["missed"] / row["given"])
        parts.append(_bar(y + 2, holds, OURS_COLOUR))
    else:
        parts.append(_text(_x(0) + 4, y + 9, "mostly says: too correlated to say, run longer", colour=OURS_COLOUR, size=9))
    return [*parts, _bar(y + 11, naive, NAIVE_COLOUR)]


def _bar(y: float, percent: float, colour: str) -> str:
    label = _text(_x(percent) + 4, y + 7, f"{percent:.0f} %", size=8)
    return f'<rect x="{_x(0)}" y="{y}" width="{_x(percent) - _x(0):.1f}" height="8" fill="{colour}"/>{label}'


def _x(percent: float) -> float:
    return round(150 + 5.6 * percent, 1)


def _y(place: int) -> float:
    return 44 + 24 * place


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#1e293b", size: int = 11) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{words}</text>'
