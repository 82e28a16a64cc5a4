"""The memory of what a reactor drives: made and given back by the control path, with the GIL."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memcpy

from tressi.core.bucket cimport bucket_free
from tressi.wire.allocate cimport allocated
from tressi.wire.channels cimport channels_free
from tressi.wire.check cimport Check
from tressi.wire.flow cimport Flow
from tressi.wire.further cimport further_free
from tressi.wire.h1.message cimport parser_free
from tressi.wire.hops cimport hops_free, request_free
from tressi.wire.jar cimport jar_free
from tressi.wire.lane cimport Endpoint, Lane, Pool, Walk
from tressi.wire.link cimport Link
from tressi.wire.origin cimport ADDRESS_BYTES, Address, Origin
from tressi.wire.request cimport request_clear
from tressi.wire.response cimport response_free
from tressi.wire.slot cimport slot_free


cdef inline void endpoint_free(Endpoint* endpoint) noexcept:
    cdef int32_t index
    hops_free(endpoint.hops)
    for index in range(endpoint.request_count):
        request_clear(&endpoint.requests[index])
    free(endpoint.requests)
    free(<void*> endpoint.check.needle)
    free(<void*> endpoint.check.needle_next)
    further_free(endpoint.check.further)
    free(endpoint)


cdef inline void walk_free(Walk* walk) noexcept:
    cdef int32_t place
    for place in range(walk.user.slot_count):
        slot_free(&walk.user.slots[place])
    free(walk.user.slots)
    free(walk.user.matches)
    if walk.user.jar != NULL:
        jar_free(walk.user.jar)
        free(walk.user.jar)
    free(walk.rounds)
    free(walk)


cdef inline void flow_free(const Flow* flow) noexcept:
    if flow != NULL:
        free(flow.operations)
        free(flow.options)
        free(flow.drawn)
        free(flow.rows)
        free(<void*> flow)


cdef inline void pool_free(Pool* pool) noexcept:
    flow_free(pool.flow)
    if pool.replay != NULL:
        free(pool.replay.firsts)
        free(pool.replay)
    channels_free(pool.channels)
    free(pool.endpoints)
    bucket_free(&pool.bucket)
    free(pool)


cdef inline void origin_free(Origin* origin) noexcept:
    free(origin.addresses)
    free(origin.sources)
    free(origin)


cdef inline Address* addresses_of(found) except NULL:
    """Socket addresses, as bytes of the system's structures, one after the other."""
    cdef Address* addresses = <Address*> allocated(len(found) * sizeof(Address))
    cdef int64_t index
    cdef bytes address
    for index, address in enumerate(found):
        addresses[index].size = min(len(address), ADDRESS_BYTES)
        memcpy(addresses[index].bytes, <const char*> address, addresses[index].size)
    return addresses


cdef inline void address_carry(Origin* origin, Address* address) noexcept:
    """What is known of an address stays known."""
    cdef int64_t index
    cdef Address* known
    for index in range(origin.address_count):
        known = &origin.addresses[index]
        if known.size == address.size and memcmp(known.bytes, address.bytes, address.size) == 0:
            address.number = known.number
            address.silent_until_ns = known.silent_until_ns
            return
    origin.numbered += 1
    address.number = origin.numbered


cdef inline set_addresses(Origin* origin, found):
    """Connect to these addresses from now on."""
    cdef Address* addresses = addresses_of(found)
    cdef int64_t index
    for index in range(len(found)):
        address_carry(origin, &addresses[index])
    free(origin.addresses)
    origin.addresses = addresses
    origin.address_count = len(found)


cdef inline void lane_free(Lane* lane) noexcept:
    cdef Link* link
    parser_free(&lane.exchange.parser)
    response_free(&lane.exchange.response)
    while lane.hop_links != NULL:
        link = lane.hop_links
        lane.hop_links = link.later
        free(link)
    request_free(lane.passing)
    if lane.filling != NULL:
        free(lane.filling.drawn)
        free(lane.filling.kept)
        free(lane.filling.bytes)
        free(lane.filling)
    if lane.walk != NULL:
        walk_free(lane.walk)
    free(lane.links)
    free(lane)


cdef inline set_needle(Check* check, bytes needle):
    """What the body must contain, and where a search goes on after a mismatch."""
    cdef int32_t size = len(needle), at, matched = 0
    cdef uint8_t* text = <uint8_t*> allocated(size)
    cdef int32_t* following
    check.needle = text
    memcpy(text, <const char*> needle, size)
    following = <int32_t*> allocated(size * sizeof(int32_t))
    check.needle_next = following
    check.needle_size = size
    for at in range(1, size):
        while matched > 0 and text[matched] != text[at]:
            matched = following[matched - 1]
        if text[matched] == text[at]:
            matched += 1
        following[at] = matched
