"""Summaries: what `tressi report` reads is a summary of which every format can be made, or a ConfigError."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson
from summaries import summary_of

from fuzz.target import Target
from tressi.errors import ConfigError
from tressi.report.formats import FORMATS
from tressi.report.reading import parsed
from tressi.report.shape import check_summary

if TYPE_CHECKING:
    from collections.abc import Hashable

# A chart or a workbook takes a thousand times as long as all else: they are made of each new kind and of a few more.
_SLOW = {"report.html", "report.xlsx"}
_ONE_IN = 64
_seen: set[Hashable] = set()

_SEED = orjson.dumps(summary_of())
_WORDS = (b'{|}|[|]|"|,|:|NaN|1e999|null').split(b"|")
_WORDS += [*sorted(set(re.findall(rb'"([A-Za-z]\w*)":', _SEED)))]


def check(data: bytes) -> Hashable:
    """Read it as the command does, and make every file of it."""
    try:
        summary = check_summary(parsed(data, "summary.json"), "summary.json")
    except ConfigError as error:
        assert str(error).isprintable() or "\n" in str(error)
        return re.sub(r"[\d.]+|'[^']*'|\"[^\"]*\"", "", str(error).partition("\n")[0])[:60]
    kind = (len(summary["endpoints"]), len(summary["timeline"]), summary["endReason"], len(summary["thresholds"]))
    is_new = kind not in _seen and len(_seen) < _ONE_IN
    _seen.add(kind)
    for name, render in FORMATS.items():
        if name not in _SLOW or is_new or sum(data) % _ONE_IN == 0:
            render(summary)
    return kind


TARGET = Target("summary", check, [_SEED], _WORDS, is_json=True)
