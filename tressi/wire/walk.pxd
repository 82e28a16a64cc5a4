"""A lane that walks its pool's flow: which request comes next, a pause, or the next start. A lane is one user.

A start of the flow is a token of its pool. It takes the lane through `begin`, if the user has not done that yet, and through
`steps`, one attempt after the other, each with the books of its own endpoint. The flow has books as well, like an endpoint
whose attempts are starts of the flow: succeeded is completed, failed is abandoned.

*Times.* A step is due at the end of the step before it plus the pause between them; the first one at the flow's scheduled
start. As everywhere (account.pxd), the end of a step is taken without the generator's own delay. So a flow lasts

    duration = (virtual end of its last step) - (scheduled start) - (its pauses)

An example: a start is due at 0 ms and the lane is virtually free at 4 ms; three steps take 10, 20 and 5 ms, with a pause of
1 s behind the first. The first step's response time is 4 + 10 ms, the others' are 20 and 5; they end virtually at 14, 1,034
and 1,039 ms, and the flow lasted 39 ms.

The states of a user: OUTSIDE (waits for a start) -> IN_BEGIN (until it is done once) -> IN_STEPS -> OUTSIDE again; and IN_END
once, when his lane is retired or the run is over. A failed step leads OUTSIDE at once unless the flow goes on; after a failed
`begin` the next start begins with it again.
"""

from libc.stdint cimport int32_t, int64_t

from tressi.core.arena cimport EndpointBlock, block_attempt, write_begin, write_end
from tressi.core.bucket cimport GRANTED, Skipped, bucket_take
from tressi.core.random cimport random_next
from tressi.core.histogram cimport histogram_record
from tressi.core.window cimport Window, window_occupy
from tressi.wire.account cimport account_begun, account_taken
from tressi.wire.flow cimport (
    AGAIN, CHOOSE, COUNT, DRAW, JUMP, SEND, THINK, THINK_EXPONENTIAL, THINK_UNIFORM, Flow, Operation, option_of, thought_ns,
)
from tressi.wire.given_up cimport account_skipped, charge_given_up
from tressi.wire.lane cimport (
    IN_BEGIN, IN_END, IN_STEPS, OUTSIDE, ROWS_USED, THINKING, Endpoint, Lane, Pool, Walk, pool_has_idle,
)
from tressi.wire.reactor cimport (
    Reactor, endpoint_finish, lane_leave, lane_rest, pool_is_over, pool_settle, ready_push, request_of,
)
from tressi.wire.source cimport source_draw, source_is_spent
from tressi.wire.thinking cimport thinking_due_ns, thinking_push, thinking_remove

cdef enum:
    EMPTY_STARTS = 1000            # in a row, without a request or a pause, before a lane rests


cdef inline void account_flow(Lane* lane, bint completed, int64_t now_ns) noexcept nogil:
    """A start of the flow has ended: it was walked to its end, or abandoned. A duration is that of a completed one."""
    cdef Walk* walk = lane.walk
    cdef EndpointBlock* block = walk.endpoint.block
    cdef int64_t duration_ns = max(<int64_t> 0, lane.virtual_free_ns - walk.due_ns - walk.thought_ns)
    write_begin(&block.sequence)
    block_attempt(block, completed, now_ns - walk.taken_ns)
    if completed:
        block.window.now.service_ns += duration_ns - walk.wait_ns
        histogram_record(&block.service, max(<int64_t> 0, duration_ns - walk.wait_ns))
        histogram_record(&block.response, duration_ns)
    window_occupy(&block.window, now_ns, -1)
    write_end(&block.sequence)
    if walk.given_up.count > 0:
        charge_given_up(lane.pool, &walk.given_up, walk.due_ns + duration_ns)
        walk.given_up.count = 0
    walk.part = OUTSIDE


cdef inline void account_started(Walk* walk) noexcept nogil:
    """A user has taken a start of the flow."""
    cdef EndpointBlock* block = walk.endpoint.block
    write_begin(&block.sequence)
    block.started += 1
    write_end(&block.sequence)


cdef inline void account_abandoned_at(Lane* lane) noexcept nogil:
    """The step that has failed is the one at which the user is lost."""
    cdef EndpointBlock* block = lane.endpoint.block
    write_begin(&block.sequence)
    block.abandoned += 1
    write_end(&block.sequence)


cdef inline void walk_draw(Lane* lane, const Operation* operation) noexcept nogil:
    """Draw from the operation's sources; what was drawn stays until they are drawn from again."""
    cdef int32_t place, number
    for place in range(operation.number, operation.number + operation.count):
        number = lane.walk.flow.drawn[place]
        source_draw(&lane.filling.sources[number], &lane.filling.drawn[number], lane.filling.kept)


