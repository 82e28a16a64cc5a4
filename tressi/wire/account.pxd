"""Who is charged for what: the target, ourselves or nobody. Only arithmetic and counting.

The response time of a scheduled start must say what a user would have waited who came at that moment, and nothing of what
the generator took itself. So each lane keeps two times: `free_ns`, when its last answer had arrived, and `virtual_free_ns`,
when the lane would be free if the generator added no delay of its own:

    wait         = max(0, virtual_free - due)              the start was due, and the lane was busy with the target
    response     = wait + connect + service
    virtual_free = max(due, virtual_free) + connect + service
    late send    = sent - max(due, free) - connect         what is left is ours, and is charged to nobody

An example: one lane, starts due at 0, 10 and 20 ms, a connection that is open (connect = 0).

    start at   0 ms: sent at 0 ms, and its answer arrives at 14 ms, so its service time is 14 ms.
                     wait 0, response 14. virtual_free = max(0, 0) + 14 = 14 ms.
    start at  10 ms: the lane is free at 14 ms, but we come to send only at 16 ms; the answer arrives at 20 ms, service 4 ms.
                     wait = 14 - 10 = 4, response = 4 + 4 = 8 ms. A user would have had the answer at 18 ms, and so has the
                     histogram; the 2 ms are a late send. virtual_free = max(10, 14) + 4 = 18 ms.
    start at  20 ms: wait = max(0, 18 - 20) = 0. That the lane was free only at 20 ms is of no account.

Once the schedule gives starts up, this no longer holds: the lane would be behind without us too. From then on virtual_free
is brought up to the true time (`account_taken`).

Starts that were given up are charged by `given_up.pxd`, and `success.pxd` says whether a response is what it must be.
"""

from libc.stdint cimport int64_t
from libc.stdio cimport snprintf

from tressi.core.arena cimport (
    EXPECTATION, EXTRACTION, GRPC_OK, LOWEST_STATUS, REASON_BYTES, EndpointBlock, ErrorKind, Header, block_attempt,
    block_failed, block_parted, block_reason, block_response, write_begin, write_end,
)
from tressi.core.clock cimport NS_PER_MS
from tressi.core.histogram cimport histogram_record
from tressi.core.window cimport window_occupy
from tressi.wire.check cimport Check
from tressi.wire.given_up cimport account_charged, account_left
from tressi.wire.grpc cimport GRPC_NAMES
from tressi.wire.lane cimport Endpoint, Exchange, Lane
from tressi.wire.response cimport Response
from tressi.wire.success cimport further_words, has_needle, is_success
from tressi.wire.user cimport REFUSED_BY_INTAKE

cdef enum:
    DISTURBED_SHARE = 20           # own delay above 1/20 of the service time
    TRUSTED_CLAMP_NS = NS_PER_MS   # a stamp further outside [sent, read] is not believed


cdef inline void account_taken(Lane* lane, int64_t now_ns) noexcept nogil:
    """The lane has a token for its endpoint, due at `lane.due_ns`.

    A schedule that skips starts holds every lane behind it, so what we cost the lane before is no longer to be made up:
    without this, a pool that is too small would blame our few microseconds a request, added up over the run.
    """
    if lane.missed_seen != lane.pool.bucket.missed:
        lane.missed_seen = lane.pool.bucket.missed
        lane.virtual_free_ns = max(lane.virtual_free_ns, lane.free_ns)
    lane.given_up = lane.pool.given_up
    lane.pool.given_up.count = 0
    lane.wait_ns = max(<int64_t> 0, lane.virtual_free_ns - lane.due_ns)
    account_begun(lane, now_ns)


cdef inline void account_begun(Lane* lane, int64_t now_ns) noexcept nogil:
    """An attempt at the lane's endpoint begins."""
    lane.taken_ns = now_ns
    lane.connect_ns = 0
    lane.first_sent_ns = 0
    lane.retried = 0
    lane.again = 0
    lane.followed = 0
    lane.on_hop = 0
    lane.dial.begun_ns = 0
    lane.dial.dials = 0
    lane.dial.has_permit = 0
    window_occupy(&lane.endpoint.block.window, now_ns, 1)


cdef inline void account_sent(Header* header, Lane* lane, int64_t sent_ns) noexcept nogil:
    """The first byte of the first try went to the kernel: its lane was free and it was due, the rest is our lateness."""
    lane.first_sent_ns = sent_ns
    if lane.pool.paced:
        write_begin(&header.sequence)
        histogram_record(
            &header.late_sends, max(<int64_t> 0, sent_ns - max(lane.due_ns, lane.free_ns) - lane.connect_ns)
        )
        write_end(&header.sequence)


cdef inline void account_connected(EndpointBlock* block, int64_t connect_ns, int64_t tls_ns) noexcept nogil:
    """A connection is made; its handshake took `tls_ns` (negative: it has none)."""
    write_begin(&block.sequence)
    block.connections_opened += 1
    histogram_record(&block.connect, connect_ns)
    if tls_ns >= 0:
        histogram_record(&block.tls, tls_ns)
    write_end(&block.sequence)


