"""What each tool says of its latencies: how it is asked to say it, and how it is read.

A tool's command is the one of the comparison, changed as little as it takes for it to tell. Values are in microseconds; a
percentile that a tool does not give is left out.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.measure import percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PERCENTS = (50, 95, 99)
Said = dict[int, float]


@dataclass(frozen=True)
class Told:
    """Where a tool's words are: what it printed, the folder of its files, and the tool itself."""

    text: str
    folder: Path
    binary: str


@dataclass(frozen=True)
class Teller:
    """How one tool is made to tell, and read. `without` names words of its command that keep it quiet."""

    read: Callable[[Told], Said]
    with_words: tuple[str, ...] = ()  # {} stands for the folder
    without: tuple[str, ...] = ()

    def command(self, quiet: list[str], folder: Path) -> list[str]:
        """The command that tells; its words come before the last one, which most tools want to be the address."""
        kept = [word for word in quiet if word not in self.without]
        return [*kept[:-1], *(word.format(folder) for word in self.with_words), kept[-1]]


def _json(text: str) -> dict:
    return json.loads(text[text.index("{") :])


def _named(values: Mapping[str, float], name: str, to_us: float) -> Said:
    """Percentiles by a name such as `p{}`."""
    return {percent: values[name.format(percent)] * to_us for percent in PERCENTS if name.format(percent) in values}


def tressi(told: Told) -> Said:
    """The summary's service times."""
    return _named(_json(told.text)["global"]["serviceTimeMs"], "p{}", 1e3)


def wrk(told: Told) -> Said:
    """`--latency` prints 50, 75, 90 and 99 %."""
    to_us = {"us": 1.0, "ms": 1e3, "s": 1e6}
    lines = re.findall(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s)$", told.text, re.MULTILINE)
    return {int(percent): float(value) * to_us[unit] for percent, value, unit in lines if int(percent) in PERCENTS}


def h2load(told: Told) -> Said:
    """A log of all requests, whose third column is microseconds."""
    lines = (told.folder / "h2load.log").read_text(encoding="ascii").splitlines()
    times_us = sorted(float(line.split("\t")[2]) for line in lines)
    return {percent: percentile(times_us, percent) for percent in PERCENTS}


def ab(told: Told) -> Said:
    """A file of percentages and milliseconds."""
    lines = (told.folder / "ab.csv").read_text(encoding="ascii").splitlines()[1:]
    table = {int(percent): float(value) * 1e3 for percent, value in (line.split(",") for line in lines)}
    return {percent: table[percent] for percent in PERCENTS}


def hey(told: Told) -> Said:
    """Its latency distribution, in seconds with four decimals."""
    lines = re.findall(r"(\d+)%+ in ([\d.]+) secs", told.text)
    return {int(percent): float(value) * 1e6 for percent, value in lines if int(percent) in PERCENTS}


def bombardier(told: Told) -> Said:
    """JSON, in microseconds."""
    return _named(_json(told.text)["result"]["latency"]["percentiles"], "{}", 1.0)


def vegeta(told: Told) -> Said:
    """Its own report of the recorded attack, in nanoseconds."""
    command = [told.binary, "report", "-type=json", str(told.folder / "vegeta.bin")]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return _named(_json(report)["latencies"], "{}th", 1e-3)


def fortio(told: Told) -> Said:
    """JSON, in seconds."""
    rows = json.loads((told.folder / "fortio.json").read_text(encoding="utf-8"))["DurationHistogram"]["Percentiles"]
    return {int(row["Percentile"]): row["Value"] * 1e6 for row in rows}


def k6(told: Told) -> Said:
    """`http_req_duration` of the exported summary, in milliseconds."""
    metrics = json.loads((told.folder / "k6.json").read_text(encoding="utf-8"))["metrics"]
    return _named(metrics["http_req_duration"], "p({})", 1e3)


def oha(told: Told) -> Said:
    """JSON, in seconds."""
    return _named(_json(told.text)["latencyPercentiles"], "p{}", 1e6)


def autocannon(told: Told) -> Said:
    """JSON, in whole milliseconds, without 95 %."""
    return _named(_json(told.text)["latency"], "p{}", 1e3)


def locust(told: Told) -> Said:
    """How often each rounded number of milliseconds came."""
    rows = json.loads(told.text[told.text.index("[") : told.text.rindex("]") + 1])
    times_us = sorted(float(ms) * 1e3 for row in rows for ms, count in row["response_times"].items() for _ in range(count))
    return {percent: percentile(times_us, percent) for percent in PERCENTS}


TELLERS: Mapping[str, Teller] = {
    "tressi": Teller(tressi, ("--json", "-", "--quiet"), ("--quiet",)),
    "wrk": Teller(wrk, ("--latency",)),
    "h2load": Teller(h2load, ("--log-file={}/h2load.log",)),
    "ab": Teller(ab, ("-e", "{}/ab.csv")),
    "hey": Teller(hey),
    "bombardier": Teller(bombardier, ("-l", "-p", "r", "-o", "json"), ("-q",)),
    "vegeta": Teller(vegeta, ("-output={}/vegeta.bin",), ("-output=/dev/null",)),
    "fortio": Teller(fortio, ("-json={}/fortio.json", "-p=50,95,99"), ("-quiet",)),
    "k6": Teller(k6, ("--summary-export={}/k6.json", "--summary-trend-stats=p(50),p(95),p(99)"), ("--no-summary",)),
    "oha": Teller(oha, ("--output-format=json",)),
    "autocannon": Teller(autocannon, ("--json",), ("-n",)),
    "Locust": Teller(locust, ("--json",), ("--only-summary",)),
}
