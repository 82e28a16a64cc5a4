"""One response being read: its state in a few integers, so that it may be cut anywhere between two bytes."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memcpy

cdef extern from *:
    """
    /* By Fault. */
    static const char *const tressi_faults[7] = {
        "", "not an HTTP/1.x status line", "a malformed header field", "a field that breaks the framing",
        "malformed chunked framing", "more than 64 KiB of head", "an unasked-for 101 Switching Protocols" };
    /* Stands for every length of more than LENGTH_DIGITS digits: no body is read by it. */
    #define TRESSI_LENGTH_HUGE INT64_C(1000000000000000000)
    """
    const int64_t LENGTH_HUGE "TRESSI_LENGTH_HUGE"
    const char** FAULTS "tressi_faults"

cdef enum:
    HEAD_LIMIT = 64 * 1024
    WORD_LIMIT = 16
    CODING_LIMIT = 64              # of the names of a body's codings
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
    CONTENT_ENCODING
    OTHER

cdef struct Parser:
    int32_t state
    int32_t status
    int64_t remaining              # bytes still to come of the body or of the chunk
    int64_t body_bytes             # of the body so far, without framing
    int64_t content_length         # -1: none given
    int64_t number                 # being read
    int32_t head_bytes
    int32_t digits                 # read of `number`; -1: number ended. Of a chunk's extension: bytes
    int32_t word_size              # of the word being read, or bytes of the name matched
    int32_t fault
    uint8_t names                  # bit i: the name read so far begins NAMES[i]
    uint8_t field
    uint8_t field_open             # a field's value has ended its line, but may be folded
    uint8_t word_gap               # white space since the last byte of the word
    uint8_t in_trailer
    uint8_t continued              # a 100 (Continue) has come
    uint8_t to_head                # the request was HEAD: no body follows
    uint8_t old_version            # HTTP/1.0
    uint8_t says_close
    uint8_t says_keep_alive
    uint8_t coded                  # a Transfer-Encoding is given …
    uint8_t chunked                # … whose last coding is chunked
    uint8_t reusable               # once ENDED: the connection may carry another request
    char word[WORD_LIMIT]
    int32_t coding_size            # 0: the body is as it is
    char coding[CODING_LIMIT]      # the Content-Encoding, several fields as one list
    PyObject* packed               # decodes the body, or NULL
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
    parser.coding_size = 0


cdef inline void parser_reset(Parser* parser, bint to_head) noexcept nogil:
    """Make ready for the response to one request; what the body is searched for stays."""
    parser_begin_head(parser)
    parser.to_head = to_head
    parser.in_trailer = 0
    parser.continued = 0
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


cdef inline void packed_feed(Parser* parser, const uint8_t* data, int64_t size) noexcept with gil:
    (<object> parser.packed).feed(PyBytes_FromStringAndSize(<const char*> data, size))


cdef inline void parser_body(Parser* parser, const uint8_t* data, int64_t size) noexcept nogil:
    """A piece of the body, framing taken off."""
    cdef int64_t room
    parser.body_bytes += size
    if parser.packed != NULL:
        packed_feed(parser, data, size)
        return
    if parser.keep != NULL:
        room = min(parser.keep_room - parser.kept, size)
        memcpy(parser.keep + parser.kept, data, room)
        parser.kept += room
    if parser.needle != NULL:
        parser_search(parser, data, size)


cdef inline Progress parser_end(Parser* parser, bint framed) noexcept nogil:
    """The message is whole; `framed`: its end was told, not seen by a close."""
    parser.state = ENDED
    # Both framings given, or a coding in HTTP/1.0, is a message to be wary of (RFC 9112 6.1): use it, then close.
    parser.reusable = (
        framed and not parser.says_close and (parser.says_keep_alive or not parser.old_version)
        and not (parser.coded and (parser.old_version or parser.content_length >= 0))
    )
    return DONE
