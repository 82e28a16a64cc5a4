"""The seconds of a run as they are kept to its end: each one of a short run, of a long one in places of 2, 4, 8 … seconds.

Level 0 has a place for each second, and every level above one for each two of the level below, made of them by sums and
merged histograms. A place is made once, when its two halves are there, so that each second costs the same however long the
run is. Of rows and of latencies the lowest level that is still short enough is kept to the end; those below are given up as
they become too long. So memory and disk have a bound, and no percentile is ever averaged.

Example: a run of one and a half hours has 5,400 seconds, more than the 3,600 rows that are kept. Level 0 gets a row each
second. When it has 3,600 of them it is too long and is given up. Level 1 has a row for each two seconds and had 1,800 by then;
it goes on to 2,700, which is short enough, so the summary's timeline has 2,700 rows of 2 s. One of them is made of a second
with 100 attempts, 1 of its starts missed, and a second with 50 attempts and 3 missed: it says 75 RPS and 4 missed, and its p99
is that of all 150 response times together, not the mean of two p99.

A disk that is full or missing costs the level that no longer fits: a higher one takes its place where there is one, else
what was kept up to then stays. `left_out` says so.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import orjson

from tressi.frozen import dataclass
from tressi.hdr import encode_payload
from tressi.model.delta import merged
from tressi.model.portable import decode_delta, encode_delta
from tressi.run.spool import Spool
from tressi.stats.seconds import delta_figures
from tressi.stats.summary_rows import row_of_delta

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from tressi.model import Delta
    from tressi.stats.seconds import DeltaFigures

LONGEST: Final = 3600  # rows
ROW_BYTES: Final = 1 << 26  # of a long run of many endpoints; 3,600 rows of 50 endpoints have 50 MB
LOG_BYTES: Final = 1 << 28  # an hour of 50 endpoints at 100 RPS, second by second, has a third of it
# Latencies outgrow their bound on a higher level than rows do.
_LEVELS_FOR_THE_LOG: Final = 3

Time = Literal["response", "service"]


class Interval(NamedTuple):
    """Latencies of one endpoint, or durations of one flow, over some time of the run.

    `histogram` is text as `tressi.hdr` writes it.
    """

    endpoint_key: str
    time: Time
    start_s: float
    length_s: float
    max_us: float
    histogram: str


class Latencies(NamedTuple):
    """An interval as it is kept, its histogram as `Histogram.zigzag` writes it.

    Each second has thousands of them, and to deflate them all takes as long as everything else of the second; only an export
    needs that.
    """

    endpoint_key: str
    time: Time
    start_s: float
    length_s: float
    max_us: float
    payload: bytes

    def interval(self) -> Interval:
        """With its histogram as text."""
        return Interval(*self[:5], encode_payload(self.payload))


@dataclass(frozen=True, slots=True)
class Place:
    """One or more seconds: what happened in them, and what their row says beside the figures."""

    delta: Delta
    saturated: bool = False
    changes: Sequence[dict[str, Any]] = ()
    warm_up: bool = False

    def row(self, shared: Collection[str], figures: DeltaFigures | None = None) -> dict[str, Any]:
        """As a row of the timeline; `shared` are the keys of the shared pool's endpoints, `figures` those that are known."""
        figures = figures or delta_figures(self.delta, shared)
        row = row_of_delta(self.delta, figures, saturated=self.saturated, warm_up=self.warm_up)
        return {**row, "changes": list(self.changes)} if self.changes else row

    def intervals(self) -> Iterator[Interval]:
        """Its latencies; an endpoint without any has none, and so has the warm-up."""
        return (one.interval() for one in self.latencies())

    def latencies(self) -> Iterator[Latencies]:
        """The same as they are kept."""
        if self.warm_up:
            return
        start_s = max(0.0, self.delta.t - self.delta.span_s)
        for one in (*self.delta.endpoints, *self.delta.flows):
            times: tuple[tuple[Time, Any], ...] = (("response", one.response), ("service", one.service))
            for time, histogram in times:
                if histogram.count:
                    yield Latencies(one.endpoint_key, time, start_s, self.delta.span_s, histogram.max_us, histogram.zigzag())


def together(places: Sequence[Place]) -> Place:
    """Several places in a row as one."""
    changes = [change for place in places for change in place.changes]
    delta, saturated = merged([place.delta for place in places]), any(place.saturated for place in places)
    return Place(delta, saturated, changes, all(place.warm_up for place in places))


