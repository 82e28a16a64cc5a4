"""One request and its response on a lane's connection: send, read, finish or fail, and ask for the next token.

A lane that has its token waits among those that are ready until the batch of responses is read: reads in a row and
sends in a row keep the kernel's paths in the instruction cache, which saves a tenth of the CPU per request. It also
means that nothing here calls itself.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.stdio cimport snprintf

from tressi.core.arena cimport CLOSED, PROTOCOL, RESET, SAMPLE_BYTES, SEND, TIMEOUT, TLS, ErrorKind
from tressi.core.clock cimport NS_PER_S, monotonic_ns
from tressi.wire.account cimport (
    account_failure, account_read, account_response, account_sent, sample_claim, sample_fill,
    sample_release,
)
from tressi.wire.http cimport parser_close, parser_feed
from tressi.wire.lane cimport (
    IN_FLIGHT, READY, Connection, Endpoint, Lane, Queue, Slice, lane_connection, queue_insert, queue_remove,
)
from tressi.wire.message cimport BODY_START, BROKEN, DONE, FAULTS, HEAD_READ, Progress, parser_reset
from tressi.wire.packed cimport packed_begin, packed_end
from tressi.wire.reactor cimport (
    BUFFER_BYTES, Reactor, connection_close, lane_leave, lane_rest, lane_take, pool_settle, ready_push,
)
from tressi.wire.socket cimport (
    EAGAIN, EINTR, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPROTO, socket_receive, socket_send, socket_watch,
)
from tressi.wire.tls cimport WHY_BYTES, tls_answer, tls_receive, tls_seal


cdef inline void lane_next(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """An attempt has ended: on to the next, or rest."""
    pool_settle(lane.pool, lane.free_ns, now_ns)
    if lane.leaving:
        lane_leave(reactor, lane, now_ns)
    elif not lane_take(reactor, lane, now_ns):
        lane_rest(reactor, lane, now_ns)


cdef inline void request_begin(Reactor* reactor, Lane* lane) noexcept nogil:
    """Send the endpoint's next request on the lane's connection."""
    cdef Endpoint* endpoint = lane.endpoint
    cdef Connection* connection = lane_connection(lane)
    cdef int64_t sent = 0
    cdef Slice* variant = &endpoint.variants[endpoint.next_variant]
    if endpoint.variant_count > 1:
        endpoint.next_variant = (endpoint.next_variant + 1) % endpoint.variant_count
    lane.state = IN_FLIGHT
    parser_reset(&connection.parser, endpoint.to_head)
    connection.parser.needle = endpoint.needle
    connection.parser.needle_next = endpoint.needle_next
    connection.parser.needle_size = endpoint.needle_size
    connection.answered = 0
    connection.reason = NULL
    connection.user_timed = 0
    connection.own_delay_ns = 0
    connection.reads = 0
    connection.sends = 0
    connection.send_at = variant.bytes
    connection.send_left = variant.first
    connection.held_at = variant.bytes + variant.first
    connection.held = variant.size - variant.first
    connection.awaits = endpoint.awaits_continue
    if connection.tls != NULL and not tls_seal(connection, reactor.why):
        sent = -EPROTO
    # The clock is read last and the books are kept afterwards: on a core that slept, cold memory costs microseconds.
    connection.sent_ns = monotonic_ns()
    if sent == 0:
        sent = socket_send(connection.descriptor, connection.send_at, connection.send_left)
    if lane.first_sent_ns == 0:
        account_sent(reactor.header, lane, connection.sent_ns)
    deadline_set(reactor, connection, endpoint.sent, lane.first_sent_ns + endpoint.patience_ns)
    connection_sent(reactor, connection, sent)


cdef inline void deadline_set(
    Reactor* reactor, Connection* connection, Queue* queue, int64_t deadline_ns
) noexcept nogil:
    """What the connection waits for, in one of its endpoint's queues, must have come by then."""
    connection.deadline_ns = deadline_ns
    if deadline_ns < reactor.next_deadline_ns:
        reactor.next_deadline_ns = deadline_ns
    queue_insert(queue, connection)


cdef inline void connection_watch(Reactor* reactor, Connection* connection, bint writable) noexcept nogil:
    if writable != connection.wants_writable:
        connection.wants_writable = writable
        socket_watch(
            reactor.epoll, EPOLL_CTL_MOD, connection.descriptor,
            EPOLLIN | EPOLLRDHUP | (EPOLLOUT if writable else 0), connection,
        )


cdef inline void connection_send(Reactor* reactor, Connection* connection) noexcept nogil:
    """The socket has room again for what is left of the request."""
    connection_sent(reactor, connection, socket_send(connection.descriptor, connection.send_at, connection.send_left))


