"""The Python border of what is taken from responses: matchers of bodies and values in slots, without a reactor."""

from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport free

from tressi.core.bucket cimport random_seeded
from tressi.wire.allocate cimport allocated
from tressi.wire.match cimport (
    Match, MatchPick, MatchPlan, match_begin, match_end, match_feed, match_is_done, plan_between, plan_free, plan_json,
)
from tressi.wire.slot cimport Slot, SlotContext, slot_fits, slot_size, slot_write

# By their numbers in wire/slot.h and wire/match_state.h.
CONTEXTS = ("percent", "url", "json", "value", "header", "raw")
PICKS = ("first", "last", "random")
OUTCOMES = ("found", "not found", "too long", "malformed", "too deep")
MATCH_BYTES = sizeof(Match)


def encoded(bytes value, context, *, bint is_literal=False):
    """A slot's value as it stands in a context, or None where it may not stand there. A value of None is an empty slot."""
    cdef Slot slot = Slot(-1 if value is None else <int32_t> len(value), 0, <uint8_t> is_literal, NULL)
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
