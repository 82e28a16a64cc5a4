"""An arena's blocks as values of Python: what was counted, the window, and copies of the histograms, all of one moment."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from tressi._histogram cimport Histogram
from tressi.core cimport arena as layout
from tressi.core cimport counters as spans
from tressi.core cimport histogram as hdr
from tressi.core cimport window as windows

cdef enum:
    COPIED = 7                     # the histograms of a block


cdef inline tuple window_tuple(const windows.WindowSums* of):
    """The fields of model.Window, in its order."""
    cdef windows.WindowSums sums = of[0]
    return (
        sums.span_ns / 1e9, bool(sums.full), windows.window_attempts(&sums), sums.sums.failed, sums.sums.scheduled,
        sums.sums.missed, sums.sums.missed_late, sums.sums.occupied_ns / 1e9, sums.sums.service_ns / 1e9,
        sums.older, sums.older_ns / 1e9, sums.sums.lane_ns / 1e9, sums.sums.occupied_lane_ns / 1e9, sums.sums.peak,
    )


cdef inline void histogram_copy_try(Histogram copy, const hdr.Histogram* source) except *:
    """One try of a reader: what is copied may be torn. The range only ever widens, so the next try overwrites it all."""
    cdef hdr.Tally* tally = &copy.body.tally
    tally[0] = source.tally
    tally.low, tally.high = max(tally.low, 0), min(tally.high, hdr.COUNTERS - 1)
    copy.cover(tally.low, tally.high)
    if tally.low <= tally.high:
        memcpy(
            spans.counter_at(&copy.body, tally.low), &source.counts[tally.low],
            (tally.high - tally.low + 1) * sizeof(int64_t),
        )


cdef inline list histograms_copy(const hdr.Histogram** sources, int64_t count, const int64_t* sequence, list known=None):
    """Copies of histograms that a process may be writing, all of one moment: their differences are never negative.

    `known` are the copies of the last time: what has as many values as then is the same, and is not copied again.
    """
    cdef list copies = [None] * count
    cdef Histogram copy
    cdef int64_t begun, index
    for tries in range(layout.READ_TRIES):
        begun = layout.read_try(sequence, tries)
        for index in range(count):
            # At the last try the writer was killed, perhaps between a counter and its tally.
            if known is not None and tries < layout.READ_TRIES - 1:
                copy = known[index]
                if copy.body.tally.count == sources[index].tally.count:
                    copies[index] = copy
                    continue
            copies[index] = copy = Histogram()
            histogram_copy_try(copy, sources[index])
        if layout.read_whole(sequence, begun):
            return copies
    for copy in copies:
        # The writer was killed between a counter and its tally.
        copy.body.tally.count = spans.counters_sum(&copy.body)
    return copies


cdef inline Histogram without(Histogram whole, Histogram part):
    """What of `whole` is not in `part`; itself where the part is empty, which costs no copy."""
    return whole.since(part) if part.body.tally.count else whole


cdef inline int64_t head_bytes() noexcept nogil:
    """How much of a block lies before the slots of its window, which are ten times as much."""
    cdef layout.EndpointBlock* block = NULL
    return <char*> &block.window.slots - <char*> block


cdef inline void block_look(
    layout.EndpointBlock* seen, windows.WindowSums* sums, const layout.EndpointBlock* block
) noexcept nogil:
    """Copy what a block has before the slots of its window, and read the window, all of one moment.

    The window is read where it stands: whatever is written meanwhile, its slots are found, and it is read again.
    """
    cdef int tries
    cdef int64_t begun
    for tries in range(layout.READ_TRIES):
        begun = layout.read_try(&block.sequence, tries)
        memcpy(seen, block, head_bytes())
        windows.window_read(&block.window, sums)
        if layout.read_whole(&block.sequence, begun):
            return


cdef inline dict block_counters(const layout.EndpointBlock* block, const windows.WindowSums* sums, int64_t now_ns):
    """What a block counts, its histograms apart; lane-seconds and ages are those of `now_ns`. Its slots are not looked at."""
    cdef int64_t i, since_ns = max(<int64_t> 0, now_ns - block.window.changed_ns)
    cdef dict statuses = {}
    cdef list errors = []
    for i in range(layout.STATUSES):
        if block.statuses[i]:
            statuses[i + layout.LOWEST_STATUS] = block.statuses[i]
    for i in range(layout.KINDS):
        errors.append(block.errors[i])
    return {
        "succeeded": block.window.now.succeeded, "failed": block.window.now.failed,
        "missed": block.window.now.missed + block.window.now.missed_late, "missed_late": block.window.now.missed_late,
        "bytes_sent": block.bytes_sent, "bytes_received": block.bytes_received,
        "connections_opened": block.connections_opened, "retries": block.retries, "redirects": block.redirects,
        "goaways": block.goaways, "streams_refused": block.streams_refused, "places_waited": block.places_waited,
        "h2_connections": block.h2_connections,
        "cut": block.cut, "abandoned": block.abandoned, "started": block.started,
        "status_codes": statuses, "errors": errors,
        "worker_count": block.workers, "draining": block.draining, "peak_worker_count": block.peak_workers,
        "target_rps": block.target_rps if block.target_rps >= 0 else None,
        "over": block.over,
        "scheduled": block.scheduled, "scheduled_s": block.scheduled_ns / 1e9,
        "lane_s": (block.window.now.lane_ns + block.window.lanes * since_ns) / 1e9,
        "occupied_lane_s": (block.window.now.occupied_lane_ns + block.window.occupied * since_ns) / 1e9,
        "in_flight": block.window.occupied,
        "oldest_s": max(0, now_ns - block.oldest_ns) / 1e9 if block.oldest_ns and block.window.occupied else 0.0,
        "window": window_tuple(sums),
    }
