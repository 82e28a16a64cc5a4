"""A lane: the greenlet behind one connection. It connects and hands over; all else happens in the reactor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import gevent
from gevent.hub import Waiter

from tressi.load.dial import DialError
from tressi.vocabulary import ERROR_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tressi._wire import Reactor
    from tressi.load.answer import Sought
    from tressi.load.dial import Dialed, Dialer, Patience
    from tressi.load.second_transport import Client, Reply
    from tressi.model import TlsConfig
    from tressi.request.call import Call


class Lane:
    """Follows the reactor's orders for one lane. Its greenlet is made with its first order: most lanes may never need one."""

    def __init__(
        self,
        number: int,
        reactor: Reactor,
        route: Callable[[int], tuple[Dialer, Patience]],
        ask_turn: Callable[[], None],
    ) -> None:
        self.number = number
        self._reactor = reactor
        self._route = route
        self._ask_turn = ask_turn
        self._orders: Waiter | None = None
        self._greenlet: gevent.Greenlet | None = None
        self._stopped = False
        self.on_end: Callable[[], None] = _nothing

    def order(self, order: Literal["connect", "stop"]) -> None:
        """Pass on an order of the reactor; called in the hub."""
        if order == "stop":
            self._stopped = True
            self.on_end()
        if self._orders is not None:
            self._orders.switch(order)
        elif not self._stopped:
            self._orders = Waiter()
            self._greenlet = gevent.spawn(self._live)

    def kill(self) -> None:
        """End the greenlet wherever it is, without waiting."""
        self._stopped = True
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _live(self) -> None:
        orders = self._orders
        while not self._stopped and orders is not None:
            self._connect()
            if not self._stopped:
                orders.get()
                orders.clear()

    def _connect(self) -> None:
        dialer, patience = self._route(self.number)
        try:
            if dialer.is_reactors:
                dialer.resolve(patience)
                if not self._stopped:
                    self._reactor.connect(self.number)
            else:
                self._attach(dialer.dial(patience))
        except DialError as failure:
            self._fail(failure)
        except OSError as failure:
            # A limit of the system on what it watches.
            self._fail(DialError("connect", str(failure)))
        self._ask_turn()

    def _fail(self, failure: DialError) -> None:
        if not self._stopped:
            kind = ERROR_KINDS.index(failure.kind)
            self._reactor.connect_failed(self.number, kind, str(failure).encode(), failure.waited)

    def _attach(self, dialed: Dialed) -> None:
        if self._stopped:
            os.close(dialed.descriptor)
        else:
            self._reactor.attach(
                self.number,
                dialed.descriptor,
                dialed.connect_ns,
                dialed.tls_ns,
                dialed.session,
                dialed.waited_ns,
                dialed.speaks_h2,
            )


class ClientLane(Lane):
    """A lane whose greenlet does the whole request over the second transport, and reports the response."""

    def __init__(  # noqa: PLR0917 - Lane's, and two of its own
        self,
        number: int,
        reactor: Reactor,
        route: Callable[[int], tuple[Dialer, Patience]],
        ask_turn: Callable[[], None],
        client: Client,
        call_of: Callable[[int], tuple[Call, TlsConfig | None, float, Sought]],
    ) -> None:
        super().__init__(number, reactor, route, ask_turn)
        self._client = client
        self._call_of = call_of

    def order(self, order: Literal["connect", "stop"]) -> None:
        """Pass on an order of the reactor; called in the hub. With the last one its connections are closed."""
        super().order(order)
        if self._stopped:
            self._client.close()

    def kill(self) -> None:
        """End the greenlet wherever it is, without waiting, and close its connections."""
        super().kill()
        self._client.close()

    def _connect(self) -> None:
        call, tls, timeout_s, sought = self._call_of(self.number)
        try:
            reply = self._client.send(call, tls, timeout_s, self._route(self.number)[1], sought, self)
        except DialError as failure:
            self._fail(failure)
        else:
            if not self._stopped:
                self._report(reply)
        if self._stopped:
            # Meanwhile: the connection that served last was not among those that were closed.
            self._client.close()
        self._ask_turn()

    def connected(self, connect_ns: int, tls_ns: int, waited_ns: int) -> None:
        """See `client.Listener`."""
        if not self._stopped:
            self._reactor.connected(self.number, connect_ns, tls_ns, waited_ns)

    def retried(self) -> None:
        """See `client.Listener`."""
        if not self._stopped:
            self._reactor.retried(self.number)

    def redirected(self) -> None:
        """See `client.Listener`."""
        if not self._stopped:
            self._reactor.redirected(self.number)

    def carried(self, sent_bytes: int, received_bytes: int) -> None:
        """See `client.Listener`."""
        if not self._stopped:
            self._reactor.carried(self.number, sent_bytes, received_bytes)

    def _report(self, reply: Reply) -> None:
        self._reactor.answered(
            self.number,
            reply.status,
            reply.sent_ns,
            reply.arrived_ns,
            first_ns=reply.first_ns,
            body=reply.body,
            found=reply.found,
            reason=None if reply.reason is None else reply.reason.encode(),
            fields=reply.fields,
            body_bytes=reply.body_bytes,
            refused=reply.refused,
        )


class Worker:
    """What the autoscaler adds and removes: `concurrentRequests` lanes. `on_end` hears when the last of them has ended."""

    def __init__(self, lanes: Sequence[Lane], on_end: Callable[[Worker], None]) -> None:
        self._lanes = tuple(lanes)
        self._alive = len(self._lanes)
        self._on_end = on_end
        for lane in self._lanes:
            lane.on_end = self._lane_ended

    def retire(self, reactor: Reactor) -> None:
        """Let every lane end with what it has in flight."""
        for lane in self._lanes:
            reactor.retire_lane(lane.number)

    def idle_since_ns(self, reactor: Reactor) -> float:
        """Since when all its lanes wait (0: never used), infinity while one is occupied: the least goes first."""
        since = [reactor.idle_since_ns(lane.number) for lane in self._lanes]
        return max(float("inf") if moment is None else moment for moment in since)

    def _lane_ended(self) -> None:
        self._alive -= 1
        if self._alive == 0:
            self._on_end(self)


def _nothing() -> None:
    """What a lane without a worker does at its end."""
