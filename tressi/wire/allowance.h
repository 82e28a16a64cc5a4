/* Counts that several engines take from, each in its own process. What a count is short of may come later, while `more` of it
   is not 0; its owner adds to the count first and clears `more` afterwards, so `more` is looked at before the count. */
#ifndef TRESSI_ALLOWANCE_H
#define TRESSI_ALLOWANCE_H

#include <stdint.h>

typedef enum { TRESSI_TAKEN_NONE, TRESSI_TAKEN_NOT_YET, TRESSI_TAKEN_ONE, TRESSI_TAKEN_LAST } tressi_taken;

/* Takes one of the count, or says why not. It is never below 0, so that what an owner finds in it is what it can take back. */
static inline tressi_taken tressi_allowance_take(int64_t *left, const int64_t *more) {
    int more_comes = __atomic_load_n(more, __ATOMIC_ACQUIRE) != 0;
    int64_t found = __atomic_load_n(left, __ATOMIC_RELAXED);
    while (found > 0) {
        if (__atomic_compare_exchange_n(left, &found, found - 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return found == 1 && !more_comes ? TRESSI_TAKEN_LAST : TRESSI_TAKEN_ONE;
    }
    return more_comes ? TRESSI_TAKEN_NOT_YET : TRESSI_TAKEN_NONE;
}

static inline int tressi_allowance_is_used(const int64_t *left, const int64_t *more) {
    return __atomic_load_n(more, __ATOMIC_ACQUIRE) == 0 && __atomic_load_n(left, __ATOMIC_RELAXED) <= 0;
}

static inline void tressi_allowance_give(int64_t *left, int64_t count) { __atomic_fetch_add(left, count, __ATOMIC_RELAXED); }

/* Takes back so many of the count, as far as they are there; returns how many. */
static inline int64_t tressi_allowance_take_back(int64_t *left, int64_t count) {
    int64_t found = __atomic_load_n(left, __ATOMIC_RELAXED), taken;
    do {
        taken = found < count ? (found > 0 ? found : 0) : count;
    } while (!__atomic_compare_exchange_n(left, &found, found - taken, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return taken;
}

static inline void tressi_allowance_close(int64_t *more) { __atomic_store_n(more, 0, __ATOMIC_RELEASE); }

#endif
