"""One connection of HTTP/2 as a protocol (RFC 9113): its settings, its streams, and what it has to send. It knows no socket.

What is to be sent is gathered in one piece of memory, frames of all streams one behind the other, and each stream knows at
which byte it begins: so one send carries the requests of many lanes, and each has its own moment of sending where the socket
takes less. That memory grows to what was once needed and stays.

A request's header block is copied as it is, behind a frame head with the number of its stream. Numbers of streams only grow,
and a stream is found by its number alone: its place among the slots is half of it, modulo their count. Where that place is
still held by an older stream the number is passed over, which leaves a gap (RFC 9113 5.1.1 allows it).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memmove

from tressi.wire.h2.frame cimport (
    CANCEL, CONTINUATION, DATA, ENABLE_PUSH, END_HEADERS, END_STREAM, FRAME_BYTES, FRAME_HEAD, GOAWAY, HEADERS, HIGHEST_ID,
    INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE, RST_STREAM, SETTINGS, WINDOW, WINDOW_UPDATE, Code, Frame, FrameKind, four_put,
    frame_put, setting_put,
)
from tressi.wire.h2.hpack cimport TABLE_BYTES, Decoder, decoder_free, decoder_init, decoder_reset
from tressi.wire.h2.stream cimport AWAITS_HEAD, NO_STREAM, Stream
from tressi.wire.h1.message cimport HEAD_LIMIT
from tressi.wire.response cimport Response
from tressi.wire.text cimport Text, text_clear, text_free

cdef enum:
    OUTPUT_BYTES = 4096            # that a connection begins with
    OUTPUT_FULL = 128 * 1024       # beyond that no body is added to what waits for the socket
    OUR_WINDOW = (1 << 30) - 1     # for each response, and for all of a connection together
    ASSUMED_STREAMS = 100          # that a server lets be open, until it has said how many
    KNOWN_BYTES = 256              # of a header block that may be known from the one before
    LAST_ID = HIGHEST_ID - (1 << 20)  # a connection that has come so far opens no more streams

cdef struct Output:
    char* bytes
    int64_t size
    int64_t room
    int64_t done                   # of them the socket has taken
    int64_t base                   # how many were taken before the first of them

cdef struct Session:
    Output output
    Stream** slots
    int32_t mask                   # one less than there are slots
    int32_t next_id
    int32_t open                   # streams
    int32_t wanted                 # streams that may be open at once, as the config asks for
    int32_t allowed                # and as the server does
    int32_t last_id                # that the server has processed, once it goes away
    uint8_t is_going               # it takes no new streams
    uint8_t is_settled             # the server's first settings have come
    uint8_t is_broken              # nothing more is read or sent
    uint8_t owes_size              # the next block must say that no table is used (RFC 7541 4.2)
    uint8_t ends                   # the frame that was read is the last of its stream
    int64_t window                 # bytes of bodies that the server takes now, of all streams together
    int64_t first_window           # of a new stream
    int64_t frame_bytes            # that the server takes in a frame
    Stream* first_body             # streams whose bodies are not sent to their end, in turn
    Stream* last_body
    Stream* first_unsent           # streams of which no byte was sent yet
    Stream* last_unsent
    # What is being read.
    Decoder decoder
    uint8_t head[FRAME_HEAD]       # of a frame, as far as it has come
    int32_t head_size
    Frame frame
    int64_t left                   # of its payload
    int64_t padding                # at its end; -1: how long it is has not come
    int32_t block_id               # the stream whose block is being read; 0: none
    uint8_t block_ends             # and whether the stream ends with it
    int32_t pieces                 # of that block
    Text part                      # of a payload that was cut
    Text block                     # of a header block in several frames
    # Of the last response: where the next one has the same block, and nothing has changed in the table, it says the same.
    uint8_t known[KNOWN_BYTES]
    int32_t known_size             # 0: nothing is known
    int32_t known_status
    uint32_t known_wanted          # the fields that were looked for: none of them was there
    int64_t known_length
    int64_t known_changes          # of the table by then
    int64_t unacknowledged         # bytes of bodies that the server was not told of
    int64_t quiet                  # frames since one that was of use
    Stream* stream                 # that the event is of
    uint32_t code                  # of the event: RST_STREAM's, GOAWAY's, or why the connection is broken
    const char* words              # why it is broken, or the response malformed


cdef inline bint session_init(Session* session, int32_t streams, char* scratch) noexcept nogil:
    """A connection with so many streams at once at most; `scratch` as in `Decoder`. False: there is no memory."""
    cdef int32_t slots = 4
    while slots < 2 * streams:
        slots *= 2
    session.mask = slots - 1
    session.wanted = streams
    session.slots = <Stream**> calloc(slots, sizeof(Stream*))
    session.decoder.scratch = scratch
    if session.slots == NULL or not decoder_init(&session.decoder, TABLE_BYTES):
        return False
    return output_reserve(&session.output, OUTPUT_BYTES)


cdef inline void session_free(Session* session) noexcept nogil:
    decoder_free(&session.decoder)
    free(session.slots)
    free(session.output.bytes)
    text_free(&session.part)
    text_free(&session.block)


cdef inline bint output_reserve(Output* output, int64_t more) noexcept nogil:
    """Have room for so many bytes; False: there is no memory."""
    cdef int64_t room = max(output.room, <int64_t> OUTPUT_BYTES)
    cdef char* bytes
    if output.size + more <= output.room:
        return True
    if output.done > 0:
        memmove(output.bytes, output.bytes + output.done, output.size - output.done)
        output.size -= output.done
        output.base += output.done
        output.done = 0
    while room < output.size + more:
        room *= 2
    if room > output.room:
        bytes = <char*> realloc(output.bytes, room)
        if bytes == NULL:
            return False
        output.bytes = bytes
        output.room = room
    return True


cdef inline void output_taken(Output* output, int64_t size) noexcept nogil:
    """The socket has taken so many bytes more."""
    output.done += size
    if output.done == output.size:
        output.base += output.size
        output.size = output.done = 0


cdef inline int64_t output_end(const Output* output) noexcept nogil:
    """How many bytes there ever were."""
    return output.base + output.size


cdef inline int64_t output_left(const Output* output) noexcept nogil:
    return output.size - output.done


cdef inline bint frame_add(
    Session* session, FrameKind kind, uint8_t flags, int32_t id, const void* payload, int64_t size
) noexcept nogil:
    """Have a whole frame sent; False: there is no memory."""
    cdef Output* output = &session.output
    if not output_reserve(output, FRAME_HEAD + size):
        return False
    frame_put(output.bytes + output.size, size, kind, flags, id)
    if size > 0:
        memcpy(output.bytes + output.size + FRAME_HEAD, payload, size)
    output.size += FRAME_HEAD + size
    return True


cdef inline bint number_add(Session* session, FrameKind kind, int32_t id, uint32_t number) noexcept nogil:
    """A frame that says one number of four bytes."""
    cdef char payload[4]
    four_put(payload, number)
    return frame_add(session, kind, 0, id, payload, 4)


cdef inline bint session_begin(Session* session) noexcept nogil:
    """Make ready for a new connection, and have its first bytes sent (RFC 9113 3.4); False: there is no memory."""
    cdef char settings[18]
    cdef char* at = settings
    cdef Output* output = &session.output
    decoder_reset(&session.decoder)
    text_clear(&session.part)
    text_clear(&session.block)
    output.size = output.done = output.base = 0
    session.next_id = 1
    session.open = 0
    session.allowed = ASSUMED_STREAMS
    session.is_going = session.is_settled = session.is_broken = session.owes_size = session.ends = 0
    session.window = session.first_window = WINDOW
    session.frame_bytes = FRAME_BYTES
    session.first_body = session.last_body = session.first_unsent = session.last_unsent = NULL
    session.head_size = 0
    session.left = 0
    session.block_id = 0
    session.known_size = 0
    session.unacknowledged = 0
    session.quiet = 0
    session.code = 0
    session.words = NULL
    if not output_reserve(output, 24):
        return False
    memcpy(output.bytes, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24)
    output.size = 24
    at = setting_put(at, ENABLE_PUSH, 0)
    at = setting_put(at, INITIAL_WINDOW_SIZE, OUR_WINDOW)
    setting_put(at, MAX_HEADER_LIST_SIZE, HEAD_LIMIT)
    return frame_add(session, SETTINGS, 0, 0, settings, sizeof(settings)) and number_add(
        session, WINDOW_UPDATE, 0, OUR_WINDOW - WINDOW
    )


cdef inline int32_t session_room(const Session* session) noexcept nogil:
    """How many streams may be open at once."""
    return min(session.wanted, session.allowed)


cdef inline bint session_takes(const Session* session) noexcept nogil:
    """Whether it may carry a request more than those that are open, ever."""
    return not session.is_going and not session.is_broken and session.next_id < LAST_ID


cdef inline Stream* stream_at(const Session* session, int32_t id) noexcept nogil:
    """The open stream of that number, or NULL."""
    cdef Stream* stream = session.slots[(id >> 1) & session.mask]
    return stream if stream != NULL and stream.id == id and id != 0 else NULL


# ------------------------------------------------------------------------------------------------------------- requests

cdef inline bint block_add(Session* session, int32_t id, const char* block, int64_t size, bint ends) noexcept nogil:
    """A header block as frames; False: there is no memory."""
    cdef Output* output = &session.output
    cdef int64_t extra = session.owes_size
    cdef int64_t first = min(size, session.frame_bytes - extra)
    cdef FrameKind kind = HEADERS
    cdef uint8_t flags = END_STREAM if ends else 0
    cdef char* at
    if not output_reserve(output, size + extra + (size // session.frame_bytes + 2) * FRAME_HEAD):
        return False
    while True:
        at = frame_put(
            output.bytes + output.size, first + extra, kind, flags | (END_HEADERS if first == size else 0), id
        )
        if extra:
            at[0] = 0x20
            at += 1
        memcpy(at, block, first)
        output.size = at + first - output.bytes
        block += first
        size -= first
        if size == 0:
            break
        first = min(size, session.frame_bytes)
        kind = CONTINUATION
        extra = flags = 0
    session.owes_size = 0
    return True


cdef inline void body_wait(Session* session, Stream* stream) noexcept nogil:
    """The rest of the body waits for the server, the socket or both, behind those of other streams."""
    stream.waits = 1
    stream.later_body = NULL
    stream.earlier_body = session.last_body
    if session.last_body != NULL:
        session.last_body.later_body = stream
    else:
        session.first_body = stream
    session.last_body = stream


cdef inline void body_drop(Session* session, Stream* stream) noexcept nogil:
    if not stream.waits:
        return
    stream.waits = 0
    if stream.earlier_body != NULL:
        stream.earlier_body.later_body = stream.later_body
    else:
        session.first_body = stream.later_body
    if stream.later_body != NULL:
        stream.later_body.earlier_body = stream.earlier_body
    else:
        session.last_body = stream.earlier_body


cdef inline bint body_add(Session* session, Stream* stream) noexcept nogil:
    """Add as much of the body as the server takes now, one frame at most; False: none of it, now."""
    cdef int64_t size = min(min(stream.body_left, session.frame_bytes), min(stream.window, session.window))
    if size <= 0 or output_left(&session.output) >= OUTPUT_FULL:
        return False
    if not frame_add(session, DATA, END_STREAM if size == stream.body_left else 0, stream.id, stream.body_at, size):
        return False
    stream.body_at += size
    stream.body_left -= size
    stream.window -= size
    session.window -= size
    stream.ends = stream.body_left == 0
    return True


cdef inline void bodies_add(Session* session) noexcept nogil:
    """Go on with the bodies that wait, a frame of each in turn, as far as the server takes them."""
    cdef Stream* stream = session.first_body
    cdef Stream* last = session.last_body
    cdef bint added = False
    while stream != NULL:
        body_drop(session, stream)
        if body_add(session, stream):
            added = True
        if stream.body_left > 0:
            body_wait(session, stream)
        if stream == last:
            if not added:
                break
            added = False
            last = session.last_body
        stream = session.first_body


cdef inline void stream_unsent(Session* session, Stream* stream) noexcept nogil:
    """Of the stream no byte was sent yet."""
    stream.is_unsent = 1
    stream.begins_at = output_end(&session.output)
    stream.later_unsent = NULL
    stream.earlier_unsent = session.last_unsent
    if session.last_unsent != NULL:
        session.last_unsent.later_unsent = stream
    else:
        session.first_unsent = stream
    session.last_unsent = stream


cdef inline void stream_is_sent(Session* session, Stream* stream) noexcept nogil:
    """Its first byte was sent, or never need be told of."""
    if not stream.is_unsent:
        return
    stream.is_unsent = 0
    if stream.earlier_unsent != NULL:
        stream.earlier_unsent.later_unsent = stream.later_unsent
    else:
        session.first_unsent = stream.later_unsent
    if stream.later_unsent != NULL:
        stream.later_unsent.earlier_unsent = stream.earlier_unsent
    else:
        session.last_unsent = stream.earlier_unsent


cdef inline bint stream_open(
    Session* session, Stream* stream, Response* response, bint to_head, const char* block, int64_t size,
    const char* body, int64_t body_size, bint holds
) noexcept nogil:
    """Have a request sent on a stream of its own, of which there are fewer than `session_room`; False: there is no memory.

    `holds`: the body follows when `body_go` is called.
    """
    cdef int32_t id = session.next_id
    while session.slots[(id >> 1) & session.mask] != NULL:
        id += 2
    stream.response = response
    stream.id = id
    stream.state = AWAITS_HEAD
    stream.to_head = to_head
    stream.continued = 0
    stream.waits = 0
    stream.head_bytes = 0
    stream.seen = -1
    stream.window = session.first_window
    stream.unacknowledged = 0
    stream.body_at = body
    stream.body_left = body_size
    stream.ends = body_size == 0
    stream_unsent(session, stream)
    session.next_id = id + 2
    session.slots[(id >> 1) & session.mask] = stream
    session.open += 1
    session.quiet = 0
    if not block_add(session, id, block, size, body_size == 0):
        return False
    if body_size > 0 and not holds:
        body_go(session, stream)
    return True


cdef inline void body_go(Session* session, Stream* stream) noexcept nogil:
    """The body may be sent."""
    while stream.body_left > 0 and session.first_body == NULL and body_add(session, stream):
        pass
    if stream.body_left > 0:
        body_wait(session, stream)


cdef inline void stream_close(Session* session, Stream* stream, int code=-1) noexcept nogil:
    """The stream is at its end; with a `code` the server is told so, for to it the stream is still open."""
    if stream.state == NO_STREAM:
        return
    body_drop(session, stream)
    stream_is_sent(session, stream)
    stream.state = NO_STREAM
    session.slots[(stream.id >> 1) & session.mask] = NULL
    session.open -= 1
    if code >= 0 and not session.is_broken:
        number_add(session, RST_STREAM, stream.id, <uint32_t> code)


cdef inline void stream_leave(Session* session, Stream* stream, bint answered) noexcept nogil:
    """Nothing more is read of the stream; `answered`: the response was whole.

    Where the server does not know of an end, because the response or the request is not whole, it is told.
    """
    stream_close(session, stream, -1 if answered and stream.ends else CANCEL)


cdef inline void session_say_goodbye(Session* session, Code code) noexcept nogil:
    """Have the last frame sent (RFC 9113 6.8): why this side ends the connection."""
    cdef char payload[8]
    four_put(four_put(payload, 0), code)
    frame_add(session, GOAWAY, 0, 0, payload, sizeof(payload))
