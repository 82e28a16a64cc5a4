"""The fields that frame a message, from their whole values:

    Content-Length     digits, or a list of the same number (RFC 9110 8.6); two different ones are an error, and so is
                       one of 10^18 or more where a body would have to be read by it
    Transfer-Encoding  chunked last: chunked; anything else last: until close (RFC 9112 6.3). It overrides Content-Length
    Connection         close, keep-alive; the default follows the version (RFC 9112 9.3)
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from tressi.wire.fields cimport CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, Field, field_bit
from tressi.wire.h1.message cimport LENGTH_DIGITS, LENGTH_HUGE, Parser


cdef inline uint32_t framing_fields() noexcept nogil:
    """Those that a parser needs itself, whatever others want."""
    return field_bit(CONTENT_LENGTH) | field_bit(TRANSFER_ENCODING) | field_bit(CONNECTION)


cdef inline bint is_space(uint8_t byte) noexcept nogil:
    return byte == c" " or byte == c"\t"


cdef inline void trim(const char** at, const char** end) noexcept nogil:
    """Leave out the white space around (RFC 9110 5.5)."""
    while at[0] < end[0] and is_space(at[0][0]):
        at[0] += 1
    while at[0] < end[0] and is_space((end[0] - 1)[0]):
        end[0] -= 1


cdef inline bint word_is(const char* at, const char* end, const char* word, int64_t size) noexcept nogil:
    """Whether a member of a list is this word, which is in lower case."""
    cdef int64_t index = 0
    if end - at != size:
        return False
    while index < size and at[index] | 0x20 == word[index]:
        index += 1
    return index == size


cdef inline const char* member_end(const char* at, const char* end) noexcept nogil:
    """Where the member of a list that begins at `at` ends: at a comma, or with the value."""
    while at < end and at[0] != c",":
        at += 1
    return at


cdef inline bint number_read(const char* at, const char* end, int64_t* number) noexcept nogil:
    """Read one Content-Length; False: it is none."""
    cdef int64_t digits = 0
    number[0] = 0
    trim(&at, &end)
    if at == end:
        return False
    while at < end:
        if not c"0" <= at[0] <= c"9":
            return False
        if digits == LENGTH_DIGITS:
            number[0] = LENGTH_HUGE
        else:
            # Leading zeros are legal, and any number of them (RFC 9110 8.6: 1*DIGIT).
            number[0] = 10 * number[0] + at[0] - c"0"
            digits += number[0] > 0
        at += 1
    return True


cdef inline bint length_seen(int64_t* length, const char* at, const char* end) noexcept nogil:
    """Take a Content-Length, which may be a list of the same one (RFC 9110 8.6); `length` is negative where none was before.

    False: it is none, or another than that before.
    """
    cdef const char* stop
    cdef int64_t number
    while True:
        stop = member_end(at, end)
        if not number_read(at, stop, &number) or 0 <= length[0] != number:
            return False
        length[0] = number
        if stop == end:
            return True
        at = stop + 1


cdef inline void word_seen(Parser* parser, Field field, const char* at, const char* end) noexcept nogil:
    """One member of a Transfer-Encoding or a Connection."""
    trim(&at, &end)
    if at == end:
        return
    if field == TRANSFER_ENCODING:
        parser.coded = 1
        parser.chunked = word_is(at, end, b"chunked", 7)
    else:
        parser.says_close = parser.says_close or word_is(at, end, b"close", 5)
        parser.says_keep_alive = parser.says_keep_alive or word_is(at, end, b"keep-alive", 10)


cdef inline bint framing_seen(Parser* parser, Field field, const char* value, int64_t size) noexcept nogil:
    """A field that frames the message; False: its value breaks the framing."""
    cdef const char* at = value
    cdef const char* end = value + size
    cdef const char* stop
    if field == CONTENT_LENGTH:
        return length_seen(&parser.content_length, at, end)
    while at < end:
        stop = member_end(at, end)
        word_seen(parser, field, at, stop)
        at = stop + 1
    return True
