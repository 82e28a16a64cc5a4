"""What is taken of one response, by whichever protocol it comes: its status, the fields that are wanted, and its body.

A protocol (`h1/`) turns bytes into calls of `field_seen` and `body_seen`, and knows nothing of what becomes of them. A
value is handed over once and whole, however it was cut or folded on its way. What nobody wants is never kept: the set of
wanted fields is in `wanted`, and a further one that is to be heard of is a name in fields.h and a line in `field_seen`.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from tressi.core.clock cimport NS_PER_S
from tressi.wire.check cimport FIRST_MARK, JUDGED_BYTES, Check, Further, is_met
from tressi.wire.fields cimport CONTENT_ENCODING, GRPC_MESSAGE, GRPC_STATUS, KEEP_ALIVE, LOCATION, Field
from tressi.wire.text cimport Text, text_add, text_clear, text_free, text_join, text_line
from tressi.wire.user cimport User, user_reads, user_takes

cdef struct Response:
    int32_t status                 # 0: not read yet
    uint32_t wanted                # fields, by the bits of their numbers
    uint8_t has_head               # the final head is read to its end
    uint8_t wants_trailers         # fields behind the body are held against the check, too; HTTP/2 alone has them
    int64_t body_bytes             # of the body so far, without framing
    int64_t length                 # of the body, as the head says; -1: it does not
    int64_t keeps_ns               # for so long the server keeps a connection that rests; 0: it did not say
    PyObject* packed               # decodes the body (packed.pxd), or NULL
    char* keep                     # where the beginning of the body goes, or NULL
    int64_t keep_room
    int64_t kept
    const uint8_t* needle          # what the body is searched for, see check.pxd; NULL: it is not
    const int32_t* needle_next
    int32_t needle_size
    int32_t needle_matched         # so many bytes of it are the last of the body so far; all of them: it was found
    const Further* further         # what else is held against it, or NULL
    uint32_t fields_met            # of those that it must have, by the bits of their places
    uint8_t refused                # by the judge of the body
    uint8_t is_searched            # the user of a flow looks for values in the body
    uint32_t taken                 # which fields that he takes were there (`user_takes`)
    User* user                     # or NULL
    Text others                    # what such fields had instead, a line each: the mark of its place, and the value
    Text whole                     # the body as it came, where it is judged
    Text coding                    # the Content-Encoding, several fields as one list (RFC 9110 5.3)
    int32_t grpc_status            # of a call, by its number; -1: none has come
    Text grpc_message              # what the server says of it, percent-encoded
    Text location                  # every Location, a line each, for an empty one is one too


cdef inline void response_forget(Response* response) noexcept nogil:
    """The fields so far were those of an interim response (RFC 9110 15.2)."""
    response.status = 0
    response.keeps_ns = 0
    text_clear(&response.coding)
    text_clear(&response.location)
    if response.further != NULL:
        response.fields_met = 0
        response.taken = 0
        text_clear(&response.others)


cdef inline void response_reset(Response* response) noexcept nogil:
    """Make ready for another response; what is wanted and searched for stays."""
    response_forget(response)
    response.has_head = 0
    response.body_bytes = 0
    response.length = -1
    response.keep = NULL
    response.keep_room = 0
    response.kept = 0
    response.needle_matched = 0
    if response.further != NULL:
        response.refused = 0
        response.is_searched = 0
        text_clear(&response.whole)


cdef inline void response_begin(Response* response, const Check* check) noexcept nogil:
    """Make ready for a response that is held against `check`."""
    response_reset(response)
    response.wanted = check.fields
    response.wants_trailers = check.wants_trailers
    response.needle = check.needle
    response.needle_next = check.needle_next
    response.needle_size = check.needle_size
    response.further = check.further
    if check.wants_trailers:
        response.grpc_status = -1
        text_clear(&response.grpc_message)


cdef inline void response_free(Response* response) noexcept nogil:
    text_free(&response.coding)
    text_free(&response.location)
    text_free(&response.grpc_message)
    text_free(&response.others)
    text_free(&response.whole)


cdef inline int64_t keep_alive_ns(const char* value, int64_t size) noexcept nogil:
    """The time in a Keep-Alive, such as `timeout=5, max=100`; 0: there is none, or one beyond all sense."""
    cdef const char* name = b"timeout="
    cdef int64_t at = 0, same = 0, seconds = 0
    while at < size and same < 8:
        # A letter's bit makes lower case of upper, and leaves "=" alone.
        same = same + 1 if value[at] | 0x20 == name[same] | 0x20 else <int64_t> (value[at] | 0x20 == name[0])
        at += 1
    while same == 8 and at < size and c"0" <= value[at] <= c"9" and seconds < 10**8:
        seconds = 10 * seconds + value[at] - c"0"
        at += 1
    return seconds * NS_PER_S


cdef inline int32_t grpc_number(const char* value, int64_t size) noexcept nogil:
    """The number of a status of gRPC; one that there is not is beyond all."""
    cdef int32_t number = 0
    cdef int64_t at
    for at in range(size):
        if not c"0" <= value[at] <= c"9" or number > 999:
            return 999
        number = 10 * number + value[at] - c"0"
    return number if size > 0 else 999


cdef inline bint field_seen(Response* response, Field field, const char* value, int64_t size) noexcept nogil:
    """A field of the head that is wanted, white space around its value taken off; False: there is no memory for it."""
    if field == CONTENT_ENCODING:
        return text_join(&response.coding, c",", value, size)
    if field == LOCATION:
        return text_line(&response.location, value, size)
    if field == GRPC_STATUS:
        response.grpc_status = grpc_number(value, size)
    elif field == GRPC_MESSAGE:
        text_clear(&response.grpc_message)
        return text_add(&response.grpc_message, value, size)
    elif field == KEEP_ALIVE:
        response.keeps_ns = keep_alive_ns(value, size)
    return True


cdef inline bint field_held(void* held, int32_t number, const char* value, int64_t size) noexcept nogil:
    """Hold a field against what it must be, where it must be something; False: there is no memory."""
    cdef Response* response = <Response*> held
    cdef const Further* further = response.further
    cdef int32_t place
    cdef char mark
    for place in range(further.field_count):
        if further.fields[place].number != number:
            continue
        if is_met(&further.fields[place], value, size):
            response.fields_met |= <uint32_t> 1 << place
            continue
        mark = <char> (FIRST_MARK + place)
        if not (text_add(&response.others, &mark, 1) and text_line(&response.others, value, size)):
            return False
    return True


cdef inline bint field_taken(void* held, int32_t number, const char* value, int64_t size) noexcept nogil:
    """A field in a flow: the user may want it, and it may have to be something."""
    cdef Response* response = <Response*> held
    user_takes(response.user, response.further.intake, number, value, size, &response.taken)
    return field_held(held, number, value, size)


cdef inline void body_read(void* held, const uint8_t* data, int64_t size) noexcept nogil:
    """Keep the body for its judge, and look for values in it.

    Bytes without room or memory are left out; the judge notices by the count of bytes.
    """
    cdef Response* response = <Response*> held
    if response.further.judge != NULL:
        text_add(&response.whole, data, min(size, <int64_t> JUDGED_BYTES - response.whole.size))
    if response.is_searched and response.packed == NULL:
        user_reads(response.user, response.further.intake, data, size)


cdef inline void needle_search(Response* response, const uint8_t* data, int64_t size) noexcept nogil:
    cdef int64_t at
    cdef int32_t matched = response.needle_matched
    for at in range(size):
        if matched == response.needle_size:
            break
        while matched > 0 and response.needle[matched] != data[at]:
            matched = response.needle_next[matched - 1]
        if response.needle[matched] == data[at]:
            matched += 1
    response.needle_matched = matched


cdef inline void packed_feed(Response* response, const uint8_t* data, int64_t size) noexcept with gil:
    cdef bytes piece
    body = <object> response.packed
    body.feed(PyBytes_FromStringAndSize(<const char*> data, size))
    if response.is_searched:
        for piece in body.taken():
            user_reads(response.user, response.further.intake, <const uint8_t*> <const char*> piece, len(piece))


cdef inline void body_seen(Response* response, const uint8_t* data, int64_t size) noexcept nogil:
    """A piece of the body, framing taken off."""
    cdef int64_t room
    response.body_bytes += size
    if response.further != NULL and response.further.read != NULL:
        response.further.read(response, data, size)
    if response.packed != NULL:
        packed_feed(response, data, size)
        return
    if response.keep != NULL:
        room = min(response.keep_room - response.kept, size)
        memcpy(response.keep + response.kept, data, room)
        response.kept += room
    if response.needle != NULL:
        needle_search(response, data, size)
