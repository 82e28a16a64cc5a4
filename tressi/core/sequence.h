/* A seqlock's number, odd while its owner writes (Boehm, "Can seqlocks get along with programming language memory models?",
   MSPC 2012): the fences keep what is written between the two changes, and what is read between the two looks. */
#ifndef TRESSI_SEQUENCE_H
#define TRESSI_SEQUENCE_H

#include <stdint.h>

static inline void tressi_write_begin(int64_t *sequence) {
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void tressi_write_end(int64_t *sequence) { __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELEASE); }
static inline int64_t tressi_read_begin(const int64_t *sequence) { return __atomic_load_n(sequence, __ATOMIC_ACQUIRE); }
static inline int64_t tressi_read_end(const int64_t *sequence) {
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(sequence, __ATOMIC_RELAXED);
}

#endif
