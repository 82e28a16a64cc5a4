"""The reactor without gevent: a caller that polls its descriptor, runs its turns and follows its orders."""

import os
import select
import socket
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
from engines import descriptors
from ports import hanging_port
from servers import BOUND_S, answering, raw_server, refusing_port

from tressi._core import Arena
from tressi._wire import Reactor
from tressi.load.address import Address
from tressi.load.planned import PlannedEndpoint, PlannedPool, PlannedRequest
from tressi.model import Curve
from tressi.request.parts import Rendering
from tressi.vocabulary import ERROR_KINDS

pytestmark = pytest.mark.timed

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
SECOND_NS = 1_000_000_000
ONCE = 0.001
REQUEST = PlannedRequest(Rendering((GET,)), origin=0, dialer=0, to_head=False, idempotent=True, keep_alive=True)
PLANNED = PlannedEndpoint(
    requests=(REQUEST,), timeout_ns=5 * SECOND_NS, connect_timeout_ns=None, statuses=None, body_contains=None
)
NOBODY = "127.0.0.2"  # loopback as well, but the servers here listen on 127.0.0.1 alone


def planned_to(origin, **fields):
    """An endpoint of one request to that origin; what belongs to the request may be among the fields."""
    own = {name: fields.pop(name) for name in tuple(fields) if hasattr(REQUEST, name)}
    requests = fields.pop("requests", (REQUEST,))
    return replace(PLANNED, requests=tuple(replace(one, dialer=origin, **own) for one in requests), **fields)


def pool_at(rate, *endpoints):
    """A pool of these endpoints, of the first one if none is named."""
    curve = None if rate is None else Curve.held(rate)
    return PlannedPool(endpoints or (0,), (0,), curve, phase=0.0, seed=0, arrival="uniform", workers=1)


class Bench:
    """A reactor with one pool of one endpoint, driven by `turn`."""

    def __init__(self, rate, *addresses, lanes=1, **fields):
        self.arena = Arena(1)
        self.reactor = Reactor(self.arena)
        self.origin = self.reactor.add_origin()
        self.reactor.set_addresses(self.origin, [address.packed() for address in addresses])
        hung = fields.pop("hung", None)
        self.planned = planned_to(self.origin, **fields)
        self.reactor.add_endpoint(self.planned, hung=hung)
        self.pool = self.reactor.add_pool(pool_at(rate))
        self.lanes = [self.reactor.add_lane(self.pool) for _ in range(lanes)]
        self.orders = []
        self.turns = 0

    def counters(self):
        """What the arena has of the endpoint."""
        return self.arena.counters(0)

    def errors(self):
        """Its errors by kind."""
        return {kind: count for kind, count in zip(ERROR_KINDS, self.counters()["errors"], strict=True) if count}

    def made(self):
        """Its attempts."""
        return self.counters()["succeeded"] + self.counters()["failed"]

    def turn_until(self, condition):
        """Run a turn whenever the descriptor asks for one, until the condition holds."""
        poll = select.poll()
        poll.register(self.reactor.fileno(), select.POLLIN)
        give_up = time.monotonic() + BOUND_S
        self.orders += self.reactor.turn()
        while not condition():
            assert time.monotonic() < give_up, "waited for what never came"
            if poll.poll(1_000):
                self.turns += 1
                self.orders += self.reactor.turn()


def at(port, host="127.0.0.1"):
    """A loopback address."""
    return Address(socket.AF_INET, (host, port))


def connected(port):
    """A non-blocking socket as a lane's greenlet hands it over."""
    made = socket.create_connection(("127.0.0.1", port))
    made.settimeout(0)
    return made


def test_its_descriptor_is_all_that_a_caller_needs_to_watch():
    """Turns are run only when it is readable, and a paced pool keeps its rate by that."""
    with raw_server(answering(OK)) as server:
        bench = Bench(200, at(server.port), lanes=2)
        begun_ns = bench.reactor.start()
        bench.turn_until(lambda: bench.made() >= 40)
        passed_s = (time.monotonic_ns() - begun_ns) / SECOND_NS

    assert bench.orders == []
    assert bench.errors() == {}
    assert 40 <= bench.made() + bench.counters()["missed"] <= 200 * passed_s + 1


def test_alone_in_its_thread_it_waits_for_the_next_start():
    """A turn goes on while a start is near: no way through the caller for each, and not a start less."""
    with raw_server(answering(OK)) as server:
        bench = Bench(1_000, at(server.port), lanes=4)
        bench.reactor.be_alone()
        begun_ns = bench.reactor.start()
        bench.turn_until(lambda: bench.made() >= 200)
        passed_s = (time.monotonic_ns() - begun_ns) / SECOND_NS

    assert bench.errors() == {}
    assert bench.turns <= bench.made() / 2
    assert bench.made() + bench.counters()["missed"] <= 1_000 * passed_s + 1


def connected_to_themselves():
    """Duplicates of the sockets of this process that are connected to themselves."""
    found = []
    for number, what in descriptors().items():
        if what.startswith("socket:"):
            with suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
                if one.family == socket.AF_INET and one.getpeername() == one.getsockname():
                    found.append(one.dup())
    return found


