"""All metrics of one engine in one flat block of shared memory: one writer, any number of readers, no lock.

    Header | EndpointBlock 0 | EndpointBlock 1 | …

Every field is 64 bits wide and aligned. A block's `sequence` is odd while it is written (a seqlock: Boehm, "Can seqlocks
get along with programming language memory models?", MSPC 2012): a reader copies, and copies again if the number changed.
A number that stays odd is a writer off its core, back within milliseconds, or one that was killed and never makes it even
again: after 10 tries the reader pauses in between, after 100 it gives up. Blocks are large but mostly never touched;
memory holds only the pages that were.
"""

from libc.stdint cimport int64_t
from libc.string cimport strncmp, strncpy
from posix.unistd cimport usleep

from tressi.core.histogram cimport Histogram, histogram_record
from tressi.core.window cimport Window

cdef extern from "core/sequence.h":
    void write_begin "tressi_write_begin" (int64_t* sequence) noexcept nogil
    void write_end "tressi_write_end" (int64_t* sequence) noexcept nogil
    int64_t read_begin "tressi_read_begin" (const int64_t* sequence) noexcept nogil
    int64_t read_end "tressi_read_end" (const int64_t* sequence) noexcept nogil

cdef enum:
    LOWEST_STATUS = 100
    GRPC_OK = 1000                 # the statuses of gRPC are counted behind those of HTTP, as vocabulary.GRPC_STATUSES has them
    GRPC_UNKNOWN = 1002
    GRPC_STATUSES = 17
    STATUSES = 917                 # 600 to 999 are no valid statuses, and yet some servers send them (RFC 9110 15)
    KINDS = 10                     # as many as vocabulary.ERROR_KINDS has
    SAMPLES = 16                   # bodies kept of one endpoint
    SAMPLES_PER_STATUS = 3
    SAMPLE_BYTES = 4072            # with its header a page
    REASONS = 8                    # different ones kept of one endpoint; the last counts all others
    REASON_BYTES = 112
    READ_TRIES = 100
    HASTY_TRIES = 10               # of them without a pause
    PAUSE_US = 100                 # between the others, 15 ms in all with the timer's slack

# Positions in vocabulary.ERROR_KINDS.
cdef enum ErrorKind:
    DNS
    CONNECT
    TLS
    SEND
    RESET
    CLOSED
    TIMEOUT
    PROTOCOL
    EXPECTATION
    EXTRACTION

cdef struct Sample:
    int64_t status                 # 0 until the body is complete
    int64_t length
    int64_t truncated
    char body[SAMPLE_BYTES]

# Why attempts failed, in words: the system's, the resolver's or OpenSSL's.
cdef struct Reason:
    int64_t kind
    int64_t count
    char text[REASON_BYTES]

cdef struct EndpointBlock:
    int64_t sequence
    int64_t bytes_sent
    int64_t bytes_received
    int64_t connections_opened
    int64_t retries
    int64_t redirects              # that were followed
    int64_t goaways                # of HTTP/2: servers that took no more requests on a connection,
    int64_t streams_refused        # requests that they did not process, and said so,
    int64_t places_waited          # attempts that waited because connections are limited (http2.connections),
    int64_t h2_connections         # and how many of the connections speak it
    int64_t abandoned              # users of a flow who were lost at this step
    int64_t started                # starts of a flow that a user has taken
    int64_t cut                    # attempts still under way when the graceful stop was over
    int64_t statuses[STATUSES]
    int64_t errors[KINDS]
    int64_t workers                # present, without those that are draining
    int64_t draining
    int64_t peak_workers
    int64_t oldest_ns              # when the oldest attempt under way took its token, at the last boundary; 0: none
    double target_rps              # asked for now, a shared pool's endpoint its even share; negative: no rate limits it
    double scheduled               # the integral of that rate since the start, up to …
    int64_t scheduled_ns           # … so long after the start
    int64_t over                   # why no more attempts begin, by its number in `wire.lane.Over`; 0: they do
    Window window
    Histogram service              # of all responses
    Histogram response
    Histogram failed               # service times of the responses that failed; those of successes are the rest
    Histogram parted               # service times of the responses that came in several reads …
    Histogram first_byte           # … and the times to their first byte; of the others it is the service time
    Histogram connect              # of each connection made
    Histogram tls                  # its handshake
    Reason reasons[REASONS]
    int64_t samples_taken
    Sample samples[SAMPLES]

