"""The Python border of what is taken from responses: values in slots, without a reactor."""

from libc.stdint cimport int32_t, uint8_t

from tressi.wire.slot cimport Slot, SlotContext, slot_fits, slot_size, slot_write

# By their numbers in wire/slot.h.
CONTEXTS = ("percent", "url", "json", "value", "header", "raw")


def encoded(bytes value, context, *, bint is_literal=False):
    """A slot's value as it stands in a context, or None where it may not stand there. A value of None is an empty slot."""
    cdef Slot slot = Slot(-1 if value is None else <int32_t> len(value), 0, <uint8_t> is_literal, NULL)
    cdef SlotContext where = <SlotContext> <int> CONTEXTS.index(context)
    cdef bytearray out
    if value is not None:
        slot.bytes = <char*> value
    if not slot_fits(&slot, where):
        return None
    # One byte more, which must stay as it is.
    out = bytearray(slot_size(&slot, where)) + b"\xAA"
    written = slot_write(&slot, where, out)
    if written != len(out) - 1 or out[written] != 0xAA:
        raise AssertionError(f"{written} bytes were written, and {len(out) - 1} announced")
    return bytes(out[:written])
