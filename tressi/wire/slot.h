/* A value that a lane holds, in memory that grows up to a limit, and how it is written where it stands in a request, in C alone.

   What is written is what `request.encode` makes of a table's cell, so that a value that was taken from a response and one
   that came from a file are the same in the same place. */

#ifndef TRESSI_WIRE_SLOT_H
#define TRESSI_WIRE_SLOT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOT_EMPTY = -1,
    SLOT_GRAIN = 64,   /* bytes that are allocated at first */
    SLOT_LIMIT = 4096, /* bytes of a value where nothing else is said */
};

/* The contexts of `model.data.Context`. */
typedef enum {
    CONTEXT_PERCENT,     /* all but the unreserved characters of RFC 3986 are percent-encoded */
    CONTEXT_URL,         /* what may stand nowhere in a URL is */
    CONTEXT_JSON_STRING, /* within the quotes of a JSON string */
    CONTEXT_JSON_VALUE,  /* a whole JSON value */
    CONTEXT_HEADER,      /* Latin-1 without control characters */
    CONTEXT_RAW,         /* as it is */
} SlotContext;

/* All zero but for `size`, which is SLOT_EMPTY, and `limit`, it has no value and no memory yet. What was allocated once is kept
   for the next value. */
typedef struct {
    int32_t size;       /* SLOT_EMPTY: it holds no value */
    int32_t room;       /* bytes that are allocated */
    int32_t limit;      /* a value may have so many bytes */
    uint8_t is_literal; /* a JSON number, true, false, null, object or array: stands as it is where a JSON value stands */
    char *bytes;
} Slot;

static inline void slot_clear(Slot *slot)
{
    slot->size = SLOT_EMPTY;
    slot->is_literal = 0;
}

static inline void slot_free(Slot *slot)
{
    free(slot->bytes);
    slot->bytes = NULL;
    slot->room = 0;
    slot_clear(slot);
}

/* Have room for so many bytes, which are not more than the limit; 0: there is no memory. */
static inline int slot_grow(Slot *slot, int64_t size)
{
    int64_t room = slot->room > SLOT_GRAIN ? slot->room : SLOT_GRAIN;
    char *bytes;
    while (room < size)
        room *= 2;
    if (room > slot->limit)
        room = slot->limit;
    bytes = realloc(slot->bytes, (size_t)room);
    if (bytes == NULL)
        return 0;
    slot->bytes = bytes;
    slot->room = (int32_t)room;
    return 1;
}

/* Append to the value; 0: it would be longer than the limit, or, where it would not, there is no memory. */
static inline int slot_add(Slot *slot, const void *bytes, int64_t size)
{
    if (size > slot->limit - slot->size)
        return 0;
    /* No copy may be made from or to nowhere, not even of nothing (C11 7.24.1). */
    if (size == 0)
        return 1;
    if (size > slot->room - slot->size && !slot_grow(slot, slot->size + size))
        return 0;
    memcpy(slot->bytes + slot->size, bytes, (size_t)size);
    slot->size += (int32_t)size;
    return 1;
}

/* Hold these bytes from now on; 0: they are more than the limit, or, where they are not, there is no memory. The slot is empty
   then. */
static inline int slot_set(Slot *slot, const void *bytes, int64_t size)
{
    slot->size = 0;
    slot->is_literal = 0;
    if (slot_add(slot, bytes, size))
        return 1;
    slot_clear(slot);
    return 0;
}

/* How many bytes follow on this first byte of a UTF-8 sequence of several, and within which bounds the next one lies (RFC 3629
   4); -1: it is no such byte. */
static inline int utf8_following(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    *high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (first < 0xC2 || first > 0xF4)
        return -1;
    return first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
}

static inline int is_utf8(const uint8_t *at, const uint8_t *end)
{
    uint8_t low, high;
    int left;
    while (at < end) {
        if (*at < 0x80) {
            at++;
            continue;
        }
        left = utf8_following(*at++, &low, &high);
        if (left < 0 || end - at < left)
            return 0;
        for (; left > 0; left--, at++) {
            if (*at < low || *at > high)
                return 0;
            low = 0x80;
            high = 0xBF;
        }
    }
    return 1;
}

/* How a value stands in a header: not at all, as Latin-1 made of UTF-8, or as the bytes that it has. Bytes that are no UTF-8
   came from a field in another encoding, mostly Latin-1 itself, and go back as they came (RFC 9110 5.5, obs-text). */
enum { HEADER_NONE, HEADER_NARROWED, HEADER_AS_IT_IS };

static inline int slot_header_form(const Slot *slot)
{
    const uint8_t *at = (const uint8_t *)slot->bytes, *end;
    int is_narrow = 1, is_ascii = 1;
    if (slot->size <= 0)
        return HEADER_AS_IT_IS;
    end = at + slot->size;
    for (; at < end; at++) {
        if ((*at < 0x20 && *at != '\t') || *at == 0x7F)
            return HEADER_NONE;
        if (*at < 0x80)
            continue;
        is_ascii = 0;
        /* U+0080 to U+00FF. */
        if ((*at == 0xC2 || *at == 0xC3) && end - at > 1 && (at[1] & 0xC0) == 0x80)
            at++;
        else
            is_narrow = 0;
    }
    if (is_ascii)
        return HEADER_AS_IT_IS;
    if (is_narrow)
        return HEADER_NARROWED;
    return is_utf8((const uint8_t *)slot->bytes, end) ? HEADER_NONE : HEADER_AS_IT_IS;
}

