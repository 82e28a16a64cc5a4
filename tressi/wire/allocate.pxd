"""Memory that is made before the run, with the GIL."""

from libc.stdlib cimport calloc, realloc


cdef inline void* allocated(size_t size) except NULL:
    """Zeroed memory, at least one byte of it."""
    cdef void* memory = calloc(1, max(size, <size_t> 1))
    if memory == NULL:
        raise MemoryError
    return memory


cdef inline void* one_more(void* array, size_t count, size_t size) except NULL:
    """The array with room for one element more than `count`."""
    cdef void* memory = realloc(array, (count + 1) * size)
    if memory == NULL:
        raise MemoryError
    return memory
