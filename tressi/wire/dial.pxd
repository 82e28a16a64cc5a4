"""How a lane that has its token gets a connection: the reactor makes TCP and TLS itself, the lane's greenlet all else.

A connection that is refused costs no greenlet switch, and an unlimited pool no storm: its lane rests until the next slot
of the windows begins.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t
from libc.stdio cimport snprintf
from libc.string cimport strncpy

from tressi.core.arena cimport TIMEOUT, TLS, ErrorKind
from tressi.core.arena cimport CONNECT as FAILED_TO_CONNECT
from tressi.core.clock cimport NS_PER_S, monotonic_ns
from tressi.wire.account cimport account_connected, account_failure
from tressi.wire.address cimport (
    address_answered, address_choose, address_heard, address_silent, addresses_left, dial_take, lane_has_address, source_for,
    wait_ns,
)
from tressi.wire.close cimport closings_release
from tressi.wire.ending cimport attempt_fail, exchange_is_stream
from tressi.wire.exchange cimport deadline_set, request_begin
from tressi.wire.follow cimport lane_next
from tressi.wire.kept cimport link_born, link_is_stale
from tressi.wire.lane cimport CONNECT, CONNECTING, DIALING, Channel, Endpoint, Lane, Queue, queue_remove
from tressi.wire.link cimport Link, events_of, link_open
from tressi.wire.origin cimport INSISTED, Address, Origin
from tressi.wire.permit cimport permit_take
from tressi.wire.place cimport place_take
from tressi.wire.reactor cimport Reactor, lane_connect_begun, lane_rest, link_close, order_push, ready_push
from tressi.wire.secure cimport SHAKEN, UNSHAKEN, Shaken, Tls, tls_new, tls_speaks_h2
from tressi.wire.socket cimport EMFILE, EPOLL_CTL_ADD, socket_dial, socket_dialed, socket_reason, socket_stamp, socket_watch
from tressi.wire.stream_begin cimport channel_made, channel_not_made, stream_begin
from tressi.wire.text cimport WHY_BYTES
from tressi.wire.tls cimport link_secure, link_shake
from tressi.wire.walk cimport walk_abandon

cdef inline void lane_begin(Reactor* reactor, Lane* lane) noexcept nogil:
    """The lane has its token and its endpoint."""
    cdef Origin* target = lane.exchange.request.target
    if lane.exchange.link.channels != NULL and not place_take(reactor, lane):
        return
    if lane.exchange.link.descriptor >= 0 and link_may_serve(reactor, lane):
        lane_send(reactor, lane)
    elif target.address_count == 0 and not target.ordered:
        lane_order(reactor, lane)
    elif permit_take(reactor, lane):
        if target.ordered:
            lane_order(reactor, lane)
        else:
            dial_begin(reactor, lane)


cdef inline void lane_send(Reactor* reactor, Lane* lane) noexcept nogil:
    """The lane has a connection: send its request, as is spoken there."""
    if exchange_is_stream(&lane.exchange):
        stream_begin(reactor, lane)
    else:
        request_begin(reactor, lane)


cdef inline bint link_may_serve(Reactor* reactor, Lane* lane) noexcept nogil:
    """Whether the lane's connection may carry its request; one that may not is closed."""
    cdef Link* link = lane.exchange.link
    if (reactor.kept == NULL and link.keeps_ns == 0) or exchange_is_stream(&lane.exchange):
        return True
    if not link_is_stale(link, reactor.kept, lane.exchange.request.idempotent, monotonic_ns()):
        return True
    link_close(reactor, link)
    return False


cdef inline void lane_order(Reactor* reactor, Lane* lane) noexcept nogil:
    """Have the lane's greenlet connect, or find the addresses to connect to."""
    lane.state = CONNECTING
    lane.dial.begun_ns = monotonic_ns()
    lane_connect_begun(reactor, lane)
    order_push(reactor, lane, CONNECT)


cdef inline int descriptor_dial(Reactor* reactor, const Address* address, const Address* source) noexcept nogil:
    """Begin to connect; returns the descriptor or minus errno. Where none is left, one that only waits for an end is freed."""
    cdef const char* source_bytes = source.bytes if source != NULL else NULL
    cdef unsigned source_size = <unsigned> source.size if source != NULL else 0
    cdef int descriptor = socket_dial(address.bytes, <unsigned> address.size, source_bytes, source_size)
    if descriptor == -EMFILE and closings_release(&reactor.closings):
        descriptor = socket_dial(address.bytes, <unsigned> address.size, source_bytes, source_size)
    return descriptor


