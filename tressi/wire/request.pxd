"""What is sent, and where to. Made before the run: a request is constant bytes, or parts that are filled for each attempt."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free

from tressi.wire.origin cimport Origin
from tressi.wire.render cimport Filling, Form, form_fill

# The bytes of one whole request.
cdef struct Slice:
    const char* bytes
    int64_t size
    int64_t first                  # of it goes out at once; the rest is a body that waits for 100 (Continue)

cdef struct Request:
    Origin* target
    Slice whole                    # its bytes, where they are always the same,
    Form* form                     # else what they are filled from; NULL: they are always the same
    uint64_t until                 # of its endpoint's requests the first is sent that a random number does not exceed
    int32_t link                   # which of its lanes' links leads to the target; -1: none of those that every lane has
    int32_t number                 # 0: an endpoint's own; above: one that a redirect leads to (hops.pxd); -1: a lane's
    uint8_t to_head                # the method is HEAD
    uint8_t idempotent             # may be sent once more (RFC 9110 9.2.2)
    uint8_t keep_alive
    uint8_t awaits_continue        # it has an Expect: 100-continue
    Slice block                    # the header block of HTTP/2, where it is always the same,
    int64_t head_size              # and how many bytes of `whole` stand for it
    const char* host               # of its URL, in a flow with cookies
    int32_t host_size
    uint8_t is_secure


cdef inline bint request_render(const Request* request, Filling* filling, Slice* rendered) noexcept nogil:
    """The bytes to send now: filled with what was drawn for the attempt, however often it is sent. False: no memory."""
    if request.form == NULL:
        rendered[0] = request.whole
        return True
    if not form_fill(request.form, filling.sources, filling):
        return False
    rendered[0] = Slice(filling.bytes, filling.size, filling.head if request.awaits_continue else filling.size)
    return True


cdef inline void request_clear(Request* request) noexcept:
    """Give back what a request has allocated."""
    free(<void*> request.block.bytes)
    request.block.bytes = NULL
    if request.form != NULL:
        free(request.form.pieces)
        free(request.form.sources)
        free(request.form)
        request.form = NULL
