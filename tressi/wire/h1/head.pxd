"""The head of a response (RFC 9112 2 to 5), and its trailers: from the status line to the empty line.

Bytes are checked against the grammar, one table look-up each. A name is looked up once, at its colon; the value of a
field that nobody is interested in is passed over, of another it is kept until its line has ended and no other folds it.
It is handed over whole: those that frame the message to `framing.pxd`, all others to `response.field_seen`.

Bare LF ends a line (RFC 9112 2.2 allows it). A folded line continues its field (5.2). White space before a colon is an
error (5.1). 1xx responses are passed over (RFC 9110 15.2), but an unasked-for 101 is an error. The heads of one answer,
1xx and trailers included, may take 64 KiB.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from tressi.wire.fields cimport NAME_LIMIT, OTHER, Field, field_bit, field_number
from tressi.wire.h1.framing cimport framing_fields, framing_seen, is_space, trim
from tressi.wire.h1.message cimport (
    AFTER_STATUS, BAD_FIELD, BAD_LENGTH, BAD_STATUS_LINE, BEFORE_STATUS, BODY_START, BROKEN, FIELD_START, FOLD,
    HEAD_LF, HEAD_LIMIT, HEAD_READ, HEAD_TOO_LONG, MINOR, MORE, NAME, NO_FAULT, NO_MEMORY, REASON, STATUS, STATUS_LF, TEXT,
    TOKEN, UNASKED_UPGRADE, VALUE, VALUE_LF, VERSION, Fault, Parser, Progress, parser_begin_head, parser_break, parser_end,
    skip,
)
from tressi.wire.response cimport field_seen
from tressi.wire.text cimport text_add, text_clear


cdef inline bint name_part(Parser* parser, const uint8_t* part, int64_t size) noexcept nogil:
    """The name is cut: keep what has come of it, and one byte too many of a name that is too long to be known."""
    cdef int64_t limit = NAME_LIMIT
    if parser.response.further != NULL:
        limit = max(limit, <int64_t> parser.response.further.name_limit)
    return text_add(&parser.text, part, min(size, limit + 1 - parser.text.size))


cdef inline Fault field_named(Parser* parser, const uint8_t* name, int64_t size) noexcept nogil:
    """The colon is reached: whose value follows?"""
    if parser.text.size > 0:
        if not name_part(parser, name, size):
            return NO_MEMORY
        name = <const uint8_t*> parser.text.bytes
        size = parser.text.size
    if size == 0:
        return BAD_FIELD
    # A trailer never frames the message (RFC 9110 6.5.1), and no other is wanted.
    parser.field = OTHER
    if not parser.in_trailer:
        parser.field = field_number(<const char*> name, size, parser.response.wanted | framing_fields())
        if parser.field == OTHER and parser.response.further != NULL:
            parser.field = parser.response.further.number_of(parser.response.further, <const char*> name, size, OTHER)
    parser.text.size = 0
    parser.state = VALUE
    return NO_FAULT


cdef inline Fault field_close(Parser* parser) noexcept nogil:
    """The line after a field does not fold it: its value is whole."""
    cdef const char* value = parser.text.bytes
    cdef const char* end = value + parser.text.size
    cdef Field field = <Field> parser.field
    cdef Fault fault = NO_FAULT
    if not parser.field_open:
        return NO_FAULT
    parser.field_open = 0
    if field == OTHER:
        return NO_FAULT
    trim(&value, &end)
    if field_bit(field) & framing_fields():
        if not framing_seen(parser, field, value, end - value):
            fault = BAD_LENGTH
    elif not field_seen(parser.response, field, value, end - value):
        fault = NO_MEMORY
    if parser.response.further != NULL and not parser.response.further.hold(parser.response, field, value, end - value):
        fault = NO_MEMORY
    text_clear(&parser.text)
    return fault


cdef inline Progress head_ended(Parser* parser) noexcept nogil:
    """The empty line after a head or after the trailers."""
    if parser.in_trailer:
        return parser_end(parser, True)
    if parser.response.status == 101:
        return parser_break(parser, UNASKED_UPGRADE)
    if parser.response.status < 200:
        parser.continued = parser.continued or parser.response.status == 100
        parser_begin_head(parser)
        return MORE
    parser.state = BODY_START
    parser.response.has_head = 1
    parser.response.length = parser.content_length
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
        parser.response.status = 10 * parser.response.status + byte - c"0"
        parser.digits += 1
        if parser.digits == 3:
            parser.state = AFTER_STATUS
        return c"0" <= byte <= c"9" and (parser.digits < 3 or 100 <= parser.response.status)
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
    cdef Fault fault
    if parser.field_open and (byte == c" " or byte == c"\t"):
        parser.state = FOLD
        return MORE
    fault = field_close(parser)
    if fault != NO_FAULT:
        return parser_break(parser, fault)
    if byte == c"\r":
        at[0] += 1
        parser.state = HEAD_LF
    elif byte == c"\n":
        at[0] += 1
        return head_ended(parser)
    else:
        parser.state = NAME
    return MORE


cdef inline Progress name_feed(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read a name up to its colon."""
    cdef const uint8_t* begin = at[0]
    cdef const uint8_t* here = skip(begin, end, TOKEN)
    cdef Fault fault
    at[0] = here
    if here == end:
        return MORE if name_part(parser, begin, end - begin) else parser_break(parser, NO_MEMORY)
    fault = field_named(parser, begin, here - begin) if here[0] == c":" else BAD_FIELD
    at[0] += 1
    return MORE if fault == NO_FAULT else parser_break(parser, fault)


