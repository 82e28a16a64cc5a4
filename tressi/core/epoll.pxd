"""Whether the system has epoll, on which the reactor drives connections; without it greenlets drive them."""

cdef extern from "core/epoll.h":
    enum:
        HAS_EPOLL "TRESSI_HAS_EPOLL"
