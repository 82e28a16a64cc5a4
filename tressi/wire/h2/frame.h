/* HTTP/2's error codes by their numbers (RFC 9113 7), and what is wrong with a response in words. */
#ifndef TRESSI_H2_FRAME_H
#define TRESSI_H2_FRAME_H

enum { TRESSI_CODES = 14 };
static const char *const tressi_codes[TRESSI_CODES + 1] = {
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED", "an unknown error code" };

#endif
