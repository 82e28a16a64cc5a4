"""One node as its run sees it: what it is to do, what it has said, until when it may send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from gevent.event import Event

from tressi.nodes.clocks import PINGS, Stamps, best_of, measured
from tressi.nodes.orders import decode_answer, encode_order
from tressi.nodes.uncounted import Rates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tressi.model import Wanted
    from tressi.nodes.carrier import Carrier, NodeFacts
    from tressi.nodes.clocks import Clock
    from tressi.nodes.orders import Answer, Order

_MARGIN_NS: Final = 20_000_000  # from an engine's last look at its clock until what it sends is on its way
_BOOKS_NS: Final = 60_000_000_000


class Member:
    """A node of a run: number `number` of its carrier, which runs the engines number `first` and following of the run.

    `told` is its part of each pool, by the pool's number; `rates` are all rates that it may follow there.
    """

    def __init__(self, carrier: Carrier, number: int, name: str, facts: NodeFacts, engines: int) -> None:
        self._carrier = carrier
        self.number, self.name, self.facts, self.engines = number, name, facts, engines
        self.first = 0
        self.told: dict[int, Wanted] = {}
        self.rates: list[Rates] = []
        self.pending: dict[int, Wanted] = {}  # of `told`, what it is not known to have heard
        self.connections: tuple[int, float] | None = None
        self.clock: Clock
        self.round_trip_ns = 0
        self.lease_ends_ns = 0  # by our clock, give or take the bound of the node's
        self.answered_ns = 0
        self.lost: str | None = None
        self.lost_ns = 0
        self.dead_ns: int | None = None  # from when on it certainly sent nothing
        self.has_share = True
        self.is_silent = False
        self.is_whole = False  # all that it measured is in the books
        self.unanswered = 0  # requests of engines that were killed
        self.done = Event()  # nothing more will be heard of it

    def ask(self, order: Order | None) -> Answer:
        """Have it answer an order, and see to its clock. Raises NodeGoneError, ValueError."""
        answer, stamps = self._exchange(order)
        self.clock = self.clock.with_(stamps)
        self.answered_ns = stamps.received_ns
        return answer

    def build(self, order: Order) -> str | None:
        """Have its engines built; returns why they cannot be. Raises NodeGoneError, ValueError."""
        answer, stamps = self._exchange(order)
        self.clock = measured(stamps)
        return answer.error

    def ping(self) -> None:
        """Find out about its clock. Raises NodeGoneError, ValueError."""
        exchanges = [self._exchange(None)[1] for _ in range(PINGS)]
        self.clock = best_of(exchanges)
        self.round_trip_ns = max(one.round_trip_ns for one in exchanges)

    def begin_with(self, parts: Sequence[Wanted]) -> None:
        """These are its parts of the pools when the run begins."""
        self.told = dict(enumerate(parts))
        self.rates = [Rates() for _ in parts]
        for rates, part in zip(self.rates, parts, strict=True):
            rates.tell(part.curve, 0.0)

    def want(self, pool: int, wanted: Wanted, now_s: float) -> None:
        """Have it told its part of a pool from `now_s` of the run on, unless that is what it has been told already."""
        before = self.told[pool]
        self.told[pool] = wanted
        if (before.workers, before.curve) != (wanted.workers, wanted.curve):
            self.pending[pool] = wanted
            self.rates[pool].tell(wanted.curve, now_s)

    def heard(self, wanted: dict[int, Wanted], now_s: float, counted_s: float) -> None:
        """It is known to have heard this by now, and to have told of itself up to `counted_s` of the run."""
        for pool, one in wanted.items():
            self.rates[pool].heard(one.curve, now_s, counted_s)
            if self.pending.get(pool) is one:
                del self.pending[pool]

    def may_send_ns(self, now_ns: int) -> int:
        """Until when at most it sends by our clock, if it hears of the run no more."""
        return self.lease_ends_ns + self.clock.bound_at(now_ns) + _MARGIN_NS

    def keeps_books(self, now_ns: int) -> bool:
        """Whether what it says is still taken in."""
        return self.lost is None or now_ns - self.lost_ns < _BOOKS_NS

    def sent_until_ns(self) -> int:
        """Until when it may have made load, by our clock."""
        return self.lease_ends_ns if self.dead_ns is None else min(self.dead_ns, self.lease_ends_ns)

    def _exchange(self, order: Order | None) -> tuple[Answer, Stamps]:
        exchanged = self._carrier.exchange(self.number, encode_order(order))
        our_wall_ns = time.time_ns()
        answer = decode_answer(exchanged.answer)
        stamps = Stamps(exchanged.sent_ns, answer.heard_ns, answer.said_ns, exchanged.received_ns, answer.wall_ns, our_wall_ns)
        return answer, stamps
