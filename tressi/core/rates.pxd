"""How a token bucket comes to follow a curve, or another rate, and how its schedule ends.

A curve is laid from a moment on, behind what is kept of the past: the pieces that starts still owed lie on. `bucket.pxd` says
what a piece is, and when a start is due.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memmove

from tressi.core.bucket cimport (
    Bucket, Knot, Piece, Skipped, bucket_advance, bucket_draw_gap, bucket_find_due, bucket_position, bucket_settle,
    piece_position,
)
from tressi.core.clock cimport NS_PER_S, never

cdef enum:
    OWED_PIECES = 6        # that are kept of a curve's past, at most, for starts that are still owed
    SPARE_PIECES = 2       # room for them, one more that is under way, and one that holds another rate


cdef inline void bucket_join(Bucket* bucket) noexcept nogil:
    """Make one piece of the two oldest, straight from the first's start to the second's end."""
    cdef Piece* joined = &bucket.curve[0]
    cdef double passed_s = <double> (bucket.curve[1].end_ns - joined.start_ns) / NS_PER_S
    joined.rate = (piece_position(&bucket.curve[1], bucket.curve[1].end_ns) - joined.position) / passed_s
    joined.slope = 0.0
    joined.end_ns = bucket.curve[1].end_ns
    bucket.pieces -= 1
    memmove(&bucket.curve[1], &bucket.curve[2], (bucket.pieces - 1) * sizeof(Piece))


cdef inline void bucket_cut(Bucket* bucket, int64_t now_ns) noexcept nogil:
    """End the curve at `now_ns` and forget the pieces before the next start's.

    Of those that starts still owed lie on the oldest become one, so that two more have room: a start owed may then be due
    at another time before now, but none is lost or gained.
    """
    cdef int32_t first
    while bucket.pieces > 0 and bucket.curve[bucket.pieces - 1].start_ns >= now_ns:
        bucket.pieces -= 1
    first = min(bucket.current, max(bucket.pieces - 1, 0))
    bucket.pieces -= first
    memmove(&bucket.curve[0], &bucket.curve[first], bucket.pieces * sizeof(Piece))
    if bucket.pieces > 0:
        bucket.curve[bucket.pieces - 1].end_ns = now_ns
    while bucket.pieces > OWED_PIECES:
        bucket_join(bucket)
    bucket.current = 0


cdef inline void bucket_lay(
    Bucket* bucket, int64_t start_ns, int64_t end_ns, double position, double rate, double slope
) noexcept nogil:
    bucket.curve[bucket.pieces] = Piece(start_ns, end_ns, position, rate, slope)
    bucket.pieces += 1


cdef inline bint bucket_room(Bucket* bucket, int32_t knots) noexcept nogil:
    """Make room for a curve of so many knots beside the pieces still owed; False: there is no memory."""
    cdef int32_t room = knots + OWED_PIECES + SPARE_PIECES
    cdef Piece* curve
    if room > bucket.room:
        curve = <Piece*> realloc(bucket.curve, room * sizeof(Piece))
        if curve == NULL:
            return False
        bucket.curve = curve
        bucket.room = room
    return True


cdef inline bint bucket_follow(
    Bucket* bucket, const Knot* knots, int32_t count, int64_t origin_ns, int64_t now_ns
) noexcept nogil:
    """From now on follow another curve, whose times count from `origin_ns`; its last rate is held. False: no memory.

    The fraction of a start already earned is kept, and so are the starts still owed. A curve is absolute: whenever this is
    called, what it asks for at any later time is the same.
    """
    cdef int32_t index
    cdef int64_t begin_ns, end_ns
    cdef double position, rate, slope, span_s
    # The curve ends at the stop; what would follow must not count.
    if now_ns >= bucket.stop_ns:
        return True
    if not bucket_room(bucket, count):
        return False
    position = bucket_position(bucket, now_ns)
    bucket_cut(bucket, now_ns)
    for index in range(count - 1):
        begin_ns, end_ns = origin_ns + knots[index].at_ns, origin_ns + knots[index + 1].at_ns
        if end_ns <= now_ns or end_ns <= begin_ns:
            continue
        slope = (knots[index + 1].rate - knots[index].rate) / (<double> (end_ns - begin_ns) / NS_PER_S)
        rate = knots[index].rate
        if begin_ns < now_ns:
            rate += slope * (<double> (now_ns - begin_ns) / NS_PER_S)
            begin_ns = now_ns
        span_s = <double> (end_ns - begin_ns) / NS_PER_S
        bucket_lay(bucket, begin_ns, end_ns, position, rate, slope)
        position += 0.5 * (rate + knots[index + 1].rate) * span_s
    begin_ns = max(now_ns, origin_ns + knots[count - 1].at_ns)
    bucket_lay(bucket, begin_ns, never(), position, knots[count - 1].rate, 0.0)
    bucket_find_due(bucket)
    return True


cdef inline void bucket_set_rate(Bucket* bucket, double rate, int64_t now_ns) noexcept nogil:
    """Another rate from now on. There is room for it."""
    cdef double position = bucket_position(bucket, now_ns)
    if now_ns >= bucket.stop_ns:
        return
    bucket_cut(bucket, now_ns)
    bucket_lay(bucket, now_ns, never(), position, rate, 0.0)
    bucket_find_due(bucket)


cdef inline void bucket_end(Bucket* bucket, int64_t now_ns, Skipped* skipped) noexcept nogil:
    """The schedule ends: what was due and not given out is given up, and nothing is due any more."""
    cdef Skipped burst
    bucket_settle(bucket, now_ns, skipped)
    burst.count = 0
    while bucket.due_ns <= now_ns:
        if skipped.count + burst.count == 0:
            skipped.first_due_ns = bucket.due_ns
        skipped.last_due_ns = bucket.due_ns
        burst.count += 1
        bucket_advance(bucket)
    skipped.count += burst.count
    bucket.missed += burst.count
    bucket_set_rate(bucket, 0.0, now_ns)
    bucket.due_ns = never()


cdef inline bint bucket_init(
    Bucket* bucket, const Knot* knots, int32_t count, int64_t start_ns, double phase, int64_t burst_ns, uint64_t random
) noexcept nogil:
    """Follow the curve from `start_ns` on. The first start lies at `phase` (0 to 1). False: there is no memory.

    A bucket that was used before keeps its memory; a new one is all zero.
    """
    bucket.granted = 0
    bucket.missed = 0
    bucket.stop_ns = never()
    bucket.burst_ns = burst_ns
    bucket.random = random
    bucket.next = phase
    bucket.gap = bucket_draw_gap(bucket)
    if random != 0:
        bucket.next = bucket.gap
        bucket.gap = bucket_draw_gap(bucket)
    bucket.current = 0
    bucket.pieces = 0
    bucket.times = NULL
    return bucket_follow(bucket, knots, count, start_ns, start_ns)
