"""What a schema cannot say: whether the values of a document mean something that can be done.

Every rule looks at a document whose values have the right types, because what breaks the schema has been taken out first;
so all problems of a file are found in one go. A rule yields the place and the message, and knows nothing of the others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tressi.config.connections import ENVIRONMENT, connection_mistakes, tls_mistakes
from tressi.config.content import KINDS, content_mistakes
from tressi.config.defaults import defaults
from tressi.config.flow_mistakes import flow_mistakes
from tressi.config.flows import is_templated, sent_of
from tressi.config.identity import identity_mistakes
from tressi.config.jsonpath import PathError, steps_of
from tressi.config.messages import TOKEN, Finding, Place, quoted, shown
from tressi.config.pattern import PatternError, searching
from tressi.config.url import AddressError, address, wire_base
from tressi.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Document = Mapping[str, Any]

YEAR_S = 31_536_000

# The most that an engine can hold: times become int64 nanoseconds, each worker is greenlets and a socket.
LIMITS = {
    "duration": YEAR_S,
    "warmUp": YEAR_S,
    "rampUpTime": YEAR_S,
    "cooldownPeriod": YEAR_S,
    "timeout": YEAR_S,
    "connectTimeout": YEAR_S,
    "gracefulStop": YEAR_S,
    "maxConnectionAge": YEAR_S,
    "idleTimeout": YEAR_S,
    "maxRequestsPerConnection": 2**31 - 1,
    "followRedirects": 1_000,
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
    "maxRequests": 2**62,
}

# The transport writes these from what it knows; a second copy could contradict it and break the framing.
TRANSPORT_HEADERS = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})

CHECKED_HEADERS = 16  # as wire/check.pxd has it

EARLY_EXIT_KEYS = ("errorRateThreshold", "errorCountThreshold", "errorStatusCodes")

NO_HEADER_NAME = "is no header name; RFC 9110 allows letters, digits and !#$%&'*+-.^_`|~"

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def mistakes(document: Document, mask_headers: Iterable[str] = (), folder: str | None = "") -> list[Finding]:
    """Return what in a well-typed document cannot be done; budgets of rate and workers are not judged here.

    `folder` is where the files are that the document names, None where it may name none.
    """
    masked = tuple(mask_headers)
    findings = [*beyond_limits(document), *_base(document), *_headers(document, (), masked), *_output(document)]
    findings += [*connection_mistakes(document), *_warm_up(document), *identity_mistakes(document)]
    base, templated = document.get("baseUrl"), is_templated(document)
    usable_base = base if isinstance(base, str) and not list(_base(document)) else None
    judge = _Addresses(usable_base, base_is_broken=base is not None and usable_base is None, templated=templated)
    for index, request in requests_of(document):
        place: Place = ("requests", index)
        for there, one, whole in _with_variants(request, place):
            findings += judge.mistakes(one, there)
            findings += _headers(one, there, masked)
            if one is request or not one.keys().isdisjoint({*KINDS, "compress"}):
                findings += content_mistakes(whole, there, folder, templated=templated)
        findings += _content(request, place)
        if "expect" in request:
            findings += _expectation(request, (*place, "expect"), masked)
        findings += tls_mistakes(request, place)
    findings += flow_mistakes(document)
    for sent in sent_of(document):
        if isinstance(sent.step.get("expect"), dict):
            findings += _expectation(sent.step, (*sent.place, "expect"), masked)
    return findings


def merged(request: Document, variant: Document) -> dict[str, Any]:
    """A variant with what it leaves out from its request: a body of its own replaces the request's, of whatever kind."""
    own = any(kind in variant for kind in KINDS)
    kept = {name: value for name, value in request.items() if not (own and name in {*KINDS, "compress"})}
    folded = {name.lower() for name in variant.get("headers", {})}
    shared = {name: value for name, value in request.get("headers", {}).items() if name.lower() not in folded}
    headers = {**shared, **variant.get("headers", {})}
    return {**kept, **variant, **({"headers": headers} if headers else {})}


def _with_variants(request: Document, place: Place) -> Iterator[tuple[Place, Document, Document]]:
    """The request, and each of its variants: the place, what stands there, and that with what it leaves out."""
    yield place, request, request
    for number, variant in enumerate(request.get("variants", ())):
        if isinstance(variant, dict):
            yield (*place, "variants", number), variant, merged(request, variant)


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
    for index, stage in enumerate(section["stages"] if isinstance(section.get("stages"), list) else ()):
        if isinstance(stage, dict):
            yield from _beyond_limits(stage, (*place, "stages", index))
    if isinstance(section.get("autoscale"), dict):
        yield from _beyond_limits(section["autoscale"], (*place, "autoscale"))


def _base(document: Document) -> Iterator[Finding]:
    """The addresses that every request leans on."""
    for key in ("baseUrl", "proxy"):
        if key in document and not (key == "proxy" and document[key] == ENVIRONMENT):
            try:
                wire_base(document[key])
            except AddressError as error:
                yield (key,), str(error)


@dataclass(frozen=True, slots=True)
class _Addresses:
    """What the addresses of all requests have in common."""

    base: str | None
    base_is_broken: bool
    templated: bool

    def mistakes(self, request: Document, place: Place) -> Iterator[Finding]:
        if "url" not in request:
            return
        # A broken base has its own message; beside it a relative url is not to blame.
        base = self.base or ("http://base" if self.base_is_broken else None)
        try:
            address(request["url"], base, templated=self.templated)
        except AddressError as error:
            is_template = not self.templated and "{" in request["url"]
            template = "; it looks like a template, and none is filled in" if is_template else ""
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


def _warm_up(document: Document) -> Iterator[Finding]:
    lasts_s = document.get("duration", defaults("TressiConfigSchema")["duration"])
    if 0 < lasts_s <= document.get("warmUp", 0):
        rule = f"leaves nothing to measure: it is part of the run, which lasts {lasts_s:g} s"
        yield ("warmUp",), f"{shown(document['warmUp'])} {rule}"


def _output(document: Document) -> Iterator[Finding]:
    if "\0" in document.get("export", ""):
        yield ("export",), f"{quoted(document['export'])} has a NUL, which no path can have"
