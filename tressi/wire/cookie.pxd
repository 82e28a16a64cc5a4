"""What a Set-Cookie says: name, value, and for which requests it is meant (RFC 6265 5.1 and 5.2)."""

from libc.stdint cimport int64_t

from tressi.wire.slot cimport Slot

cdef extern from "wire/cookie.h" nogil:
    const int64_t COOKIE_NEVER
    const int64_t COOKIE_PAST

    ctypedef struct CookieText:
        const char* at
        int64_t size

    ctypedef struct Cookie:
        CookieText name
        CookieText value
        CookieText domain
        CookieText path
        int64_t expires_s
        bint is_secure

    ctypedef enum CookieFound:
        COOKIE_OTHER
        COOKIE_FOUND
        COOKIE_NO_ROOM

    bint cookie_date(CookieText text, int64_t* seconds)
    char cookie_lower(char byte)
    bint cookie_domain_matches(const char* host, int64_t host_size, const char* domain, int64_t domain_size)
    CookieText cookie_request_path(const char* target, int64_t size)
    CookieText cookie_default_path(CookieText path)
    bint cookie_path_matches(CookieText path, const char* other, int64_t size)
    bint cookie_read(const char* line, int64_t size, int64_t now_s, Cookie* cookie)
    CookieFound cookie_extract(const char* line, int64_t size, const char* name, int64_t name_size, Slot* slot)
