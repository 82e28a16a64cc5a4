"""The run as a JUnit test suite: what the result pages of CI systems read.

Each threshold is a test case. Four cases of the run itself come first, so that a suite without thresholds says something:
a failure is the target's, an error is ours. The elements are those that Jenkins and GitLab read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

from tressi.report.rows import FLOW_COUNTS, HTTP_2
from tressi.report.table import run_lines, verdict_words
from tressi.run.flow_parts import flows_of
from tressi.run.judgement import exited_early, judge_run, limited_reasons, short_reasons, without_success
from tressi.run.shortfall import verdicts
from tressi.text import plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PROPERTIES = ("tressiVersion", "name", "startedAt", "durationSec", "warmUpSec", "endReason")
_GLOBAL_PROPERTIES = ("requestsMade", "requestsSucceeded", "requestsFailed", "requestsMissed", "rps", "errorRate")
_OUTCOMES = {"failure": "failures", "error": "errors", "skipped": "skipped"}


class _Case(NamedTuple):
    """A test case; `outcome` is the element that says it did not pass, None where it did, `message` why not."""

    group: str
    name: str
    outcome: str | None = None
    message: str = ""
    note: str = ""


def render(summary: Mapping[str, Any]) -> bytes:
    """Write the run as one test suite."""
    cases = [*_run_cases(summary), *map(_threshold_case, summary["thresholds"])]
    counts = {"tests": str(len(cases)), "time": f"{summary['durationSec']:.3f}"}
    counts |= {count: str(sum(case.outcome == name for case in cases)) for name, count in _OUTCOMES.items()}
    # The outermost element knows no skipped ones in any of the schemas.
    root = ET.Element("testsuites", {"name": "tressi", **{name: n for name, n in counts.items() if name != "skipped"}})
    suite = ET.SubElement(root, "testsuite", {"name": "tressi", **counts, "timestamp": _timestamp(summary["startedAt"])})
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(summary):
        ET.SubElement(properties, "property", {"name": plain(name), "value": plain(value)})
    for case in cases:
        _add(suite, case)
    ET.SubElement(suite, "system-out").text = _report(summary)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _run_cases(summary: Mapping[str, Any]) -> Iterator[_Case]:
    """How the run itself went."""
    reason, detail = summary["endReason"], summary["endDetail"]
    if reason in {"error", "interrupted"}:
        yield _Case("run", "ends as planned", "error", f"{reason}: {detail}")
    else:
        early = exited_early(summary)
        yield _Case("run", "ends as planned", "failure" if early else None, early or "")
    useless = without_success(summary)
    yield _Case("run", "requests succeed", "failure" if useless else None, useless or "")
    # No failures: the figures say themselves what they are worth, and the exit code is not changed by them either.
    yield _Case("run", "targets are met", note=_noted("TARGET NOT MET", short_reasons(summary)))
    yield _Case("run", "generator keeps up", note=_noted("GENERATOR LIMITED", limited_reasons(summary)))


def _noted(word: str, reasons: Iterable[str]) -> str:
    return "\n".join(f"{word}: {reason}" for reason in reasons)


def _threshold_case(verdict: Mapping[str, Any]) -> _Case:
    of = "" if verdict["endpointKey"] is None else f"{verdict['endpointKey']}: "
    outcome = {True: None, False: "failure", None: "skipped"}[verdict["passed"]]
    since = "" if verdict["failedAt"] is None else f", first seen broken at {verdict['failedAt']:.1f} s"
    return _Case("thresholds", f"{of}{verdict['threshold']}", outcome, f"{verdict['detail']}{since}")


def _add(suite: ET.Element, case: _Case) -> None:
    # No time of its own: the suite's is the run's, and a case each with it would sum to a run many times as long.
    element = ET.SubElement(suite, "testcase", {"classname": f"tressi.{case.group}", "name": plain(case.name), "time": "0"})
    if case.outcome:
        found = ET.SubElement(element, case.outcome, {"message": plain(case.message)})
        if case.outcome != "skipped":
            found.set("type", case.group)
            found.text = plain_lines(f"{case.name}\n{case.message}")
    if case.note:
        ET.SubElement(element, "system-out").text = plain_lines(case.note)


def _properties(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((name, str(summary[name])) for name in _PROPERTIES if name in summary)
    yield from ((f"label.{key}", value) for key, value in summary.get("labels", {}).items())
    yield from ((name, str(summary["global"][name])) for name in _GLOBAL_PROPERTIES)
    for flow in flows_of(summary):
        key = plain(flow["endpointKey"])
        yield from ((f"{key}.{name}", str(flow[name])) for name in (*FLOW_COUNTS, "startsPerSecond"))
    for endpoint in summary["endpoints"]:
        key = plain(endpoint["endpointKey"])
        yield from ((f"{key}.{name}", str(endpoint[name])) for name in HTTP_2 if name in endpoint)
    shared = summary["generator"].get("sharedArrivalMs", {})
    yield from ((f"sharedArrivalMs.{name}", str(value)) for name, value in shared.items())
    yield "verdict", judge_run(summary).word
    yield "saturated", str(summary["generator"]["saturated"]).lower()


def _report(summary: Mapping[str, Any]) -> str:
    """What the terminal says at the end."""
    said = [f"{key}: {words}" for key, words in verdicts(summary).items()]
    return plain_lines("\n".join([*map(plain, said), *run_lines(summary), verdict_words(summary)]))


def _timestamp(started_at: str) -> str:
    """ISO 8601 without an offset, as the schemas want it: UTC."""
    return datetime.fromisoformat(started_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
