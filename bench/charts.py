"""Draw what a bench wrote, and fill the tables of its page.

`bench.compare --json FILE` gives one picture per scenario and docs/comparison.md, `bench.truth --json FILE` docs/truth.md.
Several files of `bench.compare`, each with scenarios of its own, make one page.

python -m bench.charts FILE [FILE …] [--docs docs]
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from bench import truth_table
from bench.table import OURS, Result, column, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEPT = 0.05  # a tool keeps a rate that it is no further from
COSTS = (5, 10, 20, 50, 100, 200, 500)  # what the axis of CPU time names
OURS_COLOUR, THEIRS_COLOUR = "#c2410c", "#64748b"
MARK = "<!-- From here on written by python -m bench.charts. -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    arguments = parser.parse_args()
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in arguments.file]
    # The same file gives the same picture, byte for byte: no date, no random names.
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "tressi", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9})
    if "rows" in documents[0]:
        draw_truth(documents[0], arguments.docs / "truth.svg")
        _fill(arguments.docs / "truth.md", truth_table.render(documents[0]))
        return
    for document in documents:
        for name in {result["scenario"]: None for result in document["results"] if result["runs"]}:
            draw(document, name, document["scenarios"][name], arguments.docs / f"comparison-{name}.svg")
    draw_rates(documents, arguments.docs / "comparison-rates.svg")
    _fill(arguments.docs / "comparison.md", render(documents))


def _fill(page: Path, tables: str) -> None:
    """Put the tables below what a person wrote."""
    page.write_text(page.read_text(encoding="utf-8").partition(MARK)[0] + MARK + "\n" + tables, encoding="utf-8")


def draw(document: dict[str, Any], name: str, title: str, file: Path) -> None:
    """Two panels side by side: requests per second, and CPU time of a request."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - the backend is chosen by then

    results = [result for result in document["results"] if result["scenario"] == name and result["runs"]]
    results.sort(key=lambda result: statistics.median(column(result, "cpu_us")), reverse=True)
    figure = Figure(figsize=(9, 1.2 + 0.27 * len(results)), layout="constrained")
    speed, cost = figure.subplots(1, 2, sharey=True)
    _bars(speed, results, "rps", "requests per second")
    _bars(cost, results, "cpu_us", "CPU µs per request (less is better)")
    if results[0]["rate"]:
        speed.axvline(results[0]["rate"], color="black", linewidth=0.8, linestyle=":")
    figure.suptitle(title, fontsize=10)
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def draw_rates(documents: list[dict[str, Any]], file: Path) -> None:
    """CPU time of a request by the rate that was asked for, a line for each tool, where it kept within 5 % of the rate."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - the backend is chosen by then

    lines: dict[str, dict[int, float]] = {}
    for result in (result for document in documents for result in document["results"] if result["rate"] and result["runs"]):
        if abs(statistics.median(column(result, "rps")) / result["rate"] - 1) <= KEPT:
            lines.setdefault(result["peer"], {})[result["rate"]] = statistics.median(column(result, "cpu_us"))
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.subplots()
    for peer, costs in sorted(lines.items(), key=lambda line: -max(line[1])):
        rates = sorted(costs)
        ours = peer == OURS
        (line,) = axes.plot(rates, [costs[rate] for rate in rates], marker="o", markersize=4, linewidth=2.5 if ours else 1.2)
        if ours:
            line.set(color=OURS_COLOUR, zorder=3)
        line.set_label(peer)
    axes.set(xscale="log", yscale="log", xlabel="requests per second asked for", ylabel="CPU µs per request (less is better)")
    for axis, places in ((axes.xaxis, sorted({rate for costs in lines.values() for rate in costs})), (axes.yaxis, COSTS)):
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=True, linewidth=0.4, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def draw_truth(document: dict[str, Any], file: Path) -> None:
    """A panel for each scenario: what each tool says of the median, as a multiple of what the wire saw."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - the backend is chosen by then

    panels = truth_table.scenarios(document)
    figure = Figure(figsize=(9, 0.8 + 0.3 * sum(map(len, map(truth_table.by_tool, panels.values())))), layout="constrained")
    for axes, (title, rows) in zip(
        figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0], panels.items(), strict=True
    ):
        tools = reversed(truth_table.by_tool(rows).items())
        # A tool that counts whole milliseconds may say 0, which no logarithm shows.
        times = {peer: max(0.05, truth_table.ratio(rounds, "50") or 0.05) for peer, rounds in tools}
        colours = [OURS_COLOUR if peer == OURS else THEIRS_COLOUR for peer in times]
        bars = axes.barh(list(times), list(times.values()), color=colours)
        axes.bar_label(
            bars, labels=[f"{value:.2f}" if value > 0.05 else "says 0" for value in times.values()], padding=4, fontsize=8
        )
        axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
        axes.set(xscale="log", title=title)
        axes.margins(x=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("p50 said / p50 on the wire (1 is the truth)", fontsize=9)
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def _bars(axes: Axes, results: list[Result], key: str, label: str) -> None:
    columns = [column(result, key) for result in results]
    middles = [statistics.median(values) for values in columns]
    pairs = list(zip(columns, middles, strict=True))
    reach = [[middle - min(values) for values, middle in pairs], [max(values) - middle for values, middle in pairs]]
    names = [result["peer"] for result in results]
    colours = [OURS_COLOUR if name == OURS else THEIRS_COLOUR for name in names]
    bars = axes.barh(names, middles, xerr=reach, color=colours, error_kw={"elinewidth": 0.8, "ecolor": "black"})
    axes.bar_label(bars, fmt="{:,.0f}" if key == "rps" else "{:,.1f}", padding=4, fontsize=8)
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
