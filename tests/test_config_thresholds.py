"""Thresholds in a config and on the command line: of what they are, and what is wrong with them."""

import pytest

from tressi.config.load import Overrides, load_config
from tressi.config.messages import listed
from tressi.errors import ConfigError
from tressi.threshold.parse import parse
from tressi.vocabulary import ERROR_KINDS

pytestmark = pytest.mark.pure

FAST, SLOW = "GET http://host/fast", "POST http://host/slow"
REQUESTS = [
    {"url": "/fast", "name": "search", "autoscale": {"enabled": True, "targetRps": 10}},
    {"url": "http://host/slow", "method": "POST", "autoscale": {"enabled": True, "targetRps": 10}},
]


def loaded(*thresholds, fail_if=(), **more):
    """The resolved thresholds."""
    document = {"baseUrl": "http://host", "requests": REQUESTS, "thresholds": list(thresholds), **more}
    return load_config(document, Overrides(fail_if=tuple(fail_if))).thresholds


def problems(*thresholds, fail_if=(), **more):
    """What is said of them."""
    with pytest.raises(ConfigError) as refusal:
        loaded(*thresholds, fail_if=fail_if, **more)
    return [str(problem) for problem in refusal.value.problems]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("p99 < 1s", [None]),
        ("search: p99 < 1s", [FAST]),
        ("GET /fast: p99 < 1s", [FAST]),
        (f"{FAST}: p99 < 1s", [FAST]),
        (f" {SLOW} :p99 < 1s", [SLOW]),
        ("*: p99 < 1s", [FAST, SLOW]),
    ],
)
def test_an_endpoint_is_named_as_the_config_names_it(text, keys):
    """By its name, by method and URL as written, by its key; `*` is each of them."""
    condition = ("p99 < 1s", parse("p99 < 1s"))
    assert [(one.endpoint_key, (one.text, one.comparison)) for one in loaded(text)] == [(key, condition) for key in keys]


def test_a_repeated_request_is_named_with_its_number():
    """As its key has it."""
    assert [one.endpoint_key for one in loaded(f"{FAST} #2: p99 < 1s", requests=[*REQUESTS, REQUESTS[0]])] == [f"{FAST} #2"]


def test_an_object_says_whether_and_when_it_ends_the_run():
    """Alone it never does."""
    plain, ending = loaded("p99 < 1s", {"threshold": "search: p99 < 1s", "abort": True, "abortDelay": 2.5})
    assert (plain.aborts, plain.abort_delay_s) == (False, 0.0)
    assert (ending.aborts, ending.abort_delay_s, ending.endpoint_key) == (True, 2.5, FAST)


def test_fail_if_is_the_opposite():
    """It says when a run has failed; the condition that must hold is the other one."""
    (found,) = loaded(fail_if=["search: p99 >= 1s"])
    assert (found.text, found.endpoint_key, found.comparison) == ("fail if p99 >= 1s", FAST, parse("p99 < 1s"))


@pytest.mark.parametrize(
    ("thresholds", "fail_if", "messages"),
    [
        (["p99 < 1"], [], ['thresholds[0]: "p99 < 1": p99 is a time, and 1 has no unit: write 1ms or 0.001s']),
        (["serch: rps > 1"], [], ['thresholds[0]: "serch: rps > 1": there is no endpoint "serch"; did you mean "search"?']),
        (
            ["rps > 1", {"threshold": "errors(tmout) == 0"}],
            [],
            [
                f'thresholds[1].threshold: "errors(tmout) == 0": tmout is no kind of error: use {listed(ERROR_KINDS)}',
            ],
        ),
        ([], ["rps >> 1"], ['--fail-if: "rps >> 1": column 6: a second comparison; write two thresholds']),
        ([3], [], ["thresholds[0]: 3 is not a string or an object"]),
        ([{"abort": True}], [], ["thresholds[0].threshold: is missing, but required"]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(thresholds, fail_if, messages):
    """Place, value and rule, as for everything else in a config."""
    assert problems(*thresholds, fail_if=fail_if) == messages


def test_a_target_that_nothing_gives_is_refused():
    """A pool without a limit has no targetRps, so nothing could ever be judged."""
    free = {"requests": [{"url": "/free"}, *REQUESTS]}
    wanted = '"rps > targetRps" asks for the targetRps of the run, which has none'
    assert problems("rps > targetRps", **free) == [f"thresholds: {wanted}"]
    assert problems("GET /free: rps > targetRps", **free) == [
        f"thresholds: {wanted.replace('the run', 'GET http://host/free')}"
    ]
    assert [one.endpoint_key for one in loaded("search: rps > targetRps", **free)] == [FAST]


def test_a_secret_in_an_endpoints_address_is_shown_nowhere():
    """Neither in an error nor in the summary's config."""
    secret = {"requests": [{"url": "http://me:pw@host/a"}]}
    (message,) = problems("GET http://me:pw@host/b: rps > 1", **secret)
    assert "pw" not in message
    document = {**secret, "thresholds": ["GET http://me:pw@host/a: rps > 1"]}
    config = load_config(document)
    assert [one.endpoint_key for one in config.thresholds] == ["GET http://***@host/a"]
    assert "pw" not in str(config.document)
