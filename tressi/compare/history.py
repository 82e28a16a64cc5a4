"""The runs of a comparison as a history: one row a run, in the form that Apache Otava's CSV importer reads.

Otava (before: Hunter) finds changes in a series of runs. It takes a file with a header, a column of times, any attributes, and
columns of numbers; an empty cell is an error to it, so a column that not every run has is left out.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from tressi.compare.exported import run_part, values_of
from tressi.compare.result import FAILURES
from tressi.compare.sides import matched
from tressi.report.csv_table import render_rows
from tressi.text import summary_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.compare.sides import Run

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_./-]+")


def render(runs: Sequence[Run]) -> bytes:
    """Every run as a row, in the order of time: `time`, `run`, and a column for each endpoint and metric."""
    found, named = matched(runs), summary_labels(runs[0].summary)
    rows = []
    for place, run in enumerate(runs):
        row = {}
        for one in found.common:
            for metric, number in values_of(run_part(run, [one.keys[place]])).items():
                unit = metric if metric == FAILURES else f"{metric}_ms"
                row[f"{column(named.get(one.keys[0], one.shown))}.{unit}"] = float(
                    f"{number if metric == FAILURES else math.exp(number):.6g}"
                )
        rows.append((run.summary["startedAt"], run.label, row))
    rows.sort(key=lambda one: one[0])
    shared = [name for name in rows[0][2] if all(name in row for _, _, row in rows)]
    columns = ["time", "run", *shared]
    return render_rows(columns, ({"time": at, "run": label, **row} for at, label, row in rows))


def column(shown: str) -> str:
    """The name of an endpoint as a name of Otava's metrics: it has no blanks, and begins no formula of a spreadsheet."""
    return _UNFIT.sub("_", shown).strip("_.-") or "endpoint"
