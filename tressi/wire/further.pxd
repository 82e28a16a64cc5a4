"""What a response must have beyond its status, as structs: made and given back by the control path, with the GIL.

The bytes of names, values and words are pointed to, not copied: the caller keeps them alive.
"""

from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport free

from tressi.wire.allocate cimport allocated
from tressi.wire.check cimport CHECKED_FIELDS, FieldCheck, Further, Piece, field_checked
from tressi.wire.fields cimport OTHER, field_number
from tressi.wire.response cimport field_held


cdef inline const char* words_of(bytes words) except? NULL:
    """The bytes, or NULL for None."""
    return NULL if words is None else <const char*> words


cdef inline Further* build_fields(fields) except NULL:
    """What fields a response must have: as `load.plan.PlannedField` has them."""
    cdef Further* further = <Further*> allocated(sizeof(Further))
    cdef FieldCheck* one
    cdef bytes name, value
    further.body_limit = -1
    further.number_of = field_checked
    further.hold = field_held
    further.fields = <FieldCheck*> allocated(len(fields) * sizeof(FieldCheck))
    for field in fields[:CHECKED_FIELDS]:
        name = field.name
        one = &further.fields[further.field_count]
        one.name = Piece(<const char*> name, len(name))
        one.number = <int32_t> field_number(<const char*> name, len(name), 0xFFFFFFFF)
        if one.number == <int32_t> OTHER:
            one.number = <int32_t> OTHER + 1 + further.field_count
        one.missing, one.before, one.behind = words_of(field.missing), words_of(field.before), words_of(field.behind)
        one.values = <Piece*> allocated(len(field.values) * sizeof(Piece))
        for value in field.values:
            one.values[one.value_count] = Piece(<const char*> value, len(value))
            one.value_count += 1
        further.name_limit = max(further.name_limit, <int32_t> len(name))
        further.field_count += 1
    return further


cdef inline uint32_t fields_known(const Further* further) noexcept:
    """Those of the fields that the protocol has numbers for anyway, by the bits of these."""
    cdef uint32_t known = 0
    cdef int32_t place
    for place in range(further.field_count):
        if further.fields[place].number < <int32_t> OTHER:
            known |= <uint32_t> 1 << further.fields[place].number
    return known


cdef inline void further_free(Further* further) noexcept:
    cdef int32_t place
    if further == NULL:
        return
    for place in range(further.field_count):
        free(further.fields[place].values)
    free(further.fields)
    free(further)
