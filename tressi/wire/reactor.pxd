"""What one engine's reactor holds, and how lanes report to their greenlets."""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint64_t

from tressi.core.arena cimport Header, write_begin, write_end
from tressi.core.bucket cimport GRANTED, Bucket, Skipped, bucket_position, bucket_rate, bucket_settle, bucket_take
from tressi.core.random cimport random_next
from tressi.core.window cimport window_set_lanes
from tressi.wire.allowance cimport (
    TAKEN_LAST, TAKEN_NONE, TAKEN_NOT_YET, TAKEN_ONE, Taken, allowance_give, allowance_is_used, allowance_take,
)
from tressi.wire.channels cimport channel_ended, link_is_channel
from tressi.wire.close cimport Closings, descriptor_end
from tressi.wire.given_up cimport account_skipped
from tressi.wire.kept cimport Kept
from tressi.wire.lane cimport (
    ATTEMPTS_USED, GONE, IDLE, READY, ROWS_USED, STOP, Channel, Channels, Endpoint, Lane, Order, Over, Pool, Run,
    lane_is_connected, pool_has_idle, stack_push,
)
from tressi.wire.link cimport Buffers, Link
from tressi.wire.origin cimport Origin
from tressi.wire.render cimport Filling, form_draw, form_is_spent
from tressi.wire.replay cimport replay_ask, replay_rate
from tressi.wire.request cimport Request
from tressi.wire.schedule cimport Schedule, schedule_update
from tressi.wire.socket cimport thread_times
from tressi.wire.thinking cimport Thinking
from tressi.wire.tls cimport tls_end

cdef struct Reactor:
    Header* header
    int32_t epoll
    int32_t timer
    int32_t schedstat              # /proc/thread-self/schedstat, or -1
    int32_t to_self                # a connection with itself, or -1
    int64_t cpu_base_ns            # what it said when the reactor was made
    int64_t queue_base_ns
    int64_t rested_ns              # when it had nothing more to do
    int64_t armed_ns               # what the timer is set to; 0: it has fired
    int64_t next_deadline_ns       # no request in flight has an earlier one
    int64_t connecting             # lanes that wait for a permit to connect, or whose greenlets connect
    bint alone                     # nothing else runs in its thread
    Origin** origins
    int64_t origin_count
    int64_t slot_ns                # when the windows' next slot begins
    int64_t stop_ns                # when the schedules end
    int64_t lease_ns               # from when on nothing is sent any more, see lease.pxd
    int64_t offset_ns              # realtime + offset = monotonic, of this batch
    Schedule schedule
    Thinking thinking              # lanes that pause between two steps of a flow
    Endpoint** endpoints
    int64_t endpoint_count
    Pool** pools
    int64_t pool_count
    Run* run                       # where all attempts of the run are limited, or NULL
    Lane** lanes                   # by number; NULL where the number is free
    int64_t lane_count
    Lane** ordered                 # lanes whose greenlets are to be woken
    int64_t ordered_count
    Lane* first_ready              # in the order in which they took their tokens
    Lane* last_ready
    Channel* first_due             # with something to send, or to end
    int64_t batch_ns               # when the lanes that are ready began to begin
    Bucket permits                 # when the next connection may be begun
    Lane* first_waiting            # for a permit, in the order of asking
    Lane* last_waiting
    bint limits_connections        # permits are needed at all
    Closings closings              # connections that their lanes are through with
    bint keeps_gil                 # a link's TLS is an object of Python's
    Buffers buffers
    PyObject* decode               # makes what decodes a body, or NULL
    Kept* kept                     # for how long connections are used, or NULL: while they last


cdef inline void reactor_cpu(Reactor* reactor) noexcept nogil:
    """Publish the thread's CPU time, and how long it was ready and another had the core (the kernel's sched-stats.rst)."""
    cdef int64_t cpu_ns, queue_ns
    if thread_times(reactor.schedstat, &cpu_ns, &queue_ns) == 0:
        reactor.header.cpu_ns = cpu_ns - reactor.cpu_base_ns
        reactor.header.run_queue_ns = queue_ns - reactor.queue_base_ns


cdef inline void order_push(Reactor* reactor, Lane* lane, Order order) noexcept nogil:
    """Tell the lane's greenlet; a later order replaces one that was not heard yet."""
    lane.order = order
    if not lane.ordered:
        lane.ordered = 1
        reactor.ordered[reactor.ordered_count] = lane
        reactor.ordered_count += 1


