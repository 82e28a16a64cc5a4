"""Permits to connect: one bucket for all connections of an engine, and the lanes that wait for it, in the order of asking.

A lane that waits holds its token: what it waits is part of the response time and not of the service time, as connecting
is. That we come late to a permit that is due is our own lateness, and enters neither.
"""

from libc.stdint cimport int64_t

from tressi.core.bucket cimport GRANTED, Skipped, bucket_take
from tressi.core.clock cimport monotonic_ns, never
from tressi.wire.given_up cimport account_abandoned
from tressi.wire.lane cimport WAITING, Lane
from tressi.wire.place cimport place_release
from tressi.wire.reactor cimport Reactor, lane_connect_begun, lane_connect_ended, ready_push


cdef inline void waiting_push(Reactor* reactor, Lane* lane) noexcept nogil:
    lane.below = NULL
    lane.above = reactor.last_waiting
    if reactor.last_waiting != NULL:
        reactor.last_waiting.below = lane
    else:
        reactor.first_waiting = lane
    reactor.last_waiting = lane


cdef inline void waiting_remove(Reactor* reactor, Lane* lane) noexcept nogil:
    if lane.above != NULL:
        lane.above.below = lane.below
    else:
        reactor.first_waiting = lane.below
    if lane.below != NULL:
        lane.below.above = lane.above
    else:
        reactor.last_waiting = lane.above


cdef inline bint permit_take(Reactor* reactor, Lane* lane) noexcept nogil:
    """Whether the lane may connect now; if not it waits, and is among the ready ones when it may."""
    cdef Skipped skipped
    cdef int64_t due_ns, now_ns
    if not reactor.limits_connections:
        return True
    if lane.dial.has_permit:
        lane.dial.has_permit = 0
        return True
    now_ns = monotonic_ns()
    if reactor.first_waiting == NULL and bucket_take(&reactor.permits, now_ns, &due_ns, &skipped) == GRANTED:
        return True
    lane.state = WAITING
    lane.dial.asked_ns = now_ns
    lane_connect_begun(reactor, lane)
    waiting_push(reactor, lane)
    return False


cdef inline void permit_grant(Lane* lane, int64_t due_ns, int64_t now_ns) noexcept nogil:
    """The lane has waited until its permit was due, and for us since."""
    cdef int64_t waited_ns = max(<int64_t> 0, due_ns - lane.dial.asked_ns)
    lane.dial.has_permit = 1
    lane.connect_ns += waited_ns
    if lane.dial.begun_ns != 0:
        # The address before refused; the time limit stands still while nothing is tried.
        lane.dial.begun_ns += now_ns - lane.dial.asked_ns
    if lane.first_sent_ns != 0 and not lane.on_hop:
        # Before a second try: the target has not had the request meanwhile.
        lane.first_sent_ns += waited_ns


cdef inline void reactor_permit(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """Give the permits that are due to the lanes that wait."""
    cdef Skipped skipped
    cdef int64_t due_ns
    cdef Lane* lane
    while reactor.first_waiting != NULL and bucket_take(&reactor.permits, now_ns, &due_ns, &skipped) == GRANTED:
        lane = reactor.first_waiting
        waiting_remove(reactor, lane)
        lane_connect_ended(reactor, lane)
        permit_grant(lane, due_ns, now_ns)
        ready_push(reactor, lane)


cdef inline int64_t permit_due_ns(const Reactor* reactor) noexcept nogil:
    """When the first of those that wait may connect."""
    return reactor.permits.due_ns if reactor.first_waiting != NULL else never()


cdef inline bint permit_abandon(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """Let a lane wait no longer: nothing was done for its start, which is missed because no lane was connected.

    False: an address has refused it already, or its request was sent once; it goes on waiting.
    """
    if lane.dial.dials > 0 or lane.first_sent_ns != 0:
        return False
    waiting_remove(reactor, lane)
    lane_connect_ended(reactor, lane)
    account_abandoned(lane, now_ns)
    place_release(reactor, lane, now_ns)
    return True