cdef inline void walk_send(Reactor* reactor, Lane* lane, int32_t number, int64_t now_ns) noexcept nogil:
    """The lane has the next step's request to send."""
    cdef Walk* walk = lane.walk
    lane.endpoint = reactor.endpoints[number]
    lane.exchange.request = request_of(lane.endpoint)
    lane.exchange.link = &lane.links[lane.exchange.request.link]
    lane.due_ns = lane.virtual_free_ns
    lane.wait_ns = 0
    if walk.is_first:
        lane.due_ns = walk.due_ns
        lane.wait_ns = walk.wait_ns
        walk.is_first = 0
    account_begun(lane, now_ns)
    ready_push(reactor, lane)


cdef inline bint walk_thinks(Reactor* reactor, Lane* lane, const Operation* operation, int64_t now_ns) noexcept nogil:
    """Pause, unless the pause is over already."""
    cdef Walk* walk = lane.walk
    cdef int64_t pause_ns = thought_ns(operation, &walk.random)
    walk.thought_ns += pause_ns
    lane.free_ns += pause_ns
    lane.virtual_free_ns += pause_ns
    if pause_ns > 0:
        # A pause is nobody's wait: the step behind it is due at its end.
        walk_waited(walk)
    if lane.free_ns <= now_ns:
        return False
    walk.wakes_ns = lane.free_ns
    lane.state = THINKING
    thinking_push(&reactor.thinking, lane)
    return True


cdef inline void walk_waited(Walk* walk) noexcept nogil:
    walk.is_first = 0


