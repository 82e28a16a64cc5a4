"""One HTTP/1.1 response being read: its state in a few integers, so that it may be cut anywhere between two bytes."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from tressi.wire.response cimport Response, response_forget
from tressi.wire.text cimport Text, text_clear, text_free

cdef extern from "wire/h1/message.h":
    const uint8_t* CLASS "tressi_class"
    const uint8_t* skip "tressi_skip"(const uint8_t* at, const uint8_t* end, uint8_t kind) nogil
    const char** FAULTS "tressi_faults"
    const int64_t LENGTH_HUGE "TRESSI_LENGTH_HUGE"
    enum:
        TOKEN "TRESSI_TOKEN"
        TEXT "TRESSI_TEXT"

cdef enum:
    HEAD_LIMIT = 64 * 1024
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
    NO_MEMORY

cdef enum State:
    VERSION                        # of "HTTP/1.", `matched` bytes of it have come
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
    FOLD                           # the white space with which a folded line begins
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

cdef struct Parser:
    Response* response             # where status, fields and body go
    int32_t state
    int32_t matched                # bytes of "HTTP/1."
    int64_t remaining              # bytes still to come of the body or of the chunk
    int64_t content_length         # -1: none given
    int64_t number                 # being read
    int32_t head_bytes
    int32_t digits                 # read of `number`; -1: number ended. Of a chunk's extension: bytes
    int32_t fault
    uint8_t field                  # whose value is being read: its number, see fields.h
    uint8_t field_open             # its value has ended its line, but may be folded
    uint8_t in_trailer
    uint8_t continued              # a 100 (Continue) has come
    uint8_t to_head                # the request was HEAD: no body follows
    uint8_t old_version            # HTTP/1.0
    uint8_t says_close
    uint8_t says_keep_alive
    uint8_t coded                  # a Transfer-Encoding is given …
    uint8_t chunked                # … whose last coding is chunked
    uint8_t reusable               # once ENDED: the connection may carry another request
    Text text                      # what has come of a name that is cut in two, or of a value that is wanted


cdef inline void parser_begin_head(Parser* parser) noexcept nogil:
    parser.state = VERSION
    parser.matched = 0
    parser.content_length = -1
    parser.field_open = 0
    parser.says_close = 0
    parser.says_keep_alive = 0
    parser.coded = 0
    parser.chunked = 0
    text_clear(&parser.text)
    response_forget(parser.response)


cdef inline void parser_reset(Parser* parser, Response* response, bint to_head) noexcept nogil:
    """Make ready for the response to one request; what is read of it goes into `response`."""
    parser.response = response
    parser_begin_head(parser)
    parser.to_head = to_head
    parser.in_trailer = 0
    parser.continued = 0
    parser.reusable = 0
    parser.head_bytes = 0
    parser.fault = NO_FAULT


cdef inline void parser_free(Parser* parser) noexcept nogil:
    text_free(&parser.text)


cdef inline Progress parser_break(Parser* parser, Fault fault) noexcept nogil:
    parser.fault = fault
    return BROKEN


cdef inline Progress parser_end(Parser* parser, bint framed) noexcept nogil:
    """The message is whole; `framed`: its end was told, not seen by a close."""
    parser.state = ENDED
    # Both framings given, or a coding in HTTP/1.0, is a message to be wary of (RFC 9112 6.1): use it, then close.
    parser.reusable = (
        framed and not parser.says_close and (parser.says_keep_alive or not parser.old_version)
        and not (parser.coded and (parser.old_version or parser.content_length >= 0))
    )
    return DONE
