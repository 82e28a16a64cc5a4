"""What a server says on a connection of HTTP/2: bytes in, events out, cut anywhere. It knows no socket.

`session_feed` reads on until something has happened that the caller must know of, and is called again for the rest. What the
protocol itself asks for (acknowledgements, windows) goes into the connection's output.

Every length is checked (RFC 9113 6). A server that only keeps the client busy ends the connection: frames that are of no use
(SETTINGS, PING, frames of closed streams, empty ones) are counted since the last one that was of any, and so are the pieces
and the bytes of a header block; and what the output owes to a server that does not read has a bound.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memmove

from tressi.wire.h1.message cimport HEAD_LIMIT
from tressi.wire.h2.frame cimport (
    ACK, COMPRESSION_ERROR, CONTINUATION, DATA, ENABLE_PUSH, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FLOW_CONTROL_ERROR,
    FRAME_BYTES, FRAME_HEAD, FRAME_SIZE_ERROR, GOAWAY, HEADERS, HEADER_TABLE_SIZE, HIGHEST_FRAME_BYTES, HIGHEST_ID,
    HIGHEST_WINDOW, INITIAL_WINDOW_SIZE, INTERNAL_ERROR, MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE, PADDED, PING, PRIORITISED,
    PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, Code, Frame, frame_at, number_at,
)
from tressi.wire.h2.hpack cimport BLOCK_BROKEN, TABLE_BYTES
from tressi.wire.h2.session cimport (
    KNOWN_BYTES, OUR_WINDOW, Session, frame_add, number_add, output_left, session_say_goodbye, stream_at,
)
from tressi.wire.h2.stream cimport AWAITS_HEAD, IN_BODY, RESPONDED, Reading, Stream, block_read, body_fault, head_read
from tressi.wire.response cimport Response, body_seen, response_forget
from tressi.wire.text cimport text_add, text_clear

cdef enum:
    QUIET_FRAMES = 10_000          # in a row
    BLOCK_PIECES = 256             # frames of one header block
    OWED_BYTES = 1024 * 1024       # of acknowledgements and bodies that the server does not take

cdef enum Event:
    NOTHING                        # all bytes are used
    HEAD                           # the final head of `stream` is read
    INTERIM                        # a 1xx of it
    PIECE                          # some of its body
    END                            # its response is whole
    MALFORMED                      # its response is none, as `words` say
    RESET                          # the server has ended it, for `code`
    AWAY                           # the server takes no stream above `last_id`, for `code`
    BROKEN                         # the connection cannot be read any more, as `code` and `words` say


cdef inline Event session_break(Session* session, Code code, const char* words) noexcept nogil:
    session.code = code
    session.words = words
    session_say_goodbye(session, code)
    session.is_broken = 1
    return BROKEN


cdef inline Event stream_break(Session* session, Stream* stream, const char* words) noexcept nogil:
    session.stream = stream
    session.words = words
    return MALFORMED


cdef inline Event quiet_seen(Session* session) noexcept nogil:
    """A frame that was of no use."""
    session.quiet += 1
    if session.quiet > QUIET_FRAMES or output_left(&session.output) > OWED_BYTES:
        return session_break(session, ENHANCE_YOUR_CALM, b"too many frames that say nothing")
    return NOTHING


cdef inline bint is_ours(const Session* session, int32_t id) noexcept nogil:
    """Whether a stream of that number was ever opened, or left out."""
    return id & 1 and id < session.next_id


# ------------------------------------------------------------------------------------------------------- header blocks

cdef inline Event stream_over(Session* session, Stream* stream) noexcept nogil:
    """The server has said the last of the stream."""
    cdef const char* fault = body_fault(stream)
    session.stream = stream
    if fault != NULL:
        return stream_break(session, stream, fault)
    stream.state = RESPONDED
    return END


cdef inline bint block_is_known(
    const Session* session, const Stream* stream, const uint8_t* block, int64_t size
) noexcept nogil:
    """Whether the block is that of the response before, for a response of which as much is wanted: then it says the same."""
    return (
        size == session.known_size and size > 0 and stream.state == AWAITS_HEAD and stream.response.further == NULL
        and stream.response.wanted == session.known_wanted and session.decoder.changes == session.known_changes
        and memcmp(block, session.known, size) == 0
    )


cdef inline void block_know(
    Session* session, const Stream* stream, const uint8_t* block, int64_t size, int64_t changes, bint has_wanted
) noexcept nogil:
    """Keep what a response's block has said, if it was short, has changed nothing, and had no field that is wanted."""
    cdef const Response* response = stream.response
    session.known_size = 0
    if size > KNOWN_BYTES or has_wanted or response.further != NULL or changes != session.decoder.changes:
        return
    memcpy(session.known, block, size)
    session.known_size = <int32_t> size
    session.known_status = response.status
    session.known_wanted = response.wanted
    session.known_length = response.length
    session.known_changes = changes


