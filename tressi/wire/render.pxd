"""A request put together for each attempt: constant bytes, and holes filled from what was drawn.

A request is copied into a buffer of its lane, which grows to the largest one and is kept: copying costs less than handing
dozens of pieces to the kernel, and TLS has one piece to seal. A request without holes has no form, and is sent from where it
lies.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

from tressi.wire.source cimport (
    LONGEST_NUMBER, TABLE, Cell, Drawn, Source, source_draw, source_is_spent, source_longest, source_write, table_cell,
    value_digits,
)

cdef enum:
    CONSTANT = -2                  # as a piece's source: its own bytes
    BODY_SIZE = -1                 # and how many bytes the body has
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

# What a lane fills forms with: what it has drawn, and the last request that was put together.
cdef struct Filling:
    Source* sources
    Drawn* drawn                   # by the number of the source
    uint64_t* kept                 # the rows that the lane keeps, counted from 1; 0: none yet
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


cdef inline int64_t piece_size(const Piece* piece, const Source* sources, const Drawn* drawn) noexcept nogil:
    cdef char number[64]
    cdef const Source* source
    if piece.source == CONSTANT:
        return piece.size
    source = &sources[piece.source]
    if source.kind == TABLE:
        return table_cell(source, drawn[piece.source].low, piece.column).size
    # Of a text only the length counts, and no other value is longer than the room here.
    if source_longest(source) > <int64_t> sizeof(number):
        return source.length
    return source_write(source, &drawn[piece.source], number)


cdef inline int64_t body_size(const Form* form, const Source* sources, const Drawn* drawn) noexcept nogil:
    cdef int64_t size = 0
    cdef int32_t index
    for index in range(form.body, form.count):
        size += piece_size(&form.pieces[index], sources, drawn)
    return size


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
        filling.size += value_digits(filling.bytes + filling.size, body_size(form, sources, filling.drawn))
        return True
    if piece.source != CONSTANT:
        source = &sources[piece.source]
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
