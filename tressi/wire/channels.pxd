"""Connections that lanes share: which there are from a pool to an origin, and which of them have a free place.

A lane is what it always is, one request in flight at most; a channel is a connection with places for so many lanes as the
config asks for (`http2.streams`), or the server allows. A lane takes a place for each of its attempts, on the channel that it
used last if there is one. So a pool has as many channels as it needs for the lanes that are at work at the same time.

A channel that has ended is kept as spare and used again: lanes may still point to it.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from tressi.wire.h2.session cimport session_free, session_init, session_room, session_takes
from tressi.wire.lane cimport Channel, Channels, Pool
from tressi.wire.link cimport Link
from tressi.wire.origin cimport PRIOR_KNOWLEDGE, Origin


cdef inline Channels* channels_to(Pool* pool, Origin* target) noexcept nogil:
    """Those of the pool to that origin; NULL: there is no memory."""
    cdef Channels* channels = pool.channels
    while channels != NULL and channels.target != target:
        channels = channels.next
    if channels == NULL:
        channels = <Channels*> calloc(1, sizeof(Channels))
        if channels != NULL:
            channels.pool = pool
            channels.target = target
            channels.places = target.streams
            channels.next = pool.channels
            pool.channels = channels
    return channels


cdef inline void channels_free(Channels* channels) noexcept nogil:
    """Give back the memory of a pool's."""
    cdef Channels* next
    cdef Channel* channel
    while channels != NULL:
        while channels.first != NULL:
            channel = channels.first
            channels.first = channel.next
            session_free(&channel.session)
            free(channel)
        next = channels.next
        free(channels)
        channels = next


cdef inline Channel* channel_new(Channels* channels, char* scratch) noexcept nogil:
    """One that is to be connected, spare or new; NULL: there is no memory."""
    cdef Channel* channel = channels.spare
    if channel != NULL:
        channels.spare = channel.later_spare
        channel.is_spare = 0
    else:
        channel = <Channel*> calloc(1, sizeof(Channel))
        if channel == NULL:
            return NULL
        if not session_init(&channel.session, channels.target.streams, scratch):
            session_free(&channel.session)
            free(channel)
            return NULL
        channel.all = channel.link.channels = channels
        channel.link.channel = channel
        channel.link.descriptor = -1
        channel.next = channels.first
        channels.first = channel
    channel.speaks_h2 = channels.target.protocol == PRIOR_KNOWLEDGE
    channels.count += 1
    return channel


cdef inline bint channel_is_open(const Channel* channel) noexcept nogil:
    """Whether it is connected, and speaks."""
    return channel.link.descriptor >= 0 and channel.maker == NULL


cdef inline int64_t channel_places(const Channel* channel) noexcept nogil:
    """How many lanes may use it at once."""
    if not channel.speaks_h2:
        return 1
    return session_room(&channel.session) if session_takes(&channel.session) else 0


cdef inline void channel_sort(Channel* channel) noexcept nogil:
    """Have it among those with a free place if it has one, and only then. To be called when anything of that has changed."""
    cdef Channels* channels = channel.all
    cdef bint is_free = channel_is_open(channel) and channel.taken < channel_places(channel)
    if is_free == channel.is_free:
        return
    channel.is_free = is_free
    if is_free:
        channel.earlier_free = NULL
        channel.later_free = channels.free
        if channels.free != NULL:
            channels.free.earlier_free = channel
        channels.free = channel
        return
    if channel.earlier_free != NULL:
        channel.earlier_free.later_free = channel.later_free
    else:
        channels.free = channel.later_free
    if channel.later_free != NULL:
        channel.later_free.earlier_free = channel.earlier_free


cdef inline void channel_ended(Channel* channel) noexcept nogil:
    """It is not connected any more; while a lane still tries to connect it, that goes on."""
    channel_sort(channel)
    if channel.maker == NULL and channel.taken == 0 and not channel.is_spare:
        channel.is_spare = 1
        channel.later_spare = channel.all.spare
        channel.all.spare = channel
        channel.all.count -= 1
        channel.all.leaving -= channel.is_leaving
        channel.is_leaving = 0


cdef inline void channel_leaves(Channel* channel) noexcept nogil:
    """It takes no more requests, and is none of those that the pool may have."""
    channel.all.leaving += not channel.is_leaving
    channel.is_leaving = 1


cdef inline bint link_is_channel(const Link* link) noexcept nogil:
    """Whether the link is itself a connection that lanes share, and not a lane's, in whose place one stands."""
    return link.channel != NULL and &(<const Channel*> link.channel).link == link


cdef inline int64_t channels_too_many(const Channels* channels) noexcept nogil:
    """By how many it has more than all lanes of the pool need at most."""
    cdef int64_t needed = (channels.pool.lanes + channels.places - 1) // channels.places
    return channels.count - channels.leaving - needed


cdef inline int64_t channels_allowed(const Channels* channels) noexcept nogil:
    """How many more there may be."""
    cdef int64_t present = channels.count - channels.leaving
    return max(<int64_t> 0, channels.target.channels - present) if channels.target.channels > 0 else channels.pool.lanes
