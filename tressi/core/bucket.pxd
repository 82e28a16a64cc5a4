"""The token bucket: when the next request is due, by virtual scheduling (GCRA, ITU-T I.371) over a rate curve.

The curve is piecewise linear, given as knots and kept as pieces. Its integral is the *position*: how many starts the
schedule has asked for since the run began. Starts lie at positions phase, phase + 1, phase + 2 … (`poisson`: at exponential
gaps of mean 1), so a start's due time is where the integral reaches its position. It is solved afresh from the piece's origin
each time and never added up, which is why nothing drifts: a double holds a position below 2**52 to the start, and a time
within a piece to less than a nanosecond for the first 50 days.

An example: 200 starts a second, so one each 5 ms, at phase 0. The start at position 3 is due where 200 t = 3, at 15 ms. If
the rate is changed to 100 at 12.5 ms, the position there is 2.5; the start at position 3 is then due 0.5 / 100 s later, at
17.5 ms: half of it was already earned.

*Settling.* Who falls behind may catch up 100 ms of starts (`burst_ns`), and always the latest one; what is older is skipped
and counted as missed. `bucket_settle` does that whether or not anyone asks for a start, or a pool whose lanes all hang would
miss nothing. At 200 starts a second, with the start of 1,000 ms next and nobody asking until 1,500 ms: those older than
1,400 ms are given up, from 1,000 to 1,395 ms, which are 80. The start of 1,400 ms is granted, and those up to 1,500 ms
follow at once. Granted and missed together are the integral of the rate, to the start, whatever happens.

*The series.* What one call gives up is told as (80, 1,000 ms, 1,395 ms) in `Skipped`: how many, and when the first and the
last were due. The starts between are evenly spaced at one rate, so the due times of any number of starts are three numbers;
`account.pxd` turns them into response times.

*A log.* A bucket may have the times of a log in place of a curve (`bucket_replay`). Its starts are then the entries `first`,
`first + stride`, `first + 2 stride` and so on, so that several engines share one log to the entry, and a start's position is
its number among them. Its due time is read from the log and added to the run's start, never added up from start to start.
All else holds as above: granted and missed together are the entries that were due.
"""

from libc.math cimport ceil, floor, fmin, llround, log, sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free

from tressi.core.clock cimport NS_PER_S, never
from tressi.core.random cimport random_next

cdef enum Take:
    NOT_YET
    GRANTED

cdef struct Piece:
    int64_t start_ns       # CLOCK_MONOTONIC
    int64_t end_ns         # never() in the last piece
    double position        # of the schedule at start_ns
    double rate            # starts per second at start_ns
    double slope           # starts per second, gained each second

# A point of a curve as it is asked for: the rate there, and when, counted from the curve's origin. Two at one time are a step.
cdef struct Knot:
    int64_t at_ns
    double rate

cdef struct Bucket:
    int64_t due_ns         # intended start of the next request; never() while paused
    int64_t stop_ns        # no start is due at or after this
    int64_t burst_ns       # how far behind the schedule may fall before it skips
    int64_t granted        # starts given out since the run began
    int64_t missed         # starts given up since the run began
    double next            # position of the next start
    double gap             # from it to the one after: 1, or drawn when poisson
    uint64_t random        # state of the generator of gaps; 0: uniform arrival
    int32_t current        # the piece that holds due_ns
    int32_t pieces
    int32_t room           # for pieces: OWED_PIECES + SPARE_PIECES at least
    Piece* curve           # allocated by `bucket_follow`, freed by `bucket_free`
    const int64_t* times   # of a log, in ns from origin_ns on and in order: the starts; NULL: those of the curve
    int64_t entries        # how many times there are
    int64_t period_ns      # after which they come again; 0: once
    int64_t origin_ns
    int64_t first          # the entry that is this bucket's first start,
    int64_t stride         # and how far its next one is from it
    int64_t held_ns        # no entry is due after this; never() while nothing is held back

# A run of starts given up at once: an arithmetic series of due times (exact for uniform arrival at one rate).
cdef struct Skipped:
    int64_t count
    int64_t first_due_ns
    int64_t last_due_ns


cdef inline double bucket_draw_gap(Bucket* bucket) noexcept nogil:
    if bucket.random == 0:
        return 1.0
    # 53 random bits, shifted off zero: the logarithm is finite.
    return -log((<double> (random_next(&bucket.random) >> 11) + 0.5) / 9007199254740992.0)


cdef inline double piece_position(const Piece* piece, int64_t time_ns) noexcept nogil:
    cdef double elapsed_s = <double> (time_ns - piece.start_ns) / NS_PER_S
    return piece.position + elapsed_s * (piece.rate + 0.5 * piece.slope * elapsed_s)


