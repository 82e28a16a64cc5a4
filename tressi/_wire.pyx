"""The Python border of `wire/`: the Reactor."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

from tressi._planned cimport PlannedReactor, whole_of
from tressi._tls cimport TlsStream
from tressi.core.arena cimport GRPC_OK, LOWEST_STATUS, ErrorKind
from tressi.core.bucket cimport Knot, bucket_shift
from tressi.core.random cimport random_seeded
from tressi.core.clock cimport monotonic_ns, never
from tressi.core.curve cimport knots_of
from tressi.core.window cimport SLOT_NS, window_init
from tressi.wire cimport account as accounts
from tressi.wire cimport address as addresses_tried
from tressi.wire cimport build, control
from tressi.wire cimport close as closing
from tressi.wire cimport follow
from tressi.wire cimport hops
from tressi.wire cimport lane as lanes
from tressi.wire cimport lease as leases
from tressi.wire cimport loop as loops
from tressi.wire cimport reactor as reactors
from tressi.wire cimport reported
from tressi.wire cimport socket as sockets
from tressi.wire cimport tls as secure
from tressi.wire.allocate cimport allocated, one_more
from tressi.wire.link cimport Link
from tressi.wire.memory cimport lane_free
from tressi.wire.request cimport Request, Slice, request_render
from tressi.wire.secure cimport Tls

ORDERS = ("connect", "stop", "redirect")
# How long an address is waited for, how long at most, and for how long one comes last that did not answer.
WAITS_NS = (addresses_tried.ATTEMPT_NS, addresses_tried.LONGEST_NS, addresses_tried.silent_until(0))


cdef class Reactor(PlannedReactor):
    """One epoll set that drives every connection of an engine without the GIL; the arena is its only output.

    Endpoints and pools are added first, then it is started; lanes come and go while it runs. Numbers name them all.
    `turn` does what is ready or due and returns the orders for lanes: "connect" (call `attach` or `connect_failed`),
    "redirect" (see `add_endpoint`) or "stop". After any other call a turn is due. `fileno` becomes readable when a turn is.
    Where there is no epoll, greenlets drive the connections and report (`answered`, `connect_failed`), and turns are due by
    `due_ns` alone.
    """

    def due_ns(self):
        """When the next turn is due even if nothing comes, on CLOCK_MONOTONIC; a time in the past: now."""
        return loops.reactor_due_ns(&self.body)

    def start(self, duration_ns=None, at_ns=None):
        """Let every pool's schedule begin at `at_ns`, which is past (None: now), and end after `duration_ns`; returns when."""
        cdef int64_t index, other, begin_ns = monotonic_ns() if at_ns is None else at_ns
        self.body.header.start_ns = begin_ns
        if duration_ns is not None:
            self.body.stop_ns = begin_ns + <int64_t> duration_ns
        if self.body.limits_connections:
            bucket_shift(&self.body.permits, begin_ns)
        for index in range(self.body.pool_count):
            bucket_shift(&self.body.pools[index].bucket, begin_ns)
            for other in range(self.body.pools[index].endpoint_count):
                self.body.pools[index].endpoints[other].asked.before_ns = begin_ns
        leases.lease_bound(&self.body)
        for index in range(self.body.endpoint_count):
            window_init(&self.body.endpoints[index].block.window, begin_ns)
        for index in range(self.body.lane_count):
            control.lane_start(&self.body, self.body.lanes[index], begin_ns)
        self.body.slot_ns = begin_ns + SLOT_NS
        return begin_ns

    def release(self):
        """Close a connection that only waits for its server's end, so that a descriptor is free; False: there is none."""
        return closing.closings_release(&self.body.closings)

    def dialed(self, int64_t number):
        """How many connections to the origin the reactor has begun."""
        return self.body.origins[self.known(number, self.body.origin_count)].dialed

    cdef lanes.Lane* lane(self, int64_t number) except NULL:
        cdef lanes.Lane* lane = self.body.lanes[self.known(number, self.body.lane_count)]
        if lane == NULL:
            raise IndexError(f"lane {number} has ended")
        return lane

    def add_lane(self, int64_t pool_number, int32_t origins=1):
        """Add a lane with a link to each of its pool's origins; returns its number."""
        cdef lanes.Pool* pool = self.body.pools[self.known(pool_number, self.body.pool_count)]
        cdef lanes.Lane* lane = build.build_lane(pool, origins, self.values, self.body.origins, self.shared[pool_number])
        lane.number = self.free_number()
        self.body.lanes[lane.number] = lane
        if pool.flow != NULL:
            flow = self.flows[pool_number]
            random = random_seeded(random_seeded(flow.seed) + self.walked)
            self.walked += 1
            build.build_walk(lane, pool.flow, pool.endpoints[0], flow, random)
        if self.body.header.start_ns:
            control.lane_start(&self.body, lane, monotonic_ns())
        return lane.number

    cdef int32_t free_number(self) except -1:
        cdef int64_t count = self.body.lane_count
        if self.free_numbers:
            return self.free_numbers.pop()
        self.body.lanes = <lanes.Lane**> one_more(self.body.lanes, count, sizeof(lanes.Lane*))
        self.body.ordered = <lanes.Lane**> one_more(self.body.ordered, count, sizeof(lanes.Lane*))
        self.body.thinking.heap = <lanes.Lane**> one_more(self.body.thinking.heap, count, sizeof(lanes.Lane*))
        self.body.lane_count += 1
        return <int32_t> count

    def retire_lane(self, int64_t number):
        """Let the lane end, once what it has in flight is done; its last order will be "stop"."""
        control.lane_retire(&self.body, self.lane(number), monotonic_ns())

    def attach(
        self, int64_t number, int descriptor, int64_t connect_ns, int64_t tls_ns=-1, session=None, int64_t looked_up_ns=0,
        bint speaks_h2=False,
    ):
        """Hand over the connected, non-blocking socket that was ordered; it is the reactor's to close from now on.

        With a `session` (TlsSession, TlsStream) it speaks TLS; the handshake took `tls_ns`, finding the address `looked_up_ns`.
        `speaks_h2`: it chose HTTP/2.
        """
        cdef lanes.Lane* lane = self.lane(number)
        if lane.state != lanes.CONNECTING:
            sockets.close_descriptor(descriptor)
            return
        lane.connect_ns += looked_up_ns
        if session is not None:
            self.link_speaks(lane.exchange.link, session)
        if not reported.lane_attach(&self.body, lane, descriptor, connect_ns, tls_ns, speaks_h2):
            if session is not None:
                secure.tls_end(lane.exchange.link)
            raise OSError(f"cannot watch file descriptor {descriptor}")

    cdef link_speaks(self, Link* link, session):
        """Have the link speak TLS by `session`, whose handshake is done."""
        cdef Tls* tls
        if isinstance(session, TlsStream):
            tls = (<TlsStream> session).handed(&self.body.buffers.records)
            self.peers |= (<TlsStream> session).peers()
        else:
            self.body.keeps_gil = True
            tls = secure.object_tls(session, &self.body.buffers)
            if tls == NULL:
                raise MemoryError
        secure.link_secure(link, tls)

    def connect_failed(self, int64_t number, int kind, bytes reason not None, bint waited):
        """The connection that was ordered cannot be made, for `reason`.

        `kind` is a position in ERROR_KINDS, `waited`: it timed out.
        """
        cdef lanes.Lane* lane = self.lane(number)
        if lane.state == lanes.CONNECTING:
            reported.lane_fail_connecting(&self.body, lane, <ErrorKind> kind, reason, waited, monotonic_ns())

    def connect(self, int64_t number):
        """The origin has its addresses now: let the reactor make the connection that was ordered."""
        cdef lanes.Lane* lane = self.lane(number)
        if lane.state == lanes.CONNECTING:
            reactors.lane_connect_ended(&self.body, lane)
            lane.connect_ns += monotonic_ns() - lane.dial.begun_ns
            reactors.ready_push(&self.body, lane)

    def connected(self, int64_t number, int64_t connect_ns, int64_t tls_ns=-1, int64_t waited_ns=0):
        """A greenlet that does the whole attempt has made a connection for it, `waited_ns` after it asked to.

        The handshake took `tls_ns`, negative where there is none.
        """
        cdef lanes.Lane* lane = self.lane(number)
        if lane.state == lanes.CONNECTING:
            accounts.account_connected(lane.endpoint.block, connect_ns, tls_ns)
            lane.connect_ns += waited_ns + connect_ns + max(<int64_t> 0, tls_ns)

    def retried(self, int64_t number):
        """A greenlet that does the whole attempt sends the request once more: a kept connection turned out closed."""
        cdef lanes.Lane* lane = self.lane(number)
        if lane.state == lanes.CONNECTING:
            lane.endpoint.block.retries += 1

    def redirected(self, int64_t number):
        """A greenlet that does the whole attempt follows a redirect."""
        cdef lanes.Lane* lane = self.lane(number)
        if lane.state == lanes.CONNECTING:
            lane.endpoint.block.redirects += 1

    def carried(self, int64_t number, int64_t sent_bytes, int64_t received_bytes):
        """A greenlet that does the whole attempt sent and received so many bytes more of heads and bodies."""
        cdef lanes.Lane* lane = self.lane(number)
        if lane.state == lanes.CONNECTING:
            lane.endpoint.block.bytes_sent += sent_bytes
            lane.endpoint.block.bytes_received += received_bytes

    def answered(
        self, int64_t number, int64_t status, int64_t sent_ns, int64_t arrived_ns, *, int64_t first_ns=0,
        bytes body=b"", bint found=True, bytes reason=None, bytes fields=b"", int64_t body_bytes=0, bint refused=False,
    ):
        """A greenlet did the whole attempt that was ordered, over a transport of its own, and this is the response.

        `sent_ns` is when its first byte was sent, put off by what connecting took after that; `first_ns` is when the
        response began to come, where that was not with its end. `found`: the body contains what it must, or `reason` says
        why that cannot be told. `fields` are those that are checked, as `ResponseParser.fields` has them; `refused`: by the
        judge of the body, for `reason`. The body had `body_bytes`, and `body` is the beginning of what it says.
        """
        cdef lanes.Lane* lane = self.lane(number)
        cdef reported.Answer answer
        if not LOWEST_STATUS <= status < GRPC_OK:
            raise ValueError(f"status {status}: must be 100 to 999")
        if lane.state == lanes.CONNECTING:
            answer = reported.Answer(
                status, sent_ns, first_ns, arrived_ns, body, len(body), found, NULL, body_bytes, refused, fields, len(fields),
            )
            if reason is not None:
                answer.reason = reason
            reported.lane_answered(&self.body, lane, &answer)

    def endpoint_of(self, int64_t number):
        """The endpoint that the lane has a token for."""
        cdef lanes.Lane* lane = self.lane(number)
        cdef int64_t index
        for index in range(self.body.endpoint_count):
            if self.body.endpoints[index] == lane.endpoint:
                return index
        raise LookupError(f"lane {number} has no token yet")

    def origin_of(self, int64_t number):
        """The origin that the lane connects to for its attempt."""
        return self.lane(number).exchange.request.target.at

    # --------------------------------------------------------------------------------------------------------- redirects

    def redirect_of(self, int64_t number):
        """The redirect that the lane has met: (endpoint, number of the request that was sent, status, its Locations).

        0 is one of the endpoint's own requests (`own_request`), above are those of `add_hop`, -1 is one that was sent once:
        that of `send_once`, or one that is filled for each attempt.
        """
        cdef lanes.Lane* lane = self.lane(number)
        cdef const lanes.Exchange* exchange = &lane.exchange
        locations = exchange.response.location.bytes[:exchange.response.location.size].splitlines()
        return self.endpoint_of(number), exchange.request.number, exchange.response.status, locations

    def own_request(self, int64_t number):
        """Which of its endpoint's requests the lane sends, by number, and its bytes where they are filled for each attempt.

        None for a request that a redirect leads to.
        """
        cdef lanes.Lane* lane = self.lane(number)
        cdef const Request* request = lane.exchange.request
        cdef Slice rendered
        if not lane.endpoint.requests <= request < lane.endpoint.requests + lane.endpoint.request_count:
            return None
        if request.form == NULL:
            return request - lane.endpoint.requests, None
        if not request_render(request, lane.filling, &rendered):
            raise MemoryError
        return request - lane.endpoint.requests, rendered.bytes[:rendered.size]

    def add_hop(self, int64_t endpoint_number, planned not None):
        """Add a request that a redirect leads to (its fields are those of `add_endpoint`); returns its number."""
        cdef lanes.Endpoint* endpoint = self.body.endpoints[self.known(endpoint_number, self.body.endpoint_count)]
        cdef int64_t count = endpoint.hops.request_count
        endpoint.hops.requests = <Request**> one_more(endpoint.hops.requests, count, sizeof(Request*))
        whole = whole_of(planned.rendering)
        endpoint.hops.requests[count] = self.hop(planned, whole)
        endpoint.hops.requests[count].number = <int32_t> count + 1
        endpoint.hops.request_count += 1
        self.kept_alive += [whole, planned]
        return count + 1

    def send_on(self, int64_t number, int64_t hop, bint learns=True):
        """Let the lane send that request of its endpoint, and whichever lane meets the same redirect where this is learnt."""
        cdef lanes.Lane* lane = self.lane(number)
        cdef Request* request = lane.endpoint.requests
        if hop > 0:
            request = lane.endpoint.hops.requests[self.known(hop - 1, lane.endpoint.hops.request_count)]
        if learns and lane.exchange.request.number >= 0:
            hops.hops_learn(lane.endpoint.hops, lane.exchange.request, &lane.exchange.response, request, NULL)
        self.go_on(lane, request)

    def send_once(self, int64_t number, planned not None):
        """Let the lane send this request, which no other will, and which is gone with its next one."""
        cdef lanes.Lane* lane = self.lane(number)
        cdef Request* request
        if lane.state != lanes.CONNECTING:
            return
        whole = whole_of(planned.rendering)
        request = self.hop(planned, whole)
        request.number = -1
        hops.request_free(lane.passing)
        lane.passing = request
        self.passing[number] = (whole, planned)
        self.go_on(lane, request)

    def refuse(self, int64_t number, bytes reason not None, bint learns=True):
        """Let the lane's attempt fail for `reason`: the redirect leads nowhere."""
        cdef lanes.Lane* lane = self.lane(number)
        if lane.state != lanes.CONNECTING:
            return
        if learns and lane.exchange.request.number >= 0:
            self.kept_alive.append(reason)
            hops.hops_learn(lane.endpoint.hops, lane.exchange.request, &lane.exchange.response, NULL, reason)
        reactors.lane_connect_ended(&self.body, lane)
        follow.hop_refuse(&self.body, lane, reason, monotonic_ns())

    cdef go_on(self, lanes.Lane* lane, Request* request):
        if lane.state == lanes.CONNECTING:
            reactors.lane_connect_ended(&self.body, lane)
            follow.hop_follow(&self.body, lane, request, monotonic_ns())

    cdef Request* hop(self, planned, bytes whole) except NULL:
        cdef Request* request = <Request*> allocated(sizeof(Request))
        try:
            self.build_request(request, planned, whole)
        except BaseException:
            hops.request_free(request)
            raise
        return request

    def idle_since_ns(self, int64_t number):
        """Since when the lane waits for a token (0: it never had one to wait for), or None if it is occupied."""
        cdef lanes.Lane* lane = self.lane(number)
        return lane.idle_since_ns if lane.state == lanes.IDLE else None

    def turn(self):
        """Do what is ready or due; returns [(lane, "connect" | "stop")]."""
        if self.body.keeps_gil:
            loops.reactor_turn(&self.body)
        else:
            with nogil:
                loops.reactor_turn(&self.body)
        return self.orders() if self.body.ordered_count else ()

    cdef list orders(self):
        cdef int64_t index
        cdef lanes.Lane* lane
        found = []
        for index in range(self.body.ordered_count):
            lane = self.body.ordered[index]
            lane.ordered = 0
            found.append((lane.number, ORDERS[lane.order]))
            if lane.order == lanes.STOP:
                self.body.lanes[lane.number] = NULL
                self.free_numbers.append(lane.number)
                self.passing.pop(lane.number, None)
                lane_free(lane)
        self.body.ordered_count = 0
        return found

    def follow(self, int64_t pool_number, points):
        """From now on follow a curve: points of (seconds since the start, starts per second). None is no limit."""
        cdef lanes.Pool* pool = self.body.pools[self.known(pool_number, self.body.pool_count)]
        cdef int64_t now_ns = monotonic_ns()
        cdef int32_t count
        cdef Knot* knots
        if points is None:
            reactors.pool_settle(pool, never(), now_ns)
            control.pool_unpace(&self.body, pool)
            return
        knots = knots_of(points, &count)
        reactors.pool_settle(pool, never(), now_ns)
        followed = control.pool_pace(&self.body, pool, knots, count, now_ns)
        free(knots)
        if not followed:
            raise MemoryError

    def lease(self, int64_t until_ns):
        """Send nothing from `until_ns` of CLOCK_MONOTONIC on, unless this is called again before; False: it was too late.

        A lease that is over stays over: the run goes on without this reactor.
        """
        return leases.lease_renew(&self.body, until_ns, monotonic_ns())

    def hold(self, int64_t pool_number, bint hold):
        """Let a pool that replays a log have no more starts (`hold`), or go on with those that are due from now on."""
        cdef lanes.Pool* pool = self.body.pools[self.known(pool_number, self.body.pool_count)]
        if pool.replay == NULL:
            raise ValueError(f"pool {pool_number} replays no log")
        control.pool_hold(&self.body, pool, hold, monotonic_ns())

    def occupied(self):
        """How many lanes have an attempt under way."""
        return control.reactor_occupied(&self.body)

    def end(self):
        """Begin what is due and nothing more; a start that finds no lane is given up."""
        cdef int64_t now_ns = monotonic_ns()
        loops.reactor_start_due(&self.body, now_ns)
        loops.reactor_begin_ready(&self.body, now_ns)
        control.reactor_end(&self.body, now_ns)

    def cut(self):
        """End what is still in flight; it counts as cut."""
        # Whose address refuses at once is ready again, for the next one.
        while self.body.first_ready != NULL:
            loops.reactor_begin_ready(&self.body, monotonic_ns())
        control.reactor_cut(&self.body, monotonic_ns())
        reactors.reactor_cpu(&self.body)
