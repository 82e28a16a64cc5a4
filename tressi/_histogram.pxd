from libc.stdint cimport int64_t

from tressi.core cimport counters as spans


cdef class Histogram:
    cdef spans.Counters body

    cdef int cover(self, int64_t low, int64_t high) except -1
