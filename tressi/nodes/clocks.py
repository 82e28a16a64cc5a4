"""How far the clock of a node is ahead of the one that the run goes by, and how sure that is. Pure: all times are given.

CLOCK_MONOTONIC is of one machine. Of an exchange four stamps are known: sent and received by our clock, heard and said by the
node's. What it took on the way, there and back together, is the round trip; if both ways took the same, the node's clock is
ahead by `heard - sent - round trip / 2`. However the two ways share the round trip, that is wrong by half of it at most.

Example: sent at 1,000 ms, heard at 51,004, said at 51,005, received at 1,009. Of the 9 ms the node took 1, so the round trip
is 8 ms, the offset 50,000 ms, and the bound 4 ms.

Clocks run at slightly different speeds: quartz differs by up to 50 in a million, so a measurement that is 100 s old may be
5 ms off. The best one is therefore the one whose bound, grown with its age, is the least. Its age counts from when the order
was sent; and while the node took its time, the two clocks measured that time differently, which the bound has in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

PINGS: Final = 20
BOUND_LIMIT_NS: Final = 25_000_000
WALL_LIMIT_NS: Final = 50_000_000
_AHEAD_NS: Final = 250_000_000  # of the start: time for all nodes to hear of it
_AHEAD_TRIPS: Final = 4
_DRIFT: Final = 100e-6  # of two clocks, each up to 50 in a million off


@dataclass(frozen=True, slots=True)
class Stamps:
    """An exchange: `sent_ns` and `received_ns` by our clock, `heard_ns` and `said_ns` by the node's.

    `wall_ns` is what the node's wall clock said when it answered, `our_wall_ns` what ours said when the answer had come.
    """

    sent_ns: int
    heard_ns: int
    said_ns: int
    received_ns: int
    wall_ns: int = 0
    our_wall_ns: int = 0

    @property
    def round_trip_ns(self) -> int:
        """What both ways took together."""
        return max(0, self.received_ns - self.sent_ns - (self.said_ns - self.heard_ns))

    @property
    def offset_ns(self) -> int:
        """How far the node's clock is ahead of this machine's, if both ways took the same."""
        return self.heard_ns - self.sent_ns - self.round_trip_ns // 2

    @property
    def wall_ahead_ns(self) -> int:
        """How far the node's wall clock is ahead of this machine's."""
        return self.wall_ns + self.round_trip_ns // 2 - self.our_wall_ns


@dataclass(frozen=True, slots=True)
class Clock:
    """What is known of a node's clock: `offset_ns` ahead of this machine's, `bound_ns` off at most at `at_ns` of our clock."""

    offset_ns: int
    bound_ns: int
    at_ns: int
    wall_ahead_ns: int = 0

    def theirs(self, our_ns: int) -> int:
        """Our time by the node's clock."""
        return our_ns + self.offset_ns

    def ours(self, their_ns: int) -> int:
        """The node's time by our clock."""
        return their_ns - self.offset_ns

    def bound_at(self, our_ns: int) -> int:
        """How far it may be off at a later time."""
        return self.bound_ns + round(max(0, our_ns - self.at_ns) * _DRIFT)

    def with_(self, stamps: Stamps) -> Clock:
        """What is known after one more exchange: the better of the two measurements, by the age of each."""
        newer = measured(stamps)
        return newer if newer.bound_ns <= self.bound_at(newer.at_ns) else self


def measured(stamps: Stamps) -> Clock:
    """What one exchange says of a clock."""
    taken_apart_ns = round((stamps.said_ns - stamps.heard_ns) * _DRIFT)
    return Clock(stamps.offset_ns, stamps.round_trip_ns // 2 + 1 + taken_apart_ns, stamps.sent_ns, stamps.wall_ahead_ns)


def best_of(exchanges: Iterable[Stamps]) -> Clock:
    """What several exchanges in a row say of a clock: that of the least round trip."""
    return measured(min(exchanges, key=lambda one: one.round_trip_ns))


def begin_ns(now_ns: int, round_trips_ns: Iterable[int]) -> int:
    """When a run may begin, so that every node has heard of it by then."""
    return now_ns + max(_AHEAD_NS, _AHEAD_TRIPS * max(round_trips_ns, default=0))


def refusal(name: str, clock: Clock) -> str | None:
    """Why a node cannot take part, in words; None: its clock is known well enough."""
    if clock.bound_ns <= BOUND_LIMIT_NS:
        return None
    return (
        f"{name}: its clock is known to {clock.bound_ns / 1e6:.0f} ms only (limit {BOUND_LIMIT_NS / 1e6:.0f} ms), "
        "because the way there and back takes twice that: use nodes nearer to this machine"
    )


def wall_warning(name: str, clock: Clock) -> str | None:
    """What is said of a node whose wall clock differs from ours; no time of a run depends on it, only the dates in its logs."""
    ahead_ms = clock.wall_ahead_ns / 1e6
    if abs(clock.wall_ahead_ns) <= WALL_LIMIT_NS:
        return None
    return f"{name}: its wall clock is {abs(ahead_ms):.0f} ms {'ahead of' if ahead_ms > 0 else 'behind'} this machine's"
