/* What is looked for in bodies, as all lanes share it, and how far one lane has come with one body. */

#ifndef TRESSI_WIRE_MATCH_STATE_H
#define TRESSI_WIRE_MATCH_STATE_H

#include <stdint.h>

#include "slot.h"

enum { JSON_DEPTH = 512 }; /* lists and objects within one another, at most */

typedef enum { MATCH_JSON, MATCH_BETWEEN } MatchKind;

/* Which of several matches is taken. */
typedef enum { PICK_FIRST, PICK_LAST, PICK_RANDOM } MatchPick;

/* How a search ends. */
typedef enum {
    FOUND,
    NOT_FOUND,
    TOO_LONG,  /* found, but longer than the slot's limit */
    MALFORMED, /* the body is not JSON */
    TOO_DEEP,  /* more than JSON_DEPTH lists and objects within one another */
    NO_MEMORY,
} Outcome;

typedef enum {
    STEP_NAME,
    STEP_INDEX,
    STEP_EACH, /* every entry of a list */
} StepKind;

typedef struct {
    int32_t kind;
    int32_t size; /* of the name in bytes */
    const uint8_t *name;
    int64_t index; /* 0 or above */
} MatchStep;

/* A text that is looked for; `next` is its failure function (Knuth, Morris, Pratt 1977). */
typedef struct {
    const uint8_t *bytes;
    const int32_t *next;
    int32_t size; /* 1 or above */
} Needle;

/* Made before the run, and only read by the hot path. */
typedef struct {
    int32_t kind;
    int32_t pick;
    int32_t slot;       /* the number of the slot that the value goes into, for the caller */
    int32_t step_count; /* 0: the whole document */
    const MatchStep *steps;
    int32_t has_each; /* a step is STEP_EACH: there may be several matches */
    Needle left;
    Needle right;
    void *memory; /* that the above lies in */
} MatchPlan;

/* What is being copied into the slot. */
typedef enum { TAKING_NOTHING, TAKING_TEXT, TAKING_RAW } Taking;

/* Before its first `match_begin` the caller sets `plan`, `slot` and `random`. */
typedef struct {
    const MatchPlan *plan;
    Slot *slot;
    uint64_t random; /* the state of the generator, never 0; goes on from body to body */
    uint64_t matches;
    uint8_t state; /* of the reader */
    uint8_t outcome; /* once nothing more is read */
    uint8_t taken;   /* an Outcome: the one so far */
    uint8_t taking;
    /* JSON: where in the document, and along how much of the path. */
    int32_t depth;   /* lists and objects that are open */
    int32_t matched; /* so many steps of the path lead to the value that is read or comes next, `depth` at most */
    int64_t place;   /* of the value in the list whose entries are counted */
    uint64_t objects[JSON_DEPTH / 64]; /* by depth: 1 is an object, 0 a list */
    /* JSON: within a string or a word. */
    int32_t name_at;   /* so many bytes of the step's name are the name's so far; BETWEEN: of the needle */
    uint8_t is_name;   /* the string is the name of a member */
    uint8_t name_same; /* and as far as it has come the one that is looked for */
    uint8_t digits;    /* of an escape \uXXXX; bytes of a word */
    uint8_t word;
    uint8_t utf8_left; /* bytes of a character that are still to come */
    uint8_t utf8_low;  /* and the bounds of the next */
    uint8_t utf8_high;
    uint16_t code; /* of an escape */
    uint16_t high; /* a high surrogate whose other half has not come yet, or 0 */
} Match;

/* Nothing more is read of this body. */
static inline void match_stop(Match *match, Outcome outcome)
{
    match->state = 0;
    match->outcome = (uint8_t)outcome;
    match->taking = TAKING_NOTHING;
    if (outcome != FOUND)
        slot_clear(match->slot);
}

/* Add to the value; what does not fit is remembered as that. */
static inline void match_take(Match *match, const uint8_t *bytes, int64_t size)
{
    Slot *slot = match->slot;
    if (match->taken == FOUND && !slot_add(slot, bytes, size)) {
        match->taken = size > slot->limit - slot->size ? TOO_LONG : NO_MEMORY;
        slot_clear(slot);
    }
}

/* A value begins that is taken, in place of any before it. */
static inline void match_take_begin(Match *match, Taking taking)
{
    match->taking = (uint8_t)taking;
    match->taken = FOUND;
    match->slot->size = 0;
    match->slot->is_literal = taking == TAKING_RAW;
}

/* Forget what was taken. */
static inline void match_untake(Match *match)
{
    match->taking = TAKING_NOTHING;
    match->taken = NOT_FOUND;
    slot_clear(match->slot);
}

#endif
