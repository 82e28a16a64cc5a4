/* A system without epoll: nothing can be watched, so a caller that asks for a connection is told that there are none. */

enum { EPOLL_CTL_ADD, EPOLL_CTL_MOD };
enum { EPOLLIN = 1, EPOLLOUT = 2, EPOLLRDHUP = 4, EPOLLET = 8 };

typedef union { void *ptr; } epoll_data_t;
struct epoll_event { uint32_t events; epoll_data_t data; };

static inline int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout_ms) {
    (void) epoll, (void) events, (void) room, (void) timeout_ms;
    return 0;
}
static inline ssize_t tressi_receive(int descriptor, void *buffer, size_t size, int64_t *stamp_ns) {
    (void) descriptor, (void) buffer, (void) size;
    *stamp_ns = 0;
    return -ENOSYS;
}
static inline ssize_t tressi_send(int descriptor, const void *bytes, size_t size) {
    (void) descriptor, (void) bytes, (void) size;
    return -ENOSYS;
}
static inline int tressi_watch(int epoll, int operation, int descriptor, uint32_t events, void *owner) {
    (void) epoll, (void) operation, (void) descriptor, (void) events, (void) owner;
    return -1;
}
static inline int tressi_stamp(int descriptor) { (void) descriptor; return -1; }
static inline int tressi_dial(const void *address, unsigned size, const void *source, unsigned source_size) {
    (void) address, (void) size, (void) source, (void) source_size;
    return -ENOSYS;
}
static inline int tressi_dialed(int descriptor) { (void) descriptor; return -ENOSYS; }
static inline enum tressi_rest tressi_drain(int descriptor) { (void) descriptor; return TRESSI_OVER; }
static inline void tressi_close(int descriptor, int resets) { (void) resets, close(descriptor); }
static inline int tressi_ports_taken(int sockstat, int64_t *open_count, int64_t *remembered) {
    (void) sockstat, (void) open_count, (void) remembered;
    return -1;
}
static inline int tressi_to_self(void) { return -1; }
static inline void tressi_rehearse(int to_self) { (void) to_self; }
static inline int tressi_arm(int timer, int64_t at_ns) { (void) timer, (void) at_ns; return -1; }
static inline int tressi_thread_times(int schedstat, int64_t *cpu_ns, int64_t *queue_ns) {
    (void) schedstat;
    *queue_ns = 0;
    return tressi_cpu_time(cpu_ns);
}
static inline int tressi_make_timer(void) { return -1; }
static inline int tressi_make_epoll(void) { return -1; }