cdef inline Event head_known(Session* session, Stream* stream) noexcept nogil:
    """The head of a response is that of the one before."""
    response_forget(stream.response)
    stream.response.status = session.known_status
    stream.response.length = session.known_length
    return head_ended(session, stream)


cdef inline Event head_ended(Session* session, Stream* stream) noexcept nogil:
    """The final head of a response is read."""
    session.stream = stream
    stream.state = IN_BODY
    stream.response.has_head = 1
    session.ends = session.block_ends
    return HEAD


cdef inline Event block_whole(Session* session, const uint8_t* block, int64_t size) noexcept nogil:
    """All of a header block has come."""
    cdef int32_t id = session.block_id
    cdef Stream* stream = stream_at(session, id)
    cdef Reading reading
    cdef int64_t changes = session.decoder.changes
    session.block_id = 0
    if stream == NULL or stream.state == RESPONDED:
        if block_read(&session.decoder, block, block + size, NULL, &reading) == BLOCK_BROKEN:
            return session_break(session, COMPRESSION_ERROR, b"a header block that cannot be decoded")
        return quiet_seen(session)
    session.quiet = 0
    if block_is_known(session, stream, block, size):
        return head_known(session, stream)
    if head_read(stream, &session.decoder, block, block + size, &reading) == BLOCK_BROKEN:
        return session_break(session, COMPRESSION_ERROR, b"a header block that cannot be decoded")
    if reading.fault != NULL:
        return stream_break(session, stream, reading.fault)
    if reading.in_trailer:
        if not session.block_ends:
            return stream_break(session, stream, b"fields behind the body that do not end it")
        return stream_over(session, stream)
    if stream.response.status >= 200:
        block_know(session, stream, block, size, changes, reading.has_wanted)
    session.stream = stream
    if stream.response.status < 200:
        if session.block_ends:
            return stream_break(session, stream, b"an interim response that ends its stream")
        stream.continued = stream.continued or stream.response.status == 100
        response_forget(stream.response)
        return INTERIM
    return head_ended(session, stream)


cdef inline Event headers_seen(Session* session, const uint8_t* at, int64_t size) noexcept nogil:
    """A frame with the beginning of a block."""
    cdef uint8_t flags = session.frame.flags
    cdef int64_t padding = 0, before = 0
    if flags & PADDED:
        if size < 1:
            return session_break(session, FRAME_SIZE_ERROR, b"a frame that is too short")
        padding, before = at[0], 1
    if flags & PRIORITISED:
        before += 5
    if before + padding > size:
        return session_break(session, PROTOCOL_ERROR, b"more padding than there is frame")
    at += before
    size -= before + padding
    session.block_id = session.frame.id
    session.block_ends = flags & END_STREAM
    session.pieces = 1
    if flags & END_HEADERS:
        return block_whole(session, at, size)
    session.block.size = 0
    if not text_add(&session.block, at, size):
        return session_break(session, INTERNAL_ERROR, b"no memory is left for a header field")
    return NOTHING


cdef inline Event continuation_seen(Session* session, const uint8_t* at, int64_t size) noexcept nogil:
    cdef Event event
    session.pieces += 1
    if session.pieces > BLOCK_PIECES or session.block.size + size > HEAD_LIMIT:
        return session_break(session, ENHANCE_YOUR_CALM, b"a header block without an end")
    if not text_add(&session.block, at, size):
        return session_break(session, INTERNAL_ERROR, b"no memory is left for a header field")
    if not session.frame.flags & END_HEADERS:
        return NOTHING
    event = block_whole(session, <const uint8_t*> session.block.bytes, session.block.size)
    text_clear(&session.block)
    return event


