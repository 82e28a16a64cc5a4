"""A pool that replays a log: whose each start is, what was asked of each endpoint, and which request a start sends.

A start's position in its pool's bucket is its number among the entries that are this engine's. Of 2 engines the second has the
entries 1, 3, 5 and so on, and its start at position 2 is entry 5. The entry has the number of a request; requests are numbered
through all endpoints of the pool, so those of an endpoint follow one another: with `firsts` 0, 4, 5 the numbers 0 to 3 are the
first endpoint's, 4 the second's, and all others the third's. Where an endpoint has several requests they are the rows of a
table, and the number counted from the endpoint's first one is the row.
"""

from libc.stdint cimport int32_t, int64_t

from tressi.core.arena cimport EndpointBlock, write_begin, write_end
from tressi.core.bucket cimport log_before
from tressi.core.clock cimport NS_PER_S
from tressi.core.histogram cimport histogram_record
from tressi.wire.lane cimport Endpoint, GivenUp, Lane, Pool


cdef inline int32_t replay_number(const Pool* pool, int64_t position) noexcept nogil:
    """The number of the request of the pool's start at that position."""
    return pool.replay.numbers[(pool.bucket.first + position * pool.bucket.stride) % pool.bucket.entries]


cdef inline int64_t replay_place(const Pool* pool, int32_t number) noexcept nogil:
    """Which of the pool's endpoints has the request of that number: the last whose first one is not above it."""
    cdef int64_t low = 0, high = pool.endpoint_count, middle
    while high - low > 1:
        middle = (low + high) >> 1
        if pool.replay.firsts[middle] <= number:
            low = middle
        else:
            high = middle
    return low


cdef inline Endpoint* replay_endpoint(const Pool* pool, int64_t position) noexcept nogil:
    """Whose the pool's start at that position is."""
    return pool.endpoints[replay_place(pool, replay_number(pool, position))]


cdef inline void replay_draw(Lane* lane, int64_t position) noexcept nogil:
    """Fill the lane's request with the row of the start at that position, where its endpoint has several."""
    cdef const Pool* pool = lane.pool
    cdef int32_t number = replay_number(pool, position)
    if lane.exchange.request.form != NULL:
        lane.filling.drawn[lane.exchange.request.form.sources[0]].low = number - pool.replay.firsts[replay_place(pool, number)]


cdef inline void replay_ask(Pool* pool, int64_t now_ns) noexcept nogil:
    """Count for each endpoint what the log has asked of it up to now."""
    cdef int64_t due = log_before(&pool.bucket, now_ns + 1)
    while pool.replay.counted < due:
        replay_endpoint(pool, pool.replay.counted).asked.count += 1
        pool.replay.counted += 1


cdef inline double replay_rate(Endpoint* endpoint, int64_t now_ns) noexcept nogil:
    """The rate that the log asks of the endpoint: of the last whole second, or of the time since the start before that."""
    cdef int64_t passed_ns = now_ns - endpoint.asked.before_ns
    if passed_ns >= NS_PER_S or (endpoint.asked.before == 0 and passed_ns > 0):
        endpoint.asked.rps = <double> (endpoint.asked.count - endpoint.asked.before) * NS_PER_S / passed_ns
    if passed_ns >= NS_PER_S:
        endpoint.asked.before = endpoint.asked.count
        endpoint.asked.before_ns = now_ns
    return endpoint.asked.rps


cdef inline void replay_missed(Pool* pool, const GivenUp* given_up, bint late) noexcept nogil:
    """Count starts given up, each at the endpoint of its entry."""
    cdef int64_t position
    cdef EndpointBlock* block
    for position in range(given_up.place, given_up.place + given_up.count):
        block = replay_endpoint(pool, position).block
        write_begin(&block.sequence)
        if late:
            block.window.now.missed_late += 1
        else:
            block.window.now.missed += 1
        write_end(&block.sequence)


cdef inline void replay_charge(Pool* pool, const GivenUp* given_up, int64_t ended_ns) noexcept nogil:
    """Record the response times of starts given up, had they all ended at `ended_ns`, each at the endpoint of its entry.

    As everywhere they are one series, evenly spaced between the first and the last.
    """
    cdef int64_t index
    cdef double step_ns = 0.0
    cdef EndpointBlock* block
    if given_up.count > 1:
        step_ns = <double> (given_up.last_due_ns - given_up.first_due_ns) / (given_up.count - 1)
    for index in range(given_up.count):
        block = replay_endpoint(pool, given_up.place + index).block
        write_begin(&block.sequence)
        histogram_record(&block.response, ended_ns - given_up.first_due_ns - <int64_t> (index * step_ns))
        write_end(&block.sequence)
