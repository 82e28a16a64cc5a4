"""Whether a response is what its endpoint expects, and in words why it is not."""

from libc.stdint cimport int32_t, int64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr

from tressi.core.arena cimport LOWEST_STATUS, REASON_BYTES
from tressi.wire.check cimport FIRST_MARK, Check, FieldCheck, Further, Piece
from tressi.wire.response cimport Response

cdef enum:
    SHOWN_VALUE = 30               # bytes of a field's value, in a reason


cdef inline bint has_needle(const Check* check, const Response* response) noexcept nogil:
    """Whether the body contains what it must."""
    return check.needle == NULL or response.needle_matched == check.needle_size


cdef inline bint is_success(const Check* check, const Response* response) noexcept nogil:
    """Whether the response is what its endpoint expects."""
    if not (check.successes[response.status - LOWEST_STATUS] and has_needle(check, response)):
        return False
    return check.further == NULL or meets_further(check.further, response)


cdef inline bint is_small(const Further* further, const Response* response) noexcept nogil:
    """Whether the body is no larger than it may be."""
    return further.body_limit < 0 or response.body_bytes <= further.body_limit


cdef inline int32_t field_unmet(const Further* further, const Response* response) noexcept nogil:
    """The place of the first field that is missing or has another value; -1: all are as they must be."""
    cdef int32_t place
    for place in range(further.field_count):
        if not response.fields_met >> place & 1:
            return place
    return -1


cdef inline bint meets_further(const Further* further, const Response* response) noexcept nogil:
    """Whether fields and body are what they must be; of a body that is yet to be judged: so far."""
    return field_unmet(further, response) < 0 and is_small(further, response) and not response.refused


cdef inline Piece field_had(const Response* response, int32_t place) noexcept nogil:
    """The last value that the field had; its bytes are NULL where the field is missing."""
    cdef Piece found = Piece(NULL, 0)
    cdef const char* at = response.others.bytes
    cdef const char* end = at + response.others.size
    cdef const char* line_end
    while at < end:
        line_end = <const char*> memchr(at, c"\n", end - at)
        if at[0] == FIRST_MARK + place:
            found = Piece(at + 1, line_end - at - 1)
        at = line_end + 1
    return found


cdef inline void field_words(const FieldCheck* field, const Piece* had, char* words) noexcept nogil:
    """Why a response with another value, or without the field, failed."""
    cdef char shown[SHOWN_VALUE + 1]
    cdef int64_t at, size = min(had.size, <int64_t> SHOWN_VALUE)
    if had.bytes == NULL or field.before == NULL:
        snprintf(words, REASON_BYTES, b"%s", field.missing if had.bytes == NULL else field.behind)
        return
    for at in range(size):
        # A target's bytes are shown as text and steer no terminal.
        shown[at] = had.bytes[at] if c" " <= had.bytes[at] <= c"~" else c"?"
    shown[size] = 0
    snprintf(words, REASON_BYTES, b"%s%s%s", field.before, shown, field.behind)


cdef inline void further_words(const Further* further, const Response* response, char* words) noexcept nogil:
    """Why fields or size are not what they must be."""
    cdef int32_t place = field_unmet(further, response)
    cdef Piece had
    if place >= 0:
        had = field_had(response, place)
        field_words(&further.fields[place], &had, words)
    else:
        snprintf(
            words, REASON_BYTES, b"the body has %lld bytes, expected at most %lld", <long long> response.body_bytes,
            <long long> further.body_limit,
        )
