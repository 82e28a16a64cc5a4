/* Where in a JSON document the reader is: which containers are open, and how much of the path leads there.

   Names and indices are compared while the document is read: `depth` counts the lists and objects that are open, and `matched`
   how many steps of the path the way to the current value has in common with it from the start. A container at depth d is on
   the path where the d - 1 steps before it led there (`matched == d - 1`): only there are names compared and entries counted.
   Elsewhere a document is only checked for being JSON.

   Example: `$.a[1].b` in `{"x": [7], "a": [3, {"b": "yes"}]}`. The name "x" is not the first step: its list is read with
   matched 0 at depth 2, where no entry is counted. "a" makes matched 1. Its entry 0 is passed over; before the entry 1 matched
   becomes 2, and with the name "b" 3. Then depth and matched are the number of steps, so the value that comes is the one. */

#ifndef TRESSI_WIRE_MATCH_JSON_PATH_H
#define TRESSI_WIRE_MATCH_JSON_PATH_H

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

#endif
