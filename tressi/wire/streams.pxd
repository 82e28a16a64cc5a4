"""Requests over connections of HTTP/2 that lanes share: begin, send, read, and what the server says of the connection.

What the lanes of a batch have to send is gathered by each connection, and sent once all of them have begun. The clock is read
just before that send; where the socket takes less, a request whose first byte it has not taken gets the time of the send that
takes it.

One read may bring several responses, and the kernel has one time for all of it, that of the newest byte. Of a response that
ends before the last byte of a read it is only known that it arrived after the data of the read before, and after its request
was sent. Its service time is then an upper bound, and `Exchange.shared_ns` the width of what is not known.

A server may say of requests that it has not processed them: those above the last one of a GOAWAY (RFC 9113 6.8), and those
that it refuses (8.7). They are sent once more, on another connection or the same one, and count as retries.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdio cimport snprintf

from tressi.core.arena cimport CLOSED, PROTOCOL, RESET, SEND, TLS, ErrorKind
from tressi.core.clock cimport monotonic_ns
from tressi.wire.account cimport account_read
from tressi.wire.channels cimport channel_is_open, channel_leaves, channel_sort, channels_too_many
from tressi.wire.ending cimport attempt_broken, attempt_fail, attempt_finish, exchange_end
from tressi.wire.exchange cimport exchange_began, exchange_continue, exchange_keep, request_withhold, response_wait
from tressi.wire.follow cimport hop_is_long, hop_met
from tressi.wire.grpc cimport call_settle, is_call
from tressi.wire.h2.event cimport AWAY, BROKEN, END, HEAD, INTERIM, MALFORMED, NOTHING, Event
from tressi.wire.h2.event cimport RESET as STREAM_RESET
from tressi.wire.h2.frame cimport REFUSED_STREAM, code_name
from tressi.wire.h2.output cimport output_end, output_left, output_taken
from tressi.wire.h2.reader cimport session_feed
from tressi.wire.h2.session cimport Session, bodies_add, session_room, stream_close, stream_is_sent
from tressi.wire.h2.stream cimport Stream
from tressi.wire.lane cimport CLOSE, Channel, Exchange, Lane, queue_remove
from tressi.wire.link cimport Link, link_sent, link_watch
from tressi.wire.place cimport channels_trim, channels_wake, places_hand_on
from tressi.wire.reactor cimport Reactor, channel_due, link_close, ready_push
from tressi.wire.socket cimport EAGAIN, EINTR, EPROTO, socket_send
from tressi.wire.text cimport WHY_BYTES
from tressi.wire.tls cimport link_answer, tls_seal

cdef enum:
    AGAIN = 16                     # times that a request is sent which no server has processed
    LATE_NS = 1_000_000            # a time limit that began so much before the request was sent begins anew

# ---------------------------------------------------------------------------------------------------------- to begin

# ------------------------------------------------------------------------------------------------------------ to send


cdef inline void streams_sent(Reactor* reactor, Channel* channel, int64_t until, int64_t now_ns) noexcept nogil:
    """All up to this byte of the connection goes to the kernel now."""
    cdef Session* session = &channel.session
    cdef Lane* lane
    while session.first_unsent != NULL and session.first_unsent.begins_at < until:
        lane = <Lane*> session.first_unsent.owner
        stream_is_sent(session, session.first_unsent)
        lane.exchange.sends += 1
        if now_ns - lane.exchange.sent_ns > LATE_NS and lane.first_sent_ns == 0:
            queue_remove(lane)
            response_wait(reactor, lane, now_ns)
        lane.exchange.sent_ns = now_ns
        exchange_began(reactor, lane)


cdef inline void unsent_withhold(Reactor* reactor, Channel* channel, int64_t now_ns) noexcept nogil:
    """The engine's lease is over: what no byte was sent of is taken back, whole frames from the first of them on."""
    cdef Session* session = &channel.session
    cdef Lane* lane
    session.output.size = max(session.output.done, session.first_unsent.begins_at - session.output.base)
    channel.told = min(channel.told, output_end(&session.output))
    while session.first_unsent != NULL:
        lane = <Lane*> session.first_unsent.owner
        stream_close(session, session.first_unsent)
        exchange_end(reactor, lane, CLOSE)
        request_withhold(reactor, lane, now_ns)


