"""A planned endpoint as the structs that the hot path follows: made by the control path, with the GIL, before the run.

What is planned are objects of Python with the fields of `load.plan.PlannedEndpoint`. Their bytes are pointed to, not copied:
the caller keeps them alive.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free

from tressi._values cimport Values
from tressi.core.arena cimport GRPC_OK, LOWEST_STATUS, STATUSES
from tressi.core.bucket cimport Knot, bucket_replay
from tressi.core.rates cimport bucket_init
from tressi.core.random cimport random_next, random_seeded
from tressi.core.curve cimport knots_of
from tressi.wire.allocate cimport allocated
from tressi.wire.channels cimport channels_to
from tressi.wire.check cimport Check
from tressi.wire.fields cimport CONTENT_ENCODING, GRPC_MESSAGE, GRPC_STATUS, KEEP_ALIVE, LOCATION, field_bit
from tressi.wire.flow cimport Flow, Operation, Option
from tressi.wire.further cimport build_fields, build_intake, fields_known, words_of
from tressi.wire.h2.block cimport block_of, block_room
from tressi.wire.hops cimport Hops
from tressi.wire.jar cimport Jar
from tressi.wire.lane cimport BURST_NS, Channels, Endpoint, Lane, Pool, Replay, Walk
from tressi.wire.link cimport Link
from tressi.wire.memory cimport set_needle
from tressi.wire.origin cimport ONLY_HTTP_1, Origin
from tressi.wire.render cimport Filling, Form
from tressi.wire.match cimport Match
from tressi.wire.request cimport Request, Slice
from tressi.wire.response cimport body_read
from tressi.wire.slot cimport Slot, slot_clear


cdef inline build_request(Request* request, planned, bytes whole, Values values):
    """The bytes of a request, or the parts that are filled for each attempt (`whole` is None), and how they are sent."""
    request.link = planned.origin
    request.to_head = planned.to_head
    request.idempotent = planned.idempotent
    request.keep_alive = planned.keep_alive
    request.awaits_continue = planned.awaits_continue
    if whole is None:
        request.form = <Form*> allocated(sizeof(Form))
        values.build_form(request.form, planned.rendering)
    else:
        first = sum(map(len, planned.rendering.head)) if planned.awaits_continue else len(whole)
        request.whole = Slice(<const char*> whole, len(whole), first)
        if request.target.protocol != ONLY_HTTP_1:
            build_block(request, sum(map(len, planned.rendering.head)))
    if planned.host is not None:
        build_sender(request, planned.host, planned.is_secure)


cdef inline build_block(Request* request, int64_t head_size):
    """The header block of a request that is always the same. Raises ValueError where it has no head."""
    cdef char* block
    request.head_size = head_size
    block = <char*> allocated(block_room(request.head_size))
    request.block.bytes = block
    request.block.size = block_of(request.whole.bytes, request.head_size, request.target.is_secure, True, block)
    if request.block.size == 0:
        raise ValueError("a request without a head")


cdef inline build_sender(Request* request, bytes host, bint is_secure):
    """Whose cookies the request takes and brings."""
    request.host = <const char*> host
    request.host_size = <int32_t> len(host)
    request.is_secure = is_secure
    if request.form != NULL:
        request.form.host, request.form.host_size, request.form.is_secure = request.host, request.host_size, is_secure


cdef inline build_shares(Endpoint* endpoint, weights, seed):
    """How often each of an endpoint's requests is sent: in proportion to its weight."""
    cdef int32_t index
    cdef double passed = 0.0, total = sum(weights)
    endpoint.random = random_seeded(seed)
    for index, weight in enumerate(weights):
        passed += weight
        endpoint.requests[index].until = <uint64_t> min(passed / total * 2.0 ** 64, 2.0 ** 64 - 2048)
    if endpoint.request_count > 0:
        endpoint.requests[endpoint.request_count - 1].until = ~<uint64_t> 0


