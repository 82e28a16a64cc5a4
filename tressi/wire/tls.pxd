"""A link that speaks TLS: what its socket gives is opened, and what is sent on it is sealed.

OpenSSL does both without the GIL (`secure.pxd`). Where the library that Python has cannot be driven from here, an SSLObject of
the standard library does, between two memory BIOs: a `TlsSession`, made by the lane's greenlet, whose methods are looked up
once. The turns of a reactor that has such links keep the GIL, so that taking it here costs next to nothing.

Either way the records are put into one buffer, which is the reactor's, and are sent at once. What the socket does not take
is kept by the link, and whatever is sealed meanwhile goes behind it: no record is torn.
"""

from cpython.buffer cimport PyBUF_READ, PyBUF_WRITE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc
from libc.string cimport strncpy

from tressi._tls cimport TlsSession
from tressi.wire.link cimport BUFFER_BYTES, Buffers, Link, Receive, link_hold, link_sent, link_watch
from tressi.wire.secure cimport (
    ENDED_EARLY, NO_DATA, SHAKING, TLS_FAILED, UNSHAKEN, Shaken, Tls, tls_came, tls_free, tls_open, tls_say_end, tls_shake,
    tls_silence, tls_write,
)
from tressi.wire.socket cimport EAGAIN, EINTR, EPROTO, socket_reason, socket_receive, socket_send
from tressi.wire.text cimport WHY_BYTES, Text, text_add

cdef enum:
    SEALED_BYTES = 256 * 1024      # at a time


# ------------------------------------------------------------------------------------- an object of the standard library

cdef inline Tls* object_tls(session, Buffers* buffers) noexcept:
    """The TLS that `session` does; NULL: there is no memory."""
    cdef Tls* tls = <Tls*> calloc(1, sizeof(Tls))
    if tls != NULL:
        Py_INCREF(session)
        tls.object = <PyObject*> session
        tls.records = &buffers.records
    return tls


cdef inline void object_end(Tls* tls, bint says_so) noexcept with gil:
    if says_so:
        object_last(<TlsSession> tls.object, tls.records)
    Py_XDECREF(tls.object)
    tls.object = NULL


cdef inline void object_last(TlsSession session, Text* records):
    try:
        session.unwrap()
    except OSError:
        # It would wait for the server to say the same, which is not needed; or TLS has failed.
        pass
    object_said(session, records)


cdef inline void object_explain(TlsSession session, failure, char* why):
    cdef bytes words = session.describe(failure).encode()
    strncpy(why, <const char*> words, WHY_BYTES - 1)


cdef inline bint object_said(TlsSession session, Text* records):
    """Add to the records what TLS has to say; False: there is no memory."""
    sealed = session.read_sealed()
    return text_add(records, PyBytes_AS_STRING(sealed), PyBytes_GET_SIZE(sealed))


cdef inline int64_t object_write(Tls* tls, const char* bytes, int64_t size, char* why) noexcept with gil:
    """See `secure.tls_write`."""
    cdef TlsSession session = <TlsSession> tls.object
    try:
        session.write(PyMemoryView_FromMemory(<char*> bytes, size, PyBUF_READ))
        if object_said(session, tls.records):
            return size
        strncpy(why, b"out of memory", WHY_BYTES - 1)
    except OSError as failure:
        object_explain(session, failure, why)
    return TLS_FAILED


cdef inline int64_t object_open(
    Tls* tls, const char* came, int64_t came_size, char* buffer, int64_t room, bint* ended, char* why
) noexcept with gil:
    """See `secure.tls_open`."""
    cdef TlsSession session = <TlsSession> tls.object
    cdef int64_t size = 0, got = 1
    session.write_sealed(PyBytes_FromStringAndSize(came, came_size))
    read, pending, incoming = session.read, session.pending, session.incoming
    try:
        # `pending` spares the exception that a read without data would raise.
        while got > 0 and size < room and (size == 0 or pending() or incoming.pending):
            got = read(room - size, PyMemoryView_FromMemory(buffer + size, room - size, PyBUF_WRITE))
            size += got
        ended[0] = got == 0
    except OSError as failure:
        # SSLWantReadError is the one that only asks for more; its errno is ssl.SSL_ERROR_WANT_READ.
        if failure.errno != 2:
            object_explain(session, failure, why)
            size = TLS_FAILED
        elif size == 0:
            size = NO_DATA
        # What a record without data asks for: new keys in return for new keys go with the next data (RFC 8446 4.6.3).
        if session.outgoing.pending:
            object_said(session, tls.records)
    return size


# -------------------------------------------------------------------------------------------------------------- the link

cdef inline void link_secure(Link* link, Tls* tls) noexcept nogil:
    """The connection speaks TLS from now on."""
    link.tls = tls
    link.receive = <Receive> tls_receive


