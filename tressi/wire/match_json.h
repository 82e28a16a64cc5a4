/* A place in a JSON document that comes in pieces of any size, and the value that stands there.

   What counts as JSON is RFC 8259: UTF-8, no NaN, nothing behind the document; a byte order mark in front of it is passed
   over. `match_json_path.h` says how the place is found, `match_json_text.h` reads strings. */

#ifndef TRESSI_WIRE_MATCH_JSON_H
#define TRESSI_WIRE_MATCH_JSON_H

#include "match_json_text.h"

static const char *const json_words[] = {"true", "false", "null"};

static inline void json_begin(Match *match)
{
    match->state = JSON_START;
    match->depth = match->matched = 0;
    match->place = 0;
    match->utf8_left = 0;
    match->high = 0;
    match->digits = 0;
}

static inline int json_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* The first byte of a value decides what it is. */
static inline void json_value(Match *match, uint8_t byte)
{
    if (byte == '"') {
        match->state = JSON_STRING;
        match->is_name = 0;
    } else if (byte == '{' || byte == '[')
        json_open(match, byte == '{');
    else if (json_is_digit(byte))
        match->state = byte == '0' ? JSON_ZERO : JSON_INTEGER;
    else if (byte == '-')
        match->state = JSON_MINUS;
    else if (byte == 't' || byte == 'f' || byte == 'n') {
        match->state = JSON_WORD;
        match->word = byte == 't' ? 0 : byte == 'f' ? 1 : 2;
        match->digits = 1;
    } else
        match_stop(match, MALFORMED);
}

static inline const uint8_t *json_digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && json_is_digit(*at))
        at++;
    return at;
}

/* Read on in a number, whose first byte that is not part of it is left; returns the place behind what was read. */
static inline const uint8_t *json_number(Match *match, const uint8_t *mark, const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        switch (match->state) {
        case JSON_MINUS:
            if (!json_is_digit(*at))
                break;
            match->state = *at++ == '0' ? JSON_ZERO : JSON_INTEGER;
            continue;
        case JSON_INTEGER:
        case JSON_ZERO:
            if (match->state == JSON_INTEGER && (at = json_digits(at, end)) == end)
                return at;
            if (*at != '.' && (*at | 0x20) != 'e') {
                json_value_ended(match, mark, at);
                return at;
            }
            match->state = *at++ == '.' ? JSON_POINT : JSON_E;
            continue;
        case JSON_POINT:
            if (!json_is_digit(*at))
                break;
            match->state = JSON_FRACTION;
            continue;
        case JSON_FRACTION:
            if ((at = json_digits(at, end)) == end)
                return at;
            if ((*at | 0x20) != 'e') {
                json_value_ended(match, mark, at);
                return at;
            }
            match->state = JSON_E;
            at++;
            continue;
        case JSON_E:
            match->state = JSON_SIGN;
            at += *at == '+' || *at == '-';
            continue;
        case JSON_SIGN:
            if (!json_is_digit(*at))
                break;
            match->state = JSON_EXPONENT;
            continue;
        default: /* JSON_EXPONENT */
            if ((at = json_digits(at, end)) < end)
                json_value_ended(match, mark, at);
            return at;
        }
        match_stop(match, MALFORMED);
        return at;
    }
    return at;
}

static inline const uint8_t *json_word(Match *match, const uint8_t *mark, const uint8_t *at, const uint8_t *end)
{
    const char *word = json_words[match->word];
    while (at < end && word[match->digits] != 0 && *at == (uint8_t)word[match->digits]) {
        at++;
        match->digits++;
    }
    if (word[match->digits] == 0)
        json_value_ended(match, mark, at);
    else if (at < end)
        match_stop(match, MALFORMED);
    return at;
}

/* The container's end, which stands in front of `at`. */
static inline void json_close(Match *match, const uint8_t *mark, const uint8_t *at)
{
    match->depth--;
    json_value_ended(match, mark, at);
}

/* The byte order mark, of which `digits` bytes have come. */
static inline void json_mark(Match *match, uint8_t byte)
{
    if (byte != (match->digits == 1 ? 0xBB : 0xBF)) {
        match_stop(match, MALFORMED);
        return;
    }
    if (match->digits++ == 2)
        match->state = JSON_VALUE;
}

