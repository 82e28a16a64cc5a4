"""How a lane gets its next start: one request of its pool's endpoints, an entry of a log, or a start of its pool's flow."""

from libc.stdint cimport int64_t

from tressi.core.bucket cimport GRANTED, Skipped, bucket_take
from tressi.wire.account cimport account_taken
from tressi.wire.given_up cimport account_skipped
from tressi.wire.lane cimport ROWS_USED, Endpoint, Lane, Pool, pool_has_idle
from tressi.wire.reactor cimport (
    Reactor, attempt_takes, endpoint_finish, pool_is_over, ready_push, request_of,
)
from tressi.wire.render cimport Filling, form_draw, form_is_spent
from tressi.wire.replay cimport replay_draw, replay_endpoint
from tressi.wire.request cimport Request
from tressi.wire.walk cimport walk_take


cdef inline bint pool_admits(
    Pool* pool, Endpoint* endpoint, const Request* request, const Filling* filling, int64_t now_ns
) noexcept nogil:
    """Whether the endpoint may begin one more attempt; a token that it cannot use is nobody's."""
    if not endpoint.over and request.form != NULL and form_is_spent(request.form, filling.sources):
        endpoint_finish(pool, endpoint, ROWS_USED, now_ns)
    if endpoint.over:
        if pool.paced:
            pool.bucket.granted -= 1
        return False
    if not attempt_takes(pool, endpoint, now_ns):
        if pool.paced:
            pool.bucket.granted -= 1
        return False
    return True


cdef inline bint lane_granted(Lane* lane, int64_t now_ns) noexcept nogil:
    """Take a token for the lane if one is due, and choose its endpoint and with it the link."""
    cdef Pool* pool = lane.pool
    cdef Skipped skipped
    cdef int64_t refused = 0
    lane.due_ns = now_ns
    if pool_is_over(pool, now_ns):
        return False
    while True:
        if pool.paced:
            if bucket_take(&pool.bucket, now_ns, &lane.due_ns, &skipped) != GRANTED:
                return False
            account_skipped(pool, &skipped, 0 if pool_has_idle(pool) else lane.free_ns, now_ns)
        lane.endpoint = pool.endpoints[0]
        if pool.replay != NULL:
            lane.endpoint = replay_endpoint(pool, pool.dealt)
        elif pool.endpoint_count > 1:
            lane.endpoint = pool.endpoints[pool.dealt % pool.endpoint_count]
        pool.dealt += 1
        lane.exchange.request = request_of(lane.endpoint)
        if not pool.limited or pool_admits(pool, lane.endpoint, lane.exchange.request, lane.filling, now_ns):
            break
        refused += 1
        # What no rate holds back would ask for ever where more attempts are to come.
        if pool.ended or (not pool.paced and refused >= pool.endpoint_count):
            return False
    if lane.exchange.request.form != NULL:
        form_draw(lane.exchange.request.form, lane.filling.sources, lane.filling)
        if pool.limited and form_is_spent(lane.exchange.request.form, lane.filling.sources):
            endpoint_finish(pool, lane.endpoint, ROWS_USED, now_ns)
        if pool.replay != NULL:
            replay_draw(lane, pool.dealt - 1)
    lane.exchange.link = &lane.links[lane.exchange.request.link]
    account_taken(lane, now_ns)
    return True


cdef inline bint lane_take(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """Take a start if one is due; True: the lane is among those that are ready, or pauses within its flow."""
    if lane.walk != NULL:
        return walk_take(reactor, lane, now_ns)
    if not lane_granted(lane, now_ns):
        return False
    ready_push(reactor, lane)
    return True
