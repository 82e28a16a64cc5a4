"""How an attempt goes on: with the request that a redirect leads to, or with the lane's next start once it has ended."""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc

from tressi.core.arena cimport PROTOCOL
from tressi.wire.account cimport account_failure
from tressi.wire.channels cimport channels_to
from tressi.wire.hops cimport LONG_BODY_BYTES, Hop, Hops, hops_find, response_redirects
from tressi.wire.lane cimport CONNECTING, REDIRECT, Exchange, Lane, lane_hop_link, lane_oldest_hop_link
from tressi.wire.link cimport Link
from tressi.wire.origin cimport ONLY_HTTP_1
from tressi.wire.reactor cimport (
    Reactor, lane_connect_begun, lane_leave, lane_rest, link_close, order_push, pool_settle, ready_push,
)
from tressi.wire.request cimport Request
from tressi.wire.start cimport lane_take
from tressi.wire.walk cimport walk_next

cdef enum:
    HOP_LINKS = 16                 # that a lane has at most to origins to which only redirects lead


cdef inline void lane_next(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """An attempt has ended: on to the next, or rest."""
    if lane.walk != NULL:
        walk_next(reactor, lane, now_ns)
        return
    pool_settle(lane.pool, lane.free_ns, now_ns)
    if lane.leaving:
        lane_leave(reactor, lane, now_ns)
    elif not lane_take(reactor, lane, now_ns):
        lane_rest(reactor, lane, now_ns)


cdef inline bint hop_is_long(const Exchange* exchange) noexcept nogil:
    """Whether the response is a redirect with so much body to come that a new connection costs less than to read it."""
    if not exchange.response.has_head or not response_redirects(&exchange.response):
        return False
    return max(exchange.response.length, exchange.response.body_bytes) > LONG_BODY_BYTES


cdef inline void hop_met(Reactor* reactor, Lane* lane, int64_t now_ns) noexcept nogil:
    """The response was a redirect: go on by what is known of it, or ask the control path, which knows everything."""
    cdef Hops* hops = lane.endpoint.hops
    cdef const Hop* hop
    if lane.followed >= hops.most:
        hop_refuse(reactor, lane, hops.too_many, now_ns)
        return
    hop = hops_find(hops, lane.exchange.request, &lane.exchange.response)
    if hop == NULL:
        lane.state = CONNECTING
        lane_connect_begun(reactor, lane)
        order_push(reactor, lane, REDIRECT)
    elif hop.next != NULL:
        hop_follow(reactor, lane, hop.next, now_ns)
    else:
        hop_refuse(reactor, lane, hop.refused, now_ns)


cdef inline void hop_refuse(Reactor* reactor, Lane* lane, const char* reason, int64_t now_ns) noexcept nogil:
    """The redirect leads nowhere: the attempt fails, and its connection may stay."""
    account_failure(lane, PROTOCOL, reason, False, now_ns)
    lane_next(reactor, lane, now_ns)


cdef inline void hop_follow(Reactor* reactor, Lane* lane, Request* request, int64_t now_ns) noexcept nogil:
    """The attempt goes on with this request, once the batch of responses is read."""
    cdef Link* link = hop_link(reactor, lane, request)
    if link == NULL:
        hop_refuse(reactor, lane, b"no memory is left for a connection", now_ns)
        return
    lane.endpoint.block.redirects += 1
    lane.followed += 1
    lane.on_hop = 1
    lane.retried = 0
    lane.again = 0
    lane.dial.begun_ns = 0
    lane.dial.dials = 0
    lane.dial.has_permit = 0
    lane.exchange.request = request
    lane.exchange.link = link
    ready_push(reactor, lane)


cdef inline Link* hop_link(Reactor* reactor, Lane* lane, const Request* request) noexcept nogil:
    """The lane's link to the request's target, made where there is none; NULL: there is no memory for it."""
    cdef Link* link
    if request.link >= 0:
        return &lane.links[request.link]
    link = lane_hop_link(lane, request.target)
    if link == NULL and lane.hop_link_count >= HOP_LINKS:
        link = lane_oldest_hop_link(lane)
        link_close(reactor, link)
    elif link == NULL:
        link = <Link*> calloc(1, sizeof(Link))
        if link == NULL:
            return NULL
        link.owner = lane
        link.descriptor = -1
        lane.hop_link_count += 1
    link.leads_to = request.target
    link.channel = NULL
    link.channels = NULL
    if request.target.protocol != ONLY_HTTP_1:
        link.channels = channels_to(lane.pool, request.target)
        if link.channels == NULL:
            link.later = lane.hop_links
            lane.hop_links = link
            return NULL
    link.later = lane.hop_links
    lane.hop_links = link
    return link


cdef inline void hop_sent(Lane* lane) noexcept nogil:
    """The request that follows on a redirect is sent.

    The time of the attempt stood still since the redirect had arrived: what went by was ours, or connecting.
    """
    lane.first_sent_ns += lane.exchange.sent_ns - lane.exchange.arrival_ns
    lane.on_hop = 0
