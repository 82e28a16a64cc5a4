"""What has happened on a connection of HTTP/2, as its reader tells it, and what ends the connection or a stream of it."""

from libc.stdint cimport int32_t

from tressi.wire.h2.frame cimport ENHANCE_YOUR_CALM, Code
from tressi.wire.h2.output cimport output_left
from tressi.wire.h2.session cimport Session, session_say_goodbye
from tressi.wire.h2.stream cimport Stream

cdef enum:
    QUIET_FRAMES = 10_000          # in a row
    OWED_BYTES = 1024 * 1024       # of acknowledgements and bodies that the server does not take

cdef enum Event:
    NOTHING                        # all bytes are used
    HEAD                           # the final head of `stream` is read
    INTERIM                        # a 1xx of it
    PIECE                          # some of its body
    END                            # its response is whole
    MALFORMED                      # its response is none, as `words` say
    RESET                          # the server has ended it, for `code`
    AWAY                           # the server takes no stream above `last_id`, for `code`
    BROKEN                         # the connection cannot be read any more, as `code` and `words` say


cdef inline Event session_break(Session* session, Code code, const char* words) noexcept nogil:
    session.code = code
    session.words = words
    session_say_goodbye(session, code)
    session.is_broken = 1
    return BROKEN


cdef inline Event stream_break(Session* session, Stream* stream, const char* words) noexcept nogil:
    session.stream = stream
    session.words = words
    return MALFORMED


cdef inline Event quiet_seen(Session* session) noexcept nogil:
    """A frame that was of no use."""
    session.quiet += 1
    if session.quiet > QUIET_FRAMES or output_left(&session.output) > OWED_BYTES:
        return session_break(session, ENHANCE_YOUR_CALM, b"too many frames that say nothing")
    return NOTHING


cdef inline bint is_ours(const Session* session, int32_t id) noexcept nogil:
    """Whether a stream of that number was ever opened, or left out."""
    return id & 1 and id < session.next_id
