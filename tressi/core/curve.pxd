"""A curve of Python's as the token bucket takes it."""

from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc

from tressi.core.bucket cimport Knot

cdef inline Knot* knots_of(points, int32_t* count) except NULL:
    """The points (seconds from the curve's origin, starts per second) as knots, to be freed by the caller.

    Raises ValueError where the points are not a curve, MemoryError.
    """
    cdef Knot* knots
    cdef int32_t index
    cdef double at_s, rate, before_s = 0.0
    if not points:
        raise ValueError("a curve has one point at least")
    knots = <Knot*> malloc(len(points) * sizeof(Knot))
    if knots == NULL:
        raise MemoryError
    count[0] = <int32_t> len(points)
    for index, (at_s, rate) in enumerate(points):
        if not (rate >= 0 and rate <= 1e9) or not (at_s >= before_s and at_s <= 1e9):
            free(knots)
            raise ValueError(f"a curve with {rate} per second at {at_s} s: rates are 0 to 1e9, and times go on")
        knots[index] = Knot(<long long> (at_s * 1e9 + 0.5), rate)
        before_s = at_s
    return knots
