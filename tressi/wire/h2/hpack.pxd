"""Header blocks of responses (RFC 7541): the table of the fields that a server refers to, and the fields of a block.

The table is what RFC 7541 2.3.2 says: the newest field is the first, and the oldest make room. The bytes of its fields lie
one behind the other; when the end of their memory is reached, those that are still in the table are moved to its beginning,
which happens once for each time that the table was filled. Nothing is allocated while blocks are read.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memmove

from tressi.wire.h2.huffman cimport huffman_decode

cdef extern from "wire/h2/tables.h":
    cdef struct Static "tressi_static":
        const char* name
        const char* value
        int32_t name_size
        int32_t value_size
    const Static* STATIC "tressi_static_fields"
    enum:
        STATIC_FIELDS "TRESSI_STATIC_FIELDS"

cdef enum:
    TABLE_BYTES = 4096             # that a table may have unless it is agreed otherwise (RFC 9113 6.5.2)
    FIELD_BYTES = 32               # that a field counts beyond its name and value (RFC 7541 4.1)
    BLOCK_LIMIT = 64 * 1024        # of one block
    SCRATCH_BYTES = 2 * BLOCK_LIMIT  # for a name, and as much for a value: 8/5 of what is coded
    HIGHEST_NUMBER = 1 << 28       # far beyond what any index or size may be

cdef enum Step:
    FIELD_READ
    BLOCK_ENDED
    BLOCK_BROKEN

# One field, until the next is read.
cdef struct FieldLine:
    const char* name
    const char* value
    int32_t name_size
    int32_t value_size

cdef struct Entry:
    int32_t at                     # of its name, behind which is its value, in `bytes`
    int32_t name_size
    int32_t value_size

cdef struct Decoder:
    char* bytes                    # twice as many as the table may have
    char* scratch                  # 2 * SCRATCH_BYTES, shared by all that one reader has: it is kept for a block at most
    Entry* entries                 # a ring
    int32_t room                   # of the ring: a power of two
    int32_t oldest                 # in it
    int32_t count
    int32_t used                   # of `bytes`
    int32_t size                   # of the table, as RFC 7541 4.1 counts
    int32_t most                   # that the server has chosen for it,
    int32_t limit                  # and may choose
    int64_t changes                # of the table so far
    uint8_t in_fields              # a field of the block was read: its size may not change any more


cdef inline bint decoder_init(Decoder* decoder, int32_t limit) noexcept nogil:
    """False: there is no memory."""
    decoder.room = 1
    while decoder.room < limit // FIELD_BYTES + 1:
        decoder.room *= 2
    decoder.bytes = <char*> malloc(2 * limit + 1)
    decoder.entries = <Entry*> calloc(decoder.room, sizeof(Entry))
    decoder.limit = limit
    decoder_reset(decoder)
    return decoder.bytes != NULL and decoder.entries != NULL


cdef inline void decoder_reset(Decoder* decoder) noexcept nogil:
    """Make ready for the first block of another connection."""
    decoder.most = decoder.limit
    decoder.oldest = decoder.count = decoder.used = decoder.size = 0
    decoder.changes = 0
    decoder.in_fields = 0


cdef inline void decoder_free(Decoder* decoder) noexcept nogil:
    free(decoder.bytes)
    free(decoder.entries)
    decoder.bytes = NULL
    decoder.entries = NULL


cdef inline Entry* table_entry(const Decoder* decoder, int32_t place) noexcept nogil:
    """Of those in the table, counted from the oldest."""
    return &decoder.entries[(decoder.oldest + place) & (decoder.room - 1)]


cdef inline void table_shrink(Decoder* decoder, int32_t most) noexcept nogil:
    """Take the oldest out until no more than that is left."""
    cdef Entry* entry
    while decoder.size > most:
        entry = table_entry(decoder, 0)
        decoder.size -= entry.name_size + entry.value_size + FIELD_BYTES
        decoder.oldest = (decoder.oldest + 1) & (decoder.room - 1)
        decoder.count -= 1


cdef inline void table_gather(Decoder* decoder) noexcept nogil:
    """Move the bytes of all fields to the beginning of the memory."""
    cdef int32_t place, first = table_entry(decoder, 0).at if decoder.count > 0 else decoder.used
    memmove(decoder.bytes, decoder.bytes + first, decoder.used - first)
    decoder.used -= first
    for place in range(decoder.count):
        table_entry(decoder, place).at -= first


cdef inline void table_add(Decoder* decoder, FieldLine* field) noexcept nogil:
    """Add a field, whose name and value stand outside of the table. One that is larger than the table empties it (4.4)."""
    cdef int32_t size = field.name_size + field.value_size
    cdef Entry* entry
    decoder.changes += 1
    if size + FIELD_BYTES > decoder.most:
        table_shrink(decoder, 0)
        return
    table_shrink(decoder, decoder.most - size - FIELD_BYTES)
    if decoder.used + size > 2 * decoder.limit:
        table_gather(decoder)
    entry = table_entry(decoder, decoder.count)
    entry.at = decoder.used
    entry.name_size = field.name_size
    entry.value_size = field.value_size
    memcpy(decoder.bytes + entry.at, field.name, field.name_size)
    memcpy(decoder.bytes + entry.at + field.name_size, field.value, field.value_size)
    decoder.count += 1
    decoder.used += size
    decoder.size += size + FIELD_BYTES


cdef inline bint table_find(const Decoder* decoder, int64_t index, FieldLine* field) noexcept nogil:
    """The field of that number (RFC 7541 2.3.3); False: there is none."""
    cdef const Entry* entry
    if 1 <= index <= STATIC_FIELDS:
        field.name, field.name_size = STATIC[index].name, STATIC[index].name_size
        field.value, field.value_size = STATIC[index].value, STATIC[index].value_size
        return True
    index -= STATIC_FIELDS + 1
    if not 0 <= index < decoder.count:
        return False
    entry = table_entry(decoder, decoder.count - 1 - <int32_t> index)
    field.name, field.name_size = decoder.bytes + entry.at, entry.name_size
    field.value, field.value_size = decoder.bytes + entry.at + entry.name_size, entry.value_size
    return True


# -------------------------------------------------------------------------------------------------------- reading blocks

cdef inline int64_t number_take(const uint8_t** at, const uint8_t* end, int prefix) noexcept nogil:
    """An integer whose first byte has `prefix` bits of it (RFC 7541 5.1); -1: it is cut, or larger than any can be."""
    cdef int64_t most = (1 << prefix) - 1, number
    cdef int shift = 0
    if at[0] == end:
        return -1
    number = at[0][0] & most
    at[0] += 1
    if number < most:
        return number
    while at[0] < end and shift <= 28:
        number += <int64_t> (at[0][0] & 0x7f) << shift
        shift += 7
        at[0] += 1
        if not (at[0] - 1)[0] & 0x80:
            return number if number <= HIGHEST_NUMBER else -1
    return -1


cdef inline bint string_take(
    const uint8_t** at, const uint8_t* end, char* scratch, const char** text, int32_t* size
) noexcept nogil:
    """A string (RFC 7541 5.2), which is decoded into `scratch` where it is coded; False: it is none."""
    cdef bint is_coded = at[0] < end and at[0][0] & 0x80
    cdef int64_t length = number_take(at, end, 7), said
    if not 0 <= length <= end - at[0]:
        return False
    text[0] = <const char*> at[0]
    size[0] = <int32_t> length
    at[0] += length
    if not is_coded:
        return True
    said = huffman_decode(<const uint8_t*> text[0], length, scratch)
    text[0] = scratch
    size[0] = <int32_t> said
    return said >= 0


cdef inline bint literal_take(
    Decoder* decoder, const uint8_t** at, const uint8_t* end, int prefix, FieldLine* field
) noexcept nogil:
    """A field whose value stands there, and whose name does or is that of another (RFC 7541 6.2)."""
    cdef int64_t index = number_take(at, end, prefix)
    if index < 0 or (index > 0 and not table_find(decoder, index, field)):
        return False
    if index == 0 and not string_take(at, end, decoder.scratch, &field.name, &field.name_size):
        return False
    return string_take(at, end, decoder.scratch + SCRATCH_BYTES, &field.value, &field.value_size)


cdef inline bint field_added(Decoder* decoder, const uint8_t** at, const uint8_t* end, FieldLine* field) noexcept nogil:
    """A field that goes into the table. Its name may be that of one which makes room for it: that is copied first."""
    if not literal_take(decoder, at, end, 6, field):
        return False
    if decoder.bytes <= field.name < decoder.bytes + 2 * decoder.limit + 1:
        memcpy(decoder.scratch, field.name, field.name_size)
        field.name = decoder.scratch
    table_add(decoder, field)
    return True


cdef inline bint size_changed(Decoder* decoder, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Another size of the table (RFC 7541 6.3), at the beginning of a block alone (4.2)."""
    cdef int64_t most = number_take(at, end, 5)
    if not 0 <= most <= decoder.limit or decoder.in_fields:
        return False
    decoder.most = <int32_t> most
    decoder.changes += 1
    table_shrink(decoder, decoder.most)
    return True


cdef inline void block_begin(Decoder* decoder) noexcept nogil:
    decoder.in_fields = 0


cdef inline Step block_next(Decoder* decoder, const uint8_t** at, const uint8_t* end, FieldLine* field) noexcept nogil:
    """Read the next field of a block of BLOCK_LIMIT bytes at most."""
    cdef bint is_whole = True
    cdef uint8_t first
    while at[0] < end and is_whole:
        first = at[0][0]
        if first & 0x80:
            is_whole = table_find(decoder, number_take(at, end, 7), field)
        elif first & 0x40:
            is_whole = field_added(decoder, at, end, field)
        elif first & 0x20:
            is_whole = size_changed(decoder, at, end)
            continue
        else:
            is_whole = literal_take(decoder, at, end, 4, field)
        if is_whole:
            decoder.in_fields = 1
            return FIELD_READ
    return BLOCK_ENDED if is_whole else BLOCK_BROKEN
