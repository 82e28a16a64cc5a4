"""What the greenlet of a lane reports: a connection, that none can be made, or the answer of a transport of its own."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memchr

from tressi.core.arena cimport SAMPLE_BYTES, ErrorKind
from tressi.core.clock cimport monotonic_ns
from tressi.wire.account cimport account_failure, account_read, account_response, account_sent
from tressi.wire.check cimport FIRST_MARK
from tressi.wire.dial cimport lane_connected, lane_refused
from tressi.wire.follow cimport lane_next
from tressi.wire.lane cimport Endpoint, Exchange, Lane
from tressi.wire.link cimport Link, events_of, link_open
from tressi.wire.reactor cimport Reactor, lane_connect_ended
from tressi.wire.response cimport Response, body_seen, field_held, response_begin
from tressi.wire.sample cimport sample_claim, sample_fill
from tressi.wire.socket cimport EPOLL_CTL_ADD, close_descriptor, socket_stamp, socket_watch
from tressi.wire.stream_begin cimport channel_not_made

cdef inline bint lane_attach(
    Reactor* reactor, Lane* lane, int32_t descriptor, int64_t connect_ns, int64_t tls_ns, bint speaks_h2
) noexcept nogil:
    """The socket that was ordered is connected, and speaks HTTP/2 or not; False: it cannot be watched."""
    cdef Link* link = lane.exchange.link
    if lane.exchange.channel != NULL:
        lane.exchange.channel.speaks_h2 = speaks_h2
    if socket_watch(reactor.epoll, EPOLL_CTL_ADD, descriptor, events_of(False), link) < 0:
        close_descriptor(descriptor)
        return False
    socket_stamp(descriptor)
    link_open(link, descriptor, False)
    lane_connect_ended(reactor, lane)
    lane_connected(reactor, lane, connect_ns, tls_ns)
    return True


cdef inline void lane_fail_connecting(
    Reactor* reactor, Lane* lane, ErrorKind kind, const char* reason, bint has_age, int64_t now_ns
) noexcept nogil:
    lane_connect_ended(reactor, lane)
    channel_not_made(reactor, lane, kind, reason, has_age, now_ns)
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
    int64_t body_bytes             # of all of it, as it came
    bint refused                   # by its judge, for `reason`
    const char* fields             # those that are checked, as in Response.others
    int64_t fields_size


cdef inline void fields_answered(Response* response, const Answer* answer) noexcept nogil:
    """Hold the fields of the answer against what they must be."""
    cdef const char* at = answer.fields
    cdef const char* end = at + answer.fields_size
    cdef const char* line_end
    cdef int32_t place
    while at < end and response.further != NULL:
        line_end = <const char*> memchr(at, c"\n", end - at)
        place = at[0] - FIRST_MARK
        if line_end == NULL or not 0 <= place < response.further.field_count:
            return
        field_held(response, response.further.fields[place].number, at + 1, line_end - at - 1)
        at = line_end + 1


cdef inline void lane_answered(Reactor* reactor, Lane* lane, const Answer* answer) noexcept nogil:
    """Keep the same books as for a response of our own, except that the kernel stamped no arrival."""
    cdef Endpoint* endpoint = lane.endpoint
    cdef Exchange* exchange = &lane.exchange
    cdef int64_t now_ns = monotonic_ns()
    lane_connect_ended(reactor, lane)
    exchange.sent_ns = answer.sent_ns
    exchange.reads = 0
    exchange.sends = 0
    exchange.own_delay_ns = 0
    account_sent(reactor.header, lane, answer.sent_ns)
    account_read(exchange, 0, answer.arrived_ns)
    if answer.first_ns > 0:
        exchange.first_ns = answer.first_ns
        exchange.reads = 2
    exchange.reason = answer.reason
    response_begin(&exchange.response, &endpoint.check)
    exchange.response.status = <int32_t> answer.status
    exchange.response.needle_matched = endpoint.check.needle_size if answer.found else -1
    exchange.sample = sample_claim(endpoint.block, answer.status)
    if exchange.sample != NULL:
        exchange.response.keep = exchange.sample.body
        exchange.response.keep_room = SAMPLE_BYTES
        exchange.response.needle = NULL
        body_seen(&exchange.response, <const uint8_t*> answer.body, answer.body_size)
        sample_fill(exchange)
    fields_answered(&exchange.response, answer)
    exchange.response.body_bytes = answer.body_bytes
    exchange.response.refused = answer.refused
    account_response(reactor.header, lane, now_ns)
    exchange.reason = NULL
    lane_next(reactor, lane, now_ns)
