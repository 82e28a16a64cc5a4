"""What a response must have beyond its status, as structs: made and given back by the control path, with the GIL.

The bytes of names, values and words are pointed to, not copied: the caller keeps them alive.
"""

from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport free

from tressi.wire.allocate cimport allocated
from tressi.wire.check cimport CHECKED_FIELDS, FieldCheck, Further, Piece, field_checked
from tressi.wire.fields cimport OTHER, field_number
from tressi.wire.match cimport NOT_FOUND, TOO_LONG, MatchPick, MatchPlan, plan_between, plan_free, plan_json
from tressi.wire.response cimport body_read, field_held, field_taken
from tressi.wire.user cimport OUTCOMES, TAKEN_FIELDS, UNFIT, Intake, TakenField


cdef inline const char* words_of(bytes words) except? NULL:
    """The bytes, or NULL for None."""
    return NULL if words is None else <const char*> words


cdef inline Further* build_fields(fields) except NULL:
    """What fields a response must have: as `load.plan.PlannedField` has them."""
    cdef Further* further = <Further*> allocated(sizeof(Further))
    cdef FieldCheck* one
    cdef bytes name, value
    further.body_limit = -1
    further.number_of = field_checked
    further.hold = field_held
    # Those of a flow's step that are only taken have room behind them.
    further.fields = <FieldCheck*> allocated((len(fields) + TAKEN_FIELDS + 1) * sizeof(FieldCheck))
    for field in fields[:CHECKED_FIELDS]:
        name = field.name
        one = &further.fields[further.field_count]
        one.name = Piece(<const char*> name, len(name))
        one.number = <int32_t> field_number(<const char*> name, len(name), 0xFFFFFFFF)
        if one.number == <int32_t> OTHER:
            one.number = <int32_t> OTHER + 1 + further.field_count
        one.missing, one.before, one.behind = words_of(field.missing), words_of(field.before), words_of(field.behind)
        one.values = <Piece*> allocated(len(field.values) * sizeof(Piece))
        for value in field.values:
            one.values[one.value_count] = Piece(<const char*> value, len(value))
            one.value_count += 1
        further.name_limit = max(further.name_limit, <int32_t> len(name))
        further.field_count += 1
    further.name_count = further.field_count
    return further


cdef inline int32_t name_field(Further* further, bytes name) except -1:
    """The number of a header that is taken; it is among the named ones from now on."""
    cdef FieldCheck* one
    cdef int32_t number = field_checked(further, name, len(name), -1)
    if number >= 0:
        return number
    one = &further.fields[further.name_count]
    one.name = Piece(<const char*> name, len(name))
    one.number = <int32_t> field_number(<const char*> name, len(name), 0xFFFFFFFF)
    if one.number == <int32_t> OTHER:
        one.number = <int32_t> OTHER + 1 + further.name_count
    further.name_count += 1
    further.name_limit = max(further.name_limit, <int32_t> len(name))
    return one.number


cdef inline build_intake(Further* further, planned):
    """What a step of a flow takes from its response: as `load.plan.PlannedExtract` has it."""
    cdef Intake* intake = <Intake*> allocated(sizeof(Intake))
    cdef bytes word
    cdef int32_t outcome
    further.intake = intake
    further.hold = field_taken
    further.read = body_read
    intake.plans = <MatchPlan*> allocated(len(planned.extracts) * sizeof(MatchPlan))
    intake.words = <const char**> allocated(len(planned.extracts) * OUTCOMES * sizeof(char*))
    intake.fields = <TakenField*> allocated(len(planned.extracts) * sizeof(TakenField))
    intake.has_jar = planned.has_jar
    intake.cookie_number = -1
    if planned.has_jar:
        intake.cookie_number = name_field(further, b"set-cookie")
    for extract in planned.extracts:
        if extract.kind in ("header", "cookie"):
            build_taken_field(further, &intake.fields[intake.field_count], extract)
            intake.field_count += 1
            continue
        for outcome, word in enumerate(extract.words):
            intake.words[intake.plan_count * OUTCOMES + outcome] = <const char*> word
        if extract.kind == "json":
            pick = ("first", "last", "random").index(extract.pick)
            plan_json(&intake.plans[intake.plan_count], extract.steps, <MatchPick> <int> pick)
        else:
            plan_between(&intake.plans[intake.plan_count], extract.left, extract.right)
        intake.plans[intake.plan_count].slot = extract.slot
        intake.plan_count += 1


cdef inline build_taken_field(Further* further, TakenField* field, extract):
    cdef bytes name = extract.name
    field.slot = extract.slot
    field.lacking = words_of(extract.words[<int> NOT_FOUND])
    field.too_long = words_of(extract.words[<int> TOO_LONG])
    field.unfit = words_of(extract.words[UNFIT])
    if extract.kind == "header":
        field.number = name_field(further, name)
        return
    field.number = name_field(further, b"set-cookie")
    field.cookie = <const char*> name
    field.cookie_size = <int32_t> len(name)


cdef inline uint32_t fields_known(const Further* further) noexcept:
    """Those of the fields that the protocol has numbers for anyway, by the bits of these."""
    cdef uint32_t known = 0
    cdef int32_t place
    for place in range(further.name_count):
        if further.fields[place].number < <int32_t> OTHER:
            known |= <uint32_t> 1 << further.fields[place].number
    return known


cdef inline void further_free(Further* further) noexcept:
    cdef int32_t place
    if further == NULL:
        return
    for place in range(further.field_count):
        free(further.fields[place].values)
    if further.intake != NULL:
        for place in range(further.intake.plan_count):
            plan_free(&further.intake.plans[place])
        free(further.intake.plans)
        free(further.intake.words)
        free(further.intake.fields)
        free(further.intake)
    free(further.fields)
    free(further)
