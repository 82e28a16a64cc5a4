"""How an attempt ends: by a response that is whole, or without one, for a reason; and what becomes of its link."""

from libc.stdint cimport int64_t
from libc.stdio cimport snprintf

from tressi.core.arena cimport TIMEOUT, TLS, ErrorKind, Sample
from tressi.core.clock cimport NS_PER_S, monotonic_ns
from tressi.wire.account cimport account_failure, account_response
from tressi.wire.follow cimport hop_met, lane_next
from tressi.wire.h2.session cimport stream_leave
from tressi.wire.hops cimport response_redirects
from tressi.wire.judge cimport body_judge
from tressi.wire.kept cimport link_is_spent, link_rests
from tressi.wire.lane cimport CLOSE, CLOSE_BEHIND, KEEP, Channel, Ending, Exchange, Lane, queue_remove
from tressi.wire.packed cimport packed_drop, packed_end
from tressi.wire.place cimport place_release
from tressi.wire.reactor cimport Reactor, channel_due, lane_rest, link_close, ready_push
from tressi.wire.sample cimport sample_fill, sample_release
from tressi.wire.success cimport is_success
from tressi.wire.text cimport WHY_BYTES
from tressi.wire.user cimport REFUSED_BY_INTAKE, Intake, intake_reason, user_hides
from tressi.wire.walk cimport walk_abandon

cdef inline void exchange_end(Reactor* reactor, Lane* lane, Ending ending) noexcept nogil:
    """Nothing more is sent or read; what becomes of the link says `ending`."""
    cdef Exchange* exchange = &lane.exchange
    sample_release(exchange)
    if exchange.response.packed != NULL:
        packed_drop(&exchange.response)
    queue_remove(lane)
    if exchange.channel != NULL:
        channel_leave(reactor, lane, ending)
    elif ending != KEEP:
        link_close(reactor, exchange.link, waits=ending == CLOSE_BEHIND)


cdef inline bint exchange_is_stream(const Exchange* exchange) noexcept nogil:
    """Whether it goes over a connection of HTTP/2."""
    return exchange.channel != NULL and exchange.channel.speaks_h2


cdef inline void channel_leave(Reactor* reactor, Lane* lane, Ending ending) noexcept nogil:
    """The lane gives its place back; of a connection of HTTP/2 its stream alone ends, and the server hears of it if need be."""
    cdef Channel* channel = lane.exchange.channel
    if not channel.speaks_h2:
        if ending != KEEP:
            link_close(reactor, &channel.link, waits=ending == CLOSE_BEHIND)
    elif channel.maker == lane:
        link_close(reactor, &channel.link)
    else:
        stream_leave(&channel.session, &lane.exchange.stream, ending == KEEP)
        channel_due(reactor, channel)
    place_release(reactor, lane, lane.exchange.read_ns)


cdef inline void attempt_fail(
    Reactor* reactor, Lane* lane, ErrorKind kind, bint has_age, int64_t now_ns, const char* reason=NULL
) noexcept nogil:
    """The attempt ends without a response, and its connection with it.

    A lane that no rate holds back rests if its connection never served: a dead target must see no storm.
    """
    cdef bint never_served = lane.exchange.link.served == 0
    cdef bint storms = not lane.pool.paced and not lane.leaving and never_served and not has_age
    exchange_end(reactor, lane, CLOSE)
    account_failure(lane, kind, reason, has_age, now_ns)
    if storms:
        if lane.walk != NULL:
            walk_abandon(lane, now_ns)
        lane_rest(reactor, lane, now_ns)
    else:
        lane_next(reactor, lane, now_ns)


