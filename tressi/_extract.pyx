"""The Python border of what is taken from responses: matchers of bodies, values in slots and cookies, without a reactor."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free

from tressi.core.bucket cimport random_seeded
from tressi.wire.allocate cimport allocated
from tressi.wire.cookie cimport CookieText, cookie_date, cookie_extract
from tressi.wire.jar cimport JAR_BYTES as MOST_BYTES, Jar as JarStruct, jar_clear, jar_free, jar_size, jar_store, jar_write
from tressi.wire.match cimport (
    Match, MatchPick, MatchPlan, match_begin, match_end, match_feed, match_is_done, plan_between, plan_free, plan_json,
)
from tressi.wire.slot cimport Slot, SlotContext, slot_fits, slot_size, slot_write

# By their numbers in wire/slot.h and wire/match_state.h.
CONTEXTS = ("percent", "url", "json", "value", "header", "raw")
PICKS = ("first", "last", "random")
OUTCOMES = ("found", "not found", "too long", "malformed", "too deep")
MATCH_BYTES = sizeof(Match)
# By their numbers in wire/jar.pxd and wire/cookie.h.
STORED = ("stored", "removed", "refused", "too large", "no memory")
COOKIES = ("other", "found", "too long")
JAR_BYTES = MOST_BYTES


def encoded(bytes value, context, *, bint is_literal=False):
    """A slot's value as it stands in a context, or None where it may not stand there. A value of None is an empty slot."""
    cdef Slot slot = Slot(-1 if value is None else <int32_t> len(value), 0, 0, <uint8_t> is_literal, NULL)
    cdef SlotContext where = <SlotContext> <int> CONTEXTS.index(context)
    cdef bytearray out
    if value is not None:
        slot.bytes = <char*> value
    if not slot_fits(&slot, where):
        return None
    # One byte more, which must stay as it is.
    out = bytearray(slot_size(&slot, where)) + b"\xAA"
    written = slot_write(&slot, where, out)
    if written != len(out) - 1 or out[written] != 0xAA:
        raise AssertionError(f"{written} bytes were written, and {len(out) - 1} announced")
    return bytes(out[:written])


cdef class Extractor:
    """One search in one body after the other, as a lane does it, with a slot of `room` bytes."""

    cdef MatchPlan plan
    cdef Match match
    cdef Slot slot

    def __cinit__(self, *_, int32_t room=256, seed=0, **__):
        self.slot.bytes = <char*> allocated(room)
        self.slot.room = room
        self.slot.size = -1
        self.match.plan = &self.plan
        self.match.slot = &self.slot
        self.match.random = random_seeded(seed)

    def __dealloc__(self):
        plan_free(&self.plan)
        free(self.slot.bytes)

    def begin(self):
        """Another body comes."""
        match_begin(&self.match)

    def feed(self, const unsigned char[::1] data not None):
        """Read a piece of the body; returns whether the rest of it makes no difference."""
        if len(data):
            # A piece of its own, with nothing around it, so that a sanitizer sees a read beyond it.
            match_feed(&self.match, &data[0], len(data))
        return match_is_done(&self.match)

    def end(self):
        """The body is over: how the search ended, the value (None: there is none), and whether it is a literal of JSON."""
        outcome = OUTCOMES[<int> match_end(&self.match)]
        value = None if self.slot.size < 0 else self.slot.bytes[:self.slot.size]
        return outcome, value, bool(self.slot.is_literal)

    def read(self, *pieces):
        """A whole body in pieces: what `end` says of it."""
        self.begin()
        for piece in pieces:
            self.feed(piece)
        return self.end()


cdef class JsonExtractor(Extractor):
    """The value at a path of JSON; see `plan_json`. Raises ValueError for a step or a pick that is none."""

    def __init__(self, steps, pick="first", *, room=256, seed=0):
        plan_json(&self.plan, steps, <MatchPick> <int> PICKS.index(pick))
        self.begin()


cdef class BetweenExtractor(Extractor):
    """The text between two others. Raises ValueError where one of them is empty."""

    def __init__(self, left, right, *, room=256):
        plan_between(&self.plan, left, right)
        self.begin()


def cookie_of(bytes line, bytes name, int32_t room=256):
    """What a Set-Cookie is for someone who looks for the cookie of that name ("other", "found", "too long"), and its value."""
    cdef Slot slot = Slot(-1, room, 0, 0, NULL)
    slot.bytes = <char*> allocated(room)
    try:
        outcome = COOKIES[<int> cookie_extract(line, len(line), name, len(name), &slot)]
        return outcome, None if slot.size < 0 else slot.bytes[:slot.size]
    finally:
        free(slot.bytes)


def date_of(bytes text):
    """Seconds since 1970 of a date as cookies have it, or None."""
    cdef int64_t seconds
    return seconds if cookie_date(CookieText(<const char*> text, len(text)), &seconds) else None


cdef class Jar:
    """The cookies of one lane. Times are seconds since 1970."""

    cdef JarStruct jar

    def __dealloc__(self):
        jar_free(&self.jar)

    def store(self, bytes host, bytes target, bytes line, *, bint is_secure=False, int64_t now_s=0):
        """Take in a Set-Cookie; returns what became of it, a word of STORED."""
        return STORED[<int> jar_store(&self.jar, host, len(host), target, len(target), is_secure, line, len(line), now_s)]

    def write(self, bytes host, bytes target, *, bint is_secure=False, int64_t now_s=0):
        """The value of the Cookie field of a request; empty where no cookie goes along."""
        cdef bytearray out
        size = jar_size(&self.jar, host, len(host), target, len(target), is_secure, now_s)
        # One byte more, which must stay as it is.
        out = bytearray(size) + b"\xAA"
        written = jar_write(&self.jar, host, len(host), target, len(target), is_secure, now_s, out)
        if written != size or out[size] != 0xAA:
            raise AssertionError(f"{written} bytes were written, and {size} announced")
        return bytes(out[:size])

    def time(self, bytes host, bytes target, int64_t times):
        """Write the Cookie field so many times, to be measured."""
        cdef char out[MOST_BYTES]
        cdef const char* name = host
        cdef const char* where = target
        cdef int64_t host_size = len(host), target_size = len(target), total = 0
        with nogil:
            for _ in range(times):
                total += jar_write(&self.jar, name, host_size, where, target_size, False, 0, out)
        return total

    def clear(self):
        """Forget all cookies."""
        jar_clear(&self.jar)

    @property
    def sizes(self):
        """The bytes that the cookies take, and those that were allocated for them."""
        return self.jar.size, self.jar.room
