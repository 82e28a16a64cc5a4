"""What a schema cannot say: whether the values of a document mean something that can be done.

Every rule looks at a document whose values have the right types, because what breaks the schema has been taken out first;
so all problems of a file are found in one go. A rule yields the place and the message, and knows nothing of the others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tressi.config.jsonpath import PathError, steps_of
from tressi.config.pattern import PatternError, searching
from tressi.config.place import TOKEN, Finding, Place, quoted, shown
from tressi.config.url import AddressError, address, server_name, wire_base

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Document = Mapping[str, Any]

YEAR_S = 31_536_000

# The most that an engine can hold: times become int64 nanoseconds, each worker is greenlets and a socket.
LIMITS = {
    "duration": YEAR_S,
    "rampUpTime": YEAR_S,
    "cooldownPeriod": YEAR_S,
    "timeout": YEAR_S,
    "connectTimeout": YEAR_S,
    "gracefulStop": YEAR_S,
    "rps": 10_000_000,
    "connectionsPerSecond": 10_000_000,
    "targetRps": 10_000_000,
    "workers": 1_000_000,
    "minWorkers": 1_000_000,
    "maxWorkers": 1_000_000,
    "initialWorkers": 1_000_000,
    "concurrentRequests": 1_000_000,
    "scaleDownThreshold": 1_000_000,
    "errorCountThreshold": 2**63 - 1,
    "seed": 2**63 - 1,
}

# The transport writes these from what it knows; a second copy could contradict it and break the framing.
TRANSPORT_HEADERS = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})

CHECKED_HEADERS = 16  # as wire/check.pxd has it

EARLY_EXIT_KEYS = ("errorRateThreshold", "errorCountThreshold", "errorStatusCodes")

NO_HEADER_NAME = "is no header name; RFC 9110 allows letters, digits and !#$%&'*+-.^_`|~"

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def mistakes(document: Document, mask_headers: Iterable[str] = ()) -> list[Finding]:
    """Return what in a well-typed document cannot be done; budgets of rate and workers are not judged here."""
    masked = tuple(mask_headers)
    findings = [*beyond_limits(document), *_base(document), *_headers(document, (), masked), *_output(document)]
    findings += _server_name(document)
    base = document.get("baseUrl")
    usable_base = base if isinstance(base, str) and not list(_base(document)) else None
    for index, request in requests_of(document):
        place: Place = ("requests", index)
        findings += _url(request, place, usable_base, base_is_broken=base is not None and usable_base is None)
        findings += _headers(request, place, masked)
        findings += _content(request, place)
        if "expect" in request:
            findings += _expectation(request, (*place, "expect"), masked)
    return findings


def requests_of(document: Document) -> Iterator[tuple[int, Document]]:
    """Yield the requests that are objects, with their index."""
    for index, request in enumerate(document.get("requests", ())):
        if isinstance(request, dict):
            yield index, request


def beyond_limits(document: Document) -> list[Finding]:
    """Return every rate, time and count of a document that is more than an engine can hold."""
    requests = [finding for index, request in requests_of(document) for finding in _beyond_limits(request, ("requests", index))]
    return [*_beyond_limits(document, ()), *requests]


def _beyond_limits(section: Document, place: Place) -> Iterator[Finding]:
    for name, value in section.items():
        # A name of another section is unknown here, and its value may have any type.
        if name in LIMITS and isinstance(value, (int, float)) and value > LIMITS[name]:
            yield (*place, name), f"{shown(value)} is greater than {LIMITS[name]:,}, the most that can be held"
    if isinstance(section.get("autoscale"), dict):
        yield from _beyond_limits(section["autoscale"], (*place, "autoscale"))


def _base(document: Document) -> Iterator[Finding]:
    """The addresses that every request leans on."""
    for key in ("baseUrl", "proxy"):
        if key in document:
            try:
                wire_base(document[key])
            except AddressError as error:
                yield (key,), str(error)


def _server_name(document: Document) -> Iterator[Finding]:
    name = document.get("tls", {}).get("serverName")
    if name is not None:
        try:
            server_name(name)
        except AddressError as error:
            yield ("tls", "serverName"), str(error)


def _url(request: Document, place: Place, base: str | None, *, base_is_broken: bool) -> Iterator[Finding]:
    if "url" not in request:
        return
    # A broken base has its own message; beside it a relative url is not to blame.
    try:
        address(request["url"], base or ("http://base" if base_is_broken else None))
    except AddressError as error:
        template = "; it looks like a template, and none is filled in" if "{" in request["url"] else ""
        yield (*place, "url"), f"{error}{template}"


def _headers(section: Document, place: Place, mask_headers: tuple[str, ...]) -> Iterator[Finding]:
    for name, value in section.get("headers", {}).items():
        where = (*place, "headers", name)
        if not TOKEN.fullmatch(name):
            yield where, NO_HEADER_NAME
        elif value in (None, []) and name.lower() == "host":
            yield where, f"{shown(value)} would leave it out, and a request without Host is none of HTTP/1.1 (RFC 9112 3.2)"
        lines = enumerate(value) if isinstance(value, list) else [(None, value)] if isinstance(value, str) else []
        for index, line in lines if TOKEN.fullmatch(name) else ():
            # A line of another type has its own message, and left a gap here.
            fault = header_fault(line) if isinstance(line, str) else None
            there = where if index is None else (*where, index)
            if fault:
                yield there, f"{shown(line, there, mask_headers)} has {fault}"


def header_fault(value: str) -> str | None:
    """What a header's value has that none can carry; None where it can be sent."""
    control = _CONTROL.search(value)
    if control:
        return f"the control character U+{ord(control[0]):04X}"
    return "a character beyond Latin-1, which a header cannot carry" if any(one > "\xff" for one in value) else None


def _content(request: Document, place: Place) -> Iterator[Finding]:
    if "payload" in request and "body" in request:
        yield (*place, "body"), "stands beside a payload; a request has one or the other"
    if request.get("method") == "CONNECT":
        yield (*place, "method"), "CONNECT asks a proxy for a tunnel, and is no request to a target; `proxy` sends through one"
    for name in ("bodyContains", "bodyMatches", "json"):
        if request.get("method") == "HEAD" and name in request.get("expect", {}):
            yield (*place, "expect", name), "cannot be met: the response to HEAD has no body"


def _expectation(request: Document, place: Place, mask_headers: tuple[str, ...]) -> Iterator[Finding]:
    expect = request.get("expect", {})
    yield from _headers(expect, place, mask_headers)
    if len(expect.get("headers", ())) > CHECKED_HEADERS:
        yield (*place, "headers"), f"has {len(expect['headers'])} headers, and no more than {CHECKED_HEADERS} can be checked"
    for path in expect.get("json", ()):
        try:
            steps_of(path)
        except PathError as error:
            yield (*place, "json", path), str(error)
    if "bodyMatches" in expect:
        try:
            searching(expect["bodyMatches"])
        except PatternError as error:
            yield (*place, "bodyMatches"), f"{quoted(expect['bodyMatches'])} {error}"


def _output(document: Document) -> Iterator[Finding]:
    if "\0" in document.get("export", ""):
        yield ("export",), f"{quoted(document['export'])} has a NUL, which no path can have"
