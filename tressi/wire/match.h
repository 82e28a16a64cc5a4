/* Values that are looked for in bodies: `match_begin`, `match_feed` with each piece, `match_end`. */

#ifndef TRESSI_WIRE_MATCH_H
#define TRESSI_WIRE_MATCH_H

#include "match_between.h"
#include "match_json.h"
#include "match_state.h"

/* Another body comes. The slot is empty until something is found. */
static inline void match_begin(Match *match)
{
    match->outcome = NOT_FOUND;
    match->matches = 0;
    match_untake(match);
    if (match->plan->kind == MATCH_JSON)
        json_begin(match);
    else
        between_begin(match);
}

/* Whether the rest of the body makes no difference. */
static inline int match_is_done(const Match *match)
{
    return match->state == 0;
}

/* A piece of the body. */
static inline void match_feed(Match *match, const uint8_t *data, int64_t size)
{
    if (match_is_done(match))
        return;
    if (match->plan->kind == MATCH_JSON)
        json_feed(match, data, data + size);
    else
        between_feed(match, data, data + size);
}

/* The body is over. With any outcome but FOUND the slot is empty. */
static inline Outcome match_end(Match *match)
{
    if (match->plan->kind == MATCH_JSON)
        json_end(match);
    else
        between_end(match);
    return (Outcome)match->outcome;
}

#endif