cdef inline build_check(Check* check, planned, wanted, lacking):
    """Which statuses are successes (None: those below 400), and which text must be in the body."""
    statuses = planned.statuses
    check.expects = statuses is not None or planned.body_contains is not None or planned.has_further
    for status in range(LOWEST_STATUS, LOWEST_STATUS + STATUSES):
        is_success = status < 400 or status == GRPC_OK if statuses is None else status in statuses
        check.successes[<int> status - LOWEST_STATUS] = is_success
    # A body that is looked at may have to be decoded first.
    check.fields = field_bit(CONTENT_ENCODING)
    if planned.is_grpc:
        check.wants_trailers = True
        check.fields |= field_bit(GRPC_STATUS) | field_bit(GRPC_MESSAGE)
    if False in [request.idempotent for request in planned.requests]:
        # What cannot be sent again must not meet a connection that its server is about to close.
        check.fields |= field_bit(KEEP_ALIVE)
    check.wanted = words_of(wanted)
    check.lacking = words_of(lacking)
    if planned.body_contains:
        set_needle(check, planned.body_contains)


cdef inline build_schedule(Pool* pool, planned):
    """The pool's curve; a pool without one has a schedule that asks for nothing. Its start is moved to the reactor's own."""
    cdef int32_t count
    cdef Knot* knots = knots_of([(0.0, 0.0)] if planned.curve is None else planned.curve.points, &count)
    cdef uint64_t random = random_seeded(~<int64_t> planned.seed) if planned.arrival == "poisson" else 0
    made = bucket_init(&pool.bucket, knots, count, 0, planned.phase, BURST_NS, random)
    free(knots)
    if not made:
        raise MemoryError


cdef inline build_replay(Pool* pool, planned, const uint8_t[::1] block, int64_t first, int64_t of):
    """Have entries of a log as the pool's starts (`load.planned.PlannedReplay`); the caller keeps the block.

    The pool's endpoints are in the order of `planned.firsts`. Raises ValueError where the block does not hold the log.
    """
    cdef int64_t entries = planned.entries, offset = planned.offset
    cdef const uint8_t* times
    if not 0 <= first < of or entries < 1 or offset < 0 or offset % 8 or offset + 12 * entries > len(block):
        raise ValueError(f"no log of {entries} entries at {offset} of {len(block)} bytes, for engine {first} of {of}")
    times = &block[offset]
    pool.replay = <Replay*> allocated(sizeof(Replay))
    pool.replay.firsts = numbers_of(planned.firsts)
    pool.replay.numbers = <const int32_t*> (times + 8 * entries)
    bucket_replay(&pool.bucket, <const int64_t*> times, entries, planned.period_ns, first, of, 0)


cdef inline build_further(Check* check, planned, judge):
    """Which fields the response must have, how large its body may be, and who judges it (None: nobody)."""
    check.further = build_fields(planned.fields)
    if planned.takes:
        build_intake(check.further, planned)
    check.fields |= fields_known(check.further)
    if planned.max_body_bytes is not None:
        check.further.body_limit = planned.max_body_bytes
    if judge is not None:
        check.further.judge = <PyObject*> judge
        check.further.read = body_read


cdef inline build_hops(Endpoint* endpoint, int32_t most, too_many):
    """Have redirects followed, so many of an attempt."""
    endpoint.hops = <Hops*> allocated(sizeof(Hops))
    endpoint.hops.most = most
    endpoint.hops.too_many = words_of(too_many)
    endpoint.check.fields |= field_bit(LOCATION)


cdef inline build_times(Endpoint* endpoint, planned, hung):
    """How long is waited for what, and why a connection failed that took too long."""
    cdef int64_t timeout_ns = planned.timeout_ns
    endpoint.timeout_ns = timeout_ns
    endpoint.hung_times_out = planned.connect_timeout_ns is None
    endpoint.connect_timeout_ns = timeout_ns if planned.connect_timeout_ns is None else planned.connect_timeout_ns
    endpoint.hung = words_of(hung)


cdef inline Lane* build_lane(Pool* pool, int32_t origins, Values values, Origin** places, shared) except NULL:
    """A lane of the pool, with a link to each of its origins.

    `shared` has for each of these its number among `places` where lanes share connections to it, else None.
    """
    cdef Lane* lane = <Lane*> allocated(sizeof(Lane))
    cdef int32_t index
    cdef Channels* channels
    lane.links = <Link*> allocated(origins * sizeof(Link))
    lane.link_count = origins
    lane.pool = pool
    for index in range(origins):
        lane.links[index].owner = lane
        lane.links[index].descriptor = -1
    for index, origin in enumerate(shared):
        if origin is not None:
            channels = channels_to(pool, places[<int64_t> origin])
            if channels == NULL:
                raise MemoryError
            lane.links[index].channels = channels
    if values is not None:
        lane.filling = <Filling*> allocated(sizeof(Filling))
        values.build_filling(lane.filling)
    return lane


