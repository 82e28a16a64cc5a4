"""The cookies of one lane: stored and sent as RFC 6265 wants it in 5.3 and 5.4, 4 KiB of them at most.

A jar is one block of memory, which a lane without cookies does not have. It holds records in the order in which their
cookies were first set; a cookie that is set again keeps its place. Where there is no room left, those go that have expired,
and then the oldest. One that takes more than the whole jar is not stored.

Stricter than RFC 6265: `Secure` is not accepted from a plain origin, and a Domain without a dot is none but the host itself.
There is no list of public suffixes, so a Domain such as `co.uk` is accepted from a host within it.

Hosts are in small letters and without a port; `[::1]` or `::1` are addresses, as are four numbers.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, realloc
from libc.string cimport memchr, memcmp, memcpy, memmove

from tressi.wire.cookie cimport (
    Cookie, CookieText, cookie_default_path, cookie_domain_matches, cookie_lower, cookie_path_matches, cookie_read,
    cookie_request_path,
)

cdef enum:
    JAR_BYTES = 4096               # at most, of all records
    JAR_GRAIN = 256                # at first
    JAR_COOKIES = 128              # JAR_BYTES / 32: the smallest record has a head and a name, a domain and a path of a byte
    DOMAIN_BYTES = 253             # of a name (RFC 1035 2.3.4, without the root)

cdef enum Stored:
    COOKIE_STORED
    COOKIE_REMOVED                 # it has expired already: one that was there is gone
    COOKIE_REFUSED                 # none that may be set by that host, or no cookie
    COOKIE_TOO_LARGE
    COOKIE_NO_MEMORY

# All zero is an empty jar.
cdef struct Jar:
    char* bytes
    int32_t size
    int32_t room

# Behind it lie its texts: name, value, domain, path.
cdef struct CookieRecord:
    int64_t expires_s              # since 1970, or COOKIE_NEVER
    int32_t size                   # of the record with its texts, a multiple of 8
    uint16_t name_size
    uint16_t value_size
    uint16_t domain_size
    uint16_t path_size
    uint8_t is_host_only
    uint8_t is_secure


cdef inline CookieRecord* jar_record(const Jar* jar, int32_t place) noexcept nogil:
    return <CookieRecord*> (jar.bytes + place)


cdef inline char* record_name(const CookieRecord* record) noexcept nogil:
    return <char*> record + sizeof(CookieRecord)


cdef inline char* record_domain(const CookieRecord* record) noexcept nogil:
    return record_name(record) + record.name_size + record.value_size


cdef inline char* record_path(const CookieRecord* record) noexcept nogil:
    return record_domain(record) + record.domain_size


cdef inline bint is_same(const CookieText* text, const char* bytes, int64_t size) noexcept nogil:
    return text.size == size and memcmp(text.at, bytes, size) == 0


cdef inline void jar_clear(Jar* jar) noexcept nogil:
    """Forget all cookies; the memory is kept."""
    jar.size = 0


cdef inline void jar_free(Jar* jar) noexcept nogil:
    free(jar.bytes)
    jar.bytes = NULL
    jar.size = jar.room = 0


# ------------------------------------------------------------------------------------------------------------ storing

cdef inline void jar_remove(Jar* jar, int32_t place) noexcept nogil:
    cdef int32_t size = jar_record(jar, place).size
    memmove(jar.bytes + place, jar.bytes + place + size, jar.size - place - size)
    jar.size -= size


cdef inline int32_t jar_find(const Jar* jar, const Cookie* cookie) noexcept nogil:
    """The place of the cookie of the same name, domain and path, or -1."""
    cdef int32_t place = 0
    cdef CookieRecord* record
    while place < jar.size:
        record = jar_record(jar, place)
        if (
            is_same(&cookie.name, record_name(record), record.name_size)
            and is_same(&cookie.domain, record_domain(record), record.domain_size)
            and is_same(&cookie.path, record_path(record), record.path_size)
        ):
            return place
        place += record.size
    return -1


cdef inline int32_t jar_make_room(Jar* jar, int32_t kept, int32_t size, int64_t now_s) noexcept nogil:
    """Remove what must go for a record of that size; returns where the place `kept` has moved to.

    Those that have expired go first, if any must go at all, and then the oldest.
    """
    cdef int32_t place = 0
    cdef int32_t gone
    while place < jar.size and jar.size + size > JAR_BYTES:
        gone = jar_record(jar, place).size
        if jar_record(jar, place).expires_s > now_s:
            place += gone
            continue
        jar_remove(jar, place)
        if place < kept:
            kept -= gone
    while jar.size + size > JAR_BYTES:
        gone = jar_record(jar, 0).size
        jar_remove(jar, 0)
        if kept > 0:
            kept -= gone
    return kept


cdef inline bint jar_grow(Jar* jar, int32_t size) noexcept nogil:
    """Have room for so many bytes; False: there is no memory."""
    cdef int32_t room = max(jar.room, <int32_t> JAR_GRAIN)
    cdef char* bytes
    if size <= jar.room:
        return True
    while room < size:
        room *= 2
    bytes = <char*> realloc(jar.bytes, room)
    if bytes == NULL:
        return False
    jar.bytes = bytes
    jar.room = room
    return True


cdef inline void text_put(char** out, const CookieText* text) noexcept nogil:
    if text.size > 0:
        memcpy(out[0], text.at, text.size)
    out[0] += text.size


cdef inline void jar_insert(Jar* jar, int32_t place, int32_t size, const Cookie* cookie, bint is_host_only) noexcept nogil:
    """Write a record; there is room for it."""
    cdef CookieRecord* record = jar_record(jar, place)
    cdef char* out
    memmove(jar.bytes + place + size, jar.bytes + place, jar.size - place)
    jar.size += size
    record.expires_s = cookie.expires_s
    record.size = size
    record.name_size = <uint16_t> cookie.name.size
    record.value_size = <uint16_t> cookie.value.size
    record.domain_size = <uint16_t> cookie.domain.size
    record.path_size = <uint16_t> cookie.path.size
    record.is_host_only = is_host_only
    record.is_secure = cookie.is_secure
    out = record_name(record)
    text_put(&out, &cookie.name)
    text_put(&out, &cookie.value)
    text_put(&out, &cookie.domain)
    text_put(&out, &cookie.path)


cdef inline bint domain_settle(
    Cookie* cookie, char* room, const char* host, int64_t host_size, bint* is_host_only
) noexcept nogil:
    """Whether the host may set a cookie for its domain, which is the host from then on where it names none.

    The domain is brought into small letters, in a room of DOMAIN_BYTES.
    """
    cdef int64_t at
    cdef bint is_host
    if cookie.domain.size == 0:
        cookie.domain = CookieText(host, host_size)
        is_host_only[0] = True
        return True
    if cookie.domain.size > DOMAIN_BYTES:
        return False
    for at in range(cookie.domain.size):
        room[at] = cookie_lower(cookie.domain.at[at])
    cookie.domain.at = room
    is_host = is_same(&cookie.domain, host, host_size)
    # 5.3 number 5: nobody owns a public suffix, but a host may have the name of one.
    is_host_only[0] = memchr(room, c".", cookie.domain.size) == NULL
    return is_host or (
        not is_host_only[0] and cookie_domain_matches(host, host_size, cookie.domain.at, cookie.domain.size)
    )


cdef inline Stored jar_keep(Jar* jar, const Cookie* cookie, bint is_host_only, int64_t now_s) noexcept nogil:
    cdef int64_t size = sizeof(CookieRecord) + cookie.name.size + cookie.value.size + cookie.domain.size + cookie.path.size
    cdef int32_t place, needed
    if size > JAR_BYTES - 7 and cookie.expires_s > now_s:
        return COOKIE_TOO_LARGE
    place = jar_find(jar, cookie)
    if cookie.expires_s <= now_s:
        if place >= 0:
            jar_remove(jar, place)
        return COOKIE_REMOVED
    needed = <int32_t> ((size + 7) // 8 * 8)
    if not jar_grow(jar, min(jar.size + needed, <int32_t> JAR_BYTES)):
        return COOKIE_NO_MEMORY
    if place >= 0:
        jar_remove(jar, place)
    else:
        place = jar.size
    place = jar_make_room(jar, place, needed, now_s)
    jar_insert(jar, place, needed, cookie, is_host_only)
    return COOKIE_STORED


cdef inline Stored jar_store(
    Jar* jar, const char* host, int64_t host_size, const char* target, int64_t target_size, bint is_secure,
    const char* line, int64_t size, int64_t now_s,
) noexcept nogil:
    """Take in a Set-Cookie of a response. `target` is that of the request, `is_secure` whether it went over TLS."""
    cdef Cookie cookie
    cdef char room[DOMAIN_BYTES]
    cdef bint is_host_only
    if not cookie_read(line, size, now_s, &cookie) or (cookie.is_secure and not is_secure):
        return COOKIE_REFUSED
    if not domain_settle(&cookie, room, host, host_size, &is_host_only):
        return COOKIE_REFUSED
    if cookie.path.size == 0:
        cookie.path = cookie_default_path(cookie_request_path(target, target_size))
    return jar_keep(jar, &cookie, is_host_only, now_s)


# ------------------------------------------------------------------------------------------------------------ sending

cdef inline bint record_goes(
    const CookieRecord* record, const char* host, int64_t host_size, CookieText path, bint is_secure, int64_t now_s
) noexcept nogil:
    """Whether a request carries the cookie."""
    if record.expires_s <= now_s or (record.is_secure and not is_secure):
        return False
    if record.is_host_only and record.domain_size != host_size:
        return False
    return (
        cookie_domain_matches(host, host_size, record_domain(record), record.domain_size)
        and cookie_path_matches(path, record_path(record), record.path_size)
    )


cdef inline int64_t jar_size(
    const Jar* jar, const char* host, int64_t host_size, const char* target, int64_t target_size, bint is_secure, int64_t now_s
) noexcept nogil:
    """How many bytes `jar_write` would write: JAR_BYTES at most, 0 where no cookie goes along."""
    cdef CookieText path = cookie_request_path(target, target_size)
    cdef CookieRecord* record
    cdef int64_t size = 0
    cdef int32_t place = 0
    while place < jar.size:
        record = jar_record(jar, place)
        if record_goes(record, host, host_size, path, is_secure, now_s):
            size += record.name_size + record.value_size + 3
        place += record.size
    return max(size - 2, <int64_t> 0)


cdef inline int64_t jar_write(
    const Jar* jar, const char* host, int64_t host_size, const char* target, int64_t target_size, bint is_secure, int64_t now_s,
    char* out,
) noexcept nogil:
    """Write the value of the Cookie field of a request; returns its size, 0 where no cookie goes along.

    `out` has room for what `jar_size` says, which is JAR_BYTES at most.
    """
    cdef CookieText path = cookie_request_path(target, target_size)
    cdef uint16_t places[JAR_COOKIES]
    cdef CookieRecord* record
    cdef char* begin = out
    cdef int32_t place = 0, count = 0, at
    while place < jar.size:
        record = jar_record(jar, place)
        if record_goes(record, host, host_size, path, is_secure, now_s):
            # Longer paths first, and of those of one length the older: records come in the order of their age.
            at = count
            while at > 0 and jar_record(jar, places[at - 1]).path_size < record.path_size:
                places[at] = places[at - 1]
                at -= 1
            places[at] = <uint16_t> place
            count += 1
        place += record.size
    for at in range(count):
        record = jar_record(jar, places[at])
        if at > 0:
            memcpy(out, b"; ", 2)
            out += 2
        memcpy(out, record_name(record), record.name_size)
        out += record.name_size
        out[0] = c"="
        out += 1
        memcpy(out, record_name(record) + record.name_size, record.value_size)
        out += record.value_size
    return out - begin