# ------------------------------------------------------------------------------------------ what is said of a connection

cdef inline bint window_grow(int64_t* window, int64_t more) noexcept nogil:
    """False: it is larger than any may be (RFC 9113 6.9.1)."""
    window[0] += more
    return window[0] <= HIGHEST_WINDOW


cdef inline bint windows_change(Session* session, int64_t size) noexcept nogil:
    """Streams begin with another window, and those that are open have it changed by the difference (6.9.2)."""
    cdef int64_t more = size - session.first_window
    cdef int32_t place
    session.first_window = size
    for place in range(session.mask + 1):
        if session.slots[place] != NULL and not window_grow(&session.slots[place].window, more):
            return False
    return True


cdef inline Event setting_seen(Session* session, int number, uint32_t value) noexcept nogil:
    if number == HEADER_TABLE_SIZE:
        # Below what a table begins with the next block must say that it obeys; it says that there is none (RFC 7541 4.2).
        session.owes_size = session.owes_size or value < TABLE_BYTES
    elif number == ENABLE_PUSH and value != 0:
        return session_break(session, PROTOCOL_ERROR, b"a server that asks for pushes")
    elif number == MAX_CONCURRENT_STREAMS:
        session.allowed = <int32_t> min(value, <uint32_t> HIGHEST_ID)
    elif number == INITIAL_WINDOW_SIZE:
        if value > <uint32_t> HIGHEST_WINDOW or not windows_change(session, value):
            return session_break(session, FLOW_CONTROL_ERROR, b"a window that is too large")
    elif number == MAX_FRAME_SIZE:
        if not FRAME_BYTES <= value <= HIGHEST_FRAME_BYTES:
            return session_break(session, PROTOCOL_ERROR, b"a frame size that no side may ask for")
        # Larger frames would only make others wait longer.
        session.frame_bytes = FRAME_BYTES
    return NOTHING


cdef inline Event settings_seen(Session* session, const uint8_t* at, int64_t size) noexcept nogil:
    cdef const uint8_t* end = at + size
    session.is_settled = 1
    if session.frame.flags & ACK:
        return quiet_seen(session)
    while at < end:
        if setting_seen(session, at[0] << 8 | at[1], number_at(at + 2)) == BROKEN:
            return BROKEN
        at += 6
    if not frame_add(session, SETTINGS, ACK, 0, NULL, 0):
        return session_break(session, INTERNAL_ERROR, b"no memory is left for a frame")
    return quiet_seen(session)


cdef inline Event ping_seen(Session* session, const uint8_t* at) noexcept nogil:
    if not session.frame.flags & ACK and not frame_add(session, PING, ACK, 0, at, 8):
        return session_break(session, INTERNAL_ERROR, b"no memory is left for a frame")
    return quiet_seen(session)


cdef inline Event away_seen(Session* session, const uint8_t* at) noexcept nogil:
    cdef int32_t last_id = <int32_t> (number_at(at) & <uint32_t> HIGHEST_ID)
    if session.is_going and last_id > session.last_id:
        return session_break(session, PROTOCOL_ERROR, b"a GOAWAY that takes more than the one before")
    session.last_id = last_id
    session.code = number_at(at + 4)
    session.is_going = 1
    return AWAY


cdef inline Event reset_seen(Session* session, const uint8_t* at) noexcept nogil:
    cdef Stream* stream = stream_at(session, session.frame.id)
    if stream == NULL or stream.state == RESPONDED:
        return quiet_seen(session)
    session.stream = stream
    session.code = number_at(at)
    return RESET


cdef inline Event window_seen(Session* session, const uint8_t* at) noexcept nogil:
    cdef int64_t more = number_at(at) & <uint32_t> HIGHEST_WINDOW
    cdef Stream* stream = stream_at(session, session.frame.id)
    if more == 0:
        return session_break(session, PROTOCOL_ERROR, b"a window that grows by nothing")
    if session.frame.id == 0:
        if not window_grow(&session.window, more):
            return session_break(session, FLOW_CONTROL_ERROR, b"a window that is too large")
    elif stream != NULL and not window_grow(&stream.window, more):
        return stream_break(session, stream, b"a window that is too large")
    return quiet_seen(session)


