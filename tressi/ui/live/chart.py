"""The rate of the last seconds as a chart, on one line or several: its height the rate, its colour the share of the target."""

from __future__ import annotations

from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Final

from rich.text import Text

from tressi.ui.live.columns import met_style
from tressi.ui.live.run_state import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_FULL: Final = 8


def chart(samples: Sequence[Sample], seconds: int, width: int, height: int = 1) -> list[Text]:
    """Draw samples, the newest last, on `height` lines of at most `width` cells, given from the top.

    `seconds` is how many there ever were: each cell has the same seconds from one picture to the next.
    """
    cells = _cells(samples, seconds, width)
    peak = peak_of(cells)
    levels = [_level(cell, peak, height) for cell in cells]
    styles = [met_style(*cell) if cell.rps or cell.target_rps else "dim" for cell in cells]
    lines = []
    for below in range(_FULL * (height - 1), -1, -_FULL):
        line = Text(no_wrap=True)
        for style, run in groupby(zip(levels, styles, strict=True), key=lambda cell: cell[1]):
            line.append("".join(_EIGHTHS[min(max(level - below, 0), _FULL)] for level, _ in run), style)
        lines.append(line)
    return lines


def peak_of(samples: Sequence[Sample]) -> float:
    """The rate that reaches the top: the largest that came or was asked for."""
    return max((max(rps, target or 0.0) for rps, target in samples), default=0.0)


def _cells(samples: Sequence[Sample], seconds: int, width: int) -> list[Sample]:
    """As many seconds to each cell as it takes to show all samples: their means."""
    if not samples or width <= 0:
        return []
    each = ceil(len(samples) / width)
    first = seconds - len(samples)
    groups = groupby(enumerate(samples, first), key=lambda numbered: numbered[0] // each)
    return [_mean([sample for _, sample in group]) for _, group in groups][-width:]


def _mean(samples: Sequence[Sample]) -> Sample:
    targets = [sample.target_rps for sample in samples if sample.target_rps is not None]
    target = sum(targets) / len(targets) if len(targets) == len(samples) else None
    return Sample(sum(sample.rps for sample in samples) / len(samples), target)


def _level(sample: Sample, peak: float, height: int) -> int:
    """How many eighths of a line, one at least; never all of them, so that charts in lines below each other stay apart."""
    return max(1, round((_FULL * height - 1) * sample.rps / peak)) if peak else 1
