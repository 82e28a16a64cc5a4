"""The warm-up of a run: its first seconds, in which pools find their size, caches fill and compilers compile.

What is counted and measured in them is in no figure and no verdict. A count of the rest is the reading at its end less that at
the end of the warm-up, so an attempt belongs to the time in which it ended. The warm-up ends with the first reading that is no
earlier than asked for, so that every second of the run is on one side: the seconds that are measured sum to the summary.

Example: a warm-up of 5 s whose last reading comes at 5.002 s, in a run of 30 s. The second from 4.001 to 5.002 s is the last
of the warm-up, and rates are over 24.998 s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tressi.model.delta import delta_between, reading_of
from tressi.text import came_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import EngineSnapshot


def measured_s(summary: Mapping[str, Any]) -> float:
    """For how many seconds the run of a summary was measured: all that it lasted, but for its warm-up."""
    left_s: float = summary["durationSec"] - summary.get("warmUpSec", 0.0)
    return max(0.0, left_s)


def is_unmeasured(summary: Mapping[str, Any]) -> bool:
    """Whether the run of a summary ended within its warm-up."""
    return "warmUpSec" in summary and not measured_s(summary)


def came_words(summary: Mapping[str, Any]) -> str:
    """How many requests came in the measured time, and at what rate."""
    total = summary["global"]
    if is_unmeasured(summary):
        return f"no request was measured: the run ended within its warm-up, after {summary['durationSec']:.1f} s"
    came = came_in(total["requestsMade"], total["rps"], measured_s(summary))
    return f"{came} after a warm-up of {summary['warmUpSec']:.1f} s" if "warmUpSec" in summary else came


class WarmUp:
    """Where a run's warm-up of `length_s` seconds ends, and what is measured after it. Without one all is measured."""

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self._end_t = 0.0
        self._mark: EngineSnapshot | None = None

    def covers(self, begin_t: float) -> bool:
        """Whether a second that begins then is left out."""
        return begin_t < self.length_s

    def ends_with(self, t: float, reading: EngineSnapshot) -> bool:
        """Take a reading of the run's `t`th second; says whether the warm-up is over with it, and was not before."""
        if self._mark is not None or not self.length_s or t < self.length_s:
            return False
        self._end_t, self._mark = t, reading
        return True

    def left_out_s(self, lasted_s: float) -> float:
        """How much of a run that lasted so long is left out: all of it where it ended before its warm-up did."""
        return min(lasted_s, self._end_t if self._mark is not None else lasted_s) if self.length_s else 0.0

    def measured(self, reading: EngineSnapshot, lasted_s: float) -> EngineSnapshot:
        """What a reading has counted after the warm-up of a run that lasted so long. Samples are those of the whole run."""
        if not self.length_s:
            return reading
        before = reading if self._mark is None or self._end_t >= lasted_s else self._mark
        since = reading_of(delta_between(before, reading, lasted_s, lasted_s - self._end_t))
        return replace(since, samples=reading.samples, over_s=reading.over_s)