cdef inline void account_read(Exchange* exchange, int64_t stamp_ns, int64_t read_ns) noexcept nogil:
    """A read at `read_ns` brought data whose last byte arrived at `stamp_ns` by the kernel (0: it did not say)."""
    cdef int64_t arrival_ns = min(max(stamp_ns, exchange.sent_ns), read_ns)
    cdef int64_t clamped_ns = stamp_ns - arrival_ns
    if stamp_ns == 0 or not -TRUSTED_CLAMP_NS <= clamped_ns <= TRUSTED_CLAMP_NS:
        arrival_ns = read_ns
        exchange.user_timed = 1
    exchange.arrival_ns = arrival_ns
    if exchange.reads == 0:
        exchange.first_ns = arrival_ns
    # What came while older data lay unread waited for the same delay.
    exchange.own_delay_ns += read_ns - max(arrival_ns, exchange.read_ns)
    exchange.read_ns = read_ns
    exchange.reads += 1


cdef inline void account_generator(Header* header, const Exchange* exchange, int64_t service_ns) noexcept nogil:
    """Record what a response shows about the generator: its own delay, who timed the arrival, whether it was disturbed."""
    write_begin(&header.sequence)
    histogram_record(&header.own_delay, exchange.own_delay_ns)
    if exchange.user_timed:
        header.user_timed += 1
    else:
        header.kernel_timed += 1
    if (exchange.reads > 1 or exchange.sends > 1) and exchange.own_delay_ns * DISTURBED_SHARE > service_ns:
        header.disturbed += 1
    elif exchange.shared_ns * DISTURBED_SHARE > service_ns:
        header.disturbed += 1
    if exchange.shared_ns > 0:
        histogram_record(&header.shared_arrival, exchange.shared_ns)
    write_end(&header.sequence)


cdef inline void account_unexpected(Endpoint* endpoint, const Exchange* exchange) noexcept nogil:
    """The response is not what the endpoint expects: count it, and why in words."""
    cdef char words[REASON_BYTES]
    cdef const Check* check = &endpoint.check
    cdef const Response* response = &exchange.response
    cdef const char* reason = exchange.reason if exchange.reason != NULL else check.lacking
    cdef ErrorKind kind
    if not check.successes[response.status - LOWEST_STATUS]:
        if response.status >= GRPC_OK:
            snprintf(words, REASON_BYTES, b"status %s, expected %s", GRPC_NAMES[response.status - GRPC_OK], check.wanted)
        else:
            snprintf(words, REASON_BYTES, b"status %d, expected %s", response.status, check.wanted)
        reason = words
    elif has_needle(check, response) and check.further != NULL and not response.refused:
        further_words(check.further, response, words)
        reason = words
    kind = EXTRACTION if response.refused == REFUSED_BY_INTAKE else EXPECTATION
    endpoint.block.errors[<int> kind] += 1
    if reason != NULL:
        block_reason(endpoint.block, <int> kind, reason)


cdef inline void account_response(Header* header, Lane* lane, int64_t now_ns) noexcept nogil:
    """A response is whole and we are through with it."""
    cdef Endpoint* endpoint = lane.endpoint
    cdef EndpointBlock* block = endpoint.block
    cdef const Exchange* exchange = &lane.exchange
    cdef int64_t service_ns = max(<int64_t> 0, exchange.arrival_ns - lane.first_sent_ns)
    cdef int64_t response_ns = lane.wait_ns + lane.connect_ns + service_ns
    cdef bint succeeded = is_success(&endpoint.check, &exchange.response)
    lane.virtual_free_ns = max(lane.due_ns, lane.virtual_free_ns) + lane.connect_ns + service_ns
    lane.free_ns = exchange.arrival_ns
    write_begin(&block.sequence)
    block_attempt(block, succeeded, now_ns - lane.taken_ns)
    block_response(block, exchange.response.status, service_ns, response_ns)
    if exchange.reads > 1:
        block_parted(block, service_ns, max(<int64_t> 0, exchange.first_ns - lane.first_sent_ns))
    if not succeeded:
        block_failed(block, service_ns)
        if endpoint.check.expects or exchange.response.refused == REFUSED_BY_INTAKE:
            account_unexpected(endpoint, exchange)
    window_occupy(&block.window, now_ns, -1)
    write_end(&block.sequence)
    if lane.given_up.count > 0:
        account_charged(lane, response_ns)
    if lane.walk != NULL:
        lane.walk.failed = not succeeded
    account_generator(header, exchange, service_ns)


cdef inline void account_failure(
    Lane* lane, ErrorKind kind, const char* reason, bint has_age, int64_t now_ns
) noexcept nogil:
    """An attempt ended without a response, for a reason in words or NULL.

    `has_age`: it was waited for, and its age belongs to the response times.
    """
    cdef EndpointBlock* block = lane.endpoint.block
    lane.virtual_free_ns = now_ns
    lane.free_ns = now_ns
    write_begin(&block.sequence)
    block_attempt(block, False, now_ns - lane.taken_ns)
    block.errors[<int> kind] += 1
    if reason != NULL:
        block_reason(block, <int> kind, reason)
    if has_age:
        histogram_record(&block.response, now_ns - lane.due_ns)
    window_occupy(&block.window, now_ns, -1)
    write_end(&block.sequence)
    if lane.given_up.count > 0:
        account_left(lane, has_age, now_ns)
    if lane.walk != NULL:
        lane.walk.failed = 1


cdef inline void account_cut(Lane* lane, int64_t now_ns) noexcept nogil:
    """The attempt is still under way when the graceful stop is over: neither made nor failed, for we end it.

    Its age is the least that its response time would have been, and so enters the response times.
    """
    cdef EndpointBlock* block = lane.endpoint.block
    write_begin(&block.sequence)
    block.cut += 1
    histogram_record(&block.response, now_ns - lane.due_ns)
    window_occupy(&block.window, now_ns, -1)
    write_end(&block.sequence)
    account_left(lane, True, now_ns)
