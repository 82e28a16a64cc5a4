"""The head of a response (RFC 9112 2 to 6), and its trailers: from the status line to the empty line.

Bytes are checked against the grammar, one table look-up each; of the fields only those that frame the message are
understood:

    Content-Length     digits, or a list of the same number (RFC 9110 8.6); two different ones are an error, and so is
                       one of 10^18 or more where a body would have to be read by it
    Transfer-Encoding  chunked last: chunked; anything else last: until close (RFC 9112 6.3). It overrides Content-Length
    Connection         close, keep-alive; the default follows the version (RFC 9112 9.3)

Content-Encoding is kept as it is written, for whoever looks at the body (RFC 9110 8.4).

Bare LF ends a line (RFC 9112 2.2 allows it). A folded line continues its field (5.2). White space before a colon is an
error (5.1). 1xx responses are passed over (RFC 9110 15.2), but an unasked-for 101 is an error. The heads of one answer,
1xx and trailers included, may take 64 KiB.
"""

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcmp

from tressi.wire.message cimport (
    AFTER_STATUS, BAD_FIELD, BAD_LENGTH, BAD_STATUS_LINE, BEFORE_STATUS, BODY_START, BROKEN, CODING_LIMIT, CONNECTION,
    CONTENT_ENCODING, CONTENT_LENGTH,
    FIELD_START, HEAD_LF, HEAD_LIMIT, HEAD_READ, HEAD_TOO_LONG, LENGTH_DIGITS,
    LENGTH_HUGE, MINOR, MORE, NAME, OTHER, REASON, STATUS,
    STATUS_LF, TRANSFER_ENCODING, UNASKED_UPGRADE, VALUE, VALUE_LF, VERSION, WORD_LIMIT, Parser, Progress,
    parser_begin_head, parser_break, parser_end,
)

cdef extern from *:
    """
    enum { TRESSI_TOKEN = 1, TRESSI_TEXT = 2 };
    /* RFC 9110 5.6.2 token characters; 5.5 field content with obs-text, space and tab. */
    static const unsigned char tressi_class[256] = {
        ['\\t'] = 2, [' '] = 2, ['!'] = 3, ['"'] = 2, ['#' ... '\\''] = 3, ['(' ... ')'] = 2, ['*' ... '+'] = 3,
        [','] = 2, ['-' ... '.'] = 3, ['/'] = 2, ['0' ... '9'] = 3, [':' ... '@'] = 2, ['A' ... 'Z'] = 3,
        ['[' ... ']'] = 2, ['^' ... 'z'] = 3, ['{'] = 2, ['|'] = 3, ['}'] = 2, ['~'] = 3, [0x80 ... 0xff] = 2 };
    static const char *const tressi_names[4] = {"content-length", "transfer-encoding", "connection", "content-encoding"};
    static const int tressi_name_sizes[4] = {14, 17, 10, 16};
    """
    const uint8_t* CLASS "tressi_class"
    const char** NAMES "tressi_names"
    const int* NAME_SIZES "tressi_name_sizes"
    enum:
        TOKEN "TRESSI_TOKEN"
        TEXT "TRESSI_TEXT"


cdef inline bint word_is(const Parser* parser, const char* word, int32_t size) noexcept nogil:
    return parser.word_size == size and memcmp(parser.word, word, size) == 0


cdef inline bint value_ended(Parser* parser) noexcept nogil:
    """A member of a list ended, at a comma or with the field; False: the value breaks the framing."""
    if parser.field == CONTENT_LENGTH:
        if parser.digits == 0 or 0 <= parser.content_length != parser.number:
            return False
        parser.content_length = parser.number
        parser.number = 0
        parser.digits = 0
        return True
    if parser.field == CONTENT_ENCODING:
        # A further field goes on with the list (RFC 9110 5.3).
        coding_byte(parser, c",")
    elif parser.field == TRANSFER_ENCODING and parser.word_size > 0:
        parser.coded = 1
        parser.chunked = word_is(parser, b"chunked", 7)
    elif parser.field == CONNECTION:
        parser.says_close = parser.says_close or word_is(parser, b"close", 5)
        parser.says_keep_alive = parser.says_keep_alive or word_is(parser, b"keep-alive", 10)
    parser.word_size = 0
    parser.word_gap = 0
    return True


