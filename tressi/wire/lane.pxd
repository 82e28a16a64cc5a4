"""What the reactor drives: endpoints, their pools of lanes, the exchange of each lane, and the links that it owns.

A lane has at most one request in flight, so it has one exchange: what is being sent and read. It owns a link to each origin
of its pool (one, but for a lane of the shared pool that serves several), and the exchange under way uses one of them. All
of these are allocated by the control path and linked here; the hot path only follows the links.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t

from tressi.core.arena cimport EndpointBlock, Sample
from tressi.core.bucket cimport Bucket
from tressi.wire.check cimport Check
from tressi.wire.flow cimport Flow
from tressi.wire.h1.message cimport Parser
from tressi.wire.h2.session cimport Session
from tressi.wire.h2.stream cimport Stream
from tressi.wire.hops cimport Hops
from tressi.wire.link cimport Link
from tressi.wire.origin cimport Origin
from tressi.wire.render cimport Filling
from tressi.wire.request cimport Request
from tressi.wire.response cimport Response
from tressi.wire.user cimport User

cdef enum:
    BURST_NS = 100_000_000         # how far behind its schedule a pool may fall

cdef enum LaneState:
    IDLE                           # on its pool's stack, warm or cold
    READY                          # has its token; begins when the batch is done
    WAITING                        # for a permit to connect
    DIALING                        # the reactor connects
    CONNECTING                     # its greenlet connects
    JOINING                        # waits for a place on a connection that lanes share
    IN_FLIGHT
    THINKING                       # between two steps of a flow
    GONE                           # retired: its greenlet is to end

# Why an endpoint begins no more attempts before its schedule ends.
cdef enum Over:
    NOT_OVER
    ATTEMPTS_USED                  # as many were begun as were asked for
    ROWS_USED                      # each row that may be used once was

# What a lane's greenlet is woken for.
cdef enum Order:
    CONNECT
    STOP
    REDIRECT                       # say what follows on the redirect that it has met

# Lanes that wait for the same thing, each for the same time: a first in, first out queue. The order in which they began to
# wait is the order of their deadlines.
cdef struct Queue:
    Lane* oldest
    Lane* newest

# The starts that a log asked of an endpoint, so far and up to a moment about a second ago: the rate asked is between the two.
cdef struct Asked:
    int64_t count
    int64_t before
    int64_t before_ns
    double rps

# What is kept for one endpoint: its books, its pool, who waits for what, and for how long.
cdef struct Endpoint:
    EndpointBlock* block
    Pool* pool
    Request* requests              # what is sent, and where to: one, or several of which each has its share
    int32_t request_count
    uint8_t limited                # its attempts may come to an end before the run does: `left`, or rows that are used once
    uint8_t counted                # it may begin so many, `left`
    uint8_t over                   # they have come to an end
    uint8_t is_step                # of a flow, whose pool gives it no starts of its own
    int64_t* left                  # attempts that may still begin, of all engines together; NULL: any number
    int64_t* more                  # whether more of them may come
    uint64_t random                # chooses among the requests
    Check check                    # what a response must be
    Queue trying                   # to connect, to an address that is left for the next one in time
    Queue dialing                  # to the last of them, or the only one
    Queue awaiting                 # with the head sent, an answer that lets the body follow
    Queue in_flight
    int64_t connect_timeout_ns     # for a connection
    int64_t timeout_ns             # from the first send on
    Hops* hops                     # redirects that are followed, or NULL: none is
    const char* hung               # why a connection that took too long failed, in words,
    bint hung_times_out            # and whether that is a timeout of the request: there is no limit for connecting alone
    int64_t connecting             # lanes that wait for a permit to connect, or whose greenlets connect
    int64_t connecting_since_ns    # the sum of the times at which they took it
    Asked asked                    # of a pool that replays a log

# Starts that were given up because no lane was free: a series of due times, evenly spaced. The pool holds it until a lane
# takes the next start, then that lane until its attempt ends, which tells how long the starts given up would have taken.
cdef struct GivenUp:
    int64_t count
    int64_t first_due_ns
    int64_t last_due_ns
    int64_t place                  # of the first among the pool's starts, which says whose they are

# A log whose entries are the starts of a pool; their due times are the bucket's. See replay.pxd.
cdef struct Replay:
    const int32_t* numbers         # of the request of each entry
    int32_t* firsts                # the number of each endpoint's first request, in the order of the pool's endpoints
    int64_t counted                # of the pool's starts are in its endpoints' `asked`

# Attempts that may still begin in the whole run, at all pools together.
cdef struct Run:
    int64_t* left                  # of all engines together
    int64_t* more                  # whether more of them may come
    Pool** pools
    int64_t pool_count

cdef struct Pool:
    Bucket bucket
    Lane* warm                     # idle lanes with a connection, the last used on top
    Lane* warm_bottom
    Lane* cold                     # idle lanes without
    Lane* cold_bottom
    Endpoint** endpoints           # one, or those of the shared pool in the order in which they get its starts
    int64_t endpoint_count
    int64_t dealt                  # starts that were given to endpoints, those given up included
    int64_t lanes                  # present, those that are leaving included
    int64_t heap_at                # position among the pools with a start to wait for; -1: not there
    int64_t heap_due_ns            # its due time when it was placed there; never later than the true one
    Run* run                       # what all pools of a limited run have in common, or NULL
    uint8_t limited                # one of its endpoints is, or the run
    uint8_t paced                  # 0: as fast as responses come back
    uint8_t ended                  # no more starts
    GivenUp given_up               # since the last start that a lane took
    const Flow* flow               # that its lanes walk, or NULL: a start is one request
    Replay* replay                 # or NULL: the starts are dealt to the endpoints in turn
    Channels* channels             # to each origin where its lanes share connections

# A connection that lanes share: each has a place on it from its start, or from the making of the connection, to its end.
cdef struct Channel:
    Link link
    Channels* all
    Channel* next                  # of all
    Channel* earlier_free          # of those with a free place
    Channel* later_free
    Channel* later_spare           # of those that are not connected
    Channel* later_due             # of those with something to send, or to end
    Lane* maker                    # that connects it, or NULL
    EndpointBlock* block           # of the last request that was begun on it
    Session session
    int32_t taken                  # places
    uint8_t is_free                # among those with a free place
    uint8_t is_spare
    uint8_t is_due
    uint8_t is_leaving             # takes no more requests
    uint8_t speaks_h2              # else HTTP/1.1, and has one place
    int64_t sealed_to              # all that it sends up to here is inside TLS already
    int64_t reads
    int64_t arrived_ns             # the data of the last read
    int64_t unclaimed              # bytes received that were not accounted to an endpoint yet,
    int64_t told                   # bytes sent that were

# All of them from one pool to one origin.
cdef struct Channels:
    Pool* pool
    Origin* target
    Channels* next                 # of the pool
    Channel* first                 # of all that ever were
    Channel* free                  # with a free place, the last used first
    Channel* spare                 # not connected
    int64_t count                  # connected, or being so
    int64_t leaving                # of them take no more requests
    int64_t making                 # being connected
    int64_t places                 # of one, as far as is known
    int64_t waiting                # lanes
    Lane* first_waiting            # for a place, in the order of asking
    Lane* last_waiting

# The way of an attempt to a connection: the addresses of its target that it tries, one after the other.
cdef struct Dial:
    int64_t asked_ns               # when it asked for the permit that it waits for
    int64_t begun_ns               # when connecting began; 0: not begun
    int64_t dialed_ns              # when connecting to the present address began
    int64_t address                # the number of that address
    int64_t first                  # connections begun to the target before this attempt's first
    int64_t spent_ns               # on those that refused or did not answer
    int64_t connect_ns             # until TCP had connected
    int64_t shakes_ns              # since when TLS shakes hands
    uint64_t tried                 # which they were, by their places
    uint64_t unanswered            # and which of them were left without an answer
    uint16_t silent_family         # of the last of those; 0: all have answered
    int32_t dials                  # addresses tried
    uint8_t has_permit             # for its next connection

# What becomes of a link when the exchange on it ends.
cdef enum Ending:
    KEEP                           # another exchange may follow on it
    CLOSE                          # it is in the middle of a message, or broken
    CLOSE_BEHIND                   # it has served its last: the server is expected to close first, see close.pxd

# A request and its response: what is being sent and read over a link, and what the books need to know of it.
cdef struct Exchange:
    Request* request               # that is sent
    Link* link                     # that it uses, one of the lane's or that of a channel
    Channel* channel               # where the lane has a place, or NULL
    int64_t sent_ns                # just before the first byte of the request went to the kernel
    int64_t arrival_ns             # of the last data
    int64_t first_ns               # of the first data of this response
    int64_t read_ns                # when we last read
    int64_t own_delay_ns           # for how long data of this response lay unread
    int64_t shared_ns              # its arrival was so much earlier at most, for others came in the same read
    int64_t reads
    int64_t sends
    const char* held_at            # what follows on that which the link sends: a body that waits, or what TLS has not sealed
    int64_t held
    uint8_t awaits                 # held back until the server has said 100 (Continue)
    uint8_t answered               # a byte of the response has come
    uint8_t user_timed             # a read of this response came without the kernel's stamp
    const char* reason             # why a response with the right status is no success; NULL: as its endpoint says
    Sample* sample                 # where its body is kept, or NULL
    Queue* queue                   # of its endpoint, where its lane waits,
    int64_t deadline_ns            # until then at the latest,
    Lane* earlier                  # between these
    Lane* later
    Response response              # what is taken of it
    Parser parser                  # and what reads it: of HTTP/1.1,
    Stream stream                  # or of HTTP/2

# Where the user of a lane is in his flow.
cdef enum Part:
    OUTSIDE                        # he waits for the next start
    IN_BEGIN
    IN_STEPS
    IN_END

# How far a lane has come in its flow; see walk.pxd.
cdef struct Walk:
    const Flow* flow
    Endpoint* endpoint             # the flow's own books
    int32_t at                     # the next operation
    int32_t part
    uint8_t has_begun              # `begin` is done
    uint8_t failed                 # the last step has
    uint8_t is_first               # no step of this start was sent yet
    int64_t due_ns                 # scheduled start
    int64_t taken_ns               # when the lane took it
    int64_t wait_ns                # from the one to when it was virtually free
    int64_t thought_ns             # pauses since
    int64_t wakes_ns               # end of the pause under way
    int64_t heap_at                # its position among those that pause
    uint64_t random
    int32_t* rounds                # left of each `repeat`
    GivenUp given_up               # before the start, and charged by it
    User user

cdef struct Lane:
    Pool* pool
    Endpoint* endpoint             # of the attempt under way
    int64_t virtual_free_ns        # when the lane would be free if the generator added no delay of its own
    int64_t free_ns                # when it was: its last answer had arrived
    int64_t missed_seen            # starts its pool had given up when it last took one
    int64_t due_ns                 # intended start of the attempt
    int64_t taken_ns               # when it took the token
    int64_t wait_ns                # from due to virtually free
    int64_t connect_ns             # before the first send, and all waiting for permits
    int64_t first_sent_ns          # 0: not sent yet
    int64_t idle_since_ns
    Lane* above                    # in its pool's stack, or among those that wait for a permit or a place
    Lane* below                    # or the next of those that are ready
    int32_t state
    int32_t number                 # the name that the control path knows it by
    uint8_t leaving                # ends with its attempt
    uint8_t is_warm                # on which stack it is
    uint8_t retried
    uint8_t again                  # times that a server has not processed the request, and says so
    uint8_t on_hop                 # it was redirected, and the request that follows is not sent yet
    uint8_t ordered                # an order waits for its greenlet
    int32_t order
    int32_t followed               # redirects of its attempt
    int32_t link_count
    int32_t hop_link_count
    Link* links
    Link* hop_links                # to origins that only redirects lead to, the last used first
    Request* passing               # a request that follows on one redirect of this lane alone, or NULL
    GivenUp given_up               # before the start of its attempt, and charged by it
    Exchange exchange              # of the attempt under way
    Dial dial
    Filling* filling               # what its requests are filled with; NULL: none of its pool's is
    Walk* walk                     # through its pool's flow, or NULL


# ------------------------------------------------------------------------------------------- the queues of an endpoint

cdef inline void queue_insert(Queue* queue, Lane* lane) noexcept nogil:
    """Keep the order of the deadlines: nearly always at the end, a second try before those begun meanwhile."""
    cdef Lane* earlier = queue.newest
    lane.exchange.queue = queue
    while earlier != NULL and earlier.exchange.deadline_ns > lane.exchange.deadline_ns:
        earlier = earlier.exchange.earlier
    lane.exchange.earlier = earlier
    lane.exchange.later = queue.oldest if earlier == NULL else earlier.exchange.later
    if lane.exchange.later != NULL:
        lane.exchange.later.exchange.earlier = lane
    else:
        queue.newest = lane
    if earlier != NULL:
        earlier.exchange.later = lane
    else:
        queue.oldest = lane


cdef inline void queue_remove(Lane* lane) noexcept nogil:
    cdef Exchange* exchange = &lane.exchange
    if exchange.earlier != NULL:
        exchange.earlier.exchange.later = exchange.later
    else:
        exchange.queue.oldest = exchange.later
    if exchange.later != NULL:
        exchange.later.exchange.earlier = exchange.earlier
    else:
        exchange.queue.newest = exchange.earlier


# ---------------------------------------------------------------------------------------------- the stacks of a pool

cdef inline void stack_push(Pool* pool, Lane* lane, bint warm) noexcept nogil:
    cdef Lane** top = &pool.warm if warm else &pool.cold
    cdef Lane** bottom = &pool.warm_bottom if warm else &pool.cold_bottom
    lane.is_warm = warm
    lane.above = NULL
    lane.below = top[0]
    if top[0] != NULL:
        top[0].above = lane
    else:
        bottom[0] = lane
    top[0] = lane


cdef inline void stack_remove(Pool* pool, Lane* lane) noexcept nogil:
    cdef Lane** top = &pool.warm if lane.is_warm else &pool.cold
    cdef Lane** bottom = &pool.warm_bottom if lane.is_warm else &pool.cold_bottom
    if lane.above != NULL:
        lane.above.below = lane.below
    else:
        top[0] = lane.below
    if lane.below != NULL:
        lane.below.above = lane.above
    else:
        bottom[0] = lane.above


cdef inline bint pool_has_idle(const Pool* pool) noexcept nogil:
    return pool.warm != NULL or pool.cold != NULL


# ------------------------------------------------------------------------------------------------ the links of a lane

cdef inline Lane* link_lane(const Link* link) noexcept nogil:
    """Whose it is."""
    return <Lane*> link.owner


cdef inline bint lane_is_connected(const Lane* lane) noexcept nogil:
    cdef int32_t index
    cdef const Link* link = lane.hop_links
    for index in range(lane.link_count):
        if lane.links[index].descriptor >= 0:
            return True
    while link != NULL and link.descriptor < 0:
        link = link.later
    return link != NULL


cdef inline Link* lane_hop_link(Lane* lane, const void* origin) noexcept nogil:
    """The link to an origin that only redirects lead to, taken out of the lane's list; NULL: there is none."""
    cdef Link** place = &lane.hop_links
    cdef Link* link
    while place[0] != NULL and place[0].leads_to != origin:
        place = &place[0].later
    link = place[0]
    if link != NULL:
        place[0] = link.later
    return link


cdef inline Link* lane_oldest_hop_link(Lane* lane) noexcept nogil:
    """The one that was not used for longest, taken out of the list, which has one at least."""
    cdef Link** place = &lane.hop_links
    cdef Link* link
    while place[0].later != NULL:
        place = &place[0].later
    link = place[0]
    place[0] = NULL
    return link
