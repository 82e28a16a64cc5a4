"""How a connection ends: with FIN, and with a reset only where local ports would run out.

The side that sends its FIN first keeps the port in TIME_WAIT for 60 s (RFC 9293 3.6.1, Linux's TCP_TIMEWAIT_LEN), and of ports
to one target there are 28,232. A server that ends connections after their last response sends its FIN with or just behind
the last byte (RFC 9112 9.6), so a connection that has served waits for that FIN here, in the epoll set, while its lane is
long at work on another. Where none comes in time we close first, as long as the kernel remembers few enough of such
closes; beyond that a reset leaves no port behind. Unread data would make a reset of any close (RFC 2525 2.17), so it is
read and forgotten.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc

from tressi.core.clock cimport NS_PER_MS, monotonic_ns
from tressi.wire.socket cimport (
    EPOLL_CTL_MOD, EPOLLIN, EPOLLRDHUP, OVER, SPOKE, Rest, ports_taken, socket_close, socket_drain, socket_watch,
)

cdef enum:
    CLOSINGS = 1024                # that wait at once; beyond, the oldest waits no longer
    PATIENCE_NS = 200 * NS_PER_MS  # for the server's FIN
    REMARKS = 16                   # times that it may say something else meanwhile
    TAG = 1                        # in an event's owner, whose address is even: a closing's, not a connection's

# A descriptor that no lane owns any more.
cdef struct Closing:
    int64_t deadline_ns
    int32_t descriptor             # -1: none, the place is free
    int32_t remarks
    Closing* earlier
    Closing* later                 # or the next place that is free

cdef struct Closings:
    int32_t epoll
    int32_t sockstat               # /proc/net/sockstat, or -1
    int64_t ports                  # of this machine, for connections
    int64_t room                   # closes by tressi, before the server's, that leave enough of them
    bint spent                     # of that room, since the kernel was asked
    Closing* places
    Closing* free
    Closing* oldest
    Closing* newest


cdef inline void closings_ask(Closings* closings) noexcept nogil:
    """Ask the kernel how many ports are taken, by whichever program; without an answer the room stays as it is."""
    cdef int64_t open_count = 0, remembered = 0
    closings.spent = False
    if ports_taken(closings.sockstat, &open_count, &remembered) == 0:
        closings.room = min(closings.ports // 2, closings.ports - open_count) - remembered


cdef inline bint closings_init(Closings* closings, int32_t epoll, int32_t sockstat, int64_t ports) noexcept nogil:
    """False: there is no memory."""
    cdef int64_t index
    closings.places = <Closing*> calloc(CLOSINGS, sizeof(Closing))
    if closings.places == NULL:
        return False
    for index in range(CLOSINGS):
        closings.places[index].descriptor = -1
        closings.places[index].later = closings.free
        closings.free = &closings.places[index]
    closings.epoll = epoll
    closings.sockstat = sockstat
    closings.ports = ports
    closings.room = ports // 2
    closings_ask(closings)
    return True


cdef inline void descriptor_close(Closings* closings, int32_t descriptor, bint is_over) noexcept nogil:
    """Close; `is_over`: the server's end has come, so that the port is free at once."""
    cdef bint resets = not is_over and closings.room <= 0
    if not is_over and not resets:
        closings.room -= 1
        closings.spent = True
    socket_close(descriptor, resets)


cdef inline void closing_end(Closings* closings, Closing* closing, bint is_over) noexcept nogil:
    descriptor_close(closings, closing.descriptor, is_over)
    closing.descriptor = -1
    if closing.earlier != NULL:
        closing.earlier.later = closing.later
    else:
        closings.oldest = closing.later
    if closing.later != NULL:
        closing.later.earlier = closing.earlier
    else:
        closings.newest = closing.earlier
    closing.later = closings.free
    closings.free = closing


cdef inline bint closings_release(Closings* closings) noexcept nogil:
    """End the oldest, so that its descriptor is free; False: there is none."""
    if closings.oldest == NULL:
        return False
    closing_end(closings, closings.oldest, False)
    return True


cdef inline bint closing_begin(Closings* closings, int32_t descriptor) noexcept nogil:
    """Have a descriptor wait for the server's end; False: it cannot."""
    cdef Closing* closing
    if closings.free == NULL:
        closings_release(closings)
    closing = closings.free
    if socket_watch(
        closings.epoll, EPOLL_CTL_MOD, descriptor, EPOLLIN | EPOLLRDHUP, <void*> (<size_t> closing | <size_t> TAG)
    ) < 0:
        return False
    closings.free = closing.later
    closing.descriptor = descriptor
    closing.deadline_ns = monotonic_ns() + PATIENCE_NS
    closing.remarks = 0
    closing.later = NULL
    closing.earlier = closings.newest
    if closings.newest != NULL:
        closings.newest.later = closing
    else:
        closings.oldest = closing
    closings.newest = closing
    return True


cdef inline void closing_event(Closings* closings, void* owner) noexcept nogil:
    """Something came for one that waits."""
    cdef Closing* closing = <Closing*> (<size_t> owner & ~<size_t> TAG)
    cdef Rest rest
    if closing.descriptor < 0:
        return
    rest = socket_drain(closing.descriptor)
    # TLS's own end precedes the FIN, and a server that goes on speaking is not listened to for long.
    closing.remarks += rest == SPOKE
    if rest == OVER or closing.remarks >= REMARKS:
        closing_end(closings, closing, rest == OVER)


cdef inline void closings_expire(Closings* closings, int64_t now_ns) noexcept nogil:
    """Close those that have waited long enough, and see what room is left for it."""
    if closings.spent:
        closings_ask(closings)
    while closings.oldest != NULL and closings.oldest.deadline_ns <= now_ns:
        closing_end(closings, closings.oldest, False)


cdef inline void closings_end(Closings* closings) noexcept nogil:
    """Wait no longer for any."""
    while closings_release(closings):
        pass


cdef inline void descriptor_end(Closings* closings, int32_t descriptor, bint waits) noexcept nogil:
    """Close what a lane is through with; `waits`: the server is expected to close first."""
    cdef bint is_over = socket_drain(descriptor) == OVER
    if is_over or not waits or not closing_begin(closings, descriptor):
        descriptor_close(closings, descriptor, is_over)
