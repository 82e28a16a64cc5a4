"""What follows on the redirects that the reactor's lanes meet: said once, and learnt by the reactor from then on.

What is learnt stays as long as the engine, so there are bounds: a server that leads every request to a place of its own
(`/session/7f3a`) fills a table of 10,000, and each further redirect is asked for by its lane alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tressi.load.planned import PlannedRequest
from tressi.load.redirect import Refused, redirected
from tressi.request.call import IDEMPOTENT_METHODS, origin_of
from tressi.request.compiled import with_cookies
from tressi.request.parts import Rendering

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi._wire import Reactor
    from tressi.load.plan import Plan
    from tressi.load.ways import Way
    from tressi.request.call import Call

LEARNT: Final = 10_000  # redirects of one endpoint
LEARNT_BYTES: Final = 64 << 20  # of the requests that follow on them, of all endpoints
PLACES: Final = 4_096  # to which only redirects lead


class Hops:
    """Answers the reactor's question what follows; `connect` makes a dialer for a way and returns its number."""

    def __init__(self, plan: Plan, reactor: Reactor, connect: Callable[[Way], int]) -> None:
        self._plan = plan
        self._reactor = reactor
        self._connect = connect
        self._dialers = {way: number for number, way in enumerate(plan.ways)}
        self._calls: dict[tuple[int, int], Call] = {}  # by the endpoint's number and the request's
        self._numbers: dict[tuple[int, Call], int] = {}  # and back
        self._passing: dict[int, Call] = {}  # by the lane's number
        self._learnt = [0] * len(plan.endpoints)
        self._left_bytes = LEARNT_BYTES

    def follow(self, lane: int) -> None:
        """Say what follows on the redirect that the lane has met."""
        endpoint, number, status, locations = self._reactor.redirect_of(lane)
        then = redirected(self._call(lane, endpoint, number), status, locations, 0)
        if then is None:
            raise ValueError(f"status {status} is no redirect")
        learns = number >= 0 and self._learnt[endpoint] < LEARNT
        if isinstance(then, Refused):
            self._learn(endpoint, learns=learns)
            self._reactor.refuse(lane, then.reason.encode(), learns)
        else:
            self._go_on(lane, endpoint, then, learns=learns)

    def forget(self, lane: int) -> None:
        """The lane has ended."""
        self._passing.pop(lane, None)

    def _call(self, lane: int, endpoint: int, number: int) -> Call:
        """The request that was sent."""
        own = self._reactor.own_request(lane)
        if own is None:
            return self._passing[lane] if number < 0 else self._calls[endpoint, number]
        place, filled = own
        planned = self._plan.endpoints[endpoint].requests[place]
        if planned.call is None:
            raise ValueError(f"endpoint {endpoint} follows no redirects")
        return planned.call if filled is None else planned.call.filled(filled, self._plan.ways[planned.dialer].fields)

    def _go_on(self, lane: int, endpoint: int, call: Call, *, learns: bool) -> None:
        own = self._plan.endpoints[endpoint].requests
        is_own = len(own) == 1 and own[0].rendering.is_static and call == own[0].call
        known = 0 if is_own else self._numbers.get((endpoint, call))
        if known is not None:
            self._learn(endpoint, learns=learns)
            self._reactor.send_on(lane, known, learns)
            return
        way = self._plan.network.way(call.url, self._plan.endpoints[endpoint].tls, self._plan.endpoints[endpoint].protocol)
        dialer = self._dialer(way)
        if dialer is None:
            self._reactor.refuse(lane, b"redirects have led to more than %d hosts, ports and schemes" % PLACES, learns=False)
            return
        if self._plan.endpoints[endpoint].has_jar:
            # Its user's cookies go along with each request anew.
            call = replace(call, headers=tuple(one for one in call.headers if one[0].lower() != "cookie"))
        planned = self._planned(endpoint, call, way, dialer)
        if not learns or _size(planned) > self._left_bytes:
            self._passing[lane] = call
            self._reactor.send_once(lane, planned)
            return
        self._left_bytes -= _size(planned)
        self._learn(endpoint, learns=True)
        number = self._reactor.add_hop(endpoint, planned)
        self._calls[endpoint, number] = call
        self._numbers[endpoint, call] = number
        self._reactor.send_on(lane, number)

    def _learn(self, endpoint: int, *, learns: bool) -> None:
        self._learnt[endpoint] += learns

    def _dialer(self, way: Way) -> int | None:
        if way not in self._dialers:
            if len(self._dialers) - len(self._plan.ways) >= PLACES:
                return None
            self._dialers[way] = self._connect(way)
        return self._dialers[way]

    def _planned(self, endpoint: int, call: Call, way: Way, dialer: int) -> PlannedRequest:
        pool = self._plan.pools[self._plan.pool_of[self._plan.keys[endpoint]]]
        rendering = Rendering((call.head(way.fields),), (call.body,) if call.body else ())
        has_jar = self._plan.endpoints[endpoint].has_jar
        origin = origin_of(call.url)
        return PlannedRequest(
            rendering=with_cookies(rendering) if has_jar else rendering,
            host=origin.host.lower().encode() if has_jar else None,
            is_secure=origin.is_tls,
            origin=pool.origins.index(dialer) if dialer in pool.origins else -1,
            dialer=dialer,
            to_head=call.method == "HEAD",
            idempotent=call.method in IDEMPOTENT_METHODS,
            keep_alive=not call.closes,
            awaits_continue=call.awaits_continue,
        )


def _size(request: PlannedRequest) -> int:
    """How many bytes the request has."""
    return sum(len(part) for part in (*request.rendering.head, *request.rendering.body) if isinstance(part, bytes))
