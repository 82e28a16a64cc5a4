"""A value that a lane holds, such as one that was taken from a response, and how it is written in a request.

`slot_write` writes what `request.encode` makes of a table's cell in the same context. A value that may not stand in a place
(`slot_fits`) is not written there at all, nor is an empty slot: nothing that a server sends can end a line of a head.

Its memory grows with what it holds, up to a limit, and is kept for the next value: a token of 1,500 bytes takes 2 KiB of each
lane that has one, and nothing of the others.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

cdef extern from "wire/slot.h" nogil:
    enum:
        SLOT_EMPTY
        SLOT_GRAIN
        SLOT_LIMIT

    ctypedef enum SlotContext:
        CONTEXT_PERCENT
        CONTEXT_URL
        CONTEXT_JSON_STRING
        CONTEXT_JSON_VALUE
        CONTEXT_HEADER
        CONTEXT_RAW

    ctypedef struct Slot:
        int32_t size
        int32_t room
        int32_t limit
        uint8_t is_literal
        char* bytes

    void slot_clear(Slot* slot)
    void slot_free(Slot* slot)
    bint slot_add(Slot* slot, const void* bytes, int64_t size)
    bint slot_set(Slot* slot, const void* bytes, int64_t size)
    bint slot_fits(const Slot* slot, SlotContext context)
    int64_t slot_size(const Slot* slot, SlotContext context)
    int64_t slot_write(const Slot* slot, SlotContext context, char* out)
