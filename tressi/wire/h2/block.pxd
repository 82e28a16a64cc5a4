"""The header block of a request (RFC 9113 8.3.1), made of the same head that goes out over HTTP/1.1.

So there is one way in which requests are planned, filled with values, redirected and shown, whatever protocol carries them.
A request that is always the same has its block made once, before the run, as short as it can be without a table; of one that
is filled for each attempt the block is made each time, its strings as they stand.

The table of RFC 7541 stays empty: a block that refers to none is the same bytes in every request of every connection.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memchr, memcmp, memcpy

from tressi.wire.h2.hpack cimport STATIC, STATIC_FIELDS
from tressi.wire.h2.huffman cimport huffman_encode, huffman_size

cdef enum:
    AUTHORITY = 1                  # numbers of the static table (RFC 7541 appendix A)
    METHOD = 2
    POST = 3
    PATH = 4
    SCHEME_HTTP = 6
    SCHEME_HTTPS = 7
    INDEXED = 0x80                 # the first byte of a field: it is one of the table,
    LITERAL = 0x00                 # its value stands there,
    SECRET = 0x10                  # and no proxy may keep it in a table (RFC 7541 7.1.3)

# Where a line of the head lies.
cdef struct Line:
    const char* name
    const char* value
    int64_t name_size
    int64_t value_size


cdef inline int64_t block_room(int64_t head_size) noexcept nogil:
    """How many bytes the block of a head takes at most."""
    return 2 * head_size + 64


cdef inline char* number_put(char* to, uint8_t first, int prefix, int64_t number) noexcept nogil:
    """Write an integer behind the bits of `first` (RFC 7541 5.1); returns where it ends."""
    cdef int64_t most = (1 << prefix) - 1
    if number < most:
        to[0] = <char> (first | number)
        return to + 1
    to[0] = <char> (first | most)
    number -= most
    to += 1
    while number >= 0x80:
        to[0] = <char> (number & 0x7f | 0x80)
        number >>= 7
        to += 1
    to[0] = <char> number
    return to + 1


cdef inline char* string_put(char* to, const char* text, int64_t size, bint packs) noexcept nogil:
    cdef int64_t packed = huffman_size(<const uint8_t*> text, size) if packs else size
    if packed < size:
        to = number_put(to, 0x80, 7, packed)
        return huffman_encode(<const uint8_t*> text, size, to)
    to = number_put(to, 0, 7, size)
    # A target may be empty where nothing was drawn for it, and lie nowhere.
    if size > 0:
        memcpy(to, text, size)
    return to + size


cdef inline char lower(char letter) noexcept nogil:
    return letter + 32 if c"A" <= letter <= c"Z" else letter


cdef inline bint named(const Line* line, const char* name, int64_t size) noexcept nogil:
    """Whether it is the field of that name, which is in lower case."""
    cdef int64_t at = 0
    if line.name_size != size:
        return False
    while at < size and lower(line.name[at]) == name[at]:
        at += 1
    return at == size


cdef inline int32_t static_name(const Line* line) noexcept nogil:
    """The number of the first field of that name in the static table; 0: there is none."""
    cdef int32_t index
    for index in range(1, STATIC_FIELDS + 1):
        if STATIC[index].name_size == line.name_size and named(line, STATIC[index].name, STATIC[index].name_size):
            return index
    return 0


cdef inline bint is_secret(const Line* line) noexcept nogil:
    """A field whose value is the user's alone; see masking.py."""
    return (
        named(line, b"authorization", 13) or named(line, b"cookie", 6) or named(line, b"proxy-authorization", 19)
        or named(line, b"x-api-key", 9)
    )


cdef inline bint is_hop_by_hop(const Line* line) noexcept nogil:
    """A field that speaks of an HTTP/1.1 connection, which no request of HTTP/2 may have (RFC 9113 8.2.2)."""
    if named(line, b"te", 2):
        return line.value_size != 8 or memcmp(line.value, b"trailers", 8) != 0
    return (
        named(line, b"connection", 10) or named(line, b"transfer-encoding", 17) or named(line, b"upgrade", 7)
        or named(line, b"keep-alive", 10) or named(line, b"proxy-connection", 16) or named(line, b"http2-settings", 14)
    )


