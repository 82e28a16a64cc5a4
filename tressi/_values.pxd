from libc.stdint cimport int32_t

from tressi.wire.render cimport Filling, Form
from tressi.wire.source cimport Source


cdef class Values:
    cdef Source* sources
    cdef readonly int32_t count
    cdef int32_t kept_count        # rows that a lane keeps
    cdef list kept_alive           # the block and the alphabets

    cdef build_table(self, Source* built, planned, const unsigned char[::1] block)
    cdef build_generator(self, Source* built, planned)
    cdef check_column(self, hole)
    cdef build_form(self, Form* form, rendering)
    cdef build_filling(self, Filling* filling)


cdef void form_free(Form* form) noexcept
cdef void filling_free(Filling* filling) noexcept
