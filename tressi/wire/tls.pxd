"""TLS through the standard library: an SSLObject between two memory BIOs, made by the lane's greenlet, used here.

The turns of a reactor that has TLS origins keep the GIL, so that taking it here costs next to nothing. A session's methods
are looked up once, when `_tls.TlsSession` is made.
"""

from cpython.buffer cimport PyBUF_READ, PyBUF_WRITE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int32_t, int64_t
from libc.string cimport strncpy

from tressi._tls cimport TlsSession
from tressi.wire.link cimport BUFFER_BYTES, WHY_BYTES, Buffers, Link, Receive, link_watch
from tressi.wire.socket cimport EAGAIN, EPROTO, socket_receive, socket_send


cdef enum:
    SEALED_BYTES = 256 * 1024      # at a time


cdef inline void tls_end(Link* link) noexcept with gil:
    """Say that nothing more comes (close_notify, RFC 8446 6.1), or what made TLS fail, but not behind a record half sent."""
    cdef PyObject* session = link.tls
    if session != NULL and link.descriptor >= 0 and link.send_left == 0:
        last = tls_last(<TlsSession> session)
        socket_send(link.descriptor, PyBytes_AS_STRING(last), PyBytes_GET_SIZE(last))
    Py_XDECREF(session)
    Py_XDECREF(link.sealed)
    link.tls = NULL
    link.sealed = NULL


cdef inline bytes tls_last(TlsSession session):
    try:
        session.unwrap()
    except OSError:
        # It would wait for the server to say the same, which is not needed; or TLS has failed.
        pass
    return session.read_sealed()


cdef inline void tls_begin(Link* link, session) noexcept:
    """The connection speaks TLS from now on, by `session`."""
    Py_INCREF(session)
    link.tls = <PyObject*> session
    link.receive = <Receive> tls_receive


cdef inline void tls_explain(TlsSession session, failure, char* why):
    cdef bytes words = session.describe(failure).encode()
    strncpy(why, <const char*> words, WHY_BYTES - 1)


cdef inline int64_t tls_seal(Link* link, const char* bytes, int64_t size, char* why) noexcept with gil:
    """Have the link send these bytes encrypted; returns how many were taken, or -EPROTO: TLS failed, as `why` says in words.

    Of a large body only a part is taken, so that its copy stays small and the turn short.
    """
    cdef TlsSession session = <TlsSession> link.tls
    cdef int64_t part = min(size, <int64_t> SEALED_BYTES)
    try:
        session.write(PyMemoryView_FromMemory(<char*> bytes, part, PyBUF_READ))
        sealed = session.read_sealed()
    except OSError as failure:
        tls_explain(session, failure, why)
        return -EPROTO
    tls_hold(link, sealed)
    return part


cdef inline void tls_hold(Link* link, sealed) noexcept:
    """These records are what is sent next."""
    Py_INCREF(sealed)
    Py_XDECREF(link.sealed)
    link.sealed = <PyObject*> sealed
    link.send_at = PyBytes_AS_STRING(sealed)
    link.send_left = PyBytes_GET_SIZE(sealed)


cdef inline bint tls_answer(Link* link) noexcept with gil:
    """Point `send_at` to what reading had TLS say of its own, such as a new handshake (RFC 5246 7.4.1.1); False: nothing.

    New keys in return for new keys OpenSSL sends with the next data or record, as it may (RFC 8446 4.6.3). Behind a record
    that is half sent it waits.
    """
    cdef TlsSession session = <TlsSession> link.tls
    if link.send_left > 0:
        return False
    link.owes = False
    if not session.outgoing.pending:
        return False
    tls_hold(link, session.read_sealed())
    return True


cdef inline int64_t tls_open(Link* link, TlsSession session, char* buffer, int64_t room, char* why) except? -1:
    """Decrypt what the BIO holds into `buffer`; returns its size, -EAGAIN without a whole record, 0 at TLS's own end."""
    cdef int64_t size = 0, got = 1
    read, pending, incoming = session.read, session.pending, session.incoming
    try:
        # `pending` spares the exception that a read without data would raise.
        while got > 0 and size < room and (size == 0 or pending() or incoming.pending):
            got = read(room - size, PyMemoryView_FromMemory(buffer + size, room - size, PyBUF_WRITE))
            size += got
        # The end of TLS may have come with the last data, and nobody would be told of it again.
        link.ended = got == 0
    except OSError as failure:
        # SSLWantReadError is the one that only asks for more; its errno is ssl.SSL_ERROR_WANT_READ.
        if failure.errno != 2:
            tls_explain(session, failure, why)
            return -EPROTO
        link.owes = True
        return size if size > 0 else -EAGAIN
    return size


cdef inline int64_t tls_receive(Link* link, Buffers* buffers, int64_t* stamp_ns) noexcept with gil:
    """What was said inside TLS, see link.Receive."""
    cdef TlsSession session
    cdef int64_t size = socket_receive(link.descriptor, buffers.sealed, BUFFER_BYTES, stamp_ns)
    if size <= 0:
        link.cut_short = size == 0
        return size
    session = <TlsSession> link.tls
    session.write_sealed(PyBytes_FromStringAndSize(buffers.sealed, size))
    return tls_open(link, session, buffers.data, 2 * BUFFER_BYTES, buffers.why)


cdef inline void link_answer(Link* link, int32_t epoll) noexcept nogil:
    """Send what a read had TLS say of its own; the server may wait for it, with the response or without."""
    cdef int64_t sent
    if not link.owes or link.tls == NULL or not tls_answer(link):
        return
    sent = socket_send(link.descriptor, link.send_at, link.send_left)
    if sent > 0:
        link.send_at += sent
        link.send_left -= sent
    link_watch(link, epoll, link.send_left > 0)
