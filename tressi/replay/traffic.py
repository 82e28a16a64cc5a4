"""Gathered entries as traffic: starts in order from 0 on, of requests that are folded into endpoints by route. Pure functions.

*When a start is.* A log's stamps are of the end of a request or of its beginning. Where they have a resolution of a second, the
entries of one second are spread over it evenly, in the order of the log: of 4 entries stamped 12:00:07 the first is of 7.00 s,
the others of 7.25, 7.50 and 7.75 s. Then what the request took is taken off, if the format has it and stamps the end. Then all
are sorted, and the first is at 0. At `speed` 2 all times are halved.

*Endpoints.* Requests of one method, one server and one route are an endpoint. The most frequent come first; where there are
more than MOST_ENDPOINTS, the rest of each method and server are one endpoint more, whose route is `REST`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tressi.request.route import route_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.replay.gathering import Gathered, Request

MOST_ENDPOINTS: Final = 100
REST: Final = "(other paths)"
NS_PER_S: Final = 1_000_000_000

Key = tuple[str, str, str]  # method, origin, route


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Requests of one route: `targets` are those that differ, in the order of the log, and `counts` how often each came."""

    method: str
    origin: str
    route: str
    targets: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def entries(self) -> int:
        """How many of the log's entries are its own."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is to be sent: `times_ns` from 0 on, in order, and for each the number of its request.

    Requests are numbered through all endpoints: first the targets of the first one, then those of the second. The log's length
    is `period_ns`, after which it may begin again; no time is as long.
    """

    endpoints: tuple[Endpoint, ...]
    times_ns: array[int]
    numbers: array[int]
    period_ns: int

    @property
    def firsts(self) -> tuple[int, ...]:
        """The number of each endpoint's first request."""
        firsts, first = [], 0
        for one in self.endpoints:
            firsts.append(first)
            first += len(one.targets)
        return tuple(firsts)

    def starts_of(self) -> tuple[array[int], ...]:
        """The times of each endpoint's starts."""
        of_request = array("i")
        for place, one in enumerate(self.endpoints):
            of_request.extend([place] * len(one.targets))
        times = tuple(array("q") for _ in self.endpoints)
        for time_ns, number in zip(self.times_ns, self.numbers, strict=True):
            times[of_request[number]].append(time_ns)
        return times

    def until(self, end_ns: int) -> Traffic:
        """The part before that time, of a log that is not to begin again."""
        end = bisect_left(self.times_ns, end_ns)
        return (
            self if end == len(self.times_ns) else _traffic(self._requests(), self.times_ns[:end], self.numbers[:end], end_ns)
        )

    def _requests(self) -> list[Request]:
        return [(one.method, one.origin, target) for one in self.endpoints for target in one.targets]


def traffic_of(gathered: Gathered, speed: float = 1.0) -> Traffic:
    """Put a log in order. There is one entry at least."""
    times = gathered.times_ns
    if gathered.are_whole:
        times = spread(times)
    starts = array("q", (time_ns - delay_ns for time_ns, delay_ns in zip(times, gathered.delays_ns, strict=True)))
    order = sorted(range(len(starts)), key=starts.__getitem__)
    first = starts[order[0]]
    in_order = array("q", (round((starts[place] - first) / speed) for place in order))
    numbers = array("i", (gathered.numbers[place] for place in order))
    return _traffic(list(gathered.requests), in_order, numbers, _period_ns(in_order, gathered, speed))


def spread(times_ns: array[int]) -> array[int]:
    """Times that are whole seconds, spread evenly within each of them in their order."""
    of_second, passed = Counter(times_ns), Counter[int]()
    found = array("q")
    for time_ns in times_ns:
        found.append(time_ns + passed[time_ns] * NS_PER_S // of_second[time_ns])
        passed[time_ns] += 1
    return found


def _period_ns(times_ns: array[int], gathered: Gathered, speed: float) -> int:
    """How long the log is: up to the end of its last second, or for one mean gap more than between its first and its last."""
    last = times_ns[-1]
    if gathered.are_whole and not any(gathered.delays_ns):
        whole = max(gathered.times_ns) - min(gathered.times_ns) + NS_PER_S
        return max(last + 1, round(whole / speed))
    return last + max(1, last // (len(times_ns) - 1)) if last else round(NS_PER_S / speed)


def _traffic(requests: list[Request], times_ns: array[int], numbers: array[int], period_ns: int) -> Traffic:
    """Fold requests into endpoints, and number them anew; one that has no start left is left out."""
    counts = Counter(numbers)
    members = _members(requests, counts)
    renumbered, endpoints = array("i", bytes(4 * len(requests))), []
    number = 0
    for (method, origin, route), places in members.items():
        for place in places:
            renumbered[place] = number
            number += 1
        targets = tuple(requests[place][2] for place in places)
        endpoints.append(Endpoint(method, origin, route, targets, tuple(counts[place] for place in places)))
    return Traffic(tuple(endpoints), times_ns, array("i", map(renumbered.__getitem__, numbers)), period_ns)


def _members(requests: list[Request], counts: Mapping[int, int]) -> dict[Key, list[int]]:
    """The requests of each endpoint by their numbers, the most frequent endpoint first."""
    of_route: dict[Key, list[int]] = {}
    for place in sorted(counts):
        method, origin, target = requests[place]
        of_route.setdefault((method, origin, route_of(target)), []).append(place)
    ordered = sorted(of_route.items(), key=lambda item: -sum(counts[place] for place in item[1]))
    if len(ordered) <= MOST_ENDPOINTS:
        return dict(ordered)
    members = dict(ordered[: MOST_ENDPOINTS - 1])
    for (method, origin, _), places in ordered[MOST_ENDPOINTS - 1 :]:
        members.setdefault((method, origin, REST), []).extend(places)
    return members
