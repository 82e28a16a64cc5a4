"""The Python border of `core/`: token bucket, sliding window, histogram and arena, usable on their own."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap

import os

from tressi._histogram cimport Histogram
from tressi.core cimport arena as layout
from tressi.core cimport bucket as buckets
from tressi.core cimport epoll
from tressi.core cimport histogram as hdr
from tressi.core cimport random as numbers
from tressi.core cimport rates
from tressi.core cimport window as windows
from tressi.core.curve cimport knots_of
from tressi.core.reading cimport COPIED, block_counters, block_look, head_bytes, histograms_copy, window_tuple, without

HAS_EPOLL = bool(epoll.HAS_EPOLL)
# What is cimported is no name of Python's, so Python code that has the arena may import its histogram from here.
globals()["Histogram"] = Histogram
HIGHEST_US = hdr.highest_us()
SLOT_NS = windows.SLOT_NS


cdef class TokenBucket:
    """When requests are due: a rate curve turned into starts, one token each. Times are nanoseconds of any one clock.

    For example 200 starts a second, one each 5 ms. The first is due at once, the next one 5 ms later; somebody who comes at
    12 ms gets those of 5 and 10 ms, each with the time at which it was due:

    >>> bucket = TokenBucket(200)
    >>> bucket.take(0), bucket.take(0)
    ((True, 0), (False, 5000000))
    >>> [bucket.take(12_000_000) for _ in range(3)]
    [(True, 5000000), (True, 10000000), (False, 15000000)]
    """

    cdef buckets.Bucket bucket
    cdef object log                # whose memory the bucket reads

    def __init__(
        self, double rate, *, int64_t start_ns=0, int64_t ramp_ns=0, double phase=0.0, int64_t burst_ns=100_000_000,
        seed=None,
    ):
        cdef int32_t count
        cdef buckets.Knot* knots
        cdef uint64_t random = 0 if seed is None else numbers.random_seeded(<uint64_t> (seed & 0xFFFFFFFFFFFFFFFF))
        if not (rate >= 0 and rate <= 1e9) or not 0 <= phase < 1 or ramp_ns < 0 or burst_ns < 0:
            raise ValueError(f"rate {rate} (0 to 1e9), phase {phase} (0 to below 1), ramp and burst (0 ns or more)")
        points = [(ramp_ns / 1e9, rate)]
        knots = knots_of([(0.0, 0.0), *points] if ramp_ns else points, &count)
        made = rates.bucket_init(&self.bucket, knots, count, start_ns, phase, burst_ns, random)
        free(knots)
        if not made:
            raise MemoryError

    def __dealloc__(self):
        buckets.bucket_free(&self.bucket)

    def take(self, int64_t now_ns):
        """Ask for a start: (True, when it was due) or (False, the time before which there is none)."""
        cdef int64_t due_ns
        cdef buckets.Skipped skipped
        granted = buckets.bucket_take(&self.bucket, now_ns, &due_ns, &skipped) == buckets.GRANTED
        return granted, due_ns

    def settle(self, int64_t now_ns):
        """Give up the starts beyond the burst allowance; returns (how many, first due time, last due time)."""
        cdef buckets.Skipped skipped
        buckets.bucket_settle(&self.bucket, now_ns, &skipped)
        if skipped.count == 0:
            return 0, 0, 0
        return skipped.count, skipped.first_due_ns, skipped.last_due_ns

    def end(self, int64_t now_ns):
        """End the schedule: every start due and not granted is given up; returns how many were now."""
        cdef buckets.Skipped skipped
        rates.bucket_end(&self.bucket, now_ns, &skipped)
        return skipped.count

    def set_rate(self, double rate, int64_t now_ns):
        """Hold `rate` from `now_ns` on; 0 pauses."""
        if not (rate >= 0 and rate <= 1e9):
            raise ValueError(f"rate {rate} (0 to 1e9)")
        rates.bucket_set_rate(&self.bucket, rate, now_ns)

    def follow(self, points, int64_t now_ns, *, int64_t origin_ns=0):
        """From `now_ns` on follow a curve: points of (seconds after `origin_ns`, rate). Its last rate is held."""
        cdef int32_t count
        cdef buckets.Knot* knots = knots_of(points, &count)
        followed = rates.bucket_follow(&self.bucket, knots, count, origin_ns, now_ns)
        free(knots)
        if not followed:
            raise MemoryError

    def replay(
        self, const int64_t[::1] times not None, *, int64_t period_ns=0, int64_t first=0, int64_t of=1, int64_t origin_ns=0,
    ):
        """Have the times of a log as starts: those of bucket number `first` of the `of` that share it.

        They count from `origin_ns`. With `period_ns` they come again after that time, for ever.
        """
        if not 0 <= first < of or len(times) == 0 or not (period_ns == 0 or period_ns > times[len(times) - 1]):
            raise ValueError(f"{len(times)} times for bucket {first} of {of}, of a log of {period_ns} ns")
        self.log = times
        buckets.bucket_replay(&self.bucket, &times[0], len(times), period_ns, first, of, origin_ns)

    def hold(self, int64_t now_ns):
        """Let nothing of the log be due from now on."""
        buckets.bucket_hold(&self.bucket, now_ns)

    def release(self, int64_t now_ns):
        """Go on with what is due from now on; returns how many starts were given up that were due before the hold."""
        cdef buckets.Skipped skipped
        buckets.bucket_release(&self.bucket, now_ns, &skipped)
        return skipped.count

    def stop_at(self, int64_t stop_ns):
        """Let the schedule end by itself: nothing is due at `stop_ns` or after it."""
        buckets.bucket_stop_at(&self.bucket, stop_ns)

    def position(self, int64_t now_ns):
        """The integral of the rate up to `now_ns`: starts asked for, with the fraction of the next."""
        return buckets.bucket_position(&self.bucket, now_ns)

    def rate(self, int64_t now_ns):
        """Starts per second asked for at `now_ns`."""
        return buckets.bucket_rate(&self.bucket, now_ns)

    @property
    def granted(self):
        return self.bucket.granted

    @property
    def missed(self):
        return self.bucket.missed


cdef class SlidingWindow:
    """Running sums of one endpoint and their copies at every 100 ms boundary since `start_ns`."""

    cdef windows.Window* window

    def __cinit__(self, int64_t start_ns=0):
        self.window = <windows.Window*> calloc(1, sizeof(windows.Window))
        if self.window == NULL:
            raise MemoryError
        windows.window_init(self.window, start_ns)

    def __dealloc__(self):
        free(self.window)

    def attempt(self, bint succeeded, int64_t occupied_ns, int64_t service_ns):
        """An attempt ended in the current slot."""
        if succeeded:
            self.window.now.succeeded += 1
        else:
            self.window.now.failed += 1
        self.window.now.occupied_ns += occupied_ns
        self.window.now.service_ns += service_ns

    def miss(self, int64_t count, bint late):
        """`count` starts were given up, `late`: while a lane was free."""
        if late:
            self.window.now.missed_late += count
        else:
            self.window.now.missed += count

    def occupy(self, int64_t now_ns, int64_t lanes):
        """`lanes` more (or fewer) are occupied from now on."""
        windows.window_occupy(self.window, now_ns, lanes)

    def set_lanes(self, int64_t now_ns, int64_t lanes):
        """`lanes` are present from now on."""
        windows.window_set_lanes(self.window, now_ns, lanes)

    def close_slot(self, double scheduled, int64_t older=0, int64_t older_ns=0):
        """Close the slot; `scheduled` is the schedule's position at its boundary, `older` the old attempts in flight."""
        self.window.older = older
        self.window.older_ns = older_ns
        windows.window_close_slot(self.window, scheduled)

    def read(self):
        """The window at the last boundary, as the fields of `model.Window` in order."""
        cdef windows.WindowSums sums
        windows.window_read(self.window, &sums)
        return window_tuple(&sums)