cdef inline int64_t piece_due(const Piece* piece, double position) noexcept nogil:
    cdef double ahead = position - piece.position
    cdef double speed, square
    # Owed from before this piece: due at its start, even in a pause.
    if ahead < 0:
        return piece.start_ns
    if piece.rate <= 0 and piece.slope <= 0:
        return never()
    if ahead == 0:
        return piece.start_ns
    speed = 2 * piece.rate
    if piece.slope != 0:
        square = piece.rate * piece.rate + 2 * piece.slope * ahead
        if square < 0:
            return never()
        speed = piece.rate + sqrt(square)
    if speed == 0:
        # A rate so small that its square is 0.
        return never()
    ahead = 2 * ahead / speed * NS_PER_S
    return piece.start_ns + <int64_t> llround(ahead) if ahead < 4e18 else never()


cdef inline int64_t log_due(const Bucket* bucket) noexcept nogil:
    """When the entry of the next start is due; never() where there is none."""
    cdef int64_t entry = bucket.first + <int64_t> bucket.next * bucket.stride
    cdef int64_t due_ns = bucket.origin_ns
    if entry >= bucket.entries:
        if bucket.period_ns == 0:
            return never()
        due_ns += entry // bucket.entries * bucket.period_ns
        entry = entry % bucket.entries
    due_ns += bucket.times[entry]
    return due_ns if due_ns <= bucket.held_ns else never()


