"""Troubles as every view says them: one sentence for endpoints that fail alike, once."""

import pytest
from summaries import moment

from tressi.model import Trouble
from tressi.ui.trouble import QUIET_S, Beginnings, told

pytestmark = pytest.mark.pure

KEYS = [f"GET http://h/{number}" for number in range(5)]
LABELS = {key: f"GET /{number}" for number, key in enumerate(KEYS)}


def sentences(*troubles, labels=LABELS):
    """What is said of them."""
    return [one.sentence(labels) for one in told(troubles)]


def failing(key, reason="Connection refused", count=3, **fields):
    """An endpoint that only fails."""
    return Trouble("failing", key, count, reason, **fields)


def test_what_is_true_of_all_names_none():
    """And the words of a system are a part of the sentence, unless they begin with a name."""
    assert sentences(*map(failing, KEYS)) == ["all requests fail: connection refused"]
    assert sentences(*(failing(key, "SSL: wrong version") for key in KEYS)) == ["all requests fail: SSL: wrong version"]
    assert sentences(failing(KEYS[0], ""), labels={KEYS[0]: "GET /0"}) == ["all requests fail"]


def test_endpoints_that_fail_alike_share_a_sentence():
    """A few by name, more by number; another reason is another sentence."""
    assert sentences(failing(KEYS[0]), failing(KEYS[1], "status 503"), failing(KEYS[2])) == [
        "GET /0, GET /2: all requests fail: connection refused",
        "GET /1: all requests fail: status 503",
    ]
    assert sentences(*map(failing, KEYS[:4])) == ["GET /0, GET /1, GET /2 and 1 more: all requests fail: connection refused"]


def test_after_successes_it_says_how_many():
    """Not all requests fail where some succeeded before."""
    parts = [failing(KEYS[0], count=30, ever=True), failing(KEYS[1], count=4, ever=True)]
    assert sentences(*parts) == ["GET /0, GET /1: all of the last 34 requests failed: connection refused"]


def test_silence_has_its_count_and_its_age():
    """Of several endpoints the sum, and the age of the oldest."""
    silent = [Trouble("silent", key, 10, oldest_s=age_s) for key, age_s in zip(KEYS, (9.84, 2.0, 1.0, 1.0, 1.0), strict=True)]
    assert sentences(*silent) == ["no answer: 50 in flight, the oldest for 9.8 s"]
    assert sentences(silent[0]) == ["GET /0: no answer: 10 in flight, the oldest for 9.8 s"]


def heard(*seconds):
    """What begins and what is over in each of these seconds, as sentences and kinds."""
    beginnings, found = Beginnings(), []
    for t, troubles in enumerate(seconds, 1):
        begun, over = beginnings.see(moment(*KEYS, t=float(t), troubles=tuple(troubles)))
        found.append(([one.sentence(LABELS) for one in begun], over))
    return found


def test_a_trouble_is_told_when_it_begins_and_when_it_is_over():
    """Not while it lasts, however its figures change; another endpoint's is one of its own."""
    one, more, other = failing(KEYS[0]), failing(KEYS[0], count=9), failing(KEYS[1])
    assert heard([one], [more], [more, other], [other], []) == [
        (["GET /0: all requests fail: connection refused"], []),
        ([], []),
        (["GET /1: all requests fail: connection refused"], []),
        ([], [("failing", (KEYS[0],))]),
        ([], [("failing", (KEYS[1],))]),
    ]


def test_what_comes_and_goes_does_not_fill_a_log():
    """It is said again only some time after it was said."""
    seconds = [[failing(KEYS[0])] if t % 2 else [] for t in range(int(3 * QUIET_S))]
    begun = [t for t, (sentences, _) in enumerate(heard(*seconds)) if sentences]
    assert begun == [1, 11, 21]
