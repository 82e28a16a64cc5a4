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

from tressi._core import Histogram
from tressi.errors import EngineError
from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, NodeFinding, Reason, Sample, Window
from tressi.nodes.frames import FIGURES, GENERATOR_SUMS, GENERATOR_TIMES, TIMES, WINDOW
from tressi.vocabulary import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tressi.model import Level
    from tressi.nodes.frames import Row

_KEPT_FINDINGS: Final = 1_000
# As an engine keeps of one endpoint, and of them of one status (core/arena.pxd).
_SAMPLES: Final = 16
_SAMPLES_PER_STATUS: Final = 3
_LARGEST: Final = tuple(FIGURES.index(one.name) for one in QUANTITIES if one.engines == "largest" and one.name != "scheduled_s")
_PRESENT: Final = tuple(map(FIGURES.index, ("worker_count", "draining", "in_flight", "oldest_s")))
_SCHEDULED: Final = FIGURES.index("scheduled")
_SCHEDULED_S: Final = FIGURES.index("scheduled_s")
_MISSED: Final = tuple(map(FIGURES.index, ("missed", "missed_late")))
_MADE: Final = tuple(map(FIGURES.index, ("succeeded", "failed")))
_IN_FLIGHT: Final = FIGURES.index("in_flight")
_OF_A_MOMENT: Final = tuple(map(WINDOW.index, ("older", "older_s", "peak_lanes")))
_COUNTED: Final = tuple(map(WINDOW.index, ("attempts", "failures", "missed", "missed_late", "older", "peak_lanes")))
_EMPTY_TALLY: Final = (0, 0, 0, 0)


class LedgerError(EngineError):
    """What a node has sent is not what it measured; the words say which node, and what of it."""


class _Node:
    """What is known of one node."""

    def __init__(self, name: str, endpoints: int) -> None:
        self.name = name
        self.number = 0  # of the last frame that was taken in
        self.time_s = 0.0
        self.over_s: float | None = None
        self.now: list[Row | None] = [None] * endpoints
        self.second = 0
        self.second_s = 0.0
        self.rows: list[Row | None] = [None] * endpoints
        self.tallies: list[list[tuple[int, ...]]] = [[_EMPTY_TALLY] * len(TIMES) for _ in range(endpoints)]
        self.reasons: dict[int, Any] = {}
        self.sums: tuple[float, ...] = ()
        self.busy_s: tuple[float | None, ...] = ()
        self.engines_lost: tuple[str, ...] = ()
        self.generator_tallies: list[tuple[int, ...]] = [_EMPTY_TALLY] * len(GENERATOR_TIMES)
        self.lost: str | None = None


