"""What a node says about its engines: frames of what has changed since the last one that is known to have arrived.

A frame has two parts. `now` is of the moment at which it is made: counters and sliding windows, which the autoscaler and the
early exit look at several times a second. `second` is of the last whole second of the run, and is there once for each: all
that was counted, the latencies, what the engines say of themselves. Counters are absolute. Of a histogram only the values
since the last frame that arrived are written, beside the tally of all of them since the start: the extremes are exact by
that, and the reader sees whether the values add up.

Frames are numbered. Each says which one it builds on, its `base`; the node keeps what it had said in each that is not known
to have arrived, until a later one is. So it does not matter which of them are lost, doubled or late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from struct import Struct, pack
from typing import TYPE_CHECKING, Any, Final

import msgpack

from tressi._core import Histogram
from tressi.vocabulary import COUNTS, ERROR_KINDS, LATENCIES, REALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import EndpointSnapshot, EngineSnapshot, NodeFinding, Sample

COUNTED: Final = tuple(one.name for one in COUNTS)
REAL: Final = tuple(one.name for one in REALS)
TIMES: Final = tuple(one.name for one in LATENCIES)
GENERATOR_TIMES: Final = ("own_delay", "late_sends")
GENERATOR_SUMS: Final = ("cpu_s", "run_queue_s", "kernel_timed", "user_timed", "disturbed")
WINDOW: Final = (
    *("span_s", "full", "attempts", "failures", "starts_due", "missed", "missed_late", "occupied_s", "service_s"),
    *("older", "older_s", "lane_s", "occupied_lane_s", "peak_lanes"),
)
FIGURES: Final = Struct(f"<{len(COUNTED)}q{len(REAL) + len(WINDOW)}d")
_figures_of: Final = attrgetter(*COUNTED, *REAL)
_window_of: Final = attrgetter(*WINDOW)
_times_of: Final = attrgetter(*TIMES)
_generator_times_of: Final = attrgetter(*GENERATOR_TIMES)
_generator_sums_of: Final = attrgetter(*GENERATOR_SUMS)
_NOTHING: Final = Histogram()

NEVER_NS: Final = 1 << 62  # the least of no value
PART: Final = Struct("<II")  # which latencies, one bit each, got the values that follow, and how many bytes these are
# Of an endpoint: its counts, reals and window as `FIGURES` packs them, its rate (below 0: none) and why it is over, and pairs
# of a status, or -1 - the number of an error's kind, and how often it was.
BEHIND: Final = Struct("<dq")
COUNT: Final = Struct("<qq")
Row = bytes


@dataclass(frozen=True, slots=True)
class Second:
    """The reading of the engines at the end of a whole second, or at their end; `number` grows by 1 with each.

    `found` are the findings of the self-check up to it.
    """

    number: int
    reading: EngineSnapshot
    found: tuple[tuple[int, NodeFinding], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """All that a frame says, together with those that it builds on."""

    number: int = 0
    now: tuple[Row, ...] = ()
    second: int = 0
    rows: tuple[Row, ...] = ()
    times: tuple[tuple[Histogram, ...], ...] = ()
    reasons: tuple[Any, ...] = ()
    generator_times: tuple[Histogram, ...] = (_NOTHING, _NOTHING)
    samples: frozenset[Sample] = field(default_factory=frozenset)


class Teller:
    """Makes the frames of a node, whose endpoints and flows have these keys, in the order of their numbers."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)
        self._number = 0
        nothing = Told(
            now=(b"",) * len(keys),
            rows=(b"",) * len(keys),
            times=((_NOTHING,) * len(TIMES),) * len(keys),
            reasons=((),) * len(keys),
        )
        self._base = nothing
        self._open: dict[int, Told] = {}

    def frame(self, arrived: int, now: EngineSnapshot, second: Second | None) -> bytes:
        """The next frame; `arrived` is the number of the newest that is known to have arrived, 0 before the first."""
        self._settle(arrived)
        self._number += 1
        base = self._base
        rows = tuple(_row(now.of(key)) for key in self._keys)
        told = Told(self._number, rows, base.second, base.rows, base.times, base.reasons, base.generator_times, base.samples)
        written = None
        if second is not None and second.number > base.second:
            told, written = self._second(told, second)
        self._open[self._number] = told
        frame: bytes = msgpack.packb((self._number, base.number, now.time_s, now.over_s, _changed(base.now, rows), written))
        return frame

    def _settle(self, arrived: int) -> None:
        """Build on the frame that arrived, unless a newer one is known to have arrived already."""
        if arrived in self._open:
            self._base = self._open[arrived]
            self._open = {number: told for number, told in self._open.items() if number > arrived}

    def _second(self, told: Told, second: Second) -> tuple[Told, tuple[Any, ...]]:
        base, reading = self._base, second.reading
        parts = [reading.of(key) for key in self._keys]
        rows = tuple(map(_row, parts))
        times = tuple(map(_times_of, parts))
        reasons = tuple(tuple((one.kind, one.text, one.count) for one in part.reasons) for part in parts)
        generator, samples = reading.generator, frozenset(reading.samples)
        generator_times = _generator_times_of(generator)
        written = (
            second.number,
            reading.time_s,
            _changed(base.rows, rows),
            {
                number: _times_written(before, after)
                for number, (before, after) in enumerate(zip(base.times, times, strict=True))
                if any(one.count != other.count for one, other in zip(before, after, strict=True))
            },
            {number: said for number, (before, said) in enumerate(zip(base.reasons, reasons, strict=True)) if said != before},
            (
                _generator_sums_of(generator),
                generator.busy_s,
                generator.lost,
                _times_written(base.generator_times, generator_times),
            ),
            [
                (self._keys.index(one.endpoint_key), one.status, one.body, one.truncated)
                for one in reading.samples
                if one not in base.samples
            ],
            [
                (one.rule, one.value, one.limit, one.lost, one.of, one.late_ms)
                for number, one in second.found
                if number > base.second
            ],
        )
        return Told(told.number, told.now, second.number, rows, times, reasons, generator_times, samples), written


def _changed(before: Sequence[Row], after: Sequence[Row]) -> dict[int, Row]:
    return {number: row for number, (old, row) in enumerate(zip(before, after, strict=True)) if row != old}


def _row(one: EndpointSnapshot) -> Row:
    statuses = [(status, count) for status, count in one.status_codes.items() if count]
    errors = [(-1 - ERROR_KINDS.index(kind), count) for kind, count in one.errors.items() if count]
    counts = sorted(statuses + errors)
    return (
        FIGURES.pack(*_figures_of(one), *_window_of(one.window))
        + BEHIND.pack(-1.0 if one.target_rps is None else one.target_rps, one.over)
        + b"".join(COUNT.pack(*count) for count in counts)
    )


def _times_written(before: Sequence[Histogram], after: Sequence[Histogram]) -> bytes:
    """What came to each histogram, and the tallies of all of it, for `SummedTimes`; what is the same is written once."""
    groups: dict[bytes, int] = {}
    for place, (then, now) in enumerate(zip(before, after, strict=True)):
        if now.count != then.count:
            data = now.since(then).encode()
            groups[data] = groups.get(data, 0) | 1 << place
    counts, sums, least, most = zip(*(one.tally for one in after), strict=True)
    least = tuple(value if count else NEVER_NS for value, count in zip(least, counts, strict=True))
    tallies = pack(f"<{4 * len(after)}q", *counts, *sums, *least, *most)
    return tallies + b"".join(PART.pack(bits, len(data)) + data for data, bits in groups.items())
