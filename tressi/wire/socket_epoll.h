/* Linux: epoll, a timerfd in its set, the kernel's receive stamps, and the scheduler's statistics. */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

static inline ssize_t tressi_receive(int descriptor, void *buffer, size_t size, int64_t *stamp_ns) {
    /* Room for the stamp and for what else a socket may have switched on. */
    _Alignas(struct cmsghdr) char control[128];
    struct iovec part = {buffer, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t received = recvmsg(descriptor, &message, MSG_DONTWAIT);
    *stamp_ns = 0;
    if (received <= 0) return received < 0 ? -errno : 0;
    for (struct cmsghdr *note = CMSG_FIRSTHDR(&message); note; note = CMSG_NXTHDR(&message, note))
        if (note->cmsg_level == SOL_SOCKET && note->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(note), sizeof stamp);
            *stamp_ns = (int64_t) stamp.tv_sec * 1000000000 + stamp.tv_nsec;
        }
    return received;
}
static inline ssize_t tressi_send(int descriptor, const void *bytes, size_t size) {
    ssize_t sent = send(descriptor, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}
static inline int tressi_watch(int epoll, int operation, int descriptor, uint32_t events, void *owner) {
    struct epoll_event event = {.events = events, .data.ptr = owner};
    return epoll_ctl(epoll, operation, descriptor, &event);
}
static inline int tressi_stamp(int descriptor) {
    int on = 1;
    return setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}
/* Begin to connect; returns the descriptor or minus errno. The port of a source address is chosen by connect, which
   may then share it between destinations. */
static inline int tressi_dial(const void *address, socklen_t size, const void *source, socklen_t source_size) {
    int on = 1, family = ((const struct sockaddr *) address)->sa_family;
    int descriptor = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    if (family != AF_UNIX) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (source_size) {
        setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(descriptor, source, source_size) < 0) goto failed;
    }
    if (connect(descriptor, address, size) == 0 || errno == EINPROGRESS) return descriptor;
failed:;
    int failure = errno;
    close(descriptor);
    return -failure;
}
/* 1: connected, 0: not yet, minus errno: failed, of which the poll tells (tcp_poll sets POLLERR with the socket's error). */
static inline int tressi_dialed(int descriptor) {
    struct pollfd question = {.fd = descriptor, .events = POLLOUT};
    int failure = 0;
    socklen_t size = sizeof failure;
    if (poll(&question, 1, 0) == 0) return 0;
    if (!(question.revents & (POLLERR | POLLHUP))) return 1;
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size);
    return failure ? -failure : 1;
}
/* Read what is there and forget it: a close with unread data is a reset. */
static inline enum tressi_rest tressi_drain(int descriptor) {
    char unread[16384];
    enum tressi_rest rest = TRESSI_SILENT;
    for (int pieces = 0; pieces < 64; pieces++) {
        ssize_t size = recv(descriptor, unread, sizeof unread, MSG_DONTWAIT);
        if (size == 0) return TRESSI_OVER;
        if (size < 0) return errno == EAGAIN || errno == EINTR ? rest : TRESSI_OVER;
        rest = TRESSI_SPOKE;
    }
    return rest;
}
static inline void tressi_close(int descriptor, int resets) {
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (resets) setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(descriptor);
}
/* TCP sockets of the network namespace, and those of which the kernel only remembers the end (proc(5)); -1: unknown. */
static inline int tressi_ports_taken(int sockstat, int64_t *open_count, int64_t *remembered) {
    char text[512];
    ssize_t size = sockstat < 0 ? -1 : pread(sockstat, text, sizeof text - 1, 0);
    if (size <= 0) return -1;
    text[size] = 0;
    const char *line = strstr(text, "TCP: inuse "), *tw = line ? strstr(line, " tw ") : NULL;
    if (!tw) return -1;
    *open_count = strtoll(line + strlen("TCP: inuse "), NULL, 10);
    *remembered = strtoll(tw + strlen(" tw "), NULL, 10);
    return 0;
}
/* A firewall may drop what goes over loopback: a connect that waits for it would last two minutes. */
static inline int tressi_soon_dialed(int descriptor) {
    struct pollfd question = {.fd = descriptor, .events = POLLOUT};
    while (poll(&question, 1, 100) < 0)
        if (errno != EINTR) return 0;
    return tressi_dialed(descriptor) == 1;
}
/* A connection of a socket with itself (RFC 9293, 3.5: both ends may open at once), or -1. */
static inline int tressi_to_self(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    int on = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (bind(descriptor, (struct sockaddr *) &address, size) == 0
        && getsockname(descriptor, (struct sockaddr *) &address, &size) == 0
        && (connect(descriptor, (struct sockaddr *) &address, size) == 0 || errno == EINPROGRESS)
        && tressi_soon_dialed(descriptor)
        && setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0
        && setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none) == 0
        && tressi_stamp(descriptor) == 0) return descriptor;
    close(descriptor);
    return -1;
}
/* One byte there and back again. */
static inline void tressi_rehearse(int to_self) {
    char byte = 0;
    if (send(to_self, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) (void) !recv(to_self, &byte, 1, MSG_DONTWAIT);
}
static inline int tressi_arm(int timer, int64_t at_ns) {
    struct itimerspec when = {.it_value = {at_ns / 1000000000, at_ns % 1000000000}};
    return timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}
/* The thread's CPU time and its wait for the core; without the scheduler's statistics only the first is known. */
static inline int tressi_thread_times(int schedstat, int64_t *cpu_ns, int64_t *queue_ns) {
    char text[96];
    char *rest = text;
    ssize_t size = schedstat < 0 ? -1 : pread(schedstat, text, sizeof text - 1, 0);
    *queue_ns = 0;
    if (size > 0) {
        text[size] = 0;
        *cpu_ns = strtoll(text, &rest, 10);
        *queue_ns = strtoll(rest, NULL, 10);
        return 0;
    }
    return tressi_cpu_time(cpu_ns);
}
static inline int tressi_make_timer(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC); }
static inline int tressi_make_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }
