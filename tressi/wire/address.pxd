"""Which of its target's addresses an attempt connects to, and for how long it waits for an answer.

They are used in turn, each at most once by an attempt. One that refuses is passed over for the next. One that does not
answer is left for the next after 250 ms (RFC 8305 5; later where connections have lately taken long, and sooner where the
time for all of them is short), and comes last for ten seconds, so that this is paid for seldom. The last one left has all
the time that remains; where it refuses, those that were left without an answer are tried once more. All of it is time of
connecting. `load.address.Answers` has the same rules for greenlets.
"""

from libc.stdint cimport int64_t, uint16_t, uint64_t
from libc.string cimport memcmp, memcpy

from tressi.core.clock cimport NS_PER_MS, NS_PER_S
from tressi.wire.lane cimport Lane
from tressi.wire.origin cimport Address, Origin


cdef enum:
    FAMILY_BYTES = 2                # with which every sockaddr begins (on a BSD its length is the first of them)
    ATTEMPT_NS = 250 * NS_PER_MS    # RFC 8305 5: the delay after which another address is tried,
    LONGEST_NS = 2_000 * NS_PER_MS  # and the most that it should be
    SILENT_S = 10                   # how long an address that did not answer comes last


cdef inline int64_t silent_until(int64_t now_ns) noexcept nogil:
    """Not a constant in ns: C's enums are ints, and ten seconds do not fit in one."""
    return now_ns + <int64_t> SILENT_S * NS_PER_S


cdef inline int64_t dial_take(Lane* lane) noexcept nogil:
    """The number of the next connection: one more at each try of an attempt, whichever lanes try meanwhile."""
    cdef Origin* target = lane.exchange.request.target
    if lane.dial.dials == 0:
        lane.dial.first = target.dialed
        lane.dial.tried = 0
        lane.dial.unanswered = 0
        lane.dial.silent_family = 0
        lane.dial.spent_ns = 0
    target.dialed += 1
    lane.dial.dials += 1
    return lane.dial.first + lane.dial.dials - 1


cdef inline uint16_t address_family(const Address* address) noexcept nogil:
    cdef uint16_t family
    memcpy(&family, address.bytes, FAMILY_BYTES)
    return family


cdef inline bint address_is_awake(const Address* address, uint16_t but, int64_t now_ns) noexcept nogil:
    """Whether it answers, as far as is known, and is of another family than `but`."""
    return address.silent_until_ns <= now_ns and address_family(address) != but


cdef inline int64_t addresses_awake(const Lane* lane, const Origin* target, uint16_t but, int64_t now_ns) noexcept nogil:
    cdef int64_t index, awake = 0
    for index in range(target.address_count):
        awake += not lane.dial.tried >> index & 1 and address_is_awake(&target.addresses[index], but, now_ns)
    return awake


cdef inline Address* address_choose(Origin* target, Lane* lane, int64_t nth, int64_t now_ns) noexcept nogil:
    """Of those that the attempt has not tried: the nth, counted round, or if none answers of late, the longest silent.

    Behind one that was silent another family comes first (RFC 8305 4): often all of a family lead nowhere.
    """
    cdef uint16_t but = lane.dial.silent_family
    cdef int64_t index, rank, chosen = -1, awake = addresses_awake(lane, target, but, now_ns)
    if awake == 0 and but != 0:
        but = 0
        awake = addresses_awake(lane, target, but, now_ns)
    rank = nth % awake if awake > 0 else 0
    for index in range(target.address_count):
        if lane.dial.tried >> index & 1:
            continue
        if awake == 0 and (chosen < 0 or target.addresses[index].silent_until_ns < target.addresses[chosen].silent_until_ns):
            chosen = index
        elif awake > 0 and address_is_awake(&target.addresses[index], but, now_ns):
            if rank == 0:
                chosen = index
                break
            rank -= 1
    if chosen < 0:
        # There are fewer than when it tried the first.
        chosen = nth % target.address_count
    lane.dial.tried |= <uint64_t> 1 << chosen
    if target.addresses[chosen].silent_until_ns > 0:
        # One attempt sees whether it answers again.
        target.addresses[chosen].silent_until_ns = silent_until(now_ns)
    return &target.addresses[chosen]


cdef inline Address* address_of(const Lane* lane) noexcept nogil:
    """Where it connects to; NULL if a look-up has taken that away."""
    cdef Origin* target = lane.exchange.request.target
    cdef int64_t index
    for index in range(target.address_count):
        if target.addresses[index].number == lane.dial.address:
            return &target.addresses[index]
    return NULL


cdef inline void address_silent(Lane* lane, int64_t now_ns) noexcept nogil:
    cdef Address* address = address_of(lane)
    if address != NULL:
        address.silent_until_ns = silent_until(now_ns)
        lane.dial.silent_family = address_family(address)
        lane.dial.unanswered |= <uint64_t> 1 << (address - lane.exchange.request.target.addresses)


cdef inline void address_heard(const Lane* lane) noexcept nogil:
    """It answered, if only by a refusal."""
    cdef Address* address = address_of(lane)
    if address != NULL:
        address.silent_until_ns = 0


cdef inline void address_answered(const Lane* lane, int64_t took_ns) noexcept nogil:
    """It took the connection; where that takes long, others are waited for as long."""
    cdef Origin* target = lane.exchange.request.target
    address_heard(lane)
    target.patience_ns = min(max(max(2 * took_ns, target.patience_ns * 15 // 16), ATTEMPT_NS), LONGEST_NS)


cdef inline bint lane_has_address(Lane* lane) noexcept nogil:
    """Whether the attempt has an address left: one not tried, or behind refusals those that had not answered in their share."""
    cdef int64_t index, count = lane.exchange.request.target.address_count
    if lane.dial.dials >= count and lane.dial.unanswered != 0:
        lane.dial.tried = ~lane.dial.unanswered
        lane.dial.unanswered = 0
        for index in range(count):
            lane.dial.dials -= not lane.dial.tried >> index & 1
        lane.dial.dials = max(lane.dial.dials, 1)
    return lane.dial.dials < count


cdef inline Address* source_for(const Origin* target, const Address* address, int64_t nth) noexcept nogil:
    """The next source address of the same family, or NULL; over many connections each is used with each of the target's."""
    cdef int64_t first = nth // target.address_count, offset
    cdef Address* source
    for offset in range(target.source_count):
        source = &target.sources[(first + offset) % target.source_count]
        if memcmp(source.bytes, address.bytes, FAMILY_BYTES) == 0:
            return source
    return NULL


cdef inline int64_t addresses_left(const Lane* lane) noexcept nogil:
    """How many the attempt has still to try."""
    return lane.exchange.request.target.address_count - lane.dial.dials


cdef inline int64_t wait_ns(const Lane* lane, int64_t left_ns) noexcept nogil:
    """How long an address is waited for while others are left: no longer than its share of the time that is left."""
    return min(lane.exchange.request.target.patience_ns, left_ns // (addresses_left(lane) + 1))
