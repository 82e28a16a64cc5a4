"""What the control path asks of a reactor between two turns: lanes that come and go, and the end of a run."""

from libc.stdint cimport int32_t, int64_t

from tressi.core.bucket cimport Knot, Skipped, bucket_hold, bucket_release, bucket_stop_at
from tressi.core.rates cimport bucket_end, bucket_follow, bucket_init
from tressi.core.clock cimport never
from tressi.wire.account cimport account_cut
from tressi.wire.ending cimport exchange_end
from tressi.wire.follow cimport lane_next
from tressi.wire.given_up cimport account_skipped, account_stranded
from tressi.wire.lane cimport (
    BURST_NS, CLOSE, CONNECTING, DIALING, IDLE, IN_FLIGHT, JOINING, THINKING, WAITING, Channel, Channels, Lane, Pool,
    pool_has_idle, stack_remove,
)
from tressi.wire.packed cimport packed_drop
from tressi.wire.permit cimport permit_abandon, waiting_remove
from tressi.wire.place cimport join_abandon, join_end, place_release
from tressi.wire.reactor cimport (
    Reactor, endpoint_schedule, lane_connect_ended, lane_leave, lane_rest, link_close, links_close, pool_count_lanes,
    pool_settle,
)
from tressi.wire.replay cimport replay_ask
from tressi.wire.schedule cimport schedule_update
from tressi.wire.start cimport lane_take
from tressi.wire.thinking cimport thinking_remove
from tressi.wire.walk cimport walk_cut, walk_ends


cdef inline int64_t reactor_occupied(const Reactor* reactor) noexcept nogil:
    """How many lanes have an attempt under way, or pause within a flow."""
    cdef int64_t index, count = reactor.thinking.size
    for index in range(reactor.endpoint_count):
        count += reactor.endpoints[index].block.window.occupied
    return count