cdef inline int64_t channel_send(Reactor* reactor, Channel* channel) noexcept nogil:
    """Send all that was gathered; returns 0, or minus errno."""
    cdef Session* session = &channel.session
    cdef Link* link = &channel.link
    cdef int64_t sent = 0, now_ns, part
    while link.send_left > 0 or output_left(&session.output) > 0:
        if link.tls == NULL:
            link.send_at = session.output.bytes + session.output.done
            link.send_left = output_left(&session.output)
        elif link.send_left == 0:
            part = tls_seal(
                link, session.output.bytes + session.output.done, output_left(&session.output), reactor.buffers.why
            )
            if part < 0:
                return -EPROTO
            output_taken(&session.output, part)
            channel.sealed_to = session.output.base + session.output.done
        now_ns = monotonic_ns()
        if now_ns >= reactor.lease_ns and session.first_unsent != NULL:
            link.send_left = 0 if link.tls == NULL else link.send_left
            unsent_withhold(reactor, channel, now_ns)
            continue
        sent = socket_send(link.descriptor, link.send_at, link.send_left)
        if link.tls == NULL:
            link.send_left = 0
        elif not link_sent(link, max(sent, <int64_t> 0)):
            return -ENOMEM
        if sent < 0:
            break
        if link.tls == NULL:
            output_taken(&session.output, sent)
            streams_sent(reactor, channel, session.output.base + session.output.done, now_ns)
        else:
            streams_sent(reactor, channel, channel.sealed_to, now_ns)
            if link.send_left > 0:
                continue
        bodies_add(session)
    if sent < 0 and sent != -EAGAIN and sent != -EINTR:
        return sent
    link_watch(link, reactor.epoll, sent < 0)
    return 0


cdef inline void channel_account(Channel* channel) noexcept nogil:
    """What no single request has sent or received belongs to the endpoint of the last one."""
    cdef int64_t end = output_end(&channel.session.output)
    channel.block.bytes_sent += end - channel.told
    channel.block.bytes_received += channel.unclaimed
    channel.told = end
    channel.unclaimed = 0


cdef inline void channel_settle(Reactor* reactor, Channel* channel) noexcept nogil:
    """Send what the lanes and the protocol have to say, and end a connection that is through."""
    cdef Session* session = &channel.session
    cdef int64_t sent
    if channel_is_open(channel) and channel.speaks_h2:
        channel.all.places = max(<int64_t> 1, session_room(session))
        bodies_add(session)
        sent = channel_send(reactor, channel)
        channel_account(channel)
        if session.is_broken:
            channel_lost(reactor, channel, PROTOCOL, b"no memory is left for a connection")
        elif sent < 0:
            # The peer has closed: what it said before is still to be read.
            channel_read(reactor, channel)
            if channel_is_open(channel):
                channel_lost(reactor, channel, TLS if sent == -EPROTO else SEND, NULL)
        elif session.is_going and session.open == 0 and channel.taken == 0:
            link_close(reactor, &channel.link, waits=True)
    channel_sort(channel)
    places_hand_on(reactor, channel)
    channels_wake(reactor, channel.all)
    if channels_too_many(channel.all) > 0:
        channels_trim(reactor, channel.all)


cdef inline void channels_settle(Reactor* reactor) noexcept nogil:
    """The lanes of a batch have begun."""
    cdef Channel* channel
    while reactor.first_due != NULL:
        channel = reactor.first_due
        reactor.first_due = channel.later_due
        channel.is_due = 0
        channel_settle(reactor, channel)

# ------------------------------------------------------------------------------------------------------------ to read


cdef inline void lane_again(Reactor* reactor, Lane* lane, const char* why, int64_t now_ns) noexcept nogil:
    """The server has not processed the request, as it says: send it once more, whatever it asks for."""
    stream_close(&lane.exchange.channel.session, &lane.exchange.stream)
    if lane.again >= AGAIN:
        attempt_fail(reactor, lane, RESET, False, now_ns, why)
        return
    if lane.first_sent_ns != 0:
        lane.again += 1
        lane.endpoint.block.retries += 1
    lane.dial.begun_ns = 0
    lane.dial.dials = 0
    exchange_end(reactor, lane, CLOSE)
    ready_push(reactor, lane)


cdef inline void channel_away(Reactor* reactor, Channel* channel, int64_t now_ns) noexcept nogil:
    """The server takes no more requests on this connection, and has not processed those above the last one."""
    cdef Session* session = &channel.session
    cdef int32_t place
    cdef Stream* stream
    channel.block.goaways += 1
    channel_leaves(channel)
    channel_sort(channel)
    for place in range(session.mask + 1):
        stream = session.slots[place]
        if stream != NULL and stream.id > session.last_id:
            lane_again(reactor, <Lane*> stream.owner, b"GOAWAY, again and again", now_ns)


cdef inline void channel_lost(Reactor* reactor, Channel* channel, ErrorKind kind, const char* reason) noexcept nogil:
    """The connection has ended, and the requests on it with it: `reason` is why, where it is the server's fault."""
    cdef Session* session = &channel.session
    cdef int32_t place
    cdef Lane* lane
    session.is_broken = 1
    channel_sort(channel)
    for place in range(session.mask + 1):
        if session.slots[place] == NULL:
            continue
        lane = <Lane*> session.slots[place].owner
        if kind == PROTOCOL or kind == TLS:
            attempt_fail(reactor, lane, kind, False, monotonic_ns(), reason if reason != NULL else reactor.buffers.why)
        else:
            attempt_broken(reactor, lane, kind)
    if kind == PROTOCOL:
        # The server is told why.
        channel_send(reactor, channel)
    link_close(reactor, &channel.link, waits=kind == CLOSED)
    channel_due(reactor, channel)