class Ledger:
    """The books of a run with these endpoints (`keys`, of which the last `flows` are flows), made by the nodes named."""

    def __init__(self, keys: Sequence[str], flows: int, nodes: Sequence[str]) -> None:
        self._keys = tuple(keys)
        self._flows = flows
        self._nodes = [_Node(name, len(keys)) for name in nodes]
        self._times = [[Histogram() for _ in TIMES] for _ in keys]
        self._given = [False] * len(keys)  # whether somebody holds the histograms, which must not change then
        self._generator_times = [Histogram() for _ in GENERATOR_TIMES]
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
        rows = self._nodes[node].rows[: len(self._keys) - self._flows]
        return sum(row[0][place] for row in rows if row is not None for place in _MADE)

    def in_flight(self, node: int) -> int:
        """How many requests of a node were under way when it was counted last."""
        rows = self._nodes[node].rows[: len(self._keys) - self._flows]
        return sum(row[0][_IN_FLIGHT] for row in rows if row is not None)

    def take(self, node: int, frame: bytes) -> bool:
        """Take in a frame of a node; False: it builds on another one, and is of no use. Raises LedgerError."""
        books = self._nodes[node]
        try:
            number, base, time_s, over_s, rows, second = msgpack.unpackb(frame, use_list=False, strict_map_key=False)
            if base != books.number or number <= books.number:
                return False
            if second is not None:
                self._take_second(books, second)
            for place, row in rows.items():
                books.now[place] = row
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, msgpack.UnpackException) as failure:
            raise LedgerError(f"{books.name}: what it sent does not add up: {failure}") from failure
        books.number, books.time_s, books.over_s = number, time_s, over_s
        return True

    def lose(self, node: int, why: str) -> None:
        """A node was lost: from now on it has no workers, no rate and no window; what it counted stays, and may still grow."""
        self._nodes[node].lost = why

    def miss(self, place: int, starts: float) -> None:
        """Count starts of an endpoint that nobody made, because the node that should have was lost.

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
            key = self._keys[place]
            if self._given[place]:
                # Somebody subtracts from the ones that were given, a second later.
                self._times[place] = [one.copy() for one in self._times[place]]
                self._given[place] = False
            books.tallies[place] = _absorbed(
                self._times[place], books.tallies[place], parts, [f"{key}, {one}" for one in TIMES]
            )
        books.sums, books.busy_s, books.engines_lost, own = generator
        books.generator_tallies = _absorbed(self._generator_times, books.generator_tallies, own, GENERATOR_TIMES)
        for place, row in rows.items():
            books.rows[place] = row
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
        there: list[Row] = []
        past: list[Row] = []
        for books in self._nodes:
            row = (books.rows if is_whole else books.now)[place]
            if row is not None:
                (there if books.lost is None else past).append(row)
        rows = [*there, *map(_past, past)]
        figures = _summed(rows)
        if place in self._gaps:
            missed, scheduled = self._gaps[place]
            for at in _MISSED:
                figures[at] += missed
            figures[_SCHEDULED] += scheduled
        targets = [row[1] for row in there if row[1] is not None]
        over = [row[2] for row in there]
        values: dict[str, Any] = dict(zip(FIGURES, figures, strict=True))
        if is_whole:
            values |= {**self._histograms(place), "reasons": self._reasons(place)}
        return EndpointSnapshot(
            self._keys[place],
            target_rps=sum(targets) if targets else (0.0 if past and not there else None),
            over=0 if not over or 0 in over else max(over),
            window=_window([row[3] for row in there]),
            status_codes=_counted(row[4] for row in rows),
            errors=_counted(row[5] for row in rows),
            **values,
        )

    def _histograms(self, place: int) -> dict[str, Histogram]:
        self._given[place] = True
        return dict(zip(TIMES, self._times[place], strict=True))

    def _reasons(self, place: int) -> tuple[Reason, ...]:
        total: Counter[tuple[str, str]] = Counter()
        for books in self._nodes:
            for kind, text, count in books.reasons.get(place, ()):
                total[kind, text] += count
        return tuple(Reason(kind, text, count) for (kind, text), count in total.items())

    def _generator(self) -> GeneratorSnapshot:
        known = [books for books in self._nodes if books.sums]
        sums: dict[str, Any] = {name: sum(books.sums[place] for books in known) for place, name in enumerate(GENERATOR_SUMS)}
        own_delay, late_sends = (one.copy() for one in self._generator_times)
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


def _absorbed(
    histograms: Sequence[Histogram],
    known: Sequence[tuple[int, ...]],
    parts: Sequence[tuple[bytes | int, tuple[int, ...]]],
    names: Sequence[str],
) -> list[tuple[int, ...]]:
    """Add what came to each histogram of one node; returns the tallies that the node has now. Raises ValueError."""
    if len(parts) != len(histograms):
        raise ValueError(f"{len(parts)} latencies, where {len(histograms)} are measured")
    for at, (data, tally) in enumerate(parts):
        encoded: Any = parts[data][0] if isinstance(data, int) else data
        (count, sum_ns, *_), (more, more_ns, min_ns, max_ns) = known[at], tally
        try:
            histograms[at].absorb(encoded, more - count, more_ns - sum_ns, min_ns, max_ns)
        except ValueError as failure:
            raise ValueError(f"{names[at]}: {failure}") from None
    return [tally for _, tally in parts]


def _past(row: Row) -> Row:
    """What a node that was lost has counted, and nothing of what was its present."""
    figures = list(row[0])
    for place in _PRESENT:
        figures[place] = 0
    return (figures, 0.0, *row[2:])


def _summed(rows: Sequence[Row]) -> list[Any]:
    """The figures of several nodes as those of one."""
    if not rows:
        return [0] * len(FIGURES)
    columns = list(zip(*(row[0] for row in rows), strict=True))
    figures = [sum(column) for column in columns]
    for place in _LARGEST:
        figures[place] = max(columns[place])
    # Up to when the sum of the schedules holds: the rates weigh them.
    rates = [row[1] or 0.0 for row in rows]
    weight, times = sum(rates), columns[_SCHEDULED_S]
    figures[_SCHEDULED_S] = sum(map(_product, rates, times)) / weight if weight else max(times)
    return figures


def _product(one: float, other: float) -> float:
    return one * other


def _window(windows: Sequence[tuple[Any, ...]]) -> Window:
    """Windows added up, brought to one span first where theirs differ."""
    span_s = max((window[0] for window in windows), default=0.0)
    if span_s <= 0:
        return Window(full=not windows)
    if any(window[0] != span_s for window in windows):
        windows = [_stretched(window, span_s) for window in windows]
    sums: list[Any] = [sum(column) for column in zip(*windows, strict=True)]
    for place in _COUNTED:
        sums[place] = round(sums[place])
    return Window(span_s, all(window[1] for window in windows), *sums[2:])


def _stretched(window: tuple[Any, ...], span_s: float) -> tuple[Any, ...]:
    """What is of this moment, not summed over the span, stays as it is."""
    if window[0] <= 0:
        return window
    stretch = span_s / window[0]
    scaled = [value if place in _OF_A_MOMENT else value * stretch for place, value in enumerate(window)]
    return (span_s, window[1], *scaled[2:])


def _counted(counts: Iterable[Mapping[Any, int]]) -> dict[Any, int]:
    total: dict[Any, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total
