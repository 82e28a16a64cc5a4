"""The Python border of what is taken from responses: matchers of bodies, values in slots and cookies, without a reactor."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from tressi.core.random cimport random_seeded
from tressi.wire.cookie cimport CookieText, cookie_date, cookie_extract
from tressi.wire.jar cimport JAR_BYTES as MOST_BYTES, Jar as JarStruct, jar_clear, jar_free, jar_size, jar_store, jar_write
from tressi.wire.match cimport (
    Match, MatchPick, MatchPlan, match_begin, match_end, match_feed, match_is_done, plan_between, plan_free, plan_json,
)
from tressi.wire.slot cimport SLOT_EMPTY, SLOT_LIMIT, Slot, SlotContext, slot_fits, slot_free, slot_size, slot_write

# By their numbers in wire/slot.h and wire/match_state.h.
CONTEXTS = ("percent", "url", "json", "value", "header", "raw")
PICKS = ("first", "last", "random")
OUTCOMES = ("found", "not found", "too long", "malformed", "too deep", "no memory")
MATCH_BYTES = sizeof(Match)
# By their numbers in wire/jar.pxd and wire/cookie.h.
STORED = ("stored", "removed", "refused", "too large", "no memory")
COOKIES = ("other", "found", "no room")
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


cdef value_of(const Slot* slot):
    if slot.size <= 0:
        return None if slot.size < 0 else b""
    return slot.bytes[:slot.size]


cdef class Extractor:
    """One search in one body after the other, as a lane does it, for a value of `limit` bytes at most."""

    cdef MatchPlan plan
    cdef Match match
    cdef Slot slot

    def __cinit__(self, *_, int32_t limit=SLOT_LIMIT, seed=0, **__):
        self.slot.size = SLOT_EMPTY
        self.slot.limit = limit
        self.match.plan = &self.plan
        self.match.slot = &self.slot
        self.match.random = random_seeded(seed)

    def __dealloc__(self):
        plan_free(&self.plan)
        slot_free(&self.slot)

    def begin(self):
        """Another body comes."""
        match_begin(&self.match)

    def feed(self, const unsigned char[::1] data not None):
        """Read a piece of the body; returns whether the rest of it makes no difference."""
        if len(data):
            match_feed(&self.match, &data[0], len(data))
        return match_is_done(&self.match)

    def end(self):
        """The body is over: how the search ended, the value (None: there is none), and whether it is a literal of JSON."""
        outcome = OUTCOMES[<int> match_end(&self.match)]
        return outcome, value_of(&self.slot), bool(self.slot.is_literal)

    @property
    def room(self):
        """Bytes that are allocated for the value."""
        return self.slot.room

    def read(self, *pieces):
        """A whole body in pieces: what `end` says of it."""
        self.begin()
        for piece in pieces:
            self.feed(piece)
        return self.end()


cdef class JsonExtractor(Extractor):
    """The value at a path of JSON; see `plan_json`. Raises ValueError for a step or a pick that is none."""

    def __init__(self, steps, pick="first", *, limit=SLOT_LIMIT, seed=0):
        plan_json(&self.plan, steps, <MatchPick> <int> PICKS.index(pick))
        self.begin()


cdef class BetweenExtractor(Extractor):
    """The text between two others. Raises ValueError where one of them is empty."""

    def __init__(self, left, right, *, limit=SLOT_LIMIT):
        plan_between(&self.plan, left, right)
        self.begin()


def cookie_of(bytes line, bytes name, int32_t limit=SLOT_LIMIT):
    """What a Set-Cookie is for someone who looks for the cookie of that name, a word of COOKIES, and its value."""
    cdef Slot slot = Slot(-1, 0, limit, 0, NULL)
    outcome = COOKIES[<int> cookie_extract(line, len(line), name, len(name), &slot)]
    value = value_of(&slot)
    slot_free(&slot)
    return outcome, value


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
