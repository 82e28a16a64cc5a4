"""The response parser of HTTP/1.1 (RFC 9112): bytes in, status, fields and body out. It knows no socket and keeps no bytes.

`parser_feed` stops with HEAD_READ once the final head is known, so that the caller can decide on the body; call it again.
"""

from libc.stdint cimport uint8_t

from tressi.wire.h1.body cimport body_feed, body_starts
from tressi.wire.h1.head cimport head_feed
from tressi.wire.h1.message cimport BODY_START, BODY_UNTIL_CLOSE, BROKEN, DONE, ENDED, MORE, Parser, Progress, parser_end


cdef inline Progress parser_feed(Parser* parser, const uint8_t** at, const uint8_t* end) noexcept nogil:
    """Read on from `at[0]` to `end` at most; `at[0]` is left where reading stopped."""
    cdef Progress progress = MORE
    if parser.state == ENDED:
        return DONE
    if parser.state == BODY_START:
        progress = body_starts(parser)
    while at[0] < end and progress == MORE:
        progress = head_feed(parser, at, end) if parser.state < BODY_START else body_feed(parser, at, end)
    return progress


cdef inline Progress parser_close(Parser* parser) noexcept nogil:
    """The server closed: the end of a body that nothing else delimits, or a message cut short."""
    if parser.state == BODY_UNTIL_CLOSE:
        return parser_end(parser, False)
    return BROKEN
