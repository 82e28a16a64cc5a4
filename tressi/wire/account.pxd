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

Starts given up for want of a lane belong to the response times as well, or a target that stands still would look fast. They
count as if they had been sent with the next start that got a lane, the one of `account_charged`. If that one is due at
2,000 ms and has its answer after 5 ms, and the starts due at 500, 1,000 and 1,500 ms were given up before it, they are
recorded with 1,505, 1,005 and 505 ms. They are one arithmetic series, recorded at once however many they are.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr

from tressi.core.arena cimport (
    EXPECTATION, EXTRACTION, LOWEST_STATUS, REASON_BYTES, SAMPLES, SAMPLES_PER_STATUS, EndpointBlock, ErrorKind, Header, Sample,
    block_attempt, block_failed, block_parted, block_reason, block_response, write_begin, write_end,
)
from tressi.core.bucket cimport Skipped
from tressi.core.clock cimport NS_PER_MS
from tressi.core.histogram cimport histogram_record, histogram_record_series
from tressi.core.window cimport window_occupy
from tressi.wire.check cimport FIRST_MARK, Check, FieldCheck, Further, Piece
from tressi.wire.lane cimport Endpoint, Exchange, GivenUp, Lane, Pool
from tressi.wire.response cimport Response
from tressi.wire.user cimport REFUSED_BY_INTAKE

cdef enum:
    DISTURBED_SHARE = 20           # own delay above 1/20 of the service time
    TRUSTED_CLAMP_NS = NS_PER_MS   # a stamp further outside [sent, read] is not believed
    SHOWN_VALUE = 30               # bytes of a field's value, in a reason
    PROMPT_NS = NS_PER_MS          # if we serve a lane this soon, missed starts are not our fault


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
    """What a response tells of ourselves."""
    write_begin(&header.sequence)
    histogram_record(&header.own_delay, exchange.own_delay_ns)
    if exchange.user_timed:
        header.user_timed += 1
    else:
        header.kernel_timed += 1
    if (exchange.reads > 1 or exchange.sends > 1) and exchange.own_delay_ns * DISTURBED_SHARE > service_ns:
        header.disturbed += 1
    write_end(&header.sequence)


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


cdef inline bint has_needle(const Check* check, const Response* response) noexcept nogil:
    """Whether the body contains what it must."""
    return check.needle == NULL or response.needle_matched == check.needle_size


cdef inline bint is_success(const Check* check, const Response* response) noexcept nogil:
    """Whether the response is what its endpoint expects."""
    if not (check.successes[response.status - LOWEST_STATUS] and has_needle(check, response)):
        return False
    return check.further == NULL or meets_further(check.further, response)


cdef inline bint is_small(const Further* further, const Response* response) noexcept nogil:
    """Whether the body is no larger than it may be."""
    return further.body_limit < 0 or response.body_bytes <= further.body_limit


cdef inline int32_t field_unmet(const Further* further, const Response* response) noexcept nogil:
    """The place of the first field that is missing or has another value; -1: all are as they must be."""
    cdef int32_t place
    for place in range(further.field_count):
        if not response.fields_met >> place & 1:
            return place
    return -1


cdef inline bint meets_further(const Further* further, const Response* response) noexcept nogil:
    """Whether fields and body are what they must be; of a body that is yet to be judged: so far."""
    return field_unmet(further, response) < 0 and is_small(further, response) and not response.refused


cdef inline Piece field_had(const Response* response, int32_t place) noexcept nogil:
    """The last value that the field had; its bytes are NULL where the field is missing."""
    cdef Piece found = Piece(NULL, 0)
    cdef const char* at = response.others.bytes
    cdef const char* end = at + response.others.size
    cdef const char* line_end
    while at < end:
        line_end = <const char*> memchr(at, c"\n", end - at)
        if at[0] == FIRST_MARK + place:
            found = Piece(at + 1, line_end - at - 1)
        at = line_end + 1
    return found


cdef inline void field_words(const FieldCheck* field, const Piece* had, char* words) noexcept nogil:
    """Why a response with another value, or without the field, failed."""
    cdef char shown[SHOWN_VALUE + 1]
    cdef int64_t at, size = min(had.size, <int64_t> SHOWN_VALUE)
    if had.bytes == NULL or field.before == NULL:
        snprintf(words, REASON_BYTES, b"%s", field.missing if had.bytes == NULL else field.behind)
        return
    for at in range(size):
        # A target's bytes are shown as text and steer no terminal.
        shown[at] = had.bytes[at] if c" " <= had.bytes[at] <= c"~" else c"?"
    shown[size] = 0
    snprintf(words, REASON_BYTES, b"%s%s%s", field.before, shown, field.behind)


cdef inline void further_words(const Further* further, const Response* response, char* words) noexcept nogil:
    """Why fields or size are not what they must be."""
    cdef int32_t place = field_unmet(further, response)
    cdef Piece had
    if place >= 0:
        had = field_had(response, place)
        field_words(&further.fields[place], &had, words)
    else:
        snprintf(
            words, REASON_BYTES, b"the body has %lld bytes, expected at most %lld", <long long> response.body_bytes,
            <long long> further.body_limit,
        )


cdef inline void account_unexpected(Endpoint* endpoint, const Exchange* exchange) noexcept nogil:
    """The response is not what the endpoint expects: count it, and why in words."""
    cdef char words[REASON_BYTES]
    cdef const Check* check = &endpoint.check
    cdef const Response* response = &exchange.response
    cdef const char* reason = exchange.reason if exchange.reason != NULL else check.lacking
    cdef ErrorKind kind
    if not check.successes[response.status - LOWEST_STATUS]:
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


cdef inline void account_left(Lane* lane, bint has_age, int64_t now_ns) noexcept nogil:
    """The lane's attempt ended without a response: without an age it tells of the starts given up before it no more."""
    if has_age:
        account_charged(lane, now_ns - lane.due_ns)
    lane.given_up.count = 0


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


cdef inline void account_missed(Pool* pool, const GivenUp* given_up, bint late) noexcept nogil:
    """Count starts given up at the endpoints that they would have gone to; `late`: while a lane was free."""
    cdef int64_t index, part
    cdef EndpointBlock* block
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
    cdef GivenUp own = GivenUp(1, lane.due_ns, lane.due_ns, pool.dealt)
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


cdef inline Sample* sample_claim(EndpointBlock* block, int64_t status) noexcept nogil:
    """A place for the body of this response, or NULL: a few are kept of each status, and only a few bodies in all."""
    cdef int64_t index, pending = 0
    if block.statuses[status - LOWEST_STATUS] >= SAMPLES_PER_STATUS or block.samples_taken >= SAMPLES:
        return NULL
    for index in range(block.samples_taken):
        # A place that is claimed and not yet filled holds its status, negative, as length.
        pending += block.samples[index].length == -status
    if block.statuses[status - LOWEST_STATUS] + pending >= SAMPLES_PER_STATUS:
        return NULL
    block.samples_taken += 1
    block.samples[block.samples_taken - 1].length = -status
    return &block.samples[block.samples_taken - 1]


cdef inline void sample_fill(Exchange* exchange) noexcept nogil:
    cdef Sample* sample = exchange.sample
    if sample != NULL:
        sample.length = exchange.response.kept
        sample.truncated = exchange.response.body_bytes > exchange.response.kept
        sample.status = exchange.response.status
        exchange.sample = NULL


cdef inline void sample_release(Exchange* exchange) noexcept nogil:
    """The response will not be whole: its place stays empty."""
    if exchange.sample != NULL:
        exchange.sample.length = 0
        exchange.sample = NULL
