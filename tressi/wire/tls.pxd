"""TLS through the standard library: an SSLObject between two memory BIOs, made by the lane's greenlet, used here.

A session is the tuple (incoming.write, object.read, object.write, outgoing.read, object.pending, incoming, describe,
object.unwrap, outgoing), where `describe` makes words of an exception. The turns of a reactor that has TLS origins keep
the GIL, so that taking it here costs next to nothing.
"""

from cpython.buffer cimport PyBUF_READ, PyBUF_WRITE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int64_t
from libc.string cimport strncpy

from tressi.wire.lane cimport Connection
from tressi.wire.socket cimport EAGAIN, EPROTO, socket_receive, socket_send


cdef enum:
    SEALED_BYTES = 256 * 1024      # at a time
    WHY_BYTES = 96                 # room for why TLS failed


cdef inline void tls_end(Connection* connection) noexcept with gil:
    """Say that nothing more comes (close_notify, RFC 8446 6.1), or what made TLS fail, but not behind a record half sent."""
    cdef PyObject* session = connection.tls
    if session != NULL and connection.descriptor >= 0 and connection.send_left == 0:
        last = tls_last(<tuple> session)
        socket_send(connection.descriptor, PyBytes_AS_STRING(last), PyBytes_GET_SIZE(last))
    Py_XDECREF(session)
    Py_XDECREF(connection.sealed)
    connection.tls = NULL
    connection.sealed = NULL


cdef inline bytes tls_last(tuple session):
    try:
        session[7]()
    except OSError:
        # It would wait for the server to say the same, which is not needed; or TLS has failed.
        pass
    return session[3]()


cdef inline void tls_begin(Connection* connection, session) noexcept:
    """The connection speaks TLS from now on, by `session`."""
    Py_INCREF(session)
    connection.tls = <PyObject*> session


cdef inline void tls_explain(tuple session, failure, char* why):
    cdef bytes words = session[6](failure).encode()
    strncpy(why, <const char*> words, WHY_BYTES - 1)


cdef inline bint tls_seal(Connection* connection, char* why) noexcept with gil:
    """Encrypt what `send_at` points to, and point it to the result; False: TLS failed, and `why` says so in words.

    Of a large body only a part, so that its copy stays small and the turn short; the rest is held back.
    """
    cdef tuple session = <tuple> connection.tls
    cdef int64_t part = min(connection.send_left, <int64_t> SEALED_BYTES)
    connection.held_at = connection.send_at + part
    connection.held += connection.send_left - part
    try:
        session[2](PyMemoryView_FromMemory(<char*> connection.send_at, part, PyBUF_READ))
        sealed = session[3]()
    except OSError as failure:
        tls_explain(session, failure, why)
        return False
    # What is said inside TLS counts, as in the other direction.
    connection.lane.endpoint.block.bytes_sent += part
    tls_hold(connection, sealed)
    return True


cdef inline void tls_hold(Connection* connection, sealed) noexcept:
    """These records are what is sent next."""
    Py_INCREF(sealed)
    Py_XDECREF(connection.sealed)
    connection.sealed = <PyObject*> sealed
    connection.send_at = PyBytes_AS_STRING(sealed)
    connection.send_left = PyBytes_GET_SIZE(sealed)


cdef inline bint tls_answer(Connection* connection) noexcept with gil:
    """Point `send_at` to what reading had TLS say of its own, such as a new handshake (RFC 5246 7.4.1.1); False: nothing.

    New keys in return for new keys OpenSSL sends with the next data or record, as it may (RFC 8446 4.6.3). Behind a record
    that is half sent it waits.
    """
    cdef tuple session = <tuple> connection.tls
    if connection.send_left > 0:
        return False
    connection.owes = False
    if not session[8].pending:
        return False
    tls_hold(connection, session[3]())
    return True


cdef inline int64_t tls_open(Connection* connection, tuple session, char* buffer, int64_t room, char* why) except? -1:
    """Decrypt what the BIO holds into `buffer`; returns its size, -EAGAIN without a whole record, 0 at TLS's own end."""
    cdef int64_t size = 0, got = 1
    read, pending, incoming = session[1], session[4], session[5]
    try:
        # `pending` spares the exception that a read without data would raise.
        while got > 0 and size < room and (size == 0 or pending() or incoming.pending):
            got = read(room - size, PyMemoryView_FromMemory(buffer + size, room - size, PyBUF_WRITE))
            size += got
        # The end of TLS may have come with the last data, and nobody would be told of it again.
        connection.ended = got == 0
    except OSError as failure:
        # SSLWantReadError is the one that only asks for more; its errno is ssl.SSL_ERROR_WANT_READ.
        if failure.errno != 2:
            tls_explain(session, failure, why)
            return -EPROTO
        connection.owes = True
        return size if size > 0 else -EAGAIN
    return size


cdef inline int64_t tls_receive(
    Connection* connection, char* sealed, int64_t sealed_room, char* buffer, int64_t room, int64_t* stamp_ns, char* why
) noexcept with gil:
    """Like socket_receive, but `buffer` gets what was said inside TLS; -EPROTO: TLS failed, and `why` says so in words."""
    cdef int64_t size = socket_receive(connection.descriptor, sealed, sealed_room, stamp_ns)
    if size <= 0:
        connection.cut_short = size == 0
        return size
    session = <tuple> connection.tls
    session[0](PyBytes_FromStringAndSize(sealed, size))
    return tls_open(connection, session, buffer, room, why)
