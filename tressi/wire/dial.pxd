"""How a lane that has its token gets a connection: the reactor makes plain ones itself, the lane's greenlet all others.

Addresses are used in turn. A connection that is refused costs no greenlet switch, and an unlimited pool no storm: its
lane rests until the next slot of the windows begins.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcmp

from tressi.core.arena cimport CONNECT as FAILED_TO_CONNECT
from tressi.core.arena cimport SAMPLE_BYTES, ErrorKind
from tressi.core.clock cimport monotonic_ns
from tressi.wire.account cimport (
    account_connected, account_failure, account_read, account_response, account_sent, sample_claim, sample_fill,
)
from tressi.wire.exchange cimport deadline_set, lane_next, request_begin
from tressi.wire.lane cimport (
    CONNECT, CONNECTING, DIALING, Address, Connection, Endpoint, Lane, Origin, lane_connection, queue_remove,
)
from tressi.wire.message cimport parser_body, parser_reset
from tressi.wire.permit cimport permit_take
from tressi.wire.reactor cimport (
    Reactor, connection_close, lane_connect_begun, lane_connect_ended, lane_rest, order_push, ready_push,
)
from tressi.wire.socket cimport (
    EPOLL_CTL_ADD, EPOLLIN, EPOLLOUT, EPOLLRDHUP, close_descriptor, socket_dial, socket_dialed, socket_reason, socket_stamp,
    socket_watch,
)


cdef extern from *:
    """
    static const char tressi_no_source[] = "no source address is of the target's family";
    """
    const char* NO_SOURCE "tressi_no_source"

cdef enum:
    FAMILY_BYTES = 2               # with which every sockaddr begins (on a BSD its length is the first of them)


cdef inline void lane_begin(Reactor* reactor, Lane* lane) noexcept nogil:
    """The lane has its token and its endpoint."""
    cdef Origin* target = lane.endpoint.target
    if lane_connection(lane).descriptor >= 0:
        request_begin(reactor, lane)
    elif target.address_count == 0 and not target.ordered:
        connection_order(reactor, lane)
    elif permit_take(reactor, lane):
        if target.ordered:
            connection_order(reactor, lane)
        else:
            connection_dial(reactor, lane_connection(lane))


cdef inline void connection_order(Reactor* reactor, Lane* lane) noexcept nogil:
    """Have the lane's greenlet connect, or find the addresses to connect to."""
    lane.state = CONNECTING
    lane.connect_begun_ns = monotonic_ns()
    lane_connect_begun(reactor, lane)
    order_push(reactor, lane, CONNECT)


cdef inline int64_t turn_take(Lane* lane) noexcept nogil:
    """Whose turn it is: another address at each try of an attempt, whichever lanes try meanwhile."""
    cdef Origin* target = lane.endpoint.target
    if lane.dials == 0:
        lane.first_turn = target.turn
    target.turn += 1
    lane.dials += 1
    return lane.first_turn + lane.dials - 1


cdef inline Address* source_for(const Origin* target, const Address* address, int64_t turn) noexcept nogil:
    """The next source address of the same family, or NULL; over the turns each is used with each of the target's."""
    cdef int64_t first = turn // target.address_count, offset
    cdef Address* source
    for offset in range(target.source_count):
        source = &target.sources[(first + offset) % target.source_count]
        if memcmp(source.bytes, address.bytes, FAMILY_BYTES) == 0:
            return source
    return NULL


cdef inline void connection_dial(Reactor* reactor, Connection* connection) noexcept nogil:
    """Begin to connect to the target's next address; over loopback it is mostly done at once."""
    cdef Origin* target = connection.lane.endpoint.target
    cdef int64_t turn = turn_take(connection.lane)
    cdef Address* address = &target.addresses[turn % target.address_count]
    cdef Address* source = source_for(target, address, turn)
    cdef bint lacks_source = source == NULL and target.source_count > 0
    cdef int answer
    connection.dialed_ns = monotonic_ns()
    connection.descriptor = -1 if lacks_source else socket_dial(
        address.bytes, <unsigned> address.size, source.bytes if source != NULL else NULL,
        <unsigned> source.size if source != NULL else 0,
    )
    connection.lane.state = DIALING
    if connection.lane.connect_begun_ns == 0:
        connection.lane.connect_begun_ns = connection.dialed_ns
    deadline_set(
        reactor, connection, &connection.lane.endpoint.dialing,
        connection.lane.connect_begun_ns + connection.lane.endpoint.connect_timeout_ns,
    )
    if connection.descriptor < 0:
        connection_refused(reactor, connection, NO_SOURCE if lacks_source else socket_reason(-connection.descriptor))
        return
    # Asked once: the answer takes the socket's error away.
    answer = socket_dialed(connection.descriptor)
    connection.wants_writable = answer == 0
    connection.served = 0
    connection.cut_short = 0
    connection.ended = 0
    socket_stamp(connection.descriptor)
    if socket_watch(
        reactor.epoll, EPOLL_CTL_ADD, connection.descriptor,
        EPOLLIN | EPOLLRDHUP | (EPOLLOUT if connection.wants_writable else 0), connection,
    ) < 0:
        connection_refused(reactor, connection, b"the connection cannot be watched")
    else:
        connection_dialed(reactor, connection, answer)


