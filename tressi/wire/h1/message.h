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

/* By Fault of message.pxd. */
static const char *const tressi_faults[8] = {
    "", "not an HTTP/1.x status line", "a malformed header field", "a field that breaks the framing",
    "malformed chunked framing", "more than 64 KiB of head", "an unasked-for 101 Switching Protocols",
    "no memory is left for a header field" };

/* Stands for every length of more than LENGTH_DIGITS digits: no body is read by it. */
#define TRESSI_LENGTH_HUGE INT64_C(1000000000000000000)

#endif
