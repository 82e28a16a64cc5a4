/* What a Set-Cookie says, in C alone: section 5.1 and 5.2 of RFC 6265, from which the numbers of sections below are.

   A line with a control character other than a tab is no cookie: it would be sent back as it came. */

#ifndef TRESSI_WIRE_COOKIE_H
#define TRESSI_WIRE_COOKIE_H

#include <stdint.h>
#include <string.h>

#include "slot.h"

/* Expiry times in seconds since 1970: of a cookie that lives as long as its lane, and of one that has always been over. */
#define COOKIE_NEVER INT64_MAX
#define COOKIE_PAST INT64_MIN

/* Bytes of the line that is read. */
typedef struct {
    const char *at;
    int64_t size;
} CookieText;

typedef struct {
    CookieText name;
    CookieText value;
    CookieText domain; /* without a leading dot; of size 0: none */
    CookieText path;   /* of size 0: the default */
    int64_t expires_s;
    int is_secure;
} Cookie;

static inline char cookie_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

static inline int cookie_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static inline CookieText cookie_trimmed(const char *at, const char *end)
{
    CookieText text;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    text.at = at;
    text.size = end - at;
    return text;
}

/* Whether a text is this word of small letters, whatever its own letters. */
static inline int cookie_is(CookieText text, const char *word)
{
    int64_t at;
    if (text.size != (int64_t)strlen(word))
        return 0;
    for (at = 0; at < text.size; at++)
        if (cookie_lower(text.at[at]) != word[at])
            return 0;
    return 1;
}

/* ------------------------------------------------------------------------------------------------------------- 5.1.1 dates */

static inline int cookie_is_delimiter(uint8_t byte)
{
    return byte == 0x09 || (byte >= 0x20 && byte <= 0x2F) || (byte >= 0x3B && byte <= 0x40) || (byte >= 0x5B && byte <= 0x60)
        || (byte >= 0x7B && byte <= 0x7E);
}

/* The number at the beginning of a token, of `least` to `most` digits with no further digit behind them; -1: there is none. */
static inline int cookie_number(const char **at, const char *end, int least, int most)
{
    int value = 0, digits = 0;
    for (; *at < end && cookie_is_digit(**at); ++*at, digits++) {
        if (digits == most)
            return -1;
        value = 10 * value + (**at - '0');
    }
    return digits < least ? -1 : value;
}

/* A time of day as h:m:s with one or two digits each, in seconds, or 24:60:60 and more where it is out of range; -1: none. */
static inline int cookie_time(const char *at, const char *end)
{
    int hour, minute, second;
    hour = cookie_number(&at, end, 1, 2);
    if (hour < 0 || at == end || *at++ != ':')
        return -1;
    minute = cookie_number(&at, end, 1, 2);
    if (minute < 0 || at == end || *at++ != ':')
        return -1;
    second = cookie_number(&at, end, 1, 2);
    if (second < 0)
        return -1;
    return hour > 23 || minute > 59 || second > 59 ? 86400 : hour * 3600 + minute * 60 + second;
}

/* A month by its first three letters, from 1 on; 0: none. */
static inline int cookie_month(const char *at, const char *end)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    int month;
    if (end - at < 3)
        return 0;
    for (month = 0; month < 12; month++)
        if (cookie_lower(at[0]) == names[3 * month] && cookie_lower(at[1]) == names[3 * month + 1]
            && cookie_lower(at[2]) == names[3 * month + 2])
            return month + 1;
    return 0;
}

