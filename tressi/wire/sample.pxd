"""Bodies that are kept as samples: a few of each status, in the arena."""

from libc.stdint cimport int64_t

from tressi.core.arena cimport LOWEST_STATUS, SAMPLES, SAMPLES_PER_STATUS, EndpointBlock, Sample
from tressi.wire.lane cimport Exchange


cdef inline Sample* sample_claim(EndpointBlock* block, int64_t status) noexcept nogil:
    """A place for the body of this response, or NULL: a few are kept of each status, and only a few bodies in all."""
    cdef int64_t index, pending = 0
    if block.statuses[status - LOWEST_STATUS] >= SAMPLES_PER_STATUS or block.samples_taken >= SAMPLES:
        return NULL
    for index in range(block.samples_taken):
        # A place that is claimed and not yet filled holds its status, negative, as length.
        pending += block.samples[index].length == -status
    if block.statuses[status - LOWEST_STATUS] + pending >= SAMPLES_PER_STATUS:
        return NULL
    block.samples_taken += 1
    block.samples[block.samples_taken - 1].length = -status
    return &block.samples[block.samples_taken - 1]


cdef inline void sample_fill(Exchange* exchange) noexcept nogil:
    cdef Sample* sample = exchange.sample
    if sample != NULL:
        sample.length = exchange.response.kept
        sample.truncated = exchange.response.body_bytes > exchange.response.kept
        sample.status = exchange.response.status
        exchange.sample = NULL


cdef inline void sample_release(Exchange* exchange) noexcept nogil:
    """The response will not be whole: its place stays empty."""
    if exchange.sample != NULL:
        exchange.sample.length = 0
        exchange.sample = NULL


cdef inline void sample_return(Exchange* exchange, EndpointBlock* block) noexcept nogil:
    """The response is of another status than its place was claimed for: give back the place, which only the last one can be."""
    cdef Sample* sample = exchange.sample
    sample_release(exchange)
    if sample != NULL and sample == &block.samples[block.samples_taken - 1]:
        block.samples_taken -= 1
