"""What the report says of a run at a glance: its cards, the order of its endpoints, its kinds of failures."""

import pytest
from summaries import FLOW_SECOND, endpoint_snapshot, flow_part, summary_of

from tressi.report.page.cards import SIGNS, cards
from tressi.report.page.excerpts import Excerpt
from tressi.report.page.failed_kinds import failed_kinds
from tressi.report.page.ranking import ranked

pytestmark = pytest.mark.pure

GOOD, BAD = "GET http://host/good", "GET http://host/bad"


def shown(summary):
    """Cards by name: the tone, the figures as they are shown, the notes."""
    found = cards(summary)
    # Whatever has a colour has a sign and a word as well.
    assert all(card.standing[:1] == SIGNS[card.tone] and (card.tone == "none" or card.standing[2:]) for card in found)
    return {card.name: (card.tone, " ".join(figure.shown for figure in card.figures), card.notes) for card in found}


def broken(text):
    """A threshold that is broken."""
    return {"threshold": text, "endpointKey": None, "passed": False, "value": 1, "limit": 2, "detail": "", "failedAt": None}


def test_a_good_run_has_its_figures_of_merit_and_no_other():
    """Rate got of rate asked for in one card, three percentiles with those of the service beside them; no bytes, no counts."""
    assert shown(summary_of(endpoint_snapshot(GOOD))) == {
        "Rate": ("good", "50 of 50", ("as asked for",)),
        "Response time, ms": ("none", "1.6 1.6 1.6", ("service time 1.5 / 1.5 / 1.5 ms",)),
        "Failed": ("good", "0", ("0 % of 100 requests",)),
        "Missed starts": ("good", "0", ("0 % of 100 starts",)),
        "Workers": ("none", "2 2", ("no pool was changed",)),
    }


def test_what_went_wrong_has_its_colour_and_its_cause():
    """Failures with their kinds, missed starts with what limited the endpoint, the rate with what is short of it."""
    found = shown(summary_of())
    assert found["Rate"] == ("warn", "70 of 100", ("70.0 % of what was asked for",))
    assert found["Failed"] == ("bad", "40", ("28.6 % of 140 requests", "40 connect"))
    tone, figure, (share, cause) = found["Missed starts"]
    assert (tone, figure, share) == ("warn", "60", "30 % of 200 starts")
    assert cause.startswith("GET /bad: ")


@pytest.mark.parametrize(("failed", "tone"), [(0, "good"), (1, "warn"), (5, "bad")])
def test_failures_are_never_green(failed, tone):
    """A few are amber, more than a percent is red."""
    summary = summary_of(endpoint_snapshot(GOOD, succeeded=200 - failed, failed=failed, target=100.0))
    assert shown(summary)["Failed"][0] == tone
    assert ranked(summary)[0].failed == (tone if failed else "none")


@pytest.mark.parametrize(
    ("threshold", "name"),
    [
        ("p99 < 1ms", "Response time, ms"),
        ("serviceTime.max < 1ms", "Response time, ms"),
        ("errorRate < 1%", "Failed"),
        ("requestsMissed == 0", "Missed starts"),
        ("rps > 99", "Rate"),
    ],
)
def test_a_broken_threshold_colours_the_card_of_its_figure(threshold, name):
    """And no other; a text that is no threshold colours none."""
    summary = summary_of(endpoint_snapshot(GOOD))
    summary["thresholds"] = [broken(threshold), broken("no threshold at all")]
    assert [card for card, (tone, *_) in shown(summary).items() if tone == "bad"] == [name]


def test_a_run_of_flows_has_starts_and_users_who_were_lost():
    """The requests of its steps have no rate of their own."""
    summary = summary_of(endpoint_snapshot(GOOD), endpoint_snapshot(BAD))
    for endpoint in summary["endpoints"]:
        endpoint |= {"flow": "flow shopper", "abandoned": 0}
    summary["flows"] = [flow_part("shopper", GOOD, BAD)]
    for moment in summary["timeline"]:
        moment["flows"] = {"flow shopper": FLOW_SECOND}
    found = shown(summary)
    assert list(found)[:2] == ["Starts of users", "Duration of a flow, ms"]
    assert found["Starts of users"][:2] == ("good", "2.5 of 2.5")
    assert found["Users lost"] == ("bad", "2", ("40 % of 5 users", "abandoned: 2 at GET /bad"))


def test_bad_endpoints_come_first():
    """Those that failed, those that fell short, those with a few failures; then the rest in the config's order."""
    rows = ranked(
        summary_of(
            endpoint_snapshot("GET http://host/fine"),
            endpoint_snapshot("GET http://host/few", succeeded=299, failed=1, target=150.0),
            endpoint_snapshot("GET http://host/short", succeeded=50, missed=50),
            endpoint_snapshot("GET http://host/down", succeeded=0, failed=100),
            endpoint_snapshot("GET http://host/also-fine"),
        )
    )
    assert [(row.endpoint["endpointKey"].rpartition("/")[2], row.tone) for row in rows] == [
        ("down", "bad"),
        ("short", "warn"),
        ("few", "warn"),
        ("fine", "good"),
        ("also-fine", "good"),
    ]
    assert [row.place for row in rows] == [3, 2, 1, 0, 4]


def test_every_kind_of_failure_says_when_where_and_why():
    """Counted over all endpoints, the most frequent first, each reason and each body under its kind."""
    summary = summary_of(
        endpoint_snapshot("GET http://host/a", succeeded=5, failed=7, errors={"connect": 4}, status_codes={200: 5, 503: 3}),
        endpoint_snapshot("GET http://host/b", succeeded=90, failed=13, errors={"timeout": 10, "connect": 3}),
    )
    reasons = [("connect", "Connection refused", 3), ("tls", "bad certificate", 1)]
    summary["endpoints"][0]["errorReasons"] = [dict(zip(("kind", "reason", "count"), one, strict=True)) for one in reasons]
    first = {**summary["timeline"][0], "t": 0.5, "warmUp": True}
    first["global"] = {**first["global"], "failures": {"timeout": 1}}
    summary["timeline"] = [first, *summary["timeline"]]
    summary["timeline"][1]["global"]["failures"] = {"503": 3, "timeout": 4}
    summary["timeline"][2]["global"]["failures"] = {"timeout": 6}
    bodies = [Excerpt("GET http://host/a", status, "why", truncated=False) for status in (503, 200)]
    found = failed_kinds(summary, bodies)
    assert [(one.what, one.count, one.first_s, one.last_s) for one in found] == [
        ("timeout", 10, 1.0, 2.0),
        ("connect", 7, None, None),
        ("status 503", 3, 1.0, 1.0),
    ]
    assert found[0].share == 10 / 115
    assert found[1].endpoints == (("GET http://host/a", 4), ("GET http://host/b", 3))
    assert [one.reasons for one in found] == [(), (("Connection refused", 3),), ()]
    assert [one.bodies for one in found] == [(), (), (bodies[0],)]


def test_a_summary_of_an_older_version_has_no_times_of_failures():
    """What its seconds lack is not known, which is not the same as never."""
    summary = summary_of()
    for row in summary["timeline"]:
        row["global"].pop("failures", None)
    assert [(one.what, one.first_s, one.last_s) for one in failed_kinds(summary)] == [("connect", None, None)]
