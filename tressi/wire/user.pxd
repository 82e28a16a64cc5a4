"""What a user of a flow keeps, and what a step takes from its response for later ones.

A user has a slot for each value that flows extract, a search for each value that one body may have, and perhaps a cookie jar.
Fields are taken when the head has them, whatever becomes of the response, as browsers do with cookies; values of the body are
looked for while it comes. A step whose response lacks what it must have fails, and `intake_reason` says what was looked for.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memchr

from tressi.core.clock cimport NS_PER_S, realtime_ns
from tressi.wire.cookie cimport cookie_extract
from tressi.wire.jar cimport Jar, jar_store
from tressi.wire.match cimport FOUND, Match, MatchPlan, Outcome, match_begin, match_end, match_feed
from tressi.wire.slot cimport CONTEXT_RAW, Slot, SlotContext, slot_fits, slot_set

cdef extern from "string.h" nogil:
    void* memmem(const void* text, size_t size, const void* needle, size_t needle_size)

cdef enum:
    TAKEN_FIELDS = 16              # of one response, at most
    UNFIT = 6                      # as a further `Outcome`: the value cannot stand where it is used
    OUTCOMES = 7                   # as many as there are
    REFUSED_BY_INTAKE = 2          # as `Response.refused`

# A field whose value goes into a slot: a header, or a cookie that the response sets.
cdef struct TakenField:
    int32_t number                 # of the header, as the protocol knows it
    int32_t slot
    const char* cookie             # its name, or NULL
    int32_t cookie_size
    const char* lacking            # why a response without it failed, in words,
    const char* too_long           # one whose value has no room,
    const char* unfit              # and one whose value cannot stand where it is used

# What a step takes from its response. Made before the run, and only read by the hot path.
cdef struct Intake:
    MatchPlan* plans               # values of the body
    const char** words             # of each plan, by Outcome
    int32_t plan_count
    TakenField* fields
    int32_t field_count
    int32_t cookie_number          # of Set-Cookie, or -1: cookies are of no interest
    uint8_t has_jar

# The request that was sent last, as its cookies need to know it.
cdef struct Sender:
    const char* host               # of its URL, in small letters
    int32_t host_size
    uint8_t is_secure
    const char* bytes              # the request, of which the first line has the path
    int64_t size

cdef struct User:
    Slot* slots
    int32_t slot_count
    const uint8_t* hidden          # of each slot whether its value is a secret
    const uint8_t* contexts        # and where it is used, a bit for each `SlotContext`
    Match* matches
    Jar* jar                       # or NULL
    Sender sender


cdef inline const char* path_of(const char* bytes, int64_t size, int64_t* length) noexcept nogil:
    """The path in the first line of a request, without its query, in origin-form or absolute-form (RFC 9112 3.2)."""
    cdef const char* end = bytes + size
    cdef const char* at = <const char*> memchr(bytes, c" ", size)
    cdef const char* begin
    length[0] = 0
    if at == NULL:
        return bytes
    at += 1
    if at < end and at[0] != c"/":
        # Behind the scheme, and behind the authority.
        begin = <const char*> memmem(at, end - at, b"://", 3)
        at = begin + 3 if begin != NULL else end
        while at < end and at[0] not in (c"/", c"?", c" "):
            at += 1
    begin = at
    while at < end and at[0] not in (c"?", c" ", c"#"):
        at += 1
    length[0] = at - begin
    return begin


cdef inline void user_stores(User* user, const char* value, int64_t size) noexcept nogil:
    """Keep the cookie of a Set-Cookie field."""
    cdef int64_t length
    cdef const char* path = path_of(user.sender.bytes, user.sender.size, &length)
    jar_store(
        user.jar, user.sender.host, user.sender.host_size, path, length, user.sender.is_secure, value, size,
        realtime_ns() // NS_PER_S,
    )


cdef inline void user_takes(
    User* user, const Intake* intake, int32_t number, const char* value, int64_t size, uint32_t* taken
) noexcept nogil:
    """A field of the response: keep of it what is wanted. `taken` has two bits for each place: 1 it is there, 2 it had no room.

    Of several fields, or cookies of one name, the last one counts.
    """
    cdef int32_t place
    cdef uint32_t found
    cdef const TakenField* field
    if number == intake.cookie_number and intake.has_jar:
        user_stores(user, value, size)
    for place in range(intake.field_count):
        field = &intake.fields[place]
        if field.number != number:
            continue
        if field.cookie != NULL:
            found = <uint32_t> cookie_extract(value, size, field.cookie, field.cookie_size, &user.slots[field.slot])
        else:
            found = 1 if slot_set(&user.slots[field.slot], value, size) else 2
        if found != 0:
            taken[0] = (taken[0] & ~(<uint32_t> 3 << 2 * place)) | found << 2 * place


cdef inline void user_begins(User* user, const Intake* intake) noexcept nogil:
    """A body comes in which values are looked for."""
    cdef int32_t place
    for place in range(intake.plan_count):
        user.matches[place].plan = &intake.plans[place]
        user.matches[place].slot = &user.slots[intake.plans[place].slot]
        match_begin(&user.matches[place])


cdef inline void user_reads(User* user, const Intake* intake, const uint8_t* data, int64_t size) noexcept nogil:
    """A piece of it."""
    cdef int32_t place
    for place in range(intake.plan_count):
        match_feed(&user.matches[place], data, size)


cdef inline bint slot_is_fit(const User* user, int32_t number) noexcept nogil:
    """Whether the value may stand wherever it is used: in a header no line may end with it."""
    cdef int32_t context
    for context in range(CONTEXT_RAW + 1):
        if user.contexts[number] >> context & 1 and not slot_fits(&user.slots[number], <SlotContext> context):
            return False
    return True


cdef inline const char* intake_reason(User* user, const Intake* intake, uint32_t met) noexcept nogil:
    """The response is whole: what it lacks of what it must have, in words; NULL: nothing."""
    cdef int32_t place
    cdef Outcome outcome
    cdef const char* reason = NULL
    for place in range(intake.field_count):
        if reason != NULL:
            break
        if not met >> 2 * place & 1:
            reason = intake.fields[place].too_long if met >> 2 * place & 2 else intake.fields[place].lacking
        elif not slot_is_fit(user, intake.fields[place].slot):
            reason = intake.fields[place].unfit
    for place in range(intake.plan_count):
        outcome = match_end(&user.matches[place])
        if reason != NULL:
            continue
        if outcome != FOUND:
            reason = intake.words[place * OUTCOMES + <int> outcome]
        elif not slot_is_fit(user, intake.plans[place].slot):
            reason = intake.words[place * OUTCOMES + UNFIT]
    return reason


cdef inline void user_hides(const User* user, char* text, int64_t size) noexcept nogil:
    """Mask in a text that is kept for people what the user has extracted and is a secret."""
    cdef int32_t place
    cdef int64_t index
    cdef char* at
    cdef const Slot* slot
    for place in range(user.slot_count):
        slot = &user.slots[place]
        if not user.hidden[place] or slot.size < 1:
            continue
        at = <char*> memmem(text, size, slot.bytes, slot.size)
        while at != NULL:
            for index in range(slot.size):
                at[index] = c"*"
            at = <char*> memmem(at, size - (at - text), slot.bytes, slot.size)
