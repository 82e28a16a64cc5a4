"""What the control path asks of a reactor between two turns: lanes that come and go, and the end of a run."""

from libc.stdint cimport int64_t

from tressi.core.bucket cimport Skipped, bucket_end
from tressi.core.clock cimport never
from tressi.wire.account cimport account_cut, account_skipped, account_stranded, sample_release
from tressi.wire.exchange cimport lane_next
from tressi.wire.lane cimport (
    CONNECTING, DIALING, IDLE, IN_FLIGHT, WAITING, Connection, Lane, Pool, lane_connection, pool_has_idle, queue_remove,
    stack_remove,
)
from tressi.wire.permit cimport permit_abandon, waiting_remove
from tressi.wire.reactor cimport (
    Reactor, connection_close, endpoint_schedule, lane_connect_ended, lane_leave, lane_rest, lane_take, pool_count_lanes,
    pool_settle,
)
from tressi.wire.schedule cimport schedule_update


cdef inline void lane_start(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The lane is there from now on; what was given up before is not for want of it."""
    pool_settle(lane.pool, never(), now_ns)
    pool_count_lanes(lane.pool, now_ns, 1)
    lane.virtual_free_ns = now_ns
    lane.free_ns = now_ns
    if lane.pool.paced or not lane_take(reactor, lane, now_ns):
        lane_rest(reactor, lane, 0)


cdef inline void lane_retire(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """End the lane, now or with its attempt."""
    lane.leaving = 1
    if lane.state == WAITING and permit_abandon(reactor, lane, now_ns):
        lane_leave(reactor, lane, now_ns)
    elif lane.state == IDLE:
        pool_settle(lane.pool, never(), now_ns)
        stack_remove(lane.pool, lane)
        lane_leave(reactor, lane, now_ns)
        schedule_update(&reactor.schedule, lane.pool)


cdef inline void reactor_end(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """No more starts: what was due and not begun is given up, also by lanes that still wait to connect."""
    cdef int64_t index, other
    cdef Lane* lane = reactor.first_waiting
    cdef Lane* following
    cdef Skipped skipped
    cdef Pool* pool
    while lane != NULL:
        following = lane.below
        if permit_abandon(reactor, lane, now_ns):
            lane_rest(reactor, lane, now_ns)
        lane = following
    for index in range(reactor.pool_count):
        pool = reactor.pools[index]
        for other in range(pool.endpoint_count):
            endpoint_schedule(pool.endpoints[other], now_ns)
        if pool.paced and not pool.ended:
            bucket_end(&pool.bucket, now_ns, &skipped)
            account_skipped(pool, &skipped, 0 if pool_has_idle(pool) else never(), now_ns)
        account_stranded(pool, now_ns)
        pool.ended = 1
        schedule_update(&reactor.schedule, pool)


cdef inline void lane_cut(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """End the lane's attempt, whose connection may be in the middle of a message."""
    cdef Connection* connection = lane_connection(lane)
    if lane.state == IN_FLIGHT or lane.state == DIALING:
        sample_release(connection)
        queue_remove(connection)
        connection_close(reactor, connection)
    else:
        if lane.state == WAITING:
            waiting_remove(reactor, lane)
        lane_connect_ended(reactor, lane)
    account_cut(lane, now_ns)
    lane_next(reactor, lane, now_ns)


cdef inline void reactor_cut(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """End what is still in flight when the graceful stop is over."""
    cdef int64_t index
    cdef Lane* lane
    for index in range(reactor.lane_count):
        lane = reactor.lanes[index]
        if lane != NULL and lane.state in (WAITING, DIALING, CONNECTING, IN_FLIGHT):
            lane_cut(reactor, lane, now_ns)