cdef inline void stream_heard(Channel* channel, Lane* lane, int64_t stamp_ns, int64_t now_ns) noexcept nogil:
    """The read has brought something of the lane's response."""
    lane.endpoint.block.bytes_received += channel.unclaimed
    channel.unclaimed = 0
    lane.exchange.answered = 1
    if lane.exchange.stream.seen != channel.reads:
        lane.exchange.stream.seen = channel.reads
        account_read(&lane.exchange, stamp_ns, now_ns)


cdef inline void stream_event(
    Reactor* reactor, Channel* channel, Event event, bint is_last, int64_t before_ns, int64_t now_ns
) noexcept nogil:
    """Something has happened to a request; `is_last`: with the last byte of the read, the one before came at `before_ns`."""
    cdef Session* session = &channel.session
    cdef Lane* lane = <Lane*> session.stream.owner
    cdef Exchange* exchange = &lane.exchange
    if event == HEAD:
        exchange_keep(reactor, lane)
    elif event == END:
        if not is_last:
            exchange.shared_ns = max(<int64_t> 0, exchange.arrival_ns - max(before_ns, exchange.sent_ns))
        if is_call(&exchange.response):
            call_settle(exchange, lane.endpoint.block)
        attempt_finish(reactor, lane, False, now_ns)
        return
    elif event == INTERIM:
        if exchange.awaits and exchange.stream.continued:
            exchange_continue(reactor, lane)
        return
    elif event == MALFORMED:
        attempt_fail(reactor, lane, PROTOCOL, False, now_ns, session.words)
        return
    elif event == STREAM_RESET:
        if session.code == REFUSED_STREAM:
            lane.endpoint.block.streams_refused += 1
            lane_again(reactor, lane, b"REFUSED_STREAM, again and again", now_ns)
        else:
            stream_close(session, &exchange.stream)
            attempt_fail(reactor, lane, RESET, False, now_ns, code_name(session.code))
        return
    if lane.endpoint.hops != NULL and hop_is_long(exchange):
        exchange_end(reactor, lane, CLOSE)
        hop_met(reactor, lane, now_ns)


cdef inline void channel_data(
    Reactor* reactor, Channel* channel, int64_t size, int64_t stamp_ns, int64_t now_ns
) noexcept nogil:
    """Read what has come, one event after the other."""
    cdef Session* session = &channel.session
    cdef const uint8_t* at = <const uint8_t*> reactor.buffers.data
    cdef const uint8_t* end = at + size
    cdef const uint8_t* begun = at
    cdef int64_t before_ns = channel.arrived_ns
    cdef Event event
    channel.reads += 1
    channel.arrived_ns = min(stamp_ns, now_ns) if stamp_ns > 0 else now_ns
    while True:
        event = session_feed(session, &at, end)
        channel.unclaimed += at - begun
        begun = at
        if event == NOTHING:
            return
        if event == BROKEN:
            snprintf(reactor.buffers.why, WHY_BYTES, b"%s: %s", code_name(session.code), session.words)
            channel_lost(reactor, channel, PROTOCOL, reactor.buffers.why)
            return
        if event == AWAY:
            channel_away(reactor, channel, now_ns)
        else:
            stream_heard(channel, <Lane*> session.stream.owner, stamp_ns, now_ns)
            stream_event(reactor, channel, event, at == end, before_ns, now_ns)


cdef inline void channel_read(Reactor* reactor, Channel* channel) noexcept nogil:
    """The connection is readable, or has ended."""
    cdef int64_t stamp_ns = 0
    cdef Link* link = &channel.link
    cdef int64_t size = link.receive(link, &reactor.buffers, &stamp_ns)
    channel_due(reactor, channel)
    if size > 0:
        channel_data(reactor, channel, size, stamp_ns + reactor.offset_ns if stamp_ns else 0, monotonic_ns())
        if link.descriptor >= 0:
            link_answer(link, reactor.epoll)
        if link.ended and link.descriptor >= 0:
            channel_lost(reactor, channel, CLOSED, NULL)
    elif size == -EAGAIN or size == -EINTR:
        link_answer(link, reactor.epoll)
    elif size == -EPROTO and link.tls != NULL:
        channel_lost(reactor, channel, TLS, NULL)
    else:
        channel_lost(reactor, channel, RESET if size < 0 else CLOSED, NULL)
