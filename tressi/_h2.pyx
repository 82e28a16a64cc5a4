"""The Python border of `wire/h2/`: header blocks, and one connection of HTTP/2 from bytes, without a socket."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc

from tressi.wire cimport check as checks
from tressi.wire cimport response as responses
from tressi.wire.fields cimport CONTENT_ENCODING, LOCATION, field_bit
from tressi.wire.further cimport build_fields, fields_known, further_free
from tressi.wire.h2 cimport block as blocks
from tressi.wire.h2 cimport frame as frames
from tressi.wire.h2 cimport hpack
from tressi.wire.h2 cimport huffman, reader
from tressi.wire.h2 cimport session as sessions
from tressi.wire.h2 cimport stream as streams

EVENTS = ("nothing", "head", "interim", "piece", "end", "malformed", "reset", "away", "broken")


class _Named:
    """A field that is looked for, whatever it says: no value is the one that it must have, so each is noted."""

    values = ()
    missing = before = behind = None

    def __init__(self, name):
        self.name = name


def huffman_encoded(const uint8_t[::1] text not None):
    """The text in HPACK's Huffman code."""
    cdef const uint8_t* at = &text[0] if text.shape[0] else NULL
    cdef int64_t size = huffman.huffman_size(at, text.shape[0])
    coded = bytes(size)
    huffman.huffman_encode(at, text.shape[0], coded)
    return coded


def huffman_decoded(const uint8_t[::1] coded not None):
    """The text that is coded so, or None: there is none."""
    cdef const uint8_t* at = &coded[0] if coded.shape[0] else NULL
    said = bytearray(huffman.huffman_room(coded.shape[0]) + 1)
    cdef int64_t size = huffman.huffman_decode(at, coded.shape[0], said)
    return None if size < 0 else bytes(said[:size])


def block_of(bytes head not None, bint is_secure=False, bint packs=True):
    """The header block of a request whose HTTP/1.1 head is this; None: it is no head."""
    to = bytearray(blocks.block_room(len(head)))
    cdef int64_t size = blocks.block_of(head, len(head), is_secure, packs, to)
    return bytes(to[:size]) if size else None


cdef class FieldDecoder:
    """Header blocks of one connection, whose table may have so many bytes at most."""

    cdef hpack.Decoder decoder
    cdef bytearray scratch

    def __cinit__(self, int32_t limit=hpack.TABLE_BYTES):
        self.scratch = bytearray(2 * hpack.SCRATCH_BYTES)
        if not hpack.decoder_init(&self.decoder, limit):
            raise MemoryError
        self.decoder.scratch = self.scratch

    def __dealloc__(self):
        hpack.decoder_free(&self.decoder)

    def decode(self, const uint8_t[::1] block not None):
        """The fields of the next block as (name, value), or None: it is none, and the connection is lost."""
        cdef const uint8_t* at = &block[0] if block.shape[0] else NULL
        cdef const uint8_t* end = at + block.shape[0]
        cdef hpack.FieldLine line
        cdef hpack.Step step = hpack.FIELD_READ
        if block.shape[0] > hpack.BLOCK_LIMIT:
            raise ValueError(f"a block of {block.shape[0]} bytes: {hpack.BLOCK_LIMIT} at most")
        fields = []
        hpack.block_begin(&self.decoder)
        while True:
            step = hpack.block_next(&self.decoder, &at, end, &line)
            if step != hpack.FIELD_READ:
                return fields if step == hpack.BLOCK_ENDED else None
            fields.append((line.name[:line.name_size], line.value[:line.value_size]))

    @property
    def size(self):
        """Of the table, as RFC 7541 4.1 counts."""
        return self.decoder.size

    @property
    def table(self):
        """Its fields, the newest first."""
        cdef hpack.FieldLine line
        cdef int32_t place
        fields = []
        for place in range(self.decoder.count):
            hpack.table_find(&self.decoder, hpack.STATIC_FIELDS + 1 + place, &line)
            fields.append((line.name[:line.name_size], line.value[:line.value_size]))
        return fields


cdef class _Stream:
    cdef streams.Stream stream
    cdef responses.Response response
    cdef char* body
    cdef object sent

    def __cinit__(self, int64_t room):
        self.body = <char*> malloc(room)
        if self.body == NULL:
            raise MemoryError

    def __dealloc__(self):
        responses.response_free(&self.response)
        free(self.body)


