"""The loop: one turn of it does everything that is ready or due, for about a millisecond, without the GIL."""

from libc.stdint cimport int64_t

from tressi.core.arena cimport TIMEOUT, write_begin, write_end
from tressi.core.clock cimport NS_PER_MS, NS_PER_US, monotonic_ns, never, realtime_ns
from tressi.core.window cimport (
    SLOT_NS, Window, WindowSums, window_attempts, window_boundary_ns, window_read, window_close_slot,
)
from tressi.wire.close cimport TAG, closing_event, closings_expire
from tressi.wire.dial cimport dial_event, dial_hung, dial_unanswered, lane_begin
from tressi.wire.ending cimport attempt_overdue
from tressi.wire.exchange cimport exchange_read, exchange_send, exchange_unanswered
from tressi.wire.lane cimport (
    DIALING, IDLE, IN_FLIGHT, Channel, Endpoint, Lane, Pool, Queue, link_lane, pool_has_idle, stack_remove,
)
from tressi.wire.lease cimport lease_end
from tressi.wire.link cimport Link
from tressi.wire.permit cimport permit_due_ns, reactor_permit
from tressi.wire.reactor cimport (
    Reactor, channel_due, endpoint_schedule, lane_rest, link_close, pool_is_over, pool_settle, reactor_cpu,
    reactor_notice_over, ready_pop,
)
from tressi.wire.schedule cimport schedule_due_ns, schedule_update
from tressi.wire.socket cimport EAGAIN, EPOLLOUT, epoll_event, epoll_wait, socket_rehearse, timer_arm
from tressi.wire.start cimport lane_take
from tressi.wire.streams cimport channel_read, channels_settle
from tressi.wire.thinking cimport thinking_due_ns
from tressi.wire.tls cimport link_answer
from tressi.wire.walk cimport flow_count_older, walk_wake

# What a turn does next.
cdef enum Then:
    LEAVE
    LOOK                           # another round for what is there
    WAIT                           # another round, when something comes

cdef struct Round:
    int64_t ready                  # events that came
    int64_t begun                  # requests
    int64_t spent_ns               # on all of it, the wait included

cdef extern from "Python.h":
    ctypedef struct PyThreadState:
        pass
    PyThreadState* PyEval_SaveThread() noexcept nogil
    void PyEval_RestoreThread(PyThreadState* thread) noexcept nogil

cdef enum:
    EVENTS = 512
    TURN_NS = NS_PER_MS
    ALONE_NS = 10 * NS_PER_MS      # where only the engine's own orders wait meanwhile
    BATCH_NS = 60000               # about what a response takes over loopback
    COLD_NS = 400 * NS_PER_US      # after so long a rest the kernel's way to the wire has left the caches


cdef inline void link_ended(Reactor* reactor, Link* link) noexcept nogil:
    """An idle connection was closed, or spoke without being asked: no error, the lane connects again with its next token."""
    cdef Lane* lane = link_lane(link)
    cdef bint idle = lane.state == IDLE
    link_close(reactor, link, waits=True)
    if idle:
        stack_remove(lane.pool, lane)
        lane_rest(reactor, lane, lane.idle_since_ns)


cdef inline bint link_stays(Reactor* reactor, Link* link) noexcept nogil:
    """Read an idle link's records; True: they were all of TLS itself, as tickets and new keys are.

    They come whenever the server likes (RFC 8446 4.6). What they ask for in return is short, and the socket has room.
    """
    cdef int64_t stamp_ns = 0
    if link.receive(link, &reactor.buffers, &stamp_ns) != -EAGAIN:
        return False
    link_answer(link, reactor.epoll)
    return link.send_left == 0


cdef inline bint channel_speaks(const Channel* channel) noexcept nogil:
    """Whether the connection speaks HTTP/2 by now: one that is being made is its maker's, one of HTTP/1.1 that of a lane."""
    return channel.speaks_h2 and channel.maker == NULL


cdef inline void channel_event(Reactor* reactor, Channel* channel, unsigned events) noexcept nogil:
    if events & ~<unsigned> EPOLLOUT:
        channel_read(reactor, channel)
    else:
        channel_due(reactor, channel)


