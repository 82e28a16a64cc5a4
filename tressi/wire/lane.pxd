"""What the reactor drives: endpoints, their pools of lanes, and the connections that the lanes own.

A lane has at most one request in flight, on one of its connections (one per origin: a lane of the shared pool serves
several). All of these are allocated by the control path and linked here; the hot path only follows the links.
"""

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from tressi.core.arena cimport STATUSES, EndpointBlock, Sample
from tressi.core.bucket cimport Bucket
from tressi.wire.message cimport Parser

cdef enum:
    ADDRESS_BYTES = 128            # as large as any sockaddr

cdef enum LaneState:
    IDLE                           # on its pool's stack, warm or cold
    READY                          # has its token; begins when the batch is done
    WAITING                        # for a permit to connect
    DIALING                        # the reactor connects
    CONNECTING                     # its greenlet connects
    IN_FLIGHT
    GONE                           # retired: its greenlet is to end

# What a lane's greenlet is woken for.
cdef enum Order:
    CONNECT
    STOP

cdef struct Slice:
    const char* bytes
    int64_t size
    int64_t first                  # of it goes out at once; the rest is a body that waits for 100 (Continue)

cdef struct Address:
    int64_t size
    int64_t number                 # its name within its origin, wherever it stands there
    int64_t silent_until_ns        # it did not answer of late: others come first until then
    char bytes[ADDRESS_BYTES]      # a sockaddr of any family

# Where connections go. Without an address, and for TLS, a lane's greenlet connects.
cdef struct Origin:
    Address* addresses             # used in turn
    Address* sources               # likewise, of our side
    int64_t address_count
    int64_t source_count
    int64_t turn
    int64_t patience_ns            # with an address, while others are left to try
    int64_t numbered               # addresses that it ever had
    uint8_t ordered                # always by greenlet: TLS, or a transport of its own

# Connections that wait for the same thing for the same time: in the order of their beginning, which is that of their ends.
cdef struct Queue:
    Connection* oldest
    Connection* newest

cdef struct Endpoint:
    EndpointBlock* block
    Pool* pool
    Origin* target
    Queue trying                   # to connect, to an address that is left for the next one in time
    Queue dialing                  # to the last of them, or the only one
    Queue awaiting                 # with the head sent, an answer that lets the body follow
    Queue in_flight
    Queue* sent                    # which of the two a request joins when it begins,
    int64_t patience_ns            # and for how long
    int64_t connect_timeout_ns     # for a connection
    int64_t timeout_ns             # from the first send on
    const char* hung               # why a connection that took too long failed, in words,
    bint hung_times_out            # and whether that is a timeout of the request: there is no limit for connecting alone
    int64_t connecting             # lanes that wait for a permit to connect, or whose greenlets connect
    int64_t connecting_since_ns    # the sum of the times at which they took it
    Slice* variants                # ready requests, taken in turn
    int32_t variant_count
    int32_t next_variant
    int32_t origin                 # which of its lanes' connections serves it
    uint8_t to_head                # the method is HEAD
    uint8_t idempotent             # may be sent once more (RFC 9110 9.2.2)
    uint8_t keep_alive
    uint8_t awaits_continue        # its requests have an Expect: 100-continue
    uint8_t expects                # has expectations beyond a status below 400
    uint8_t successes[STATUSES]    # 1: this status is a success
    const uint8_t* needle          # what the body must contain, or NULL
    const int32_t* needle_next
    int32_t needle_size
    const char* wanted             # the statuses that are successes, in words
    const char* lacking            # why a response without the needle failed, in words

# Starts that were given up because no lane was free: a series of due times, evenly spaced. The pool holds it until a lane
# takes the next start, then that lane until its attempt ends, which tells how long the starts given up would have taken.
cdef struct GivenUp:
    int64_t count
    int64_t first_due_ns
    int64_t last_due_ns
    int64_t place                  # of the first among the pool's starts, which says whose they are

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
    uint8_t paced                  # 0: as fast as responses come back
    uint8_t ended                  # no more starts
    GivenUp given_up               # since the last start that a lane took

