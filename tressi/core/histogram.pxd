"""The latency histogram: HdrHistogram's layout for 1 µs to 1 h at 3 significant digits.

Values below 2048 µs have a counter each; every doubling after that shares 1024. Recording is an index computation and one
addition. Of the 23,552 counters a run touches few, so the lowest and the highest touched are kept: readers scan only
between them, and the pages outside are never backed by memory. Sum, minimum and maximum are kept in nanoseconds, exact.
"""

from libc.stdint cimport int64_t, uint64_t

cdef extern from "core/histogram.h":
    int top_bit "tressi_top_bit" (uint64_t value) noexcept nogil

cdef enum:
    HALF_BITS = 10                 # 1024 counters for each doubling
    HALF_COUNT = 1024
    COUNTERS = 23552               # 23 halves: the last value is beyond 1 h

cdef inline int64_t highest_us() noexcept nogil:
    return <int64_t> 3600 * 1000 * 1000

cdef struct Tally:
    int64_t count
    int64_t sum_ns
    int64_t min_ns
    int64_t max_ns
    int64_t low                    # lowest index touched; above `high` while empty
    int64_t high                   # highest index touched

cdef struct Histogram:
    Tally tally
    int64_t counts[COUNTERS]


cdef inline int64_t index_of(int64_t value_us) noexcept nogil:
    cdef int shift = top_bit(<uint64_t> value_us | (2 * HALF_COUNT - 1)) - HALF_BITS
    return (<int64_t> shift << HALF_BITS) + (value_us >> shift)


cdef inline int64_t lowest_us_at(int64_t index) noexcept nogil:
    cdef int64_t shift = (index >> HALF_BITS) - 1
    if shift <= 0:
        return index
    return ((index & (HALF_COUNT - 1)) + HALF_COUNT) << shift


cdef inline int64_t highest_us_at(int64_t index) noexcept nogil:
    cdef int64_t shift = (index >> HALF_BITS) - 1
    if shift <= 0:
        return index
    return lowest_us_at(index) + (<int64_t> 1 << shift) - 1


cdef inline int64_t to_us(int64_t value_ns) noexcept nogil:
    cdef int64_t value_us = (value_ns + 500) // 1000
    return min(max(value_us, 0), highest_us())


cdef inline void tally_clear(Tally* tally) noexcept nogil:
    tally.count = 0
    tally.sum_ns = 0
    tally.min_ns = <int64_t> 1 << 62
    tally.max_ns = 0
    tally.low = COUNTERS
    tally.high = -1


cdef inline void tally_touch(Tally* tally, int64_t low, int64_t high) noexcept nogil:
    if low < tally.low:
        tally.low = low
    if high > tally.high:
        tally.high = high


cdef inline void histogram_record(Histogram* histogram, int64_t value_ns) noexcept nogil:
    cdef int64_t index = index_of(to_us(value_ns))
    histogram.counts[index] += 1
    histogram.tally.count += 1
    # 2**63 ns hold 2.5 million attempts of an hour each.
    histogram.tally.sum_ns += value_ns
    if value_ns < histogram.tally.min_ns:
        histogram.tally.min_ns = value_ns
    if value_ns > histogram.tally.max_ns:
        histogram.tally.max_ns = value_ns
    tally_touch(&histogram.tally, index, index)


cdef inline int64_t series_below(double first_ns, double step_ns, int64_t count, double bound_ns) noexcept nogil:
    """How many of first, first + step, … (`count` of them, step >= 0) lie below the bound."""
    cdef double below
    if first_ns >= bound_ns:
        return 0
    if step_ns <= 0:
        return count
    below = (bound_ns - first_ns) / step_ns
    if below >= count:
        return count
    return min(count, <int64_t> below + (below > <double> <int64_t> below))


cdef inline void series_record(
    Tally* tally, int64_t* counts, int64_t first_ns, int64_t last_ns, int64_t count
) noexcept nogil:
    """Record `count` values evenly spaced from first to last, at the cost of the counters between, not of the values.

    `counts` begins with the counter of the lower of the two.
    """
    cdef int64_t low_ns = min(first_ns, last_ns), high_ns = max(first_ns, last_ns)
    cdef double step_ns = <double> (high_ns - low_ns) / (count - 1) if count > 1 else 0.0
    cdef int64_t low = index_of(to_us(low_ns)), index = low, last = index_of(to_us(high_ns))
    cdef int64_t before = 0, upto
    if count <= 0:
        return
    tally_touch(tally, index, last)
    while index < last:
        upto = series_below(<double> low_ns, step_ns, count, (<double> highest_us_at(index) + 0.5) * 1000)
        counts[index - low] += upto - before
        before = upto
        index += 1
    counts[last - low] += count - before
    tally.count += count
    tally.sum_ns += <int64_t> (0.5 * (<double> low_ns + <double> high_ns) * count)
    tally.min_ns = min(tally.min_ns, low_ns)
    tally.max_ns = max(tally.max_ns, high_ns)


cdef inline void histogram_record_series(
    Histogram* histogram, int64_t first_ns, int64_t last_ns, int64_t count
) noexcept nogil:
    series_record(
        &histogram.tally, &histogram.counts[index_of(to_us(min(first_ns, last_ns)))], first_ns, last_ns, count
    )
