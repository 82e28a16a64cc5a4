"""Random numbers that a seed decides. Each user of them has a state of its own, a number of 64 bits that is never 0."""

from libc.stdint cimport uint64_t

cdef inline uint64_t random_next(uint64_t* state) noexcept nogil:
    # xorshift64*; the state is never 0.
    state[0] ^= state[0] >> 12
    state[0] ^= state[0] << 25
    state[0] ^= state[0] >> 27
    return state[0] * <uint64_t> 2685821657736338717


cdef inline uint64_t random_seeded(uint64_t seed) noexcept nogil:
    # splitmix64's finaliser, so that neighbouring seeds give unrelated streams.
    seed = (seed + 1) * <uint64_t> 0x9E3779B97F4A7C15
    seed = (seed ^ (seed >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    seed = (seed ^ (seed >> 27)) * <uint64_t> 0x94D049BB133111EB
    return (seed ^ (seed >> 31)) | 1
