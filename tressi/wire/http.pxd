"""The response parser of HTTP/1.1 (RFC 9112): bytes in, code and offset out. It knows no socket and keeps no bytes.

Every state lives in a few integers, so a response may be cut anywhere between two bytes. The head is checked byte by
byte against the grammar (one table look-up each); of its fields only those that frame the message are understood:

    Content-Length     digits, or a list of the same number (RFC 9110 8.6); two different ones are an error
    Transfer-Encoding  chunked last: chunked; anything else last: until close (RFC 9112 6.3). It overrides Content-Length
    Connection         close, keep-alive; the default follows the version (RFC 9112 9.3)

Bare LF ends a line of the head (RFC 9112 2.2 allows it), not a line of the chunked framing. A folded line continues its
field (5.2). White space before a colon is an error (5.1). 1xx responses are passed over (RFC 9110 15.2), but an
unasked-for 101 is an error. The heads of one answer, 1xx and trailers included, may take 64 KiB.

`parser_feed` stops with HEAD_READ once the final head is known, so that the caller can decide on the body; call it again.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcmp, memcpy

cdef extern from *:
    """
    enum { TRESSI_TOKEN = 1, TRESSI_TEXT = 2 };
    /* RFC 9110 5.6.2 token characters; 5.5 field content with obs-text, space and tab. */
    static const unsigned char tressi_class[256] = {
        ['\\t'] = 2, [' '] = 2, ['!'] = 3, ['"'] = 2, ['#' ... '\\''] = 3, ['(' ... ')'] = 2, ['*' ... '+'] = 3,
        [','] = 2, ['-' ... '.'] = 3, ['/'] = 2, ['0' ... '9'] = 3, [':' ... '@'] = 2, ['A' ... 'Z'] = 3,
        ['[' ... ']'] = 2, ['^' ... 'z'] = 3, ['{'] = 2, ['|'] = 3, ['}'] = 2, ['~'] = 3, [0x80 ... 0xff] = 2 };
    static const char *const tressi_names[3] = {"content-length", "transfer-encoding", "connection"};
    static const int tressi_name_sizes[3] = {14, 17, 10};
    """
    const uint8_t* CLASS "tressi_class"
    const char** NAMES "tressi_names"
    const int* NAME_SIZES "tressi_name_sizes"
    enum:
        TOKEN "TRESSI_TOKEN"
        TEXT "TRESSI_TEXT"

cdef enum:
    HEAD_LIMIT = 64 * 1024
    WORD_LIMIT = 16
    LENGTH_DIGITS = 18             # 10**18 fits int64
    SIZE_DIGITS = 15               # 16**15 fits int64

cdef enum Progress:
    MORE                           # all bytes used, the message goes on
    HEAD_READ                      # the final head is read; feed the rest
    DONE                           # the message ended at the offset
    BROKEN                         # not HTTP at the offset; `fault` says why

cdef enum Fault:
    NO_FAULT
    BAD_STATUS_LINE
    BAD_FIELD
    BAD_LENGTH
    BAD_CHUNK
    HEAD_TOO_LONG
    UNASKED_UPGRADE

cdef enum State:
    VERSION                        # of "HTTP/1.", `word_size` bytes are matched
    MINOR
    BEFORE_STATUS
    STATUS
    AFTER_STATUS
    REASON
    STATUS_LF
    FIELD_START
    NAME
    VALUE
    VALUE_LF
    HEAD_LF
    BODY_START
    BODY_BY_LENGTH
    BODY_UNTIL_CLOSE
    CHUNK_SIZE
    CHUNK_EXTENSION
    CHUNK_LF
    CHUNK_DATA
    CHUNK_DATA_CR
    CHUNK_DATA_LF
    ENDED

cdef enum Field:
    CONTENT_LENGTH
    TRANSFER_ENCODING
    CONNECTION
    OTHER

cdef struct Parser:
    int32_t state
    int32_t status
    int64_t remaining              # bytes still to come of the body or of the chunk
    int64_t body_bytes             # of the body so far, without framing
    int64_t content_length         # -1: none given
    int64_t number                 # being read
    int32_t head_bytes
    int32_t digits                 # read of `number`; -1: number ended
    int32_t word_size              # of the word being read, or bytes of the name matched
    int32_t fault
    uint8_t names                  # bit i: the name read so far begins NAMES[i]
    uint8_t field
    uint8_t field_open             # a field's value has ended its line, but may be folded
    uint8_t in_trailer
    uint8_t to_head                # the request was HEAD: no body follows
    uint8_t old_version            # HTTP/1.0
    uint8_t says_close
    uint8_t says_keep_alive
    uint8_t coded                  # a Transfer-Encoding is given …
    uint8_t chunked                # … whose last coding is chunked
    uint8_t reusable               # once ENDED: the connection may carry another request
    char word[WORD_LIMIT]
    char* keep                     # where the beginning of the body goes, or NULL
    int64_t keep_room
    int64_t kept
    const uint8_t* needle          # what the body must contain, or NULL
    const int32_t* needle_next     # its failure function (Knuth, Morris, Pratt 1977)
    int32_t needle_size
    int32_t needle_matched


cdef inline void parser_begin_head(Parser* parser) noexcept nogil:
    parser.state = VERSION
    parser.word_size = 0
    parser.status = 0
    parser.content_length = -1
    parser.field_open = 0
    parser.says_close = 0
    parser.says_keep_alive = 0
    parser.coded = 0
    parser.chunked = 0


cdef inline void parser_reset(Parser* parser, bint to_head) noexcept nogil:
    """Make ready for the response to one request; what the body is searched for stays."""
    parser_begin_head(parser)
    parser.to_head = to_head
    parser.in_trailer = 0
    parser.reusable = 0
    parser.head_bytes = 0
    parser.body_bytes = 0
    parser.fault = NO_FAULT
    parser.keep = NULL
    parser.keep_room = 0
    parser.kept = 0
    parser.needle_matched = 0


cdef inline Progress parser_break(Parser* parser, Fault fault) noexcept nogil:
    parser.fault = fault
    return BROKEN


cdef inline void parser_search(Parser* parser, const uint8_t* data, int64_t size) noexcept nogil:
    cdef int64_t at
    cdef int32_t matched = parser.needle_matched
    for at in range(size):
        if matched == parser.needle_size:
            break
        while matched > 0 and parser.needle[matched] != data[at]:
            matched = parser.needle_next[matched - 1]
        if parser.needle[matched] == data[at]:
            matched += 1
    parser.needle_matched = matched


cdef inline void parser_body(Parser* parser, const uint8_t* data, int64_t size) noexcept nogil:
    """A piece of the body, framing taken off."""
    cdef int64_t room
    parser.body_bytes += size
    if parser.keep != NULL:
        room = min(parser.keep_room - parser.kept, size)
        memcpy(parser.keep + parser.kept, data, room)
        parser.kept += room
    if parser.needle != NULL:
        parser_search(parser, data, size)


cdef inline Progress parser_end(Parser* parser, bint framed) noexcept nogil:
    """The message is whole; `framed`: its end was told, not seen by a close."""
    parser.state = ENDED
    # Both framings given is a message to be wary of (RFC 9112 6.1): use it, then close.
    parser.reusable = (
        framed and not parser.says_close and (parser.says_keep_alive or not parser.old_version)
        and not (parser.coded and parser.content_length >= 0)
    )
    return DONE


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
    if parser.field == TRANSFER_ENCODING and parser.word_size > 0:
        parser.coded = 1
        parser.chunked = word_is(parser, b"chunked", 7)
    elif parser.field == CONNECTION:
        parser.says_close = parser.says_close or word_is(parser, b"close", 5)
        parser.says_keep_alive = parser.says_keep_alive or word_is(parser, b"keep-alive", 10)
    parser.word_size = 0
    return True


cdef inline bint value_byte(Parser* parser, uint8_t byte) noexcept nogil:
    """One byte of a field that frames the message; False: it cannot stand there."""
    if byte == c",":
        return value_ended(parser)
    if byte == c" " or byte == c"\t":
        if parser.field == CONTENT_LENGTH and parser.digits > 0:
            parser.digits = -1
        return True
    if parser.field == CONTENT_LENGTH:
        if not c"0" <= byte <= c"9" or not 0 <= parser.digits < LENGTH_DIGITS:
            return False
        parser.number = 10 * parser.number + byte - c"0"
        parser.digits += 1
        return True
    # A longer word is none that we know; its size alone must say so.
    if parser.word_size < WORD_LIMIT:
        parser.word[parser.word_size] = byte | 0x20
    parser.word_size += 1
    return True


cdef inline void field_begin(Parser* parser) noexcept nogil:
    parser.names = 0b111
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
        for index in range(3):
            if parser.names & (1 << index) and NAME_SIZES[index] == parser.word_size:
                parser.field = <uint8_t> index
    parser.word_size = 0
    parser.number = 0
    parser.digits = 0
    parser.state = VALUE
    return True


cdef inline void name_byte(Parser* parser, uint8_t byte) noexcept nogil:
    cdef int32_t index
    for index in range(3):
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
        parser_begin_head(parser)
        return MORE
    parser.state = BODY_START
    return HEAD_READ


cdef inline bint body_starts(Parser* parser) noexcept nogil:
    """Choose the framing (RFC 9112 6.3); True: there is no body and the message has ended."""
    if parser.to_head or parser.status == 204 or parser.status == 304:
        return True
    if parser.coded:
        parser.state = CHUNK_SIZE if parser.chunked else BODY_UNTIL_CLOSE
        parser.number = 0
        parser.digits = 0
        return False
    if parser.content_length == 0:
        return True
    parser.remaining = parser.content_length
    parser.state = BODY_BY_LENGTH if parser.content_length > 0 else BODY_UNTIL_CLOSE
    return False


cdef inline int hex_digit(uint8_t byte) noexcept nogil:
    if c"0" <= byte <= c"9":
        return byte - c"0"
    byte |= 0x20
    return byte - c"a" + 10 if c"a" <= byte <= c"f" else -1


cdef inline Progress chunk_sized(Parser* parser) noexcept nogil:
    """The line of a chunk's size ended: data follows, or after the last chunk the trailers."""
    if parser.number == 0:
        parser.in_trailer = 1
        parser.field_open = 0
        parser.state = FIELD_START
    else:
        parser.remaining = parser.number
        parser.state = CHUNK_DATA
    return MORE


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
        return c"0" <= byte <= c"9" and (parser.digits < 3 or 100 <= parser.status <= 599)
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


cdef inline Progress chunk_line(Parser* parser, uint8_t byte) noexcept nogil:
    """A byte of the framing between chunks (RFC 9112 7.1)."""
    cdef int digit
    if parser.state == CHUNK_SIZE:
        digit = hex_digit(byte)
        if digit >= 0 and 0 <= parser.digits < SIZE_DIGITS:
            parser.number = 16 * parser.number + digit
            parser.digits += 1
            return MORE
        if parser.digits == 0 or digit >= 0:
            return parser_break(parser, BAD_CHUNK)
        if byte == c" " or byte == c"\t":
            parser.digits = -1
            return MORE
        parser.state = CHUNK_EXTENSION
        if byte != c";" and byte != c"\r":
            return parser_break(parser, BAD_CHUNK)
    if parser.state == CHUNK_EXTENSION:
        parser.head_bytes += 1
        if byte == c"\r":
            parser.state = CHUNK_LF
        elif not CLASS[byte] & TEXT:
            return parser_break(parser, BAD_CHUNK)
        return parser_break(parser, HEAD_TOO_LONG) if parser.head_bytes > HEAD_LIMIT else MORE
    if parser.state == CHUNK_LF:
        return chunk_sized(parser) if byte == c"\n" else parser_break(parser, BAD_CHUNK)
    if parser.state == CHUNK_DATA_CR:
        parser.state = CHUNK_DATA_LF
        return MORE if byte == c"\r" else parser_break(parser, BAD_CHUNK)
    parser.state = CHUNK_SIZE
    parser.number = 0
    parser.digits = 0
    return MORE if byte == c"\n" else parser_break(parser, BAD_CHUNK)


cdef inline Progress body_feed(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read the body up to its end or to the trailers."""
    cdef int64_t size
    cdef Progress progress = MORE
    while at[0] < end and progress == MORE and parser.state > BODY_START:
        if parser.state == BODY_BY_LENGTH or parser.state == CHUNK_DATA:
            size = min(<int64_t> (end - at[0]), parser.remaining)
            parser_body(parser, at[0], size)
            at[0] += size
            parser.remaining -= size
            if parser.remaining == 0:
                if parser.state == BODY_BY_LENGTH:
                    return parser_end(parser, True)
                parser.state = CHUNK_DATA_CR
        elif parser.state == BODY_UNTIL_CLOSE:
            parser_body(parser, at[0], end - at[0])
            at[0] = end
        else:
            progress = chunk_line(parser, at[0][0])
            at[0] += 1
    return progress


cdef inline Progress parser_feed(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read on from `at[0]` to `end` at most; `at[0]` is left where reading stopped."""
    cdef Progress progress = MORE
    if parser.state == ENDED:
        return DONE
    if parser.state == BODY_START and body_starts(parser):
        return parser_end(parser, True)
    while at[0] < end and progress == MORE:
        progress = head_feed(parser, at, end) if parser.state < BODY_START else body_feed(parser, at, end)
    return progress


cdef inline Progress parser_close(Parser* parser) noexcept nogil:
    """The server closed: the end of a body that nothing else delimits, or a message cut short."""
    if parser.state == BODY_UNTIL_CLOSE:
        return parser_end(parser, False)
    return BROKEN
