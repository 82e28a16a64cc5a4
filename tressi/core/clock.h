/* The clock of Python's time.monotonic_ns, see clock.pxd. */
#ifndef TRESSI_CLOCK_H
#define TRESSI_CLOCK_H

#include <time.h>

#ifdef __APPLE__
#define TRESSI_MONOTONIC CLOCK_UPTIME_RAW
#else
#define TRESSI_MONOTONIC CLOCK_MONOTONIC
#endif

#endif
