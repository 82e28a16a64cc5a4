/* What the reactor asks of the system. With epoll that is all below; without it the same names do nothing, for no
   descriptor ever reaches them: greenlets have the sockets, and a timer of the hub calls for the turns. */
#ifndef TRESSI_SOCKET_H
#define TRESSI_SOCKET_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "../core/epoll.h"

/* What a socket had to say that nothing reads any more: nothing, something, or its end too. */
enum tressi_rest { TRESSI_SILENT, TRESSI_SPOKE, TRESSI_OVER };

/* What the thread has used of its core. */
static inline int tressi_cpu_time(int64_t *cpu_ns) {
    struct timespec used;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) < 0) return -1;
    *cpu_ns = (int64_t) used.tv_sec * 1000000000 + used.tv_nsec;
    return 0;
}
/* Why a connection failed, in words; where the system's own do not help, with what to do. */
static inline const char *tressi_reason(int failure) {
    if (failure == EADDRNOTAVAIL)
        return "no local port is left: keep connections alive, or use more addresses (--source-address)";
    if (failure == EMFILE)
        return "no file descriptor is left: raise ulimit -Hn, or use fewer workers or more --processes";
    return strerror(failure);
}

#if TRESSI_HAS_EPOLL
#include "socket_epoll.h"
#else
#include "socket_none.h"
#endif

#endif
