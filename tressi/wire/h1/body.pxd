"""The body of a response (RFC 9112 6 and 7): by its length, in chunks, or until the connection ends."""

from libc.stdint cimport int64_t, uint8_t

from tressi.wire.h1.message cimport (
    BAD_CHUNK, BAD_LENGTH, BODY_BY_LENGTH, BODY_START, BODY_UNTIL_CLOSE, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF,
    CHUNK_EXTENSION, CHUNK_LF, CHUNK_SIZE, CLASS, FIELD_START, HEAD_LIMIT, HEAD_TOO_LONG, LENGTH_HUGE, MORE, SIZE_DIGITS, TEXT,
    Parser, Progress, parser_break, parser_end,
)
from tressi.wire.response cimport body_seen


cdef inline Progress body_starts(Parser* parser) noexcept nogil:
    """Choose the framing (RFC 9112 6.3). DONE: there is no body and the message has ended."""
    if parser.to_head or parser.response.status == 204 or parser.response.status == 304:
        # Whatever length is given, it is not that of a body that follows: one that no body could have does no harm.
        return parser_end(parser, True)
    if parser.coded:
        parser.state = CHUNK_SIZE if parser.chunked else BODY_UNTIL_CLOSE
        parser.number = 0
        parser.digits = 0
        return MORE
    if parser.content_length == 0:
        return parser_end(parser, True)
    if parser.content_length >= LENGTH_HUGE:
        return parser_break(parser, BAD_LENGTH)
    parser.remaining = parser.content_length
    parser.state = BODY_BY_LENGTH if parser.content_length > 0 else BODY_UNTIL_CLOSE
    return MORE


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


cdef inline Progress chunk_line(Parser* parser, uint8_t byte) noexcept nogil:
    """A byte of the framing between chunks (RFC 9112 7.1)."""
    cdef int digit
    if parser.state == CHUNK_SIZE:
        digit = hex_digit(byte)
        if digit >= 0 and 0 <= parser.digits < SIZE_DIGITS:
            # Leading zeros are legal (RFC 9112 7.1: 1*HEXDIG).
            parser.digits = parser.digits + 1 if parser.number > 0 else 1
            parser.number = 16 * parser.number + digit
            return MORE
        if parser.digits == 0 or digit >= 0:
            return parser_break(parser, BAD_CHUNK)
        if byte == c" " or byte == c"\t":
            parser.digits = -1
            return MORE
        parser.state = CHUNK_EXTENSION
        parser.digits = 0
        if byte != c";" and byte != c"\r":
            return parser_break(parser, BAD_CHUNK)
    if parser.state == CHUNK_EXTENSION:
        # The number is complete: `digits` counts the extension, each by itself, for a body may have any number of chunks.
        parser.digits += 1
        if byte == c"\r":
            parser.state = CHUNK_LF
        elif not CLASS[byte] & TEXT:
            return parser_break(parser, BAD_CHUNK)
        return parser_break(parser, HEAD_TOO_LONG) if parser.digits > HEAD_LIMIT else MORE
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
            body_seen(parser.response, at[0], size)
            at[0] += size
            parser.remaining -= size
            if parser.remaining == 0:
                if parser.state == BODY_BY_LENGTH:
                    return parser_end(parser, True)
                parser.state = CHUNK_DATA_CR
        elif parser.state == BODY_UNTIL_CLOSE:
            body_seen(parser.response, at[0], end - at[0])
            at[0] = end
        else:
            progress = chunk_line(parser, at[0][0])
            at[0] += 1
    return progress
