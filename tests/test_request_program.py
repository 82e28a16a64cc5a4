"""Flows as operations: their order, their jumps, and where each value is drawn."""

from collections import Counter

import pytest
from each import each

from tressi.model.flow import Choose, Flow, Repeat, Send, Think
from tressi.request.program import program_of

pytestmark = pytest.mark.pure

A, B, C, D = (Send(name) for name in "abcd")
NUMBERS = {"a": 0, "b": 1, "c": 2, "d": 3}


def program(steps, *, begin=(), end=(), used=None, used_once=()):
    """The program of a flow of these steps."""
    return program_of(Flow("flow f", "f", steps, begin, end), NUMBERS, used or {}, used_once)


def walked(made, part="steps", choose=lambda _: 0, most=1000):
    """What a user does in a part of a program: requests by name, draws as sets of sources, pauses in seconds."""
    at, counters, told = getattr(made, part), {}, []
    for _ in range(most):
        operation = made.operations[at]
        at += 1
        if operation.kind == "send":
            told.append("abcd"[operation.number])
        elif operation.kind.startswith("think"):
            told.append(operation.low_ns / 1e9)
        elif operation.kind == "choose":
            at = made.options[operation.number + choose(operation.count)][1]
        elif operation.kind == "jump":
            at = operation.target
        elif operation.kind == "count":
            counters[operation.number] = operation.count
        elif operation.kind == "again":
            counters[operation.number] -= 1
            at = operation.target if counters[operation.number] else at
        elif operation.kind == "draw":
            told.append(set(made.drawn[operation.number : operation.number + operation.count]))
        else:
            return told
    pytest.fail("the program has no end")


def test_steps_are_done_in_their_order():
    """Each part apart from the others."""
    made = program((A, Think("fixed", 1.5), B), begin=(C,), end=(D,))
    assert walked(made) == ["a", 1.5, "b"]
    assert walked(made, "begin") == ["c"]
    assert walked(made, "end") == ["d"]
    assert made.has_end
    assert not program((A,)).has_end


def test_repeats_are_done_so_many_times_one_within_another_too():
    """With counters of their own."""
    made = program((Repeat(2, (A, Repeat(3, (B,)))), C))
    assert walked(made) == ["a", "b", "b", "b", "a", "b", "b", "b", "c"]
    assert made.counters == 2


def test_one_option_is_done_and_then_what_follows():
    """Shares are those of the weights; an option without a weight is none."""
    made = program((Choose(((1, (A,)), (0, (D,)), (3, (B, B)))), C))
    assert [walked(made, choose=lambda _, number=number: number) for number in range(2)] == [["a", "c"], ["b", "b", "c"]]
    assert [share for share, _ in made.options] == [0.25, 1.0]


# (steps, begin, which sources which requests use, what a user does at a start, and in `begin`)
DRAWN = {
    "by one request, right before it": ((A, B), (), {"b": {0}}, ["a", {0}, "b"], []),
    "by two requests, with each start": ((A, B, C), (), {"a": {0}, "c": {0}}, [{0}, "a", "b", "c"], []),
    "within one repeat, with each round": (
        (Repeat(2, (A, B)), C),
        (),
        {"a": {0}, "b": {0}},
        [{0}, "a", "b", {0}, "a", "b", "c"],
        [],
    ),
    "within and behind a repeat, with each start": (
        (Repeat(2, (A,)), B),
        (),
        {"a": {0}, "b": {0}},
        [{0}, "a", "a", "b"],
        [],
    ),
    "by one request of a repeat, each time": ((Repeat(2, (A,)),), (), {"a": {0}}, [{0}, "a", {0}, "a"], []),
    "in begin and in steps, once for each user": ((A,), (B,), {"a": {0, 1}, "b": {0}}, [{1}, "a"], [{0}, "b"]),
    "in begin alone, with begin": ((A,), (B, C), {"b": {0}, "c": {0}}, ["a"], [{0}, "b", "c"]),
    "on both sides of a choice, before it": (
        (Choose(((1, (A, A)), (1, (B,)))), C),
        (),
        {"a": {0}, "b": {0}},
        [{0}, "a", "a", "c"],
        [],
    ),
    "twice within one option, before the choice": ((Choose(((1, (A, B)),)),), (), {"a": {0}, "b": {0}}, [{0}, "a", "b"], []),
}


@each("case", DRAWN)
def test_a_value_is_drawn_where_all_that_use_it_are_together(case):
    """The innermost block of all of them; a choice is none."""
    steps, begin, used, does, begins = DRAWN[case]
    made = program(steps, begin=begin, used=used)
    assert walked(made) == does
    assert walked(made, "begin") == begins


def test_rows_that_are_used_once_are_drawn_at_the_start_at_the_latest():
    """So that a start that has none does not begin."""
    made = program((A, Repeat(3, (B,))), begin=(C,), used={"b": {4}, "c": {5}, "a": {6}}, used_once={4, 5})
    assert walked(made) == [{4}, {6}, "a", "b", "b", "b"]
    assert walked(made, "begin") == [{5}, "c"]
    assert (made.begin_rows, made.rows) == ((5,), (4,))


def test_every_place_of_a_program_is_within_it():
    """Whatever is nested in whatever; each request is there as often as it is written."""
    steps = (A, Choose(((1, (Repeat(2, (B, Choose(((1, (C,)), (1, ()))))),)), (2, (D, Think("uniform", 1, 2))))), Repeat(1, ()))
    made = program(steps, used={name: {0, 1} for name in "abcd"})
    for operation in made.operations:
        assert 0 <= operation.target < len(made.operations)
    assert all(0 <= target < len(made.operations) for _, target in made.options)
    assert Counter(one.number for one in made.operations if one.kind == "send") == {0: 1, 1: 1, 2: 1, 3: 1}
