"""Time: CLOCK_MONOTONIC in int64 nanoseconds. CLOCK_REALTIME is read only to place the kernel's receive stamps on it.

It must be the clock of Python's time.monotonic_ns, from which greenlets report. On macOS that is CLOCK_UPTIME_RAW, which
stands still while the machine sleeps; CLOCK_MONOTONIC goes on there, so the two drift apart.
"""

from libc.stdint cimport int64_t
from posix.time cimport CLOCK_REALTIME, clock_gettime, clockid_t, timespec

cdef extern from "core/clock.h":
    clockid_t MONOTONIC "TRESSI_MONOTONIC"

cdef enum:
    NS_PER_US = 1000
    NS_PER_MS = 1000000
    NS_PER_S = 1000000000

# Later than any time that a run can see (146 years), with room to add to it.
cdef inline int64_t never() noexcept nogil:
    return <int64_t> 1 << 62


cdef inline int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(MONOTONIC, &now)
    return <int64_t> now.tv_sec * NS_PER_S + now.tv_nsec


cdef inline int64_t realtime_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t> now.tv_sec * NS_PER_S + now.tv_nsec