cdef struct Header:
    int64_t sequence
    int64_t endpoints
    int64_t block_bytes            # a reader of another layout must refuse
    int64_t start_ns               # CLOCK_MONOTONIC
    int64_t over_ns                # when the last attempt of a run of limited endpoints had ended; 0: not yet
    int64_t lapsed_ns              # when its lease was over (wire/lease.pxd); 0: it is not
    int64_t cpu_ns                 # of the engine's thread
    int64_t run_queue_ns
    int64_t kernel_timed
    int64_t user_timed
    int64_t disturbed
    Histogram own_delay
    Histogram late_sends
    Histogram shared_arrival       # how much earlier a response may have arrived that shares its read with others


cdef inline EndpointBlock* block_at(Header* header, int64_t index) noexcept nogil:
    return <EndpointBlock*> (<char*> header + sizeof(Header)) + index


cdef inline int64_t read_try(const int64_t* sequence, int tries) noexcept nogil:
    """Begin a reader's next try, with a pause if it is late and a write under way; the sequence number before it."""
    cdef int64_t begun = read_begin(sequence)
    if begun & 1 and tries >= HASTY_TRIES:
        usleep(PAUSE_US)
        begun = read_begin(sequence)
    return begun


cdef inline bint read_whole(const int64_t* sequence, int64_t begun) noexcept nogil:
    """Whether nothing was written since `begun`."""
    return not begun & 1 and read_end(sequence) == begun


cdef inline void block_attempt(EndpointBlock* block, bint succeeded, int64_t occupied_ns) noexcept nogil:
    """Count an attempt that ended; requestsMade is never stored, it is the sum of the two."""
    if succeeded:
        block.window.now.succeeded += 1
    else:
        block.window.now.failed += 1
    block.window.now.occupied_ns += occupied_ns


cdef inline void block_response(
    EndpointBlock* block, int64_t status, int64_t service_ns, int64_t response_ns
) noexcept nogil:
    """Count what is true of every response, whatever its status."""
    block.statuses[status - LOWEST_STATUS] += 1
    block.window.now.service_ns += service_ns
    histogram_record(&block.service, service_ns)
    histogram_record(&block.response, response_ns)


cdef inline void block_failed(EndpointBlock* block, int64_t service_ns) noexcept nogil:
    """The response counted was no success. Only the fewer are recorded twice: most responses cost nothing more."""
    histogram_record(&block.failed, service_ns)


cdef inline void block_parted(EndpointBlock* block, int64_t service_ns, int64_t first_byte_ns) noexcept nogil:
    """The response counted came in several reads, the first of which began `first_byte_ns` after it was asked for."""
    histogram_record(&block.parted, service_ns)
    histogram_record(&block.first_byte, first_byte_ns)


cdef inline void block_reason(EndpointBlock* block, int64_t kind, const char* text) noexcept nogil:
    """Count a reason; the first seven are told apart."""
    cdef int64_t index
    cdef Reason* reason
    for index in range(REASONS):
        reason = &block.reasons[index]
        if index == REASONS - 1:
            text = b"other reasons"
        if reason.count == 0:
            reason.kind = kind
            strncpy(reason.text, text, REASON_BYTES - 1)
        if index == REASONS - 1 or (reason.kind == kind and strncmp(reason.text, text, REASON_BYTES - 1) == 0):
            reason.count += 1
            return
