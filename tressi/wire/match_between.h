/* The text between the first `left` of a body and the next `right`, however the body is cut into pieces. */

#ifndef TRESSI_WIRE_MATCH_BETWEEN_H
#define TRESSI_WIRE_MATCH_BETWEEN_H

#include "match_state.h"

enum { BETWEEN_STOPPED, BETWEEN_LEFT, BETWEEN_RIGHT };

static inline void between_begin(Match *match)
{
    match->state = BETWEEN_LEFT;
    match->name_at = 0;
}

/* Where the needle may begin, from `at` on. */
static inline const uint8_t *needle_start(const Needle *needle, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *found = memchr(at, needle->bytes[0], (size_t)(end - at));
    return found == NULL ? end : found;
}

/* Look for the left text; returns the place behind it, or the end. */
static inline const uint8_t *between_left(Match *match, const uint8_t *at, const uint8_t *end)
{
    const Needle *left = &match->plan->left;
    int32_t same = match->name_at;
    while (at < end && same < left->size) {
        if (same == 0 && (at = needle_start(left, at, end)) == end)
            break;
        while (same > 0 && left->bytes[same] != *at)
            same = left->next[same - 1];
        same += left->bytes[same] == *at++;
    }
    match->name_at = same;
    if (same == left->size) {
        match->name_at = 0;
        match->state = BETWEEN_RIGHT;
        match_take_begin(match, TAKING_TEXT);
    }
    return at;
}

/* Take all up to the right text. Bytes that may be its beginning are taken once it is known that they are not; until then
   they are in the needle. */
static inline void between_right(Match *match, const uint8_t *at, const uint8_t *end)
{
    const Needle *right = &match->plan->right;
    const uint8_t *start;
    int32_t same = match->name_at, shorter;
    while (at < end && same < right->size) {
        if (same == 0) {
            start = needle_start(right, at, end);
            match_take(match, at, start - at);
            at = start;
            if (at == end)
                break;
        }
        while (same > 0 && right->bytes[same] != *at) {
            shorter = right->next[same - 1];
            match_take(match, right->bytes, same - shorter);
            same = shorter;
        }
        if (right->bytes[same] == *at)
            same++;
        else
            match_take(match, at, 1);
        at++;
    }
    match->name_at = same;
    if (same == right->size)
        match_stop(match, (Outcome)match->taken);
}

static inline void between_feed(Match *match, const uint8_t *at, const uint8_t *end)
{
    if (match->state == BETWEEN_LEFT)
        at = between_left(match, at, end);
    if (match->state == BETWEEN_RIGHT)
        between_right(match, at, end);
}

static inline void between_end(Match *match)
{
    if (match->state != BETWEEN_STOPPED)
        match_stop(match, NOT_FOUND);
}

#endif