cdef inline void tls_end(Link* link) noexcept nogil:
    """Say that nothing more comes, but not behind a record half sent."""
    cdef Tls* tls = link.tls
    cdef bint says_so = link.descriptor >= 0 and link.send_left == 0
    tls.records.size = 0
    if tls.object != NULL:
        object_end(tls, says_so)
    elif says_so:
        tls_say_end(tls)
    else:
        tls_silence(tls)
    if says_so and tls.records.size > 0:
        socket_send(link.descriptor, tls.records.bytes, tls.records.size)
    link.tls = NULL
    link.send_left = 0
    tls_free(tls)


cdef inline int64_t tls_seal(Link* link, const char* bytes, int64_t size, char* why) noexcept nogil:
    """Have the link send these bytes encrypted; returns how many were taken, or -EPROTO: TLS failed, as `why` says in words.

    Of a large body only a part is taken, so that its records take little memory and the turn is short. They lie in the buffer
    that all links share: the caller sends them at once, and calls `link_sent`.
    """
    cdef Tls* tls = link.tls
    cdef int64_t part = min(size, <int64_t> SEALED_BYTES)
    tls.records.size = 0
    part = tls_write(tls, bytes, part, why) if tls.object == NULL else object_write(tls, bytes, part, why)
    if part < 0:
        return -EPROTO
    if link.send_left > 0:
        if not link_hold(link, tls.records.bytes, tls.records.size):
            strncpy(why, b"out of memory", WHY_BYTES - 1)
            return -EPROTO
    else:
        link.send_at = tls.records.bytes
        link.send_left = tls.records.size
    return part


cdef inline void link_say(Link* link) noexcept nogil:
    """Send what TLS says by itself, such as a new handshake (RFC 5246 7.4.1.1), behind what the socket has still to take."""
    cdef Text* records = link.tls.records
    cdef int64_t sent
    if records.size == 0:
        return
    if link.send_left > 0:
        link_hold(link, records.bytes, records.size)
        return
    link.send_at = records.bytes
    link.send_left = records.size
    sent = socket_send(link.descriptor, link.send_at, link.send_left)
    # Without memory what was said is lost; the server will close a connection on which it misses it.
    link_sent(link, max(sent, <int64_t> 0))


cdef inline int64_t tls_receive(Link* link, Buffers* buffers, int64_t* stamp_ns) noexcept nogil:
    """What was said inside TLS, see link.Receive."""
    cdef Tls* tls = link.tls
    cdef bint ended = False
    cdef int64_t room = 2 * BUFFER_BYTES
    cdef int64_t size = socket_receive(link.descriptor, buffers.sealed, BUFFER_BYTES, stamp_ns)
    if size <= 0:
        link.cut_short = size == 0
        return size
    tls.records.size = 0
    if tls.object != NULL:
        size = object_open(tls, buffers.sealed, size, buffers.data, room, &ended, buffers.why)
    elif tls_came(tls, buffers.sealed, size):
        size = tls_open(tls, buffers.data, room, &ended, buffers.why)
    else:
        strncpy(buffers.why, b"out of memory", WHY_BYTES - 1)
        size = TLS_FAILED
    link.ended = ended
    link_say(link)
    if size == TLS_FAILED:
        return -EPROTO
    return -EAGAIN if size == NO_DATA else size


cdef inline void link_answer(Link* link, int32_t epoll) noexcept nogil:
    """Hear of room to send, where reading had TLS say more than the socket took."""
    if link.tls != NULL and link.send_left > 0:
        link_watch(link, epoll, True)


cdef inline void link_send_on(Link* link, int32_t epoll) noexcept nogil:
    """Send what the socket did not take before."""
    cdef int64_t sent
    if link.send_left > 0:
        sent = socket_send(link.descriptor, link.send_at, link.send_left)
        link_sent(link, max(sent, <int64_t> 0))
    link_watch(link, epoll, link.send_left > 0)


cdef inline Shaken link_shake(Link* link, Buffers* buffers, int32_t epoll) noexcept nogil:
    """Go on with the handshake by what the socket has; UNSHAKEN: it failed, for the reason in `buffers.why`."""
    cdef Tls* tls = link.tls
    cdef int64_t stamp_ns, size = 0
    cdef Shaken state
    tls.records.size = 0
    if tls.has_begun:
        size = socket_receive(link.descriptor, buffers.sealed, BUFFER_BYTES, &stamp_ns)
        if size == -EAGAIN or size == -EINTR:
            link_send_on(link, epoll)
            return SHAKING
        if size <= 0:
            strncpy(buffers.why, ENDED_EARLY if size == 0 else socket_reason(<int> -size), WHY_BYTES - 1)
            return UNSHAKEN
        if not tls_came(tls, buffers.sealed, size):
            strncpy(buffers.why, b"out of memory", WHY_BYTES - 1)
            return UNSHAKEN
    tls.has_begun = 1
    state = tls_shake(tls, buffers.why)
    link_say(link)
    if state == SHAKING:
        link_watch(link, epoll, link.send_left > 0)
    return state
