"""A comparison as a JUnit test suite: one case for each primary metric, which fails where the side after is worse."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tressi.compare.table import told, verdict_words
from tressi.compare.words import change, design_words, headline, metric_name
from tressi.text import plain, plain_lines

if TYPE_CHECKING:
    from tressi.compare.result import Comparison, Judged


def render(comparison: Comparison) -> bytes:
    """Write the comparison as one suite; a metric of which nothing can be told is skipped."""
    cases = [one for one in comparison.metrics if one.is_primary]
    outcomes = {id(one): _outcome(one, is_blocked=bool(comparison.blocked)) for one in cases}
    words = list(outcomes.values())
    counts = {"tests": str(len(cases)), "failures": str(words.count("failure")), "errors": "0", "time": "0"}
    root = ET.Element("testsuites", {"name": "tressi compare", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": "tressi compare", **counts, "skipped": str(words.count("skipped"))})
    for one in cases:
        name = f"{one.shown} {metric_name(one.estimate.metric)}"
        case = ET.SubElement(suite, "testcase", {"classname": "tressi.compare", "name": plain(name), "time": "0"})
        said = f"{verdict_words(one, comparison)}: {change(one.estimate)}"
        if outcomes[id(one)]:
            found = ET.SubElement(case, outcomes[id(one)], {"message": plain(said)})
            if outcomes[id(one)] == "failure":
                found.set("type", "slower")
        else:
            ET.SubElement(case, "system-out").text = plain_lines(said)
    lines = [headline(comparison), design_words(comparison), *told(comparison)]
    ET.SubElement(suite, "system-out").text = plain_lines("\n".join(lines))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _outcome(one: Judged, *, is_blocked: bool) -> str:
    if is_blocked or one.verdict in {"cannot-tell", "no-difference-shown"}:
        return "skipped"
    return "failure" if one.verdict in {"slower", "more-failures"} else ""
