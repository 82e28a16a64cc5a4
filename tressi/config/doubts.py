"""Warnings: settings of a sound document that will not do what its author may expect. The run is done as asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tressi.config.connections import connection_doubts
from tressi.config.content import KINDS
from tressi.config.flows import is_templated
from tressi.config.messages import Place, path_of, quoted, shown
from tressi.config.protocols import protocol_doubts
from tressi.config.rules import EARLY_EXIT_KEYS, TRANSPORT_HEADERS, requests_of
from tressi.config.templates import not_filled_in, unused
from tressi.config.url import address
from tressi.log import mask_url

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    Document = Mapping[str, Any]

# Mustache, Jinja and Postman; shells, JavaScript and k6.
_TEMPLATE: Final = re.compile(r"\{\{|\$\{|\{%")
_TEMPLATES_SHOWN: Final = 3
_EXCERPT: Final = 40
# RFC 9110, sections 9.3.1, 9.3.2 and 9.3.8.
_WITHOUT_CONTENT: Final = ("GET", "HEAD", "TRACE")


def doubts(document: Document, mask_headers: Iterable[str] = (), literal: Collection[str] = ()) -> list[str]:
    """Return a warning for each setting of a sound document that will not do what its author may expect.

    `literal` are texts whose author has said that `${` stands in them for itself.
    """
    warnings = [*_unarmed(document), *_ownerless_keys(document), *_overwritten_headers(document, ())]
    warnings += connection_doubts(document, _urls(document) if "resolve" in document else [])
    if document.get("rampUpTime", 0) > document.get("duration", 0) > 0:
        warnings.append("rampUpTime: is longer than the duration, so the target is never reached")
    for index, request in requests_of(document):
        warnings += _overwritten_headers(request, ("requests", index))
        warnings += _vain_expectation(request, ("requests", index))
        warnings += _vain_content(request, ("requests", index))
        for number, variant in enumerate(request.get("variants", ())):
            place: Place = ("requests", index, "variants", number)
            warnings += _overwritten_headers(variant, place)
            warnings += _vain_content({**variant, **{name: request[name] for name in ("method",) if name in request}}, place)
    warnings += protocol_doubts(document)
    warnings += [f"{path_of(('data', name))}: is used by no request" for name in unused(document)]
    return [*warnings, *_repeated_names(document), *_templates(document, tuple(mask_headers), literal)]


def _unarmed(document: Document) -> Iterator[str]:
    if not document.get("earlyExitOnError"):
        yield from (f"{key}: has no effect without earlyExitOnError: true" for key in EARLY_EXIT_KEYS if key in document)
    elif document.get("errorRateThreshold") == 1:
        yield "errorRateThreshold: 1 is a share and means 100 %, so nothing less ends the run; 1 % is 0.01"


def _ownerless_keys(document: Document) -> Iterator[str]:
    shared = document.get("tls", {})
    if "key" in shared and "cert" not in shared:
        yield "tls.key: has no effect without tls.cert"
    for index, request in requests_of(document):
        if "key" in request.get("tls", {}) and "cert" not in {**shared, **request["tls"]}:
            yield f"requests[{index}].tls.key: has no effect without a cert"


def _urls(document: Document) -> list[str]:
    return [address(request["url"], document.get("baseUrl")).wire for _, request in requests_of(document)]


def _vain_expectation(request: Document, place: Place) -> Iterator[str]:
    if _has_content(request):
        return
    for name in request.get("headers", {}):
        if name.lower() == "expect":
            yield f"{path_of((*place, 'headers', name))}: is left out, the request has no body that could wait"


def _vain_content(request: Document, place: Place) -> Iterator[str]:
    method = request.get("method", "GET")
    if method in _WITHOUT_CONTENT and _has_content(request):
        path = path_of((*place, next(kind for kind in KINDS if kind in request)))
        why = "no method is given, so it is" if "method" not in request else "it is"
        yield f"{path}: {why} sent with {method}, which asks for no content, and many servers refuse it; did you mean POST?"


def _has_content(request: Document) -> bool:
    return bool(request.get("body")) or any(kind in request for kind in KINDS if kind != "body")


def _overwritten_headers(section: Document, place: Place) -> Iterator[str]:
    seen: set[str] = set()
    for name in section.get("headers", {}):
        path = path_of((*place, "headers", name))
        if name.lower() in TRANSPORT_HEADERS:
            remedy = "; keepAlive says whether connections are kept" if name.lower() in {"connection", "keep-alive"} else ""
            yield f"{path}: is left out, the transport writes it by itself{remedy}"
        elif name.lower() in seen:
            yield f"{path}: names a header for the second time, in other letters; the last one counts"
        seen.add(name.lower())


def _repeated_names(document: Document) -> Iterator[str]:
    first: dict[str, int] = {}
    for index, request in requests_of(document):
        name = request.get("name")
        if name in first:
            whose = f"requests[{first[name]}] has this name too"
            yield f"requests[{index}].name: {quoted(mask_url(name))}: {whose}, and a threshold of it is judged for each"
        elif name is not None:
            first[name] = index


def _templates(document: Document, mask_headers: tuple[str, ...], literal: Collection[str]) -> list[str]:
    """The first few values that look like templates, and how many more there are."""
    has_values = is_templated(document)
    left = (
        (place, not_filled_in(place, text) if has_values and "{{" in text else text)
        for place, text in _texts(document)
        if text not in literal
    )
    found = [(place, text) for place, text in left if _TEMPLATE.search(text)]
    warnings = [
        f"{path_of(place)}: {_excerpt(place, text, mask_headers)} looks like a template; none is filled in, it is sent as it is"
        for place, text in found[:_TEMPLATES_SHOWN]
    ]
    more = len(found) - _TEMPLATES_SHOWN
    return [*warnings, f"{more} more value{'s look' if more > 1 else ' looks'} like a template"] if more > 0 else warnings


def _texts(document: Document) -> Iterator[tuple[Place, str]]:
    """Every text that is sent or looked for."""
    yield from _inner(("baseUrl",), document.get("baseUrl"))
    yield from _inner(("proxy",), document.get("proxy"))
    yield from _inner(("headers",), document.get("headers"))
    for index, request in requests_of(document):
        if not _has_brace(request):
            continue  # a config may have 300,000 requests, and their places take longer to write than to read
        for key in ("url", "headers", "payload", "body", "form", "multipart", "variants"):
            if key in request:
                yield from _inner(("requests", index, key), request[key])
        yield from _inner(("requests", index, "expect", "bodyContains"), request.get("expect", {}).get("bodyContains"))


def _has_brace(section: Document) -> bool:
    """Whether a text or a name within may be a template: each form has one; what is within a list or an object is not read."""
    return any(
        "{" in value if isinstance(value, str) else isinstance(value, (dict, list)) and "{" in str(value)[1:]
        for value in section.values()
    )


def _inner(place: Place, value: object) -> Iterator[tuple[Place, str]]:
    # A list instead of recursion: a payload may be as deep as a config may be. In document order.
    waiting: list[tuple[Place, object]] = [(place, value)]
    while waiting:
        there, one = waiting.pop()
        if isinstance(one, str):
            yield there, one
        inner = list(one.items()) if isinstance(one, dict) else list(enumerate(one)) if isinstance(one, list) else []
        yield from ((((*there, key), key) for key, _ in inner if isinstance(key, str)))
        waiting += [((*there, key), item) for key, item in inner][::-1]


def _excerpt(place: Place, text: str, mask_headers: tuple[str, ...]) -> str:
    """The template alone, out of what may be a long text; masked where it may be a secret."""
    masked = shown(text, place, mask_headers)
    start = _TEMPLATE.search(mask_url(text))
    if start is None or not masked.startswith('"'):
        return masked
    part = mask_url(text)[start.start() :]
    end = part.find("}")
    while end >= 0 and part[end + 1 : end + 2] == "}":
        end += 1
    return quoted(part[: end + 1] if 0 <= end < _EXCERPT else part[:_EXCERPT])
