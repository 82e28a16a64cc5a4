"""The sliding window of one endpoint: running sums, copied every 100 ms into a ring of slots.

A slot holds what the sums were at its boundary, so the sums over any span of slots are one subtraction, whatever the
span. Only the peak is a slot's own. Lane-seconds are integrals over time: they are brought up to date at each change.
"""

from libc.math cimport fmax
from libc.stdint cimport int64_t

from tressi.core.clock cimport NS_PER_MS, NS_PER_S

cdef enum:
    SLOTS = 600                    # a minute: twice the default timeout
    SLOT_NS = 100 * NS_PER_MS
    PEAK_SPAN_SLOTS = 100          # 10 s
    PEAK_ATTEMPTS = 30
    WINDOW_ATTEMPTS = 10

cdef struct Sums:
    int64_t succeeded
    int64_t failed
    int64_t missed                 # because no lane was free
    int64_t missed_late            # while a lane was free
    int64_t occupied_ns            # of the attempts that ended
    int64_t service_ns             # of the responses that came
    int64_t lane_ns                # lanes present, integrated over time
    int64_t occupied_lane_ns       # lanes occupied, integrated over time
    double scheduled               # position of the schedule
    int64_t peak                   # most lanes occupied at once since the last boundary

cdef struct Window:
    Sums now
    int64_t start_ns
    int64_t boundaries             # passed; boundary i lies at start_ns + i * SLOT_NS
    int64_t lanes                  # present now
    int64_t occupied               # occupied now
    int64_t changed_ns             # up to when the lane integrals hold
    int64_t older                  # attempts in flight older than the mean occupied time, at the last boundary
    int64_t older_ns               # the sum of their ages
    Sums slots[SLOTS]

cdef struct WindowSums:
    Sums sums                      # over the span; peak over its own span
    int64_t span_ns
    int64_t full                   # 1: the ring reaches back as far as the rule asks
    int64_t older
    int64_t older_ns


cdef inline void window_init(Window* window, int64_t start_ns) noexcept nogil:
    # The memory is zero; only the times differ.
    window.start_ns = start_ns
    window.changed_ns = start_ns


cdef inline void window_integrate(Window* window, int64_t now_ns) noexcept nogil:
    cdef int64_t passed_ns = now_ns - window.changed_ns
    if passed_ns > 0:
        # 2**63 ns hold 10,000 lanes for ten days.
        window.now.lane_ns += window.lanes * passed_ns
        window.now.occupied_lane_ns += window.occupied * passed_ns
        window.changed_ns = now_ns


cdef inline void window_occupy(Window* window, int64_t now_ns, int64_t lanes) noexcept nogil:
    """`lanes` more (or fewer) are occupied from now on."""
    window_integrate(window, now_ns)
    window.occupied += lanes
    if window.occupied > window.now.peak:
        window.now.peak = window.occupied


cdef inline void window_set_lanes(Window* window, int64_t now_ns, int64_t lanes) noexcept nogil:
    window_integrate(window, now_ns)
    window.lanes = lanes


cdef inline int64_t window_boundary_ns(const Window* window) noexcept nogil:
    """When the next slot begins."""
    return window.start_ns + (window.boundaries + 1) * SLOT_NS


cdef inline void window_close_slot(Window* window, double scheduled) noexcept nogil:
    """Close the current slot; `scheduled` is the schedule's position at the boundary."""
    window_integrate(window, window_boundary_ns(window))
    window.boundaries += 1
    window.now.scheduled = scheduled
    window.slots[window.boundaries % SLOTS] = window.now
    window.now.peak = window.occupied


cdef inline int64_t window_oldest(const Window* window) noexcept nogil:
    return window.boundaries - SLOTS + 1 if window.boundaries >= SLOTS else 0


cdef inline void window_over(const Window* window, int64_t slots, WindowSums* out) noexcept nogil:
    """The sums over the last `slots` slots, or as many as there are."""
    cdef int64_t begin = max(window.boundaries - slots, window_oldest(window))
    cdef const Sums* last = &window.slots[window.boundaries % SLOTS]
    cdef const Sums* first = &window.slots[begin % SLOTS]
    out.full = begin == window.boundaries - slots
    out.span_ns = (window.boundaries - begin) * SLOT_NS
    out.sums.succeeded = last.succeeded - first.succeeded
    out.sums.failed = last.failed - first.failed
    out.sums.missed = last.missed - first.missed
    out.sums.missed_late = last.missed_late - first.missed_late
    out.sums.occupied_ns = last.occupied_ns - first.occupied_ns
    out.sums.service_ns = last.service_ns - first.service_ns
    out.sums.lane_ns = last.lane_ns - first.lane_ns
    out.sums.occupied_lane_ns = last.occupied_lane_ns - first.occupied_lane_ns
    out.sums.scheduled = last.scheduled - first.scheduled
    out.older = window.older
    out.older_ns = window.older_ns


cdef inline int64_t window_attempts(const WindowSums* sums) noexcept nogil:
    return sums.sums.succeeded + sums.sums.failed


cdef inline double window_mean_occupied_ns(const WindowSums* sums) noexcept nogil:
    """Mean occupied time, the old attempts in flight counted with their age; 0 without any."""
    cdef int64_t attempts = window_attempts(sums) + sums.older
    return <double> (sums.sums.occupied_ns + sums.older_ns) / attempts if attempts else 0.0


cdef inline int64_t slots_for(double span_ns) noexcept nogil:
    # Compared as doubles: a span without bound must not overflow.
    return <int64_t> (span_ns / SLOT_NS) + 1 if span_ns < <double> SLOTS * SLOT_NS else SLOTS


cdef inline int64_t window_peak(const Window* window) noexcept nogil:
    """Most lanes occupied at once over the last max(10 s, 30 attempts)."""
    cdef int64_t index = window.boundaries, oldest = window_oldest(window), peak = window.now.peak
    cdef const Sums* last = &window.slots[window.boundaries % SLOTS]
    cdef const Sums* slot
    while index > oldest:
        slot = &window.slots[index % SLOTS]
        if (window.boundaries - index >= PEAK_SPAN_SLOTS
                and last.succeeded + last.failed - slot.succeeded - slot.failed >= PEAK_ATTEMPTS):
            break
        peak = max(peak, slot.peak)
        index -= 1
    return peak


cdef inline void window_read(const Window* window, WindowSums* out) noexcept nogil:
    """The window at the last boundary: at least 1 s, 10 expected attempts, and twice the mean occupied time."""
    cdef double span_ns = NS_PER_S, rate
    window_over(window, slots_for(span_ns - 1), out)
    if out.span_ns > 0:
        rate = out.sums.scheduled if out.sums.scheduled > 0 else <double> window_attempts(out)
        if rate > 0:
            span_ns = fmax(span_ns, WINDOW_ATTEMPTS * out.span_ns / rate)
            window_over(window, slots_for(span_ns - 1), out)
        if 2 * window_mean_occupied_ns(out) > span_ns:
            span_ns = 2 * window_mean_occupied_ns(out)
            window_over(window, slots_for(span_ns - 1), out)
    # A span beyond the ring is full when the ring is: no more will ever be known.
    out.full = out.full or window.boundaries >= SLOTS
    out.sums.peak = window_peak(window)