@pytest.mark.parametrize(("rate", "rehearsals"), [(20, 4), (None, 0)], ids=["after a rest", "without a rest"])
def test_the_way_to_the_wire_is_gone_once_before_a_start_after_a_rest(rate, rehearsals):
    """A byte from us to us for each start that comes after a rest, and none where there is no rest."""
    with raw_server(answering(OK)) as server:
        before = len(connected_to_themselves())
        bench = Bench(rate, at(server.port))
        [to_self] = connected_to_themselves()[before:]
        bench.reactor.start()
        bench.turn_until(lambda: bench.made() >= 6)
        with to_self:
            # tcpi_bytes_acked (linux/tcp.h); the first starts find it rested or not.
            sent = int.from_bytes(to_self.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128)[120:128], "little")

    assert rehearsals <= sent <= rehearsals + 3


def test_without_an_address_it_orders_a_connection_and_takes_one():
    """The lane's number is in the order; the socket handed over carries the requests from then on."""
    with raw_server(answering(OK)) as server:
        bench = Bench(200)
        bench.reactor.start()
        bench.turn_until(lambda: bench.orders)
        assert bench.orders == [(bench.lanes[0], "connect")]
        assert bench.reactor.endpoint_of(bench.lanes[0]) == 0
        assert bench.reactor.occupied() == 1
        bench.reactor.attach(bench.lanes[0], connected(server.port).detach(), 1_000)
        bench.turn_until(lambda: bench.made() >= 5)

    assert (bench.counters()["connections_opened"], server.connections) == (1, 1)
    assert bench.errors() == {}


def test_a_connection_that_cannot_be_made_is_counted_under_the_kind_and_reason_given():
    """A lane that was ordered to connect says why it could not; the attempt has failed, and the next is another order."""
    bench = Bench(100)
    bench.reactor.start()
    bench.turn_until(lambda: bench.orders)
    bench.reactor.connect_failed(bench.lanes[0], ERROR_KINDS.index("dns"), b"no such name", False)  # noqa: FBT003 - as in C
    bench.turn_until(lambda: len(bench.orders) == 2)

    assert bench.errors() == {"dns": 1}
    assert bench.arena.reasons(0) == [(ERROR_KINDS.index("dns"), "no such name", 1)]
    assert bench.orders[1] == (bench.lanes[0], "connect")


def test_an_order_is_carried_out_once():
    """A second socket for the same order is closed, and a second failure is not counted."""
    with raw_server(answering(OK)) as server:
        bench = Bench(ONCE)
        bench.reactor.start()
        bench.turn_until(lambda: bench.orders)
        bench.reactor.attach(bench.lanes[0], connected(server.port).detach(), 1_000)
        second, other_end = socket.socketpair()
        bench.reactor.attach(bench.lanes[0], second.detach(), 1_000)
        bench.reactor.connect_failed(bench.lanes[0], 0, b"too late", False)  # noqa: FBT003 - as in C
        other_end.settimeout(BOUND_S)
        with other_end:
            assert other_end.recv(1) == b""
        bench.turn_until(lambda: bench.made() == 1)

    assert bench.errors() == {}


def test_what_cannot_be_watched_is_an_error():
    """A descriptor that is none raises where it is handed over."""
    bench = Bench(ONCE)
    bench.reactor.start()
    bench.turn_until(lambda: bench.orders)

    with pytest.raises(OSError, match="cannot watch"):
        bench.reactor.attach(bench.lanes[0], 1_000_000, 1_000)


def test_a_retired_lane_says_goodbye_and_its_number_is_used_again():
    """An idle lane's last order is "stop"; until another lane has its number, the number is nobody's."""
    bench = Bench(ONCE, at(1), lanes=3)
    bench.reactor.start()
    bench.turn_until(lambda: bench.made() == 1)
    bench.reactor.retire_lane(bench.lanes[1])
    bench.turn_until(lambda: bench.orders)

    assert bench.orders == [(bench.lanes[1], "stop")]
    with pytest.raises(IndexError, match="has ended"):
        bench.reactor.retire_lane(bench.lanes[1])
    assert bench.reactor.add_lane(bench.pool) == bench.lanes[1]


def test_numbers_that_name_nothing_are_errors():
    """No call answers for a lane, pool, endpoint or origin that does not exist."""
    bench = Bench(ONCE)
    calls = [
        lambda: bench.reactor.follow(1, [(0, 1.0)]),
        lambda: bench.reactor.follow(-1, [(0, 1.0)]),
        lambda: bench.reactor.add_pool(pool_at(1.0, 1)),
        lambda: bench.reactor.add_lane(7),
        lambda: bench.reactor.retire_lane(7),
        lambda: bench.reactor.idle_since_ns(-1),
        lambda: bench.reactor.attach(7, 0, 0),
        lambda: bench.reactor.set_addresses(3, []),
        lambda: bench.reactor.dialed(3),
        lambda: bench.reactor.add_endpoint(bench.planned),
    ]

    for call in calls:
        with pytest.raises(IndexError):
            call()
    with pytest.raises(LookupError, match="no token"):
        bench.reactor.endpoint_of(bench.lanes[0])


