"""The books of a run over several machines: the frames of all nodes, added up to the reading of one engine. Pure.

Of each node there are its counters, as its last frames had them. Of latencies there is one histogram for each endpoint and
metric, to which the values of every frame are added once. A frame that builds on another one than the last that was taken in
is passed over: the node makes it again. A frame whose values do not add up to the tally beside them is an error, for then
the figures of the run are not what was measured.

A node that was lost keeps its counts, and has no workers, no rate and no window any more. What its share should have sent
until another node had it is counted here as missed: `miss`.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

import msgpack

from tressi._ledger import SummedTimes, counts_joined, rows_at, rows_checked, rows_summed
from tressi.errors import EngineError
from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, NodeFinding, Reason, Sample, Window
from tressi.nodes.frames import BEHIND, COUNTED, FIGURES, GENERATOR_SUMS, GENERATOR_TIMES, REAL, TIMES, WINDOW
from tressi.vocabulary import ERROR_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import Level
    from tressi.nodes.frames import Row

_KEPT_FINDINGS: Final = 1_000
# As an engine keeps of one endpoint, and of them of one status (core/arena.pxd).
_SAMPLES: Final = 16
_SAMPLES_PER_STATUS: Final = 3
_PRESENT: Final = tuple(map(COUNTED.index, ("worker_count", "draining", "in_flight")))
_MISSED: Final = tuple(map(COUNTED.index, ("missed", "missed_late")))
_MADE: Final = tuple(map(COUNTED.index, ("succeeded", "failed")))
_IN_FLIGHT: Final = COUNTED.index("in_flight")
_OLDEST_S: Final = REAL.index("oldest_s")
_SCHEDULED: Final = REAL.index("scheduled")
_SCHEDULED_S: Final = REAL.index("scheduled_s")
_SPAN_S: Final = len(REAL)  # the first of the window
_FULL: Final = len(REAL) + WINDOW.index("full")
_OF_A_MOMENT: Final = tuple(map(WINDOW.index, ("older", "older_s", "peak_lanes")))
_ROUNDED: Final = tuple(map(WINDOW.index, ("attempts", "failures", "missed", "missed_late", "older", "peak_lanes")))


class LedgerError(EngineError):
    """What a node has sent is not what it measured; the words say which node, and what of it."""


class _Node:
    """What is known of one node."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = 0  # of the last frame that was taken in
        self.time_s = 0.0
        self.over_s: float | None = None
        self.now: dict[int, Row] = {}
        self.second = 0
        self.second_s = 0.0
        self.rows: dict[int, Row] = {}
        self.tallies: dict[int, bytes] = {}
        self.reasons: dict[int, Any] = {}
        self.sums: tuple[float, ...] = ()
        self.busy_s: tuple[float | None, ...] = ()
        self.engines_lost: tuple[str, ...] = ()
        self.generator_tallies: bytes | None = None
        self.lost: str | None = None

    def table(self, *, is_whole: bool) -> dict[int, Row]:
        """Its rows as of its newest whole second, or of now."""
        return self.rows if is_whole else self.now