cdef inline void link_close(Reactor* reactor, Link* link, bint waits=False) noexcept nogil:
    """End the connection; `waits`: it has served, and the server is expected to close first."""
    cdef int32_t descriptor = link.descriptor
    if link.tls != NULL:
        tls_end(link)
    link.descriptor = -1
    if descriptor >= 0:
        descriptor_end(&reactor.closings, descriptor, waits)
    if link_is_channel(link):
        channel_ended(<Channel*> link.channel)


cdef inline void channel_due(Reactor* reactor, Channel* channel) noexcept nogil:
    """Have the channel send what it has, or end, once the lanes that are ready have begun."""
    if not channel.is_due:
        channel.is_due = 1
        channel.later_due = reactor.first_due
        reactor.first_due = channel


cdef inline void pool_count_lanes(Pool* pool, int64_t now_ns, int64_t change) noexcept nogil:
    cdef int64_t index
    pool.lanes += change
    for index in range(pool.endpoint_count):
        window_set_lanes(&pool.endpoints[index].block.window, now_ns, pool.lanes)


cdef inline void endpoint_schedule(Endpoint* endpoint, int64_t now_ns) noexcept nogil:
    """Publish the rate asked of the endpoint, and its integral since the start: its pool's, evenly shared, or the log's."""
    cdef Pool* pool = endpoint.pool
    if pool.replay != NULL and not pool.ended:
        replay_ask(pool, now_ns)
        endpoint.block.target_rps = replay_rate(endpoint, min(now_ns, pool.bucket.stop_ns))
        endpoint.block.scheduled = <double> endpoint.asked.count
        endpoint.block.scheduled_ns = min(now_ns, pool.bucket.stop_ns) - endpoint.block.window.start_ns
    elif pool.paced and not pool.ended and not endpoint.over and not endpoint.is_step:
        endpoint.block.target_rps = bucket_rate(&pool.bucket, now_ns) / pool.endpoint_count
        endpoint.block.scheduled = bucket_position(&pool.bucket, now_ns) / pool.endpoint_count
        endpoint.block.scheduled_ns = min(now_ns, pool.bucket.stop_ns) - endpoint.block.window.start_ns


cdef inline void pool_settle(Pool* pool, int64_t free_ns, int64_t now_ns) noexcept nogil:
    """Count what was given up; `free_ns` is when the next lane to ask came free."""
    cdef Skipped skipped
    if pool.paced and not pool.ended:
        bucket_settle(&pool.bucket, now_ns, &skipped)
        account_skipped(pool, &skipped, 0 if pool_has_idle(pool) else free_ns, now_ns)


cdef inline bint reactor_is_over(const Reactor* reactor) noexcept nogil:
    """Whether every endpoint has begun its last attempt, and every attempt has ended."""
    cdef int64_t index
    for index in range(reactor.pool_count):
        if not (reactor.pools[index].limited and reactor.pools[index].ended):
            return False
    for index in range(reactor.lane_count):
        if reactor.lanes[index] != NULL and reactor.lanes[index].state not in (IDLE, GONE):
            return False
    return True


cdef inline void reactor_note_over(Reactor* reactor) noexcept nogil:
    """Note when it was through, if it is: when its last lane came to rest."""
    cdef int64_t index, last_ns = reactor.header.start_ns
    if reactor.header.over_ns != 0 or not reactor_is_over(reactor):
        return
    for index in range(reactor.lane_count):
        if reactor.lanes[index] != NULL:
            last_ns = max(last_ns, reactor.lanes[index].idle_since_ns)
    reactor.header.over_ns = last_ns


