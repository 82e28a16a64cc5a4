/* The strings of a JSON document: names and texts, with their escapes, checked for being UTF-8.

   Half of a surrogate pair that is alone in an escape becomes U+FFFD, for no UTF-8 can hold it. */

#ifndef TRESSI_WIRE_MATCH_JSON_TEXT_H
#define TRESSI_WIRE_MATCH_JSON_TEXT_H

#include "match_json_path.h"

static inline int json_is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') < 10;
}

/* Whether anybody wants to know what the string says. */
static inline int json_is_heard(const Match *match)
{
    return match->is_name ? match->name_same : match->taking == TAKING_TEXT;
}

/* Some of what a string says. */
static inline void json_hear(Match *match, const uint8_t *bytes, int64_t size)
{
    const MatchStep *step;
    if (!match->is_name) {
        match_take(match, bytes, size);
        return;
    }
    step = &match->plan->steps[match->matched];
    match->name_same = size <= step->size - match->name_at && memcmp(step->name + match->name_at, bytes, (size_t)size) == 0;
    match->name_at += (int32_t)size;
}

/* A character, which a string has as an escape. */
static inline void json_hear_code(Match *match, uint32_t code)
{
    uint8_t bytes[4];
    int size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, at;
    if (!json_is_heard(match))
        return;
    for (at = size - 1; at > 0; at--) {
        bytes[at] = (uint8_t)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    bytes[0] = (uint8_t)(size == 1 ? code : (0xF00 >> size & 0xFF) | code);
    json_hear(match, bytes, size);
}

/* What follows a high surrogate is not its other half. */
static inline void json_hear_alone(Match *match)
{
    if (match->high) {
        match->high = 0;
        json_hear_code(match, 0xFFFD);
    }
}

/* An escape \uXXXX has ended. */
static inline void json_unit(Match *match)
{
    uint32_t code = match->code;
    if (match->high && (code & 0xFC00) == 0xDC00) {
        code = 0x10000 + ((uint32_t)(match->high & 0x3FF) << 10 | (code & 0x3FF));
        match->high = 0;
        json_hear_code(match, code);
        return;
    }
    json_hear_alone(match);
    if ((code & 0xFC00) == 0xD800)
        match->high = (uint16_t)code;
    else
        json_hear_code(match, (code & 0xFC00) == 0xDC00 ? 0xFFFD : code);
}

/* The first byte from `at` on that is a quote, a backslash, a control character or beyond ASCII. Eight at a time: a byte is
   one of these where a subtraction leaves its highest bit set, and what is carried goes to later bytes only. */
static inline const uint8_t *json_plain_end(const uint8_t *at, const uint8_t *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t bytes, hits;
    for (; end - at >= 8; at += 8) {
        memcpy(&bytes, at, 8);
        hits = ((bytes ^ (ones * '"')) - ones) | ((bytes ^ (ones * '\\')) - ones) | (bytes - ones * 0x20) | bytes;
        if (hits & (ones * 0x80)) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return at + (__builtin_ctzll(hits & (ones * 0x80)) >> 3);
#else
            break;
#endif
        }
    }
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* Bytes of the character beyond ASCII at `at`, where four bytes can be read; 0: it is none, or one that is looked at closer. */
static inline int json_character(const uint8_t *at)
{
    uint8_t low, high;
    int left = utf8_following(*at, &low, &high);
    if (left < 0 || at[1] < low || at[1] > high)
        return 0;
    if ((left > 1 && (at[2] & 0xC0) != 0x80) || (left > 2 && (at[3] & 0xC0) != 0x80))
        return 0;
    return left + 1;
}

/* The first byte from `at` on that is no text: a quote, a backslash, a control character, or no UTF-8. */
static inline const uint8_t *json_text_end(Match *match, const uint8_t *at, const uint8_t *end)
{
    int left, size;
    for (;;) {
        for (; match->utf8_left > 0 && at < end; match->utf8_left--, at++) {
            if (*at < match->utf8_low || *at > match->utf8_high)
                return at;
            match->utf8_low = 0x80;
            match->utf8_high = 0xBF;
        }
        at = json_plain_end(at, end);
        while (end - at >= 4 && *at >= 0x80 && (size = json_character(at)) > 0)
            at += size;
        if (at == end || *at == '"' || *at == '\\' || *at < 0x20)
            return at;
        if (*at < 0x80)
            continue;
        left = utf8_following(*at, &match->utf8_low, &match->utf8_high);
        if (left < 0)
            return at;
        match->utf8_left = (uint8_t)left;
        at++;
    }
}

static inline void json_string_ended(Match *match, const uint8_t *mark, const uint8_t *at)
{
    json_hear_alone(match);
    if (match->is_name)
        json_name_ended(match);
    else
        json_value_ended(match, mark, at);
}

/* Read on in a string; returns the place behind what was read. */
static inline const uint8_t *json_string(Match *match, const uint8_t *mark, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;
    at = json_text_end(match, at, end);
    if (at > from && json_is_heard(match)) {
        json_hear_alone(match);
        json_hear(match, from, at - from);
    }
    if (at == end)
        return at;
    if (*at == '"' && match->utf8_left == 0)
        json_string_ended(match, mark, at + 1);
    else if (*at == '\\' && match->utf8_left == 0)
        match->state = JSON_ESCAPE;
    else
        match_stop(match, MALFORMED);
    return at + 1;
}

static inline void json_escaped(Match *match, uint8_t byte)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char *found = byte == 0 ? NULL : strchr(letters, byte);
    match->state = JSON_STRING;
    if (byte == 'u') {
        match->state = JSON_HEX;
        match->digits = 0;
        match->code = 0;
    } else if (found == NULL)
        match_stop(match, MALFORMED);
    else {
        json_hear_alone(match);
        json_hear_code(match, (uint8_t)bytes[found - letters]);
    }
}

static inline void json_hex(Match *match, uint8_t byte)
{
    uint8_t letter = byte | 0x20, digit;
    if (json_is_digit(byte))
        digit = byte - '0';
    else if (letter >= 'a' && letter <= 'f')
        digit = (uint8_t)(letter - 'a' + 10);
    else {
        match_stop(match, MALFORMED);
        return;
    }
    match->code = (uint16_t)(match->code << 4 | digit);
    if (++match->digits == 4) {
        match->state = JSON_STRING;
        json_unit(match);
    }
}

#endif