cdef inline Progress value_feed(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read a value up to the end of its line."""
    cdef const uint8_t* begin = at[0]
    cdef const uint8_t* here = skip(begin, end, TEXT)
    cdef uint8_t byte
    at[0] = here
    if parser.field != OTHER and not text_add(&parser.text, begin, here - begin):
        return parser_break(parser, NO_MEMORY)
    if here == end:
        return MORE
    byte = here[0]
    at[0] += 1
    parser.field_open = 1
    if byte == c"\n":
        parser.state = FIELD_START
    elif byte == c"\r":
        parser.state = VALUE_LF
    else:
        return parser_break(parser, BAD_FIELD)
    return MORE


cdef inline Progress fold_feed(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """A folded line continues the value: the white space around the fold is one space (RFC 9112 5.2)."""
    while at[0] < end and is_space(at[0][0]):
        at[0] += 1
    if at[0] == end:
        return MORE
    parser.state = VALUE
    if parser.field == OTHER:
        return MORE
    while parser.text.size > 0 and is_space(parser.text.bytes[parser.text.size - 1]):
        parser.text.size -= 1
    return MORE if text_add(&parser.text, b" ", 1) else parser_break(parser, NO_MEMORY)


cdef inline Progress line_end(Parser* parser, const uint8_t** at) noexcept nogil:
    """The LF behind a CR, of a field or of the whole head."""
    cdef uint8_t byte = at[0][0]
    at[0] += 1
    if byte != c"\n":
        return parser_break(parser, BAD_FIELD)
    if parser.state == HEAD_LF:
        return head_ended(parser)
    parser.state = FIELD_START
    return MORE


cdef inline bint status_line_byte(Parser* parser, uint8_t byte) noexcept nogil:
    """A byte of the status line outside its reason; False: it cannot stand there."""
    if parser.state != VERSION:
        return status_byte(parser, byte)
    if byte != b"HTTP/1."[parser.matched]:
        return False
    parser.matched += 1
    if parser.matched == 7:
        parser.state = MINOR
    return True


cdef inline Progress status_line(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read on in the status line, up to its end."""
    cdef const uint8_t* here = at[0]
    while here < end and parser.state < FIELD_START:
        if parser.state == REASON:
            here = skip(here, end, TEXT)
            if here == end:
                break
        here += 1
        if not status_line_byte(parser, (here - 1)[0]):
            at[0] = here
            return parser_break(parser, BAD_STATUS_LINE)
    at[0] = here
    return MORE


cdef inline Progress head_feed(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read the head, from the status line to the empty line, or a trailer section."""
    cdef const uint8_t* here = at[0]
    cdef Progress progress = MORE
    while here < end and progress == MORE and parser.state < BODY_START:
        if parser.state == VALUE:
            progress = value_feed(parser, &here, end)
        elif parser.state == NAME:
            progress = name_feed(parser, &here, end)
        elif parser.state == FIELD_START:
            progress = field_start(parser, &here)
        elif parser.state == VALUE_LF or parser.state == HEAD_LF:
            progress = line_end(parser, &here)
        elif parser.state == FOLD:
            progress = fold_feed(parser, &here, end)
        else:
            progress = status_line(parser, &here, end)
    # At most 128 KiB more than the limit, since the caller's buffer is no larger.
    parser.head_bytes += <int32_t> (here - at[0])
    at[0] = here
    if parser.head_bytes > HEAD_LIMIT and progress != BROKEN:
        return parser_break(parser, HEAD_TOO_LONG)
    return progress
