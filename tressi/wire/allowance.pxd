"""How many attempts may still begin, in memory that all engines of a run take from (`load.allowance`)."""

from libc.stdint cimport int64_t


cdef extern from "wire/allowance.h":
    ctypedef enum Taken "tressi_taken":
        TAKEN_NONE "TRESSI_TAKEN_NONE"         # none is left, and none will come
        TAKEN_NOT_YET "TRESSI_TAKEN_NOT_YET"   # none is here, and more may come
        TAKEN_ONE "TRESSI_TAKEN_ONE"
        TAKEN_LAST "TRESSI_TAKEN_LAST"
    Taken allowance_take "tressi_allowance_take"(int64_t* left, const int64_t* more) noexcept nogil
    bint allowance_is_used "tressi_allowance_is_used"(const int64_t* left, const int64_t* more) noexcept nogil
    void allowance_give "tressi_allowance_give"(int64_t* left, int64_t count) noexcept nogil
    int64_t allowance_take_back "tressi_allowance_take_back"(int64_t* left, int64_t count) noexcept nogil
    void allowance_close "tressi_allowance_close"(int64_t* more) noexcept nogil
