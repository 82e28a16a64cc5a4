"""The run as a JUnit suite: what fails it, what is only noted, and the elements that CI systems read."""

from xml.etree import ElementTree as ET

import pytest
from each import each
from summaries import endpoint_snapshot, summary_of, verdict

from tressi.report import junit_xml

pytestmark = pytest.mark.pure

KEY = "GET http://host/a"
GOOD = endpoint_snapshot(KEY)
SHORT = endpoint_snapshot(KEY, succeeded=60)
USELESS = endpoint_snapshot(KEY, succeeded=0, failed=4)
HELD, BROKEN, UNJUDGED = verdict(), verdict(passed=False), verdict(passed=None)

# How the run ended; what was counted; what its four cases come to; which of them has a note.
RUN_CASES = [
    ({}, GOOD, [None, None, None, None]),
    ({"end_reason": "stopped"}, GOOD, [None, None, None, None]),
    ({"end_reason": "early-exit", "end_detail": "why"}, GOOD, ["failure", None, None, None]),
    ({}, USELESS, [None, "failure", None, None]),
    ({"end_reason": "interrupted", "end_detail": "SIGINT"}, GOOD, ["error", None, None, None]),
    ({"end_reason": "error", "end_detail": "engine 7 was lost"}, USELESS, ["error", "failure", None, None]),
    ({}, SHORT, [None, None, None, None]),
    ({"saturated_by": ["2.0 of 2.0 s: at worst …"]}, GOOD, [None, None, None, None]),
    ({"lost": ("engine 7 was lost",)}, GOOD, [None, None, None, None]),
]


def outcomes(suite):
    """The elements that say that a test case did not pass."""
    return [next((child for child in case if child.tag != "system-out"), None) for case in suite.iter("testcase")]


@each(("fields", "snapshot", "tags"), RUN_CASES)
def test_the_run_itself_is_four_test_cases(fields, snapshot, tags):
    """They have the same names whatever happens, so that a CI's history knows them; the message says why."""
    suite = ET.fromstring(junit_xml.render(summary_of(snapshot, **fields))).find("testsuite")
    names = [(case.get("classname"), case.get("name")) for case in suite.iter("testcase")]
    assert names == [
        ("tressi.run", name) for name in ("ends as planned", "requests succeed", "targets are met", "generator keeps up")
    ]
    assert [found if found is None else found.tag for found in outcomes(suite)] == tags
    if "end_detail" in fields:
        assert fields["end_detail"] in outcomes(suite)[0].get("message")
    noted = {case.get("name") for case in suite.iter("testcase") if case.find("system-out") is not None}
    limited = bool(fields.keys() & {"saturated_by", "lost"})
    assert noted == {name for name, holds in (("generator keeps up", limited), ("targets are met", snapshot is SHORT)) if holds}


def test_every_threshold_is_a_test_case():
    """Its name says of what, a failure says why and since when; what could not be judged is skipped."""
    verdicts = [
        verdict("p99 < 2ms"),
        verdict("rps > 3", KEY, passed=False, detail="2.5 of 3", failed_at=12.0),
        verdict("p50 < 1ms", KEY, passed=None, detail="no response"),
    ]
    suite = ET.fromstring(junit_xml.render(summary_of(GOOD, verdicts=verdicts))).find("testsuite")
    cases = list(suite.iter("testcase"))[4:]
    assert {case.get("classname") for case in cases} == {"tressi.thresholds"}
    assert [case.get("name") for case in cases] == ["p99 < 2ms", f"{KEY}: rps > 3", f"{KEY}: p50 < 1ms"]
    held, broken, unjudged = outcomes(suite)[4:]
    assert held is None
    assert (broken.tag, broken.get("message")) == ("failure", "2.5 of 3, first seen broken at 12.0 s")
    assert broken.text == f"{KEY}: rps > 3\n2.5 of 3, first seen broken at 12.0 s"
    assert (unjudged.tag, unjudged.get("message")) == ("skipped", "no response")


# What the schemas that Jenkins and GitLab publish have in common: attributes (required ones first), and children in order.
SCHEMA = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, ["testsuite"]),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        ["properties", "testcase", "system-out"],
    ),
    "properties": (set(), ["property"]),
    "property": ({"name", "value"}, []),
    "testcase": ({"name", "classname", "time"}, ["failure", "error", "skipped", "system-out"]),
    "failure": ({"message", "type"}, []),
    "error": ({"message", "type"}, []),
    "skipped": ({"message"}, []),
    "system-out": (set(), []),
}


@each(("fields", "snapshot"), [row[:2] for row in RUN_CASES])
def test_the_elements_are_those_of_the_schema(fields, snapshot):
    """Names, attributes and order are what the readers of such files agree on, and the counts are of the cases."""
    root = ET.fromstring(junit_xml.render(summary_of(snapshot, verdicts=[HELD, BROKEN, UNJUDGED], **fields)))
    for element in root.iter():
        attributes, children = SCHEMA[element.tag]
        assert element.attrib.keys() == attributes
        places = [children.index(child.tag) for child in element]
        assert places == sorted(places)
    suite = root.find("testsuite")
    assert int(suite.get("tests")) == len(list(suite.iter("testcase"))) == 7
    counted = {name: int(suite.get(name)) for name in ("failures", "errors", "skipped")}
    tags = [found.tag for found in outcomes(suite) if found is not None]
    assert counted == {"failures": tags.count("failure"), "errors": tags.count("error"), "skipped": tags.count("skipped")}
    assert suite.get("timestamp") == "2026-01-01T00:00:00"