/* Whether the value may stand there: a header carries no control character and nothing beyond Latin-1, and JSON is UTF-8
   (RFC 8259 8.1). An empty slot fits anywhere. */
static inline int slot_fits(const Slot *slot, SlotContext context)
{
    if (slot->size <= 0)
        return 1;
    if (context == CONTEXT_HEADER)
        return slot_header_form(slot) != HEADER_NONE;
    if (context == CONTEXT_JSON_STRING || context == CONTEXT_JSON_VALUE)
        return is_utf8((const uint8_t *)slot->bytes, (const uint8_t *)slot->bytes + slot->size);
    return 1;
}

/* The bytes below 0x80 that stay as they are, one bit each; of the others all stay in JSON, and none in a URL. */
static const uint64_t slot_kept[3][2] = {
    [CONTEXT_PERCENT] = {UINT64_C(0x03FF600000000000), UINT64_C(0x47FFFFFE87FFFFFE)},
    [CONTEXT_URL] = {UINT64_C(0xAFFFFFF200000000), UINT64_C(0x47FFFFFEAFFFFFFF)},
    [CONTEXT_JSON_STRING] = {UINT64_C(0xFFFFFFFB00000000), UINT64_C(0xFFFFFFFFEFFFFFFF)},
};

static inline int slot_keeps(SlotContext context, uint8_t byte)
{
    return byte < 0x80 ? (int)(slot_kept[context][byte >> 6] >> (byte & 63)) & 1 : context == CONTEXT_JSON_STRING;
}

/* The letter of a short escape in JSON, or 0. */
static inline char json_escape(uint8_t byte)
{
    switch (byte) {
    case '\b': return 'b';
    case '\t': return 't';
    case '\n': return 'n';
    case '\f': return 'f';
    case '\r': return 'r';
    case '"':
    case '\\': return (char)byte;
    default: return 0;
    }
}

static inline int byte_size(SlotContext context, uint8_t byte)
{
    if (slot_keeps(context, byte))
        return 1;
    if (context != CONTEXT_JSON_STRING)
        return 3;
    return json_escape(byte) ? 2 : 6;
}

static inline char *byte_write(SlotContext context, uint8_t byte, char *out)
{
    const char *digits = context == CONTEXT_JSON_STRING ? "0123456789abcdef" : "0123456789ABCDEF";
    if (slot_keeps(context, byte)) {
        *out++ = (char)byte;
        return out;
    }
    if (context == CONTEXT_JSON_STRING) {
        *out++ = '\\';
        if (json_escape(byte)) {
            *out++ = json_escape(byte);
            return out;
        }
        memcpy(out, "u00", 3);
        out += 3;
    } else
        *out++ = '%';
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
    return out;
}

/* How a context is written: the context of its bytes, and how many quotes stand around them. */
static inline int slot_quotes(const Slot *slot, SlotContext *context)
{
    if (*context != CONTEXT_JSON_VALUE)
        return 0;
    *context = slot->is_literal ? CONTEXT_RAW : CONTEXT_JSON_STRING;
    return slot->is_literal ? 0 : 2;
}

/* How many bytes the value has as it is written there. One that does not fit, like an empty slot, has none. */
static inline int64_t slot_size(const Slot *slot, SlotContext context)
{
    const uint8_t *at = (const uint8_t *)slot->bytes;
    int64_t size;
    int32_t number;
    int form;
    if (slot->size < 0)
        return 0;
    size = slot_quotes(slot, &context);
    if (context == CONTEXT_RAW)
        return slot->size;
    if (context == CONTEXT_HEADER) {
        form = slot_header_form(slot);
        if (form != HEADER_NARROWED)
            return form == HEADER_NONE ? 0 : slot->size;
        for (number = 0; number < slot->size; number++)
            size += (at[number] & 0xC0) != 0x80;
        return size;
    }
    for (number = 0; number < slot->size; number++)
        size += byte_size(context, at[number]);
    return size;
}

/* Write the value as it stands there, `slot_size` bytes; returns how many. */
static inline int64_t slot_write(const Slot *slot, SlotContext context, char *out)
{
    const uint8_t *at = (const uint8_t *)slot->bytes;
    char *begin = out;
    int32_t number;
    int quotes, form;
    if (slot->size < 0)
        return 0;
    quotes = slot_quotes(slot, &context);
    form = context == CONTEXT_HEADER ? slot_header_form(slot) : HEADER_AS_IT_IS;
    if (form == HEADER_NONE)
        return 0;
    if (context == CONTEXT_RAW || (context == CONTEXT_HEADER && form == HEADER_AS_IT_IS)) {
        if (slot->size > 0)
            memcpy(out, slot->bytes, (size_t)slot->size);
        return slot->size;
    }
    if (quotes)
        *out++ = '"';
    for (number = 0; number < slot->size; number++) {
        if (context != CONTEXT_HEADER)
            out = byte_write(context, at[number], out);
        else if (at[number] < 0x80)
            *out++ = (char)at[number];
        else {
            *out++ = (char)((at[number] << 6) | (at[number + 1] & 0x3F));
            number++;
        }
    }
    if (quotes)
        *out++ = '"';
    return out - begin;
}

#endif