cdef inline void link_event(Reactor* reactor, Link* link, unsigned events) noexcept nogil:
    cdef Lane* lane = link_lane(link)
    cdef bint is_used = lane.exchange.link == link
    if link.descriptor < 0:
        return
    if link.channel != NULL and channel_speaks(<Channel*> link.channel):
        channel_event(reactor, <Channel*> link.channel, events)
    elif is_used and lane.state == DIALING:
        dial_event(reactor, lane)
    elif not is_used or lane.state != IN_FLIGHT:
        if link.tls == NULL or not link_stays(reactor, link):
            link_ended(reactor, link)
    elif events & ~<unsigned> EPOLLOUT:
        exchange_read(reactor, lane)
    elif events & EPOLLOUT:
        exchange_send(reactor, lane)


cdef inline int64_t reactor_begin_ready(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """Begin with all that are ready now, and say how many; those that fail at once and are ready again must wait."""
    cdef Lane* last = reactor.last_ready
    cdef Lane* lane = NULL
    cdef int64_t begun = 0
    reactor.batch_ns = now_ns
    while lane != last:
        lane = ready_pop(reactor)
        lane_begin(reactor, lane)
        begun += 1
    if reactor.first_due != NULL:
        channels_settle(reactor)
    return begun


cdef inline void reactor_start_due(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """Give every start that is due to an idle lane, the last used first."""
    cdef Pool* pool
    cdef Lane* lane
    while schedule_due_ns(&reactor.schedule) <= now_ns:
        pool = reactor.schedule.heap[0]
        lane = pool.warm if pool.warm != NULL else pool.cold
        pool_settle(pool, 0, now_ns)
        stack_remove(pool, lane)
        if lane_take(reactor, lane, now_ns):
            schedule_update(&reactor.schedule, pool)
        else:
            lane_rest(reactor, lane, lane.idle_since_ns)


cdef inline void reactor_rehearse(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """Before the first start after a long rest, go the way of a request once.

    Else a request takes 20 to 40 microseconds from our clock to the wire instead of 5, which would count as the target's.
    """
    if now_ns - reactor.rested_ns >= COLD_NS and schedule_due_ns(&reactor.schedule) <= now_ns and reactor.to_self >= 0:
        socket_rehearse(reactor.to_self)


cdef inline int64_t queue_deadline_ns(const Queue* queue) noexcept nogil:
    return queue.oldest.exchange.deadline_ns if queue.oldest != NULL else never()


cdef inline void reactor_expire(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """End the attempts to connect and the requests whose time is over."""
    cdef int64_t index, next_ns
    cdef Endpoint* endpoint
    if now_ns < reactor.next_deadline_ns:
        return
    reactor.next_deadline_ns = never()
    for index in range(reactor.endpoint_count):
        endpoint = reactor.endpoints[index]
        while queue_deadline_ns(&endpoint.trying) <= now_ns:
            dial_unanswered(reactor, endpoint.trying.oldest, now_ns)
        while queue_deadline_ns(&endpoint.dialing) <= now_ns:
            dial_hung(reactor, endpoint.dialing.oldest, now_ns)
        while queue_deadline_ns(&endpoint.awaiting) <= now_ns:
            exchange_unanswered(reactor, endpoint.awaiting.oldest, now_ns)
        while queue_deadline_ns(&endpoint.in_flight) <= now_ns:
            attempt_overdue(reactor, endpoint.in_flight.oldest, now_ns)
        next_ns = min(queue_deadline_ns(&endpoint.trying), queue_deadline_ns(&endpoint.dialing))
        next_ns = min(next_ns, queue_deadline_ns(&endpoint.awaiting))
        next_ns = min(next_ns, queue_deadline_ns(&endpoint.in_flight))
        reactor.next_deadline_ns = min(reactor.next_deadline_ns, next_ns)


cdef inline void queue_count_older(const Queue* queue, Window* window, int64_t mean_ns, int64_t now_ns) noexcept nogil:
    cdef const Lane* lane = queue.oldest
    cdef int64_t age_ns
    while lane != NULL:
        age_ns = now_ns - lane.taken_ns
        if age_ns <= mean_ns:
            break
        window.older += 1
        window.older_ns += age_ns
        lane = lane.exchange.later


cdef inline int64_t queue_oldest_ns(const Queue* queue) noexcept nogil:
    return queue.oldest.taken_ns if queue.oldest != NULL else never()


cdef inline int64_t endpoint_oldest_ns(const Endpoint* endpoint) noexcept nogil:
    """When the oldest attempt under way took its token, those whose greenlets connect by their mean; 0: none is under way."""
    cdef int64_t oldest_ns = min(queue_oldest_ns(&endpoint.dialing), queue_oldest_ns(&endpoint.awaiting))
    oldest_ns = min(oldest_ns, min(queue_oldest_ns(&endpoint.in_flight), queue_oldest_ns(&endpoint.trying)))
    if endpoint.connecting > 0:
        oldest_ns = min(oldest_ns, endpoint.connecting_since_ns // endpoint.connecting)
    return oldest_ns if oldest_ns != never() else 0


cdef inline void endpoint_count_older(const Reactor* reactor, Endpoint* endpoint, int64_t now_ns) noexcept nogil:
    """Publish how many attempts in flight are older than the mean of those that ended, and the sum of their ages."""
    cdef Window* window = &endpoint.block.window
    cdef WindowSums sums
    cdef int64_t mean_ns = 0, age_ns
    window_read(window, &sums)
    if window_attempts(&sums) > 0:
        mean_ns = sums.sums.occupied_ns // window_attempts(&sums)
    window.older = 0
    window.older_ns = 0
    if endpoint.pool.flow != NULL and not endpoint.is_step:
        flow_count_older(reactor, endpoint, mean_ns, now_ns)
        return
    endpoint.block.oldest_ns = endpoint_oldest_ns(endpoint)
    queue_count_older(&endpoint.trying, window, mean_ns, now_ns)
    queue_count_older(&endpoint.dialing, window, mean_ns, now_ns)
    queue_count_older(&endpoint.awaiting, window, mean_ns, now_ns)
    queue_count_older(&endpoint.in_flight, window, mean_ns, now_ns)
    age_ns = endpoint.connecting * now_ns - endpoint.connecting_since_ns
    if endpoint.connecting > 0 and age_ns > mean_ns * endpoint.connecting:
        window.older += endpoint.connecting
        window.older_ns += age_ns


cdef inline void endpoint_close_slot(const Reactor* reactor, Endpoint* endpoint, int64_t now_ns) noexcept nogil:
    cdef Window* window = &endpoint.block.window
    write_begin(&endpoint.block.sequence)
    endpoint_schedule(endpoint, window_boundary_ns(window))
    endpoint_count_older(reactor, endpoint, now_ns)
    window_close_slot(window, endpoint.block.scheduled)
    write_end(&endpoint.block.sequence)


cdef inline void pool_wake(Reactor* reactor, Pool* pool, int64_t now_ns) noexcept nogil:
    """Lanes of an unlimited pool only rest after a failure to connect: they try again."""
    cdef Lane* lane
    while not pool.paced and not pool_is_over(pool, now_ns) and pool_has_idle(pool):
        lane = pool.warm if pool.warm != NULL else pool.cold
        stack_remove(pool, lane)
        if not lane_take(reactor, lane, now_ns):
            lane_rest(reactor, lane, lane.idle_since_ns)


cdef inline void reactor_slots(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """At every boundary of the windows: give up what is too old, whether or not a lane asks, and close the slot."""
    cdef int64_t index
    while now_ns >= reactor.slot_ns:
        for index in range(reactor.pool_count):
            pool_settle(reactor.pools[index], never(), now_ns)
            schedule_update(&reactor.schedule, reactor.pools[index])
            pool_wake(reactor, reactor.pools[index], now_ns)
        for index in range(reactor.endpoint_count):
            endpoint_close_slot(reactor, reactor.endpoints[index], now_ns)
        reactor.slot_ns += SLOT_NS
        reactor_notice_over(reactor, now_ns)
        reactor_cpu(reactor)
        closings_expire(&reactor.closings, now_ns)


cdef inline int64_t reactor_due_ns(Reactor* reactor) noexcept nogil:
    """When there is something to do even if nothing comes."""
    cdef int64_t due_ns = min(schedule_due_ns(&reactor.schedule), min(reactor.next_deadline_ns, reactor.slot_ns))
    due_ns = min(min(due_ns, permit_due_ns(reactor)), thinking_due_ns(&reactor.thinking))
    return due_ns if reactor.first_ready == NULL else 1


cdef inline void reactor_arm(Reactor* reactor, int64_t until_ns) noexcept nogil:
    """Set the timer to what is next, to `until_ns` at the latest, unless it is set to that or earlier anyway."""
    cdef int64_t next_ns = min(reactor_due_ns(reactor), until_ns)
    if reactor.armed_ns == 0 or next_ns < reactor.armed_ns:
        # A time in the past fires at once; 0 would switch the timer off.
        timer_arm(reactor.timer, max(next_ns, <int64_t> 1))
        reactor.armed_ns = next_ns


cdef inline int reactor_wait(Reactor* reactor, epoll_event* events, int64_t until_ns) noexcept nogil:
    """The first events that come, the timer's at the latest; other threads have the GIL meanwhile."""
    cdef PyThreadState* held = PyEval_SaveThread() if reactor.keeps_gil else NULL
    cdef int ready
    reactor_arm(reactor, until_ns)
    ready = epoll_wait(reactor.epoll, events, EVENTS, -1)
    if held != NULL:
        PyEval_RestoreThread(held)
    return ready


cdef inline int reactor_poll(Reactor* reactor, bint waits, int64_t until_ns) noexcept nogil:
    """Handle the events that are there, or wait for some until then; returns how many."""
    cdef epoll_event events[EVENTS]
    cdef void* owner
    cdef int index
    cdef int ready = reactor_wait(reactor, events, until_ns) if waits else epoll_wait(reactor.epoll, events, EVENTS, 0)
    if ready > 0:
        # In this order an interruption between the two makes arrivals look later, and the clamp to `read` catches it.
        reactor.offset_ns = monotonic_ns() - realtime_ns()
    for index in range(ready):
        owner = events[index].data.ptr
        if not <size_t> owner & <size_t> TAG:
            link_event(reactor, <Link*> owner, events[index].events)
        elif owner == <void*> TAG:
            reactor.armed_ns = 0
        else:
            closing_event(&reactor.closings, owner)
    return ready


cdef inline Then turn_then(Reactor* reactor, Round done, int64_t now_ns, int64_t until_ns) noexcept nogil:
    """What a turn does after a round.

    In an application the hub does the waiting. A reactor alone in its thread waits by itself where a start or an answer
    is near: half of the system calls of a lonely request are the way through the hub and back, to send and again to read.
    Of many requests answers come in batches, which grow on that way. The timer ends the wait; a limit of its own would set
    another of the kernel's for each, which costs more than it saves.
    """
    if now_ns >= until_ns or reactor.ordered_count > 0:
        return LEAVE
    if reactor.first_ready != NULL:
        return LOOK
    if reactor.alone and reactor.connecting == 0 and (done.begun == 1 or reactor_due_ns(reactor) < until_ns):
        return WAIT
    # No second round after a batch so short that nothing can have come.
    return LOOK if done.ready > 0 and done.spent_ns >= BATCH_NS else LEAVE


cdef inline void reactor_turn(Reactor* reactor) noexcept nogil:
    """Round after round while there is work, or a start is near that it may wait for."""
    cdef int64_t begun_ns, now_ns = monotonic_ns()
    cdef int64_t until_ns = now_ns + (ALONE_NS if reactor.alone else TURN_NS)
    cdef Round done
    cdef Then then = LOOK
    while then != LEAVE:
        begun_ns = now_ns
        done.ready = reactor_poll(reactor, then == WAIT, until_ns)
        now_ns = monotonic_ns()
        if now_ns >= reactor.lease_ns:
            lease_end(reactor, now_ns)
        reactor_rehearse(reactor, now_ns)
        reactor_start_due(reactor, now_ns)
        walk_wake(reactor, now_ns)
        reactor_permit(reactor, now_ns)
        done.begun = reactor_begin_ready(reactor, now_ns)
        reactor_expire(reactor, now_ns)
        reactor_slots(reactor, now_ns)
        done.begun += reactor_begin_ready(reactor, now_ns)
        now_ns = reactor.rested_ns = monotonic_ns()
        done.spent_ns = now_ns - begun_ns
        then = turn_then(reactor, done, now_ns, until_ns)
    if reactor.armed_ns == until_ns:
        # It was set for a wait that is over.
        reactor.armed_ns = 0
    reactor_arm(reactor, never())
