"""A body that an object of Python judges: what it must say is more than a search in it can tell.

The body is gathered while it comes, without the GIL and up to a mebibyte; once it is whole, and all else is as it must be,
the judge is called with it, with the number of bytes that came, and with its Content-Encoding. It returns None, or why the
body is not what it must be, in words. Only endpoints with such an expectation pay for the GIL.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t
from libc.string cimport strncpy

from tressi.wire.lane cimport Exchange
from tressi.wire.response cimport Response


cdef inline void body_judge(Exchange* exchange, char* why, int64_t room) noexcept with gil:
    """Have the body judged; in `why`, why not."""
    cdef Response* response = &exchange.response
    # Until it has spoken: a judge that fails has let nothing pass.
    response.refused = 1
    body = PyBytes_FromStringAndSize(response.whole.bytes, response.whole.size)
    codings = PyBytes_FromStringAndSize(response.coding.bytes, response.coding.size).decode("latin-1")
    said = (<object> response.further.judge)(body, response.body_bytes, codings)
    if said is None:
        response.refused = 0
        return
    reason = said.encode()
    strncpy(why, PyBytes_AS_STRING(reason), room - 1)
    exchange.reason = why