cdef inline void lane_rest(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """Nothing is due: wait on the pool's stack."""
    lane.state = IDLE
    lane.idle_since_ns = now_ns
    stack_push(lane.pool, lane, lane_is_connected(lane))
    schedule_update(&reactor.schedule, lane.pool)
    if lane.pool.limited and lane.pool.ended:
        reactor_note_over(reactor)


cdef inline void links_close(Reactor* reactor, Lane* lane) noexcept nogil:
    """Close all connections of a lane."""
    cdef int32_t index
    cdef Link* link = lane.hop_links
    for index in range(lane.link_count):
        link_close(reactor, &lane.links[index])
    while link != NULL:
        link_close(reactor, link)
        link = link.later


cdef inline void lane_leave(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The lane is retired and has nothing in flight."""
    cdef Channels* channels = lane.pool.channels
    links_close(reactor, lane)
    lane.state = GONE
    pool_count_lanes(lane.pool, now_ns, -1)
    while channels != NULL:
        # There may be more connections now than the lanes need.
        if channels.free != NULL:
            channel_due(reactor, channels.free)
        channels = channels.next
    order_push(reactor, lane, STOP)


cdef inline void lane_connect_begun(Reactor* reactor, Lane* lane) noexcept nogil:
    """From now on its attempt is one that has no connection yet."""
    reactor.connecting += 1
    lane.endpoint.connecting += 1
    lane.endpoint.connecting_since_ns += lane.taken_ns


cdef inline void lane_connect_ended(Reactor* reactor, Lane* lane) noexcept nogil:
    reactor.connecting -= 1
    lane.endpoint.connecting -= 1
    lane.endpoint.connecting_since_ns -= lane.taken_ns


cdef inline void ready_push(Reactor* reactor, Lane* lane) noexcept nogil:
    lane.state = READY
    lane.below = NULL
    if reactor.last_ready != NULL:
        reactor.last_ready.below = lane
    else:
        reactor.first_ready = lane
    reactor.last_ready = lane


cdef inline Lane* ready_pop(Reactor* reactor) noexcept nogil:
    """The next lane that has its token; the one place from which requests begin, so that none begins within another."""
    cdef Lane* lane = reactor.first_ready
    if lane != NULL:
        reactor.first_ready = lane.below
        if lane.below == NULL:
            reactor.last_ready = NULL
    return lane


cdef inline bint pool_is_over(const Pool* pool, int64_t now_ns) noexcept nogil:
    """No more starts; a pool that is not paced has no schedule that ends by itself, however late that moment is noticed."""
    return pool.ended or (not pool.paced and now_ns >= pool.bucket.stop_ns)


cdef inline Request* request_of(Endpoint* endpoint) noexcept nogil:
    """The request of the next attempt: the only one, or one by chance, each by its share."""
    cdef int32_t index = 0
    cdef uint64_t random
    if endpoint.request_count > 1:
        random = random_next(&endpoint.random)
        while random > endpoint.requests[index].until:
            index += 1
    return &endpoint.requests[index]


cdef inline void endpoint_finish(Pool* pool, Endpoint* endpoint, Over why, int64_t now_ns) noexcept nogil:
    """The endpoint begins no more attempts; with its last endpoint its pool is over, too."""
    cdef int64_t index
    if endpoint.over:
        return
    write_begin(&endpoint.block.sequence)
    endpoint_schedule(endpoint, now_ns)
    endpoint.block.over = why
    if pool.paced:
        endpoint.block.target_rps = 0.0
    write_end(&endpoint.block.sequence)
    endpoint.over = 1
    for index in range(pool.endpoint_count):
        if not pool.endpoints[index].over:
            return
    pool.ended = 1


cdef inline void run_finish(Run* run, int64_t now_ns) noexcept nogil:
    """All attempts that the run may make have begun."""
    cdef int64_t index, other
    for index in range(run.pool_count):
        for other in range(run.pools[index].endpoint_count):
            endpoint_finish(run.pools[index], run.pools[index].endpoints[other], ATTEMPTS_USED, now_ns)


cdef inline bint attempt_takes(Pool* pool, Endpoint* endpoint, int64_t now_ns) noexcept nogil:
    """Whether an attempt is left to the endpoint and to the run: the last is taken by one of all engines.

    Where more may come nothing is over, and what was taken for nothing is given back.
    """
    cdef Taken own = TAKEN_ONE, whole = TAKEN_ONE
    if endpoint.left != NULL:
        own = allowance_take(endpoint.left, endpoint.more)
    if pool.run != NULL and (own == TAKEN_ONE or own == TAKEN_LAST):
        whole = allowance_take(pool.run.left, pool.run.more)
        if whole == TAKEN_NOT_YET:
            if endpoint.left != NULL:
                allowance_give(endpoint.left, 1)
            return False
    if own == TAKEN_NONE or own == TAKEN_LAST:
        endpoint_finish(pool, endpoint, ATTEMPTS_USED, now_ns)
    if whole == TAKEN_NONE or whole == TAKEN_LAST:
        run_finish(pool.run, now_ns)
    return (own == TAKEN_ONE or own == TAKEN_LAST) and whole != TAKEN_NONE


cdef inline void reactor_notice_over(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """Finish what other engines have taken the last attempts of: here perhaps no lane asks for one any more."""
    cdef int64_t index
    cdef Endpoint* endpoint
    for index in range(reactor.endpoint_count):
        endpoint = reactor.endpoints[index]
        if endpoint.left != NULL and not endpoint.over and allowance_is_used(endpoint.left, endpoint.more):
            endpoint_finish(endpoint.pool, endpoint, ATTEMPTS_USED, now_ns)
    if reactor.run != NULL and allowance_is_used(reactor.run.left, reactor.run.more):
        run_finish(reactor.run, now_ns)
    reactor_note_over(reactor)