cdef inline int32_t* numbers_of(values) except NULL:
    cdef int32_t* numbers = <int32_t*> allocated(len(values) * sizeof(int32_t))
    cdef int32_t index
    for index, value in enumerate(values):
        numbers[index] = value
    return numbers


cdef inline Flow* build_flow(planned) except NULL:
    """A flow as it is planned (`load.plan.PlannedFlow`)."""
    cdef Flow* flow = <Flow*> allocated(sizeof(Flow))
    cdef int32_t index
    cdef Operation* one
    program = planned.program
    # In the order of `OperationKind`.
    kinds = ("send", "think", "think uniform", "think exponential", "choose", "jump", "count", "again", "draw", "done")
    flow.operations = <Operation*> allocated(len(program.operations) * sizeof(Operation))
    for index, operation in enumerate(program.operations):
        one = &flow.operations[index]
        one.kind = kinds.index(operation.kind)
        one.number, one.target, one.count = operation.number, operation.target, operation.count
        one.low_ns, one.high_ns = operation.low_ns, operation.high_ns
    flow.options = <Option*> allocated(len(program.options) * sizeof(Option))
    for index, (share, target) in enumerate(program.options):
        flow.options[index].until = ~<uint64_t> 0 if share >= 1 else <uint64_t> (share * 2.0 ** 64)
        flow.options[index].target = target
    flow.drawn = numbers_of(program.drawn)
    flow.rows = numbers_of((*program.begin_rows, *program.rows))
    flow.begin_row_count = <int32_t> len(program.begin_rows)
    flow.row_count = flow.begin_row_count + <int32_t> len(program.rows)
    flow.begin, flow.steps, flow.end, flow.counters = program.begin, program.steps, program.end, program.counters
    flow.slots, flow.slot_bytes, flow.matches = len(planned.hidden), planned.slot_bytes, planned.matches
    flow.has_end, flow.goes_on, flow.has_jar = program.has_end, planned.goes_on, planned.has_jar
    return flow


cdef inline Walk* build_walk(Lane* lane, const Flow* flow, Endpoint* endpoint, planned, uint64_t random) except NULL:
    """A lane's user, before he has begun. `planned` is the flow, and is kept alive."""
    cdef bytes hidden = planned.hidden, contexts = planned.contexts
    cdef Walk* walk = <Walk*> allocated(sizeof(Walk))
    cdef int32_t index
    walk.flow = flow
    walk.endpoint = endpoint
    walk.random = random
    walk.rounds = <int32_t*> allocated(flow.counters * sizeof(int32_t))
    walk.user.slots = <Slot*> allocated(flow.slots * sizeof(Slot))
    walk.user.slot_count = flow.slots
    walk.user.hidden = <const uint8_t*> <const char*> hidden
    walk.user.contexts = <const uint8_t*> <const char*> contexts
    for index in range(flow.slots):
        walk.user.slots[index].limit = flow.slot_bytes
        slot_clear(&walk.user.slots[index])
    walk.user.matches = <Match*> allocated(flow.matches * sizeof(Match))
    for index in range(flow.matches):
        walk.user.matches[index].random = random_next(&random)
    if flow.has_jar:
        walk.user.jar = <Jar*> allocated(sizeof(Jar))
    lane.walk = walk
    lane.exchange.response.user = &walk.user
    if lane.filling != NULL:
        lane.filling.user = &walk.user
    return walk


cdef inline void pool_shuffle(Pool* pool, uint64_t random) noexcept:
    """Bring a pool's endpoints into a random order (Fisher and Yates): starts of the config's neighbours are no neighbours."""
    cdef int64_t index, other
    for index in range(pool.endpoint_count - 1, 0, -1):
        other = <int64_t> (random_next(&random) % <uint64_t> (index + 1))
        pool.endpoints[index], pool.endpoints[other] = pool.endpoints[other], pool.endpoints[index]
