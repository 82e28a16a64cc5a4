/* What requests are filled with, in C alone: random choices, and numbers, times and UUIDs as text. */

#ifndef TRESSI_WIRE_VALUES_H
#define TRESSI_WIRE_VALUES_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { LONGEST_NUMBER = 20, UUID_SIZE = 36, ISO_SIZE = 24 };

/* A number from 0 to below `span`, evenly but for span / 2**64; a span of 0 stands for 2**64 (Lemire 2019, without rejection). */
static inline uint64_t value_below(uint64_t random, uint64_t span)
{
    return span == 0 ? random : (uint64_t)(((unsigned __int128)random * span) >> 64);
}

/* A double from 0 to below 1. */
static inline double value_unit(uint64_t random)
{
    return (double)(random >> 11) * (1.0 / 9007199254740992.0);
}

static inline uint64_t value_mixed(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

/* Where `place` comes to lie in a permutation of 0 to count - 1 that `key` names: a Feistel network of four rounds over the
   least even number of bits that holds them, walked until it is among them (Black and Rogaway 2002). It needs no memory. */
static inline uint64_t value_shuffled(uint64_t place, uint64_t count, uint64_t key)
{
    uint64_t mask, left, right, next;
    int half = 1, round;
    while (half < 32 && (UINT64_C(1) << (2 * half)) < count)
        half++;
    mask = (UINT64_C(1) << half) - 1;
    do {
        left = place >> half;
        right = place & mask;
        for (round = 0; round < 4; round++) {
            next = left ^ (value_mixed(right + key + (uint64_t)round * UINT64_C(0x9E3779B97F4A7C15)) & mask);
            left = right;
            right = next;
        }
        place = (left << half) | right;
    } while (place >= count);
    return place;
}

/* Zipf's law by rejection and inversion (Hoermann and Derflinger 1996): rank k of n with a probability in proportion to
   1 / k ** exponent, in constant time and memory. */
typedef struct {
    double exponent;
    double first;   /* H(1.5) - 1 */
    double last;    /* H(n + 0.5) */
    double squeeze; /* so near to a rank nothing is rejected */
} Zipf;

static inline double zipf_h(double exponent, double x)
{
    return exp(-exponent * log(x));
}

static inline double zipf_integral(double exponent, double x)
{
    double logarithm = log(x), power = (1.0 - exponent) * logarithm;
    return (fabs(power) > 1e-8 ? expm1(power) / power : 1.0 + power * 0.5) * logarithm;
}

static inline double zipf_inverse(double exponent, double x)
{
    double power = fmax(-1.0, x * (1.0 - exponent));
    return exp((fabs(power) > 1e-8 ? log1p(power) / power : 1.0 - power * 0.5) * x);
}

static inline void zipf_begin(Zipf *zipf, double exponent, uint64_t count)
{
    zipf->exponent = exponent;
    zipf->first = zipf_integral(exponent, 1.5) - 1.0;
    zipf->last = zipf_integral(exponent, (double)count + 0.5);
    zipf->squeeze = 2.0 - zipf_inverse(exponent, zipf_integral(exponent, 2.5) - zipf_h(exponent, 2.0));
}

/* A rank for one random number, from 0 on; -1: it is rejected, take another number. */
static inline int64_t zipf_rank(const Zipf *zipf, uint64_t random, uint64_t count)
{
    double u = zipf->last + value_unit(random) * (zipf->first - zipf->last);
    double x = zipf_inverse(zipf->exponent, u), rank = floor(x + 0.5);
    rank = fmin(fmax(rank, 1.0), (double)count);
    if (rank - x <= zipf->squeeze || u >= zipf_integral(zipf->exponent, rank + 0.5) - zipf_h(zipf->exponent, rank))
        return (int64_t)rank - 1;
    return -1;
}

/* The digits of a whole number, at most LONGEST_NUMBER bytes; returns how many. */
static inline int value_digits(char *out, int64_t value)
{
    char reversed[LONGEST_NUMBER];
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int count = 0, size = 0;
    do {
        reversed[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (value < 0)
        out[size++] = '-';
    while (count > 0)
        out[size++] = reversed[--count];
    return size;
}

/* A UUID of the given bits, in lower case with hyphens (RFC 9562 4). */
static inline void value_uuid(char *out, uint64_t high, uint64_t low)
{
    static const char digits[] = "0123456789abcdef";
    int place, shift;
    uint64_t bits;
    for (place = 0; place < 32; place++) {
        bits = place < 16 ? high : low;
        shift = 60 - 4 * (place & 15);
        if (place == 8 || place == 12 || place == 16 || place == 20)
            *out++ = '-';
        *out++ = digits[(bits >> shift) & 15];
    }
}

/* A time as RFC 3339 has it, in UTC with milliseconds: ISO_SIZE bytes until the year 9999. */
static inline void value_iso(char *out, int64_t ns)
{
    struct tm parts;
    time_t seconds = (time_t)(ns / 1000000000);
    int millis = (int)(ns % 1000000000 / 1000000), number, place;
    static const int places[] = {0, 5, 8, 11, 14, 17};
    int values[6];
    memcpy(out, "0000-00-00T00:00:00.000Z", ISO_SIZE);
    if (gmtime_r(&seconds, &parts) == NULL)
        return;
    values[0] = parts.tm_year + 1900;
    values[1] = parts.tm_mon + 1;
    values[2] = parts.tm_mday;
    values[3] = parts.tm_hour;
    values[4] = parts.tm_min;
    values[5] = parts.tm_sec;
    for (number = 0; number < 6; number++)
        for (place = places[number] + (number == 0 ? 3 : 1); place >= places[number]; place--) {
            out[place] = (char)('0' + values[number] % 10);
            values[number] /= 10;
        }
    for (place = 22; place >= 20; place--) {
        out[place] = (char)('0' + millis % 10);
        millis /= 10;
    }
}

#endif
