"""The Python border of `wire/` before the start: origins, endpoints and pools are added to what becomes a Reactor.

They are added once, from what a plan says, and nothing here is called while requests are sent.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t

from tressi._core cimport Arena
from tressi._tls cimport TlsPeer
from tressi._values cimport Values
from tressi.core.arena cimport EndpointBlock
from tressi.core.bucket cimport Knot, bucket_rate
from tressi.core.clock cimport NS_PER_S, monotonic_ns
from tressi.core.epoll cimport HAS_EPOLL
from tressi.core.random cimport random_seeded
from tressi.core.rates cimport bucket_init, bucket_set_rate
from tressi.wire cimport address as addresses_tried
from tressi.wire cimport build, control
from tressi.wire cimport close as closing
from tressi.wire cimport kept as keeping
from tressi.wire cimport lane as lanes
from tressi.wire cimport open as opening
from tressi.wire cimport origin as places
from tressi.wire cimport socket as sockets
from tressi.wire.allocate cimport allocated, one_more
from tressi.wire.allowance cimport allowance_close, allowance_give, allowance_take_back
from tressi.wire.memory cimport addresses_of, set_addresses
from tressi.wire.request cimport Request

cdef enum:
    TRIED_AT_MOST = 64             # addresses by one attempt, as many as an integer has bits


def connect_reason(int failure):
    """Why a connection failed with that errno, in words; where the system's own do not help, with what to do."""
    return sockets.socket_reason(failure).decode("utf-8", "replace")


def allowance_change(int64_t[::1] counts not None, int64_t place, int64_t by):
    """Let so many more attempts (or fewer, as far as they are left) begin by the count at `place`; returns how many more."""
    if not 0 <= place < counts.shape[0]:
        raise IndexError(f"count {place} of {counts.shape[0]}")
    if by < 0:
        return -allowance_take_back(&counts[place], -by)
    allowance_give(&counts[place], by)
    return by


def allowance_finish(int64_t[::1] counts not None, int64_t place):
    """No more attempts will come to the count whose `more` is at `place`."""
    if not 0 <= place < counts.shape[0]:
        raise IndexError(f"count {place} of {counts.shape[0]}")
    allowance_close(&counts[place])


cdef bytes whole_of(rendering):
    """The bytes of a request that is always the same, or None."""
    parts = (*rendering.head, *rendering.body)
    return b"".join(parts) if all(isinstance(part, bytes) for part in parts) else None


