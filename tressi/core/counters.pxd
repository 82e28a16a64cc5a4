"""A histogram as its readers hold it: the counters of `histogram.pxd`, in memory only as wide as what was recorded.

A run of a thousand endpoints holds thousands of copies, and makes as many anew each second. What was recorded spans some
hundreds of the 23,552 counters, so a copy is one allocation and one memcpy instead of system calls and page faults.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from tressi.core.histogram cimport COUNTERS, Tally, highest_us_at, index_of, lowest_us_at, tally_clear, tally_touch

cdef enum:
    GRAIN = 64                     # memory comes in so many counters: a few more values seldom widen it
    GRAIN_BYTES = 64 * 8
    HALF_US_NS = 500
    HEAD_NUMBERS = 4               # the part of a tally that is encoded: count, sum, minimum and maximum
    LONGEST_VARINT = 10            # bytes
    LONGEST_ZIGZAG = 9             # bytes

cdef struct Counters:
    Tally tally
    int64_t first                  # index of the first counter in memory
    int64_t size                   # counters in memory
    int64_t* memory


cdef inline void counters_clear(Counters* counters) noexcept nogil:
    """Make an empty histogram of what was no histogram before."""
    tally_clear(&counters.tally)
    counters.first = counters.size = 0
    counters.memory = NULL


cdef inline int64_t* counter_at(const Counters* counters, int64_t index) noexcept nogil:
    """The counter `index`, which is in memory."""
    return counters.memory + (index - counters.first)


cdef inline bint counters_cover(Counters* counters, int64_t low, int64_t high) noexcept nogil:
    """Have the counters from `low` to `high` in memory, new ones 0; False where there is none left."""
    cdef int64_t first = low & -GRAIN, end = (high | (GRAIN - 1)) + 1
    cdef int64_t* wider
    if low > high or (counters.first <= low and high < counters.first + counters.size):
        return True
    if counters.size:
        first = min(first, counters.first)
        end = max(end, counters.first + counters.size)
    wider = <int64_t*> calloc(end - first, sizeof(int64_t))
    if wider == NULL:
        return False
    if counters.size:
        memcpy(wider + (counters.first - first), counters.memory, counters.size * sizeof(int64_t))
    free(counters.memory)
    counters.first, counters.size, counters.memory = first, end - first, wider
    return True


cdef inline bint counters_add(Counters* counters, const Counters* others) noexcept nogil:
    """Add all that `others` hold; False where there is no memory for it."""
    cdef Tally* mine = &counters.tally
    cdef const Tally* theirs = &others.tally
    cdef const int64_t* source
    cdef int64_t* target
    cdef int64_t place
    if not counters_cover(counters, theirs.low, theirs.high):
        return False
    if theirs.low <= theirs.high:
        source, target = counter_at(others, theirs.low), counter_at(counters, theirs.low)
        for place in range(theirs.high - theirs.low + 1):
            target[place] += source[place]
    mine.count += theirs.count
    mine.sum_ns += theirs.sum_ns
    mine.min_ns = min(mine.min_ns, theirs.min_ns)
    mine.max_ns = max(mine.max_ns, theirs.max_ns)
    tally_touch(mine, theirs.low, theirs.high)
    return True


cdef inline int64_t counters_sum(const Counters* counters) noexcept nogil:
    """How many values the counters hold, by themselves: a tally may be of a moment before or after."""
    cdef int64_t index, total = 0
    for index in range(counters.tally.low, counters.tally.high + 1):
        total += counter_at(counters, index)[0]
    return total


cdef inline void counters_differ(const Counters* later, const Counters* earlier, int64_t* low, int64_t* high) noexcept nogil:
    """Narrow the range from `low` to `high`, that of `later`, by what both hold alike at its ends, in steps of GRAIN.

    What a second adds lies close together, while the counters of a run come to span thousands.
    """
    cdef int64_t first = earlier.tally.low, last = earlier.tally.high
    if low[0] == first:
        while low[0] + GRAIN <= last and not memcmp(counter_at(later, low[0]), counter_at(earlier, low[0]), GRAIN_BYTES):
            low[0] += GRAIN
    first = max(low[0], first)
    if high[0] == last:
        while high[0] - GRAIN >= first and not memcmp(
            counter_at(later, high[0] - GRAIN + 1), counter_at(earlier, high[0] - GRAIN + 1), GRAIN_BYTES
        ):
            high[0] -= GRAIN


cdef inline bint counters_subtract(Counters* delta, const Counters* later, const Counters* earlier) noexcept nogil:
    """Make of the empty `delta` what was recorded into `later` since it was `earlier`; False: there is no memory for it."""
    cdef const Tally* now = &later.tally
    cdef const Tally* then = &earlier.tally
    cdef Tally* tally = &delta.tally
    cdef int64_t* target
    cdef const int64_t* source
    cdef int64_t place, low = now.low, high = now.high
    if now.count == then.count or low > high:
        return True
    counters_differ(later, earlier, &low, &high)
    if not counters_cover(delta, low, high):
        return False
    memcpy(counter_at(delta, low), counter_at(later, low), (high - low + 1) * sizeof(int64_t))
    if max(low, then.low) <= min(high, then.high):
        target, source = counter_at(delta, max(low, then.low)), counter_at(earlier, max(low, then.low))
        for place in range(min(high, then.high) - max(low, then.low) + 1):
            target[place] -= source[place]
    while low <= high and counter_at(delta, low)[0] == 0:
        low += 1
    while low <= high and counter_at(delta, high)[0] == 0:
        high -= 1
    if low > high:
        return True
    tally.low, tally.high = low, high
    tally.count = counters_sum(delta)
    tally.sum_ns = now.sum_ns - then.sum_ns
    # A value in nanoseconds is counted as the microsecond that is nearest.
    tally.min_ns = max(lowest_us_at(low) * 1000 - HALF_US_NS, now.min_ns)
    tally.max_ns = min(highest_us_at(high) * 1000 + HALF_US_NS - 1, now.max_ns)
    return True


cdef inline int64_t counters_up_to(const Counters* counters, int64_t value_us) noexcept nogil:
    """How many values do not exceed `value_us`, to the width of a counter."""
    cdef int64_t index, total = 0
    for index in range(counters.tally.low, min(counters.tally.high, index_of(value_us)) + 1):
        total += counter_at(counters, index)[0]
    return total


cdef inline int64_t counters_in_use(const Counters* counters) noexcept nogil:
    """How many counters are not 0."""
    cdef int64_t index, used = 0
    for index in range(counters.tally.low, counters.tally.high + 1):
        used += counter_at(counters, index)[0] != 0
    return used


cdef inline char* varint_put(char* place, uint64_t rest) noexcept nogil:
    """Write one LEB128 number: seven bits a byte, the lowest first, the top bit says that more follow; returns its end."""
    while rest >= 0x80:
        place[0] = <char> (rest & 0x7F | 0x80)
        rest >>= 7
        place += 1
    place[0] = <char> rest
    return place + 1


cdef inline const char* varint_take(const char* place, const char* end, int64_t* value) noexcept nogil:
    """Read a number that `varint_put` wrote; returns the place behind it, NULL for what it does not write.

    That is one that breaks off, has more than 63 bits, or is longer than it need be.
    """
    cdef uint64_t found = 0
    cdef int64_t shift = 0
    while place < end and shift < 63:
        found |= <uint64_t> (place[0] & 0x7F) << shift
        if not place[0] & 0x80:
            value[0] = <int64_t> found
            return place + 1 if place[0] or shift == 0 else NULL
        place += 1
        shift += 7
    return NULL


cdef inline char* counters_encode(const Counters* counters, char* place) noexcept nogil:
    """Write the head, then of each counter in use how many it comes behind the one before, and its count; returns the end.

    There is room for two numbers a counter. An empty histogram is no byte at all.
    """
    cdef const Tally* tally = &counters.tally
    cdef int64_t index, before = 0
    if tally.count == 0:
        return place
    place = varint_put(place, tally.count)
    place = varint_put(place, tally.sum_ns)
    place = varint_put(place, tally.min_ns)
    place = varint_put(place, tally.max_ns)
    for index in range(tally.low, tally.high + 1):
        if counter_at(counters, index)[0]:
            place = varint_put(place, index - before)
            place = varint_put(place, counter_at(counters, index)[0])
            before = index
    return place


cdef inline char* zigzag_put(char* place, int64_t value) noexcept nogil:
    """Write one ZigZag LEB128 number of 64 bits, small ones of either sign short; returns the place behind it."""
    cdef uint64_t rest = (<uint64_t> value << 1) ^ <uint64_t> (value >> 63)
    cdef int64_t more = LONGEST_ZIGZAG - 1     # the last of nine bytes holds eight bits, not seven
    while more and rest >= 0x80:
        place[0] = <char> (rest & 0x7F | 0x80)
        rest >>= 7
        place += 1
        more -= 1
    place[0] = <char> rest
    return place + 1


cdef inline const char* zigzag_take(const char* place, const char* end, int64_t* value) noexcept nogil:
    """Read a number that `zigzag_put` wrote; returns the place behind it, NULL for one that breaks off."""
    cdef uint64_t found = 0
    cdef int64_t shift = 0, more = LONGEST_ZIGZAG - 1
    while place < end:
        if more == 0 or not place[0] & 0x80:
            found |= <uint64_t> (<unsigned char> place[0]) << shift
            value[0] = <int64_t> (found >> 1) ^ -<int64_t> (found & 1)
            return place + 1
        found |= <uint64_t> (place[0] & 0x7F) << shift
        place += 1
        shift += 7
        more -= 1
    return NULL


cdef inline char* counters_zigzag(const Counters* counters, char* place) noexcept nogil:
    """Write each counter in use, before it a negative number for so many of 0; there is room for two numbers a counter."""
    cdef int64_t index, expected = 0
    for index in range(counters.tally.low, counters.tally.high + 1):
        if counter_at(counters, index)[0]:
            if index > expected:
                place = zigzag_put(place, expected - index)
            place = zigzag_put(place, counter_at(counters, index)[0])
            expected = index + 1
    return place
