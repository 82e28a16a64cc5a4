"""Values that are looked for in bodies, fed in pieces of any size: a place in a JSON document, or the text between two others.

What is looked for is a `MatchPlan`, made before the run and shared by all lanes. A lane has a `Match` for each, which holds
how far it has come with one body. It allocates nothing but what the value needs, and a document of any depth takes no more
stack than another.

With PICK_FIRST reading ends where the value ends: nothing behind it is looked at, neither a later member of the same name nor
whether the rest is JSON. PICK_LAST and PICK_RANDOM read all of the document. There the last of several members with one name
counts, as in Python's `json`, unless the path has a STEP_EACH: then each value at the path is a match, in the order of the
document.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from tressi.wire.allocate cimport allocated
from tressi.wire.slot cimport Slot

cdef extern from "wire/match.h" nogil:
    enum:
        JSON_DEPTH

    ctypedef enum MatchKind:
        MATCH_JSON
        MATCH_BETWEEN

    ctypedef enum MatchPick:
        PICK_FIRST
        PICK_LAST
        PICK_RANDOM

    ctypedef enum Outcome:
        FOUND
        NOT_FOUND
        TOO_LONG
        MALFORMED
        TOO_DEEP
        NO_MEMORY

    ctypedef enum StepKind:
        STEP_NAME
        STEP_INDEX
        STEP_EACH

    ctypedef struct MatchStep:
        int32_t kind
        int32_t size
        const uint8_t* name
        int64_t index

    ctypedef struct Needle:
        const uint8_t* bytes
        const int32_t* next
        int32_t size

    ctypedef struct MatchPlan:
        int32_t kind
        int32_t pick
        int32_t slot
        int32_t step_count
        const MatchStep* steps
        int32_t has_each
        Needle left
        Needle right
        void* memory

    ctypedef struct Match:
        const MatchPlan* plan
        Slot* slot
        uint64_t random

    void match_begin(Match* match)
    bint match_is_done(const Match* match)
    void match_feed(Match* match, const uint8_t* data, int64_t size)
    Outcome match_end(Match* match)


cdef inline void plan_free(MatchPlan* plan) noexcept:
    """Give its memory back; no match may be under way."""
    free(plan.memory)
    plan.memory = NULL


cdef inline plan_json(MatchPlan* plan, steps, MatchPick pick):
    """Look for the value at a path: names as texts, indices from 0 on as numbers, and None for every entry of a list.

    The caller frees it with `plan_free`. Raises ValueError for an index below 0, MemoryError.
    """
    cdef MatchStep* step
    cdef uint8_t* name
    cdef bytes text
    names = [one.encode() if isinstance(one, str) else b"" for one in steps]
    # A generator has no place in a function of a .pxd.
    if any([isinstance(one, int) and one < 0 for one in steps]):
        raise ValueError(f"an index below 0 among {steps}")
    plan.memory = allocated(len(names) * sizeof(MatchStep) + sum(map(len, names)))
    plan.kind = MATCH_JSON
    plan.pick = pick
    plan.step_count = <int32_t> len(names)
    plan.has_each = None in steps
    plan.steps = step = <MatchStep*> plan.memory
    name = <uint8_t*> plan.memory + len(names) * sizeof(MatchStep)
    for one, text in zip(steps, names, strict=True):
        step.kind = STEP_EACH if one is None else STEP_NAME if isinstance(one, str) else STEP_INDEX
        step.index = one if step.kind == STEP_INDEX else 0
        step.size = <int32_t> len(text)
        step.name = name
        memcpy(name, <const char*> text, len(text))
        name += len(text)
        step += 1


cdef inline void needle_build(Needle* needle, uint8_t* letters, int32_t* following, bytes text) noexcept:
    """A text that is looked for, in memory for its bytes and as many numbers."""
    cdef int32_t at, same = 0
    needle.bytes = letters
    needle.next = following
    needle.size = <int32_t> len(text)
    memcpy(letters, <const char*> text, len(text))
    for at in range(1, needle.size):
        while same > 0 and letters[same] != letters[at]:
            same = following[same - 1]
        if letters[same] == letters[at]:
            same += 1
        following[at] = same


cdef inline plan_between(MatchPlan* plan, bytes left, bytes right):
    """Look for the text between two others. The caller frees it with `plan_free`.

    Raises ValueError where one of the two is empty, MemoryError.
    """
    cdef int64_t size = len(left) + len(right)
    cdef int32_t* following
    cdef uint8_t* letters
    if not left or not right:
        raise ValueError("nothing is between two texts of which one is empty")
    plan.memory = allocated(size * (sizeof(int32_t) + 1))
    plan.kind = MATCH_BETWEEN
    plan.pick = PICK_FIRST
    following = <int32_t*> plan.memory
    letters = <uint8_t*> plan.memory + size * sizeof(int32_t)
    needle_build(&plan.left, letters, following, left)
    needle_build(&plan.right, letters + len(left), following + len(left), right)
