"""One request and its response on a connection of HTTP/2: what the fields of a response must be (RFC 9113 8), and its state.

What is wrong with a response is wrong with its stream alone: the attempt fails, and the connection goes on. Fields go to the
same places as those of HTTP/1.1 (`response.field_seen`, `further.hold`). Those behind the body do so only where the response
asks for them (`wants_trailers`).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcmp

from tressi.wire.fields cimport (
    CONNECTION, CONTENT_LENGTH, GRPC_MESSAGE, GRPC_STATUS, KEEP_ALIVE, OTHER, TRANSFER_ENCODING, Field, field_bit,
    field_number,
)
from tressi.wire.h1.framing cimport length_seen
from tressi.wire.h1.message cimport HEAD_LIMIT, TEXT, TOKEN, skip
from tressi.wire.h2.hpack cimport (
    BLOCK_BROKEN, BLOCK_ENDED, FIELD_READ, Decoder, FieldLine, Step, block_begin, block_next,
)
from tressi.wire.response cimport Response, field_seen, response_forget

cdef enum StreamState:
    NO_STREAM
    AWAITS_HEAD
    IN_BODY
    RESPONDED

cdef struct Stream:
    Response* response             # where status, fields and body go
    void* owner                    # the lane
    int32_t id
    uint8_t state
    uint8_t to_head                # the request was HEAD: no body follows
    uint8_t continued              # a 100 (Continue) has come
    uint8_t ends                   # the request is sent, or stands in what is sent next, to its end
    uint8_t waits                  # its body does: it is among the connection's bodies
    uint8_t is_unsent              # it is among those of which no byte was sent
    int64_t begins_at              # where its first byte stands among all that the connection sends
    int64_t head_bytes             # names and values of its heads, those of a 1xx and behind the body included
    int64_t seen                   # the last read that brought some of it
    int64_t window                 # bytes of the body that the server takes now
    int64_t unacknowledged         # bytes of the response's body that it was not told of
    const char* body_at            # what is still to be sent
    int64_t body_left
    Stream* earlier_body
    Stream* later_body
    Stream* earlier_unsent
    Stream* later_unsent

# Of a header block that is being read.
cdef struct Reading:
    const char* fault              # why the message is malformed, or NULL
    int64_t bytes                  # of names and values
    uint8_t has_status
    uint8_t in_fields              # the last field was none with a colon
    uint8_t in_trailer
    uint8_t has_wanted             # a field was there that was looked for


cdef inline void fault_found(Reading* reading, const char* fault) noexcept nogil:
    """The first one counts."""
    if reading.fault == NULL:
        reading.fault = fault


cdef inline void status_read(Reading* reading, Response* response, const FieldLine* field) noexcept nogil:
    """A field of the protocol's own, of which a response has one (RFC 9113 8.3.2)."""
    cdef const char* value = field.value
    cdef int at
    if reading.in_fields or reading.in_trailer or reading.has_status or field.name_size != 7:
        fault_found(reading, b"a field that begins with a colon where none may stand")
    elif memcmp(field.name, b":status", 7) != 0 or field.value_size != 3 or not c"1" <= value[0] <= c"9":
        fault_found(reading, b"no status of three digits")
    else:
        response.status = 0
        for at in range(3):
            if not c"0" <= value[at] <= c"9":
                fault_found(reading, b"no status of three digits")
            response.status = 10 * response.status + value[at] - c"0"
        reading.has_status = 1


cdef inline bint name_is_legal(const FieldLine* field) noexcept nogil:
    """A token without capitals (RFC 9113 8.2.1)."""
    cdef const uint8_t* at = <const uint8_t*> field.name
    cdef int32_t index
    if field.name_size == 0 or skip(at, at + field.name_size, TOKEN) != at + field.name_size:
        return False
    for index in range(field.name_size):
        if c"A" <= field.name[index] <= c"Z":
            return False
    return True


cdef inline bint value_is_legal(const FieldLine* field) noexcept nogil:
    cdef const uint8_t* at = <const uint8_t*> field.value
    return skip(at, at + field.value_size, TEXT) == at + field.value_size


