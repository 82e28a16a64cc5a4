"""Where connections go: the addresses of an origin (RFC 9110 4.3.1), and those of our side from which they come."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from tressi.wire.secure cimport TlsTarget

cdef enum:
    ADDRESS_BYTES = 128            # as large as any sockaddr

cdef struct Address:
    int64_t size
    int64_t number                 # its name within its origin, wherever it stands there
    int64_t silent_until_ns        # it did not answer of late: others come first until then
    char bytes[ADDRESS_BYTES]      # a sockaddr of any family

# What is spoken on connections to an origin.
cdef enum Protocol:
    ONLY_HTTP_1
    PRIOR_KNOWLEDGE                # HTTP/2, without a word about it (RFC 9113 3.3)
    NEGOTIATED                     # what the TLS handshake chose (RFC 7301),
    INSISTED                       # and there is no connection where that is not HTTP/2

# Without an address, and where more than TCP and TLS is needed, a lane's greenlet connects.
cdef struct Origin:
    Address* addresses             # used one after the other
    Address* sources               # likewise, of our side
    int64_t address_count
    int64_t source_count
    int64_t dialed                 # connections that the reactor has begun
    int64_t patience_ns            # with an address, while others are left to try
    int64_t numbered               # addresses that it ever had
    int64_t at                     # its place among the reactor's origins
    TlsTarget* tls                 # with which TLS is spoken there by the reactor, or NULL
    uint8_t ordered                # always by greenlet: a tunnel, TLS of Python's, or a transport of its own
    uint8_t by_proxy               # it is a proxy, or reached through one
    uint8_t is_secure              # its scheme is https
    uint8_t protocol
    int32_t streams                # of HTTP/2: how many lanes may share a connection,
    int32_t channels               # and how many connections a pool may have; 0: any number
