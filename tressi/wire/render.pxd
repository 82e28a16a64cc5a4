"""A request put together for each attempt: constant bytes, and holes filled from what was drawn.

A request is copied into a buffer of its lane, which grows to the largest one and is kept: copying costs less than handing
dozens of pieces to the kernel, and TLS has one piece to seal. A request without holes has no form, and is sent from where it
lies.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

from tressi.core.clock cimport NS_PER_S, realtime_ns
from tressi.wire.jar cimport jar_size, jar_write
from tressi.wire.slot cimport Slot, SlotContext, slot_size, slot_write
from tressi.wire.source cimport (
    LONGEST_NUMBER, SLOT, TABLE, Cell, Drawn, Source, source_draw, source_is_spent, source_longest, source_write, table_cell,
    value_digits,
)
from tressi.wire.user cimport User, path_of

cdef enum:
    CONSTANT = -2                  # as a piece's source: its own bytes
    BODY_SIZE = -1                 # and how many bytes the body has
    COOKIES = -3                   # and the cookies of a user's jar
    SHORTEST_ROOM = 512

cdef struct Piece:
    const char* bytes
    int64_t size
    int32_t source
    int32_t column

# A request as it is planned.
cdef struct Form:
    Piece* pieces
    int32_t count
    int32_t body                   # the first piece of the body
    int32_t* sources               # that it is filled from, each once
    int32_t source_count
    int32_t counts_body            # whether a piece is the size of the body
    const char* host               # of the URL, for cookies
    int32_t host_size
    int32_t is_secure

# What a lane fills forms with: what it has drawn, and the last request that was put together.
cdef struct Filling:
    Source* sources
    Drawn* drawn                   # by the number of the source
    uint64_t* kept                 # the rows that the lane keeps, counted from 1; 0: none yet
    User* user                     # of the lane's flow, or NULL
    char* bytes
    int64_t room
    int64_t size
    int64_t head                   # how many of them are the head


cdef inline bint form_is_spent(const Form* form, const Source* sources) noexcept nogil:
    """Whether a source that it needs has nothing left."""
    cdef int32_t index
    for index in range(form.source_count):
        if source_is_spent(&sources[form.sources[index]]):
            return True
    return False


cdef inline void form_draw(const Form* form, Source* sources, Filling* filling) noexcept nogil:
    """Draw from each source that it needs."""
    cdef int32_t index, number
    for index in range(form.source_count):
        number = form.sources[index]
        source_draw(&sources[number], &filling.drawn[number], filling.kept)


cdef inline bint filling_grow(Filling* filling, int64_t more) noexcept nogil:
    """Make room for so many bytes behind those that are there; False: there is no memory."""
    cdef int64_t room = max(filling.room, <int64_t> SHORTEST_ROOM)
    cdef char* bytes
    # Without any bytes yet there is nothing to copy to, not even nothing.
    if filling.bytes != NULL and filling.size + more <= filling.room:
        return True
    while room < filling.size + more:
        room *= 2
    bytes = <char*> realloc(filling.bytes, room)
    if bytes == NULL:
        return False
    filling.bytes = bytes
    filling.room = room
    return True


cdef inline int64_t piece_size(const Piece* piece, const Source* sources, const Filling* filling) noexcept nogil:
    cdef char number[64]
    cdef const Source* source
    if piece.source == CONSTANT:
        return piece.size
    source = &sources[piece.source]
    if source.kind == TABLE:
        return table_cell(source, filling.drawn[piece.source].low, piece.column).size
    if source.kind == SLOT:
        return slot_size(&filling.user.slots[source.low], <SlotContext> piece.column) if filling.user != NULL else 0
    # Of a text only the length counts, and no other value is longer than the room here.
    if source_longest(source) > <int64_t> sizeof(number):
        return source.length
    return source_write(source, &filling.drawn[piece.source], number)


cdef inline int64_t body_size(const Form* form, const Source* sources, const Filling* filling) noexcept nogil:
    cdef int64_t size = 0
    cdef int32_t index
    for index in range(form.body, form.count):
        size += piece_size(&form.pieces[index], sources, filling)
    return size


cdef inline bint slot_fill(const Piece* piece, const Source* source, Filling* filling) noexcept nogil:
    """Append what a user has extracted, if he has; False: there is no memory."""
    cdef const Slot* slot
    if filling.user == NULL:
        return True
    slot = &filling.user.slots[source.low]
    if not filling_grow(filling, slot_size(slot, <SlotContext> piece.column)):
        return False
    filling.size += slot_write(slot, <SlotContext> piece.column, filling.bytes + filling.size)
    return True


cdef inline bint cookies_fill(const Piece* piece, const Form* form, Filling* filling) noexcept nogil:
    """Append the cookies of the user for this request: a field, or (column 1) what follows on a field's own value."""
    cdef const char* before = b"; " if piece.column else b"Cookie: "
    cdef int64_t length, more, now_s = realtime_ns() // NS_PER_S
    cdef int64_t before_size = 2 if piece.column else 8
    cdef const char* path
    if filling.user == NULL or filling.user.jar == NULL:
        return True
    # What was appended so far begins with the request line.
    path = path_of(filling.bytes, filling.size, &length)
    more = jar_size(filling.user.jar, form.host, form.host_size, path, length, form.is_secure, now_s)
    if more == 0:
        return True
    if not filling_grow(filling, more + before_size + 2):
        return False
    path = path_of(filling.bytes, filling.size, &length)
    memcpy(filling.bytes + filling.size, before, before_size)
    filling.size += before_size
    filling.size += jar_write(
        filling.user.jar, form.host, form.host_size, path, length, form.is_secure, now_s, filling.bytes + filling.size
    )
    if not piece.column:
        memcpy(filling.bytes + filling.size, b"\r\n", 2)
        filling.size += 2
    return True


cdef inline bint piece_fill(
    const Piece* piece, const Form* form, const Source* sources, Filling* filling
) noexcept nogil:
    """Append what stands in its place; False: there is no memory."""
    cdef const Source* source
    cdef Cell cell
    cell.bytes = piece.bytes
    cell.size = piece.size
    if piece.source == BODY_SIZE:
        if not filling_grow(filling, LONGEST_NUMBER):
            return False
        filling.size += value_digits(filling.bytes + filling.size, body_size(form, sources, filling))
        return True
    if piece.source == COOKIES:
        return cookies_fill(piece, form, filling)
    if piece.source != CONSTANT:
        source = &sources[piece.source]
        if source.kind == SLOT:
            return slot_fill(piece, source, filling)
        if source.kind != TABLE:
            if not filling_grow(filling, source_longest(source)):
                return False
            filling.size += source_write(source, &filling.drawn[piece.source], filling.bytes + filling.size)
            return True
        cell = table_cell(source, filling.drawn[piece.source].low, piece.column)
    if not filling_grow(filling, cell.size):
        return False
    memcpy(filling.bytes + filling.size, cell.bytes, cell.size)
    filling.size += cell.size
    return True


cdef inline bint form_fill(const Form* form, const Source* sources, Filling* filling) noexcept nogil:
    """Put the request together of what was drawn; False: there is no memory."""
    cdef int32_t index
    filling.size = 0
    filling.head = 0
    for index in range(form.count):
        if index == form.body:
            filling.head = filling.size
        if not piece_fill(&form.pieces[index], form, sources, filling):
            return False
    if form.body == form.count:
        filling.head = filling.size
    return True
