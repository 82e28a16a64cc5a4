"""What a response must be to count as a success. One for each endpoint, made before the run, only read by the hot path."""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcmp

from tressi.core.arena cimport STATUSES
from tressi.wire.user cimport Intake

cdef enum:
    CHECKED_FIELDS = 16            # of one endpoint, at most: with the known ones their numbers are bits of a set
    FIRST_MARK = 32                # no line end is the mark of a field's place
    JUDGED_BYTES = 1024 * 1024     # of a body that is judged; a larger one is none that meets an expectation

# Bytes that live as long as the reactor.
cdef struct Piece:
    const char* bytes
    int64_t size

# A field that a response must have, and what it may say.
cdef struct FieldCheck:
    int32_t number                 # by which the protocol knows it, see fields.h; behind those known there: its own
    int32_t value_count
    Piece name                     # in lower case
    Piece* values
    const char* missing            # why a response without it failed, in words
    const char* before             # … and one with another value: words before that, or NULL where it may be a secret,
    const char* behind             # and words behind it

# What is held against a response beyond its status and a text in its body.
cdef struct Further:
    FieldCheck* fields
    int32_t field_count
    int32_t name_count             # of `fields`, those behind `field_count` are only taken, see user.pxd
    int32_t name_limit             # bytes of the longest name
    int64_t body_limit             # bytes of the body as it comes; negative: any number
    PyObject* judge                # of the body (judge.pxd), or NULL
    Intake* intake                 # what a step of a flow takes from the response, or NULL
    # Called through these, so that they stand apart from the code for endpoints without such checks: it would grow slower.
    int32_t (*number_of)(const Further* further, const char* name, int64_t size, int32_t otherwise) noexcept nogil
    bint (*hold)(void* response, int32_t number, const char* value, int64_t size) noexcept nogil
    void (*read)(void* response, const uint8_t* data, int64_t size) noexcept nogil  # a piece of the body, or NULL

cdef struct Check:
    uint8_t expects                # there are expectations beyond a status below 400
    uint8_t successes[STATUSES]    # 1: this status is a success
    uint8_t wants_trailers         # … and those behind its body, too, which HTTP/2 alone has
    uint32_t fields                # which fields of a response are wanted, by the bits of their numbers
    int32_t needle_size
    const uint8_t* needle          # what the body must contain, or NULL
    const int32_t* needle_next     # its failure function (Knuth, Morris, Pratt 1977)
    const char* wanted             # the statuses that are successes, in words
    const char* lacking            # why a response without the needle failed, in words
    Further* further               # NULL: nothing else is looked at


cdef inline bint is_named(const Piece* name, const char* other, int64_t size) noexcept nogil:
    """Whether a field's name is this one, whatever its letters."""
    cdef int64_t at
    cdef char byte
    if size != name.size:
        return False
    for at in range(size):
        byte = other[at]
        if c"A" <= byte <= c"Z":
            byte += 32
        if byte != name.bytes[at]:
            return False
    return True


cdef inline int32_t field_checked(const Further* further, const char* name, int64_t size, int32_t otherwise) noexcept nogil:
    """The number of the field of that name, where it is checked."""
    cdef int32_t place
    for place in range(further.name_count):
        if is_named(&further.fields[place].name, name, size):
            return further.fields[place].number
    return otherwise


cdef inline bint is_met(const FieldCheck* field, const char* value, int64_t size) noexcept nogil:
    """Whether a value is one that the field may have. An expected one without parameters is met with any."""
    cdef int32_t place
    cdef int64_t bare = 0
    cdef const Piece* wanted
    while bare < size and value[bare] != c";":
        bare += 1
    while bare > 0 and (value[bare - 1] == c" " or value[bare - 1] == c"\t"):
        bare -= 1
    for place in range(field.value_count):
        wanted = &field.values[place]
        if wanted.size == size and memcmp(wanted.bytes, value, size) == 0:
            return True
        if wanted.size == bare and memchr(wanted.bytes, c";", bare) == NULL and memcmp(wanted.bytes, value, bare) == 0:
            return True
    return False
