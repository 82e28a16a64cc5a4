"""`expect` in a config: statuses and their classes, headers, places in JSON, expressions, and what is wrong with them."""

import pytest
from each import each

from tressi.config.jsonpath import PathError, steps_of
from tressi.config.load import load_config
from tressi.config.overrides import Overrides
from tressi.errors import ConfigError
from tressi.load.expected import status_words
from tressi.model import JsonCondition

pytestmark = pytest.mark.pure

URL = "http://127.0.0.1:8080/fast"
MANY = {f"x-{number}": "1" for number in range(17)}


def expectation(**expect):
    """What is resolved of it."""
    return load_config({"requests": [{"url": URL, "expect": expect}]}).endpoints[0].expect


def problem_of(expect, **more):
    """Load a request with one problem, and return it as a line, without its place's beginning."""
    with pytest.raises(ConfigError) as caught:
        load_config({"requests": [{"url": URL, "expect": expect, **more}]})
    return str(caught.value).removeprefix("requests[0].expect.")


@each(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.ok", ("ok",)),
        ("$.a.b_1", ("a", "b_1")),
        ("$.größe", ("größe",)),
        ("$['a b']", ("a b",)),
        ('$["a.b"]', ("a.b",)),
        (r"$['it\'s']", ("it's",)),
        (r"$['a\\b']", ("a\\b",)),
        ("$['']", ("",)),
        ("$[0]", (0,)),
        ("$[-1].id", (-1, "id")),
        ("$.items[10]['sku']", ("items", 10, "sku")),
    ],
)
def test_a_path_names_one_place(path, steps):
    """Names and indices, in the notations of RFC 9535."""
    assert steps_of(path) == steps


@each(
    ("path", "reason"),
    [
        ("ok", "is no path"),
        ("", "is no path"),
        ("$ok", "at character 2"),
        ("$.", "at character 2"),
        ("$.a-b", "at character 4"),
        ("$.1", "at character 2"),
        ("$[01]", "at character 2"),
        ("$['a]", "at character 2"),
        ("$.a ", "at character 4"),
        ("$..a", "names several places at character 2"),
        ("$.*", "names several places at character 2"),
        ("$.a[*]", "names several places at character 4"),
        ("$[1:2]", "names several places at character 2"),
        ("$[?@.a]", "names several places at character 2"),
    ],
)
def test_what_is_no_such_path_is_refused(path, reason):
    """With the character where it stops to be one."""
    with pytest.raises(PathError, match=reason):
        steps_of(path)


def test_all_of_it_is_resolved():
    """Names of headers lose their letters' case, values the white space around them; one value is a list of one."""
    found = expectation(
        status=["2xx", 304, 200],
        headers={"Content-Type": " application/json ", "vary": ["a", "b"]},
        json={"$.ok": True, "$[0]": {"a": None}},
        bodyMatches="id=[0-9]+",
        maxBodyBytes=2**70,
    )
    assert found.status == (*range(200, 300), 304)
    assert found.headers == (("content-type", ("application/json",)), ("vary", ("a", "b")))
    assert found.json == (JsonCondition("$.ok", ("ok",), "true"), JsonCondition("$[0]", (0,), '{"a": null}'))
    assert (found.body_matches, found.max_body_bytes) == ("id=[0-9]+", 2**63 - 1)


def test_a_class_of_statuses_is_said_as_one():
    """Not as a hundred numbers."""
    assert expectation(status="2xx").status == tuple(range(200, 300))
    assert status_words(expectation(status=["2xx", 304, "5xx"]).status) == "2xx, 304 or 5xx"
    assert status_words(range(200, 299)) != "2xx"


@each(
    ("expect", "message"),
    [
        ({"status": "20x"}, 'status: "20x" is no status: those are 100 to 999, and classes of them such as "2xx"'),
        ({"status": ["2xx", "xx"]}, 'status[1]: "xx" is no status: those are 100 to 999, and classes of them such as "2xx"'),
        ({"status": 99}, "status: 99 is less than the minimum of 100"),
        ({"status": True}, "status: true is not an integer, a string or an array"),
        ({"headers": {"a b": "c"}}, 'headers["a…"]: is no header name'),
        ({"headers": {"a": "c\n"}}, 'headers.a: "c\\n" has the control character U+000A'),
        ({"headers": {"Set-Cookie": ["a", "b\n"]}}, "headers.Set-Cookie[1]: *** has the control character U+000A"),
        ({"headers": {"a": None}}, "headers.a: null is not a string or an array"),
        ({"headers": {"a": []}}, "headers.a: has no entry, but needs at least 1"),
        ({"headers": MANY}, "headers: has 17 headers, and no more than 16 can be checked"),
        ({"json": {"ok": True}}, "json.ok: is no path, which begins with $"),
        ({"json": {"$.a-b": True}}, 'json["$.a-b"]: cannot be read at character 4'),
        ({"json": [1]}, "json: an array is not an object"),
        ({"bodyMatches": "(a"}, 'bodyMatches: "(a" is no regular expression of RE2: missing ): (a'),
        ({"bodyMatches": "(?!a)"}, 'bodyMatches: "(?!a)" is no regular expression of RE2: invalid perl operator: (?!'),
        ({"maxBodyBytes": -1}, "maxBodyBytes: -1 is less than the minimum of 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(expect, message):
    """Place, value and rule."""
    assert problem_of(expect).startswith(message)


def test_the_answer_to_head_has_no_body():
    """So nothing can be expected of it; its headers can."""
    for name, value in {"json": {}, "bodyMatches": "a", "bodyContains": "a"}.items():
        assert problem_of({name: value}, method="HEAD") == f"{name}: cannot be met: the response to HEAD has no body"
    assert load_config({"requests": [{"url": URL, "method": "HEAD", "expect": {"headers": {"a": "b"}}}]})


def test_an_expression_needs_its_library(monkeypatch):
    """It is an extra; without it the config is refused, with what to install."""
    monkeypatch.setitem(__import__("sys").modules, "re2", None)
    assert problem_of({"bodyMatches": "a"}) == (
        'bodyMatches: "a" needs the library google-re2, which comes with the extra tressi[checks]'
    )


def test_a_name_that_stands_in_the_wrong_place_is_told():
    """Nothing that was meant as a condition is dropped in silence."""
    (warning,) = load_config({"requests": [{"url": URL, "expect": {"bodyMatch": "a"}}]}).warnings
    assert warning.endswith("did you mean bodyMatches?")


def test_a_value_that_may_be_a_secret_is_masked_in_the_record():
    """As those that are sent are."""
    document = {"requests": [{"url": URL, "expect": {"headers": {"Set-Cookie": "SECRET", "X-Mine": ["SECRET"], "Vary": "a"}}}]}
    config = load_config(document, Overrides(mask_headers=("x-mine",)))
    assert config.document["requests"][0]["expect"]["headers"] == {"Set-Cookie": "***", "X-Mine": "***", "Vary": "a"}