cdef int memory_file() except -1:
    """A file that no path leads to: of memory, or where the system has none such, a temporary one that is unlinked."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("tressi-arena", os.MFD_CLOEXEC)
    import tempfile
    descriptor, path = tempfile.mkstemp(prefix="tressi-arena-")
    os.unlink(path)
    return descriptor


cdef class Arena:
    """One engine's metrics in a memory file. Without `fd` a new one is made; with it, an existing one is read.

    `fd` may be passed to another process; the memory goes with the last process that has it. For example the books of two
    endpoints, of which the first has one answer of 1.5 ms with status 200:

    >>> arena = Arena(2)
    >>> arena.attempt(0, 200, 1_500, 1_700)
    >>> arena.counters(0)["succeeded"], arena.counters(0)["status_codes"], arena.times(0)["service"].count
    (1, {200: 1}, 1)
    >>> arena.counters(1)["succeeded"]
    0
    """

    def __cinit__(self, int64_t endpoints, fd=None):
        cdef int64_t index, place
        self.header, self.seen = NULL, NULL
        self.size = sizeof(layout.Header) + endpoints * sizeof(layout.EndpointBlock)
        self.fd = memory_file() if fd is None else fd
        if fd is None:
            os.ftruncate(self.fd, self.size)
        elif os.fstat(self.fd).st_size < self.size:
            raise ValueError(f"the arena is too small for {endpoints} endpoints")
        memory = mmap(NULL, self.size, PROT_READ | PROT_WRITE, MAP_SHARED, self.fd, 0)
        if memory == MAP_FAILED:
            raise MemoryError
        self.header = <layout.Header*> memory
        if fd is None:
            self.header.endpoints = endpoints
            self.header.block_bytes = sizeof(layout.EndpointBlock)
            hdr.tally_clear(&self.header.own_delay.tally)
            hdr.tally_clear(&self.header.late_sends.tally)
            hdr.tally_clear(&self.header.shared_arrival.tally)
            for index in range(endpoints):
                for place in range(COPIED):
                    hdr.tally_clear(&(&self.block(index).service + place).tally)
        elif self.header.endpoints != endpoints or self.header.block_bytes != sizeof(layout.EndpointBlock):
            raise ValueError("the arena has another layout")
        self.seen = <layout.EndpointBlock*> malloc(head_bytes())
        if self.seen == NULL:
            raise MemoryError
        self.copies = [None] * endpoints

    def __dealloc__(self):
        free(self.seen)
        if self.header != NULL:
            munmap(self.header, self.size)
            os.close(self.fd)

    cdef layout.EndpointBlock* block(self, int64_t index) noexcept:
        return layout.block_at(self.header, index)

    cdef layout.EndpointBlock* checked(self, int64_t index) except NULL:
        if not 0 <= index < self.header.endpoints:
            raise IndexError(f"endpoint {index} of {self.header.endpoints}")
        return self.block(index)

    def counters(self, int64_t index, int64_t now_ns=0):
        """Everything counted for endpoint `index`, by the names of `model.EndpointSnapshot`.

        Lane-seconds and the age of the oldest attempt under way are those of `now_ns` on CLOCK_MONOTONIC, or (0) those of
        the engine's last word.
        """
        cdef windows.WindowSums sums
        block_look(self.seen, &sums, self.checked(index))
        return block_counters(self.seen, &sums, now_ns)

    def times(self, int64_t index):
        """Endpoint `index`'s latencies of one moment, by the names of `model.EndpointSnapshot`; they must not be changed."""
        cdef layout.EndpointBlock* block = self.checked(index)
        cdef const hdr.Histogram* sources[COPIED]
        cdef int64_t place
        cdef Histogram first_byte
        for place in range(COPIED):
            sources[place] = &block.service + place
        copies = self.copies[index] = histograms_copy(sources, COPIED, &block.sequence, self.copies[index])
        service, response, failed, parted, parted_first, connect, tls = copies
        first_byte = without(service, parted)
        if first_byte is not service:
            first_byte.merge(parted_first)
        return {
            "service": service, "response": response, "success": without(service, failed), "first_byte": first_byte,
            "connect": connect, "tls": tls,
        }

    def reasons(self, int64_t index):
        """(position in ERROR_KINDS, words, count) of why attempts failed before a request was sent."""
        cdef layout.EndpointBlock* block = self.checked(index)
        if block.reasons[0].count == 0:        # the first that comes stands first
            return []
        return [
            (reason.kind, reason.text.decode("utf-8", "replace"), reason.count)
            for reason in block.reasons[:layout.REASONS] if reason.count
        ]

    def samples(self, int64_t index):
        """(status, beginning of the body, truncated) of each response kept."""
        cdef layout.EndpointBlock* block = self.checked(index)
        if block.samples_taken == 0:           # each sample lies on a page of its own
            return []
        return [
            (block.samples[i].status, block.samples[i].body[:block.samples[i].length], bool(block.samples[i].truncated))
            for i in range(layout.SAMPLES) if block.samples[i].status
        ]

    def set_workers(self, int64_t index, int64_t workers, int64_t draining):
        """Publish how many workers endpoint `index` has, and how many more are finishing their last requests."""
        cdef layout.EndpointBlock* block = self.checked(index)
        block.workers = workers
        block.draining = draining
        block.peak_workers = max(block.peak_workers, workers)

    @property
    def start_ns(self):
        """When the engine started, on CLOCK_MONOTONIC; 0: not yet."""
        return self.header.start_ns

    @property
    def over_ns(self):
        """When the last attempt of a run that had nothing more to send had ended, on CLOCK_MONOTONIC; 0: not yet."""
        return self.header.over_ns

    @property
    def lapsed_ns(self):
        """When the engine's lease was over, on CLOCK_MONOTONIC; 0: it is not."""
        return self.header.lapsed_ns

    def generator(self):
        """What the engine counted of itself, by the names of `model.GeneratorSnapshot`."""
        cdef const hdr.Histogram* sources[3]
        sources[0], sources[1] = &self.header.own_delay, &self.header.late_sends
        sources[2] = &self.header.shared_arrival
        own_delay, late_sends, shared_arrival = histograms_copy(sources, 3, &self.header.sequence)
        return {
            "cpu_s": self.header.cpu_ns / 1e9, "run_queue_s": self.header.run_queue_ns / 1e9,
            "own_delay": own_delay, "late_sends": late_sends, "shared_arrival": shared_arrival,
            "kernel_timed": self.header.kernel_timed, "user_timed": self.header.user_timed,
            "disturbed": self.header.disturbed,
        }

    def attempt(
        self, int64_t index, int64_t status, int64_t service_us, int64_t response_us, bint succeeded=True,
        first_byte_us=None,
    ):
        """Record a response from Python, as the reactor would: for tests and for transports without a reactor.

        `first_byte_us` is given where the response came in several pieces.
        """
        cdef layout.EndpointBlock* block = self.checked(index)
        cdef int64_t parted_us = -1 if first_byte_us is None else first_byte_us
        if not layout.LOWEST_STATUS <= status < layout.LOWEST_STATUS + layout.STATUSES:
            raise ValueError(f"status {status}: must be 100 to 999, or one of gRPC's from 1000 on")
        layout.write_begin(&block.sequence)
        layout.block_attempt(block, succeeded, service_us * 1000)
        layout.block_response(block, status, service_us * 1000, response_us * 1000)
        if not succeeded:
            layout.block_failed(block, service_us * 1000)
        if parted_us >= 0:
            layout.block_parted(block, service_us * 1000, parted_us * 1000)
        layout.write_end(&block.sequence)
