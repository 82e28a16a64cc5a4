"""Where the values of requests come from: tables in memory that all engines share, and generators.

For each attempt a source is drawn from once, which costs a few nanoseconds and gives a `Drawn`: the number of a row, or the
bits of a value. Cells and texts are made of it only where a request is put together, see render.pxd. Engines draw without
asking one another: of E engines number e has the rows e, e + E, e + 2E and so on of a table that is taken in order, and the
same of the numbers of a sequence; so a row that is to be used once is used once in the whole run.

Example: a table of 5 rows, taken in order by 2 engines. The first takes the rows 0, 2, 4, 0, 2 …, the second 1, 3, 1, 3 ….
With the pick "unique" the first ends after its row 4, the second after its row 3.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from tressi.core.random cimport random_next
from tressi.core.clock cimport realtime_ns

cdef extern from "wire/values.h" nogil:
    enum:
        LONGEST_NUMBER
        UUID_SIZE
        ISO_SIZE

    ctypedef struct Zipf:
        double exponent

    uint64_t value_below(uint64_t random, uint64_t span)
    double value_unit(uint64_t random)
    uint64_t value_shuffled(uint64_t place, uint64_t count, uint64_t key)
    uint64_t value_mixed(uint64_t value)
    void zipf_begin(Zipf* zipf, double exponent, uint64_t count)
    int64_t zipf_rank(const Zipf* zipf, uint64_t random, uint64_t count)
    int value_digits(char* out, int64_t value)
    void value_uuid(char* out, uint64_t high, uint64_t low)
    void value_iso(char* out, int64_t ns)

cdef enum SourceKind:
    TABLE
    INTEGER
    SEQUENCE
    UUID
    TIME
    TEXT
    SLOT                           # of a user of a flow, see user.pxd; `low` is its number, and nothing is drawn

cdef enum Pick:
    IN_ORDER
    RANDOM
    SHUFFLE
    UNIQUE
    PER_LANE
    ZIPF
    WEIGHT

cdef enum:
    ISO = 0                        # as the unit of a time; others are its nanoseconds
    ZIPF_TRIES = 64                # of which about one in ten is rejected

# What an attempt has drawn from one source: the number of a row in `low`, a number, a time, or 128 random bits.
cdef struct Drawn:
    uint64_t high
    uint64_t low

cdef struct Source:
    int32_t kind
    int32_t pick
    # A table, as it lies in the block (`request.block`).
    const char* places             # of rows
    const char* cells              # the first row
    const char* stays              # with the pick WEIGHT: doubles, the probability of each row of staying,
    const char* others             # and numbers of 4 bytes, the row that is taken instead
    uint64_t rows
    int32_t columns
    int32_t size_width             # of the size of a cell, in bytes
    int32_t place_width            # of the place of a row
    int32_t lane_place             # PER_LANE: where a lane keeps its row
    Zipf zipf
    # How it is drawn from.
    uint64_t taken                 # in order, so far
    uint64_t first                 # of this engine's rows or numbers,
    uint64_t stride                # and how far one is from the next
    uint64_t own                   # how many rows are this engine's
    uint64_t random
    uint64_t key                   # of the permutation
    # A generator.
    int64_t low
    uint64_t span                  # of an integer: high - low + 1
    int64_t step
    int64_t unit_ns                # of a time, or ISO
    int32_t version                # of a UUID
    int32_t length                 # of a text
    const char* alphabet
    uint64_t letters               # in it


cdef inline bint source_is_spent(const Source* source) noexcept nogil:
    """Whether each of its rows has been used, and none may be used again."""
    return source.pick == UNIQUE and source.kind == TABLE and source.taken >= source.own


cdef inline uint64_t source_row(Source* source, uint64_t* kept) noexcept nogil:
    """The row for an attempt; `kept` is where its lane keeps the row of this source, counted from 1."""
    cdef uint64_t place, random
    cdef int64_t rank
    cdef int32_t _tried
    cdef double stay
    cdef uint32_t other
    if source.pick == RANDOM:
        return value_below(random_next(&source.random), source.rows)
    if source.pick == ZIPF:
        for _tried in range(ZIPF_TRIES):
            rank = zipf_rank(&source.zipf, random_next(&source.random), source.rows)
            if rank >= 0:
                return <uint64_t> rank
        return 0
    if source.pick == WEIGHT:
        place = value_below(random_next(&source.random), source.rows)
        memcpy(&stay, source.stays + 8 * place, 8)
        if value_unit(random_next(&source.random)) < stay:
            return place
        memcpy(&other, source.others + 4 * place, 4)
        return other
    if source.pick == PER_LANE and kept[0] != 0:
        return kept[0] - 1
    place = source.taken % source.own
    random = source.taken // source.own
    source.taken += 1
    place = source.first + place * source.stride
    if source.pick == SHUFFLE:
        # Another order each time round.
        place = value_shuffled(place, source.rows, value_mixed(source.key + random))
    elif source.pick == PER_LANE:
        kept[0] = place + 1
    return place


cdef inline void source_draw(Source* source, Drawn* drawn, uint64_t* kept) noexcept nogil:
    """Draw for an attempt. `kept` are the rows that its lane keeps, by `lane_place`; a spent source is not drawn from."""
    if source.kind == TABLE:
        drawn.low = source_row(source, &kept[source.lane_place])
    elif source.kind == INTEGER:
        drawn.low = <uint64_t> source.low + value_below(random_next(&source.random), source.span)
    elif source.kind == SEQUENCE:
        drawn.low = <uint64_t> source.low + <uint64_t> source.step * (source.first + source.taken * source.stride)
        source.taken += 1
    elif source.kind == TIME:
        drawn.low = <uint64_t> realtime_ns()
    else:
        drawn.low = random_next(&source.random)
        drawn.high = random_next(&source.random)
        if source.kind == UUID:
            if source.version == 7:
                drawn.high = <uint64_t> (realtime_ns() // 1_000_000) << 16 | (drawn.high & 0xFFF)
            drawn.high = (drawn.high & ~<uint64_t> 0xF000) | <uint64_t> source.version << 12
            drawn.low = (drawn.low & <uint64_t> 0x3FFFFFFFFFFFFFFF) | <uint64_t> 1 << 63


# ------------------------------------------------------------------------------------------------- what was drawn, as text

# A cell in the block: its bytes are never copied before a request is put together.
cdef struct Cell:
    const char* bytes
    int64_t size


cdef inline int64_t size_at(const char* at, int32_t width) noexcept nogil:
    cdef uint16_t two
    cdef uint32_t four
    if width == 1:
        return (<const uint8_t*> at)[0]
    if width == 2:
        memcpy(&two, at, 2)
        return two
    memcpy(&four, at, 4)
    return four


cdef inline Cell table_cell(const Source* source, uint64_t row, int32_t column) noexcept nogil:
    """A cell of a row, as it is encoded in that column."""
    cdef uint32_t near
    cdef uint64_t far
    cdef const char* at
    cdef Cell cell
    cdef int32_t index
    if source.place_width == 4:
        memcpy(&near, source.places + 4 * row, 4)
        far = near
    else:
        memcpy(&far, source.places + 8 * row, 8)
    at = source.cells + far
    cell.bytes = at + source.columns * source.size_width
    for index in range(column):
        cell.bytes += size_at(at + index * source.size_width, source.size_width)
    cell.size = size_at(at + column * source.size_width, source.size_width)
    return cell


cdef inline int64_t source_longest(const Source* source) noexcept nogil:
    """How many bytes a value of a generator has at most."""
    if source.kind == TEXT:
        return source.length
    return UUID_SIZE


cdef inline int64_t source_write(const Source* source, const Drawn* drawn, char* out) noexcept nogil:
    """Write what was drawn from a generator, `source_longest` bytes at most; returns how many."""
    cdef uint64_t random
    cdef int32_t index
    if source.kind == UUID:
        value_uuid(out, drawn.high, drawn.low)
        return UUID_SIZE
    if source.kind == TEXT:
        random = drawn.low | 1
        for index in range(source.length):
            out[index] = source.alphabet[value_below(random_next(&random), source.letters)]
        return source.length
    if source.kind == TIME:
        if source.unit_ns == ISO:
            value_iso(out, <int64_t> drawn.low)
            return ISO_SIZE
        return value_digits(out, <int64_t> drawn.low // source.unit_ns)
    return value_digits(out, <int64_t> drawn.low)