class Ledger:
    """The books of a run with these endpoints (`keys`, of which the last `flows` are flows), made by the nodes named."""

    def __init__(self, keys: Sequence[str], flows: int, nodes: Sequence[str]) -> None:
        self._keys = tuple(keys)
        self._flows = flows
        self._nodes = [_Node(name) for name in nodes]
        self._times = [SummedTimes([f"{key}, {name}" for name in TIMES]) for key in keys]
        self._generator_times = SummedTimes(GENERATOR_TIMES)
        self._samples: list[Sample] = []
        self._sampled: Counter[Any] = Counter()
        self._gaps: dict[int, tuple[int, float]] = {}
        self._found: deque[NodeFinding] = deque(maxlen=_KEPT_FINDINGS)
        self._findings = 0

    def arrived(self, node: int) -> int:
        """The number of the last frame of a node that was taken in, which its next one may build on."""
        return self._nodes[node].number

    def heard_s(self, node: int) -> float:
        """Up to when in the run a node has said anything."""
        return max(self._nodes[node].time_s, self._nodes[node].second_s)

    def counted_s(self, node: int) -> float:
        """Up to when in the run all of a node is in the figures: to its last whole second, or its end."""
        return self._nodes[node].second_s

    def made(self, node: int) -> int:
        """The requests of a node that are in the figures, those of flows by their steps."""
        return self._sum(node, _MADE)

    def in_flight(self, node: int) -> int:
        """How many requests of a node were under way when it was counted last."""
        return self._sum(node, (_IN_FLIGHT,))

    def _sum(self, node: int, columns: Sequence[int]) -> int:
        """Some counts of all endpoints of a node, those of flows apart."""
        places = range(len(self._keys) - self._flows)
        rows = [FIGURES.unpack_from(row) for place, row in self._nodes[node].rows.items() if place in places]
        return sum(row[column] for row in rows for column in columns)

    def take(self, node: int, frame: bytes) -> bool:
        """Take in a frame of a node; False: it builds on another one, and is of no use. Raises LedgerError."""
        books = self._nodes[node]
        try:
            number, base, time_s, over_s, rows, second = msgpack.unpackb(frame, use_list=False, strict_map_key=False)
            if base != books.number or number <= books.number:
                return False
            if second is not None:
                self._take_second(books, second)
            books.now |= _checked(rows)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, msgpack.UnpackException) as failure:
            raise LedgerError(f"{books.name}: what it sent does not add up: {failure}") from failure
        books.number, books.time_s, books.over_s = number, time_s, over_s
        return True

    def lose(self, node: int, why: str) -> None:
        """A node was lost: from now on it has no workers, no rate and no window; what it counted stays, and may still grow."""
        self._nodes[node].lost = why

    def miss(self, place: int, starts: float) -> None:
        """Count starts of an endpoint that were not made, because the node that should have made them was lost.

        They were ours to make: the generator is why they were missed. Of a start each part counts when it is whole.
        """
        scheduled = self._gaps.get(place, (0, 0.0))[1]
        self._gaps[place] = (round(scheduled + starts), scheduled + starts)

    def read(self, level: Level = "all", endpoint_key: str | None = None) -> EngineSnapshot:
        """All that is known: at the level `counters` as of the newest frames, else as of the newest whole second."""
        is_whole = level == "all"
        numbers = range(len(self._keys)) if endpoint_key is None else (self._keys.index(endpoint_key),)
        made = {self._keys[place]: self._endpoint(place, is_whole=is_whole) for place in numbers}
        first_flow = len(self._keys) - self._flows
        flows = {key: made.pop(key) for key in self._keys[first_flow:] if key in made}
        return EngineSnapshot(
            time_s=max((one.second_s if is_whole else one.time_s) for one in self._nodes),
            endpoints=made,
            flows=flows,
            generator=self._generator() if is_whole else GeneratorSnapshot(),
            samples=tuple(self._samples) if is_whole else (),
            over_s=self._over_s(),
            found=tuple(self._found) if is_whole else (),
        )

    # ------------------------------------------------------------------------------------------------------- taking in

    def _take_second(self, books: _Node, second: tuple[Any, ...]) -> None:
        number, time_s, rows, times, reasons, generator, samples, found = second
        for place, parts in times.items():
            books.tallies[place] = self._times[place].take(books.tallies.get(place), parts)
        books.sums, books.busy_s, books.engines_lost, own = generator
        books.generator_tallies = self._generator_times.take(books.generator_tallies, own)
        books.rows |= _checked(rows)
        books.reasons |= reasons
        books.second, books.second_s = number, time_s
        for place, status, body, truncated in samples:
            self._keep(Sample(self._keys[place], status, body, truncated))
        for rule, value, limit, lost, of, late_ms in found:
            self._findings += 1
            self._found.append(NodeFinding(self._findings, books.name, rule, value, limit, lost, of, late_ms))

    def _keep(self, sample: Sample) -> None:
        key, status = sample.endpoint_key, (sample.endpoint_key, sample.status)
        if self._sampled[key] < _SAMPLES and self._sampled[status] < _SAMPLES_PER_STATUS:
            self._sampled[key] += 1
            self._sampled[status] += 1
            self._samples.append(sample)

    # ---------------------------------------------------------------------------------------------------------- adding up

    def _endpoint(self, place: int, *, is_whole: bool) -> EndpointSnapshot:
        there = rows_at([books.table(is_whole=is_whole) for books in self._nodes if books.lost is None], place)
        past = rows_at([books.table(is_whole=is_whole) for books in self._nodes if books.lost is not None], place)
        values, window = _summed(there)
        _add_past(values, past)
        if place in self._gaps:
            missed, scheduled = self._gaps[place]
            values |= {name: values[name] + missed for name in ("missed", "missed_late")}
            values["scheduled"] += scheduled
        target_rps, over, counts = counts_joined(there, FIGURES.size)
        _, _, counts_past = counts_joined(past, FIGURES.size)
        for name, count in counts_past.items():
            counts[name] = counts.get(name, 0) + count
        if is_whole:
            values |= {**dict(zip(TIMES, self._times[place].read(), strict=True)), "reasons": self._reasons(place)}
        return EndpointSnapshot(
            self._keys[place],
            target_rps=0.0 if past and not there else target_rps,
            over=over,
            window=window,
            status_codes={name: count for name, count in counts.items() if name >= 0},
            errors={ERROR_KINDS[-1 - name]: count for name, count in counts.items() if name < 0},
            **values,
        )

    def _reasons(self, place: int) -> tuple[Reason, ...]:
        total: Counter[tuple[str, str]] = Counter()
        for books in self._nodes:
            for kind, text, count in books.reasons.get(place, ()):
                total[kind, text] += count
        return tuple(Reason(kind, text, count) for (kind, text), count in total.items())

    def _generator(self) -> GeneratorSnapshot:
        known = [books for books in self._nodes if books.sums]
        sums: dict[str, Any] = {name: sum(books.sums[place] for books in known) for place, name in enumerate(GENERATOR_SUMS)}
        own_delay, late_sends = self._generator_times.read()
        busy_s = (busy if books.lost is None else None for books in self._nodes for busy in books.busy_s)
        # Of a node that was lost one reason is said, not that of each of its engines.
        lost = (f"{books.name}: {why}" for books in self._nodes if books.lost is None for why in books.engines_lost)
        return GeneratorSnapshot(
            own_delay=own_delay,
            late_sends=late_sends,
            busy_s=tuple(busy_s),
            lost=(*(books.lost for books in self._nodes if books.lost is not None), *lost),
            **sums,
        )

    def _over_s(self) -> float | None:
        times = [books.over_s for books in self._nodes if books.lost is None]
        found = [time_s for time_s in times if time_s is not None]
        return max(found) if found and len(found) == len(times) else None


