"""A link: one connection, as the socket that it is. It knows neither requests nor lanes, only bytes in both directions.

What is said in plain is read straight into the buffer; `tls.pxd` has the way of what is sealed. Which of the two it is
stands in `receive`, a function of the link, so that nothing else need ask.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memmove

from tressi.wire.secure cimport Tls
from tressi.wire.socket cimport EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, EPOLLRDHUP, socket_receive, socket_watch
from tressi.wire.text cimport WHY_BYTES, Text, text_add, text_clear

cdef enum:
    BUFFER_BYTES = 128 * 1024      # read at a time: 64 KiB of body and its head are one read

# Shared by all links of a reactor: nothing is kept here from one read to the next.
cdef struct Buffers:
    char* data                     # what was said: twice BUFFER_BYTES, for TLS may still hold some from the read before
    char* sealed                   # what TLS has still to open: BUFFER_BYTES
    char* fields                   # of HTTP/2, as hpack.pxd decodes them
    Text block                     # of a request of HTTP/2 that is filled for each attempt
    Text records                   # what TLS has sealed, until the socket was asked to take it
    char why[WHY_BYTES]            # why something failed, until that is counted

cdef struct Link

# Read into `buffers.data`; returns the size, 0 at the peer's end, or minus errno. `stamp_ns` is when the kernel had the last
# byte, by CLOCK_REALTIME (0: it did not say). -EPROTO: TLS failed, and `buffers.why` says so in words.
ctypedef int64_t (*Receive)(Link* link, Buffers* buffers, int64_t* stamp_ns) noexcept nogil

cdef struct Link:
    void* owner                    # the lane that it belongs to, see lane.pxd
    void* channels                 # the connections that lanes share and which stand in its place, or NULL; see channels.pxd
    void* channel                  # the one of them that it is, or that the lane used last; or NULL
    void* leads_to                 # the origin at its other end, of a link that only redirects have made
    Link* later                    # the one of these that was used before it
    Receive receive
    Tls* tls                       # or NULL
    const char* send_at            # what the socket has still to take; with TLS it lies in `tls.held` between two sends
    int64_t send_left
    int64_t served                 # requests answered on it
    int64_t rested_ns              # since when it rests, where any of these two or a limit (kept.pxd) asks for it:
    int64_t keeps_ns               # for how long the server keeps it then; 0: it did not say
    int64_t old_ns                 # when it is too old to be used; 0: never
    int32_t descriptor             # -1: not connected
    uint8_t wants_writable         # EPOLLOUT is asked for: the socket has not taken all
    uint8_t cut_short              # TLS ended without saying so
    uint8_t ended                  # TLS said that nothing more will come


cdef inline int64_t plain_receive(Link* link, Buffers* buffers, int64_t* stamp_ns) noexcept nogil:
    return socket_receive(link.descriptor, buffers.data, BUFFER_BYTES, stamp_ns)


cdef inline void link_open(Link* link, int32_t descriptor, bint writable) noexcept nogil:
    """The link has a socket from now on, which is watched; `writable`: for room to send, too."""
    link.descriptor = descriptor
    link.wants_writable = writable
    link.served = 0
    link.keeps_ns = 0
    link.old_ns = 0
    link.send_left = 0
    link.cut_short = 0
    link.ended = 0
    if link.tls == NULL:
        link.receive = plain_receive


cdef inline unsigned events_of(bint writable) noexcept nogil:
    """What a link is watched for."""
    return EPOLLIN | EPOLLRDHUP | (EPOLLOUT if writable else 0)


cdef inline void link_watch(Link* link, int32_t epoll, bint writable) noexcept nogil:
    """Hear of room to send, or hear of it no more."""
    if writable != link.wants_writable:
        link.wants_writable = writable
        socket_watch(epoll, EPOLL_CTL_MOD, link.descriptor, events_of(writable), link)


cdef inline bint link_hold(Link* link, const char* bytes, int64_t size) noexcept nogil:
    """Have these records sent behind what the socket has still to take, from memory of the link's own; False: there is none."""
    cdef Text* held = &link.tls.held
    if link.send_left > 0 and link.send_at != held.bytes:
        memmove(held.bytes, link.send_at, link.send_left)
    held.size = <int32_t> link.send_left
    if not text_add(held, bytes, size):
        return False
    link.send_at = held.bytes
    link.send_left = held.size
    return True


cdef inline bint link_sent(Link* link, int64_t sent) noexcept nogil:
    """The socket has taken so much. What is left of records leaves the buffer of all links; False: there is no memory."""
    cdef const char* at = link.send_at + sent
    cdef int64_t left = link.send_left - sent
    link.send_at = at
    link.send_left = left
    if link.tls == NULL:
        return True
    if left == 0:
        text_clear(&link.tls.held)
    elif not link.tls.held.bytes <= at < link.tls.held.bytes + link.tls.held.size:
        link.send_left = 0
        return link_hold(link, at, left)
    return True
