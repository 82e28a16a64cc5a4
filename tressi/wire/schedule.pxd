"""Which pool has the next start to give out: a binary heap of the paced pools that have an idle lane.

A pool's key may be older than its true due time, never newer: tokens taken by lanes that came free are not sifted in at
once, but when the pool reaches the top.
"""

from libc.stdint cimport int64_t

from tressi.core.clock cimport never
from tressi.wire.lane cimport Pool, pool_has_idle

cdef struct Schedule:
    Pool** heap
    int64_t size


cdef inline void schedule_place(Schedule* schedule, int64_t at, Pool* pool) noexcept nogil:
    schedule.heap[at] = pool
    pool.heap_at = at


cdef inline void schedule_up(Schedule* schedule, int64_t at) noexcept nogil:
    cdef Pool* pool = schedule.heap[at]
    cdef int64_t parent
    while at > 0:
        parent = (at - 1) >> 1
        if schedule.heap[parent].heap_due_ns <= pool.heap_due_ns:
            break
        schedule_place(schedule, at, schedule.heap[parent])
        at = parent
    schedule_place(schedule, at, pool)


cdef inline void schedule_down(Schedule* schedule, int64_t at) noexcept nogil:
    cdef Pool* pool = schedule.heap[at]
    cdef int64_t child
    while True:
        child = 2 * at + 1
        if child >= schedule.size:
            break
        if child + 1 < schedule.size and schedule.heap[child + 1].heap_due_ns < schedule.heap[child].heap_due_ns:
            child += 1
        if schedule.heap[child].heap_due_ns >= pool.heap_due_ns:
            break
        schedule_place(schedule, at, schedule.heap[child])
        at = child
    schedule_place(schedule, at, pool)


cdef inline void schedule_remove(Schedule* schedule, Pool* pool) noexcept nogil:
    cdef int64_t at = pool.heap_at
    cdef Pool* last
    if at < 0:
        return
    pool.heap_at = -1
    schedule.size -= 1
    last = schedule.heap[schedule.size]
    if last != pool:
        schedule_place(schedule, at, last)
        schedule_up(schedule, at)
        schedule_down(schedule, last.heap_at)


cdef inline void schedule_update(Schedule* schedule, Pool* pool) noexcept nogil:
    """Put the pool where its bucket and its idle lanes say; after any change that may have made it due earlier."""
    cdef bint waits = pool.paced and not pool.ended and pool_has_idle(pool)
    if not waits:
        schedule_remove(schedule, pool)
    elif pool.heap_at < 0:
        pool.heap_due_ns = pool.bucket.due_ns
        schedule.heap[schedule.size] = pool
        schedule.size += 1
        schedule_up(schedule, schedule.size - 1)
    elif pool.bucket.due_ns != pool.heap_due_ns:
        pool.heap_due_ns = pool.bucket.due_ns
        schedule_up(schedule, pool.heap_at)
        schedule_down(schedule, pool.heap_at)


cdef inline int64_t schedule_due_ns(Schedule* schedule) noexcept nogil:
    """When the next start is due for which a lane is idle; refreshes the top until it is true."""
    cdef Pool* pool
    while schedule.size > 0:
        pool = schedule.heap[0]
        if pool.heap_due_ns == pool.bucket.due_ns:
            return pool.heap_due_ns
        pool.heap_due_ns = pool.bucket.due_ns
        schedule_down(schedule, 0)
    return never()
