from libc.stdint cimport int64_t

from tressi.core cimport counters as spans


cdef class Histogram:
    cdef spans.Counters body

    cdef int cover(self, int64_t low, int64_t high) except -1
    cdef void add_pairs(self, const int64_t* pairs, int64_t number) noexcept
