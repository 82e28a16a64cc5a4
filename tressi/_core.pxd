from libc.stdint cimport int64_t

from tressi.core cimport arena as layout


cdef class Arena:
    cdef layout.Header* header
    cdef int64_t size
    cdef readonly int fd
    cdef layout.EndpointBlock* seen    # room for the beginning of a block, to be copied there
    cdef list copies                   # the histograms of each endpoint as they were copied last; None: never

    cdef layout.EndpointBlock* block(self, int64_t index) noexcept
    cdef layout.EndpointBlock* checked(self, int64_t index) except NULL
