"""What many nodes say of an endpoint, added up: rows of figures, and histograms of times. `nodes/frames.py` writes both."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from tressi._histogram cimport Histogram

cdef enum:
    NAMES = 1024                   # numbers of counts in a row are below: statuses, and -1 - the number of the kind of an error
    MOST_LATENCIES = 16            # that are added up together, see `SummedTimes`

cdef int64_t NEVER_NS = <int64_t> 1 << 62  # the least of no value


def rows_at(list tables not None, int64_t place):
    """The rows of that number, of the tables that have one; a table has its rows by their numbers."""
    cdef dict table
    cdef object number = place, row
    cdef list found = []
    for table in tables:
        row = table.get(number)
        if row is not None:
            found.append(row)
    return found


def rows_checked(dict rows not None, int64_t size, int64_t kinds):
    """Whether all rows are `size` bytes, and then what `counts_joined` reads, with numbers down to -`kinds`."""
    cdef int64_t left, place
    cdef const int64_t* pairs
    for row in rows.values():
        if type(row) is not bytes:
            return False
        left = len(<bytes> row) - size - 16
        if left < 0 or left % 16:
            return False
        pairs = <const int64_t*> (<const char*> <bytes> row + size + 16)
        for place in range(left // 16):
            if not -min(kinds, NAMES) <= pairs[2 * place] < NAMES:
                return False
    return True


def counts_joined(list rows not None, int64_t size):
    """What stands in rows behind their first `size` bytes, added up: (rate or None, over, counts by their numbers).

    That is the rate asked for, a double (below 0: none); why nothing more begins, an integer; and pairs of a number and a
    count, all of 64 bits, the numbers below NAMES either way. Of several rows something begins where it does in one of them.
    """
    cdef int64_t totals[2 * NAMES]
    cdef int64_t place, low = NAMES, high = -NAMES, over = 0
    cdef double rate = -1.0
    cdef bint is_over = True
    cdef const int64_t* tail
    cdef bytes row
    if not rows:
        return None, 0, {}
    memset(totals, 0, sizeof(totals))
    for row in rows:
        tail = <const int64_t*> (<const char*> row + size)
        if (<const double*> tail)[0] >= 0:
            rate = max(rate, 0.0) + (<const double*> tail)[0]
        is_over = is_over and tail[1] != 0
        over = max(over, tail[1])
        for place in range(1, (len(row) - size) // 16):
            totals[NAMES + tail[2 * place]] += tail[2 * place + 1]
            low, high = min(low, tail[2 * place]), max(high, tail[2 * place])
    counts = {place: totals[NAMES + place] for place in range(low, high + 1) if totals[NAMES + place]}
    return rate if rate >= 0 else None, over if is_over else 0, counts


def rows_summed(list rows not None, int64_t counts, int64_t reals):
    """Add up rows column by column: (sums of the counts, sums of the reals, their largest, their least).

    Each row begins with `counts` integers of 64 bits and then `reals` doubles, little-endian; there is at least one. Raises
    ValueError for a row that is shorter.
    """
    cdef int64_t place, size = (counts + reals) * 8
    cdef const int64_t* row
    cdef const double* row_reals
    cdef bytes one
    cdef list found = [[], [], [], []]
    cdef int64_t* sums = <int64_t*> calloc(counts + 1, sizeof(int64_t))
    cdef double* totals = <double*> calloc(3 * reals + 1, sizeof(double))
    try:
        if sums == NULL or totals == NULL:
            raise MemoryError
        for number, one in enumerate(rows):
            if len(one) < size:
                raise ValueError(f"a row of {len(one)} bytes, where {size} are needed")
            row = <const int64_t*> <const char*> one
            row_reals = <const double*> (row + counts)
            for place in range(counts):
                sums[place] += row[place]
            for place in range(reals):
                totals[place] += row_reals[place]
                if number == 0 or row_reals[place] > totals[reals + place]:
                    totals[reals + place] = row_reals[place]
                if number == 0 or row_reals[place] < totals[2 * reals + place]:
                    totals[2 * reals + place] = row_reals[place]
        found[0] = [sums[place] for place in range(counts)]
        for number in range(3):
            found[1 + number] = [totals[number * reals + place] for place in range(reals)]
    finally:
        free(sums)
        free(totals)
    return tuple(found)


cdef class SummedTimes:
    """Several latencies over several nodes. Those that got the same values in a frame have one histogram for these.

    What a node says of them is bytes, numbers in little-endian: of each latency the count of all its values since the start,
    then their sums, then the least of each, then the largest, 8 bytes each; and for all that got the same values since the
    last frame the latencies, one bit each from the lowest on, the length of what follows, 4 bytes each, and what `encode`
    wrote.
    """

    cdef tuple names
    cdef dict groups                     # by the bits of those latencies that have these values
    cdef int64_t size
    cdef int64_t[MOST_LATENCIES] least_ns
    cdef int64_t[MOST_LATENCIES] most_ns

    def __init__(self, names):
        cdef int64_t place
        self.names = tuple(names)
        self.size = len(self.names)
        if self.size > MOST_LATENCIES:
            raise ValueError(f"{self.size} latencies, where {MOST_LATENCIES} are the most")
        self.groups = {}
        for place in range(self.size):
            self.least_ns[place], self.most_ns[place] = NEVER_NS, 0

    def take(self, bytes before, bytes data not None):
        """Add what a node says, which had said `before` last (None: nothing); returns what to give as `before` next.

        Raises ValueError with the name of the latency whose values are not what its count and sum have grown by.
        """
        cdef int64_t grown[2 * MOST_LATENCIES]
        cdef int64_t place, size = self.size, head = 4 * size * sizeof(int64_t)
        cdef const int64_t* now = <const int64_t*> PyBytes_AS_STRING(data)
        cdef const int64_t* then = NULL
        cdef int64_t left = len(data)
        cdef const char* at = PyBytes_AS_STRING(data) + head
        cdef uint32_t part[2]
        if left < head or (before is not None and len(before) != head):
            raise ValueError("tallies that break off")
        if before is not None:
            then = <const int64_t*> PyBytes_AS_STRING(before)
        for place in range(2 * size):
            grown[place] = now[place] if then == NULL else now[place] - then[place]
        left -= head
        while left > 0:
            if left < <int64_t> sizeof(part):
                raise ValueError("values that break off")
            memcpy(part, at, sizeof(part))
            at, left = at + sizeof(part), left - <int64_t> sizeof(part)
            if part[1] > left or part[0] == 0 or part[0] >> size:
                raise ValueError("values that break off, or of no latency")
            self.add(part[0], at[:part[1]], grown)
            at, left = at + part[1], left - part[1]
        for place in range(2 * size):
            if grown[place] != 0:
                raise ValueError(f"{self.names[place % size]}: values are missing")
        for place in range(size):
            self.least_ns[place] = min(self.least_ns[place], now[2 * size + place])
            self.most_ns[place] = max(self.most_ns[place], now[3 * size + place])
        return data[:head]

    cdef int add(self, uint32_t bits, bytes data, int64_t* grown) except -1:
        """Add values to the histogram of these latencies, each of which must have grown by them; that is then settled."""
        cdef int64_t place, first = 0, size = self.size
        cdef Histogram group
        while not bits >> first & 1:
            first += 1
        for place in range(first, size):
            if bits >> place & 1 and (grown[place] != grown[first] or grown[size + place] != grown[size + first]):
                raise ValueError(f"{self.names[first]}: what is the same has several sums")
        group = self.groups.get(bits)
        if group is None:
            group = self.groups[bits] = Histogram()
        try:
            group.absorb(data, grown[first], grown[size + first])
        except ValueError as failure:
            raise ValueError(f"{self.names[first]}: {failure}") from None
        for place in range(first, size):
            if bits >> place & 1:
                grown[place] = grown[size + place] = 0
        return 0

    def read(self):
        """Each latency over all nodes, as copies that do not change."""
        cdef int64_t place
        cdef list found = []
        cdef Histogram total, group
        for place in range(self.size):
            total = Histogram()
            for bits, group in self.groups.items():
                if <uint32_t> bits >> place & 1:
                    total.merge(group)
            if total.body.tally.count:
                total.body.tally.min_ns, total.body.tally.max_ns = self.least_ns[place], self.most_ns[place]
            found.append(total)
        return found
