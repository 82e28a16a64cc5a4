"""The Python border of the values of requests: the sources of a run as the reactor draws from them.

Sources, renderings and holes are objects of Python with the fields of those in `request.parts`, and known by the names of
their classes.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from tressi.core.random cimport random_seeded
from tressi.wire.render cimport BODY_SIZE, CONSTANT, COOKIES, Filling, Form, Piece, form_draw, form_fill, form_is_spent
from tressi.wire.source cimport (
    INTEGER, PER_LANE, SEQUENCE, SLOT, TABLE, TEXT, TIME, UNIQUE, UUID, Drawn, Source, source_draw, source_is_spent,
    source_longest, source_write, zipf_begin,
)

cdef enum:
    CONTEXTS = 6                   # of `model.data.Context`: a hole of a slot has that for its column
    HEADER_BYTES = 32              # of a table in the block; see `request.block`
    LONGEST_TEXT = 1 << 20

PICKS = ("sequential", "random", "shuffle", "unique", "perLane", "zipf", "weight")
UNITS_NS = {"iso": 0, "ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


cdef void* zeroed(size_t count, size_t size) except NULL:
    cdef void* memory = calloc(max(count, <size_t> 1), size)
    if memory == NULL:
        raise MemoryError
    return memory


cdef void form_free(Form* form) noexcept:
    free(form.pieces)
    free(form.sources)
    form.pieces = NULL
    form.sources = NULL


cdef void filling_free(Filling* filling) noexcept:
    free(filling.drawn)
    free(filling.kept)
    free(filling.bytes)


cdef int64_t aligned(int64_t offset):
    return (offset + 7) // 8 * 8


cdef class Values:
    """The sources of a run over the block of its tables, as one engine draws from them.

    It is engine number `first` of `of`. Draws follow from `seed`, so that a run can be repeated. Raises ValueError where the
    block is no such block.
    """

    def __cinit__(self, sources not None, const unsigned char[::1] block not None, *, int64_t first=0, int64_t of=1, seed=0):
        cdef int32_t number
        cdef uint64_t mixed = random_seeded(<uint64_t> (seed & 0xFFFFFFFFFFFFFFFF))
        if not 0 <= first < of:
            raise ValueError(f"engine {first} of {of}")
        self.kept_alive = [block]
        self.sources = <Source*> zeroed(len(sources), sizeof(Source))
        self.count = <int32_t> len(sources)
        for number, source in enumerate(sources):
            # Of its own for each engine, while all share the order of a permutation.
            self.sources[number].random = random_seeded(mixed + <uint64_t> number + <uint64_t> first * len(sources))
            self.sources[number].key = random_seeded(mixed ^ <uint64_t> (number + 1))
            self.sources[number].first = <uint64_t> first
            self.sources[number].stride = <uint64_t> of
            if type(source).__name__ == "Table":
                self.build_table(&self.sources[number], source, block)
            else:
                self.build_generator(&self.sources[number], source)

    def __dealloc__(self):
        free(self.sources)

    cdef build_table(self, Source* built, planned, const unsigned char[::1] block):
        cdef uint64_t rows, size
        cdef uint32_t numbers[4]
        cdef int64_t at = planned.offset, end
        if not 0 <= at <= len(block) - HEADER_BYTES:
            raise ValueError(f"no table at {at} of {len(block)} bytes")
        memcpy(&rows, &block[at], 8)
        memcpy(numbers, &block[at + 8], 16)
        memcpy(&size, &block[at + 24], 8)
        if rows != planned.rows or numbers[0] != planned.columns or rows == 0:
            raise ValueError(f"the table at {at} is another one: {rows} rows, {numbers[0]} columns")
        built.kind = TABLE
        built.pick = PICKS.index(planned.pick)
        built.rows = rows
        built.columns, built.size_width, built.place_width = numbers[0], numbers[1], numbers[2]
        built.places = <const char*> &block[0] + at + HEADER_BYTES
        end = aligned(at + HEADER_BYTES + <int64_t> rows * built.place_width)
        if numbers[3]:
            built.stays = <const char*> &block[0] + end
            built.others = built.stays + 8 * rows
            end = aligned(end + 12 * <int64_t> rows)
        built.cells = <const char*> &block[0] + end
        if end + <int64_t> size > len(block) or (planned.pick == "weight") != bool(numbers[3]):
            raise ValueError(f"the table at {at} is cut short")
        if planned.pick == "zipf":
            zipf_begin(&built.zipf, planned.exponent, rows)
        built.own = (rows - built.first + built.stride - 1) // built.stride if built.first < rows else 0
        if built.own == 0 and built.pick != UNIQUE:
            built.first %= rows
            built.own = 1
        if built.pick == PER_LANE:
            built.lane_place = self.kept_count
            self.kept_count += 1

    cdef build_generator(self, Source* built, planned):
        cdef const unsigned char[::1] alphabet
        kind = type(planned).__name__
        if kind == "Integer":
            built.kind = INTEGER
            built.low = planned.low
            built.span = (planned.high - planned.low + 1) & 0xFFFFFFFFFFFFFFFF
        elif kind == "Sequence":
            built.kind = SEQUENCE
            built.low, built.step = planned.first, planned.step
        elif kind == "Uuid":
            built.kind = UUID
            built.version = planned.version
        elif kind == "Slot":
            built.kind = SLOT
            built.low = planned.number
        elif kind == "Time":
            built.kind = TIME
            built.unit_ns = UNITS_NS[planned.unit]
        elif kind == "Text":
            if not 0 < planned.length <= LONGEST_TEXT or not planned.alphabet:
                raise ValueError(f"a text of {planned.length} characters")
            built.kind = TEXT
            built.length = planned.length
            alphabet = planned.alphabet
            built.alphabet = <const char*> &alphabet[0]
            built.letters = len(planned.alphabet)
            self.kept_alive.append(planned.alphabet)
        else:
            raise TypeError(f"{kind} is no source")

    cdef build_form(self, Form* form, rendering):
        """A rendering as pieces; its bytes are pointed to, so the caller keeps it."""
        cdef bytes text
        cdef int32_t index
        parts = (*rendering.head, *rendering.body)
        unnumbered = (BODY_SIZE, COOKIES)
        numbers = sorted({part.source for part in parts if not isinstance(part, bytes) and part.source not in unnumbered})
        if any(not 0 <= number < self.count for number in numbers):
            raise ValueError(f"sources {numbers} of {self.count}")
        numbers = [number for number in numbers if self.sources[<int32_t> number].kind != SLOT]
        form.pieces = <Piece*> zeroed(len(parts), sizeof(Piece))
        form.sources = <int32_t*> zeroed(len(numbers), sizeof(int32_t))
        form.count = <int32_t> len(parts)
        form.body = <int32_t> len(rendering.head)
        form.source_count = <int32_t> len(numbers)
        for index in range(form.source_count):
            form.sources[index] = numbers[index]
        for index, part in enumerate(parts):
            if isinstance(part, bytes):
                text = part
                form.pieces[index] = Piece(<const char*> text, len(text), CONSTANT, 0)
            else:
                form.pieces[index] = Piece(NULL, 0, part.source, part.column)
                self.check_column(part)

    cdef check_column(self, hole):
        if hole.source not in (BODY_SIZE, COOKIES):
            kind = self.sources[<int32_t> hole.source].kind
            columns = self.sources[<int32_t> hole.source].columns if kind == TABLE else CONTEXTS if kind == SLOT else 1
            if not 0 <= hole.column < columns:
                raise ValueError(f"column {hole.column} of {columns}")

    cdef build_filling(self, Filling* filling):
        filling.sources = self.sources
        filling.drawn = <Drawn*> zeroed(self.count, sizeof(filling.drawn[0]))
        filling.kept = <uint64_t*> zeroed(self.kept_count, sizeof(uint64_t))


cdef class Filler:
    """One rendering filled as one lane would do it, without a reactor: for tests, and to show a request."""

    cdef Values values
    cdef Form form
    cdef Filling filling
    cdef object rendering

    def __cinit__(self, Values values not None, rendering not None):
        self.values = values
        self.rendering = rendering
        values.build_form(&self.form, rendering)
        values.build_filling(&self.filling)

    def __dealloc__(self):
        form_free(&self.form)
        filling_free(&self.filling)

    def fill(self):
        """The next request as bytes, and how many of them are its head; None where a source has nothing left."""
        if form_is_spent(&self.form, self.values.sources):
            return None
        form_draw(&self.form, self.values.sources, &self.filling)
        if not form_fill(&self.form, self.values.sources, &self.filling):
            raise MemoryError
        return self.filling.bytes[:self.filling.size], self.filling.head

    def drawn(self):
        """What the last request was filled with: the number of the row of a table, the text of a generator, by source."""
        cdef int32_t index, number
        found = {}
        for index in range(self.form.source_count):
            number = self.form.sources[index]
            found[number] = drawn_of(&self.values.sources[number], &self.filling.drawn[number])
        return found


cdef class Drawer:
    """Draws as the lane of one user does, one source after the other, without a reactor."""

    cdef Values values
    cdef Filling filling

    def __cinit__(self, Values values not None):
        self.values = values
        values.build_filling(&self.filling)

    def __dealloc__(self):
        filling_free(&self.filling)

    def draw(self, int32_t number):
        """Draw from a source: the number of the row of a table (None: each was used that may be), the text of a generator."""
        if not 0 <= number < self.values.count or self.values.sources[number].kind == SLOT:
            raise ValueError(f"source {number} of {self.values.count}")
        if source_is_spent(&self.values.sources[number]):
            return None
        source_draw(&self.values.sources[number], &self.filling.drawn[number], self.filling.kept)
        return drawn_of(&self.values.sources[number], &self.filling.drawn[number])


cdef drawn_of(const Source* source, const Drawn* drawn):
    cdef bytearray text
    if source.kind == TABLE:
        return drawn.low
    text = bytearray(source_longest(source))
    return bytes(text[:source_write(source, drawn, text)])