cdef inline bint is_of_trailers(int32_t number) noexcept nogil:
    """Whether a field that is known means behind the body what it means before it."""
    return number == GRPC_STATUS or number == GRPC_MESSAGE


cdef inline void field_read(Reading* reading, Response* response, const FieldLine* field) noexcept nogil:
    """A field of a response: it goes to those that want it."""
    cdef uint32_t of_connections = (
        field_bit(CONNECTION) | field_bit(TRANSFER_ENCODING) | field_bit(KEEP_ALIVE)
    )
    cdef int32_t number
    if not name_is_legal(field) or not value_is_legal(field):
        fault_found(reading, b"a malformed header field")
        return
    number = field_number(
        field.name, field.name_size, response.wanted | of_connections | field_bit(CONTENT_LENGTH)
    )
    if number != OTHER and field_bit(<Field> number) & of_connections:
        fault_found(reading, b"a field of an HTTP/1.1 connection")
        return
    if reading.in_trailer and not response.wants_trailers:
        return
    if number == OTHER and response.further != NULL:
        number = response.further.number_of(response.further, field.name, field.name_size, OTHER)
    if number == OTHER:
        return
    reading.has_wanted = reading.has_wanted or number != CONTENT_LENGTH
    if number == CONTENT_LENGTH and not reading.in_trailer and not length_seen(
        &response.length, field.value, field.value + field.value_size
    ):
        fault_found(reading, b"a malformed Content-Length")
    elif number < OTHER and (not reading.in_trailer or is_of_trailers(number)) and not field_seen(
        response, <Field> number, field.value, field.value_size
    ):
        fault_found(reading, b"no memory is left for a header field")
    if response.further != NULL and not response.further.hold(response, number, field.value, field.value_size):
        fault_found(reading, b"no memory is left for a header field")


cdef inline Step block_read(
    Decoder* decoder, const uint8_t* at, const uint8_t* end, Response* response, Reading* reading
) noexcept nogil:
    """Read a whole block; NULL for the response: only to keep the table as the server has it.

    BLOCK_BROKEN: nothing on the connection can be read any more.
    """
    cdef FieldLine field
    cdef Step step
    block_begin(decoder)
    while True:
        step = block_next(decoder, &at, end, &field)
        if step != FIELD_READ:
            return step
        if response == NULL:
            continue
        reading.bytes += field.name_size + field.value_size
        if reading.bytes > HEAD_LIMIT:
            fault_found(reading, b"more than 64 KiB of head")
        if reading.fault != NULL:
            continue
        if field.name_size > 0 and field.name[0] == c":":
            status_read(reading, response, &field)
        else:
            reading.in_fields = 1
            field_read(reading, response, &field)


cdef inline Step head_read(
    Stream* stream, Decoder* decoder, const uint8_t* at, const uint8_t* end, Reading* reading
) noexcept nogil:
    """Read the fields of a response, or those behind its body."""
    cdef Response* response = stream.response
    reading[0] = Reading(NULL, stream.head_bytes, 0, 0, stream.state == IN_BODY, 0)
    if not reading.in_trailer:
        response_forget(response)
        response.length = -1
    if block_read(decoder, at, end, response, reading) == BLOCK_BROKEN:
        return BLOCK_BROKEN
    stream.head_bytes = reading.bytes
    if not reading.in_trailer and not reading.has_status:
        fault_found(reading, b"no status of three digits")
    if response.status == 101:
        fault_found(reading, b"an unasked-for 101 Switching Protocols")
    return BLOCK_ENDED


cdef inline const char* body_fault(const Stream* stream) noexcept nogil:
    """Why the body that has ended is not the one that was announced (RFC 9113 8.1.1), or NULL."""
    cdef const Response* response = stream.response
    if stream.to_head or response.status == 304 or response.length < 0 or response.length == response.body_bytes:
        return NULL
    return b"a body of another length than its Content-Length"
