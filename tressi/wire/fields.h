/* The names of the fields that anything here is interested in, each known by its number from then on. */
#ifndef TRESSI_FIELDS_H
#define TRESSI_FIELDS_H

#include <stdint.h>

enum tressi_field {
    TRESSI_CONTENT_LENGTH,
    TRESSI_TRANSFER_ENCODING,
    TRESSI_CONNECTION,
    TRESSI_CONTENT_ENCODING,
    TRESSI_LOCATION,
    TRESSI_KEEP_ALIVE,
    TRESSI_GRPC_STATUS,
    TRESSI_GRPC_MESSAGE,
    TRESSI_OTHER,
};
/* As long as the longest of them. */
enum { TRESSI_NAME_LIMIT = 17 };

/* In lower case, by number. */
static const char *const tressi_names[TRESSI_OTHER] = {
    "content-length", "transfer-encoding", "connection", "content-encoding", "location",
    "keep-alive", "grpc-status", "grpc-message",
};
/* Which of them have so many bytes: bit i stands for number i. Most fields of a response are told to be none by this alone. */
static const uint32_t tressi_of_size[TRESSI_NAME_LIMIT + 1] = {
    [8] = 1u << TRESSI_LOCATION,
    [10] = 1u << TRESSI_CONNECTION | 1u << TRESSI_KEEP_ALIVE,
    [11] = 1u << TRESSI_GRPC_STATUS,
    [12] = 1u << TRESSI_GRPC_MESSAGE,
    [14] = 1u << TRESSI_CONTENT_LENGTH,
    [16] = 1u << TRESSI_CONTENT_ENCODING,
    [17] = 1u << TRESSI_TRANSFER_ENCODING,
};

/* The number of a name whose bytes are those of tokens (RFC 9110 5.6.2), where it is one of those `wanted`. */
static inline enum tressi_field tressi_field_number(const char *name, int64_t size, uint32_t wanted) {
    uint32_t left = size <= TRESSI_NAME_LIMIT ? tressi_of_size[size] & wanted : 0;
    for (; left; left &= left - 1) {
        int number = __builtin_ctz(left);
        int64_t at = 0;
        /* The bit makes lower case of upper; no other byte of a token becomes one of a name by it. */
        while (at < size && (name[at] | 0x20) == tressi_names[number][at]) at++;
        if (at == size) return (enum tressi_field) number;
    }
    return TRESSI_OTHER;
}

#endif
