"""The Python border of `wire/h1/`: one response after another from bytes, without a socket."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc, free

from tressi.wire cimport check as checks
from tressi.wire cimport response as responses
from tressi.wire.fields cimport CONTENT_ENCODING, KEEP_ALIVE, LOCATION, field_bit
from tressi.wire.further cimport build_fields, fields_known, further_free
from tressi.wire.h1 cimport message as messages
from tressi.wire.h1 cimport parser as h1


class _Named:
    """A field that is looked for, whatever it says: no value is the one that it must have, so each is noted."""

    values = ()
    missing = before = behind = None

    def __init__(self, name):
        self.name = name


cdef class ResponseParser:
    """Read one response after another from bytes, cut anywhere. Bodies are counted and their beginning is kept."""

    cdef messages.Parser parser
    cdef responses.Response response
    cdef char* body
    cdef int64_t room
    cdef checks.Further* further
    cdef object kept_alive         # the names that it points to

    def __cinit__(self, int64_t keep=65536):
        self.room = keep
        self.body = <char*> calloc(1, keep + 1)
        if self.body == NULL:
            raise MemoryError
        self.response.wanted = self.wanted()
        self.reset()

    def __dealloc__(self):
        messages.parser_free(&self.parser)
        responses.response_free(&self.response)
        further_free(self.further)
        free(self.body)

    cdef uint32_t wanted(self) noexcept:
        """The fields that are always looked for."""
        return field_bit(CONTENT_ENCODING) | field_bit(LOCATION) | field_bit(KEEP_ALIVE)

    def look_for(self, names not None):
        """Note the fields of these names, which are in lower case, from the next response on."""
        cdef checks.Further* further = build_fields([_Named(name) for name in names])
        responses.response_reset(&self.response)
        further_free(self.further)
        self.kept_alive = names
        self.further = self.response.further = further if names else NULL
        self.response.wanted = self.wanted() | fields_known(further)
        if not names:
            further_free(further)

    def reset(self, bint to_head=False):
        """Make ready for the response to one request; `to_head`: the request was HEAD."""
        responses.response_reset(&self.response)
        messages.parser_reset(&self.parser, &self.response, to_head)
        self.response.keep = self.body
        self.response.keep_room = self.room

    def feed(self, const uint8_t[::1] data not None):
        """Read on; returns ("more" | "done" | "broken", how many bytes were used)."""
        cdef const uint8_t* begin = &data[0] if data.shape[0] else <const uint8_t*> self.body
        cdef const uint8_t* at = begin
        progress = messages.HEAD_READ
        while progress == messages.HEAD_READ:
            progress = h1.parser_feed(&self.parser, &at, begin + data.shape[0])
        return ("more", "head", "done", "broken")[<int> progress], at - begin

    def take(self):
        """The body that was kept since the last call; what is fed between two calls must fit."""
        piece = self.body[:self.response.kept]
        self.response.kept = 0
        return piece

    def close(self):
        """The connection ended: "done" if that ends the body, else "broken"."""
        return "done" if h1.parser_close(&self.parser) == messages.DONE else "broken"

    @property
    def status(self):
        """The status of the latest head, once its line is read."""
        return self.response.status

    @property
    def has_head(self):
        """Whether the final head, behind any number of 1xx, is read to its end."""
        return bool(self.response.has_head)

    @property
    def continued(self):
        """Whether a 100 (Continue) has come."""
        return bool(self.parser.continued)

    @property
    def coding(self):
        """The Content-Encoding, several fields as one list; empty without any."""
        return self.response.coding.bytes[:self.response.coding.size]

    @property
    def locations(self):
        """The value of every Location, in order, white space around it taken off."""
        return self.response.location.bytes[:self.response.location.size].splitlines()

    @property
    def fields(self):
        """The fields of those names, a line each: a byte of 32 and the place of the name, the value, and a line end."""
        return self.response.others.bytes[:self.response.others.size]

    @property
    def keeps_s(self):
        """For how long the server keeps a connection that rests, in seconds; 0: it did not say."""
        return self.response.keeps_ns / 1e9

    @property
    def body_bytes(self):
        return self.response.body_bytes

    @property
    def kept(self):
        """The beginning of the body."""
        return self.body[:self.response.kept]

    @property
    def reusable(self):
        """Once done: the connection may carry another request."""
        return bool(self.parser.reusable)

    @property
    def fault(self):
        """Why it is broken, in words."""
        return messages.FAULTS[self.parser.fault].decode()
