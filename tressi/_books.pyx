"""The accounting of one pool, driven by times that the caller gives: the very functions that the reactor calls, without it.

A run's rules of who is charged for what can so be tested against theory, over hours, in no time.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from array import array

from tressi._core cimport Arena
from tressi.core.bucket cimport Knot, Skipped, bucket_free, bucket_replay, bucket_stop_at
from tressi.core.rates cimport bucket_end, bucket_init
from tressi.core.clock cimport never
from tressi.core.window cimport window_init
from tressi.wire cimport account as accounts
from tressi.wire cimport given_up
from tressi.wire cimport reactor as reactors
from tressi.wire cimport start as starting
from tressi.wire.lane cimport BURST_NS, IDLE, IN_FLIGHT, Endpoint, Exchange, Lane, Pool, Replay, stack_push, stack_remove
from tressi.wire.link cimport Link
from tressi.wire.request cimport Request

cdef class PoolBooks:
    """The books of a pool of `lanes` lanes that serve the arena's endpoints at `rate` for `duration_ns`, with room for `most`.

    Times are nanoseconds of one clock, which begins at 0.

    A lane is its number. `take` begins its next attempt, `answer`, `fail` or `cut` ends it; `settle` has to be called while
    time passes, as the reactor does every 100 ms, and `end` once the schedule is over.
    """

    cdef Arena arena
    cdef Pool pool
    cdef Endpoint* endpoints
    cdef Endpoint** members
    cdef Lane* lanes
    cdef Link* links
    cdef Request request           # that all endpoints send
    cdef int64_t count             # of lanes
    cdef int64_t room              # for so many
    cdef Replay replayed
    cdef object log                # whose memory it reads
    cdef int32_t[::1] firsts

    def __cinit__(
        self, Arena arena not None, double rate, int64_t lanes, *, int64_t duration_ns, int64_t most=0,
    ):
        cdef int64_t index, endpoints = arena.header.endpoints, room = max(lanes, most)
        cdef Knot only = Knot(0, rate)
        self.arena = arena
        self.room = room
        self.endpoints = <Endpoint*> calloc(endpoints, sizeof(Endpoint))
        self.members = <Endpoint**> calloc(endpoints, sizeof(Endpoint*))
        self.lanes = <Lane*> calloc(max(room, <int64_t> 1), sizeof(Lane))
        self.links = <Link*> calloc(max(room, <int64_t> 1), sizeof(Link))
        if self.endpoints == NULL or self.members == NULL or self.lanes == NULL or self.links == NULL:
            raise MemoryError
        memset(&self.pool, 0, sizeof(Pool))
        memset(&self.request, 0, sizeof(Request))
        if not bucket_init(&self.pool.bucket, &only, 1, 0, 0.0, BURST_NS, 0):
            raise MemoryError
        bucket_stop_at(&self.pool.bucket, duration_ns)
        self.pool.paced = True
        self.pool.endpoints = self.members
        self.pool.endpoint_count = endpoints
        for index in range(endpoints):
            self.members[index] = &self.endpoints[index]
            self.endpoints[index].block = arena.checked(index)
            self.endpoints[index].pool = &self.pool
            self.endpoints[index].requests = &self.request
            self.endpoints[index].request_count = 1
            self.endpoints[index].left = NULL
            memset(self.endpoints[index].check.successes, 1, sizeof(self.endpoints[index].check.successes))
            window_init(&self.endpoints[index].block.window, 0)
        for _ in range(lanes):
            self.add_lane(0)

    def __dealloc__(self):
        bucket_free(&self.pool.bucket)
        free(self.endpoints)
        free(self.members)
        free(self.lanes)
        free(self.links)

    def replay(self, const int64_t[::1] times not None, const int32_t[::1] numbers not None, firsts not None):
        """Have the entries of a log as the pool's starts, before the first one is taken: when each is due, and its request."""
        if len(times) != len(numbers) or len(times) == 0 or len(firsts) != self.pool.endpoint_count:
            raise ValueError(f"{len(times)} times, {len(numbers)} numbers, {len(firsts)} endpoints")
        self.log = (times, numbers)
        self.firsts = array("i", firsts)
        self.replayed.numbers = &numbers[0]
        self.replayed.firsts = &self.firsts[0]
        self.replayed.counted = 0
        self.pool.replay = &self.replayed
        bucket_replay(&self.pool.bucket, &times[0], len(times), 0, 0, 1, 0)

    def schedule(self, int64_t now_ns):
        """Publish what was asked of each endpoint up to now, as the reactor does every 100 ms."""
        cdef int64_t index
        for index in range(self.pool.endpoint_count):
            reactors.endpoint_schedule(self.members[index], now_ns)

    def add_lane(self, int64_t now_ns):
        """The pool has another lane, idle, from `now_ns` on; returns its number. Starts given up before were not its fault."""
        cdef int64_t number = self.count
        cdef Lane* lane = &self.lanes[number]
        if number == self.room:
            raise ValueError(f"the pool has room for {self.room} lanes")
        reactors.pool_settle(&self.pool, never(), now_ns)
        self.count += 1
        lane.pool = &self.pool
        lane.links = &self.links[number]
        lane.link_count = 1
        lane.virtual_free_ns = lane.free_ns = now_ns
        self.links[number].owner = lane
        lane.state = IDLE
        stack_push(&self.pool, lane, False)
        return number

    cdef Lane* lane(self, int64_t number, int32_t state) except NULL:
        if not 0 <= number < self.count or self.lanes[number].state != state:
            raise ValueError(f"lane {number} is not {'idle' if state == IDLE else 'under way'}")
        return &self.lanes[number]

    def settle(self, int64_t now_ns):
        """Give up the starts that are too old by now."""
        reactors.pool_settle(&self.pool, never(), now_ns)

    def due_ns(self):
        """When the next start is due."""
        return self.pool.bucket.due_ns

    def take(self, int64_t number, int64_t now_ns):
        """Have the idle lane take the next start, and send its request at once; False: none is due."""
        cdef Lane* lane = self.lane(number, IDLE)
        stack_remove(&self.pool, lane)
        if not starting.lane_granted(lane, now_ns):
            stack_push(&self.pool, lane, False)
            return False
        lane.state = IN_FLIGHT
        accounts.account_sent(self.arena.header, lane, now_ns)
        return True

    def answer(self, int64_t number, int64_t now_ns, *, int32_t status=200, int64_t connect_ns=0):
        """The response of the lane's request came at `now_ns`; connecting took `connect_ns` of the time since it was taken."""
        cdef Lane* lane = self.lane(number, IN_FLIGHT)
        cdef Exchange* exchange = &lane.exchange
        lane.connect_ns = connect_ns
        lane.first_sent_ns = lane.taken_ns + connect_ns
        exchange.sent_ns = lane.first_sent_ns
        exchange.reads = exchange.sends = exchange.own_delay_ns = 0
        exchange.response.status = status
        accounts.account_read(exchange, now_ns, now_ns)
        accounts.account_response(self.arena.header, lane, now_ns)
        self.rest(lane, now_ns)

    def fail(self, int64_t number, int64_t now_ns, *, int kind, bint waited):
        """The attempt ended without a response, for a reason of that `kind` (a position in ERROR_KINDS)."""
        cdef Lane* lane = self.lane(number, IN_FLIGHT)
        accounts.account_failure(lane, <accounts.ErrorKind> kind, NULL, waited, now_ns)
        self.rest(lane, now_ns)

    def cut(self, int64_t number, int64_t now_ns):
        """The attempt was still under way when the graceful stop was over."""
        cdef Lane* lane = self.lane(number, IN_FLIGHT)
        accounts.account_cut(lane, now_ns)
        self.rest(lane, now_ns)

    cdef void rest(self, Lane* lane, int64_t now_ns) noexcept:
        """As `lane_next` does before a lane asks for the next start."""
        reactors.pool_settle(&self.pool, lane.free_ns, now_ns)
        lane.state = IDLE
        stack_push(&self.pool, lane, False)

    def end(self, int64_t now_ns):
        """The schedule is over: what was due and not taken is given up."""
        cdef Skipped skipped
        cdef bint has_idle = self.pool.warm != NULL or self.pool.cold != NULL
        bucket_end(&self.pool.bucket, now_ns, &skipped)
        given_up.account_skipped(&self.pool, &skipped, 0 if has_idle else never(), now_ns)
        given_up.account_stranded(&self.pool, now_ns)
        self.pool.ended = 1