/* A name or the end of the object. */
static inline void json_name(Match *match, const uint8_t *mark, const uint8_t *at)
{
    if (*at == '"')
        json_name_begins(match);
    else if (*at == '}' && match->state == JSON_FIRST_NAME)
        json_close(match, mark, at + 1);
    else
        match_stop(match, MALFORMED);
}

/* What stands behind a member or an entry. */
static inline void json_next(Match *match, const uint8_t *mark, const uint8_t *at)
{
    if (*at == ',')
        json_comma(match);
    else if (*at == (json_in_object(match) ? '}' : ']'))
        json_close(match, mark, at + 1);
    else
        match_stop(match, MALFORMED);
}

static inline const uint8_t *json_space_end(const uint8_t *at, const uint8_t *end)
{
    while (at < end && json_is_space(*at))
        at++;
    return at;
}

/* The states that mostly follow one another do so by a jump, which saves about a fifth of the time. */
static inline void json_feed(Match *match, const uint8_t *at, const uint8_t *end)
{
    /* From where on what is taken raw has not been copied yet. */
    const uint8_t *mark = at;
    while (at < end) {
        switch (match->state) {
        case JSON_STOPPED:
            return;
        case JSON_START:
            match->state = JSON_VALUE;
            if (*at == 0xEF) {
                match->state = JSON_MARK;
                match->digits = 1;
                at++;
            }
            break;
        case JSON_MARK:
            json_mark(match, *at++);
            break;
        case JSON_COLON:
        colon:
            at = json_space_end(at, end);
            if (at == end)
                break;
            match->state = JSON_VALUE;
            if (*at++ != ':') {
                match_stop(match, MALFORMED);
                return;
            }
            /* fall through */
        case JSON_FIRST_ENTRY:
        case JSON_VALUE:
        value:
            at = json_space_end(at, end);
            if (at == end)
                break;
            if (*at == ']' && match->state == JSON_FIRST_ENTRY) {
                json_close(match, mark, ++at);
                break;
            }
            json_value_begins(match, *at);
            if (match->taking == TAKING_RAW && match->depth == match->plan->step_count)
                mark = at;
            json_value(match, *at++);
            if (match->state != JSON_STRING)
                break;
            /* fall through */
        case JSON_STRING:
        string:
            at = json_string(match, mark, at, end);
            if (match->state == JSON_COLON)
                goto colon;
            if (match->state == JSON_NEXT)
                goto next;
            break;
        case JSON_ESCAPE:
            json_escaped(match, *at++);
            break;
        case JSON_HEX:
            json_hex(match, *at++);
            break;
        case JSON_WORD:
            at = json_word(match, mark, at, end);
            break;
        case JSON_FIRST_NAME:
        case JSON_NAME:
        name:
            at = json_space_end(at, end);
            if (at == end)
                break;
            json_name(match, mark, at++);
            if (match->state == JSON_STRING)
                goto string;
            break;
        case JSON_NEXT:
        next:
            at = json_space_end(at, end);
            if (at == end)
                break;
            json_next(match, mark, at++);
            if (match->state == JSON_NAME)
                goto name;
            if (match->state == JSON_VALUE)
                goto value;
            break;
        case JSON_END:
            at = json_space_end(at, end);
            if (at < end)
                match_stop(match, MALFORMED);
            break;
        default:
            at = json_number(match, mark, at, end);
            if (match->state == JSON_NEXT)
                goto next;
        }
    }
    if (match->taking == TAKING_RAW)
        match_take(match, mark, end - mark);
}

static inline void json_end(Match *match)
{
    switch (match->state) {
    case JSON_STOPPED:
        return;
    case JSON_ZERO:
    case JSON_INTEGER:
    case JSON_FRACTION:
    case JSON_EXPONENT:
        /* Of a document that is a number only its end says where it ends. */
        if (match->depth == 0)
            json_value_ended(match, (const uint8_t *)"", (const uint8_t *)"");
    }
    if (match->state != JSON_STOPPED)
        match_stop(match, match->state == JSON_END ? (Outcome)match->taken : MALFORMED);
}

#endif
