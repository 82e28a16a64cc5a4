"""How many requests a node may have made that are in no figure: a bound that holds whatever it did. Pure.

What is known of a node ends with the last second that it told of. After that it may have made two kinds of requests: those
that were under way then, and those whose starts its rate asked for until its lease was over. A rate is in force from when it
was told until a later one is known to have been heard, so that two may be in force at once; then both count. An engine
catches up with starts up to `BURST_S` old and with the last one however old it is, and its schedule may be a fraction of a
start ahead: two more for each engine.

Example: 100 requests a second over two engines, told of up to 3.0 s with 4 requests under way; its lease ended at 3.5 s. Its
rate asked for 60 starts from 2.9 to 3.5 s: at most 4 + 60 + 2 x 2 = 68 requests are in no figure.

Starts at random times may be more than the rate asks for: six times the standard deviation is added, of 64 that is 48.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, inf, sqrt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.load.planned import PlannedPool
    from tressi.model import Curve

BURST_S: Final = 0.1  # wire/lane.pxd: BURST_NS
_DEVIATIONS: Final = 6.0


@dataclass(slots=True)
class _Told:
    """A rate (None: no limit), and when it may have been in force by the run's time in seconds."""

    curve: Curve | None
    since_s: float
    until_s: float = inf


@dataclass(slots=True)
class Rates:
    """The rates of one pool that a node was told of, in the order of the telling."""

    told: list[_Told] = field(default_factory=list)

    def tell(self, curve: Curve | None, since_s: float) -> None:
        """It is told another one from now on; whether it hears of it is not known yet."""
        self.told.append(_Told(curve, since_s))

    def heard(self, curve: Curve | None, until_s: float, counted_s: float) -> None:
        """It has heard this one, so that those told before are over; what it has told of itself up to `counted_s` is known."""
        last = max((place for place, one in enumerate(self.told) if one.curve == curve), default=0)
        for one in self.told[:last]:
            one.until_s = min(one.until_s, until_s)
        self.told = [one for one in self.told if one.until_s > counted_s - BURST_S]

    def starts(self, from_s: float, until_s: float) -> float | None:
        """How many starts they ask for at most between two times; None: no rate bounds them."""
        total = 0.0
        for one in self.told:
            since_s, end_s = max(from_s, one.since_s), min(until_s, one.until_s)
            if since_s < end_s:
                if one.curve is None:
                    return None
                total += one.curve.starts(since_s, end_s)
        return total


def uncounted_at_most(
    pools: Sequence[PlannedPool], rates: Sequence[Rates], engines: int, *, counted_s: float, until_s: float, under_way: int
) -> int | None:
    """The bound; `under_way` are the requests that had no answer at `counted_s`. None: there is none.

    A start of a flow makes as many requests as its user comes to, and a log has its own starts: nothing bounds those.
    """
    from_s = max(0.0, counted_s - BURST_S)
    if until_s <= from_s:
        return under_way
    starts = 0.0
    for pool, rate in zip(pools, rates, strict=True):
        asked = rate.starts(from_s, until_s)
        if asked is None or pool.flow is not None or pool.replay is not None:
            return None
        asked += 2 * engines
        starts += asked + (_DEVIATIONS * sqrt(asked) if pool.arrival == "poisson" else 0.0)
    return under_way + ceil(starts)
