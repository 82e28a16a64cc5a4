from tressi.wire.openssl cimport SSL_CTX
from tressi.wire.secure cimport Tls, TlsTarget
from tressi.wire.text cimport Text

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

cdef class TlsContext:
    cdef SSL_CTX* context

cdef class TlsPeer:
    cdef TlsContext context
    cdef bytes name
    cdef TlsTarget target

cdef class TlsStream:
    cdef TlsPeer peer
    cdef TlsStream outer           # a proxy's, or None
    cdef Tls* tls                  # NULL: the reactor has it
    cdef Text records
    cdef Tls* mine(self) except NULL
    cdef set peers(self)
    cdef Tls* handed(self, Text* records) except NULL
