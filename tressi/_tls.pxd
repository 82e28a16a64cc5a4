cdef class TlsSession:
    cdef object incoming
    cdef object outgoing
    cdef object write_sealed       # into `incoming`
    cdef object read_sealed        # out of `outgoing`
    cdef object read
    cdef object write
    cdef object pending
    cdef object unwrap
    cdef object describe
