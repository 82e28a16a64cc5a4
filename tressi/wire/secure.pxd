"""The TLS of one connection, by OpenSSL: records in, records out. It knows no socket, and but for `object` no Python.

OpenSSL reads and writes through a BIO whose functions (`_tls.pyx`) take records from where they were received, and add those
that it makes to a buffer that all connections of a reactor share. So nothing is copied on the way but by OpenSSL itself, and
a connection has no buffers but OpenSSL's own.

One connection may be inside another's TLS (a proxy's): then `outer` has the records, and the BIO of the inner one is its data.

Errors are looked up in OpenSSL's queue of the thread, where Python's ssl module may have left some of its own: so the queue
is emptied before what may ask it.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free
from libc.string cimport strncpy

from tressi.wire.openssl cimport (
    ADDRESS_MISMATCH, BOTH_SHUT, CTRL_SERVER_NAME, ERROR_WANT_READ, ERROR_ZERO_RETURN, HOST_MISMATCH, BIO, SSL, SSL_CTX,
    SSL_SESSION, VERIFY_PARAM, Openssl, is_unverified,
)
from tressi.wire.text cimport WHY_BYTES, Text, text_add, text_free

# Whom connections speak TLS with: made before the first, shared by all of them.
cdef struct TlsTarget:
    const Openssl* openssl
    SSL_CTX* context
    const char* name               # that the certificate must be for, and that the server is told unless it is an address
    uint8_t is_address
    uint8_t is_checked             # the certificate must be for the name
    SSL_SESSION* resumable         # what the next connection may resume: the last that the server gave, or NULL

cdef struct Tls:
    const Openssl* openssl         # NULL: an object of Python's does it all
    SSL* ssl
    TlsTarget* target
    Tls* outer                     # the TLS that this one is inside of, or NULL
    PyObject* object               # the TlsSession of Python's, or NULL
    Text* records                  # where those that are made are put
    const char* came_at            # records that came, of which OpenSSL has still to take
    int64_t came                   # so many bytes
    Text unread                    # what it did not take of those before
    Text held                      # what the socket has not taken, see link.pxd
    uint8_t has_begun              # the handshake
    uint8_t is_shaken              # it is done
    uint8_t has_failed

cdef enum Shaken:
    SHAKING                        # it waits for the server
    SHAKEN
    UNSHAKEN                       # it failed

cdef extern from *:
    """
    static const char tressi_ended_early[] = "eof occurred in violation of protocol";
    """
    const char* ENDED_EARLY "tressi_ended_early"

# What reading says besides a size; 0 is the end of TLS.
cdef enum:
    NO_DATA = -1
    TLS_FAILED = -2


cdef inline Tls* tls_new(TlsTarget* target, Tls* outer, Text* records) noexcept nogil:
    """A client's TLS for a connection, inside of `outer` where there is one; NULL: there is no memory."""
    cdef const Openssl* openssl = target.openssl
    cdef Tls* tls = <Tls*> calloc(1, sizeof(Tls))
    cdef BIO* between
    if tls == NULL:
        return NULL
    tls.openssl = openssl
    tls.target = target
    tls.records = records
    tls.ssl = openssl.SSL_new(target.context)
    between = openssl.BIO_new(openssl.between) if tls.ssl != NULL else NULL
    if between == NULL:
        openssl.SSL_free(tls.ssl)
        free(tls)
        return NULL
    openssl.BIO_set_data(between, tls)
    openssl.BIO_set_init(between, 1)
    # One BIO for both directions has one reference, which is the connection's from now on.
    openssl.SSL_set_bio(tls.ssl, between, between)
    openssl.SSL_set_ex_data(tls.ssl, 0, tls)
    openssl.SSL_set_connect_state(tls.ssl)
    tls_name(tls)
    if target.resumable != NULL and openssl.SSL_SESSION_is_resumable(target.resumable):
        openssl.SSL_set_session(tls.ssl, target.resumable)
    tls.outer = outer
    return tls


