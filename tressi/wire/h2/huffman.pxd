"""HPACK's Huffman code (RFC 7541 5.2), in both directions; its tables are made by scripts/hpack-tables."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "wire/h2/tables.h":
    const uint32_t* WORDS "tressi_words"
    const uint8_t* WORD_BITS "tressi_word_bits"
    const uint16_t* SHORT_WORDS "tressi_short_words"
    const uint32_t* FIRST_WORDS "tressi_first_words"
    const uint16_t* FIRST_PLACES "tressi_first_places"
    const uint16_t* BY_WORD "tressi_by_word"
    enum:
        SHORT_BITS "TRESSI_SHORT_BITS"
        LONGEST_WORD "TRESSI_LONGEST_WORD"

cdef enum:
    END_OF_STRING = 256            # what no string may contain
    PADDING_BITS = 8               # as many are too many


cdef inline int64_t huffman_room(int64_t size) noexcept nogil:
    """How many bytes a string of `size` bytes may say at most: the shortest word has 5 bits."""
    return size * 8 // 5


cdef inline int long_word(uint64_t bits, int held, int* length) noexcept nogil:
    """What a longer word stands for, and its length; -1: it has not come whole."""
    cdef uint32_t word
    length[0] = SHORT_BITS
    while length[0] < min(held, <int> LONGEST_WORD):
        length[0] += 1
        word = <uint32_t> (bits >> (64 - length[0])) - FIRST_WORDS[length[0]]
        if word < <uint32_t> (FIRST_PLACES[length[0] + 1] - FIRST_PLACES[length[0]]):
            return BY_WORD[FIRST_PLACES[length[0]] + word]
    return -1


cdef inline int64_t huffman_decode(const uint8_t* at, int64_t size, char* said) noexcept nogil:
    """Decode into `said`, which has `huffman_room`; returns the size, or -1: no string is coded like that."""
    cdef const uint8_t* end = at + size
    cdef char* here = said
    cdef uint64_t bits = 0
    cdef int held = 0, length, symbol
    while True:
        while held <= 56 and at < end:
            bits |= <uint64_t> at[0] << (56 - held)
            held += 8
            at += 1
        length = SHORT_WORDS[bits >> (64 - SHORT_BITS)]
        symbol = length & 0xff
        length >>= 8
        if length == 0:
            symbol = long_word(bits, held, &length)
            if symbol < 0:
                break
            if symbol == END_OF_STRING:
                return -1
        if length > held:
            break
        here[0] = <char> symbol
        here += 1
        bits <<= length
        held -= length
    # What is left is the beginning of the end's word, which is all ones.
    if held >= PADDING_BITS or (held > 0 and bits >> (64 - held) != (<uint64_t> 1 << held) - 1):
        return -1
    return here - said


cdef inline int64_t huffman_size(const uint8_t* at, int64_t size) noexcept nogil:
    """How many bytes a string takes when it is coded."""
    cdef int64_t index, bits = 0
    for index in range(size):
        bits += WORD_BITS[at[index]]
    return (bits + 7) // 8


cdef inline char* huffman_encode(const uint8_t* at, int64_t size, char* to) noexcept nogil:
    """Write a string coded, `huffman_size` bytes of it; returns where it ends."""
    cdef uint64_t bits = 0
    cdef int held = 0
    cdef int64_t index
    for index in range(size):
        bits = bits << WORD_BITS[at[index]] | WORDS[at[index]]
        held += WORD_BITS[at[index]]
        while held >= 8:
            held -= 8
            to[0] = <char> (bits >> held)
            to += 1
    if held > 0:
        to[0] = <char> (bits << (8 - held) | <uint64_t> (0xff >> held))
        to += 1
    return to