cdef inline void attempt_overdue(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The response is not whole in time; the reason tells one that began from silence."""
    cdef double limit_s = <double> lane.endpoint.timeout_ns / NS_PER_S
    cdef char* why = reactor.buffers.why
    cdef const Exchange* exchange = &lane.exchange
    if not exchange.answered:
        snprintf(why, WHY_BYTES, b"no response after %g s", limit_s)
    elif not exchange.response.has_head:
        snprintf(why, WHY_BYTES, b"the head of the response had not ended after %g s", limit_s)
    else:
        snprintf(why, WHY_BYTES, b"status %d, but the body had not ended after %g s", exchange.response.status, limit_s)
    attempt_fail(reactor, lane, TIMEOUT, True, now_ns, why)


cdef inline const char* broken_reason(Reactor* reactor, const Exchange* exchange) noexcept nogil:
    """How far the response was when its connection ended; NULL: it had not begun."""
    if not exchange.answered:
        return NULL
    if not exchange.response.has_head:
        return b"the connection ended within the head of the response"
    snprintf(
        reactor.buffers.why, WHY_BYTES, b"status %d, but the connection ended before the body", exchange.response.status
    )
    return reactor.buffers.why


cdef inline void tls_fail(Reactor* reactor, Lane* lane) noexcept nogil:
    attempt_fail(reactor, lane, TLS, False, monotonic_ns(), reactor.buffers.why)


cdef inline void attempt_broken(Reactor* reactor, Lane* lane, ErrorKind kind) noexcept nogil:
    """The connection ended under the request. A reused one may have been closed before the request reached the server."""
    cdef const Exchange* exchange = &lane.exchange
    if exchange.link.served == 0 or exchange.answered or not exchange.request.idempotent or lane.retried:
        attempt_fail(reactor, lane, kind, False, monotonic_ns(), broken_reason(reactor, exchange))
        return
    lane.retried = 1
    lane.dial.begun_ns = 0
    lane.endpoint.block.retries += 1
    exchange_end(reactor, lane, CLOSE)
    ready_push(reactor, lane)


cdef inline Ending exchange_ending(
    const Reactor* reactor, const Exchange* exchange, bint surplus, int64_t now_ns
) noexcept nogil:
    """What becomes of the link once the response is whole; `surplus`: bytes follow that no request asked for."""
    if exchange_is_stream(exchange):
        return KEEP
    # An answer that came before the whole request was sent leaves the connection in the middle of a message.
    cdef bint reusable = exchange.parser.reusable and exchange.link.send_left + exchange.held == 0
    if not reusable or surplus or exchange.link.ended or not exchange.request.keep_alive:
        return CLOSE_BEHIND
    # The server knows nothing of these limits, and will not close first.
    return CLOSE if reactor.kept != NULL and link_is_spent(exchange.link, reactor.kept, now_ns) else KEEP


cdef inline void exchange_judge(Reactor* reactor, Lane* lane) noexcept nogil:
    """Have the body judged where it must be and all else is as expected; and see what the user of a flow lacks."""
    cdef Exchange* exchange = &lane.exchange
    cdef Intake* intake = exchange.response.further.intake
    cdef const char* reason
    if exchange.response.further.judge != NULL and is_success(&lane.endpoint.check, &exchange.response):
        body_judge(exchange, reactor.buffers.why, WHY_BYTES)
    if intake != NULL and is_success(&lane.endpoint.check, &exchange.response):
        reason = intake_reason(exchange.response.user, intake, exchange.response.taken)
        exchange.response.refused = REFUSED_BY_INTAKE if reason != NULL else 0
        if exchange.reason == NULL:
            # One that is there says why the body could not be decoded.
            exchange.reason = reason


cdef inline void attempt_finish(Reactor* reactor, Lane* lane, bint surplus, int64_t now_ns) noexcept nogil:
    """The response is whole; `surplus`: bytes follow that no request asked for."""
    cdef Exchange* exchange = &lane.exchange
    cdef bint is_hop = lane.endpoint.hops != NULL and response_redirects(&exchange.response)
    cdef Sample* sample = exchange.sample
    if exchange.response.packed != NULL:
        packed_end(exchange, reactor.buffers.why, WHY_BYTES)
    if not is_hop:
        if exchange.response.further != NULL:
            exchange_judge(reactor, lane)
        sample_fill(exchange)
        if sample != NULL and lane.walk != NULL:
            user_hides(&lane.walk.user, sample.body, sample.length)
        account_response(reactor.header, lane, now_ns)
    exchange.link.served += 1
    if reactor.kept != NULL or exchange.response.keeps_ns + exchange.link.keeps_ns > 0:
        link_rests(exchange.link, exchange.response.keeps_ns, exchange.arrival_ns)
    exchange_end(reactor, lane, exchange_ending(reactor, exchange, surplus, now_ns))
    if is_hop:
        hop_met(reactor, lane, now_ns)
    else:
        lane_next(reactor, lane, now_ns)
