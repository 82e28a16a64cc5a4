"""A flow as operations that a lane walks (`request.program`): made before the run, only read by the hot path.

It sends nothing by itself. See walk.pxd for what a lane does at each operation.
"""

from libc.math cimport log
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from tressi.core.random cimport random_next

cdef enum OperationKind:
    SEND
    THINK
    THINK_UNIFORM
    THINK_EXPONENTIAL
    CHOOSE
    JUMP
    COUNT
    AGAIN
    DRAW
    DONE

# `number`, `target` and `count` are those of `request.program.Operation`.
cdef struct Operation:
    int32_t kind
    int32_t number
    int32_t target
    int32_t count
    int64_t low_ns
    int64_t high_ns

# The first option whose `until` a random number does not exceed is chosen.
cdef struct Option:
    uint64_t until
    int32_t target

cdef struct Flow:
    Operation* operations
    Option* options
    int32_t* drawn                 # numbers of sources
    int32_t* rows                  # numbers of sources with rows that are used once: those drawn in `begin`, then the others
    int32_t begin_row_count
    int32_t row_count              # of both
    int32_t begin                  # where each part begins
    int32_t steps
    int32_t end
    int32_t counters
    int32_t slots                  # values that a user keeps
    int32_t slot_bytes             # of each, at most
    int32_t matches                # that one response may need at once
    uint8_t has_end
    uint8_t goes_on                # a failed step does not end it
    uint8_t has_jar


cdef inline int32_t option_of(const Flow* flow, const Operation* operation, uint64_t random) noexcept nogil:
    """Where one of the operation's options leads, by chance."""
    cdef int32_t place = operation.number
    while random > flow.options[place].until:
        place += 1
    return flow.options[place].target


cdef inline int64_t thought_ns(const Operation* operation, uint64_t* random) noexcept nogil:
    """How long a pause lasts."""
    # 53 random bits, shifted off zero: the logarithm is finite.
    cdef double unit
    if operation.kind == THINK:
        return operation.low_ns
    unit = (<double> (random_next(random) >> 11) + 0.5) / 9007199254740992.0
    if operation.kind == THINK_UNIFORM:
        return operation.low_ns + <int64_t> (unit * <double> (operation.high_ns - operation.low_ns))
    return <int64_t> (-log(unit) * <double> operation.low_ns)
