"""Starts that are given up: whose fault each was, and which response time it would have had.

Starts given up because no lane was free belong to the response times as well, or a target that stands still would look
fast. They count as if they had been sent with the next start that got a lane, the one of `account_charged`. If that one is
due at 2,000 ms and has its answer after 5 ms, and the starts due at 500, 1,000 and 1,500 ms were given up before it, they
are recorded with 1,505, 1,005 and 505 ms. They are one arithmetic series, recorded at once however many they are.
"""

from libc.stdint cimport int64_t

from tressi.core.arena cimport EndpointBlock, write_begin, write_end
from tressi.core.bucket cimport Skipped, log_before
from tressi.core.clock cimport NS_PER_MS
from tressi.core.histogram cimport histogram_record_series
from tressi.core.window cimport window_occupy
from tressi.wire.lane cimport GivenUp, Lane, Pool
from tressi.wire.replay cimport replay_charge, replay_missed

cdef enum:
    PROMPT_NS = NS_PER_MS          # if we serve a lane this soon, missed starts are not our fault


cdef inline int64_t given_up_part(const GivenUp* given_up, int64_t endpoints, int64_t index) noexcept nogil:
    """How many of the starts given up are the endpoint's: starts are dealt to the pool's endpoints in turn."""
    cdef int64_t behind = (index - given_up.place) % endpoints
    if behind < 0:
        behind += endpoints
    return given_up.count // endpoints + (behind < given_up.count % endpoints)


cdef inline void account_charged(Lane* lane, int64_t response_ns) noexcept nogil:
    """The lane's attempt took `response_ns` since it was due: charge the starts that were given up before it.

    They count as if they had been sent with it, so one that was due earlier by d waited longer by d. With 200 starts a
    second and a target that stands still from 5.0 to 7.0 s, the start due at 5.5 s is charged 1.5 s, and the mean is 1 s.
    """
    charge_given_up(lane.pool, &lane.given_up, lane.due_ns + response_ns)
    lane.given_up.count = 0


cdef inline void charge_given_up(Pool* pool, const GivenUp* given_up, int64_t ended_ns) noexcept nogil:
    """Record the response times of starts given up, had they all ended at `ended_ns`."""
    cdef int64_t index, part
    cdef EndpointBlock* block
    if pool.replay != NULL:
        replay_charge(pool, given_up, ended_ns)
        return
    for index in range(pool.endpoint_count):
        part = given_up_part(given_up, pool.endpoint_count, index)
        if pool.endpoints[index].over:
            continue
        if part > 0:
            block = pool.endpoints[index].block
            write_begin(&block.sequence)
            histogram_record_series(
                &block.response, ended_ns - given_up.last_due_ns, ended_ns - given_up.first_due_ns, part
            )
            write_end(&block.sequence)


cdef inline void account_left(Lane* lane, bint has_age, int64_t now_ns) noexcept nogil:
    """The lane's attempt ended without a response: without an age nothing is recorded of the starts given up before it."""
    if has_age:
        account_charged(lane, now_ns - lane.due_ns)
    lane.given_up.count = 0


cdef inline void account_missed(Pool* pool, const GivenUp* given_up, bint late) noexcept nogil:
    """Count starts given up at the endpoints that they would have gone to; `late`: while a lane was free."""
    cdef int64_t index, part
    cdef EndpointBlock* block
    if pool.replay != NULL:
        replay_missed(pool, given_up, late)
        return
    for index in range(pool.endpoint_count):
        part = given_up_part(given_up, pool.endpoint_count, index)
        if pool.endpoints[index].over:
            continue
        block = pool.endpoints[index].block
        write_begin(&block.sequence)
        if late:
            block.window.now.missed_late += part
        else:
            block.window.now.missed += part
        write_end(&block.sequence)


cdef inline void given_up_join(GivenUp* given_up, const GivenUp* more) noexcept nogil:
    """Make one series of two. Of one pool they follow each other, so it is as even as its schedule."""
    if given_up.count == 0:
        given_up[0] = more[0]
        return
    given_up.first_due_ns = min(given_up.first_due_ns, more.first_due_ns)
    given_up.last_due_ns = max(given_up.last_due_ns, more.last_due_ns)
    given_up.count += more.count


cdef inline void account_skipped(Pool* pool, const Skipped* skipped, int64_t free_ns, int64_t now_ns) noexcept nogil:
    """The schedule skipped starts at `now_ns`, while the first lane to take one was (or would be) free at `free_ns`.

    A start that a lane was free for within its burst allowance was missed by us.
    """
    cdef int64_t ours, first_ns = skipped.first_due_ns, last_ns = skipped.last_due_ns
    cdef int64_t limit_ns = free_ns - pool.bucket.burst_ns
    cdef GivenUp part
    if skipped.count == 0:
        return
    if limit_ns > last_ns or now_ns - free_ns <= PROMPT_NS:
        ours = 0
    elif limit_ns <= first_ns:
        ours = skipped.count
    elif pool.replay != NULL:
        ours = min(skipped.count, max(<int64_t> 1, pool.dealt + skipped.count - log_before(&pool.bucket, limit_ns)))
        last_ns = limit_ns
    else:
        ours = 1 + <int64_t> ((skipped.count - 1) * (<double> (last_ns - limit_ns) / (last_ns - first_ns)))
        last_ns = limit_ns
    if skipped.count > ours:
        part = GivenUp(skipped.count - ours, first_ns, last_ns, pool.dealt)
        account_missed(pool, &part, False)
        given_up_join(&pool.given_up, &part)
    if ours > 0:
        part = GivenUp(ours, first_ns, last_ns, pool.dealt + skipped.count - ours)
        account_missed(pool, &part, True)
    pool.dealt += skipped.count


cdef inline void account_abandoned(Lane* lane, int64_t now_ns) noexcept nogil:
    """A lane gives its start back before anything was done for it: the start is missed because no lane was connected."""
    cdef Pool* pool = lane.pool
    cdef GivenUp start = lane.given_up
    cdef GivenUp own = GivenUp(1, lane.due_ns, lane.due_ns, pool.dealt if pool.replay == NULL else pool.dealt - 1)
    lane.virtual_free_ns = now_ns
    lane.free_ns = now_ns
    window_occupy(&lane.endpoint.block.window, now_ns, -1)
    if pool.paced:
        pool.bucket.granted -= 1
        pool.bucket.missed += 1
        write_begin(&lane.endpoint.block.sequence)
        lane.endpoint.block.window.now.missed += 1
        write_end(&lane.endpoint.block.sequence)
        given_up_join(&start, &own)
        given_up_join(&pool.given_up, &start)
    lane.given_up.count = 0


cdef inline void account_stranded(Pool* pool, int64_t now_ns) noexcept nogil:
    """The schedule has ended, and no lane will take a start any more: what was given up last enters with its age."""
    if pool.given_up.count > 0:
        charge_given_up(pool, &pool.given_up, now_ns)
        pool.given_up.count = 0
