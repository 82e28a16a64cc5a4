"""How a lane that has its token gets a connection: the reactor makes plain ones itself, the lane's greenlet all others.

A connection that is refused costs no greenlet switch, and an unlimited pool no storm: its lane rests until the next slot
of the windows begins.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from tressi.core.arena cimport CONNECT as FAILED_TO_CONNECT
from tressi.core.arena cimport SAMPLE_BYTES, TIMEOUT, ErrorKind
from tressi.core.clock cimport monotonic_ns
from tressi.wire.account cimport (
    account_connected, account_failure, account_read, account_response, account_sent, sample_claim, sample_fill,
)
from tressi.wire.address cimport (
    address_answered, address_choose, address_heard, address_silent, addresses_left, lane_has_address, source_for, turn_take,
    wait_ns,
)
from tressi.wire.close cimport closings_release
from tressi.wire.exchange cimport attempt_fail, deadline_set, lane_next, request_begin
from tressi.wire.lane cimport (
    CONNECT, CONNECTING, DIALING, Address, Connection, Endpoint, Lane, Origin, Queue, lane_connection, queue_remove,
)
from tressi.wire.message cimport parser_body, parser_reset
from tressi.wire.permit cimport permit_take
from tressi.wire.reactor cimport (
    Reactor, connection_close, lane_connect_begun, lane_connect_ended, lane_rest, order_push, ready_push,
)
from tressi.wire.socket cimport (
    EMFILE, EPOLL_CTL_ADD, EPOLLIN, EPOLLOUT, EPOLLRDHUP, close_descriptor, socket_dial, socket_dialed, socket_reason,
    socket_stamp, socket_watch,
)


cdef extern from *:
    """
    static const char tressi_no_source[] = "no source address is of the target's family";
    """
    const char* NO_SOURCE "tressi_no_source"

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


cdef inline int descriptor_dial(Reactor* reactor, const Address* address, const Address* source) noexcept nogil:
    """Begin to connect; returns the descriptor or minus errno. Where none is left, one that only waits for an end is freed."""
    cdef const char* source_bytes = source.bytes if source != NULL else NULL
    cdef unsigned source_size = <unsigned> source.size if source != NULL else 0
    cdef int descriptor = socket_dial(address.bytes, <unsigned> address.size, source_bytes, source_size)
    if descriptor == -EMFILE and closings_release(&reactor.closings):
        descriptor = socket_dial(address.bytes, <unsigned> address.size, source_bytes, source_size)
    return descriptor


cdef inline void connection_dial(Reactor* reactor, Connection* connection) noexcept nogil:
    """Begin to connect to the target's next address; over loopback it is mostly done at once."""
    cdef Lane* lane = connection.lane
    cdef Origin* target = lane.endpoint.target
    cdef int64_t turn = turn_take(lane)
    cdef Address* address
    cdef Address* source
    cdef bint lacks_source
    cdef int answer
    connection.dialed_ns = monotonic_ns()
    address = address_choose(target, lane, turn, connection.dialed_ns)
    source = source_for(target, address, turn)
    lacks_source = source == NULL and target.source_count > 0
    connection.address = address.number
    connection.descriptor = -1 if lacks_source else descriptor_dial(reactor, address, source)
    lane.state = DIALING
    if lane.connect_begun_ns == 0:
        lane.connect_begun_ns = connection.dialed_ns
    connection_await(reactor, connection)
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


cdef inline void connection_await(Reactor* reactor, Connection* connection) noexcept nogil:
    """Wait for the address to answer: for its share of the time while others are left, else for all that remains."""
    cdef Lane* lane = connection.lane
    cdef int64_t left_ns = lane.connect_begun_ns + lane.endpoint.connect_timeout_ns - connection.dialed_ns
    cdef Queue* queue = &lane.endpoint.dialing
    if addresses_left(lane) > 0:
        queue = &lane.endpoint.trying
        left_ns = wait_ns(lane, left_ns)
    deadline_set(reactor, connection, queue, connection.dialed_ns + left_ns)


cdef inline void connection_dialed(Reactor* reactor, Connection* connection, int answer) noexcept nogil:
    """What became of a connection that was begun: `answer` is socket_dialed's."""
    cdef Lane* lane = connection.lane
    cdef int64_t took_ns = monotonic_ns() - connection.dialed_ns
    if answer == 0:
        return
    if answer < 0:
        connection_refused(reactor, connection, socket_reason(-answer))
        return
    queue_remove(connection)
    if lane.endpoint.target.address_count > 1:
        address_answered(connection, took_ns)
    lane_connected(reactor, lane, lane.spent_ns + took_ns, -1)


cdef inline void connection_leave(Reactor* reactor, Connection* connection, int64_t now_ns) noexcept nogil:
    """The address is done with."""
    queue_remove(connection)
    connection.lane.spent_ns += now_ns - connection.dialed_ns
    if connection.descriptor >= 0:
        connection_close(reactor, connection)
    connection.descriptor = -1


cdef inline void connection_refused(Reactor* reactor, Connection* connection, const char* reason) noexcept nogil:
    cdef int64_t now_ns = monotonic_ns()
    address_heard(connection)
    connection_leave(reactor, connection, now_ns)
    if lane_has_address(connection.lane):
        # Another address may listen: `localhost` is often two, of which one does.
        ready_push(reactor, connection.lane)
        return
    account_failure(connection.lane, FAILED_TO_CONNECT, reason, False, now_ns)
    lane_refused(reactor, connection.lane, now_ns)


cdef inline void connection_unanswered_yet(Reactor* reactor, Connection* connection, int64_t now_ns) noexcept nogil:
    """Its share of the time is over: on to the next address, unless the answer has come and was not read yet."""
    cdef int answer = socket_dialed(connection.descriptor)
    if answer != 0:
        connection_dialed(reactor, connection, answer)
        return
    address_silent(connection, now_ns)
    connection_leave(reactor, connection, now_ns)
    ready_push(reactor, connection.lane)


cdef inline void connection_hung(Reactor* reactor, Connection* connection, int64_t now_ns) noexcept nogil:
    """All the time for connecting is over."""
    cdef Endpoint* endpoint = connection.lane.endpoint
    address_silent(connection, now_ns)
    attempt_fail(
        reactor, connection, TIMEOUT if endpoint.hung_times_out else FAILED_TO_CONNECT, True, now_ns, endpoint.hung
    )


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
    connection.owes = 0
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