cdef inline void connection_sent(Reactor* reactor, Connection* connection, int64_t sent) noexcept nogil:
    """What became of a send; the socket's buffer nearly always takes the request whole."""
    if sent >= 0:
        connection.sends += 1
        connection.send_at += sent
        connection.send_left -= sent
        if connection.tls == NULL:
            connection.lane.endpoint.block.bytes_sent += sent
        if connection.send_left + connection.held > 0 or connection.wants_writable:
            connection_follow(reactor, connection)
    elif sent == -EAGAIN or sent == -EINTR:
        connection_watch(reactor, connection, True)
    elif sent == -EPROTO:
        tls_fail(reactor, connection)
    else:
        # The peer has closed: what it said before, if anything, is still to be read (RFC 9112 9.5).
        connection_read(reactor, connection)
        if connection.descriptor >= 0 and not connection.answered:
            attempt_broken(reactor, connection, SEND)


cdef inline bint part_begin(Reactor* reactor, Connection* connection) noexcept nogil:
    """What was held back is next to be sent; False: TLS failed."""
    connection.send_at = connection.held_at
    connection.send_left = connection.held
    connection.held = 0
    return connection.tls == NULL or tls_seal(connection, reactor.why)


cdef inline void connection_follow(Reactor* reactor, Connection* connection) noexcept nogil:
    """A part is sent: go on when the socket has room for more, if there is more that may be sent."""
    cdef bint begins = connection.send_left == 0 and connection.held > 0 and not connection.awaits
    if begins and not part_begin(reactor, connection):
        tls_fail(reactor, connection)
    else:
        connection_watch(reactor, connection, connection.send_left > 0)
        connection_answer(reactor, connection)


cdef inline void connection_continue(Reactor* reactor, Connection* connection) noexcept nogil:
    """The body may be sent; from now on the request is one like any other."""
    cdef Lane* lane = connection.lane
    connection.awaits = 0
    queue_remove(connection)
    deadline_set(
        reactor, connection, &lane.endpoint.in_flight, lane.first_sent_ns + lane.endpoint.timeout_ns
    )
    if connection.send_left > 0:
        # Of the head itself: the body follows on it.
        return
    if part_begin(reactor, connection):
        connection_send(reactor, connection)
    else:
        tls_fail(reactor, connection)


cdef inline void connection_unanswered(Reactor* reactor, Connection* connection, int64_t now_ns) noexcept nogil:
    """The head was not answered for a second, or for as long as the request may take.

    A server that does not know the expectation waits for the body (RFC 9110 10.1.1). One whose final answer is on its way
    does not want it.
    """
    cdef Lane* lane = connection.lane
    if lane.first_sent_ns + lane.endpoint.timeout_ns <= now_ns:
        attempt_overdue(reactor, connection, now_ns)
    elif connection.parser.status < 200:
        connection_continue(reactor, connection)
    else:
        queue_remove(connection)
        deadline_set(
            reactor, connection, &lane.endpoint.in_flight, lane.first_sent_ns + lane.endpoint.timeout_ns
        )


cdef inline void attempt_fail(
    Reactor* reactor, Connection* connection, ErrorKind kind, bint has_age, int64_t now_ns, const char* reason=NULL
) noexcept nogil:
    """The request in flight ends without a response, and its connection with it.

    A lane that no rate holds back rests if its connection never served: a dead target must see no storm.
    """
    cdef Lane* lane = connection.lane
    cdef bint storms = not lane.pool.paced and not lane.leaving and connection.served == 0 and not has_age
    sample_release(connection)
    queue_remove(connection)
    connection_close(reactor, connection)
    account_failure(lane, kind, reason, has_age, now_ns)
    if storms:
        lane_rest(reactor, lane, now_ns)
    else:
        lane_next(reactor, lane, now_ns)


cdef inline void attempt_overdue(Reactor* reactor, Connection* connection, int64_t now_ns) noexcept nogil:
    """The response is not whole in time; the reason tells one that began from silence."""
    cdef double limit_s = <double> connection.lane.endpoint.timeout_ns / NS_PER_S
    if not connection.answered:
        snprintf(reactor.why, WHY_BYTES, b"no response after %g s", limit_s)
    elif connection.parser.state < BODY_START:
        snprintf(reactor.why, WHY_BYTES, b"the head of the response had not ended after %g s", limit_s)
    else:
        snprintf(
            reactor.why, WHY_BYTES, b"status %d, but the body had not ended after %g s", connection.parser.status, limit_s
        )
    attempt_fail(reactor, connection, TIMEOUT, True, now_ns, reactor.why)


cdef inline const char* broken_reason(Reactor* reactor, const Connection* connection) noexcept nogil:
    """How far the response was when its connection ended; NULL: it had not begun."""
    if not connection.answered:
        return NULL
    if connection.parser.state < BODY_START:
        return b"the connection ended within the head of the response"
    snprintf(reactor.why, WHY_BYTES, b"status %d, but the connection ended before the body", connection.parser.status)
    return reactor.why


cdef inline void tls_fail(Reactor* reactor, Connection* connection) noexcept nogil:
    attempt_fail(reactor, connection, TLS, False, monotonic_ns(), reactor.why)


