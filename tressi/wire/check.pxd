"""What a response must be to count as a success. One for each endpoint, made before the run, only read by the hot path."""

from libc.stdint cimport int32_t, uint8_t, uint32_t

from tressi.core.arena cimport STATUSES

cdef struct Check:
    uint8_t expects                # there are expectations beyond a status below 400
    uint8_t successes[STATUSES]    # 1: this status is a success
    uint32_t fields                # which fields of a response are wanted, by the bits of their numbers
    int32_t needle_size
    const uint8_t* needle          # what the body must contain, or NULL
    const int32_t* needle_next     # its failure function (Knuth, Morris, Pratt 1977)
    const char* wanted             # the statuses that are successes, in words
    const char* lacking            # why a response without the needle failed, in words