cdef inline void dial_begin(Reactor* reactor, Lane* lane) noexcept nogil:
    """Begin to connect to the target's next address; over loopback it is mostly done at once."""
    cdef Origin* target = lane.exchange.request.target
    cdef int64_t nth = dial_take(lane)
    cdef Address* address
    cdef Address* source
    cdef int descriptor, answer
    lane.dial.dialed_ns = monotonic_ns()
    address = address_choose(target, lane, nth, lane.dial.dialed_ns)
    source = source_for(target, address, nth)
    lane.dial.address = address.number
    lane.state = DIALING
    if lane.dial.begun_ns == 0:
        lane.dial.begun_ns = lane.dial.dialed_ns
    dial_wait(reactor, lane)
    if source == NULL and target.source_count > 0:
        dial_refused(reactor, lane, b"no source address is of the target's family")
        return
    descriptor = descriptor_dial(reactor, address, source)
    if descriptor < 0:
        dial_refused(reactor, lane, socket_reason(-descriptor))
        return
    # Asked once: the answer takes the socket's error away.
    answer = socket_dialed(descriptor)
    socket_stamp(descriptor)
    link_open(lane.exchange.link, descriptor, answer == 0)
    if socket_watch(reactor.epoll, EPOLL_CTL_ADD, descriptor, events_of(answer == 0), lane.exchange.link) < 0:
        dial_refused(reactor, lane, b"the connection cannot be watched")
    else:
        dial_answered(reactor, lane, answer)


cdef inline void dial_wait(Reactor* reactor, Lane* lane) noexcept nogil:
    """Wait for the address to answer: for its share of the time while others are left, else for all that remains."""
    cdef int64_t left_ns = lane.dial.begun_ns + lane.endpoint.connect_timeout_ns - lane.dial.dialed_ns
    cdef Queue* queue = &lane.endpoint.dialing
    if addresses_left(lane) > 0:
        queue = &lane.endpoint.trying
        left_ns = wait_ns(lane, left_ns)
    deadline_set(reactor, lane, queue, lane.dial.dialed_ns + left_ns)


cdef inline void dial_answered(Reactor* reactor, Lane* lane, int answer) noexcept nogil:
    """What became of a connection that was begun: `answer` is socket_dialed's."""
    cdef int64_t took_ns = monotonic_ns() - lane.dial.dialed_ns
    if answer == 0:
        return
    if answer < 0:
        dial_refused(reactor, lane, socket_reason(-answer))
        return
    queue_remove(lane)
    if lane.exchange.request.target.address_count > 1:
        address_answered(lane, took_ns)
    if lane.exchange.request.target.tls == NULL:
        lane_connected(reactor, lane, lane.dial.spent_ns + took_ns, -1)
    else:
        shake_begin(reactor, lane, lane.dial.spent_ns + took_ns)


cdef inline void dial_event(Reactor* reactor, Lane* lane) noexcept nogil:
    """Something has come of a connection that is being made."""
    if lane.exchange.link.tls == NULL:
        dial_answered(reactor, lane, socket_dialed(lane.exchange.link.descriptor))
    else:
        shake_on(reactor, lane)


cdef inline void shake_begin(Reactor* reactor, Lane* lane, int64_t connect_ns) noexcept nogil:
    """TCP has connected; TLS has what is left of the time."""
    cdef Link* link = lane.exchange.link
    cdef Tls* tls = tls_new(lane.exchange.request.target.tls, NULL, &reactor.buffers.records)
    lane.dial.connect_ns = connect_ns
    lane.dial.shakes_ns = monotonic_ns()
    deadline_set(reactor, lane, &lane.endpoint.dialing, lane.dial.begun_ns + lane.endpoint.connect_timeout_ns)
    if tls == NULL:
        shake_failed(reactor, lane, socket_reason(ENOMEM))
    else:
        link_secure(link, tls)
        shake_on(reactor, lane)


cdef inline void shake_on(Reactor* reactor, Lane* lane) noexcept nogil:
    """Go on with the handshake of TLS."""
    cdef Shaken state = link_shake(lane.exchange.link, &reactor.buffers, reactor.epoll)
    cdef int64_t took_ns
    if state == SHAKEN and not channel_chosen(lane):
        shake_failed(reactor, lane, b"the server does not speak HTTP/2, by ALPN")
    elif state == SHAKEN:
        took_ns = monotonic_ns() - lane.dial.shakes_ns
        queue_remove(lane)
        if not lane.exchange.request.target.by_proxy:
            lane_connected(reactor, lane, lane.dial.connect_ns, took_ns)
        else:
            # It is on the way to the target, and none of the target's handshakes.
            lane_waited(lane, took_ns)
            lane_connected(reactor, lane, lane.dial.connect_ns, -1)
    elif state == UNSHAKEN:
        shake_failed(reactor, lane, reactor.buffers.why)


cdef inline bint channel_chosen(Lane* lane) noexcept nogil:
    """See what the handshake has chosen for a connection that lanes share; False: it is not what was asked for."""
    cdef Channel* channel = lane.exchange.channel
    if channel == NULL:
        return True
    channel.speaks_h2 = tls_speaks_h2(lane.exchange.link.tls)
    return channel.speaks_h2 or lane.exchange.request.target.protocol != INSISTED


cdef inline void shake_failed(Reactor* reactor, Lane* lane, const char* reason) noexcept nogil:
    """There is no TLS with the server. It is not asked at another address: it has answered."""
    cdef int64_t now_ns = monotonic_ns()
    cdef ErrorKind kind = FAILED_TO_CONNECT if lane.exchange.request.target.by_proxy else TLS
    cdef char words[WHY_BYTES]
    strncpy(words, reason, WHY_BYTES - 1)
    words[WHY_BYTES - 1] = 0
    queue_remove(lane)
    link_close(reactor, lane.exchange.link)
    channel_not_made(reactor, lane, kind, words, False, now_ns)
    account_failure(lane, kind, whose_reason(reactor, lane, words), False, now_ns)
    lane_refused(reactor, lane, now_ns)


