"""From an entry of `requests` to a `ResolvedEndpoint`: address, headers, body, expectation and identity."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tressi.config.connections import request_tls
from tressi.config.content import Content, content_of
from tressi.config.defaults import defaults
from tressi.config.flows import extracts_of, in_flows, is_in_flow, resolved_flows, sent_of
from tressi.config.grpc import FIELDS, body_of, call_of, timeout_field, with_shared
from tressi.config.jsonpath import steps_of
from tressi.config.protocols import resolved_protocol
from tressi.config.rules import TRANSPORT_HEADERS, merged
from tressi.config.url import Address, address
from tressi.frozen import dataclass
from tressi.masking import is_secret_parameter
from tressi.model import AutoscaleConfig, Expectation, JsonCondition, ResolvedEndpoint, ResolvedVariant
from tressi.model.flow import steps_of as steps_of_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tressi.config.resolve import Settings
    from tressi.model import GrpcCall
    from tressi.model.flow import Flow

INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Around:
    """What a request needs to know beside the document.

    `folder` is where its files are, `is_secret` says which parameters of URLs are secret, and `hide` masks values that are,
    where there are any. `templated` says whether placeholders are replaced.
    """

    folder: str | None = ""
    is_secret: Callable[[str], bool] = is_secret_parameter
    hide: Callable[[str], str] | None = None
    templated: bool = False


def resolved_endpoints(
    document: Mapping[str, Any], settings: Sequence[Settings | None], around: Around
) -> tuple[tuple[ResolvedEndpoint, ...], tuple[Flow, ...]]:
    """Resolve every request and every flow of a sound document, the endpoints of the flows' steps behind all others.

    `settings` has one complete entry for each request, None for the shared pool. Raises DataError where a file of a body can
    no longer be read.
    """
    seen: Counter[str] = Counter()
    names = in_flows(document)
    free = tuple(
        _resolved(document, request, one, seen, around)
        for request, one in zip(document["requests"], settings, strict=True)
        if not is_in_flow(request, names)
    )
    if not names:
        return free, ()
    named = {request.get("name"): request for request in document["requests"]}
    steps = [
        replace(
            _resolved(document, _with_expectation(named[sent.step["request"]], sent.step), None, seen, around),
            extracts=extracts_of(sent.step),
        )
        for sent in sent_of(document)
    ]
    flows = resolved_flows(document, [step.endpoint_key for step in steps], seen)
    flow_of = {key: flow.endpoint_key for flow in flows for key in steps_of_flow(flow)}
    return (*free, *(replace(step, flow=flow_of[step.endpoint_key]) for step in steps)), flows


def _with_expectation(request: Mapping[str, Any], step: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request with what its response must be in this step."""
    return {**request, "expect": {**request.get("expect", {}), **step["expect"]}} if "expect" in step else request


def _resolved(
    document: Mapping[str, Any],
    request: Mapping[str, Any],
    settings: Settings | None,
    seen: Counter[str],
    around: Around,
) -> ResolvedEndpoint:
    request = with_shared(document, request)
    call = call_of(request, around.folder)
    where = _address(document, request, around, call)
    content = _content(document, request, call, around)
    method = request.get("method", "POST" if call else defaults("RequestConfigSchema")["method"])
    key = f"{method} {where.masked}"
    seen[key] += 1
    headers, left_out = _headers(document, request, content)
    return ResolvedEndpoint(
        endpoint_key=key if seen[key] == 1 else f"{key} #{seen[key]}",
        method=method,
        url=where.wire,
        masked_url=where.masked,
        headers=headers,
        left_out=left_out,
        body=content.body,
        timeout_s=_timeout_s(document, request),
        connect_timeout_s=request.get("connectTimeout", document.get("connectTimeout")),
        expect=_expectation(request),
        autoscale=_autoscale(settings),
        name=request.get("name"),
        template=content.template,
        variants=tuple(_variant(document, request, variant, call, around) for variant in request.get("variants", ())),
        tls=request_tls(document, request),
        max_requests=request.get("maxRequests"),
        grpc=call,
        protocol=resolved_protocol(document, request, where.wire),
    )


def _timeout_s(document: Mapping[str, Any], request: Mapping[str, Any]) -> float:
    return float(request.get("timeout", document.get("timeout", defaults("TressiConfigSchema")["timeout"])))


def _content(document: Mapping[str, Any], request: Mapping[str, Any], call: GrpcCall | None, around: Around) -> Content:
    """The body of a request or of a variant with all that it leaves out, and the fields that go with it."""
    if call is None:
        return content_of(request, around.folder, templated=around.templated)
    payload = request.get("payload", {})
    body = body_of(call, payload, templated=around.templated)
    fields = (*FIELDS, timeout_field(_timeout_s(document, request)))
    if isinstance(body, bytes):
        return Content(body, (), fields)
    return Content(json.dumps(payload, ensure_ascii=False).encode(), (body,), fields)