cdef inline void connection_dialed(Reactor* reactor, Connection* connection, int answer) noexcept nogil:
    """What became of a connection that was begun: `answer` is socket_dialed's."""
    cdef Lane* lane = connection.lane
    cdef int64_t now_ns = monotonic_ns()
    if answer == 0:
        return
    if answer < 0:
        connection_refused(reactor, connection, socket_reason(-answer))
        return
    queue_remove(connection)
    lane_connected(reactor, lane, now_ns - connection.dialed_ns, -1)


cdef inline void connection_refused(Reactor* reactor, Connection* connection, const char* reason) noexcept nogil:
    cdef int64_t now_ns = monotonic_ns()
    queue_remove(connection)
    if connection.descriptor >= 0:
        connection_close(reactor, connection)
    connection.descriptor = -1
    if connection.lane.dials < connection.lane.endpoint.target.address_count:
        # Another address may listen: `localhost` is often two, of which one does.
        ready_push(reactor, connection.lane)
        return
    account_failure(connection.lane, FAILED_TO_CONNECT, reason, False, now_ns)
    lane_refused(reactor, connection.lane, now_ns)


cdef inline void lane_refused(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """It could not connect. A lane that no rate holds back rests: a dead target must see no storm."""
    if lane.pool.paced or lane.leaving:
        lane_next(reactor, lane, now_ns)
    else:
        lane_rest(reactor, lane, now_ns)


cdef inline void lane_connected(Reactor* reactor, Lane* lane, int64_t connect_ns, int64_t tls_ns) noexcept nogil:
    account_connected(lane.endpoint.block, connect_ns, tls_ns)
    # Connecting again for a second try is part of the service time, which counts from the first send.
    if lane.first_sent_ns == 0:
        lane.connect_ns += connect_ns + max(<int64_t> 0, tls_ns)
    request_begin(reactor, lane)


# -------------------------------------------------------------------------------------- what the lane's greenlet reports

cdef inline bint lane_attach(
    Reactor* reactor, Lane* lane, int32_t descriptor, int64_t connect_ns, int64_t tls_ns
) noexcept nogil:
    """The socket that was ordered is connected; False: it cannot be watched."""
    cdef Connection* connection = lane_connection(lane)
    if socket_watch(reactor.epoll, EPOLL_CTL_ADD, descriptor, EPOLLIN | EPOLLRDHUP, connection) < 0:
        close_descriptor(descriptor)
        return False
    socket_stamp(descriptor)
    connection.descriptor = descriptor
    connection.wants_writable = 0
    connection.cut_short = 0
    connection.ended = 0
    connection.served = 0
    connection.send_left = 0
    lane_connect_ended(reactor, lane)
    lane_connected(reactor, lane, connect_ns, tls_ns)
    return True


cdef inline void lane_fail_connecting(
    Reactor* reactor, Lane* lane, ErrorKind kind, const char* reason, bint has_age, int64_t now_ns
) noexcept nogil:
    lane_connect_ended(reactor, lane)
    account_failure(lane, kind, reason, has_age, now_ns)
    lane_refused(reactor, lane, now_ns)


# A response that came over a transport without a reactor.
cdef struct Answer:
    int64_t status
    int64_t sent_ns
    int64_t first_ns               # when its first byte came; 0: with the last
    int64_t arrived_ns
    const char* body
    int64_t body_size
    bint found                     # the body contains what it must
    const char* reason             # why not, in words, or NULL


cdef inline void lane_answered(Reactor* reactor, Lane* lane, const Answer* answer) noexcept nogil:
    """Keep the same books as for a response of our own, except that nobody stamped its arrival."""
    cdef Endpoint* endpoint = lane.endpoint
    cdef Connection* connection = lane_connection(lane)
    cdef int64_t now_ns = monotonic_ns()
    lane_connect_ended(reactor, lane)
    connection.sent_ns = answer.sent_ns
    connection.reads = 0
    connection.sends = 0
    connection.own_delay_ns = 0
    account_sent(reactor.header, lane, answer.sent_ns)
    account_read(connection, 0, answer.arrived_ns)
    if answer.first_ns > 0:
        connection.first_ns = answer.first_ns
        connection.reads = 2
    connection.reason = answer.reason
    parser_reset(&connection.parser, False)
    connection.parser.status = <int32_t> answer.status
    connection.parser.needle_matched = endpoint.needle_size if answer.found else -1
    connection.sample = sample_claim(endpoint.block, answer.status)
    if connection.sample != NULL:
        connection.parser.keep = connection.sample.body
        connection.parser.keep_room = SAMPLE_BYTES
        connection.parser.needle = NULL
        parser_body(&connection.parser, <const uint8_t*> answer.body, answer.body_size)
        sample_fill(connection)
    account_response(reactor.header, lane, connection, now_ns)
    connection.reason = NULL
    lane_next(reactor, lane, now_ns)
