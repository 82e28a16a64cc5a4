"""A piece of text that grows as it comes: the name or the value of a field that a read cut in two, and what is kept of one.

Most never need more than the first grain, which stays, so that nothing is allocated after the first response.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

cdef enum:
    TEXT_GRAIN = 64                # bytes
    TEXT_LARGE = 1024              # more than that is given back once it is not needed
    WHY_BYTES = 108                # room for why something failed, in words; the arena has room for no more

cdef struct Text:
    char* bytes
    int32_t size
    int32_t room


cdef inline bint text_grow(Text* text, int64_t size) noexcept nogil:
    """Have room for `size` bytes; False: there is no memory."""
    cdef int64_t room = max(text.room, <int32_t> TEXT_GRAIN)
    cdef char* wider
    while room < size:
        room *= 2
    wider = <char*> realloc(text.bytes, room)
    if wider == NULL:
        return False
    text.bytes = wider
    text.room = <int32_t> room
    return True


cdef inline bint text_add(Text* text, const void* bytes, int64_t size) noexcept nogil:
    """Append; False: there is no memory. The caller sees to it that the whole stays far below 2 GiB."""
    if size == 0:
        # There may be no memory yet, and no copy may be made to nowhere, not even of nothing (C11 7.24.1).
        return True
    if text.size + size > text.room and not text_grow(text, text.size + size):
        return False
    memcpy(text.bytes + text.size, bytes, size)
    text.size += <int32_t> size
    return True


cdef inline bint text_join(Text* text, char between, const void* bytes, int64_t size) noexcept nogil:
    """Append another value, behind `between` where there is one already; False: there is no memory."""
    return (text.size == 0 or text_add(text, &between, 1)) and text_add(text, bytes, size)


cdef inline bint text_line(Text* text, const void* bytes, int64_t size) noexcept nogil:
    """Append another value and the end of its line; False: there is no memory."""
    return text_add(text, bytes, size) and text_add(text, b"\n", 1)


cdef inline void text_free(Text* text) noexcept nogil:
    free(text.bytes)
    text.bytes = NULL
    text.size = text.room = 0


cdef inline void text_clear(Text* text) noexcept nogil:
    text.size = 0
    if text.room > TEXT_LARGE:
        text_free(text)