def test_each_variant_is_sent_by_its_weight():
    """An endpoint with several requests sends each as often as its weight says, by chance; one that weighs nothing never."""
    weights = {"/0": 1.0, "/1": 0.0, "/2": 3.0}
    requests = tuple(
        replace(REQUEST, rendering=Rendering((f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode(),), (), weight))
        for path, weight in weights.items()
    )
    with raw_server(answering(OK)) as server:
        bench = Bench(5_000, at(server.port), requests=requests)
        bench.reactor.start()
        bench.turn_until(lambda: len(server.requests) >= 1_200)

    sent = Counter(request.target for request in server.requests[:1_200])
    assert set(sent) == {"/0", "/2"}
    assert abs(sent["/2"] - 900) < 5 * (1_200 * 0.75 * 0.25) ** 0.5


def test_addresses_are_used_in_turn():
    """A name with several addresses that all answer has its connections spread over them."""
    with raw_server(answering(OK)) as one, raw_server(answering(OK)) as other:
        bench = Bench(500, at(one.port), at(other.port), keep_alive=False)
        bench.reactor.start()
        bench.turn_until(lambda: bench.made() >= 20)

    assert bench.errors() == {}
    assert abs(one.connections - other.connections) <= 1


def test_an_address_that_refuses_is_passed_over_for_the_next():
    """A name whose IPv6 address nobody listens on (`localhost`, often) is reached by its IPv4 address, without a failure."""
    with raw_server(answering(OK)) as server:
        bench = Bench(500, at(server.port, NOBODY), at(server.port), keep_alive=False)
        bench.reactor.start()
        bench.turn_until(lambda: bench.made() >= 20)

    assert bench.errors() == {}


def test_when_every_address_refuses_the_attempt_has_failed():
    """One attempt is one failure, however many addresses were tried."""
    with refusing_port() as port:
        bench = Bench(500, at(port, NOBODY), at(port))
        begun_ns = bench.reactor.start()
        bench.turn_until(lambda: bench.made() >= 20)
        passed_s = (time.monotonic_ns() - begun_ns) / SECOND_NS

    assert set(bench.errors()) == {"connect"}
    assert bench.made() <= 500 * passed_s + 1


def test_a_connection_that_is_never_made_is_a_timeout():
    """Where nobody accepts and the backlog is full, the attempt ends with the endpoint's timeout, and with its age."""
    with hanging_port() as port:
        bench = Bench(ONCE, at(port), timeout_ns=SECOND_NS // 5)
        bench.reactor.start()
        bench.turn_until(lambda: bench.made() == 1)

    assert bench.errors() == {"timeout": 1}
    assert bench.arena.times(0)["response"].count == 1
    assert bench.arena.times(0)["response"].min_us >= 199_000
    assert bench.counters()["connections_opened"] == 0


def test_after_the_end_nothing_begins_and_a_cut_ends_the_rest():
    """`end` gives up what is due, `cut` ends what is in flight, which did not fail; both may be called twice."""
    with raw_server(lambda conversation: conversation.wait_closed()) as server:
        bench = Bench(100, at(server.port), lanes=2)
        bench.reactor.start()
        bench.turn_until(lambda: bench.reactor.occupied() == 2)
        bench.reactor.end()
        bench.reactor.end()
        bench.turn_until(lambda: True)
        assert (bench.reactor.occupied(), bench.made()) == (2, 0)
        bench.reactor.cut()
        bench.reactor.cut()

    found = bench.counters()
    assert (bench.reactor.occupied(), bench.made(), bench.errors(), found["cut"]) == (0, 0, {}, 2)
    assert abs(found["scheduled"] - found["cut"] - found["missed"]) <= 1


def test_a_cut_ends_also_what_has_addresses_left_to_try():
    """Each refuses at once, and the attempt is ready for the next when the cut comes: it is counted like any other."""
    with refusing_port() as port:
        bench = Bench(ONCE, *(at(port, f"127.0.0.{number}") for number in range(1, 6)))
        bench.reactor.start()
        bench.reactor.end()
        bench.reactor.cut()

    assert (bench.reactor.occupied(), bench.errors()) == (0, {"connect": 1})


def test_no_file_descriptor_is_left_when_a_reactor_is_forgotten():
    """Connections, timer and epoll set go with the reactor that owns them."""

    def used(port):
        bench = Bench(1_000, at(port), lanes=5)
        bench.reactor.start()
        bench.turn_until(lambda: bench.made() >= 20)
        return bench.arena

    with raw_server(answering(OK)) as server:
        before = descriptors()
        arena = used(server.port)
        theirs = {conversation.socket.fileno() for conversation in server.conversations}
        left = {number for number, what in descriptors().items() if before.get(number) != what} - theirs

    assert theirs
    assert left == {arena.fd}
