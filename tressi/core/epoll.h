/* Whether the reactor can drive connections: on Linux, unless the build was asked to do without. */
#if defined(__linux__) && !defined(TRESSI_WITHOUT_EPOLL)
#define TRESSI_HAS_EPOLL 1
#else
#define TRESSI_HAS_EPOLL 0
#endif
