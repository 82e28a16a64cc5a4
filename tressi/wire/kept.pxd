"""For how long a connection is used: so many requests, so many seconds, and not after too long a rest.

The config's three limits hold for every connection. A server may say of its own how long it keeps one that rests
(`Keep-Alive: timeout=5`). A request that can be repeated is sent all the same, for where that comes too late it is sent
again; one that cannot is sent on a new connection from shortly before that time on. For example, with `timeout=5` a
connection whose last response arrived 4 s ago carries no POST any more.
"""

from libc.stdint cimport int64_t, uint64_t

from tressi.core.random cimport random_next
from tressi.core.clock cimport NS_PER_S
from tressi.wire.link cimport Link

cdef enum:
    SPREAD = 5                     # a connection ends after 4/5 to 5/5 of the greatest age

# What the config asks for; 0: no limit.
cdef struct Kept:
    int64_t requests
    int64_t age_ns
    int64_t idle_ns
    uint64_t random                # spreads the ages, so that connections made together do not end together


cdef inline void link_born(Link* link, Kept* kept, int64_t now_ns) noexcept nogil:
    """A connection was made under these limits."""
    cdef int64_t spread_ns = kept.age_ns // SPREAD
    if kept.age_ns > 0:
        link.old_ns = now_ns + kept.age_ns - <int64_t> (random_next(&kept.random) % <uint64_t> (spread_ns + 1))


cdef inline bint link_is_spent(const Link* link, const Kept* kept, int64_t now_ns) noexcept nogil:
    """Whether it has served its last request."""
    return (kept.requests > 0 and link.served >= kept.requests) or (link.old_ns > 0 and now_ns >= link.old_ns)


cdef inline void link_rests(Link* link, int64_t keeps_ns, int64_t now_ns) noexcept nogil:
    """Its last response arrived now; for `keeps_ns` the server keeps it from here on (0: it did not say)."""
    link.rested_ns = now_ns
    if keeps_ns > 0:
        link.keeps_ns = keeps_ns


cdef inline bint link_is_stale(const Link* link, const Kept* kept, bint repeatable, int64_t now_ns) noexcept nogil:
    """Whether it has rested too long, or is too old, to carry a request."""
    cdef int64_t rest_ns = now_ns - link.rested_ns
    if kept != NULL and link.served > 0 and (link_is_spent(link, kept, now_ns) or 0 < kept.idle_ns < rest_ns):
        return True
    # A second before the server's time, for what is sent is on its way for a while, or at half of a short one.
    return not repeatable and 0 < link.keeps_ns and rest_ns >= max(link.keeps_ns // 2, link.keeps_ns - NS_PER_S)