cdef inline char* name_put(char* to, const Line* line, bint packs) noexcept nogil:
    """The first bytes of a field that is not in the table: its name."""
    cdef uint8_t first = SECRET if is_secret(line) else LITERAL
    cdef int32_t index = static_name(line)
    cdef char small[256]
    cdef int64_t at
    to = number_put(to, first, 4, index)
    if index > 0:
        return to
    if line.name_size > <int64_t> sizeof(small):
        packs = False
    if not packs:
        to = number_put(to, 0, 7, line.name_size)
        for at in range(line.name_size):
            to[at] = lower(line.name[at])
        return to + line.name_size
    for at in range(line.name_size):
        small[at] = lower(line.name[at])
    return string_put(to, small, line.name_size, True)


cdef inline const char* line_of(const char* at, const char* end, Line* line) noexcept nogil:
    """Find the field that begins at `at`; returns where the next line begins, or NULL behind the last field."""
    cdef const char* stop = <const char*> memchr(at, c"\r", end - at)
    cdef const char* colon
    if stop == NULL or stop == at:
        return NULL
    colon = <const char*> memchr(at, c":", stop - at)
    if colon == NULL:
        return NULL
    line.name, line.name_size = at, colon - at
    colon += 1
    at = stop + 2
    while colon < stop and (colon[0] == c" " or colon[0] == c"\t"):
        colon += 1
    while stop > colon and ((stop - 1)[0] == c" " or (stop - 1)[0] == c"\t"):
        stop -= 1
    line.value, line.value_size = colon, stop - colon
    return at


cdef inline char* request_line_put(
    char* to, const char* head, const char* end, bint is_secure, const Line* host, bint packs
) noexcept nogil:
    """What the request line says, as fields; NULL: it is none."""
    cdef const char* space = <const char*> memchr(head, c" ", end - head)
    cdef const char* target
    cdef int64_t size
    if space == NULL:
        return NULL
    size = space - head
    target = space + 1
    space = <const char*> memchr(target, c" ", end - target)
    if space == NULL:
        return NULL
    if (size == 3 and memcmp(head, b"GET", 3) == 0) or (size == 4 and memcmp(head, b"POST", 4) == 0):
        to[0] = <char> (INDEXED | (METHOD if size == 3 else POST))
        to += 1
    else:
        to = string_put(number_put(to, LITERAL, 4, METHOD), head, size, packs)
    to[0] = <char> (INDEXED | (SCHEME_HTTPS if is_secure else SCHEME_HTTP))
    to += 1
    if host.name != NULL:
        to = string_put(number_put(to, LITERAL, 4, AUTHORITY), host.value, host.value_size, packs)
    if space - target == 1 and target[0] == c"/":
        to[0] = <char> (INDEXED | PATH)
        return to + 1
    return string_put(number_put(to, LITERAL, 4, PATH), target, space - target, packs)


cdef inline int64_t block_of(const char* head, int64_t size, bint is_secure, bint packs, char* to) noexcept nogil:
    """Write the block of an HTTP/1.1 head into `to`, which has `block_room`; returns its size, or 0: it is no head.

    `packs`: strings are coded where that makes them shorter.
    """
    cdef const char* end = head + size
    cdef const char* first = <const char*> memchr(head, c"\n", size)
    cdef const char* at
    cdef char* here
    cdef Line line, host = Line(NULL, NULL, 0, 0)
    if first == NULL:
        return 0
    first += 1
    at = first
    while host.name == NULL:
        at = line_of(at, end, &line)
        if at == NULL:
            break
        if named(&line, b"host", 4):
            host = line
    here = request_line_put(to, head, end, is_secure, &host, packs)
    if here == NULL:
        return 0
    at = line_of(first, end, &line)
    while at != NULL:
        if not is_hop_by_hop(&line) and not named(&line, b"host", 4):
            here = string_put(name_put(here, &line, packs), line.value, line.value_size, packs)
        at = line_of(at, end, &line)
    return here - to
