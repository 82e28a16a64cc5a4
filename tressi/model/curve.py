"""The rate that is asked of a pool, as a curve over the run's time: straight lines between points. Pure values.

Times are seconds since the run's start, so that a curve means the same whenever and wherever it is read: in a process that
joins later, on another machine, or after a message was lost.

Example: a ramp to 100 RPS within 10 s, held for 20 s, then a step down to 40 RPS, is

    Curve(((0, 0), (10, 100), (30, 100), (30, 40)))

It asks for 500 starts in the first 10 s (the area below the line), for 2,000 in the next 20 s, and for 40 a second from then
on: after its last point a curve holds that point's rate.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run: the rate that it ends with, and whether it climbs there in a line or holds it from its beginning."""

    duration_s: float
    target_rps: float
    is_step: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of (seconds since the run's start, starts per second), in order of time; the first is at 0.

    Two points at one time are a step.
    """

    points: tuple[tuple[float, float], ...]

    @classmethod
    def held(cls, rps: float) -> Curve:
        """One rate from the start on."""
        return cls(((0.0, rps),))

    @classmethod
    def ramp(cls, rps: float, ramp_s: float) -> Curve:
        """Climb from 0 within `ramp_s` seconds, then hold."""
        return cls(((0.0, 0.0), (ramp_s, rps))) if ramp_s > 0 else cls.held(rps)

    @classmethod
    def of(cls, stages: Sequence[Stage]) -> Curve:
        """From 0 through all stages, one after the other; the last one's rate is held."""
        points = [(0.0, 0.0)]
        for stage in stages:
            at, before = points[-1]
            points += [(at, stage.target_rps if stage.is_step else before), (at + stage.duration_s, stage.target_rps)]
        return cls(tuple(dict.fromkeys(points)))

    def times(self, factor: float) -> Curve:
        """The same shape at `factor` times the rate."""
        return Curve(tuple((at, rps * factor) for at, rps in self.points))

    def rps_at(self, time_s: float) -> float:
        """The rate at that time; at a step the one after it."""
        place = bisect_right(self.points, time_s, key=_time)
        if place in {0, len(self.points)}:
            return self.points[max(0, place - 1)][1]
        (begin, before), (end, after) = self.points[place - 1], self.points[place]
        return before + (after - before) * (time_s - begin) / (end - begin)

    def heading_for(self, time_s: float) -> float:
        """The greatest rate from that time to the end of the line that it lies on: workers are kept for it."""
        place = bisect_right(self.points, time_s, key=_time)
        return max(self.rps_at(time_s), self.points[min(place, len(self.points) - 1)][1])

    def starts(self, begin_s: float, end_s: float) -> float:
        """How many starts it asks for between two times: the integral of the rate."""
        return sum((later - earlier) * (before + after) / 2 for earlier, before, later, after in self._lines(begin_s, end_s))

    @property
    def peak_rps(self) -> float:
        """The greatest rate of all."""
        return max(rps for _, rps in self.points)

    def _lines(self, begin_s: float, end_s: float) -> Iterator[tuple[float, float, float, float]]:
        """Each line within the two times: (its beginning, the rate there, its end, the rate there)."""
        whole = (*self.points, (max(end_s, self.points[-1][0]), self.points[-1][1]))
        for (begin, before), (end, after) in pairwise(whole):
            earlier, later = max(begin, begin_s), min(end, end_s)
            if earlier < later:
                slope = (after - before) / (end - begin)
                yield earlier, before + slope * (earlier - begin), later, before + slope * (later - begin)


def _time(point: tuple[float, float]) -> float:
    return point[0]