cdef inline void tls_name(Tls* tls) noexcept nogil:
    """Tell the server whom the connection is for (RFC 6066 3), and OpenSSL whom the certificate must be for."""
    cdef const Openssl* openssl = tls.openssl
    cdef VERIFY_PARAM* checked = openssl.SSL_get0_param(tls.ssl)
    if not tls.target.is_address:
        openssl.SSL_ctrl(tls.ssl, CTRL_SERVER_NAME, 0, <void*> tls.target.name)
    if tls.target.is_checked and tls.target.is_address:
        openssl.X509_VERIFY_PARAM_set1_ip_asc(checked, tls.target.name)
    elif tls.target.is_checked:
        openssl.X509_VERIFY_PARAM_set1_host(checked, tls.target.name, 0)


cdef inline void tls_free(Tls* tls) noexcept nogil:
    """Give back what belongs to a connection; `object` is its owner's."""
    cdef Tls* outer
    while tls != NULL:
        outer = tls.outer
        if tls.openssl != NULL:
            tls.openssl.SSL_free(tls.ssl)
        text_free(&tls.unread)
        text_free(&tls.held)
        free(tls)
        tls = outer


cdef inline Tls* tls_bottom(Tls* tls) noexcept nogil:
    """The TLS whose records go over the socket."""
    return tls.outer if tls.outer != NULL else tls


# ------------------------------------------------------------------------------------------------------------ records in

cdef inline bint tls_came(Tls* tls, const char* bytes, int64_t size) noexcept nogil:
    """Have OpenSSL take these records next; they must stay until then. False: there is no memory."""
    cdef Tls* bottom = tls_bottom(tls)
    if bottom.unread.size == 0:
        bottom.came_at = bytes
        bottom.came = size
        return True
    if not text_add(&bottom.unread, bytes, size):
        return False
    bottom.came_at = bottom.unread.bytes
    bottom.came = bottom.unread.size
    return True


cdef inline bint tls_left(Tls* tls) noexcept nogil:
    """Keep what OpenSSL has not taken, before the bytes are gone; False: there is no memory.

    A handshake ends where it ends, also in the middle of what came. Reading takes all.
    """
    cdef Tls* bottom = tls_bottom(tls)
    cdef Text kept
    if bottom.came == 0:
        text_free(&bottom.unread)
        return True
    kept = Text(NULL, 0, 0)
    if not text_add(&kept, bottom.came_at, bottom.came):
        return False
    text_free(&bottom.unread)
    bottom.unread = kept
    bottom.came_at = kept.bytes
    return True


cdef inline bint tls_has_more(Tls* tls) noexcept nogil:
    """Whether another read may find data; one that finds none costs as much."""
    cdef Tls* bottom = tls_bottom(tls)
    if bottom.came > 0 or tls.openssl.SSL_pending(tls.ssl) > 0:
        return True
    return tls.outer != NULL and tls.openssl.SSL_pending(tls.outer.ssl) > 0


cdef inline int64_t tls_open(Tls* tls, char* buffer, int64_t room, bint* ended, char* why) noexcept nogil:
    """Decrypt what came into `buffer`; returns its size (0: TLS has ended), NO_DATA, or TLS_FAILED for the reason in `why`.

    The end of TLS may have come with the last data (`ended`), and nobody would be told of it again.
    """
    cdef const Openssl* openssl = tls.openssl
    cdef int64_t size = 0
    cdef int got = 1, error
    errors_forget(openssl)
    while size < room:
        got = openssl.SSL_read(tls.ssl, buffer + size, <int> (room - size))
        if got <= 0:
            break
        size += got
        if not tls_has_more(tls):
            break
    error = openssl.SSL_get_error(tls.ssl, got)
    if not tls_left(tls):
        strncpy(why, b"out of memory", WHY_BYTES - 1)
        return TLS_FAILED
    if got > 0:
        return size
    if error == ERROR_WANT_READ:
        return size if size > 0 else NO_DATA
    if error == ERROR_ZERO_RETURN:
        ended[0] = True
        return size
    tls_explain(tls, why)
    return TLS_FAILED


# ----------------------------------------------------------------------------------------------------------- records out