cdef inline void attempt_broken(Reactor* reactor, Connection* connection, ErrorKind kind) noexcept nogil:
    """The connection ended under the request. A reused one may have been closed before the request reached the server."""
    cdef Lane* lane = connection.lane
    if connection.served == 0 or connection.answered or not lane.endpoint.idempotent or lane.retried:
        attempt_fail(reactor, connection, kind, False, monotonic_ns(), broken_reason(reactor, connection))
        return
    lane.retried = 1
    lane.connect_begun_ns = 0
    lane.endpoint.block.retries += 1
    queue_remove(connection)
    connection_close(reactor, connection)
    ready_push(reactor, lane)


cdef inline bint connection_is_reusable(const Connection* connection) noexcept nogil:
    # An answer that came before the whole request was sent leaves the connection in the middle of a message.
    return connection.parser.reusable and connection.send_left + connection.held == 0


cdef inline void attempt_finish(Reactor* reactor, Connection* connection, bint surplus, int64_t now_ns) noexcept nogil:
    """The response is whole; `surplus`: bytes follow that no request asked for."""
    cdef Lane* lane = connection.lane
    if connection.parser.packed != NULL:
        packed_end(connection, reactor.why, WHY_BYTES)
    sample_fill(connection)
    queue_remove(connection)
    account_response(reactor.header, lane, connection, now_ns)
    connection.served += 1
    if surplus or connection.ended or not lane.endpoint.keep_alive or not connection_is_reusable(connection):
        connection_close(reactor, connection, waits=True)
    lane_next(reactor, lane, now_ns)


cdef inline void connection_keep(Reactor* reactor, Connection* connection) noexcept nogil:
    """The head is read: keep the beginning of the body if few of its kind are kept, and decode what is looked at."""
    cdef bint is_looked_at
    connection.sample = sample_claim(connection.lane.endpoint.block, connection.parser.status)
    is_looked_at = connection.sample != NULL or connection.parser.needle != NULL
    if is_looked_at and connection.parser.coding_size > 0 and reactor.decode != NULL:
        packed_begin(connection, reactor.decode)
    elif connection.sample != NULL:
        connection.parser.keep = connection.sample.body
        connection.parser.keep_room = SAMPLE_BYTES


cdef inline void connection_data(Reactor* reactor, Connection* connection, int64_t size, int64_t read_ns) noexcept nogil:
    cdef const uint8_t* at = <const uint8_t*> reactor.buffer
    cdef const uint8_t* end = at + size
    cdef Progress progress = parser_feed(&connection.parser, &at, end)
    if progress == HEAD_READ:
        connection_keep(reactor, connection)
        progress = parser_feed(&connection.parser, &at, end)
    if progress == DONE:
        attempt_finish(reactor, connection, at < end, read_ns)
    elif progress == BROKEN:
        attempt_fail(reactor, connection, PROTOCOL, False, read_ns, FAULTS[connection.parser.fault])
    elif connection.awaits and connection.parser.continued:
        connection_continue(reactor, connection)


cdef inline int64_t connection_receive(Reactor* reactor, Connection* connection, int64_t* stamp_ns) noexcept nogil:
    if connection.tls == NULL:
        return socket_receive(connection.descriptor, reactor.buffer, BUFFER_BYTES, stamp_ns)
    return tls_receive(
        connection, reactor.sealed, BUFFER_BYTES, reactor.buffer, 2 * BUFFER_BYTES, stamp_ns, reactor.why
    )


cdef inline void connection_answer(Reactor* reactor, Connection* connection) noexcept nogil:
    """Send what a read had TLS say of its own; the server may wait for it, with the response or without."""
    cdef int64_t sent
    if not connection.owes or connection.tls == NULL or not tls_answer(connection):
        return
    sent = socket_send(connection.descriptor, connection.send_at, connection.send_left)
    if sent > 0:
        connection.send_at += sent
        connection.send_left -= sent
    connection_watch(reactor, connection, connection.send_left > 0)


cdef inline void connection_over(Reactor* reactor, Connection* connection) noexcept nogil:
    """The server has said its last word, and the response goes on."""
    # A body that only the close delimits must not be cut short without notice (RFC 9112 9.8).
    if connection.answered and not connection.cut_short and parser_close(&connection.parser) == DONE:
        attempt_finish(reactor, connection, False, monotonic_ns())
    else:
        attempt_broken(reactor, connection, CLOSED)


cdef inline void connection_read(Reactor* reactor, Connection* connection) noexcept nogil:
    """The socket of a request in flight is readable, or has ended."""
    cdef int64_t stamp_ns = 0, now_ns
    cdef int64_t size = connection_receive(reactor, connection, &stamp_ns)
    if size > 0:
        now_ns = monotonic_ns()
        connection.answered = 1
        connection.lane.endpoint.block.bytes_received += size
        account_read(connection, stamp_ns + reactor.offset_ns if stamp_ns else 0, now_ns)
        connection_data(reactor, connection, size, now_ns)
        connection_answer(reactor, connection)
        if connection.ended and connection.descriptor >= 0:
            connection_over(reactor, connection)
    elif size == -EAGAIN or size == -EINTR:
        connection_answer(reactor, connection)
    elif size == -EPROTO and connection.tls != NULL:
        tls_fail(reactor, connection)
    elif size < 0:
        attempt_broken(reactor, connection, RESET)
    else:
        connection_over(reactor, connection)