cdef inline bint walk_on(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """Go on with the next operations, up to a request or a pause; False: the part of the flow is over."""
    cdef Walk* walk = lane.walk
    cdef const Flow* flow = walk.flow
    cdef const Operation* operation
    while True:
        operation = &flow.operations[walk.at]
        walk.at += 1
        if operation.kind == SEND:
            walk_send(reactor, lane, operation.number, now_ns)
            return True
        elif operation.kind in (THINK, THINK_UNIFORM, THINK_EXPONENTIAL):
            if walk_thinks(reactor, lane, operation, now_ns):
                return True
        elif operation.kind == CHOOSE:
            walk.at = option_of(flow, operation, random_next(&walk.random))
        elif operation.kind == JUMP:
            walk.at = operation.target
        elif operation.kind == COUNT:
            walk.rounds[operation.number] = operation.count
        elif operation.kind == AGAIN:
            walk.rounds[operation.number] -= 1
            if walk.rounds[operation.number] > 0:
                walk.at = operation.target
        elif operation.kind == DRAW:
            walk_draw(lane, operation)
        elif not walk_part_done(lane, now_ns):
            return False


cdef inline bint walk_part_done(Lane* lane, int64_t now_ns) noexcept nogil:
    """A part of the flow is done; whether another one follows on it at once."""
    cdef Walk* walk = lane.walk
    if walk.part == IN_BEGIN:
        walk.has_begun = 1
        walk.part = IN_STEPS
        walk.at = walk.flow.steps
        return True
    if walk.part == IN_STEPS:
        account_flow(lane, True, now_ns)
    walk.part = OUTSIDE
    return False


cdef inline bint walk_is_spent(const Lane* lane) noexcept nogil:
    """Whether a start would need a row that is used once, and none is left."""
    cdef const Flow* flow = lane.walk.flow
    cdef int32_t place
    for place in range(flow.begin_row_count if lane.walk.has_begun else 0, flow.row_count):
        if source_is_spent(&lane.filling.sources[flow.rows[place]]):
            return True
    return False


cdef inline bint walk_granted(Lane* lane, int64_t now_ns) noexcept nogil:
    """Take a start of the flow for the lane if one is due."""
    cdef Pool* pool = lane.pool
    cdef Walk* walk = lane.walk
    cdef Skipped skipped
    lane.due_ns = now_ns
    if pool_is_over(pool, now_ns):
        return False
    if walk.flow.row_count > 0 and walk_is_spent(lane):
        endpoint_finish(pool, walk.endpoint, ROWS_USED, now_ns)
        return False
    if pool.paced:
        if bucket_take(&pool.bucket, now_ns, &lane.due_ns, &skipped) != GRANTED:
            return False
        account_skipped(pool, &skipped, 0 if pool_has_idle(pool) else lane.free_ns, now_ns)
    pool.dealt += 1
    lane.endpoint = walk.endpoint
    account_taken(lane, now_ns)
    account_started(walk)
    walk.due_ns = lane.due_ns
    walk.taken_ns = now_ns
    walk.wait_ns = lane.wait_ns
    walk.thought_ns = 0
    walk.is_first = 1
    walk.given_up = lane.given_up
    lane.given_up.count = 0
    lane.virtual_free_ns = max(lane.due_ns, lane.virtual_free_ns)
    lane.free_ns = max(lane.due_ns, lane.free_ns)
    walk.part = IN_STEPS if walk.has_begun else IN_BEGIN
    walk.at = walk.flow.steps if walk.has_begun else walk.flow.begin
    return True


cdef inline bint walk_take(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """Take a start if one is due, and begin with it; True: the lane has something to send, or pauses."""
    cdef int32_t _tried
    for _tried in range(EMPTY_STARTS):
        if not walk_granted(lane, now_ns):
            return False
        if walk_on(reactor, lane, now_ns):
            return True
    return False


cdef inline bint walk_ends(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """Begin with `end` if the user has something left to do before he leaves."""
    cdef Walk* walk = lane.walk
    if not (walk.has_begun and walk.flow.has_end):
        return False
    walk.has_begun = 0
    walk.part = IN_END
    walk.at = walk.flow.end
    walk.is_first = 0
    lane.virtual_free_ns = now_ns
    lane.free_ns = now_ns
    return walk_on(reactor, lane, now_ns)


cdef inline void walk_again(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The user is outside: he takes the next start, leaves, or waits."""
    pool_settle(lane.pool, lane.free_ns, now_ns)
    if lane.leaving:
        if not walk_ends(reactor, lane, now_ns):
            lane_leave(reactor, lane, now_ns)
    elif not walk_take(reactor, lane, now_ns):
        if not (lane.pool.ended and walk_ends(reactor, lane, now_ns)):
            lane_rest(reactor, lane, now_ns)


cdef inline void walk_abandon(Lane* lane, int64_t now_ns) noexcept nogil:
    """A step has failed, and the start ends with it."""
    if lane.walk.part == IN_END:
        lane.walk.part = OUTSIDE
        return
    account_abandoned_at(lane)
    account_flow(lane, False, now_ns)


cdef inline void walk_next(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """A step has ended: on to what follows on it."""
    cdef Walk* walk = lane.walk
    if walk.failed and not walk.flow.goes_on:
        walk_abandon(lane, now_ns)
    elif walk_on(reactor, lane, now_ns):
        return
    walk_again(reactor, lane, now_ns)


cdef inline void walk_wake(Reactor* reactor, int64_t now_ns) noexcept nogil:
    """Go on with the lanes whose pauses are over."""
    cdef Lane* lane
    while thinking_due_ns(&reactor.thinking) <= now_ns:
        lane = reactor.thinking.heap[0]
        thinking_remove(&reactor.thinking, lane)
        if not walk_on(reactor, lane, now_ns):
            walk_again(reactor, lane, now_ns)


cdef inline void walk_cut(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The graceful stop is over: what the user does ends here, and `end` is not done."""
    cdef Walk* walk = lane.walk
    cdef EndpointBlock* block = walk.endpoint.block
    if walk.part in (IN_BEGIN, IN_STEPS):
        write_begin(&block.sequence)
        block.cut += 1
        histogram_record(&block.response, max(<int64_t> 0, now_ns - walk.due_ns - walk.thought_ns))
        window_occupy(&block.window, now_ns, -1)
        write_end(&block.sequence)
        if walk.given_up.count > 0:
            charge_given_up(lane.pool, &walk.given_up, now_ns)
            walk.given_up.count = 0
    walk.part = OUTSIDE
    walk.has_begun = 0
    if lane.leaving:
        lane_leave(reactor, lane, now_ns)
    else:
        lane_rest(reactor, lane, now_ns)


cdef inline void flow_count_older(const Reactor* reactor, Endpoint* endpoint, int64_t mean_ns, int64_t now_ns) noexcept nogil:
    """Publish of a flow's starts under way which are older than the mean of those that ended, and when the oldest began."""
    cdef Window* window = &endpoint.block.window
    cdef int64_t index, age_ns, oldest_ns = 0
    cdef const Lane* lane
    for index in range(reactor.lane_count):
        lane = reactor.lanes[index]
        if lane == NULL or lane.walk == NULL or lane.walk.endpoint != endpoint or lane.walk.part in (OUTSIDE, IN_END):
            continue
        age_ns = now_ns - lane.walk.taken_ns
        if oldest_ns == 0 or lane.walk.taken_ns < oldest_ns:
            oldest_ns = lane.walk.taken_ns
        if age_ns > mean_ns:
            window.older += 1
            window.older_ns += age_ns
    endpoint.block.oldest_ns = oldest_ns
