"""One request and its response on a lane's connection: send, read, finish or fail, and ask for the next token.

A lane that has its token waits among those that are ready until the batch of responses is read: reads in a row and
sends in a row keep the kernel's paths in the instruction cache, which saves a tenth of the CPU per request. It also
means that nothing here calls itself.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t, uint8_t

from tressi.core.arena cimport CLOSED, PROTOCOL, RESET, SAMPLE_BYTES, SEND
from tressi.core.clock cimport monotonic_ns
from tressi.wire.account cimport account_cut, account_read, account_sent
from tressi.wire.ending cimport (
    attempt_broken, attempt_fail, attempt_finish, attempt_overdue, exchange_end, exchange_is_stream, tls_fail,
)
from tressi.wire.follow cimport hop_is_long, hop_met, hop_sent, lane_next
from tressi.wire.grpc cimport status_at_head
from tressi.wire.h1.message cimport BROKEN, DONE, FAULTS, HEAD_READ, Progress, parser_reset
from tressi.wire.h1.parser cimport parser_close, parser_feed
from tressi.wire.h2.session cimport body_go
from tressi.wire.hops cimport response_redirects
from tressi.wire.lane cimport CLOSE, IN_FLIGHT, Endpoint, Exchange, Lane, Queue, queue_insert, queue_remove
from tressi.wire.link cimport Link, link_sent, link_watch
from tressi.wire.packed cimport packed_begin
from tressi.wire.place cimport place_release
from tressi.wire.reactor cimport Reactor, channel_due, link_close
from tressi.wire.request cimport Slice, request_render
from tressi.wire.response cimport response_begin
from tressi.wire.sample cimport sample_claim
from tressi.wire.socket cimport EAGAIN, EINTR, EPROTO, socket_reason, socket_send
from tressi.wire.tls cimport link_answer, tls_seal
from tressi.wire.user cimport Sender, user_begins
from tressi.wire.walk cimport walk_cut

cdef enum:
    CONTINUE_NS = 1_000_000_000    # for an answer to a head alone (RFC 9110 10.1.1 asks for a limit and names none)


cdef inline bint exchange_prepare(Lane* lane, Slice* bytes) noexcept nogil:
    """Make ready for a request and its response, whatever carries them; `bytes` are those to send. False: no memory."""
    cdef Exchange* exchange = &lane.exchange
    cdef bint rendered = request_render(exchange.request, lane.filling, bytes)
    lane.state = IN_FLIGHT
    response_begin(&exchange.response, &lane.endpoint.check)
    if not rendered:
        bytes[0] = Slice(NULL, 0, 0)
    if lane.walk != NULL:
        lane.walk.user.sender = Sender(
            exchange.request.host, exchange.request.host_size, exchange.request.is_secure, bytes.bytes, bytes.size
        )
    exchange.answered = 0
    exchange.reason = NULL
    if lane.followed == 0:
        exchange.user_timed = 0
        exchange.own_delay_ns = 0
    exchange.reads = 0
    exchange.sends = 0
    exchange.shared_ns = 0
    exchange.awaits = exchange.request.awaits_continue
    return rendered


cdef inline void request_begin(Reactor* reactor, Lane* lane) noexcept nogil:
    """Send the exchange's request on the lane's link."""
    cdef Exchange* exchange = &lane.exchange
    cdef Link* link = exchange.link
    cdef int64_t sent = 0
    cdef Slice bytes
    cdef bint rendered = exchange_prepare(lane, &bytes)
    parser_reset(&exchange.parser, &exchange.response, exchange.request.to_head)
    exchange.held_at = bytes.bytes + bytes.first
    exchange.held = bytes.size - bytes.first
    if not rendered:
        sent = -ENOMEM
    elif not part_load(reactor, lane, bytes.bytes, bytes.first):
        sent = -EPROTO
    # The clock is read last and the books are kept afterwards: on a core that slept, cold memory costs microseconds.
    exchange.sent_ns = monotonic_ns()
    if exchange.sent_ns >= reactor.lease_ns:
        request_withhold(reactor, lane, exchange.sent_ns)
        return
    if sent == 0:
        sent = socket_send(link.descriptor, link.send_at, link.send_left)
    exchange_began(reactor, lane)
    response_wait(reactor, lane, lane.first_sent_ns)
    exchange_sent(reactor, lane, sent)


cdef inline void exchange_began(Reactor* reactor, Lane* lane) noexcept nogil:
    """The first byte of the request was sent, at the exchange's `sent_ns`."""
    if lane.first_sent_ns == 0:
        account_sent(reactor.header, lane, lane.exchange.sent_ns)
    elif lane.on_hop:
        hop_sent(lane)


