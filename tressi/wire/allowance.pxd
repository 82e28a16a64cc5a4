"""How many attempts may still begin, in memory that all engines of a run take from (`load.allowance`)."""

from libc.stdint cimport int64_t


cdef extern from "wire/allowance.h":
    int64_t allowance_take "tressi_allowance_take"(int64_t* left) noexcept nogil
    int64_t allowance_left "tressi_allowance_left"(const int64_t* left) noexcept nogil
