"""The Python border of `core/counters.pxd`: a histogram that readers hold."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport INT64_MAX, int64_t
from libc.stdlib cimport free, malloc

from tressi.core cimport counters as spans
from tressi.core cimport histogram as hdr


cdef class Histogram:
    """Latencies from 1 µs to 1 h in HdrHistogram's layout at 3 significant digits; merging is exact.

    Values are whole microseconds, and a percentile is the upper end of its bucket, at most 0.1 % above the value. For example
    99 answers of 2 ms and one of 80 ms:

    >>> latencies = Histogram()
    >>> latencies.record(2_000, 99)
    >>> latencies.record(80_000)
    >>> latencies.count, latencies.percentile(50), latencies.percentile(99.9)
    (100, 2000, 80063)
    """

    def __cinit__(self):
        spans.counters_clear(&self.body)

    def __dealloc__(self):
        free(self.body.memory)

    @property
    def count(self):
        return self.body.tally.count

    @property
    def min_us(self):
        return self.body.tally.min_ns / 1e3 if self.body.tally.count else 0.0

    @property
    def max_us(self):
        return self.body.tally.max_ns / 1e3

    @property
    def mean_us(self):
        return self.body.tally.sum_ns / 1e3 / self.body.tally.count if self.body.tally.count else 0.0

    @property
    def stdev_us(self):
        """From the middle of each counter's range, as HdrHistogram does."""
        cdef double total = 0.0, off, mean = self.mean_us
        cdef int64_t index
        if self.body.tally.count == 0:
            return 0.0
        for index in range(self.body.tally.low, self.body.tally.high + 1):
            off = 0.5 * (hdr.lowest_us_at(index) + hdr.highest_us_at(index)) - mean
            total += off * off * spans.counter_at(&self.body, index)[0]
        return (total / self.body.tally.count) ** 0.5

    def record(self, int64_t value_us, int64_t count=1):
        """Add a value `count` times; values beyond 1 h count as 1 h. Raises ValueError below 0."""
        cdef int64_t within_us = min(value_us, hdr.highest_us())
        self.record_series(within_us, within_us, count)

    def record_series(self, int64_t first_us, int64_t last_us, int64_t count):
        """Add `count` values evenly spaced from `first_us` to `last_us`. Raises ValueError below 0."""
        cdef int64_t low
        if first_us < 0 or last_us < 0 or count < 0:
            raise ValueError(f"{count} values from {first_us} to {last_us} µs: none may be negative")
        # The sum is kept in nanoseconds of 63 bits.
        if (500.0 * first_us + 500.0 * last_us) * max(count, <int64_t> 1) > 9.2e18:
            raise ValueError(f"{count} values from {first_us} to {last_us} µs: their sum is beyond 292 years")
        low = hdr.index_of(hdr.to_us(min(first_us, last_us) * 1000))
        self.cover(low, hdr.index_of(hdr.to_us(max(first_us, last_us) * 1000)))
        hdr.series_record(&self.body.tally, spans.counter_at(&self.body, low), first_us * 1000, last_us * 1000, count)

    def merge(self, Histogram other not None):
        """Add all that `other` holds."""
        if not spans.counters_add(&self.body, &other.body):
            raise MemoryError

    def since(self, Histogram earlier not None):
        """What was recorded after `earlier`, a copy of this histogram; minimum and maximum to the counters' width."""
        cdef Histogram delta = Histogram()
        if not spans.counters_subtract(&delta.body, &self.body, &earlier.body):
            raise MemoryError
        return delta

    def copy(self):
        """An independent copy."""
        cdef Histogram twin = Histogram()
        twin.merge(self)
        return twin

    def percentile(self, double percent):
        """The value in µs that `percent` % of the values do not exceed, as the highest its counter stands for."""
        return self.percentiles((percent,))[0]

    def percentiles(self, percents):
        """Several percentiles in one pass; `percents` ascending, 0 to 100. All 0 without values."""
        cdef int64_t index = self.body.tally.low - 1, seen = 0, wanted
        found = []
        for percent in percents:
            wanted = max(1, <int64_t> (percent * self.body.tally.count / 100.0 + 0.5))
            while seen < wanted and index < self.body.tally.high:
                index += 1
                seen += spans.counter_at(&self.body, index)[0]
            found.append(hdr.highest_us_at(index) if self.body.tally.count else 0)
        return found

    def counts_up_to(self, values_us):
        """How many values do not exceed each of `values_us` (0 to 1 h), to a counter's width; ascending ones in one pass."""
        cdef int64_t index = self.body.tally.low, total = 0, last, before = -1
        found = []
        for value_us in values_us:
            last = hdr.index_of(value_us)
            if last < before:
                index, total = self.body.tally.low, 0
            before, last = last, min(last, self.body.tally.high)
            while index <= last:
                total += spans.counter_at(&self.body, index)[0]
                index += 1
            found.append(total)
        return found

    def counts(self):
        """(index, count) of every counter that is not 0, ascending."""
        cdef int64_t index
        return [
            (index, spans.counter_at(&self.body, index)[0])
            for index in range(self.body.tally.low, self.body.tally.high + 1) if spans.counter_at(&self.body, index)[0]
        ]

    def encode(self):
        """A compact form that any machine reads: tally and counters in use as LEB128 numbers. `decode` reads it back."""
        cdef int64_t numbers = spans.HEAD_NUMBERS + 2 * spans.counters_in_use(&self.body)
        cdef bytes written = PyBytes_FromStringAndSize(NULL, spans.LONGEST_VARINT * numbers)
        cdef char* end = spans.counters_encode(&self.body, PyBytes_AS_STRING(written))
        return written[:end - PyBytes_AS_STRING(written)]

    def zigzag(self):
        """The counters as HdrHistogram's own format has them: ZigZag LEB128 numbers, a negative one for a run of zeros."""
        cdef int64_t room = 2 * spans.LONGEST_ZIGZAG * spans.counters_in_use(&self.body)
        cdef char* end
        cdef bytes written = PyBytes_FromStringAndSize(NULL, room)
        end = spans.counters_zigzag(&self.body, PyBytes_AS_STRING(written))
        return written[:end - PyBytes_AS_STRING(written)]

    @staticmethod
    def decode(bytes data not None):
        """Read what `encode` wrote. Raises ValueError for anything else."""
        cdef Histogram histogram = Histogram()
        cdef const char* place = PyBytes_AS_STRING(data)
        cdef const char* end = place + len(data)
        cdef hdr.Tally* tally = &histogram.body.tally
        cdef int64_t index = 0, step = 0, count = 0, total = 0
        cdef int64_t head[spans.HEAD_NUMBERS]
        if not data:
            return histogram
        for number in range(spans.HEAD_NUMBERS):
            place = taken(place, end, &head[number])
        while place < end:
            place = taken(taken(place, end, &step), end, &count)
            if step >= hdr.COUNTERS - index or (total and step == 0) or not 0 < count <= INT64_MAX - total:
                raise ValueError(f"counter {index} + {step} with count {count} is outside the layout or its order")
            index, total = index + step, total + count
            histogram.cover(index, index)
            spans.counter_at(&histogram.body, index)[0] = count
            hdr.tally_touch(tally, index, index)
        if head[0] != total or total == 0 or head[2] > head[3]:
            raise ValueError(f"counters sum to {total}, the head says {head[0]} from {head[2]} to {head[3]} ns")
        tally.count, tally.sum_ns, tally.min_ns, tally.max_ns = head[0], head[1], head[2], head[3]
        return histogram

    @property
    def tally(self):
        """(count, sum, minimum, maximum), times in nanoseconds."""
        cdef const hdr.Tally* tally = &self.body.tally
        return tally.count, tally.sum_ns, tally.min_ns if tally.count else 0, tally.max_ns

    def absorb(self, bytes data not None, int64_t count, int64_t sum_ns):
        """Add what `encode` wrote, which must be `count` values that sum to `sum_ns`; see `bounded` for the extremes.

        Raises ValueError for anything else, and adds nothing then.
        """
        cdef const char* place = PyBytes_AS_STRING(data)
        cdef const char* end = place + len(data)
        cdef int64_t* pairs
        cdef int64_t head[spans.HEAD_NUMBERS]
        cdef int64_t number
        if not data and count == 0 and sum_ns == 0:
            return
        for number in range(spans.HEAD_NUMBERS):
            place = taken(place, end, &head[number])
        if head[0] != count or head[1] != sum_ns or count > INT64_MAX - self.body.tally.count:
            raise ValueError(f"{head[0]} values of {head[1]} ns in all, where {count} of {sum_ns} ns are missing")
        # A pair takes two bytes at least.
        pairs = <int64_t*> malloc((end - place + 2) * sizeof(int64_t))
        if pairs == NULL:
            raise MemoryError
        try:
            number = pairs_taken(place, end, pairs, count)
            self.cover(pairs[0], pairs[2 * number - 2])
            self.add_pairs(pairs, number)
        finally:
            free(pairs)
        self.body.tally.count += count
        self.body.tally.sum_ns += sum_ns
        self.body.tally.min_ns = min(self.body.tally.min_ns, head[2])
        self.body.tally.max_ns = max(self.body.tally.max_ns, head[3])

    cdef void add_pairs(self, const int64_t* pairs, int64_t number) noexcept:
        cdef int64_t* counters = spans.counter_at(&self.body, pairs[0]) - pairs[0]
        cdef int64_t place
        for place in range(number):
            counters[pairs[2 * place]] += pairs[2 * place + 1]
        hdr.tally_touch(&self.body.tally, pairs[0], pairs[2 * number - 2])

    def bounded(self, int64_t min_ns, int64_t max_ns):
        """A copy with these extremes, which are known better: a difference has them to the width of a counter."""
        cdef Histogram twin = self.copy()
        if twin.body.tally.count:
            twin.body.tally.min_ns, twin.body.tally.max_ns = min_ns, max_ns
        return twin

    @staticmethod
    def from_zigzag(bytes payload not None):
        """Read what `zigzag` wrote; every value counts as the lowest that its counter stands for.

        Raises ValueError for a payload that breaks off, for counters beyond the layout, and for more time than 292 years.
        """
        cdef Histogram histogram = Histogram()
        histogram.add_zigzag(payload)
        return histogram

    def add_zigzag(self, bytes payload not None):
        """Add all that a payload of `zigzag` holds, as `from_zigzag` reads it. Raises ValueError likewise, and adds nothing."""
        cdef const char* place = PyBytes_AS_STRING(payload)
        cdef const char* end = place + len(payload)
        cdef hdr.Tally* tally = &self.body.tally
        cdef int64_t low = 0, high = -1, index = 0, number = 0
        cdef int64_t count = checked_payload(place, end, tally, &low, &high)
        if count == 0:
            return
        # Memory is taken once, as wide as it must be.
        self.cover(low, high)
        while index <= high:
            place = spans.zigzag_take(place, end, &number)
            if number < 0:
                index -= number
                continue
            spans.counter_at(&self.body, index)[0] += number
            tally.sum_ns += hdr.lowest_us_at(index) * 1000 * number
            index += 1
        tally.count += count
        tally.min_ns = min(tally.min_ns, hdr.lowest_us_at(low) * 1000)
        tally.max_ns = max(tally.max_ns, hdr.lowest_us_at(high) * 1000)
        hdr.tally_touch(tally, low, high)

    cdef int cover(self, int64_t low, int64_t high) except -1:
        if not spans.counters_cover(&self.body, low, high):
            raise MemoryError
        return 0


