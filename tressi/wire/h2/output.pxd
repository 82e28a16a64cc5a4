"""What a connection of HTTP/2 has to send: one piece of memory, which grows to what was once needed and stays.

Bytes are numbered from the first that was ever added on, so a stream knows at which byte it begins.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport realloc
from libc.string cimport memmove

cdef enum:
    OUTPUT_BYTES = 4096            # that a connection begins with

cdef struct Output:
    char* bytes
    int64_t size
    int64_t room
    int64_t done                   # of them the socket has taken
    int64_t base                   # how many were taken before the first of them


cdef inline bint output_reserve(Output* output, int64_t more) noexcept nogil:
    """Have room for so many bytes; False: there is no memory."""
    cdef int64_t room = max(output.room, <int64_t> OUTPUT_BYTES)
    cdef char* bytes
    if output.size + more <= output.room:
        return True
    if output.done > 0:
        memmove(output.bytes, output.bytes + output.done, output.size - output.done)
        output.size -= output.done
        output.base += output.done
        output.done = 0
    while room < output.size + more:
        room *= 2
    if room > output.room:
        bytes = <char*> realloc(output.bytes, room)
        if bytes == NULL:
            return False
        output.bytes = bytes
        output.room = room
    return True


cdef inline void output_taken(Output* output, int64_t size) noexcept nogil:
    """The socket has taken so many bytes more."""
    output.done += size
    if output.done == output.size:
        output.base += output.size
        output.size = output.done = 0


cdef inline int64_t output_end(const Output* output) noexcept nogil:
    """How many bytes there ever were."""
    return output.base + output.size


cdef inline int64_t output_left(const Output* output) noexcept nogil:
    return output.size - output.done
