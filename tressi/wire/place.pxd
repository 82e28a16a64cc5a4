"""How a lane gets a place on a connection that lanes share, and gives it back.

Where none is free it connects one more, as long as there are fewer than the config allows, and unless those that are being
connected have places enough for all who wait; else it waits in line. A place that is given back goes to the first in line.

A lane that waits holds its token, and the wait is part of its response time as connecting is. What it waits for another
lane's connection, or because of the config's limit, is no time of the target's.
"""

from libc.stdint cimport int64_t

from tressi.core.clock cimport monotonic_ns
from tressi.wire.channels cimport (
    channel_ended, channel_is_open, channel_new, channel_places, channel_leaves, channel_sort, channels_allowed,
    channels_too_many, link_is_channel,
)
from tressi.wire.given_up cimport account_abandoned
from tressi.wire.h2.frame cimport HIGHEST_ID, NO_ERROR
from tressi.wire.h2.session cimport session_say_goodbye
from tressi.wire.kept cimport link_is_spent, link_is_stale
from tressi.wire.lane cimport JOINING, Channel, Channels, Lane
from tressi.wire.reactor cimport Reactor, channel_due, link_close, ready_push


cdef inline void place_give(Lane* lane, Channel* channel) noexcept nogil:
    """The lane has a place on the channel from now on."""
    if not link_is_channel(lane.exchange.link):
        lane.exchange.link.channel = channel
    channel.taken += 1
    channel_sort(channel)
    channel.link.owner = lane
    lane.exchange.channel = channel
    lane.exchange.link = &channel.link


cdef inline void join_begin(Channels* channels, Lane* lane, int64_t now_ns) noexcept nogil:
    """Wait in line."""
    lane.state = JOINING
    lane.dial.asked_ns = now_ns
    lane.below = NULL
    lane.above = channels.last_waiting
    if channels.last_waiting != NULL:
        channels.last_waiting.below = lane
    else:
        channels.first_waiting = lane
    channels.last_waiting = lane
    channels.waiting += 1
    if channels_allowed(channels) == 0:
        lane.endpoint.block.places_waited += 1
    lane.endpoint.connecting += 1
    lane.endpoint.connecting_since_ns += lane.taken_ns


cdef inline void join_end(Lane* lane, int64_t now_ns) noexcept nogil:
    """Wait no longer; the time was nobody's service."""
    cdef Channels* channels = <Channels*> lane.exchange.link.channels
    cdef int64_t waited_ns = max(<int64_t> 0, now_ns - lane.dial.asked_ns)
    if lane.above != NULL:
        lane.above.below = lane.below
    else:
        channels.first_waiting = lane.below
    if lane.below != NULL:
        lane.below.above = lane.above
    else:
        channels.last_waiting = lane.above
    channels.waiting -= 1
    lane.endpoint.connecting -= 1
    lane.endpoint.connecting_since_ns -= lane.taken_ns
    if lane.first_sent_ns == 0 or lane.on_hop:
        lane.connect_ns += waited_ns


cdef inline bint join_abandon(Lane* lane, int64_t now_ns) noexcept nogil:
    """Let a lane wait no longer: its start is missed because no lane was connected. False: its request was sent once."""
    if lane.first_sent_ns != 0:
        return False
    join_end(lane, now_ns)
    account_abandoned(lane, now_ns)
    return True


cdef inline Channel* channel_usable(Reactor* reactor, Channel* channel) noexcept nogil:
    """The channel if it has a free place and may still serve, else NULL; one that may not is ended."""
    if channel == NULL or not channel.is_free:
        return NULL
    if reactor.kept != NULL and link_is_stale(&channel.link, reactor.kept, True, monotonic_ns()):
        channel_retire(reactor, channel)
        return NULL
    return channel


cdef inline void channel_retire(Reactor* reactor, Channel* channel) noexcept nogil:
    """Take no more requests, and end with the last that is under way."""
    if channel.speaks_h2 and not channel.session.is_going:
        channel_leaves(channel)
        channel.session.is_going = 1
        channel.session.last_id = HIGHEST_ID
        session_say_goodbye(&channel.session, NO_ERROR)
        channel_sort(channel)
        channel_due(reactor, channel)
    elif not channel.speaks_h2 and channel.taken == 0:
        link_close(reactor, &channel.link)


