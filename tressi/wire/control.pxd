"""What the control path asks of a reactor between two turns: lanes that come, connect and go, and the end of a run."""

from libc.stdint cimport int32_t, int64_t

from tressi.core.arena cimport CUT, ErrorKind
from tressi.core.bucket cimport Skipped, bucket_end, bucket_shift
from tressi.core.clock cimport never
from tressi.wire.account cimport account_failure, account_skipped
from tressi.wire.exchange cimport attempt_fail, lane_begin, lane_next, request_begin
from tressi.wire.lane cimport (
    CONNECTING, GONE, IDLE, IN_FLIGHT, Connection, Lane, Pool, lane_connection, pool_has_idle, stack_remove,
)
from tressi.wire.reactor cimport (
    Reactor, endpoint_schedule, lane_connect_ended, lane_leave, lane_rest, lane_take, pool_count_lanes, pool_settle,
)
from tressi.wire.schedule cimport schedule_update
from tressi.wire.socket cimport EPOLL_CTL_ADD, EPOLLIN, EPOLLRDHUP, close_descriptor, socket_stamp, socket_watch


cdef inline void lane_start(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The lane is there from now on; what was given up before is not for want of it."""
    pool_settle(lane.pool, never(), now_ns)
    pool_count_lanes(lane.pool, now_ns, 1)
    lane.virtual_free_ns = now_ns
    if not lane.pool.paced and lane_take(reactor, lane, now_ns):
        lane_begin(reactor, lane)
    else:
        lane_rest(reactor, lane, 0)


cdef inline void lane_retire(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """End the lane, now or with its attempt."""
    lane.leaving = 1
    if lane.state == IDLE:
        pool_settle(lane.pool, never(), now_ns)
        stack_remove(lane.pool, lane)
        lane_leave(reactor, lane, now_ns)
        schedule_update(&reactor.schedule, lane.pool)


cdef inline bint lane_attach(Reactor* reactor, Lane* lane, int32_t descriptor, int64_t connect_ns) noexcept nogil:
    """The socket that was ordered is connected; False: it cannot be watched."""
    cdef Connection* connection = lane_connection(lane)
    if socket_watch(reactor.epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN | EPOLLRDHUP, connection) < 0:
        close_descriptor(descriptor)
        return False
    socket_stamp(descriptor)
    connection.descriptor = descriptor
    connection.wants_writable = 0
    connection.served = 0
    lane.endpoint.block.connections_opened += 1
    lane_connect_ended(lane)
    # Connecting again for a second try is part of the service time, which counts from the first send.
    if lane.first_sent_ns == 0:
        lane.connect_ns = connect_ns
    request_begin(reactor, lane)
    return True


cdef inline void reactor_end(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """No more starts: what was due and not begun is given up."""
    cdef int64_t index, other
    cdef Skipped skipped
    cdef Pool* pool
    for index in range(reactor.pool_count):
        pool = reactor.pools[index]
        for other in range(pool.endpoint_count):
            endpoint_schedule(pool.endpoints[other], now_ns)
        if pool.paced and not pool.ended:
            bucket_end(&pool.bucket, now_ns, &skipped)
            account_skipped(pool, &skipped, 0 if pool_has_idle(pool) else never(), now_ns)
        pool.ended = 1
        schedule_update(&reactor.schedule, pool)


cdef inline void lane_fail_connecting(
    Reactor* reactor, Lane* lane, ErrorKind kind, bint has_age, int64_t now_ns
) noexcept nogil:
    lane_connect_ended(lane)
    account_failure(lane, kind, has_age, now_ns)
    lane_next(reactor, lane, now_ns - lane.taken_ns if has_age else -1, now_ns)


cdef inline void reactor_cut(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """End what is still in flight when the drain is over; it failed, and its age is known."""
    cdef int64_t index
    cdef Lane* lane
    for index in range(reactor.lane_count):
        lane = reactor.lanes[index]
        if lane != NULL and lane.state == IN_FLIGHT:
            attempt_fail(reactor, lane_connection(lane), CUT, True, now_ns)
        elif lane != NULL and lane.state == CONNECTING:
            lane_fail_connecting(reactor, lane, CUT, True, now_ns)