cdef inline int64_t log_before(const Bucket* bucket, int64_t time_ns) noexcept nogil:
    """How many of the bucket's own entries are due before that time."""
    cdef int64_t low = 0, high = bucket.entries, middle, begun = 0
    time_ns = min(time_ns, bucket.stop_ns)
    if time_ns > bucket.held_ns:
        time_ns = bucket.held_ns + 1
    time_ns -= bucket.origin_ns
    if time_ns <= 0:
        return 0
    if bucket.period_ns > 0:
        begun = time_ns // bucket.period_ns * bucket.entries
        time_ns %= bucket.period_ns
    while low < high:
        middle = (low + high) >> 1
        if bucket.times[middle] < time_ns:
            low = middle + 1
        else:
            high = middle
    return max(<int64_t> 0, (begun + low - bucket.first + bucket.stride - 1) // bucket.stride)


cdef inline void bucket_find_due(Bucket* bucket) noexcept nogil:
    cdef int64_t due_ns
    if bucket.times != NULL:
        due_ns = log_due(bucket)
        bucket.due_ns = due_ns if due_ns < bucket.stop_ns else never()
        return
    due_ns = piece_due(&bucket.curve[bucket.current], bucket.next)
    while due_ns > bucket.curve[bucket.current].end_ns and bucket.current + 1 < bucket.pieces:
        bucket.current += 1
        due_ns = piece_due(&bucket.curve[bucket.current], bucket.next)
    bucket.due_ns = due_ns if due_ns < bucket.stop_ns else never()


cdef inline void bucket_advance(Bucket* bucket) noexcept nogil:
    bucket.next += bucket.gap
    bucket.gap = bucket_draw_gap(bucket)
    bucket_find_due(bucket)


cdef inline double bucket_position(const Bucket* bucket, int64_t time_ns) noexcept nogil:
    """The integral of the rate from the run's start to `time_ns`: how many starts have been asked for."""
    cdef int32_t index = 0
    if bucket.times != NULL:
        return <double> log_before(bucket, time_ns)
    time_ns = min(time_ns, bucket.stop_ns)
    if bucket.pieces > 0 and time_ns >= bucket.curve[bucket.current].start_ns:
        index = bucket.current
    if bucket.pieces == 0 or time_ns <= bucket.curve[0].start_ns:
        return bucket.curve[0].position if bucket.pieces else 0.0
    while index + 1 < bucket.pieces and time_ns >= bucket.curve[index].end_ns:
        index += 1
    return piece_position(&bucket.curve[index], time_ns)


cdef inline double bucket_rate(const Bucket* bucket, int64_t time_ns) noexcept nogil:
    cdef int32_t index = 0
    if bucket.pieces == 0:
        return 0.0
    if time_ns >= bucket.curve[bucket.current].start_ns:
        index = bucket.current
    while index + 1 < bucket.pieces and time_ns >= bucket.curve[index].end_ns:
        index += 1
    if time_ns <= bucket.curve[index].start_ns:
        return bucket.curve[index].rate
    return bucket.curve[index].rate + bucket.curve[index].slope * (time_ns - bucket.curve[index].start_ns) / NS_PER_S


cdef inline void bucket_skip(Bucket* bucket, double older_than, double due_by, Skipped* skipped) noexcept nogil:
    """Give up the starts before position `older_than`, but not the last of those up to position `due_by`."""
    cdef double count
    skipped.count = 0
    if bucket.next >= older_than or bucket.next + bucket.gap > due_by:
        return
    skipped.first_due_ns = bucket.due_ns
    if bucket.random == 0:
        count = fmin(ceil(older_than - bucket.next), floor(due_by - bucket.next))
        skipped.count = <int64_t> count
        bucket.next += count - 1
        bucket_find_due(bucket)
        skipped.last_due_ns = bucket.due_ns
        bucket_advance(bucket)
    else:
        while bucket.next < older_than and bucket.next + bucket.gap <= due_by:
            skipped.count += 1
            skipped.last_due_ns = bucket.due_ns
            bucket_advance(bucket)
    bucket.missed += skipped.count


cdef inline void bucket_settle(Bucket* bucket, int64_t now_ns, Skipped* skipped) noexcept nogil:
    """Give up what is beyond the burst allowance, whether or not anyone asks for a token."""
    skipped[0] = Skipped(0, 0, 0)
    # No start lies before the next one: the common case is one comparison.
    if now_ns - bucket.due_ns <= bucket.burst_ns:
        return
    if bucket.times != NULL:
        # The number of the last entry that is due; on a curve it is the position itself.
        bucket_skip(bucket, log_before(bucket, now_ns - bucket.burst_ns), log_before(bucket, now_ns + 1) - 1, skipped)
        return
    bucket_skip(bucket, bucket_position(bucket, now_ns - bucket.burst_ns), bucket_position(bucket, now_ns), skipped)


cdef inline Take bucket_take(Bucket* bucket, int64_t now_ns, int64_t* due_ns, Skipped* skipped) noexcept nogil:
    """Ask for a start: GRANTED with the time it was due, or NOT_YET with the time before which there is none."""
    bucket_settle(bucket, now_ns, skipped)
    due_ns[0] = bucket.due_ns
    if now_ns < bucket.due_ns:
        return NOT_YET
    bucket.granted += 1
    bucket_advance(bucket)
    return GRANTED


cdef inline void bucket_replay(
    Bucket* bucket, const int64_t* times, int64_t entries, int64_t period_ns, int64_t first, int64_t stride, int64_t origin_ns
) noexcept nogil:
    """Have every `stride`-th of the times from the one of number `first` on as starts, before the first one is taken.

    With `period_ns`, which is above the last of the times, they come again and again. The caller keeps them.
    """
    bucket.times, bucket.entries, bucket.period_ns = times, entries, period_ns
    bucket.first, bucket.stride, bucket.origin_ns = first, stride, origin_ns
    bucket.held_ns = never()
    bucket.next = 0.0
    bucket.gap = 1.0
    bucket.random = 0
    bucket_find_due(bucket)


cdef inline void bucket_hold(Bucket* bucket, int64_t now_ns) noexcept nogil:
    """Let no entry of the log be due from now on, until `bucket_release`."""
    bucket.held_ns = min(bucket.held_ns, now_ns)
    bucket_find_due(bucket)


cdef inline void bucket_release(Bucket* bucket, int64_t now_ns, Skipped* skipped) noexcept nogil:
    """Go on with the entries that are due from now on. What was due before the hold is given up, what was meanwhile is not."""
    cdef int64_t owed
    skipped[0] = Skipped(0, 0, 0)
    if bucket.held_ns == never():
        return
    owed = log_before(bucket, bucket.held_ns + 1) - <int64_t> bucket.next
    if owed > 0:
        skipped.count, skipped.first_due_ns = owed, bucket.due_ns
        bucket.missed += owed
        bucket.next += owed - 1
        bucket_find_due(bucket)
        skipped.last_due_ns = bucket.due_ns
        bucket.next += 1
    bucket.held_ns = never()
    bucket.next = max(bucket.next, <double> log_before(bucket, now_ns))
    bucket_find_due(bucket)


cdef inline void bucket_free(Bucket* bucket) noexcept nogil:
    """Give its memory back."""
    free(bucket.curve)
    bucket.curve = NULL
    bucket.room = 0


cdef inline void bucket_shift(Bucket* bucket, int64_t by_ns) noexcept nogil:
    """Move the whole schedule, before its first start is taken."""
    cdef int32_t index
    for index in range(bucket.pieces):
        bucket.curve[index].start_ns += by_ns
        if bucket.curve[index].end_ns != never():
            bucket.curve[index].end_ns += by_ns
    bucket.origin_ns += by_ns
    bucket_find_due(bucket)


cdef inline void bucket_stop_at(Bucket* bucket, int64_t stop_ns) noexcept nogil:
    """Let the schedule end by itself: its starts are those before `stop_ns`, however late that moment is noticed."""
    bucket.stop_ns = stop_ns
    bucket_find_due(bucket)