cdef const char* taken(const char* place, const char* end, int64_t* value) except NULL:
    """Read a number of an encoded histogram; returns the place behind it. Raises ValueError where there is none."""
    place = spans.varint_take(place, end, value)
    if place == NULL:
        raise ValueError("an encoded histogram that breaks off, or has a number beyond 63 bits")
    return place


cdef int64_t pairs_taken(const char* place, const char* end, int64_t* pairs, int64_t count) except -1:
    """Read (index, count) of each counter of an encoded histogram behind its head; returns how many there are.

    Raises ValueError where they are not in the layout, or in their order, or do not sum to `count`.
    """
    cdef int64_t index = 0, step = 0, value = 0, total = 0, number = 0
    while place < end:
        place = taken(taken(place, end, &step), end, &value)
        if step >= hdr.COUNTERS - index or (number and step == 0) or not 0 < value <= INT64_MAX - total:
            raise ValueError(f"counter {index} + {step} with count {value} is outside the layout or its order")
        index, total = index + step, total + value
        pairs[2 * number], pairs[2 * number + 1] = index, value
        number += 1
    if total != count or number == 0:
        raise ValueError(f"counters sum to {total}, the head says {count}")
    return number


cdef class Packed:
    """A histogram that is only read, as `zigzag` writes it: some hundred bytes where a `Histogram` takes tens of thousands.

    Percentiles are those of the `Histogram`, but for the last one, which is its counter's upper end. Raises ValueError as
    `Histogram.from_zigzag` does.
    """

    cdef readonly bytes payload
    cdef readonly int64_t count

    def __init__(self, bytes payload not None):
        cdef hdr.Tally empty
        cdef int64_t low = 0, high = -1
        cdef const char* place = PyBytes_AS_STRING(payload)
        hdr.tally_clear(&empty)
        self.payload = payload
        self.count = checked_payload(place, place + len(payload), &empty, &low, &high)

    def percentiles(self, percents):
        """Several percentiles in one pass; `percents` ascending, 0 to 100. All 0 without values."""
        cdef const char* place = PyBytes_AS_STRING(self.payload)
        cdef const char* end = place + len(self.payload)
        cdef int64_t index = -1, seen = 0, wanted, number = 0
        found = []
        for percent in percents:
            wanted = max(1, <int64_t> (percent * self.count / 100.0 + 0.5))
            while seen < wanted and place < end:
                place = spans.zigzag_take(place, end, &number)
                if number < 0:
                    index -= number
                    continue
                index += 1
                seen += number
            found.append(hdr.highest_us_at(index) if self.count else 0)
        return found

    def counts_up_to(self, values_us):
        """How many values do not exceed each of `values_us` (ascending, 0 to 1 h), to the width of a counter."""
        cdef const char* place = PyBytes_AS_STRING(self.payload)
        cdef const char* end = place + len(self.payload)
        cdef int64_t index = 0, seen = 0, last, number = 0
        found = []
        for value_us in values_us:
            last = hdr.index_of(value_us)
            while index <= last and place < end:
                place = spans.zigzag_take(place, end, &number)
                if number < 0:
                    index -= number
                    continue
                seen += number
                index += 1
            found.append(seen)
        return found