cdef inline int64_t tls_write(Tls* tls, const char* bytes, int64_t size, char* why) noexcept nogil:
    """Add these bytes to the records, encrypted; returns how many, or TLS_FAILED for the reason in `why`."""
    cdef int sealed
    errors_forget(tls.openssl)
    sealed = tls.openssl.SSL_write(tls.ssl, bytes, <int> size)
    if sealed > 0:
        return sealed
    if tls.openssl.SSL_get_error(tls.ssl, sealed) == ERROR_WANT_READ:
        # In the middle of a handshake that the server has asked for.
        strncpy(why, b"the operation did not complete (read)", WHY_BYTES - 1)
    else:
        tls_explain(tls, why)
    return TLS_FAILED


cdef inline void tls_say_end(Tls* tls) noexcept nogil:
    """Add to the records that nothing more comes (close_notify, RFC 8446 6.1)."""
    if tls.is_shaken and not tls.has_failed:
        errors_forget(tls.openssl)
        tls.openssl.SSL_shutdown(tls.ssl)
        if tls.outer != NULL:
            tls_say_end(tls.outer)
        errors_forget(tls.openssl)


cdef inline void tls_silence(Tls* tls) noexcept nogil:
    """It ends without another word. OpenSSL resumes no session of a connection that it takes for broken off."""
    if tls.is_shaken and not tls.has_failed:
        tls.openssl.SSL_set_shutdown(tls.ssl, BOTH_SHUT)


# --------------------------------------------------------------------------------------------------------- the handshake

cdef inline Shaken tls_shake(Tls* tls, char* why) noexcept nogil:
    """Go on with the handshake by what came. UNSHAKEN: for the reason in `why`; the records may say so to the server."""
    cdef int done, error
    errors_forget(tls.openssl)
    done = tls.openssl.SSL_do_handshake(tls.ssl)
    error = tls.openssl.SSL_get_error(tls.ssl, done)
    if not tls_left(tls):
        strncpy(why, b"out of memory", WHY_BYTES - 1)
        return UNSHAKEN
    if done == 1:
        tls.is_shaken = 1
        return SHAKEN
    if error == ERROR_WANT_READ:
        return SHAKING
    tls_explain(tls, why)
    return UNSHAKEN


cdef inline bint tls_speaks_h2(const Tls* tls) noexcept nogil:
    """Whether the handshake has chosen HTTP/2 (RFC 7301)."""
    cdef const uint8_t* name = NULL
    cdef unsigned size = 0
    if tls == NULL or tls.openssl == NULL:
        return False
    tls.openssl.SSL_get0_alpn_selected(tls.ssl, &name, &size)
    return size == 2 and name[0] == c"h" and name[1] == c"2"


# ------------------------------------------------------------------------------------------------------ what went wrong

cdef inline void errors_forget(const Openssl* openssl) noexcept nogil:
    """Have an empty queue of errors; that it is empty is cheaper to see than to see to."""
    if openssl.ERR_peek_error() != 0:
        openssl.ERR_clear_error()


cdef inline void tls_explain(Tls* tls, char* why) noexcept nogil:
    """What went wrong, in OpenSSL's words, as short as they come."""
    cdef const Openssl* openssl = tls.openssl
    cdef unsigned long error = openssl.ERR_peek_last_error()
    cdef const char* words = openssl.ERR_reason_error_string(error) if error != 0 else NULL
    tls.has_failed = 1
    why[0] = 0
    if is_unverified(error):
        tls_unverified(tls, why)
    else:
        strncpy(why, words if words != NULL else ENDED_EARLY, WHY_BYTES - 1)
    why[WHY_BYTES - 1] = 0
    errors_forget(openssl)


cdef inline void tls_unverified(Tls* tls, char* why) noexcept nogil:
    """Why the certificate was not accepted."""
    cdef long result = tls.openssl.SSL_get_verify_result(tls.ssl)
    cdef const char* name = tls.target.name
    if result == HOST_MISMATCH:
        snprintf(
            why, WHY_BYTES,
            b"certificate not accepted: Hostname mismatch, certificate is not valid for '%s'.", name,
        )
    elif result == ADDRESS_MISMATCH:
        snprintf(
            why, WHY_BYTES,
            b"certificate not accepted: IP address mismatch, certificate is not valid for '%s'.", name,
        )
    else:
        snprintf(why, WHY_BYTES, b"certificate not accepted: %s", tls.openssl.X509_verify_cert_error_string(result))