def _variant(
    document: Mapping[str, Any],
    request: Mapping[str, Any],
    variant: Mapping[str, Any],
    call: GrpcCall | None,
    around: Around,
) -> ResolvedVariant:
    whole = merged(request, variant)
    where = _address(document, whole, around, call)
    content = _content(document, whole, call, around)
    headers, left_out = _headers(document, whole, content)
    return ResolvedVariant(
        url=where.wire,
        masked_url=where.masked,
        headers=headers,
        left_out=left_out,
        body=content.body,
        template=content.template,
        weight=float(variant.get("weight", 1)),
    )


def _address(document: Mapping[str, Any], request: Mapping[str, Any], around: Around, call: GrpcCall | None) -> Address:
    url = request["url"] if call is None else f"{request['url'].removesuffix('/')}/{call.method}"
    where = address(url, document.get("baseUrl"), templated=around.templated, is_secret=around.is_secret)
    if around.hide is None or "?" not in where.masked:
        return where
    path, mark, query = where.masked.partition("?")
    return Address(where.wire, f"{path}{mark}{around.hide(query)}")


def _headers(
    document: Mapping[str, Any], request: Mapping[str, Any], content: Content
) -> tuple[tuple[tuple[str, str], ...], frozenset[str]]:
    """The headers of a request, each line apart, and in small letters the names of those that are left out (null).

    Header names are case-insensitive, and a request's own value replaces the one for all requests. So do the credentials of
    its own URL, of which the transport makes an Authorization where there is none.
    """
    chosen: dict[str, list[tuple[str, str]]] = {name.lower(): [(name, value)] for name, value in content.fields}
    replaced = {"authorization"} if "@" in request["url"] and "@" in urlsplit(request["url"]).netloc else set()
    shared = [pair for pair in document.get("headers", {}).items() if pair[0].lower() not in replaced]
    for name, value in [*shared, *request.get("headers", {}).items()]:
        lines = value if isinstance(value, list) else [] if value is None else [value]
        chosen[name.lower()] = [(name, line.strip(" \t")) for line in lines]
    if "multipart" in request or "grpc" in request:  # a Content-Type for all requests knows neither boundary nor protobuf
        chosen |= {name.lower(): [(name, value)] for name, value in content.fields}
    sent = {folded: lines for folded, lines in chosen.items() if folded not in TRANSPORT_HEADERS}
    return tuple(line for lines in sent.values() for line in lines), frozenset(name for name in sent if not sent[name])


def _expectation(request: Mapping[str, Any]) -> Expectation | None:
    expect = request.get("expect")
    if not expect:
        return None
    text, conditions, most = expect.get("bodyContains"), expect.get("json"), expect.get("maxBodyBytes")
    headers = {name.lower(): value for name, value in expect.get("headers", {}).items()}
    return Expectation(
        status=_statuses(expect.get("status")),
        body_contains=None if text is None else text.encode(),
        headers=tuple((name, _values(value)) for name, value in headers.items()),
        json=None if conditions is None else tuple(_condition(path, value) for path, value in conditions.items()),
        body_matches=expect.get("bodyMatches"),
        max_body_bytes=None if most is None else min(most, INT64_MAX),
    )


def _condition(path: str, value: object) -> JsonCondition:
    return JsonCondition(path, steps_of(path), json.dumps(value, ensure_ascii=False))


def _statuses(given: int | str | list[int | str] | None) -> tuple[int, ...] | None:
    """Statuses, of which a class such as `2xx` is all that begin so."""
    if given is None:
        return None
    listed = given if isinstance(given, list) else [given]
    classes = [range(100 * int(one[0]), 100 * int(one[0]) + 100) if isinstance(one, str) else (one,) for one in listed]
    return tuple(dict.fromkeys(status for statuses in classes for status in statuses))


def _values(given: str | list[str]) -> tuple[str, ...]:
    return tuple(value.strip(" \t") for value in (given if isinstance(given, list) else [given]))


def _autoscale(settings: Settings | None) -> AutoscaleConfig | None:
    if not settings:
        return None
    return AutoscaleConfig(
        target_rps=float(settings["targetRps"]),
        min_workers=settings["minWorkers"],
        max_workers=settings["maxWorkers"],
        ramp_up_time=0.0 if settings["stages"] else float(settings["rampUpTime"]),
        stages=settings["stages"],
        scale_up_threshold=float(settings["scaleUpThreshold"]),
        scale_down_threshold=float(settings["scaleDownThreshold"]),
        scale_up_factor=float(settings["scaleUpFactor"]),
        scale_down_factor=float(settings["scaleDownFactor"]),
        cooldown_period=float(settings["cooldownPeriod"]),
        weight=float(settings["weight"]),
        priority=settings["priority"],
        initial_workers=settings.get("initialWorkers"),
    )
