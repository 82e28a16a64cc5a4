"""Redirects that an endpoint has met, each with the request that follows on it.

What follows on a response is said by the control path, once: by the request that was sent, the status and the bytes of the
Location. From then on it is looked up here. For example, of `GET /` answered with 302 and `Location: /home` the first lane
that meets it asks, and waits for a tenth of a millisecond; every later one sends `GET /home` at once.

The table only grows, and the control path sees to it that it stays bounded: requests beyond its bound are the lane's own, and
are forgotten with its next redirect. Written by the control path between two turns, read by the hot path.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from tressi.wire.request cimport Request
from tressi.wire.response cimport Response

cdef enum:
    FIRST_SLOTS = 64               # of a table that has met its first redirect; doubled as it fills
    LONG_BODY_BYTES = 64 * 1024    # the rest of a redirect's body is not worth a connection

# One redirect. `sent` with `status` and `location` is what was met; `next` is what follows, or NULL: nothing, as `refused` says.
cdef struct Hop:
    const Request* sent
    Request* next
    const char* refused
    Hop* other                     # in the same slot
    uint64_t hash
    int32_t status
    int32_t size                   # of the Location, behind this

cdef struct Hops:
    int32_t most                   # redirects that an attempt follows
    const char* too_many           # why it fails at one more
    int64_t count
    int64_t slot_count             # a power of two, or 0
    Hop** slots
    Request** requests             # that follow, by their numbers less one: 0 is the endpoint's own
    int64_t request_count


cdef inline bint response_redirects(const Response* response) noexcept nogil:
    """Whether its status is one that says where to go on (RFC 9110 15.4), and a Location says it."""
    cdef int32_t status = response.status
    return (301 <= status <= 303 or status == 307 or status == 308) and response.location.size > 0


cdef inline uint64_t hop_hash(const Request* sent, const Response* response) noexcept nogil:
    """FNV-1a over the Location, begun with the request and the status."""
    cdef uint64_t hash = <uint64_t> <size_t> sent ^ <uint64_t> response.status
    cdef int32_t at
    for at in range(response.location.size):
        hash = (hash ^ <uint8_t> response.location.bytes[at]) * <uint64_t> 0x100000001b3
    return hash ^ hash >> 32


cdef inline Hop* hops_find(const Hops* hops, const Request* sent, const Response* response) noexcept nogil:
    """What is known of this redirect, or NULL."""
    cdef uint64_t hash = hop_hash(sent, response)
    cdef Hop* hop = hops.slots[hash & <uint64_t> (hops.slot_count - 1)] if hops.slot_count > 0 else NULL
    while hop != NULL:
        if hop.hash == hash and hop.sent == sent and hop.status == response.status and hop.size == response.location.size:
            if memcmp(<const char*> (hop + 1), response.location.bytes, hop.size) == 0:
                return hop
        hop = hop.other
    return NULL


cdef inline bint hops_grow(Hops* hops) noexcept:
    """Have room for one more; False: there is no memory."""
    cdef int64_t index, wider = max(<int64_t> FIRST_SLOTS, 2 * hops.slot_count)
    cdef Hop** slots
    cdef Hop* hop
    if hops.count < hops.slot_count:
        return True
    slots = <Hop**> calloc(wider, sizeof(Hop*))
    if slots == NULL:
        return False
    for index in range(hops.slot_count):
        while hops.slots[index] != NULL:
            hop = hops.slots[index]
            hops.slots[index] = hop.other
            hop_insert(slots, wider, hop)
    free(hops.slots)
    hops.slots = slots
    hops.slot_count = wider
    return True


cdef inline void hop_insert(Hop** slots, int64_t count, Hop* hop) noexcept:
    cdef Hop** slot = &slots[hop.hash & <uint64_t> (count - 1)]
    hop.other = slot[0]
    slot[0] = hop


cdef inline bint hops_learn(
    Hops* hops, const Request* sent, const Response* response, Request* following, const char* refused
) noexcept:
    """Keep what follows on this redirect; False: there is no memory, and it is asked for again."""
    cdef Hop* hop
    if hops_find(hops, sent, response) != NULL or not hops_grow(hops):
        return False
    hop = <Hop*> malloc(sizeof(Hop) + response.location.size)
    if hop == NULL:
        return False
    hop.sent = sent
    hop.next = following
    hop.refused = refused
    hop.hash = hop_hash(sent, response)
    hop.status = response.status
    hop.size = response.location.size
    memcpy(<char*> (hop + 1), response.location.bytes, hop.size)
    hop_insert(hops.slots, hops.slot_count, hop)
    hops.count += 1
    return True


cdef inline void request_free(Request* request) noexcept:
    """Give back one that is not part of an endpoint."""
    if request != NULL:
        free(request.variants)
        free(request)


cdef inline void hops_free(Hops* hops) noexcept:
    cdef int64_t index
    cdef Hop* hop
    if hops == NULL:
        return
    for index in range(hops.slot_count):
        while hops.slots[index] != NULL:
            hop = hops.slots[index]
            hops.slots[index] = hop.other
            free(hop)
    for index in range(hops.request_count):
        request_free(hops.requests[index])
    free(hops.requests)
    free(hops.slots)
    free(hops)
