/* HTTP/1.1: what may stand where, and what is wrong with a message in words. */
#ifndef TRESSI_MESSAGE_H
#define TRESSI_MESSAGE_H

#include <stdint.h>

enum { TRESSI_TOKEN = 1, TRESSI_TEXT = 2 };
/* RFC 9110 5.6.2 token characters; 5.5 field content with obs-text, space and tab. */
static const unsigned char tressi_class[256] = {
    ['\t'] = 2, [' '] = 2, ['!'] = 3, ['"'] = 2, ['#' ... '\''] = 3, ['(' ... ')'] = 2, ['*' ... '+'] = 3,
    [','] = 2, ['-' ... '.'] = 3, ['/'] = 2, ['0' ... '9'] = 3, [':' ... '@'] = 2, ['A' ... 'Z'] = 3,
    ['[' ... ']'] = 2, ['^' ... 'z'] = 3, ['{'] = 2, ['|'] = 3, ['}'] = 2, ['~'] = 3, [0x80 ... 0xff] = 2 };

/* The first byte from `at` on that is not of the class, or `end`. A function of its own on purpose: within the parser's loop
   there is no register left for the table, whose address would be taken again for each byte. */
static __attribute__((noinline)) const unsigned char *tressi_skip(
    const unsigned char *at, const unsigned char *end, unsigned char kind)
{
    const unsigned char *const table = tressi_class;
    for (; end - at >= 4; at += 4) {
        if (!(table[at[0]] & kind)) return at;
        if (!(table[at[1]] & kind)) return at + 1;
        if (!(table[at[2]] & kind)) return at + 2;
        if (!(table[at[3]] & kind)) return at + 3;
    }
    while (at < end && table[*at] & kind) at++;
    return at;
}

/* By Fault of message.pxd. */
static const char *const tressi_faults[8] = {
    "", "not an HTTP/1.x status line", "a malformed header field", "a field that breaks the framing",
    "malformed chunked framing", "more than 64 KiB of head", "an unasked-for 101 Switching Protocols",
    "no memory is left for a header field" };

/* Stands for every length of more than LENGTH_DIGITS digits: no body is read by it. */
#define TRESSI_LENGTH_HUGE INT64_C(1000000000000000000)

#endif