@dataclass(slots=True)
class _Store:
    """What one level keeps of one kind, until that is given up, or until no more finds room (`is_full`)."""

    most: int
    most_bytes: int
    spool: Spool = field(default_factory=Spool)
    is_kept: bool = True
    is_full: bool = False

    def put(self, record: bytes, *, is_last: bool) -> OSError | None:
        """Keep a record; returns what went wrong. The last level is never given up."""
        try:
            self.spool.append(record)
        except OSError as failure:
            self.is_full = is_last
            if not is_last:
                self.give_up()
            return failure
        if not is_last and (len(self.spool) > self.most or self.spool.size > self.most_bytes):
            self.give_up()
        return None

    def give_up(self) -> None:
        """Leave it to the level above."""
        self.is_kept = False
        self.spool.close()


@dataclass(slots=True)
class _Level:
    """All places of one length, and the first of a pair whose second is still to come."""

    # One row is left for the seconds that do not fill a place.
    rows: _Store = field(default_factory=lambda: _Store(LONGEST - 1, ROW_BYTES))
    log: _Store = field(default_factory=lambda: _Store(LONGEST, LOG_BYTES))
    waiting: bytes | None = None


class Kept:
    """Keeps the seconds of a run of at most `longest_s`; `keys` are its endpoints, `shared` those of the shared pool."""

    def __init__(self, keys: Sequence[str], shared: Collection[str], longest_s: float, flow_keys: Sequence[str] = ()) -> None:
        self._keys, self._flow_keys, self._shared = keys, flow_keys, shared
        self._levels = [_Level()]
        if longest_s > LONGEST:
            while longest_s / 2 ** (len(self._levels) - 1) > LONGEST - 1:
                self._levels.append(_Level())
            self._levels += [_Level() for _ in range(_LEVELS_FOR_THE_LOG)]
        self.is_unmeasured = False  # the run has ended within its warm-up
        self._drain: Place | None = None
        self._unkept: bytes | None = None  # all seconds whose latencies found no room, as one place
        self._rows_end_s: float | None = None  # when the rows have found no room
        self._failure: OSError | None = None

    def add(self, place: Place, figures: DeltaFigures | None = None) -> None:
        """Keep a second, whose figures may be known already."""
        for level in self._levels:
            self._keep(level, place, figures)
            if level is self._levels[-1]:
                return
            if level.waiting is None:
                level.waiting = self._encode(place)
                return
            place, figures, level.waiting = together([self._decode(level.waiting), place]), None, None

    def end_warm_up(self) -> None:
        """Let no place be of seconds before and after this moment: what waits for its second half goes on alone."""
        place: Place | None = None
        for level in self._levels:
            if place is not None:
                self._keep(level, place, None)
            waiting = [] if level.waiting is None else [self._decode(level.waiting)]
            level.waiting = None
            place = together([*waiting, *([] if place is None else [place])]) if waiting or place is not None else None

    def close(self, drain: Delta) -> None:
        """Keep what came in after the last second, which is in no row."""
        self._drain = Place(drain) if self._drain is None else together([self._drain, Place(drain)])

    @property
    def seconds(self) -> int:
        """How many seconds a row stands for."""
        return 1 << next(number for number, level in enumerate(self._levels) if level.rows.is_kept)

    @property
    def size(self) -> int:
        """How many bytes are kept, most of them on disk."""
        return sum(store.spool.size for level in self._levels for store in (level.rows, level.log) if store.is_kept)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the timeline, from the first on."""
        known: dict[float, float] = {}
        number = next(number for number, level in enumerate(self._levels) if level.rows.is_kept)
        store = self._levels[number].rows
        yield from (self._compact(orjson.loads(record), known) for record in store.spool)
        rest = self._waiting_below(number)
        if rest and not store.is_full:
            yield together(rest).row(self._shared)

    def intervals(self) -> Iterator[Interval]:
        """Latencies from the first on; the last ones hold the drain. Together they are all that was measured."""
        return (one.interval() for one in self.latencies())

    def latencies(self, only: Time | None = None) -> Iterator[Latencies]:
        """The same as they are kept, of one of the two times or of both."""
        if self.is_unmeasured:
            return
        number = next(number for number, level in enumerate(self._levels) if level.log.is_kept)
        for record in self._levels[number].log.spool:
            yield from (one for one in _read(record) if only in {None, one.time})
        rest = [*([] if self._unkept is None else [self._decode(self._unkept)]), *self._waiting_below(number)]
        if rest:
            yield from (one for one in together(rest).latencies() if only in {None, one.time})
        if self._drain is not None:
            yield from (one for one in self._drain.latencies() if only in {None, one.time})

    @property
    def left_out(self) -> list[str]:
        """What is missing because the temporary folder had no room, in words; nothing where all is there."""
        if self._failure is None:
            return []
        said = []
        if self._rows_end_s is not None:
            said.append(f"the timeline ends at {self._rows_end_s:.0f} s")
        elif self.seconds > 1:
            said.append(f"the timeline has one row for {self.seconds} s")
        if self._unkept is not None:
            unkept = self._decode(self._unkept).delta
            said.append(f"latency.hlog has one interval from {max(0.0, unkept.t - unkept.span_s):.0f} s on")
        why = f"the temporary folder has no room for more ({self._failure.strerror or self._failure})"
        return [f"{' and '.join(said)}: {why}"] if said else []

    # ---------------------------------------------------------------------------------------------------- its small parts

    def _keep(self, level: _Level, place: Place, figures: DeltaFigures | None) -> None:
        is_last = level is self._levels[-1]
        failures = []
        if level.rows.is_kept and not level.rows.is_full:
            text = orjson.dumps(place.row(self._shared, figures))
            failures.append(level.rows.put(text, is_last=is_last))
            if level.rows.is_full:
                self._rows_end_s = place.delta.t - place.delta.span_s
        if level.log.is_kept and not level.log.is_full:
            failures.append(level.log.put(_written(place.latencies()), is_last=is_last))
        if level.log.is_full:
            before = [] if self._unkept is None else [self._decode(self._unkept)]
            before = [one for one in before if one.warm_up == place.warm_up]  # the warm-up is left out of the log anyway
            self._unkept = self._encode(together([*before, place]))
        self._failure = next((failure for failure in (self._failure, *failures) if failure is not None), None)

    def _waiting_below(self, number: int) -> list[Place]:
        """The seconds that do not fill a place of that level, in their order."""
        waiting = (level.waiting for level in reversed(self._levels[:number]))
        return [self._decode(record) for record in waiting if record is not None]

    def _encode(self, place: Place) -> bytes:
        # Whole histograms take pages, and encoded ones hundreds of bytes.
        head = orjson.dumps([place.saturated, place.changes, place.warm_up], option=orjson.OPT_APPEND_NEWLINE)
        return head + encode_delta(place.delta, self._keys)

    def _decode(self, record: bytes) -> Place:
        head, _, delta = record.partition(b"\n")
        return Place(decode_delta(delta, self._keys, self._flow_keys), *orjson.loads(head))

    def _compact(self, row: dict[str, Any], known: dict[float, float]) -> dict[str, Any]:
        """The same row in half the memory: a day's run of 50 endpoints has two million figures, most of them alike."""
        figures = {key: _compact_figures(row["endpoints"][key], known) for key in self._keys}
        flows = {key: _compact_figures(one, known) for key, one in row.get("flows", {}).items()}
        whole = {**row, "global": _compact_figures(row["global"], known), "endpoints": figures}
        return {**whole, "flows": flows} if flows else whole


def _written(latencies: Iterable[Latencies]) -> bytes:
    """Latencies as a record: a line of JSON with the length of each payload, then the payloads."""
    every = list(latencies)
    head = orjson.dumps([(*one[:5], len(one.payload)) for one in every], option=orjson.OPT_APPEND_NEWLINE)
    return head + b"".join([one.payload for one in every])


def _read(record: bytes) -> Iterator[Latencies]:
    """What `_written` wrote."""
    head, _, _ = record.partition(b"\n")
    end = len(head) + 1
    for key, time, start_s, length_s, max_us, length in orjson.loads(head):
        begin, end = end, end + length
        yield Latencies(key, time, start_s, length_s, max_us, record[begin:end])


def _compact_figures(figures: dict[str, Any], known: dict[float, float]) -> dict[str, Any]:
    # A new dict has room for its own names; one that a reader of JSON made has room for half as many again.
    return {name: known.setdefault(value, value) if type(value) is float else value for name, value in figures.items()}
