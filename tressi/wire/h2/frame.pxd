"""Frames (RFC 9113 4.1 and 6): their heads, flags and codes, and how they are written."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef extern from "wire/h2/frame.h":
    const char** CODES "tressi_codes"
    enum:
        CODE_COUNT "TRESSI_CODES"

cdef enum FrameKind:
    DATA
    HEADERS
    PRIORITY
    RST_STREAM
    SETTINGS
    PUSH_PROMISE
    PING
    GOAWAY
    WINDOW_UPDATE
    CONTINUATION

cdef enum:
    END_STREAM = 0x1
    ACK = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITISED = 0x20

cdef enum Code:
    NO_ERROR
    PROTOCOL_ERROR
    INTERNAL_ERROR
    FLOW_CONTROL_ERROR
    SETTINGS_TIMEOUT
    STREAM_CLOSED
    FRAME_SIZE_ERROR
    REFUSED_STREAM
    CANCEL
    COMPRESSION_ERROR
    CONNECT_ERROR
    ENHANCE_YOUR_CALM

cdef enum Setting:
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6

cdef enum:
    FRAME_HEAD = 9                 # bytes
    FRAME_BYTES = 16384            # of a frame at most, unless a side has said more (6.5.2)
    HIGHEST_FRAME_BYTES = 16777215
    WINDOW = 65535                 # unless a side has said otherwise (6.9.2)
    HIGHEST_WINDOW = 2147483647
    HIGHEST_ID = 2147483647

cdef struct Frame:
    int32_t size                   # of its payload
    int32_t id                     # of its stream; 0: it is of the connection
    uint8_t kind                   # may be none of FrameKind
    uint8_t flags


cdef inline const char* code_name(uint32_t code) noexcept nogil:
    return CODES[min(code, <uint32_t> CODE_COUNT)]


cdef inline uint32_t number_at(const uint8_t* at) noexcept nogil:
    """Four bytes as a number."""
    return <uint32_t> at[0] << 24 | <uint32_t> at[1] << 16 | <uint32_t> at[2] << 8 | at[3]


cdef inline char* four_put(char* to, uint32_t number) noexcept nogil:
    to[0] = <char> (number >> 24)
    to[1] = <char> (number >> 16)
    to[2] = <char> (number >> 8)
    to[3] = <char> number
    return to + 4


cdef inline Frame frame_at(const uint8_t* at) noexcept nogil:
    """The head of a frame; the highest bit of its stream says nothing."""
    return Frame(
        at[0] << 16 | at[1] << 8 | at[2], <int32_t> (number_at(at + 5) & <uint32_t> HIGHEST_ID), at[3], at[4]
    )


cdef inline char* frame_put(char* to, int64_t size, FrameKind kind, uint8_t flags, int32_t stream) noexcept nogil:
    """Write the head of a frame; returns where its payload begins."""
    to[0] = <char> (size >> 16)
    to[1] = <char> (size >> 8)
    to[2] = <char> size
    to[3] = <char> kind
    to[4] = <char> flags
    return four_put(to + 5, <uint32_t> stream)


cdef inline char* setting_put(char* to, Setting setting, uint32_t value) noexcept nogil:
    to[0] = 0
    to[1] = <char> setting
    return four_put(to + 2, value)
