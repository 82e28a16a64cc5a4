"""The lanes that pause between two steps of a flow: a binary heap by the time at which their pauses end."""

from libc.stdint cimport int64_t

from tressi.core.clock cimport never
from tressi.wire.lane cimport Lane

cdef struct Thinking:
    Lane** heap                    # with room for all lanes
    int64_t size


cdef inline void thinking_place(Thinking* thinking, int64_t at, Lane* lane) noexcept nogil:
    thinking.heap[at] = lane
    lane.walk.heap_at = at


cdef inline void thinking_up(Thinking* thinking, int64_t at) noexcept nogil:
    cdef Lane* lane = thinking.heap[at]
    cdef int64_t parent
    while at > 0:
        parent = (at - 1) >> 1
        if thinking.heap[parent].walk.wakes_ns <= lane.walk.wakes_ns:
            break
        thinking_place(thinking, at, thinking.heap[parent])
        at = parent
    thinking_place(thinking, at, lane)


cdef inline void thinking_down(Thinking* thinking, int64_t at) noexcept nogil:
    cdef Lane* lane = thinking.heap[at]
    cdef int64_t child
    while True:
        child = 2 * at + 1
        if child >= thinking.size:
            break
        if child + 1 < thinking.size and thinking.heap[child + 1].walk.wakes_ns < thinking.heap[child].walk.wakes_ns:
            child += 1
        if thinking.heap[child].walk.wakes_ns >= lane.walk.wakes_ns:
            break
        thinking_place(thinking, at, thinking.heap[child])
        at = child
    thinking_place(thinking, at, lane)


cdef inline void thinking_push(Thinking* thinking, Lane* lane) noexcept nogil:
    thinking.heap[thinking.size] = lane
    thinking.size += 1
    thinking_up(thinking, thinking.size - 1)


cdef inline void thinking_remove(Thinking* thinking, Lane* lane) noexcept nogil:
    cdef int64_t at = lane.walk.heap_at
    cdef Lane* last
    thinking.size -= 1
    last = thinking.heap[thinking.size]
    if last != lane:
        thinking_place(thinking, at, last)
        thinking_up(thinking, at)
        thinking_down(thinking, last.walk.heap_at)


cdef inline int64_t thinking_due_ns(const Thinking* thinking) noexcept nogil:
    """When the first of the pauses ends."""
    return thinking.heap[0].walk.wakes_ns if thinking.size > 0 else never()
