"""A reactor's descriptors and memory: opened before anything is added to it, given back at its end. With the GIL."""

from libc.stdint cimport int64_t
from libc.stdio cimport FILE, fclose, fopen, fscanf
from libc.stdlib cimport free
from posix.fcntl cimport O_CLOEXEC, O_RDONLY
from posix.fcntl cimport open as open_file

from tressi.core.bucket cimport bucket_free
from tressi.core.clock cimport never
from tressi.core.epoll cimport HAS_EPOLL
from tressi.wire.close cimport TAG, closings_init
from tressi.wire.h2.hpack cimport SCRATCH_BYTES
from tressi.wire.link cimport BUFFER_BYTES
from tressi.wire.allocate cimport allocated
from tressi.wire.memory cimport endpoint_free, lane_free, origin_free, pool_free
from tressi.wire.reactor cimport Reactor
from tressi.wire.socket cimport (
    EPOLL_CTL_ADD, EPOLLET, EPOLLIN, epoll_make, socket_to_self, socket_watch, thread_times, timer_make,
)
from tressi.wire.text cimport text_free

cdef enum:
    DESCRIPTORS = 5                # that a reactor keeps for itself
    LINUX_PORTS = 28_232           # for connections, where nothing tells: 32768 to 60999 (ip(7))


cdef inline int64_t local_ports() noexcept:
    """How many ports connections may have (ip(7))."""
    cdef FILE* told = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re")
    cdef long lowest = 0, highest = 0
    cdef int numbers
    if told == NULL:
        return LINUX_PORTS
    numbers = fscanf(told, "%ld %ld", &lowest, &highest)
    fclose(told)
    return highest - lowest + 1 if numbers == 2 else LINUX_PORTS


cdef inline void nothing_open(int* descriptors) noexcept nogil:
    """Nothing is open yet, and so nothing to be closed."""
    cdef int place
    for place in range(DESCRIPTORS):
        descriptors[place] = -1


cdef inline reactor_open(Reactor* reactor, int* descriptors):
    """Make what the reactor needs of the system; `descriptors` gets what is to be closed. Raises OSError, MemoryError."""
    reactor.epoll = descriptors[0] = epoll_make()
    reactor.timer = descriptors[1] = timer_make()
    if HAS_EPOLL and (reactor.epoll < 0 or reactor.timer < 0):
        raise OSError("no file descriptor left for the reactor")
    # TLS may hold what came with the read before.
    reactor.buffers.data = <char*> allocated(2 * BUFFER_BYTES)
    reactor.buffers.sealed = <char*> allocated(BUFFER_BYTES)
    reactor.buffers.fields = <char*> allocated(2 * SCRATCH_BYTES)
    reactor.schedstat = descriptors[2] = open_file("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)
    reactor.to_self = descriptors[3] = socket_to_self()
    thread_times(reactor.schedstat, &reactor.cpu_base_ns, &reactor.queue_base_ns)
    reactor.next_deadline_ns = never()
    reactor.slot_ns = never()
    reactor.stop_ns = never()
    reactor.lease_ns = never()
    # Edge-triggered: that it has fired is said once, and nothing need be done to hear no more of it.
    socket_watch(reactor.epoll, EPOLL_CTL_ADD, reactor.timer, EPOLLIN | EPOLLET, <void*> <size_t> TAG)
    descriptors[4] = open_file("/proc/self/net/sockstat", O_RDONLY | O_CLOEXEC)
    if not closings_init(&reactor.closings, reactor.epoll, descriptors[4], local_ports()):
        raise MemoryError


cdef inline void reactor_free(Reactor* reactor) noexcept:
    """Give the memory back; all connections are closed."""
    cdef int64_t index
    for index in range(reactor.lane_count):
        if reactor.lanes[index] != NULL:
            lane_free(reactor.lanes[index])
    for index in range(reactor.pool_count):
        pool_free(reactor.pools[index])
    for index in range(reactor.endpoint_count):
        endpoint_free(reactor.endpoints[index])
    for index in range(reactor.origin_count):
        origin_free(reactor.origins[index])
    free(reactor.kept)
    bucket_free(&reactor.permits)
    free(reactor.run)
    free(reactor.origins)
    free(reactor.closings.places)
    free(reactor.buffers.sealed)
    free(reactor.buffers.fields)
    text_free(&reactor.buffers.block)
    text_free(&reactor.buffers.records)
    free(reactor.lanes)
    free(reactor.ordered)
    free(reactor.thinking.heap)
    free(reactor.pools)
    free(reactor.schedule.heap)
    free(reactor.endpoints)
    free(reactor.buffers.data)