cdef inline void response_wait(Reactor* reactor, Lane* lane, int64_t sent_ns) noexcept nogil:
    """Wait for the response of the attempt that was first sent then, or for the word that lets its body follow."""
    cdef Endpoint* endpoint = lane.endpoint
    if lane.exchange.awaits:
        deadline_set(reactor, lane, &endpoint.awaiting, sent_ns + min(endpoint.timeout_ns, CONTINUE_NS))
    else:
        deadline_set(reactor, lane, &endpoint.in_flight, sent_ns + endpoint.timeout_ns)


cdef inline void request_withhold(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The engine's lease is over: the request is not sent, and its attempt ends here."""
    if lane.exchange.channel != NULL:
        # Others have requests in flight on the connection.
        place_release(reactor, lane, now_ns)
    else:
        link_close(reactor, lane.exchange.link)
    account_cut(lane, now_ns)
    if lane.walk != NULL:
        walk_cut(reactor, lane, now_ns)
    else:
        lane_next(reactor, lane, now_ns)


cdef inline bint part_load(Reactor* reactor, Lane* lane, const char* bytes, int64_t size) noexcept nogil:
    """Have the link send this part of the request; False: TLS failed. What TLS does not seal at once is held back."""
    cdef Exchange* exchange = &lane.exchange
    cdef int64_t part
    if exchange.link.tls == NULL:
        exchange.link.send_at = bytes
        exchange.link.send_left = size
        return True
    part = tls_seal(exchange.link, bytes, size, reactor.buffers.why)
    if part < 0:
        return False
    exchange.held_at = bytes + part
    exchange.held += size - part
    # What is said inside TLS counts, as in the other direction.
    lane.endpoint.block.bytes_sent += part
    return True


cdef inline void deadline_set(Reactor* reactor, Lane* lane, Queue* queue, int64_t deadline_ns) noexcept nogil:
    """What the lane waits for, in one of its endpoint's queues, must have come by then."""
    lane.exchange.deadline_ns = deadline_ns
    if deadline_ns < reactor.next_deadline_ns:
        reactor.next_deadline_ns = deadline_ns
    queue_insert(queue, lane)


cdef inline void exchange_send(Reactor* reactor, Lane* lane) noexcept nogil:
    """The socket has room again for what is left of the request."""
    cdef Link* link = lane.exchange.link
    if link.send_left == 0 and lane.exchange.held > 0 and not lane.exchange.awaits and not part_begin(reactor, lane):
        tls_fail(reactor, lane)
        return
    exchange_sent(reactor, lane, socket_send(link.descriptor, link.send_at, link.send_left))


cdef inline void exchange_sent(Reactor* reactor, Lane* lane, int64_t sent) noexcept nogil:
    """What became of a send; the socket's buffer nearly always takes the request whole."""
    cdef Exchange* exchange = &lane.exchange
    cdef Link* link = exchange.link
    if not link_sent(link, max(sent, <int64_t> 0)):
        attempt_fail(reactor, lane, SEND, False, monotonic_ns(), socket_reason(ENOMEM))
    elif sent >= 0:
        exchange.sends += 1
        if link.tls == NULL:
            lane.endpoint.block.bytes_sent += sent
        if link.send_left + exchange.held > 0 or link.wants_writable:
            # What is held back of the request is sealed, or sent, once the socket has room.
            link_watch(link, reactor.epoll, link.send_left > 0 or (exchange.held > 0 and not exchange.awaits))
    elif sent == -EAGAIN or sent == -EINTR:
        link_watch(link, reactor.epoll, True)
    elif sent == -EPROTO:
        tls_fail(reactor, lane)
    else:
        # The peer has closed: what it said before, if anything, is still to be read (RFC 9112 9.5).
        exchange_read(reactor, lane)
        if link.descriptor >= 0 and not exchange.answered:
            attempt_broken(reactor, lane, SEND)


cdef inline bint part_begin(Reactor* reactor, Lane* lane) noexcept nogil:
    """What was held back is next to be sent; False: TLS failed."""
    cdef int64_t size = lane.exchange.held
    lane.exchange.held = 0
    return part_load(reactor, lane, lane.exchange.held_at, size)


cdef inline void exchange_continue(Reactor* reactor, Lane* lane) noexcept nogil:
    """The body may be sent; from now on the request is one like any other."""
    lane.exchange.awaits = 0
    exchange_wait(reactor, lane)
    if exchange_is_stream(&lane.exchange):
        body_go(&lane.exchange.channel.session, &lane.exchange.stream)
        channel_due(reactor, lane.exchange.channel)
        return
    if lane.exchange.link.send_left > 0:
        # Of the head itself: the body follows on it.
        return
    if part_begin(reactor, lane):
        exchange_send(reactor, lane)
    else:
        tls_fail(reactor, lane)


cdef inline void exchange_wait(Reactor* reactor, Lane* lane) noexcept nogil:
    """Wait for the response, and no more for the word that lets the body follow."""
    queue_remove(lane)
    deadline_set(reactor, lane, &lane.endpoint.in_flight, lane.first_sent_ns + lane.endpoint.timeout_ns)


cdef inline void exchange_unanswered(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The head was not answered for a second, or for as long as the request may take.

    A server that does not know the expectation waits for the body (RFC 9110 10.1.1). One whose final answer is on its way
    does not want it.
    """
    if lane.first_sent_ns + lane.endpoint.timeout_ns <= now_ns:
        attempt_overdue(reactor, lane, now_ns)
    elif lane.exchange.response.status < 200:
        exchange_continue(reactor, lane)
    else:
        exchange_wait(reactor, lane)

# ---------------------------------------------------------------------------------------------------------- reading


cdef inline void exchange_keep(Reactor* reactor, Lane* lane) noexcept nogil:
    """The head is read: keep the beginning of the body if few of its kind are kept, and decode what is looked at."""
    cdef Exchange* exchange = &lane.exchange
    cdef bint is_looked_at
    if lane.endpoint.hops != NULL and response_redirects(&exchange.response):
        # Its body is read and forgotten.
        exchange.response.needle = NULL
        return
    exchange.sample = sample_claim(lane.endpoint.block, status_at_head(&exchange.response))
    if exchange.response.further != NULL and exchange.response.further.intake != NULL:
        exchange.response.is_searched = exchange.response.further.intake.plan_count > 0
        user_begins(exchange.response.user, exchange.response.further.intake)
    is_looked_at = exchange.sample != NULL or exchange.response.needle != NULL or exchange.response.is_searched
    if is_looked_at and exchange.response.coding.size > 0 and reactor.decode != NULL:
        packed_begin(&exchange.response, reactor.decode)
    elif exchange.sample != NULL:
        exchange.response.keep = exchange.sample.body
        exchange.response.keep_room = SAMPLE_BYTES


cdef inline void exchange_data(Reactor* reactor, Lane* lane, int64_t size, int64_t read_ns) noexcept nogil:
    cdef Exchange* exchange = &lane.exchange
    cdef const uint8_t* at = <const uint8_t*> reactor.buffers.data
    cdef const uint8_t* end = at + size
    cdef Progress progress = parser_feed(&exchange.parser, &at, end)
    if progress == HEAD_READ:
        exchange_keep(reactor, lane)
        progress = parser_feed(&exchange.parser, &at, end)
    if progress == DONE:
        attempt_finish(reactor, lane, at < end, read_ns)
    elif progress == BROKEN:
        attempt_fail(reactor, lane, PROTOCOL, False, read_ns, FAULTS[exchange.parser.fault])
    elif lane.endpoint.hops != NULL and hop_is_long(exchange):
        exchange_end(reactor, lane, CLOSE)
        hop_met(reactor, lane, read_ns)
    elif exchange.awaits and exchange.parser.continued:
        exchange_continue(reactor, lane)


cdef inline void exchange_over(Reactor* reactor, Lane* lane) noexcept nogil:
    """The server has said its last word, and the response goes on."""
    cdef Exchange* exchange = &lane.exchange
    # A body that only the close delimits must not be cut short without notice (RFC 9112 9.8).
    if exchange.answered and not exchange.link.cut_short and parser_close(&exchange.parser) == DONE:
        attempt_finish(reactor, lane, False, monotonic_ns())
    else:
        attempt_broken(reactor, lane, CLOSED)


cdef inline void exchange_read(Reactor* reactor, Lane* lane) noexcept nogil:
    """The link of a request in flight is readable, or has ended."""
    cdef int64_t stamp_ns = 0, now_ns
    # Once the response is whole, the lane may have its next token already, and with it another link.
    cdef Link* link = lane.exchange.link
    cdef int64_t size = link.receive(link, &reactor.buffers, &stamp_ns)
    if size > 0:
        now_ns = monotonic_ns()
        lane.exchange.answered = 1
        lane.endpoint.block.bytes_received += size
        account_read(&lane.exchange, stamp_ns + reactor.offset_ns if stamp_ns else 0, now_ns)
        exchange_data(reactor, lane, size, now_ns)
        link_answer(link, reactor.epoll)
        if link.ended and link.descriptor >= 0:
            exchange_over(reactor, lane)
    elif size == -EAGAIN or size == -EINTR:
        link_answer(link, reactor.epoll)
    elif size == -EPROTO and link.tls != NULL:
        tls_fail(reactor, lane)
    elif size < 0:
        attempt_broken(reactor, lane, RESET)
    else:
        exchange_over(reactor, lane)
