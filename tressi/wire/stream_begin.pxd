"""How a lane begins a request on a connection of HTTP/2, and what follows once that is made, or cannot be."""

from libc.stdint cimport int64_t

from tressi.core.arena cimport SEND, ErrorKind
from tressi.core.clock cimport monotonic_ns
from tressi.wire.account cimport account_failure
from tressi.wire.channels cimport channel_sort
from tressi.wire.ending cimport attempt_fail
from tressi.wire.exchange cimport exchange_prepare, response_wait
from tressi.wire.follow cimport lane_next
from tressi.wire.h2.block cimport block_of, block_room
from tressi.wire.h2.output cimport output_end
from tressi.wire.h2.session cimport Session, session_begin, stream_open
from tressi.wire.lane cimport Channel, Channels, Exchange, Lane
from tressi.wire.place cimport channels_wake, join_end, place_release, places_hand_on
from tressi.wire.reactor cimport Reactor, channel_due, lane_rest
from tressi.wire.request cimport Request, Slice
from tressi.wire.text cimport text_grow
from tressi.wire.walk cimport walk_abandon

cdef inline bint block_made(
    Reactor* reactor, const Lane* lane, const Slice* bytes, Slice* block, Slice* body
) noexcept nogil:
    """The header block of a request, and its body; False: there is no memory."""
    cdef const Request* request = lane.exchange.request
    cdef int64_t size, head_size = request.head_size
    if request.form == NULL:
        block[0] = request.block
    else:
        head_size = lane.filling.head
        if reactor.buffers.block.room < block_room(head_size) and not text_grow(
            &reactor.buffers.block, block_room(head_size)
        ):
            return False
        size = block_of(bytes.bytes, head_size, request.target.is_secure, False, reactor.buffers.block.bytes)
        block[0] = Slice(reactor.buffers.block.bytes, size, size)
    body[0] = Slice(bytes.bytes + head_size, bytes.size - head_size, 0)
    return block.size > 0


cdef inline void stream_begin(Reactor* reactor, Lane* lane) noexcept nogil:
    """Have the exchange's request sent with those of other lanes that begin now."""
    cdef Exchange* exchange = &lane.exchange
    cdef Channel* channel = exchange.channel
    cdef Session* session = &channel.session
    cdef int64_t before = output_end(&session.output)
    cdef Slice bytes, block, body
    cdef bint is_made = exchange_prepare(lane, &bytes)
    exchange.stream.owner = lane
    exchange.sent_ns = reactor.batch_ns
    response_wait(reactor, lane, lane.first_sent_ns if lane.first_sent_ns != 0 else reactor.batch_ns)
    channel_due(reactor, channel)
    is_made = is_made and block_made(reactor, lane, &bytes, &block, &body) and stream_open(
        session, &exchange.stream, &exchange.response, exchange.request.to_head, block.bytes, block.size, body.bytes,
        body.size, exchange.awaits,
    )
    if not is_made:
        attempt_fail(reactor, lane, SEND, False, monotonic_ns(), b"no memory is left for a request")
        return
    channel.block.bytes_sent += before - channel.told
    channel.block = lane.endpoint.block
    channel.told = output_end(&session.output)
    channel.block.bytes_sent += channel.told - before


cdef inline void channel_made(Reactor* reactor, Lane* lane) noexcept nogil:
    """The connection that the lane makes for others as well stands: those who wait have places on it."""
    cdef Channel* channel = lane.exchange.channel
    cdef bint has_memory = True
    channel.maker = NULL
    channel.all.making -= 1
    channel.reads = 0
    channel.sealed_to = 0
    channel.arrived_ns = 0
    channel.unclaimed = 0
    channel.told = 0
    channel.block = lane.endpoint.block
    if channel.speaks_h2:
        has_memory = session_begin(&channel.session)
        channel.block.h2_connections += 1
    else:
        channel.all.places = 1
    channel.session.is_broken = not has_memory
    channel_due(reactor, channel)
    channel_sort(channel)
    places_hand_on(reactor, channel)
    channels_wake(reactor, channel.all)


cdef inline void channel_not_made(
    Reactor* reactor, Lane* lane, ErrorKind kind, const char* reason, bint has_age, int64_t now_ns
) noexcept nogil:
    """The connection cannot be made. Where there is no other, it fails for all who wait, as it would for each of them."""
    cdef Channel* channel = lane.exchange.channel
    cdef Channels* channels
    cdef Lane* last
    cdef Lane* one = NULL
    if channel == NULL:
        return
    channels = channel.all
    place_release(reactor, lane, now_ns)
    last = channels.last_waiting if channels.count == 0 else NULL
    while last != NULL and one != last:
        one = channels.first_waiting
        join_end(one, now_ns)
        account_failure(one, kind, reason, has_age, now_ns)
        if one.pool.paced or one.leaving:
            lane_next(reactor, one, now_ns)
        else:
            if one.walk != NULL:
                walk_abandon(one, now_ns)
            lane_rest(reactor, one, now_ns)
