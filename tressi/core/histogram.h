/* Which bit is the highest that is set; `value` is not 0. */
#ifndef TRESSI_HISTOGRAM_H
#define TRESSI_HISTOGRAM_H

#include <stdint.h>

static inline int tressi_top_bit(uint64_t value) { return 63 - __builtin_clzll(value); }

#endif