cdef inline void dial_leave(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The address is done with."""
    queue_remove(lane)
    lane.dial.spent_ns += now_ns - lane.dial.dialed_ns
    link_close(reactor, lane.exchange.link)


cdef inline const char* whose_reason(Reactor* reactor, const Lane* lane, const char* reason) noexcept nogil:
    """Why a connection was not made, in words that name the proxy where it is one to it."""
    if not lane.exchange.request.target.by_proxy or reason == NULL:
        return reason
    snprintf(reactor.buffers.why, WHY_BYTES, b"proxy: %s", reason)
    return reactor.buffers.why


cdef inline void dial_refused(Reactor* reactor, Lane* lane, const char* reason) noexcept nogil:
    cdef int64_t now_ns = monotonic_ns()
    address_heard(lane)
    dial_leave(reactor, lane, now_ns)
    if lane_has_address(lane):
        # Another address may listen: `localhost` is often two, of which one does.
        ready_push(reactor, lane)
        return
    channel_not_made(reactor, lane, FAILED_TO_CONNECT, whose_reason(reactor, lane, reason), False, now_ns)
    account_failure(lane, FAILED_TO_CONNECT, whose_reason(reactor, lane, reason), False, now_ns)
    lane_refused(reactor, lane, now_ns)


cdef inline void dial_unanswered(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """Its share of the time is over: on to the next address, unless the answer has come and was not read yet."""
    cdef int answer = socket_dialed(lane.exchange.link.descriptor)
    if answer != 0:
        dial_answered(reactor, lane, answer)
        return
    address_silent(lane, now_ns)
    dial_leave(reactor, lane, now_ns)
    ready_push(reactor, lane)


cdef inline void dial_hung(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """All the time for connecting is over."""
    cdef Endpoint* endpoint = lane.endpoint
    cdef ErrorKind kind = TIMEOUT if endpoint.hung_times_out else FAILED_TO_CONNECT
    cdef const char* reason = endpoint.hung if endpoint.hung_times_out else whose_reason(reactor, lane, endpoint.hung)
    if lane.exchange.link.tls != NULL:
        shake_hung(reactor, lane, now_ns)
        return
    address_silent(lane, now_ns)
    attempt_hang(reactor, lane, kind, now_ns, reason)


cdef inline void attempt_hang(
    Reactor* reactor, Lane* lane, ErrorKind kind, int64_t now_ns, const char* reason
) noexcept nogil:
    """Connecting has taken too long, for this lane and for those that wait for its connection."""
    cdef char words[WHY_BYTES]
    if lane.exchange.channel != NULL:
        strncpy(words, reason, WHY_BYTES - 1)
        words[WHY_BYTES - 1] = 0
        link_close(reactor, lane.exchange.link)
        channel_not_made(reactor, lane, kind, words, True, now_ns)
    attempt_fail(reactor, lane, kind, True, now_ns, reason)


cdef inline void shake_hung(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """It is over in the middle of the handshake; the words are those of `load.dial.Patience`."""
    cdef const Endpoint* endpoint = lane.endpoint
    cdef char words[WHY_BYTES]
    snprintf(words, WHY_BYTES, b"no TLS handshake within %g s", <double> endpoint.connect_timeout_ns / NS_PER_S)
    if endpoint.hung_times_out:
        attempt_hang(reactor, lane, TIMEOUT, now_ns, words)
    elif lane.exchange.request.target.by_proxy:
        attempt_hang(reactor, lane, FAILED_TO_CONNECT, now_ns, whose_reason(reactor, lane, words))
    else:
        attempt_hang(reactor, lane, TLS, now_ns, words)


cdef inline void lane_refused(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """It could not connect. A lane that no rate holds back rests: a dead target must see no storm."""
    if lane.pool.paced or lane.leaving:
        lane_next(reactor, lane, now_ns)
        return
    if lane.walk != NULL:
        walk_abandon(lane, now_ns)
    lane_rest(reactor, lane, now_ns)


cdef inline void lane_connected(Reactor* reactor, Lane* lane, int64_t connect_ns, int64_t tls_ns) noexcept nogil:
    account_connected(lane.endpoint.block, connect_ns, tls_ns)
    if reactor.kept != NULL:
        link_born(lane.exchange.link, reactor.kept, monotonic_ns())
    lane_waited(lane, connect_ns + max(<int64_t> 0, tls_ns))
    if lane.exchange.channel != NULL:
        channel_made(reactor, lane)
    lane_send(reactor, lane)


cdef inline void lane_waited(Lane* lane, int64_t took_ns) noexcept nogil:
    """It was connecting for so long. For a second try that is part of the service time, which counts from the first send."""
    if lane.first_sent_ns == 0 or lane.on_hop:
        lane.connect_ns += took_ns

# -------------------------------------------------------------------------------------- what the lane's greenlet reports
