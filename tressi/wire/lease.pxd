"""For how long an engine may send without hearing of its run: a lease that its owner renews, and that ends by itself.

Of the engines of a run on several machines one may lose contact, and another then has its share. Until when it sends is
therefore a matter of the clock alone, and holds where everything around the reactor hangs: each schedule ends with the lease,
and no request is sent once it is over, whatever the lane waited for. What is in flight then is read and counted. A lease
that is over stays over.
"""

from libc.stdint cimport int64_t

from tressi.core.bucket cimport bucket_stop_at
from tressi.core.clock cimport never
from tressi.wire.control cimport lane_cut, reactor_end
from tressi.wire.exchange cimport request_withhold
from tressi.wire.lane cimport CONNECTING, DIALING, JOINING, THINKING, WAITING, Lane, Pool
from tressi.wire.reactor cimport Reactor, ready_pop
from tressi.wire.schedule cimport schedule_update


cdef inline void lease_bound(Reactor* reactor) noexcept nogil:
    """Let each schedule end with the run's time, or with the lease where that is over first."""
    cdef int64_t index
    cdef Pool* pool
    for index in range(reactor.pool_count):
        pool = reactor.pools[index]
        if not pool.ended:
            bucket_stop_at(&pool.bucket, min(reactor.stop_ns, reactor.lease_ns))
            schedule_update(&reactor.schedule, pool)


cdef inline bint lease_renew(Reactor* reactor, int64_t until_ns, int64_t now_ns) noexcept nogil:
    """Let the engine send until then; False: its lease was over before. An older order does not shorten a newer one."""
    if reactor.header.lapsed_ns != 0 or now_ns >= reactor.lease_ns:
        return False
    reactor.lease_ns = until_ns if reactor.lease_ns == never() else max(reactor.lease_ns, until_ns)
    lease_bound(reactor)
    return True


cdef inline void lease_end(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """It is over: nothing begins any more, and what has not been sent yet is cut."""
    cdef int64_t index
    cdef Lane* lane
    if reactor.header.lapsed_ns != 0:
        return
    reactor.header.lapsed_ns = reactor.lease_ns
    reactor_end(reactor, now_ns)
    while True:
        lane = ready_pop(reactor)
        if lane == NULL:
            break
        request_withhold(reactor, lane, now_ns)
    for index in range(reactor.lane_count):
        lane = reactor.lanes[index]
        if lane != NULL and lane.state in (WAITING, DIALING, CONNECTING, JOINING, THINKING):
            lane_cut(reactor, lane, now_ns)
