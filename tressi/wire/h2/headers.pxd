"""The header blocks of responses: in one frame or in several, the same as the one before or read anew."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcmp, memcpy

from tressi.wire.h1.message cimport HEAD_LIMIT
from tressi.wire.h2.event cimport END, HEAD, INTERIM, NOTHING, Event, quiet_seen, session_break, stream_break
from tressi.wire.h2.frame cimport (
    COMPRESSION_ERROR, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, INTERNAL_ERROR, PADDED, PRIORITISED,
    PROTOCOL_ERROR,
)
from tressi.wire.h2.hpack cimport BLOCK_BROKEN
from tressi.wire.h2.session cimport KNOWN_BYTES, Session, stream_at
from tressi.wire.h2.stream cimport AWAITS_HEAD, IN_BODY, RESPONDED, Reading, Stream, block_read, body_fault, head_read
from tressi.wire.response cimport Response, response_forget
from tressi.wire.text cimport text_add, text_clear

cdef enum:
    BLOCK_PIECES = 256             # frames of one header block


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
