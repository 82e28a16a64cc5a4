"""A body with a Content-Encoding that is looked at, for a text that it must contain or for a sample.

An object of Python decodes it, made by the function that `Reactor.decode_with` got: `feed(data)` takes it piece by piece,
`end()` says that it is over, then `found`, `reason` and `beginning` tell what was in it. Only such bodies pay for the GIL.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, strncpy

from tressi.core.arena cimport SAMPLE_BYTES
from tressi.wire.lane cimport Connection, Endpoint


cdef inline void packed_drop(Connection* connection) noexcept with gil:
    Py_XDECREF(connection.parser.packed)
    connection.parser.packed = NULL


cdef inline void packed_begin(Connection* connection, PyObject* make) noexcept with gil:
    """Have the body decoded from now on, in place of searching and keeping it as it comes."""
    cdef const Endpoint* endpoint = connection.lane.endpoint
    needle = None
    if endpoint.needle != NULL:
        needle = PyBytes_FromStringAndSize(<const char*> endpoint.needle, endpoint.needle_size)
    codings = PyBytes_FromStringAndSize(connection.parser.coding, connection.parser.coding_size).decode("latin-1")
    body = (<object> make)(needle, codings)
    Py_INCREF(body)
    connection.parser.packed = <PyObject*> body
    connection.parser.needle = NULL


cdef inline void packed_end(Connection* connection, char* why, int64_t room) noexcept with gil:
    """The body is whole: say whether it has what it must, in `why` why not, and fill the sample."""
    cdef int64_t kept
    body = <object> connection.parser.packed
    body.end()
    connection.parser.needle_matched = connection.lane.endpoint.needle_size if body.found else -1
    if body.reason is not None:
        reason = body.reason.encode()
        strncpy(why, PyBytes_AS_STRING(reason), room - 1)
        connection.reason = why
    if connection.sample != NULL:
        beginning = body.beginning
        kept = min(<int64_t> PyBytes_GET_SIZE(beginning), <int64_t> SAMPLE_BYTES)
        memcpy(connection.sample.body, PyBytes_AS_STRING(beginning), kept)
        connection.sample.length = kept
        connection.sample.truncated = PyBytes_GET_SIZE(beginning) > kept
        connection.sample.status = connection.parser.status
        connection.sample = NULL
    packed_drop(connection)
