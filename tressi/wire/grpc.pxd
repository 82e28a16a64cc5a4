"""The status of a gRPC call, in place of HTTP's: it comes behind the body, or in the head of a response without one.

In an endpoint's books it stands behind the statuses of HTTP (`core.arena.GRPC_OK`). A response with neither a status of gRPC
nor the 200 of one that may have it is a proxy's, and is counted by its status of HTTP; without one it is UNKNOWN.
"""

from libc.stdint cimport int32_t, int64_t

from tressi.core.arena cimport GRPC_OK, GRPC_STATUSES, GRPC_UNKNOWN, SAMPLE_BYTES, EndpointBlock
from tressi.wire.fields cimport GRPC_STATUS, field_bit
from tressi.wire.lane cimport Exchange
from tressi.wire.response cimport Response
from tressi.wire.sample cimport sample_claim, sample_return
from tressi.wire.text cimport Text

cdef extern from "wire/grpc.h":
    const char* GRPC_NAMES "tressi_grpc_names" [GRPC_STATUSES]


cdef inline bint is_call(const Response* response) noexcept nogil:
    """Whether the response is that of a call."""
    return (response.wanted & field_bit(GRPC_STATUS)) != 0


cdef inline int32_t status_at_head(const Response* response) noexcept nogil:
    """What a call's status is taken for while only its head is known: most calls succeed."""
    return GRPC_OK if is_call(response) and response.status == 200 else response.status


cdef inline int hex_value(char digit) noexcept nogil:
    if c"0" <= digit <= c"9":
        return digit - c"0"
    digit |= 0x20
    return digit - c"a" + 10 if c"a" <= digit <= c"f" else -1


cdef inline int64_t message_write(char* target, int64_t room, const Text* message) noexcept nogil:
    """What the server says, which is percent-encoded (gRPC over HTTP/2, "Status-Message"); returns its size."""
    cdef int64_t at = 0, size = 0
    cdef int high, low
    while at < message.size and size < room:
        target[size] = message.bytes[at]
        if message.bytes[at] == c"%" and at + 2 < message.size:
            high, low = hex_value(message.bytes[at + 1]), hex_value(message.bytes[at + 2])
            if high >= 0 and low >= 0:
                target[size] = <char> (high * 16 + low)
                at += 2
        at += 1
        size += 1
    return size


cdef inline void call_settle(Exchange* exchange, EndpointBlock* block) noexcept nogil:
    """The response is whole: give it the status of the call, and as sample what the server says of one that failed."""
    cdef Response* response = &exchange.response
    if 0 <= response.grpc_status < GRPC_STATUSES:
        response.status = GRPC_OK + response.grpc_status
    elif response.grpc_status >= 0 or response.status == 200:
        response.status = GRPC_UNKNOWN
    if response.status == GRPC_OK:
        return
    # The place that was claimed for a success is another's.
    sample_return(exchange, block)
    exchange.sample = sample_claim(block, response.status)
    if exchange.sample != NULL:
        response.kept = message_write(exchange.sample.body, SAMPLE_BYTES, &response.grpc_message)
        response.body_bytes = response.kept
