"""The system calls: the two of a request, those of a connection, and those of a turn."""

from libc.stdint cimport int64_t

cdef extern from "wire/socket.h":
    ctypedef enum Rest "enum tressi_rest":
        SILENT "TRESSI_SILENT"
        SPOKE "TRESSI_SPOKE"
        OVER "TRESSI_OVER"

    # Both return minus errno on failure.
    int64_t socket_receive "tressi_receive" (int descriptor, void* buffer, size_t size, int64_t* stamp_ns) noexcept nogil
    int64_t socket_send "tressi_send" (int descriptor, const void* bytes, size_t size) noexcept nogil
    int socket_watch "tressi_watch" (int epoll, int operation, int descriptor, unsigned events, void* owner) noexcept nogil
    int socket_stamp "tressi_stamp" (int descriptor) noexcept nogil
    int socket_dial "tressi_dial" (const void* address, unsigned size, const void* source, unsigned source_size) noexcept nogil
    int socket_dialed "tressi_dialed" (int descriptor) noexcept nogil
    Rest socket_drain "tressi_drain" (int descriptor) noexcept nogil
    void socket_close "tressi_close" (int descriptor, int resets) noexcept nogil
    int ports_taken "tressi_ports_taken" (int sockstat, int64_t* open_count, int64_t* remembered) noexcept nogil
    const char* socket_reason "tressi_reason" (int failure) noexcept nogil
    int socket_to_self "tressi_to_self" () noexcept nogil
    void socket_rehearse "tressi_rehearse" (int to_self) noexcept nogil
    int timer_arm "tressi_arm" (int timer, int64_t at_ns) noexcept nogil
    int thread_times "tressi_thread_times" (int schedstat, int64_t* cpu_ns, int64_t* queue_ns) noexcept nogil
    int timer_make "tressi_make_timer" () noexcept nogil
    int epoll_make "tressi_make_epoll" () noexcept nogil
    int close_descriptor "close" (int descriptor) noexcept nogil

    ctypedef union epoll_data_t:
        void* ptr

    cdef struct epoll_event:
        unsigned events
        epoll_data_t data

    int epoll_wait(int epoll, epoll_event* events, int room, int timeout_ms) noexcept nogil

    enum:
        EAGAIN
        EINTR
        EMFILE
        EPROTO
        EPOLL_CTL_ADD
        EPOLL_CTL_MOD
        EPOLLET
        EPOLLIN
        EPOLLOUT
        EPOLLRDHUP
