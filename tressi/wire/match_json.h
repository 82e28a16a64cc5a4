/* A place in a JSON document that comes in pieces of any size, and the value that stands there.

   Names and indices are compared while the document is read: `depth` counts the lists and objects that are open, and `matched`
   how many steps of the path the way to the current value has in common with it from the start. A container at depth d is on
   the path where the d - 1 steps before it led there (`matched == d - 1`): only there are names compared and entries counted.
   Elsewhere a document is only checked for being JSON.

   Example: `$.a[1].b` in `{"x": [7], "a": [3, {"b": "yes"}]}`. The name "x" is not the first step: its list is read with
   matched 0 at depth 2, where no entry is counted. "a" makes matched 1. Its entry 0 is passed over; before the entry 1 matched
   becomes 2, and with the name "b" 3. Then depth and matched are the number of steps, so the value that comes is the one.

   What counts as JSON is RFC 8259: UTF-8, no NaN, nothing behind the document; a byte order mark in front of it is passed
   over. Half of a surrogate pair that is alone in an escape becomes U+FFFD, for no UTF-8 can hold it. */

#ifndef TRESSI_WIRE_MATCH_JSON_H
#define TRESSI_WIRE_MATCH_JSON_H

#include "match_state.h"
#include "values.h"

enum {
    JSON_STOPPED,
    JSON_START,
    JSON_MARK,       /* within a byte order mark */
    JSON_VALUE,      /* a value comes */
    JSON_FIRST_ENTRY, /* or the end of the list */
    JSON_FIRST_NAME, /* a name or the end of the object */
    JSON_NAME,
    JSON_COLON,
    JSON_NEXT, /* a comma or the end of the container */
    JSON_STRING,
    JSON_ESCAPE,
    JSON_HEX,
    JSON_WORD,
    JSON_MINUS, /* behind it */
    JSON_ZERO,  /* likewise, and so on */
    JSON_INTEGER,
    JSON_POINT,
    JSON_FRACTION,
    JSON_E,
    JSON_SIGN,
    JSON_EXPONENT,
    JSON_END, /* of the document */
};

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

static inline int json_is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') < 10;
}

/* ------------------------------------------------------------------------------------------------------------- the path */

static inline int json_in_object(const Match *match)
{
    int32_t place = match->depth - 1;
    return (int)(match->objects[place >> 6] >> (place & 63)) & 1;
}

/* The step that chooses among the members or entries of the open container, or NULL where none of them is on the path. */
static inline const MatchStep *json_step(const Match *match)
{
    const MatchPlan *plan = match->plan;
    return match->matched == match->depth - 1 && match->matched < plan->step_count ? &plan->steps[match->matched] : NULL;
}

/* Whether a value that begins as a match is the one to take. */
static inline int json_takes(Match *match)
{
    const MatchPlan *plan = match->plan;
    match->matches++;
    if (plan->pick != PICK_RANDOM || !plan->has_each)
        return 1;
    /* A reservoir of one (Vitter 1985): match number n takes the place of those before it with a probability of 1 / n. The
       generator is `random_next` of core/bucket.pxd, xorshift64*. */
    match->random ^= match->random >> 12;
    match->random ^= match->random << 25;
    match->random ^= match->random >> 27;
    return value_below(match->random * UINT64_C(2685821657736338717), match->matches) == 0;
}

/* A value begins. */
static inline void json_value_begins(Match *match, uint8_t byte)
{
    const MatchStep *step = match->depth > 0 && !json_in_object(match) ? json_step(match) : NULL;
    if (step != NULL && (step->kind == STEP_EACH || (step->kind == STEP_INDEX && step->index == match->place)))
        match->matched = match->depth;
    if (match->matched == match->depth && match->matched == match->plan->step_count && json_takes(match))
        match_take_begin(match, byte == '"' ? TAKING_TEXT : TAKING_RAW);
}

/* A value has ended in front of `at`. `mark` is where this piece of the body began, or the value within it. */
static inline void json_value_ended(Match *match, const uint8_t *mark, const uint8_t *at)
{
    const MatchStep *step;
    if (match->taking != TAKING_NOTHING && match->depth == match->plan->step_count) {
        if (match->taking == TAKING_RAW)
            match_take(match, mark, at - mark);
        match->taking = TAKING_NOTHING;
        if (match->plan->pick == PICK_FIRST) {
            match_stop(match, (Outcome)match->taken);
            return;
        }
    }
    match->state = match->depth == 0 ? JSON_END : JSON_NEXT;
    if (match->depth > 0 && match->matched == match->depth) {
        /* The container is counted on from here: what was counted within the value stood deeper. */
        match->matched--;
        step = &match->plan->steps[match->matched];
        if (step->kind == STEP_INDEX)
            match->place = step->index;
    }
}

static inline void json_open(Match *match, int is_object)
{
    uint64_t bit = UINT64_C(1) << (match->depth & 63);
    if (match->depth == JSON_DEPTH) {
        match_stop(match, TOO_DEEP);
        return;
    }
    if (is_object)
        match->objects[match->depth >> 6] |= bit;
    else
        match->objects[match->depth >> 6] &= ~bit;
    match->depth++;
    if (json_step(match) != NULL)
        match->place = 0;
    match->state = is_object ? JSON_FIRST_NAME : JSON_FIRST_ENTRY;
}

static inline void json_comma(Match *match)
{
    if (json_in_object(match)) {
        match->state = JSON_NAME;
        return;
    }
    match->state = JSON_VALUE;
    if (json_step(match) != NULL)
        match->place++;
}

static inline void json_name_begins(Match *match)
{
    const MatchStep *step = json_step(match);
    match->state = JSON_STRING;
    match->is_name = 1;
    match->name_at = 0;
    match->name_same = step != NULL && step->kind == STEP_NAME;
}

static inline void json_name_ended(Match *match)
{
    match->state = JSON_COLON;
    if (!match->name_same || match->name_at != match->plan->steps[match->matched].size)
        return;
    match->matched = match->depth;
    /* Without STEP_EACH all that was found before stood under the same name: the last one of that name counts. */
    if (!match->plan->has_each)
        match_untake(match);
}

/* ---------------------------------------------------------------------------------------------------------------- texts */

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

/* ----------------------------------------------------------------------------------------------------------- the reader */

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
