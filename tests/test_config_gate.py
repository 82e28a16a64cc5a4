"""The quick yes to a sound request: never where jsonschema says no, and the same findings in the same order."""

import copy
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tressi.config import check
from tressi.config.check import breaches
from tressi.config.gate import sound, sound_request
from tressi.config.load import load_config
from tressi.config.schema import properties, schema
from tressi.config.url import AddressError, _address, address
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure

REQUEST = schema()["definitions"]["RequestConfigSchema"]
SECTION = schema()["definitions"]["EndpointAutoscaleConfig"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 1000),
    st.floats(-1, 5),
    st.sampled_from(["", "GET", "get", "high", "http://h/", "5", 5.0]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2), max_leaves=4
)


def objects(names, more=None):
    """Objects that have some of these properties, each with any value, and mostly one that is right."""
    fitting = {"url": st.just("http://h/"), "method": st.sampled_from(["GET", "PUT"]), "enabled": st.booleans(), **(more or {})}
    return st.fixed_dictionaries(
        {}, optional={name: VALUES | fitting.get(name, st.integers(1, 9)) for name in [*names, "other"]}
    )


REQUESTS = objects(
    properties(REQUEST), {"autoscale": objects(properties(SECTION)), "headers": st.dictionaries(st.text(max_size=2), SCALARS)}
)


@cache
def validator():
    """What the whole schema says of one request."""
    return Draft7Validator({**schema(), "$ref": "#/definitions/RequestConfigSchema"})


@given(request=REQUESTS | VALUES)
@example(request={"url": "u", "timeout": True})
@example(request={"url": "u", "autoscale": {"enabled": 1}})
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_what_the_gate_lets_through_breaks_no_rule(request):
    """It may have doubts about a sound value, never the other way."""
    if sound_request()(request):
        assert list(validator().iter_errors(request)) == []


@given(requests=st.lists(REQUESTS | st.just({"url": "http://h/"}), max_size=5), rps=VALUES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_with_the_gate_the_findings_are_the_same(requests, rps, monkeypatch):
    """Every place, every message and their order are those of jsonschema over the whole document, which stays as it was."""
    document = {"rps": rps, "requests": requests}
    before = copy.deepcopy(document)
    found = breaches(document)
    assert document == before
    with monkeypatch.context() as without:
        without.setattr(check, "sound_request", lambda: lambda _: False)
        assert breaches(document) == found


def test_the_gate_lets_through_what_people_write():
    """Else it would save nothing: every property of a request, each with a value that is right."""
    request = {
        "url": "/x", "method": "POST", "headers": {"A": "b"}, "payload": {"a": [1, None]}, "name": "n", "timeout": 1.5,
        "expect": {"status": [200, 201], "bodyContains": "x"}, "autoscale": {"enabled": True, "targetRps": 5},
    }  # fmt: skip
    assert sound_request()(request)
    assert not sound_request()({**request, "method": "post"})


def test_a_rule_that_is_not_known_is_left_to_jsonschema():
    """A schema that learns a new word is not let through by a gate that has not."""
    assert not sound({"type": "string", "contentEncoding": "base64"})("ab")


def test_jsonschema_sees_none_of_many_sound_requests(monkeypatch):
    """Of 3,000 it walks through the one that is wrong, and that has its own place."""
    seen = []

    class Counting:
        def __init__(self, node):
            self.validator = Draft7Validator(node)

        def iter_errors(self, document):
            seen.append(len(document["requests"]))
            return self.validator.iter_errors(document)

    monkeypatch.setattr("jsonschema.Draft7Validator", Counting)
    requests = [{"url": f"http://h/{index}"} for index in range(3000)]
    requests[2500] = {"url": 5}
    with pytest.raises(ConfigError) as refused:
        load_config({"requests": requests})
    assert str(refused.value) == "requests[2500].url: 5 is not a string"
    assert seen == [1]


PARTS = st.text(st.sampled_from("ab/?#=@:%.&;+ [~é\\"), max_size=8)


@given(
    origin=st.sampled_from(
        ["http://h", "https://h:80", "http://H.b", "http://1.2.3.4:8", "http://é", "http://h:0", "http://-", "http://[::1]"]
    ),
    rest=PARTS,
)
@example(origin="http://h", rest="/a?")
@example(origin="http://h", rest="//b??key=1")
@settings(max_examples=150)
def test_an_address_of_a_known_origin_is_the_one_that_is_taken_apart(origin, rest):
    """The short way and the long way give the same two forms, or the same refusal."""
    outcomes = []
    for way in (address, _address):
        try:
            outcomes.append(way(f"{origin}{rest}"))
        except AddressError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
