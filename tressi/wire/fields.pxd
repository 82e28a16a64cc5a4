"""Fields by number: which names are known, and the sets in which the reader of a head says which ones it is interested in."""

from libc.stdint cimport int64_t, uint32_t

cdef extern from "wire/fields.h":
    ctypedef enum Field "enum tressi_field":
        CONTENT_LENGTH "TRESSI_CONTENT_LENGTH"
        TRANSFER_ENCODING "TRESSI_TRANSFER_ENCODING"
        CONNECTION "TRESSI_CONNECTION"
        CONTENT_ENCODING "TRESSI_CONTENT_ENCODING"
        LOCATION "TRESSI_LOCATION"
        KEEP_ALIVE "TRESSI_KEEP_ALIVE"
        GRPC_STATUS "TRESSI_GRPC_STATUS"
        GRPC_MESSAGE "TRESSI_GRPC_MESSAGE"
        OTHER "TRESSI_OTHER"
    enum:
        NAME_LIMIT "TRESSI_NAME_LIMIT"
    Field field_number "tressi_field_number" (const char* name, int64_t size, uint32_t wanted) noexcept nogil


cdef inline uint32_t field_bit(Field field) noexcept nogil:
    """The set of one field."""
    return <uint32_t> 1 << <int> field