cdef int64_t checked_payload(
    const char* place, const char* end, const hdr.Tally* before, int64_t* low, int64_t* high
) except -1:
    """How many values a payload of `zigzag` holds, and its first and last counter in use; `high` stays below 0 without any.

    Raises ValueError for one that breaks off, for counters beyond the layout, and where a histogram with the tally `before`
    would hold more than 63 bits with it.
    """
    cdef int64_t index = 0, number = 0, count = 0, beyond = hdr.index_of(hdr.highest_us()) + 1
    cdef double sum_ns = <double> before.sum_ns
    while place < end:
        place = spans.zigzag_take(place, end, &number)
        if place == NULL:
            raise ValueError("a histogram that breaks off")
        if number < 0:
            # So many counters of 0; compared without a negation, which the lowest number of 64 bits has not.
            index = beyond if number < index - beyond else index - number
            continue
        if number > 0:
            if index >= beyond:
                raise ValueError("a histogram with counters beyond its bounds")
            sum_ns += <double> hdr.lowest_us_at(index) * 1000 * number
            # The sum is kept in nanoseconds of 63 bits.
            if sum_ns > 9.2e18 or number > INT64_MAX - count - before.count:
                raise ValueError("a histogram of more time than 292 years, or of more values than there are numbers")
            count += number
            if high[0] < 0:
                low[0] = index
            high[0] = index
        index = min(index + 1, beyond)
    return count