cdef inline void word_byte(Parser* parser, uint8_t byte) noexcept nogil:
    # A longer word is none that we know; its size alone must say so.
    if parser.word_size < WORD_LIMIT:
        parser.word[parser.word_size] = byte
        parser.word_size += 1


cdef inline void coding_byte(Parser* parser, uint8_t byte) noexcept nogil:
    # A longer list is none that anyone decodes: what is kept of it is no known name.
    if parser.coding_size < CODING_LIMIT:
        parser.coding[parser.coding_size] = byte
        parser.coding_size += 1


cdef inline bint value_byte(Parser* parser, uint8_t byte) noexcept nogil:
    """One byte of a field that is understood; False: it cannot stand there."""
    if parser.field == CONTENT_ENCODING:
        coding_byte(parser, byte)
        return True
    if byte == c",":
        return value_ended(parser)
    if byte == c" " or byte == c"\t":
        if parser.field == CONTENT_LENGTH and parser.digits > 0:
            parser.digits = -1
        parser.word_gap = 1
        return True
    if parser.field == CONTENT_LENGTH:
        if not c"0" <= byte <= c"9" or parser.digits < 0:
            return False
        if parser.digits == LENGTH_DIGITS:
            parser.number = LENGTH_HUGE
            return True
        # Leading zeros are legal, and any number of them (RFC 9110 8.6: 1*DIGIT).
        parser.digits = parser.digits + 1 if parser.number > 0 else 1
        parser.number = 10 * parser.number + byte - c"0"
        return True
    if parser.word_gap and parser.word_size > 0:
        word_byte(parser, c" ")
    parser.word_gap = 0
    word_byte(parser, byte | 0x20)
    return True


cdef inline void field_begin(Parser* parser) noexcept nogil:
    parser.names = 0b1111
    parser.word_size = 0
    parser.state = NAME


cdef inline bint field_named(Parser* parser) noexcept nogil:
    """The colon is reached: which field is it? False: a colon without a name."""
    cdef int32_t index
    if parser.word_size == 0:
        return False
    parser.field = OTHER
    # A trailer never frames the message (RFC 9110 6.5.1).
    if not parser.in_trailer:
        for index in range(4):
            if parser.names & (1 << index) and NAME_SIZES[index] == parser.word_size:
                parser.field = <uint8_t> index
    parser.word_size = 0
    parser.word_gap = 0
    parser.number = 0
    parser.digits = 0
    parser.state = VALUE
    return True


cdef inline void name_byte(Parser* parser, uint8_t byte) noexcept nogil:
    cdef int32_t index
    for index in range(4):
        if parser.word_size >= NAME_SIZES[index] or NAMES[index][parser.word_size] != <char> (byte | 0x20):
            parser.names &= ~(1 << index)
    parser.word_size += 1


cdef inline bint field_close(Parser* parser) noexcept nogil:
    """The line after a field does not fold it: its value is complete."""
    cdef bint sound = True
    if parser.field_open and parser.field != OTHER:
        sound = value_ended(parser)
    parser.field_open = 0
    return sound


cdef inline Progress head_ended(Parser* parser) noexcept nogil:
    """The empty line after a head or after the trailers."""
    if parser.in_trailer:
        return parser_end(parser, True)
    if parser.status == 101:
        return parser_break(parser, UNASKED_UPGRADE)
    if parser.status < 200:
        parser.continued = parser.continued or parser.status == 100
        parser_begin_head(parser)
        return MORE
    parser.state = BODY_START
    return HEAD_READ


