/* A count that several engines take from, each in its own process. Only the count itself is shared, so no order is needed. */
#ifndef TRESSI_ALLOWANCE_H
#define TRESSI_ALLOWANCE_H

#include <stdint.h>

/* Returns what was left before: 1 is the last one, 0 and less are none. */
static inline int64_t tressi_allowance_take(int64_t *left) { return __atomic_fetch_sub(left, 1, __ATOMIC_RELAXED); }
static inline int64_t tressi_allowance_left(const int64_t *left) { return __atomic_load_n(left, __ATOMIC_RELAXED); }

#endif
