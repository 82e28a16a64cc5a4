"""What is sent, and where to. Made before the run, so that a request is never put together while it lasts."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from tressi.wire.origin cimport Origin

# The bytes of one whole request.
cdef struct Slice:
    const char* bytes
    int64_t size
    int64_t first                  # of it goes out at once; the rest is a body that waits for 100 (Continue)

cdef struct Request:
    Origin* target
    Slice* variants                # taken one after the other
    int32_t variant_count
    int32_t next_variant
    int32_t link                   # which of its lanes' links leads to the target; -1: none of those that every lane has
    int32_t number                 # 0: an endpoint's own; above: one that a redirect leads to (hops.pxd); -1: a lane's
    uint8_t to_head                # the method is HEAD
    uint8_t idempotent             # may be sent once more (RFC 9110 9.2.2)
    uint8_t keep_alive
    uint8_t awaits_continue        # it has an Expect: 100-continue


cdef inline Slice* request_take(Request* request) noexcept nogil:
    """The bytes to send now."""
    cdef Slice* variant = &request.variants[request.next_variant]
    if request.variant_count > 1:
        request.next_variant = (request.next_variant + 1) % request.variant_count
    return variant