cdef class PlannedReactor:
    """A reactor that has not started: its origins, endpoints and pools, and what it holds of memory and descriptors.

    Numbers name them all, in the order in which they are added.
    """

    def __cinit__(self, Arena arena not None):
        opening.nothing_open(self.descriptors)
        if arena.header.block_bytes != sizeof(EndpointBlock):
            raise ImportError("tressi._core and tressi._wire were built from different sources: build both again")
        self.arena = arena
        self.kept_alive = []
        self.peers = set()
        self.free_numbers = []
        self.passing = {}
        self.flows = {}
        self.shared = {}
        self.body.header = arena.header
        opening.reactor_open(&self.body, self.descriptors)

    def __dealloc__(self):
        self.close()
        opening.reactor_free(&self.body)

    def close(self):
        """Close every connection and what else holds a file descriptor; the reactor is good for nothing afterwards."""
        cdef int64_t index
        cdef int32_t place
        for index in range(self.body.lane_count):
            if self.body.lanes[index] != NULL:
                control.lane_close(&self.body, self.body.lanes[index])
        control.channels_close(&self.body)
        closing.closings_end(&self.body.closings)
        for place in range(opening.DESCRIPTORS):
            if self.descriptors[place] >= 0:
                sockets.close_descriptor(self.descriptors[place])
                self.descriptors[place] = -1

    def fileno(self):
        """The epoll set: readable when a turn is due; -1 where there is none."""
        return self.body.epoll

    cdef int64_t known(self, int64_t number, int64_t count) except -1:
        if not 0 <= number < count:
            raise IndexError(f"number {number} of {count}")
        return number

    cdef build_request(self, Request* request, planned, bytes whole):
        request.target = self.body.origins[self.known(planned.dialer, self.body.origin_count)]
        build.build_request(request, planned, whole, self.values)
        request.number = 0 if request.form == NULL else -1

    def fill_from(self, Values values not None):
        """Have requests filled from these sources."""
        self.values = values

    def limit_attempts(self, int64_t[::1] counts not None, *, bint of_run):
        """Let no more attempts begin than are counted, of the run (`of_run`) and of each endpoint planned with a number.

        `counts` has that of the run, then one for each endpoint, and behind them as many numbers again that say whether more
        of each may come; all engines take from it. Called once, when all pools are there.
        """
        cdef int64_t index, half = self.body.endpoint_count + 1
        if self.body.run != NULL or counts.shape[0] != 2 * half:
            raise ValueError("attempts are counted of the run and of each endpoint, and that is said once")
        self.kept_alive.append(counts)
        for index in range(self.body.endpoint_count):
            if self.body.endpoints[index].counted:
                self.body.endpoints[index].left = &counts[index + 1]
                self.body.endpoints[index].more = &counts[half + index + 1]
        if not of_run:
            return
        self.body.run = <lanes.Run*> allocated(sizeof(lanes.Run))
        self.body.run.left = &counts[0]
        self.body.run.more = &counts[half]
        self.body.run.pools = self.body.pools
        self.body.run.pool_count = self.body.pool_count
        for index in range(self.body.pool_count):
            self.body.pools[index].run = self.body.run
            self.body.pools[index].limited = True

    def be_alone(self):
        """Let turns wait for the next start, in place of the hub: nothing else runs in this thread."""
        self.body.alone = HAS_EPOLL

    def decode_with(self, make not None):
        """Have bodies with a Content-Encoding that are looked at decoded by what `make(needle, codings)` returns.

        See `wire.packed`. Without it such a body is searched and kept as it comes.
        """
        self.kept_alive.append(make)
        self.body.decode = <PyObject*> make

    def keep_connections(self, int64_t requests=0, double age_s=0.0, double idle_s=0.0, int64_t seed=0):
        """Use a connection for so many requests, so many seconds, and not after a longer rest than that; 0 is no limit."""
        if self.body.kept == NULL:
            self.body.kept = <keeping.Kept*> allocated(sizeof(keeping.Kept))
        self.body.kept[0] = keeping.Kept(
            requests, <int64_t> (age_s * NS_PER_S), <int64_t> (idle_s * NS_PER_S), random_seeded(seed)
        )

    def add_origin(
        self, *, bint ordered=False, sources=(), bint by_proxy=False, TlsPeer tls=None, bint is_secure=False, protocol=None,
    ):
        """Add a place to connect to; returns its number.

        `ordered`: the lanes' greenlets make its connections, as a tunnel asks for. `sources` are addresses of our side, used
        one after the other. `by_proxy`: a connection that is not made is the proxy's fault, and the reason says so. `tls` is
        with whom the reactor speaks TLS there. `protocol` is None for HTTP/1.1, else ("h2c", "h2" or "auto", streams of a
        connection, connections of a pool or 0).
        """
        cdef int64_t number = self.body.origin_count
        cdef places.Origin* origin = <places.Origin*> allocated(sizeof(places.Origin))
        self.body.origins = <places.Origin**> one_more(self.body.origins, number, sizeof(places.Origin*))
        self.body.origins[number] = origin
        self.body.origin_count += 1
        if tls is not None:
            self.peers.add(tls)
            origin.tls = &tls.target
        origin.at = number
        origin.ordered = ordered
        origin.by_proxy = by_proxy
        origin.is_secure = is_secure
        if protocol is not None:
            name, origin.streams, origin.channels = protocol
            spoken = {"h2c": places.PRIOR_KNOWLEDGE, "h2": places.INSISTED, "auto": places.NEGOTIATED}
            origin.protocol = spoken[name]
        origin.patience_ns = addresses_tried.ATTEMPT_NS
        origin.sources = addresses_of(sources)
        origin.source_count = len(sources)
        return number

    def set_addresses(self, int64_t number, addresses not None):
        """Let the reactor connect to the origin by itself, to one of these after the other (none: it orders connections)."""
        cdef places.Origin* origin = self.body.origins[self.known(number, self.body.origin_count)]
        set_addresses(origin, addresses[:TRIED_AT_MOST])

    def add_endpoint(
        self, planned not None, *, bytes hung=None, bytes wanted=b"below 400", bytes lacking=None, judge=None,
        int32_t redirects=0, bytes too_many=None,
    ):
        """Add the arena's next endpoint as it is planned (`load.plan.PlannedEndpoint`); returns its number.

        In words: `hung` why a connection failed that took too long, `wanted` which statuses are successes, `lacking` why
        another body is a failure. `judge(body, body_bytes, codings)` says None of a body that is what it must be, or why it is
        not (see `wire.judge`). So many `redirects` of an attempt are followed, and `too_many` is why it fails at one
        more; "redirect" is then among the orders: call `send_on`, `send_once` or `refuse`.
        """
        cdef int64_t number = self.body.endpoint_count
        cdef lanes.Endpoint* endpoint = <lanes.Endpoint*> allocated(sizeof(lanes.Endpoint))
        self.body.endpoints = <lanes.Endpoint**> one_more(self.body.endpoints, number, sizeof(lanes.Endpoint*))
        self.body.endpoints[number] = endpoint
        self.body.endpoint_count += 1
        self.kept_alive += [hung, wanted, lacking, planned, judge, too_many]
        endpoint.block = self.arena.checked(number)
        endpoint.requests = <Request*> allocated(len(planned.requests) * sizeof(Request))
        for request in planned.requests:
            whole = whole_of(request.rendering)
            self.kept_alive.append(request.rendering if whole is None else whole)
            self.build_request(&endpoint.requests[endpoint.request_count], request, whole)
            endpoint.request_count += 1
        build.build_shares(endpoint, [request.rendering.weight for request in planned.requests], number)
        endpoint.counted = planned.attempts is not None
        endpoint.limited = planned.attempts is not None or planned.may_run_out
        endpoint.is_step = planned.is_step
        build.build_check(&endpoint.check, planned, wanted, lacking)
        if planned.has_further or planned.takes:
            build.build_further(&endpoint.check, planned, judge)
        build.build_times(endpoint, planned, hung)
        if redirects > 0:
            build.build_hops(endpoint, redirects, too_many)
        return number

    def add_pool(self, planned not None, const unsigned char[::1] block=None, int64_t first=0, int64_t of=1):
        """Add a pool as it is planned (`load.planned.PlannedPool`); returns its number.

        Its starts are dealt to its endpoints in turn, in an order that its seed decides. A pool that replays a log has that in
        `block`; of the `of` engines that share the log this is number `first`.
        """
        cdef int64_t number = self.body.pool_count
        cdef int64_t index
        cdef lanes.Pool* pool = <lanes.Pool*> allocated(sizeof(lanes.Pool))
        self.body.pools = <lanes.Pool**> one_more(self.body.pools, number, sizeof(lanes.Pool*))
        self.body.pools[number] = pool
        self.body.pool_count += 1
        self.body.schedule.heap = <lanes.Pool**> one_more(self.body.schedule.heap, number, sizeof(lanes.Pool*))
        pool.heap_at = -1
        pool.paced = planned.curve is not None
        build.build_schedule(pool, planned)
        pool.endpoints = <lanes.Endpoint**> allocated(len(planned.endpoints) * sizeof(lanes.Endpoint*))
        for index in planned.endpoints:
            pool.endpoints[pool.endpoint_count] = self.body.endpoints[self.known(index, self.body.endpoint_count)]
            pool.endpoints[pool.endpoint_count].pool = pool
            pool.limited = pool.limited or pool.endpoints[pool.endpoint_count].limited
            pool.endpoint_count += 1
        # Where lanes share connections to an origin, its number.
        self.shared[number] = tuple(
            other if self.body.origins[self.known(other, self.body.origin_count)].protocol != places.ONLY_HTTP_1 else None
            for other in planned.origins
        )
        if planned.flow is not None:
            self.add_flow(pool, planned.flow)
        if planned.replay is not None:
            self.kept_alive.append(block)
            build.build_replay(pool, planned.replay, block, first, of)
        else:
            build.pool_shuffle(pool, random_seeded(planned.seed))
        for index in range(pool.endpoint_count):
            pool.endpoints[index].block.target_rps = (
                bucket_rate(&pool.bucket, 0) / pool.endpoint_count if pool.paced else -1.0
            )
        return number

    cdef add_flow(self, lanes.Pool* pool, planned):
        """Have the pool's lanes walk a flow, whose own books are those of the pool's only endpoint."""
        cdef int32_t number
        pool.flow = build.build_flow(planned)
        self.flows[self.body.pool_count - 1] = planned
        for number in planned.steps:
            self.body.endpoints[self.known(number, self.body.endpoint_count)].pool = pool
            self.body.endpoints[number].block.target_rps = -1.0

    def limit_connections(self, double per_second, *, double phase=0.0):
        """Begin so many connections a second at most from now on, over all origins; a lane without a permit waits for it."""
        cdef Knot only
        if not 0 < per_second <= 1e9:
            raise ValueError(f"{per_second} connections per second: must be above 0, and 1e9 at most")
        if self.body.limits_connections:
            bucket_set_rate(&self.body.permits, per_second, monotonic_ns())
        else:
            # Before the start, which moves its schedule to its own time.
            only = Knot(0, per_second)
            if not bucket_init(&self.body.permits, &only, 1, 0, phase, lanes.BURST_NS, 0):
                raise MemoryError
            self.body.limits_connections = True