cdef struct Lane:
    Pool* pool
    Endpoint* endpoint             # of the attempt under way
    int64_t virtual_free_ns        # when it would be free but for us
    int64_t free_ns                # when it was: its last answer had arrived
    int64_t missed_seen            # starts its pool had given up when it last took one
    int64_t due_ns                 # intended start of the attempt
    int64_t taken_ns               # when it took the token
    int64_t wait_ns                # from due to virtually free
    int64_t connect_ns             # before the first send, and all waiting for permits
    int64_t connect_begun_ns       # 0: not begun
    int64_t asked_ns               # when it asked for the permit that it waits for
    int64_t first_sent_ns          # 0: not sent yet
    int64_t idle_since_ns
    GivenUp given_up               # before the start of its attempt, and charged by it
    Lane* above                    # in its pool's stack, or among those that wait for a permit
    Lane* below                    # or the next of those that are ready
    int32_t state
    int32_t number                 # the name that the control path knows it by
    uint8_t leaving                # ends with its attempt
    uint8_t is_warm                # on which stack it is
    uint8_t retried
    uint8_t has_permit             # for its next connection
    int32_t dials                  # addresses tried by this attempt
    uint64_t tried                 # which they were, by their places
    uint64_t unanswered            # and which of them were left without an answer
    int64_t spent_ns               # on those that refused or did not answer
    int64_t first_turn             # of its target when it tried the first
    uint8_t ordered                # an order waits for its greenlet
    int32_t order
    int32_t connection_count
    Connection* connections

cdef struct Connection:
    Lane* lane
    PyObject* tls                  # a wire.tls session, or NULL
    PyObject* sealed               # the request as TLS sends it; owns the memory behind `send_at`
    int32_t descriptor             # -1: not connected
    uint8_t wants_writable         # EPOLLOUT is asked for: the request is not sent whole
    uint8_t answered               # a byte of the response has come
    uint8_t cut_short              # TLS ended without saying so
    uint8_t ended                  # TLS said that nothing more will come
    uint8_t owes                   # a read ended with a record of TLS itself, which may want an answer
    int64_t served                 # requests answered on it
    int64_t dialed_ns              # when connecting to its address began
    int64_t address                # the number of that
    int64_t sent_ns                # just before the first byte of the request went to the kernel
    int64_t deadline_ns
    int64_t arrival_ns             # of the last data
    int64_t first_ns               # of the first data of this response
    int64_t read_ns                # when we last read
    int64_t own_delay_ns           # for how long data of this response lay unread
    int64_t reads
    int64_t sends
    const char* reason             # why a response with the right status is no success; NULL: as its endpoint says
    uint8_t user_timed             # a read of this response came without the kernel's stamp
    const char* send_at            # what is left of the request
    int64_t send_left
    const char* held_at            # what follows on it: a body that waits, or what TLS has not sealed yet
    int64_t held
    uint8_t awaits                 # held back until the server has said 100 (Continue)
    Queue* queue                   # of its endpoint
    Connection* earlier
    Connection* later
    Sample* sample                 # where its body is kept, or NULL
    Parser parser


# ------------------------------------------------------------------------------------------- the queues of an endpoint

cdef inline void queue_insert(Queue* queue, Connection* connection) noexcept nogil:
    """Keep the order of the deadlines: nearly always at the end, a second try before those begun meanwhile."""
    cdef Connection* earlier = queue.newest
    connection.queue = queue
    while earlier != NULL and earlier.deadline_ns > connection.deadline_ns:
        earlier = earlier.earlier
    connection.earlier = earlier
    connection.later = queue.oldest if earlier == NULL else earlier.later
    if connection.later != NULL:
        connection.later.earlier = connection
    else:
        queue.newest = connection
    if earlier != NULL:
        earlier.later = connection
    else:
        queue.oldest = connection


cdef inline void queue_remove(Connection* connection) noexcept nogil:
    if connection.earlier != NULL:
        connection.earlier.later = connection.later
    else:
        connection.queue.oldest = connection.later
    if connection.later != NULL:
        connection.later.earlier = connection.earlier
    else:
        connection.queue.newest = connection.earlier


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


cdef inline Connection* lane_connection(Lane* lane) noexcept nogil:
    """The connection of the attempt under way."""
    return &lane.connections[lane.endpoint.origin]


cdef inline bint lane_is_connected(const Lane* lane) noexcept nogil:
    cdef int32_t index
    for index in range(lane.connection_count):
        if lane.connections[index].descriptor >= 0:
            return True
    return False