/* Days since 1970 of a day of the Gregorian calendar. */
static inline int64_t cookie_days(int year, int month, int day)
{
    int64_t years = year - (month <= 2), era = years / 400, of_era = years - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static inline int cookie_days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* Seconds since 1970 of a date in any of the forms that servers send; 0: it cannot be read. */
static inline int cookie_date(CookieText text, int64_t *seconds)
{
    const char *at = text.at, *end = text.at + text.size, *token, *rest;
    int time = -1, day = -1, month = 0, year = -1, number;
    while (at < end) {
        if (cookie_is_delimiter((uint8_t)*at)) {
            at++;
            continue;
        }
        for (token = at; at < end && !cookie_is_delimiter((uint8_t)*at);)
            at++;
        if (time < 0 && (number = cookie_time(token, at)) >= 0) {
            time = number;
            continue;
        }
        rest = token;
        if (day < 0 && (number = cookie_number(&rest, at, 1, 2)) >= 0) {
            day = number;
            continue;
        }
        if (month == 0 && (number = cookie_month(token, at)) > 0) {
            month = number;
            continue;
        }
        rest = token;
        if (year < 0 && (number = cookie_number(&rest, at, 2, 4)) >= 0)
            year = number;
    }
    if (year >= 70 && year <= 99)
        year += 1900;
    else if (year >= 0 && year <= 69)
        year += 2000;
    if (time < 0 || time >= 86400 || month == 0 || year < 1601 || day < 1 || day > cookie_days_of_month(year, month))
        return 0;
    *seconds = cookie_days(year, month, day) * 86400 + time;
    return 1;
}

/* ------------------------------------------------------------------------------------------------------ 5.1.3 and 5.1.4 */

static inline int cookie_is_address(const char *host, int64_t size)
{
    int64_t at;
    if (memchr(host, ':', (size_t)size) != NULL)
        return 1;
    /* No name ends in a label of digits (WHATWG URL, "ends in a number"). */
    for (at = size; at > 0 && cookie_is_digit(host[at - 1]);)
        at--;
    return at < size && (at == 0 || host[at - 1] == '.');
}

/* Whether a host is this domain or lies in it; both in small letters. */
static inline int cookie_domain_matches(const char *host, int64_t host_size, const char *domain, int64_t domain_size)
{
    int64_t before = host_size - domain_size;
    if (before < 0 || memcmp(host + before, domain, (size_t)domain_size) != 0)
        return 0;
    return before == 0 || (host[before - 1] == '.' && !cookie_is_address(host, host_size));
}

/* The path of a request's target, without its query. */
static inline CookieText cookie_request_path(const char *target, int64_t size)
{
    CookieText path;
    path.at = target;
    for (path.size = 0; path.size < size && target[path.size] != '?' && target[path.size] != '#';)
        path.size++;
    if (path.size == 0 || path.at[0] != '/') {
        path.at = "/";
        path.size = 1;
    }
    return path;
}

/* The path of a cookie that names none. */
static inline CookieText cookie_default_path(CookieText path)
{
    while (path.size > 1 && path.at[path.size - 1] != '/')
        path.size--;
    if (path.size > 1)
        path.size--;
    return path;
}

static inline int cookie_path_matches(CookieText path, const char *of, int64_t size)
{
    if (path.size < size || memcmp(path.at, of, (size_t)size) != 0)
        return 0;
    return path.size == size || of[size - 1] == '/' || path.at[size] == '/';
}

/* --------------------------------------------------------------------------------------------------------------- 5.2 */

static inline int cookie_has_control(const char *at, int64_t size)
{
    for (; size > 0; at++, size--)
        if (((uint8_t)*at < 0x20 && *at != '\t') || *at == 0x7F)
            return 1;
    return 0;
}

/* 5.2.2: when a Max-Age ends; 0: it is none. */
static inline int cookie_max_age(CookieText text, int64_t now_s, int64_t *expires_s)
{
    int64_t at = text.size > 0 && text.at[0] == '-', age = 0;
    if (text.size == at)
        return 0;
    for (; at < text.size; at++) {
        if (!cookie_is_digit(text.at[at]))
            return 0;
        /* A thousand years and more are for ever. */
        if (age < INT64_C(31556952000))
            age = 10 * age + (text.at[at] - '0');
    }
    if (text.at[0] == '-' || age == 0)
        *expires_s = COOKIE_PAST;
    else
        *expires_s = age < INT64_C(31556952000) ? now_s + age : COOKIE_NEVER;
    return 1;
}

/* One attribute, of which the last of its name counts. `aged`: a Max-Age has come, and overrides Expires. */
static inline void cookie_attribute(Cookie *cookie, CookieText name, CookieText value, int64_t now_s, int *aged)
{
    int64_t seconds;
    if (cookie_is(name, "expires")) {
        if (!*aged && cookie_date(value, &seconds))
            cookie->expires_s = seconds;
    } else if (cookie_is(name, "max-age")) {
        if (cookie_max_age(value, now_s, &seconds)) {
            cookie->expires_s = seconds;
            *aged = 1;
        }
    } else if (cookie_is(name, "domain")) {
        if (value.size > 0) {
            cookie->domain.at = value.at + (value.at[0] == '.');
            cookie->domain.size = value.size - (value.at[0] == '.');
        }
    } else if (cookie_is(name, "path")) {
        cookie->path = value;
        if (value.size == 0 || value.at[0] != '/')
            cookie->path.size = 0;
    } else if (cookie_is(name, "secure"))
        cookie->is_secure = 1;
}

/* Split a text at the first `mark`; 0: there is none, and `first` is all of it. */
static inline int cookie_split(const char *at, const char *end, char mark, CookieText *first, CookieText *second)
{
    const char *found = at < end ? memchr(at, mark, (size_t)(end - at)) : NULL;
    *first = cookie_trimmed(at, found == NULL ? end : found);
    *second = cookie_trimmed(found == NULL ? end : found + 1, end);
    return found != NULL;
}

/* Name and value of the line; 0: it is no cookie. `rest` are the attributes. */
static inline int cookie_pair(const char *line, int64_t size, Cookie *cookie, const char **rest)
{
    const char *end = line + size, *pair_end = size > 0 ? memchr(line, ';', (size_t)size) : NULL;
    if (cookie_has_control(line, size))
        return 0;
    *rest = pair_end == NULL ? end : pair_end + 1;
    return cookie_split(line, pair_end == NULL ? end : pair_end, '=', &cookie->name, &cookie->value) && cookie->name.size > 0;
}

/* Read a Set-Cookie; 0: it is none. The texts point into the line. */
static inline int cookie_read(const char *line, int64_t size, int64_t now_s, Cookie *cookie)
{
    const char *at, *end = line + size, *attribute_end;
    CookieText name, value;
    int aged = 0;
    memset(cookie, 0, sizeof(*cookie));
    cookie->expires_s = COOKIE_NEVER;
    if (!cookie_pair(line, size, cookie, &at))
        return 0;
    for (; at < end; at = attribute_end + (attribute_end < end)) {
        attribute_end = memchr(at, ';', (size_t)(end - at));
        if (attribute_end == NULL)
            attribute_end = end;
        cookie_split(at, attribute_end, '=', &name, &value);
        cookie_attribute(cookie, name, value, now_s, &aged);
    }
    return 1;
}

/* ------------------------------------------------------------------------------------------------------- into a slot */

/* COOKIE_NO_ROOM: it is longer than the slot's limit, or there is no memory for it. */
typedef enum { COOKIE_OTHER, COOKIE_FOUND, COOKIE_NO_ROOM } CookieFound;

/* Put the value of a Set-Cookie into the slot where it is the cookie of that name; its attributes make no difference. */
static inline CookieFound cookie_extract(const char *line, int64_t size, const char *name, int64_t name_size, Slot *slot)
{
    Cookie cookie;
    const char *rest;
    if (!cookie_pair(line, size, &cookie, &rest) || cookie.name.size != name_size
        || memcmp(cookie.name.at, name, (size_t)name_size) != 0)
        return COOKIE_OTHER;
    return slot_set(slot, cookie.value.at, cookie.value.size) ? COOKIE_FOUND : COOKIE_NO_ROOM;
}

#endif