cdef inline bint place_holds(const Channel* channel) noexcept nogil:
    """Whether a lane that was given a place there may begin."""
    return channel_is_open(channel) and (not channel.speaks_h2 or channel.session.open < channel_places(channel))


cdef inline bint place_take(Reactor* reactor, Lane* lane) noexcept nogil:
    """Whether the lane has a place, on a connection that stands or that it is to make; if not it waits."""
    cdef Channels* channels = <Channels*> lane.exchange.link.channels
    cdef Channel* channel = lane.exchange.channel
    if channel != NULL:
        if channel.maker == lane or place_holds(channel):
            return True
        # It was given before the connection ended, or the server allowed fewer.
        place_release(reactor, lane, 0)
    channel = channel_usable(reactor, <Channel*> lane.exchange.link.channel)
    while channel == NULL and channels.free != NULL:
        channel = channel_usable(reactor, channels.free)
    if channel == NULL and channel_may_be_made(channels):
        channel = channel_new(channels, reactor.buffers.fields)
        if channel != NULL:
            channel.maker = lane
            channels.making += 1
    if channel == NULL:
        join_begin(channels, lane, monotonic_ns())
        return False
    place_give(lane, channel)
    return True


cdef inline bint channel_may_be_made(const Channels* channels) noexcept nogil:
    """Whether one more is needed and allowed: a connection that is being made has places for others who wait."""
    return channels_allowed(channels) > 0 and channels.making * (channels.places - 1) <= channels.waiting


cdef inline void places_hand_on(Reactor* reactor, Channel* channel) noexcept nogil:
    """Give the free places of the channel to the first in line."""
    cdef Lane* lane
    cdef int64_t now_ns
    if channel.all.first_waiting == NULL or not channel.is_free:
        return
    now_ns = monotonic_ns()
    while channel.is_free and channel.all.first_waiting != NULL:
        lane = channel.all.first_waiting
        join_end(lane, now_ns)
        place_give(lane, channel)
        ready_push(reactor, lane)


cdef inline void channels_wake(Reactor* reactor, Channels* channels) noexcept nogil:
    """Have as many of the lanes that wait make connections as all of them need: none may be under way any more."""
    cdef int64_t missing = (channels.waiting + channels.places - 1) // channels.places - channels.making
    cdef Lane* lane
    missing = min(missing, channels_allowed(channels))
    while missing > 0 and channels.first_waiting != NULL:
        lane = channels.first_waiting
        join_end(lane, monotonic_ns())
        ready_push(reactor, lane)
        missing -= 1


cdef inline void place_release(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The lane needs its place no more: its attempt has ended, or goes on over another connection."""
    cdef Channel* channel = lane.exchange.channel
    if channel == NULL:
        return
    lane.exchange.channel = NULL
    channel.taken -= 1
    if channel.maker == lane:
        channel.maker = NULL
        channel.all.making -= 1
    if not channel_is_open(channel):
        channel_ended(channel)
        channel_due(reactor, channel)
        return
    channel_sort(channel)
    if channel.all.first_waiting != NULL:
        places_hand_on(reactor, channel)
    elif channel.taken == 0:
        channel_rests(reactor, channel)
    if channel.link.descriptor >= 0 and reactor.kept != NULL and link_is_spent(&channel.link, reactor.kept, now_ns):
        channel_retire(reactor, channel)


cdef inline void channel_rests(Reactor* reactor, Channel* channel) noexcept nogil:
    """Nobody uses it now: where the pool has more connections than its lanes need, one is too many."""
    if channel.is_leaving:
        channel_due(reactor, channel)
    elif channels_too_many(channel.all) > 0:
        channel_retire(reactor, channel)


cdef inline void channels_trim(Reactor* reactor, Channels* channels) noexcept nogil:
    """A lane has left: end what is too many."""
    cdef Channel* channel = channels.free
    cdef Channel* later
    while channel != NULL:
        later = channel.later_free
        if channel.taken == 0:
            channel_rests(reactor, channel)
        channel = later
