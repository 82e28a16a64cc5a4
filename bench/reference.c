/* What the system calls of a load generator cost by themselves: an epoll loop that sends one fixed request per
 * connection, takes its answer with the kernel's time stamp, and sends the next. Nothing is parsed: an answer is over
 * when as many bytes have come as the caller says that it has. The cheapest that a client of this design can be.
 *
 *     reference PORT CONNECTIONS SECONDS PATH ANSWER_BYTES
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, BUFFER_BYTES = 131072, REQUEST_BYTES = 512 };

static char request[REQUEST_BYTES];
static int request_bytes;
static long answer_bytes, stamped;

static int must(int result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

static void ask(int connection) {
    must((int)send(connection, request, (size_t)request_bytes, MSG_NOSIGNAL), "send");
}

static int dial(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int connection = must(socket(AF_INET, SOCK_STREAM, 0), "socket"), on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(connect(connection, (struct sockaddr *)&address, sizeof address), "connect");
    must(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    must(setsockopt(connection, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on), "SO_TIMESTAMPNS");
    return connection;
}

static long take(int connection) {
    static char buffer[BUFFER_BYTES], control[256];
    struct iovec vector = {buffer, sizeof buffer};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int bytes = must((int)recvmsg(connection, &message, MSG_DONTWAIT), "recvmsg");
    if (bytes == 0) {
        fprintf(stderr, "closed by the server\n");
        exit(1);
    }
    /* The very first answers may have no stamp: the kernel begins to stamp a moment after it is asked to. */
    if (CMSG_FIRSTHDR(&message) != NULL) {
        stamped++;
    }
    return bytes;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long turn(int poll, long *missing) {
    struct epoll_event events[EVENTS];
    long answers = 0;
    int ready = must(epoll_wait(poll, events, EVENTS, 100), "epoll_wait");
    for (int number = 0; number < ready; number++) {
        int connection = events[number].data.fd;
        missing[connection] -= take(connection);
        if (missing[connection] <= 0) {
            answers++;
            missing[connection] = answer_bytes;
            ask(connection);
        }
    }
    return answers;
}

int main(int count, char **words) {
    if (count != 6) {
        fprintf(stderr, "usage: reference PORT CONNECTIONS SECONDS PATH ANSWER_BYTES\n");
        return 2;
    }
    int port = atoi(words[1]), connections = atoi(words[2]), poll = must(epoll_create1(0), "epoll_create1");
    long *missing = calloc((size_t)connections + 64, sizeof *missing), answers = 0;
    answer_bytes = atol(words[5]);
    request_bytes = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", words[4], port);
    for (int number = 0; number < connections; number++) {
        int connection = dial(port);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = connection};
        must(epoll_ctl(poll, EPOLL_CTL_ADD, connection, &event), "epoll_ctl");
        missing[connection] = answer_bytes;
        ask(connection);
    }
    for (double end_s = now_s() + atof(words[3]); now_s() < end_s;) {
        answers += turn(poll, missing);
    }
    printf("%ld answers, %ld pieces with a time stamp\n", answers, stamped);
    return 0;
}