cdef class Connection:
    """One connection of a client: requests in, bytes out, and from the server's bytes events out.

    `feed` says ("head", id), ("end", id) and so on, in the order of EVENTS; "away" has the last stream that the server takes
    and its code, "reset" its code, "malformed" and "broken" the words.
    """

    cdef sessions.Session session
    cdef bytearray scratch
    cdef dict opened
    cdef int64_t keep_room
    cdef checks.Further* further
    cdef object kept_alive

    def __cinit__(self, int32_t most=100, int64_t keep=65536):
        self.scratch = bytearray(2 * hpack.SCRATCH_BYTES)
        self.opened = {}
        self.keep_room = keep
        if not sessions.session_init(&self.session, most, self.scratch) or not sessions.session_begin(&self.session):
            raise MemoryError

    def __dealloc__(self):
        sessions.session_free(&self.session)
        further_free(self.further)

    def look_for(self, names not None):
        """Note the fields of these names, which are in lower case, in the requests that follow; called once."""
        self.kept_alive = names
        self.further = build_fields([_Named(name) for name in names])

    def request(
        self, bytes head not None, bytes body=b"", *, bint to_head=False, bint holds=False, bint trailers=False,
        bint is_secure=False,
    ):
        """Have a request sent; returns the number of its stream, or None: no more may be open, or ever will be."""
        cdef _Stream one = _Stream(self.keep_room)
        block = block_of(head, is_secure)
        if not sessions.session_takes(&self.session) or self.session.open >= sessions.session_room(&self.session):
            return None
        responses.response_reset(&one.response)
        one.response.keep, one.response.keep_room = one.body, self.keep_room
        one.response.wanted = field_bit(CONTENT_ENCODING) | field_bit(LOCATION)
        one.response.wants_trailers = trailers
        if self.further != NULL:
            one.response.further = self.further
            one.response.wanted |= fields_known(self.further)
        one.sent = (block, body)
        if not sessions.stream_open(
            &self.session, &one.stream, &one.response, to_head, block, len(block), body, len(body), holds
        ):
            raise MemoryError
        self.opened[one.stream.id] = one
        return one.stream.id

    def go_on(self, int32_t number):
        """Send the body that was held."""
        sessions.body_go(&self.session, &(<_Stream> self.opened[number]).stream)

    def leave(self, int32_t number, bint answered=False):
        """Read nothing more of a stream."""
        sessions.stream_leave(&self.session, &(<_Stream> self.opened[number]).stream, answered)

    def feed(self, const uint8_t[::1] data not None):
        """Read on; returns the events. A stream that has ended is left."""
        cdef const uint8_t* at = &data[0] if data.shape[0] else <const uint8_t*> self.session.head
        cdef const uint8_t* end = at + data.shape[0]
        cdef reader.Event event
        found = []
        while True:
            event = reader.session_feed(&self.session, &at, end)
            if event == reader.NOTHING:
                break
            found.append(self.told(event))
            if event == reader.END or event == reader.MALFORMED or event == reader.RESET:
                sessions.stream_leave(&self.session, self.session.stream, event != reader.MALFORMED)
            if event == reader.BROKEN:
                break
        sessions.bodies_add(&self.session)
        return found

    cdef told(self, reader.Event event):
        name = EVENTS[<int> event]
        if event == reader.BROKEN:
            return name, frames.code_name(self.session.code).decode(), self.session.words.decode()
        if event == reader.AWAY:
            return name, self.session.last_id, frames.code_name(self.session.code).decode()
        if event == reader.RESET:
            return name, self.session.stream.id, frames.code_name(self.session.code).decode()
        if event == reader.MALFORMED:
            return name, self.session.stream.id, self.session.words.decode()
        return name, self.session.stream.id

    def take(self):
        """What is to be sent now."""
        cdef sessions.Output* output = &self.session.output
        piece = output.bytes[output.done:output.size]
        sessions.output_taken(output, len(piece))
        while self.session.first_unsent != NULL:
            sessions.stream_is_sent(&self.session, self.session.first_unsent)
        return piece

    def response(self, int32_t number):
        """What was read of a stream's response: (status, body, its bytes, fields that were looked for)."""
        cdef _Stream one = self.opened[number]
        return (
            one.response.status,
            one.body[:one.response.kept],
            one.response.body_bytes,
            one.response.others.bytes[:one.response.others.size],
        )

    def locations(self, int32_t number):
        """The value of every Location of a response."""
        cdef _Stream one = self.opened[number]
        return one.response.location.bytes[:one.response.location.size].splitlines()

    def continued(self, int32_t number):
        """Whether a 100 (Continue) has come."""
        return bool((<_Stream> self.opened[number]).stream.continued)

    @property
    def open(self):
        """How many streams are."""
        return self.session.open

    @property
    def streams(self):
        """How many may be at once."""
        return sessions.session_room(&self.session)

    @property
    def takes(self):
        """Whether it may carry more requests."""
        return bool(sessions.session_takes(&self.session))