cdef inline bint status_byte(Parser* parser, uint8_t byte) noexcept nogil:
    """A byte of the status line outside version and reason; False: it cannot stand there."""
    if parser.state == MINOR:
        parser.old_version = byte == c"0"
        parser.state = BEFORE_STATUS
        return c"0" <= byte <= c"9"
    if parser.state == BEFORE_STATUS:
        parser.state = STATUS
        parser.digits = 0
        return byte == c" "
    if parser.state == STATUS:
        parser.status = 10 * parser.status + byte - c"0"
        parser.digits += 1
        if parser.digits == 3:
            parser.state = AFTER_STATUS
        return c"0" <= byte <= c"9" and (parser.digits < 3 or 100 <= parser.status)
    if parser.state == AFTER_STATUS and byte == c" ":
        parser.state = REASON
        return True
    # AFTER_STATUS, REASON and STATUS_LF: the line ends here.
    if byte == c"\r" and parser.state != STATUS_LF:
        parser.state = STATUS_LF
        return True
    parser.state = FIELD_START
    return byte == c"\n"


cdef inline Progress field_start(Parser* parser, const uint8_t** at) noexcept nogil:
    """The first byte of a line after the status line: a fold, the end of the head, or another field."""
    cdef uint8_t byte = at[0][0]
    if parser.field_open and (byte == c" " or byte == c"\t"):
        parser.state = VALUE
        return MORE
    if not field_close(parser):
        return parser_break(parser, BAD_LENGTH)
    if byte == c"\r":
        at[0] += 1
        parser.state = HEAD_LF
    elif byte == c"\n":
        at[0] += 1
        return head_ended(parser)
    else:
        field_begin(parser)
    return MORE


cdef inline Progress head_feed(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read the head, from the status line to the empty line, or a trailer section."""
    cdef const uint8_t* here = at[0]
    cdef Progress progress = MORE
    while here < end and progress == MORE and parser.state < BODY_START:
        if parser.state == VALUE:
            if parser.field == OTHER:
                while here < end and CLASS[here[0]] & TEXT:
                    here += 1
            else:
                while here < end and CLASS[here[0]] & TEXT:
                    if not value_byte(parser, here[0]):
                        at[0] = here
                        return parser_break(parser, BAD_LENGTH)
                    here += 1
            if here < end:
                if here[0] == c"\n":
                    parser.state = FIELD_START
                elif here[0] == c"\r":
                    parser.state = VALUE_LF
                else:
                    progress = parser_break(parser, BAD_FIELD)
                parser.field_open = 1
                here += 1
        elif parser.state == NAME:
            while here < end and parser.names and CLASS[here[0]] & TOKEN:
                name_byte(parser, here[0])
                here += 1
            while here < end and CLASS[here[0]] & TOKEN:
                here += 1
                parser.word_size += 1
            if here < end:
                if here[0] != c":" or not field_named(parser):
                    progress = parser_break(parser, BAD_FIELD)
                here += 1
        elif parser.state == FIELD_START:
            progress = field_start(parser, &here)
        elif parser.state == VALUE_LF or parser.state == HEAD_LF:
            if here[0] != c"\n":
                progress = parser_break(parser, BAD_FIELD)
            elif parser.state == HEAD_LF:
                progress = head_ended(parser)
            else:
                parser.state = FIELD_START
            here += 1
        elif parser.state == VERSION:
            if here[0] != b"HTTP/1."[parser.word_size]:
                progress = parser_break(parser, BAD_STATUS_LINE)
            parser.word_size += 1
            if parser.word_size == 7:
                parser.state = MINOR
            here += 1
        else:
            if parser.state == REASON:
                while here < end and CLASS[here[0]] & TEXT:
                    here += 1
                if here == end:
                    break
            if not status_byte(parser, here[0]):
                progress = parser_break(parser, BAD_STATUS_LINE)
            here += 1
    # At most 64 KiB more than the limit, since the caller's buffer is no larger.
    parser.head_bytes += <int32_t> (here - at[0])
    at[0] = here
    if parser.head_bytes > HEAD_LIMIT and progress != BROKEN:
        return parser_break(parser, HEAD_TOO_LONG)
    return progress