def _checked(rows: dict[int, Row]) -> dict[int, Row]:
    """Rows that can be added up. Raises ValueError."""
    if not rows_checked(rows, FIGURES.size, len(ERROR_KINDS)):
        raise ValueError("its counts are not those of this version")
    return rows


def _summed(rows: list[Row]) -> tuple[dict[str, Any], Window]:
    """The figures of several nodes as those of one, and their windows."""
    if not rows:
        return {**dict.fromkeys(COUNTED, 0), **dict.fromkeys(REAL, 0.0)}, Window(full=True)
    counts, reals, most, least = rows_summed(rows, len(COUNTED), len(REAL) + len(WINDOW))
    reals[_OLDEST_S] = most[_OLDEST_S]
    reals[_SCHEDULED_S] = most[_SCHEDULED_S]
    if least[_SCHEDULED_S] < most[_SCHEDULED_S]:
        reals[_SCHEDULED_S] = _scheduled_s(rows)
    if least[_SPAN_S] < most[_SPAN_S]:
        window = [sum(column) for column in zip(*(_stretched(row, most[_SPAN_S]) for row in rows), strict=True)]
    else:
        window = reals[len(REAL) :]
    values = dict(zip((*COUNTED, *REAL), (*counts, *reals[: len(REAL)]), strict=True))
    if most[_SPAN_S] <= 0:
        return values, Window()
    for place in _ROUNDED:
        window[place] = round(window[place])
    return values, Window(most[_SPAN_S], bool(least[_FULL]), *window[2:])


def _add_past(values: dict[str, Any], rows: list[Row]) -> None:
    """Add what nodes that were lost have counted, and nothing of what was their present."""
    if not rows:
        return
    counts, reals, most, _ = rows_summed(rows, len(COUNTED), len(REAL) + len(WINDOW))
    for place in _PRESENT:
        counts[place] = 0
    reals[_OLDEST_S] = 0.0
    values["scheduled_s"] = values["scheduled_s"] or most[_SCHEDULED_S]
    reals[_SCHEDULED_S] = 0.0
    for name, more in zip((*COUNTED, *REAL), (*counts, *reals[: len(REAL)]), strict=True):
        values[name] += more


def _scheduled_s(rows: Sequence[Row]) -> float:
    """Up to when the sum of the schedules holds: the rates weigh them."""
    times: list[float] = [FIGURES.unpack_from(row)[len(COUNTED) + _SCHEDULED_S] for row in rows]
    rates: list[float] = [max(0.0, BEHIND.unpack_from(row, FIGURES.size)[0]) for row in rows]
    if not sum(rates):
        return max(times)
    return sum(rate * time_s for rate, time_s in zip(rates, times, strict=True)) / sum(rates)


def _stretched(row: Row, span_s: float) -> list[float]:
    """A window brought to a longer span. What is of this moment, not summed over the span, stays as it is."""
    window = FIGURES.unpack_from(row)[len(COUNTED) + len(REAL) :]
    stretch = span_s / window[0] if window[0] > 0 else 1.0
    return [value if place in _OF_A_MOMENT else value * stretch for place, value in enumerate(window)]