# -------------------------------------------------------------------------------------------------------------- frames

cdef inline Event frame_begin(Session* session) noexcept nogil:
    """The head of a frame is read: whether it may stand here, and be so long (RFC 9113 4.2, 6)."""
    cdef Frame frame = session.frame
    cdef uint8_t kind = frame.kind
    session.left = frame.size
    session.padding = 0
    # First of all, because what a server of HTTP/1.1 says looks like a frame of millions of bytes.
    if not session.is_settled and (kind != SETTINGS or frame.flags & ACK):
        return session_break(session, PROTOCOL_ERROR, b"the server does not speak HTTP/2: it begins with no settings")
    if frame.size > FRAME_BYTES:
        return session_break(session, FRAME_SIZE_ERROR, b"a frame that is larger than any may be")
    if session.block_id != 0 and (kind != CONTINUATION or frame.id != session.block_id):
        return session_break(session, PROTOCOL_ERROR, b"a header block that is not gone on with")
    if kind == DATA or kind == HEADERS or kind == RST_STREAM or kind == PRIORITY or kind == CONTINUATION:
        if not is_ours(session, frame.id):
            return session_break(session, PROTOCOL_ERROR, b"a stream that was never opened")
    elif frame.id != 0 and (kind == SETTINGS or kind == PING or kind == GOAWAY):
        return session_break(session, PROTOCOL_ERROR, b"a stream where the connection is meant")
    elif frame.id != 0 and kind == WINDOW_UPDATE and not is_ours(session, frame.id):
        return session_break(session, PROTOCOL_ERROR, b"a stream that was never opened")
    if kind == PUSH_PROMISE:
        return session_break(session, PROTOCOL_ERROR, b"a push that was not asked for")
    if kind == CONTINUATION and session.block_id == 0:
        return session_break(session, PROTOCOL_ERROR, b"a header block that was not begun")
    if not length_is_legal(&frame):
        return session_break(session, FRAME_SIZE_ERROR, b"a frame of a length that its kind cannot have")
    return data_begin(session) if kind == DATA else NOTHING


cdef inline bint length_is_legal(const Frame* frame) noexcept nogil:
    if frame.kind == SETTINGS:
        return frame.size == 0 if frame.flags & ACK else frame.size % 6 == 0
    if frame.kind == PING:
        return frame.size == 8
    if frame.kind == GOAWAY:
        return frame.size >= 8
    if frame.kind == RST_STREAM or frame.kind == WINDOW_UPDATE:
        return frame.size == 4
    return frame.size == 5 if frame.kind == PRIORITY else True


cdef inline Event data_begin(Session* session) noexcept nogil:
    """A piece of a body: account for its frame (RFC 9113 6.9). What came is granted anew long before a window is used."""
    cdef Stream* stream = stream_at(session, session.frame.id)
    cdef int64_t size = session.frame.size
    session.unacknowledged += size
    if session.unacknowledged > OUR_WINDOW // 2:
        number_add(session, WINDOW_UPDATE, 0, <uint32_t> session.unacknowledged)
        session.unacknowledged = 0
    if session.frame.flags & PADDED:
        if size < 1:
            return session_break(session, FRAME_SIZE_ERROR, b"a frame that is too short")
        session.padding = -1
    if stream == NULL:
        return quiet_seen(session)
    stream.unacknowledged += size
    if stream.unacknowledged > OUR_WINDOW // 2 and not session.frame.flags & END_STREAM:
        number_add(session, WINDOW_UPDATE, stream.id, <uint32_t> stream.unacknowledged)
        stream.unacknowledged = 0
    if size > 0:
        session.quiet = 0
        return NOTHING
    return quiet_seen(session)


