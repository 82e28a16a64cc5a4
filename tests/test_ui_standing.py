"""How a run stands while it lasts: one word, how it may be coloured, and why."""

from dataclasses import replace

import pytest
from summaries import endpoint_snapshot, engine_snapshot, moment

from tressi.model import FlowMoment, ThresholdVerdict, Trouble
from tressi.ui.standing import standing_of

pytestmark = pytest.mark.pure

KEYS = ("GET http://host/a", "GET http://host/b")
LABELS = {KEYS[0]: "a", KEYS[1]: "b"}
CLEAN = {"missed": 0}


def verdict(*, passed=False, settled=False, key=None):
    """A threshold on the p99."""
    return ThresholdVerdict("p99 < 200ms", key, passed, 231.0, 200.0, "231 ms, must be below 200 ms", None, settled=settled)


def stood(*, failed=0, thresholds=(), troubles=(), saturated_by=(), lost=(), paused=False, warm_up=False, **fields):
    """How a run of two endpoints stands of which each has made 100 requests, of which `failed` failed."""
    second = moment(
        *KEYS,
        **{**CLEAN, "requests_made": 200, **fields},
        thresholds=thresholds, troubles=troubles, saturated_by=saturated_by, paused=paused,
    )  # fmt: skip
    snapshots = [endpoint_snapshot(key, succeeded=100 - failed, failed=failed) for key in KEYS]
    return standing_of(replace(second, reading=engine_snapshot(*snapshots, lost=lost), warm_up=warm_up), LABELS)


def test_the_gravest_has_the_word_and_the_rest_follows():
    """Each state alone, from the best to the gravest, and all of them at once."""
    silent = Trouble("silent", KEYS[0], 3, oldest_s=2.0)
    failing = Trouble("failing", KEYS[1], 12, "connection refused")
    cases = [
        ({}, "on target", "good"),
        ({"asked_rps": None}, "running", "good"),
        ({"requests_made": 0, "in_flight": 0}, "starting", "none"),
        ({"requests_made": 0, "in_flight": 3}, "no answer yet", "none"),
        ({"warm_up": True}, "warming up", "none"),
        ({"paused": True}, "paused", "none"),
        ({"lost": ("engine 1 died",)}, "an engine was lost", "warn"),
        ({"saturated_by": ("CPU at 98 %",)}, "generator limited", "warn"),
        ({"failed": 2}, "2 % failed", "bad"),
        ({"missed_now": 3}, "6 starts missed", "warn"),
        ({"thresholds": (verdict(),)}, "1 threshold at risk", "warn"),
        ({"thresholds": (verdict(), verdict(key=KEYS[0]))}, "2 thresholds at risk", "warn"),
        ({"troubles": (silent,)}, "1 endpoint without an answer", "bad"),
        ({"troubles": (failing,)}, "1 endpoint only failing", "bad"),
        ({"thresholds": (verdict(settled=True),)}, "1 threshold broken", "bad"),
    ]
    for fields, word, tone in cases:
        found = stood(**fields)
        assert (found.word, found.tone) == (word, tone), (fields, found)
    everything = {name: value for fields, *_ in cases[6:] for name, value in fields.items()}
    found = stood(**everything, paused=True)
    assert (found.word, found.tone) == ("1 threshold broken", "bad")
    assert "engine 1 died" in found.reasons
    assert "CPU at 98 %" in found.reasons


def test_what_was_missed_or_failed_once_is_never_green_again():
    """A second in which all is well, of a run in which it was not."""
    for fields, reason in [
        ({"missed": 7}, "14 starts missed since the run began"),
        ({"failed": 1}, "2 of 200 requests failed (2 connect)"),
    ]:
        found = stood(**fields)
        assert found.tone != "good", fields
        assert reason in found.reasons
    assert stood(failed=1).word == "on target"


def test_a_missed_start_has_its_cause():
    """What held the pool back in that second, of the endpoint that missed most first."""
    causes = [
        ({"saturated_by": ("CPU",)}, "the generator was limited"),
        ({"troubles": (Trouble("silent", KEYS[0], 3, oldest_s=2.0),)}, "no answer came"),
        ({"max_workers": None}, "all 3 workers of the shared pool were busy"),
        ({"max_workers": 3}, "all 3 workers that it may have were busy"),
        ({"max_workers": 9}, "its 3 workers were busy, and its pool may still grow"),
    ]
    for fields, cause in causes:
        [told] = [reason for reason in stood(missed_now=3, **fields).reasons if reason.startswith("a: 49.0 of 50.0 RPS")]
        assert told == f"a: 49.0 of 50.0 RPS, 3 starts missed in this second: {cause}"


def test_text_of_others_is_harmless_and_long_lists_end():
    """A threshold's text is the config's; of many there are three, and how many more."""
    many = tuple(verdict(key=KEYS[0]) for _ in range(5))
    found = stood(thresholds=many)
    assert found.word == "5 thresholds at risk"
    assert found.reasons[0] == "a: p99 < 200ms: so far 231 ms, must be below 200 ms"
    assert found.reasons[3] == "and 2 more thresholds"
    evil = stood(saturated_by=("\x1b[31mred",))
    assert "\x1b" not in " ".join(evil.reasons)


def test_starts_of_flows_are_missed_as_those_of_endpoints():
    """The steps of a flow have none of their own."""
    second = moment(KEYS[0], **CLEAN, requests_made=200, missed_now=0, flow="flow shop")
    values = {name: getattr(second.endpoints[0], name) for name in second.total.__dataclass_fields__}
    flow = FlowMoment(**{**values, "endpoint_key": "flow shop", "missed_now": 4, "missed": 9, "flow": None}, name="shop")
    reading = engine_snapshot(endpoint_snapshot(KEYS[0]))
    found = standing_of(replace(second, flows=(flow,), reading=reading), {KEYS[0]: "a", "flow shop": "flow shop"})
    assert found.word == "4 starts missed"
    assert found.reasons[-1] == "9 starts missed since the run began"
    assert "flow shop: 49.0 of 50.0 " in found.reasons[0]