cdef inline void lane_start(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The lane is there from now on; the starts given up before are not charged to it."""
    pool_settle(lane.pool, never(), now_ns)
    pool_count_lanes(lane.pool, now_ns, 1)
    lane.virtual_free_ns = now_ns
    lane.free_ns = now_ns
    if lane.pool.paced or not lane_take(reactor, lane, now_ns):
        lane_rest(reactor, lane, 0)


cdef inline void lane_close(Reactor* reactor, Lane* lane) noexcept nogil:
    """Close its connections, whatever it is doing: the reactor is at its end."""
    if lane.exchange.response.packed != NULL:
        packed_drop(&lane.exchange.response)
    links_close(reactor, lane)


cdef inline void lane_retire(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """End the lane, now or with its attempt."""
    lane.leaving = 1
    if lane.state == WAITING and lane.walk == NULL and permit_abandon(reactor, lane, now_ns):
        lane_leave(reactor, lane, now_ns)
    elif lane.state == JOINING and lane.walk == NULL and join_abandon(lane, now_ns):
        lane_leave(reactor, lane, now_ns)
    elif lane.state == IDLE:
        pool_settle(lane.pool, never(), now_ns)
        stack_remove(lane.pool, lane)
        if lane.walk == NULL or not walk_ends(reactor, lane, now_ns):
            lane_leave(reactor, lane, now_ns)
        schedule_update(&reactor.schedule, lane.pool)


cdef inline bint pool_pace(
    Reactor* reactor, Pool* pool, const Knot* knots, int32_t count, int64_t now_ns
) noexcept nogil:
    """From now on follow another curve, which counts from the run's start. False: there is no memory."""
    cdef int64_t stop_ns, origin_ns = reactor.header.start_ns
    cdef Knot nothing = Knot(0, 0.0)
    if not pool.paced:
        # It ran as fast as responses came; its schedule begins now.
        stop_ns = pool.bucket.stop_ns
        if not bucket_init(&pool.bucket, &nothing, 1, now_ns, 0.0, BURST_NS, pool.bucket.random):
            return False
        bucket_stop_at(&pool.bucket, stop_ns)
        pool.paced = True
    if not bucket_follow(&pool.bucket, knots, count, origin_ns, now_ns):
        return False
    schedule_update(&reactor.schedule, pool)
    return True


cdef inline void pool_unpace(Reactor* reactor, Pool* pool) noexcept nogil:
    """Let the pool run as fast as responses come back; its idle lanes begin at the next turn."""
    cdef int64_t index
    pool.paced = False
    schedule_update(&reactor.schedule, pool)
    for index in range(pool.endpoint_count):
        pool.endpoints[index].block.target_rps = -1.0


cdef inline void pool_hold(Reactor* reactor, Pool* pool, bint hold, int64_t now_ns) noexcept nogil:
    """Have no more starts of the log that the pool replays, or (`hold` false) go on with what it has from now on."""
    cdef Skipped skipped
    pool_settle(pool, never(), now_ns)
    replay_ask(pool, now_ns)
    if hold:
        bucket_hold(&pool.bucket, now_ns)
    else:
        bucket_release(&pool.bucket, now_ns, &skipped)
        account_skipped(pool, &skipped, 0 if pool_has_idle(pool) else never(), now_ns)
        # The entries of the pause were asked of nobody.
        pool.dealt = <int64_t> pool.bucket.next
        pool.replay.counted = max(pool.replay.counted, pool.dealt)
    schedule_update(&reactor.schedule, pool)


cdef inline void reactor_end(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """No more starts: what was due and not begun is given up, also by lanes that still wait to connect."""
    cdef int64_t index, other
    cdef Lane* lane = reactor.first_waiting
    cdef Lane* following
    cdef Skipped skipped
    cdef Pool* pool
    while lane != NULL:
        following = lane.below
        # A user of a flow goes on to its end.
        if lane.walk == NULL and permit_abandon(reactor, lane, now_ns):
            lane_rest(reactor, lane, now_ns)
        lane = following
    for index in range(reactor.pool_count):
        pool = reactor.pools[index]
        joins_end(reactor, pool, now_ns)
        for other in range(pool.endpoint_count):
            endpoint_schedule(pool.endpoints[other], now_ns)
        if pool.paced and not pool.ended:
            bucket_end(&pool.bucket, now_ns, &skipped)
            account_skipped(pool, &skipped, 0 if pool_has_idle(pool) else never(), now_ns)
        account_stranded(pool, now_ns)
        pool.ended = 1
        schedule_update(&reactor.schedule, pool)
    for index in range(reactor.lane_count):
        lane = reactor.lanes[index]
        if lane != NULL and lane.walk != NULL and lane.state == IDLE:
            users_end(reactor, lane, now_ns)


cdef inline void joins_end(Reactor* reactor, Pool* pool, int64_t now_ns) noexcept nogil:
    """Lanes that wait for a place begin no more, except users of flows, who go on to their end."""
    cdef Channels* channels = pool.channels
    cdef Lane* lane
    cdef Lane* following
    while channels != NULL:
        lane = channels.first_waiting
        while lane != NULL:
            following = lane.below
            if lane.walk == NULL and join_abandon(lane, now_ns):
                lane_rest(reactor, lane, now_ns)
            lane = following
        channels = channels.next


cdef inline void channels_close(Reactor* reactor) noexcept nogil:
    """Close the connections that lanes share: the reactor is at its end."""
    cdef int64_t index
    cdef Channels* channels
    cdef Channel* channel
    for index in range(reactor.pool_count):
        channels = reactor.pools[index].channels
        while channels != NULL:
            channel = channels.first
            while channel != NULL:
                link_close(reactor, &channel.link)
                channel = channel.next
            channels = channels.next
    reactor.first_due = NULL


cdef inline void users_end(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The run is over for a user who waits for a start: he does what he has to do before he leaves."""
    stack_remove(lane.pool, lane)
    if not walk_ends(reactor, lane, now_ns):
        lane_rest(reactor, lane, lane.idle_since_ns)


cdef inline void lane_cut(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """End the lane's attempt, whose connection may be in the middle of a message."""
    if lane.state == THINKING:
        thinking_remove(&reactor.thinking, lane)
        walk_cut(reactor, lane, now_ns)
        return
    if lane.state == IN_FLIGHT or lane.state == DIALING:
        exchange_end(reactor, lane, CLOSE)
    elif lane.state == JOINING:
        join_end(lane, now_ns)
    else:
        if lane.state == WAITING:
            waiting_remove(reactor, lane)
        lane_connect_ended(reactor, lane)
        place_release(reactor, lane, now_ns)
    account_cut(lane, now_ns)
    if lane.walk != NULL:
        walk_cut(reactor, lane, now_ns)
    else:
        lane_next(reactor, lane, now_ns)


cdef inline void reactor_cut(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """End what is still in flight when the graceful stop is over."""
    cdef int64_t index
    cdef Lane* lane
    for index in range(reactor.lane_count):
        lane = reactor.lanes[index]
        if lane != NULL and lane.state in (WAITING, DIALING, CONNECTING, JOINING, IN_FLIGHT, THINKING):
            lane_cut(reactor, lane, now_ns)