cdef inline Event data_feed(Session* session, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read on in a piece of a body; its stream may have been given up since the last read."""
    cdef Stream* stream = stream_at(session, session.frame.id)
    cdef int64_t size
    if session.padding < 0:
        # How long it is comes first: what is wrong with a frame does not depend on where it was cut.
        if at[0] == end:
            return NOTHING
        session.padding = at[0][0]
        at[0] += 1
        session.left -= 1
        if session.padding > session.left:
            return session_break(session, PROTOCOL_ERROR, b"more padding than there is frame")
    if stream != NULL and stream.state != IN_BODY:
        if stream.state == AWAITS_HEAD:
            size = min(<int64_t> (end - at[0]), session.left)
            at[0] += size
            session.left -= size
            return stream_break(session, stream, b"a body without a head")
        stream = NULL
    if session.left > session.padding and at[0] < end:
        size = min(<int64_t> (end - at[0]), session.left - session.padding)
        if stream != NULL:
            body_seen(stream.response, at[0], size)
        at[0] += size
        session.left -= size
    if session.left <= session.padding:
        size = min(<int64_t> (end - at[0]), session.left)
        at[0] += size
        session.left -= size
        session.padding -= size
    if stream == NULL:
        return NOTHING
    session.stream = stream
    if session.left > 0 or not session.frame.flags & END_STREAM:
        return PIECE
    return stream_over(session, stream)


cdef inline Event payload_whole(Session* session, const uint8_t* at, int64_t size) noexcept nogil:
    """A frame has come to its end."""
    cdef uint8_t kind = session.frame.kind
    if kind == HEADERS:
        return headers_seen(session, at, size)
    if kind == CONTINUATION:
        return continuation_seen(session, at, size)
    if kind == SETTINGS:
        return settings_seen(session, at, size)
    if kind == PING:
        return ping_seen(session, at)
    if kind == GOAWAY:
        return away_seen(session, at)
    if kind == RST_STREAM:
        return reset_seen(session, at)
    if kind == WINDOW_UPDATE:
        return window_seen(session, at)
    return quiet_seen(session)


cdef inline Event payload_feed(Session* session, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read on in a frame that is looked at when it is whole, in place where it came in one piece."""
    cdef int64_t size = min(<int64_t> (end - at[0]), session.left)
    cdef const uint8_t* begin = at[0]
    cdef Event event
    at[0] += size
    session.left -= size
    if session.left == 0 and session.part.size == 0:
        return payload_whole(session, begin, size)
    if not text_add(&session.part, begin, size):
        return session_break(session, INTERNAL_ERROR, b"no memory is left for a frame")
    if session.left > 0:
        return NOTHING
    event = payload_whole(session, <const uint8_t*> session.part.bytes, session.part.size)
    text_clear(&session.part)
    return event


cdef inline bint head_whole(Session* session, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read the head of a frame; False: it was cut."""
    cdef int64_t size
    if session.head_size == 0 and end - at[0] >= FRAME_HEAD:
        session.frame = frame_at(at[0])
        at[0] += FRAME_HEAD
        return True
    size = min(<int64_t> (end - at[0]), <int64_t> (FRAME_HEAD - session.head_size))
    memmove(session.head + session.head_size, at[0], size)
    session.head_size += <int32_t> size
    at[0] += size
    if session.head_size < FRAME_HEAD:
        return False
    session.head_size = 0
    session.frame = frame_at(session.head)
    return True


cdef inline Event frame_feed(Session* session, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read on, in the frame under way or in the next."""
    cdef Event event
    if session.left == 0:
        if not head_whole(session, at, end):
            return NOTHING
        event = frame_begin(session)
        if event != NOTHING:
            return event
    if session.frame.kind == DATA:
        return data_feed(session, at, end)
    return payload_feed(session, at, end)


cdef inline Event session_feed(Session* session, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read on from `at[0]` to `end` at most, up to the next event; `at[0]` is left where reading stopped."""
    cdef Event event = NOTHING
    cdef Stream* stream
    if session.is_broken:
        return BROKEN
    if session.ends:
        # The head of a response was all of it; its stream may have been given up since.
        session.ends = 0
        stream = stream_at(session, session.frame.id)
        if stream != NULL:
            return stream_over(session, stream)
    while at[0] < end and event == NOTHING:
        event = frame_feed(session, at, end)
    return event
