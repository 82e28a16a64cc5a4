"""A body held against conditions on its JSON and a regular expression, without a socket."""

import gzip
import json

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from tressi.config.jsonpath import steps_of
from tressi.load.judge import Judge
from tressi.model import JsonCondition

pytestmark = pytest.mark.pure


def judged(body, conditions, pattern=None, codings=""):
    """What a judge says of the whole body."""
    known = (
        None
        if conditions is None
        else [JsonCondition(path, steps_of(path), json.dumps(value)) for path, value in conditions.items()]
    )
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Judge(known, pattern)(data, len(data), codings)


SAMPLE = {"ok": True, "n": 1, "s": "é", "l": [1, {"a": None}, []], "o": {"a b": 2.5}}


@each(
    ("path", "value"),
    [
        ("$", SAMPLE),
        ("$.ok", True),
        ("$.n", 1),
        ("$.n", 1.0),
        ("$.s", "é"),
        ("$.l[0]", 1),
        ("$.l[-1]", []),
        ("$.l[1].a", None),
        ("$.l[1]", {"a": None}),
        ("$.l", [1.0, {"a": None}, []]),
        ("$.o['a b']", 2.5),
    ],
)
def test_a_condition_that_is_met(path, value):
    """The place has that value; numbers are the same however they are written."""
    assert judged(SAMPLE, {path: value}) is None


@each(
    ("path", "value", "reason"),
    [
        ("$.ok", 1, "the body has no $.ok 1: it is true"),
        ("$.n", True, "the body has no $.n true: it is 1"),
        ("$.n", "1", 'the body has no $.n "1": it is 1'),
        ("$.l[0]", 1.5, "the body has no $.l[0] 1.5: it is 1"),
        ("$.l[3]", 1, "the body has no $.l[3] 1: it has no such place"),
        ("$.l[-4]", 1, "the body has no $.l[-4] 1: it has no such place"),
        ("$.l.a", 1, "the body has no $.l.a 1: it has no such place"),
        ("$.o[0]", 1, "the body has no $.o[0] 1: it has no such place"),
        ("$.n.m", 1, "the body has no $.n.m 1: it has no such place"),
        ("$.none", None, "the body has no $.none null: it has no such place"),
        ("$.l[1]", {"a": None, "b": 1}, 'the body has no $.l[1] {"a": null, "b": 1}: it is {"a":null}'),
        ("$.l", [1, {"a": None}], 'the body has no $.l [1, {"a": null}]: it is [1,{"a":null},[]]'),
        ("$", 1, 'the body has no $ 1: it is {"ok":true,"n":1,"s":"é…'),
    ],
)
def test_a_condition_that_is_not_met(path, value, reason):
    """The reason has the place, what it must be, and what it is."""
    assert judged(SAMPLE, {path: value}) == reason


def test_the_first_condition_that_is_not_met_is_told():
    """In the order of the config."""
    assert judged(SAMPLE, {"$.ok": True, "$.n": 2, "$.s": 3}) == "the body has no $.n 2: it is 1"


def test_what_is_no_json():
    """A reason of its own, without a traceback; a byte order mark is none."""
    assert judged(b"", {}) == "the body is empty, and not JSON"
    assert judged(b"[1,", {}).startswith("the body is not JSON, at line 1")
    assert judged(b'"\xff"', {}).startswith("the body is not JSON, at line 1")
    assert judged(b"[" * 100_000, {}).startswith("the body is not JSON, at line 1")
    assert judged(b"\xef\xbb\xbf[1]", {"$[0]": 1}) is None
    assert judged(b"null", {"$": None}) is None


def test_what_a_target_said_steers_no_terminal():
    """Escape sequences and direction marks are shown as code points."""
    assert "\x1b" not in judged({"a": "\x9b31m\u202e"}, {"$.a": 1})
    assert judged({"a": "\u202e"}, {"$.a": 1}).isprintable()


def test_an_expression_and_conditions():
    """Both must be met, the expression first; it is about bytes, and about what is packed as well."""
    assert judged(b'{"id":7}', {"$.id": 7}, "id.:[0-9]") is None
    assert judged(b'{"id":7}', {"$.id": 8}, "id.:[0-9]") == "the body has no $.id 8: it is 7"
    assert judged(b'{"id":7}', None, "^x") == "the body has no match of '^x'"
    assert judged(gzip.compress(b"abc"), None, "^abc$", "gzip") is None


@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate", "br", "gzip, deflate", "x"]))
def test_any_body_has_a_verdict(body, codings):
    """No bytes lead to an exception: it would count as a failure without a reason."""
    said = Judge([JsonCondition("$.a", ("a",), "1")], "a+b")(body, len(body), codings)
    assert said is None or said.isprintable()
