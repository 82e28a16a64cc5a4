from libc.stdint cimport int64_t, uint64_t

from tressi._core cimport Arena
from tressi._values cimport Values
from tressi.wire cimport lane as lanes
from tressi.wire cimport open as opening
from tressi.wire cimport reactor as reactors
from tressi.wire.request cimport Request


cdef bytes whole_of(rendering)


cdef class PlannedReactor:
    cdef reactors.Reactor body
    cdef int descriptors[opening.DESCRIPTORS]     # what `close` closes
    cdef Arena arena
    cdef list kept_alive           # the bytes that endpoints point to
    cdef set peers                 # with whom TLS is spoken
    cdef Values values             # what requests are filled with, or None
    cdef list free_numbers         # of lanes that have ended
    cdef dict flows                # as they are planned, by the pool's number
    cdef dict shared               # for each origin of a pool its number where lanes share connections, by the pool's number
    cdef uint64_t walked           # users so far, whose random choices are independent
    cdef dict passing              # requests that one lane sends, and their bytes, by its number

    cdef int64_t known(self, int64_t number, int64_t count) except -1
    cdef build_request(self, Request* request, planned, bytes whole)
    cdef add_flow(self, lanes.Pool* pool, planned)
