"""A body with a Content-Encoding that is looked at, for a text that it must contain or for a sample.

An object of Python decodes it, made by the function that `Reactor.decode_with` got: `feed(data)` takes it piece by piece,
`end()` says that it is over, then `found`, `reason` and `beginning` tell what was in it. Only such bodies pay for the GIL.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int64_t
from libc.string cimport memcpy, strncpy

from tressi.core.arena cimport SAMPLE_BYTES
from tressi.wire.lane cimport Exchange
from tressi.wire.response cimport Response


cdef inline void packed_drop(Response* response) noexcept with gil:
    Py_XDECREF(response.packed)
    response.packed = NULL


cdef inline void packed_begin(Response* response, PyObject* make) noexcept with gil:
    """Have the body decoded from now on, in place of searching and keeping it as it comes."""
    needle = None
    if response.needle != NULL:
        needle = PyBytes_FromStringAndSize(<const char*> response.needle, response.needle_size)
    codings = PyBytes_FromStringAndSize(response.coding.bytes, response.coding.size).decode("latin-1")
    body = (<object> make)(needle, codings)
    if response.is_searched:
        body.hand_over()
    Py_INCREF(body)
    response.packed = <PyObject*> body
    response.needle = NULL


cdef inline void packed_end(Exchange* exchange, char* why, int64_t room) noexcept with gil:
    """The body is whole: say whether it has what it must, in `why` why not, and fill the sample."""
    cdef Response* response = &exchange.response
    cdef int64_t kept
    body = <object> response.packed
    body.end()
    response.needle_matched = response.needle_size if body.found else -1
    if body.reason is not None:
        reason = body.reason.encode()
        strncpy(why, PyBytes_AS_STRING(reason), room - 1)
        exchange.reason = why
    if exchange.sample != NULL:
        beginning = body.beginning
        kept = min(<int64_t> PyBytes_GET_SIZE(beginning), <int64_t> SAMPLE_BYTES)
        memcpy(exchange.sample.body, PyBytes_AS_STRING(beginning), kept)
        exchange.sample.length = kept
        exchange.sample.truncated = PyBytes_GET_SIZE(beginning) > kept
        exchange.sample.status = response.status
        exchange.sample = NULL
    packed_drop(response)
